-- how far today's inputs and scores of a serving model lie from those it was trained on
with bins as (

    select * from {{ ref('model_profiles') }}

),

inputs as (

    select
        model_name,
        model_version,
        input,
        position,
        max(rows_then) as rows_then,
        max(case when bin = 0 then expected_share end) as missing_then,
        count(*) as bin_count
    from bins
    group by model_name, model_version, input, position

),

vectors as (

    {% for scored in scored_inputs() | selectattr('inputs') -%}
    select
        '{{ scored.model }}' as model_name,
        {{ scored.vector }} as vector
    from {{ ref(scored.inputs) }}
    where {{ in_hash_sample(ref(scored.inputs), scored['keys'], drift_sample_rows()) }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

today as (

    select
        inputs.model_name,
        inputs.input,
        cast({{ element_of('vectors.vector', 'inputs.position') }} as double) as value
    from vectors
    inner join inputs on vectors.model_name = inputs.model_name and inputs.position is not null

    {% for scored in scored_inputs() | selectattr('scores') -%}
    union all
    select
        inputs.model_name,
        inputs.input,
        cast(scores.{{ scored.score }} as double) as value
    from {{ ref(scored.scores) }} as scores
    inner join inputs
        on
            inputs.model_name = '{{ scored.model }}'
            and scores.model_version = inputs.model_version
            and inputs.position is null
    where {{ in_hash_sample(ref(scored.scores), scored.score_keys, drift_sample_rows()) }}
    {% endfor %}

),

measured as (

    select
        model_name,
        input,
        -- NaN and infinity are no measurements, and both engines hold them greater than any number
        case when abs(value) < 1e300 then value end as value
    from today

),

totals as (

    select
        model_name,
        input,
        count(*) as rows_now,
        count(*) - count(value) as missing_rows
    from measured
    group by model_name, input

),

counted as (

    select
        bins.model_name,
        bins.input,
        bins.bin,
        count(*) as row_count
    from measured
    inner join bins
        on
            measured.model_name = bins.model_name
            and measured.input = bins.input
            and bins.bin > 0
            and (bins.lower_edge is null or measured.value > bins.lower_edge)
            and (bins.upper_edge is null or measured.value <= bins.upper_edge)
    where measured.value is not null
    group by bins.model_name, bins.input, bins.bin

),

shares as (

    select
        bins.model_name,
        bins.input,
        greatest(bins.expected_share, 0.0001) as share_then,
        greatest(
            cast(case when bins.bin = 0 then totals.missing_rows else coalesce(counted.row_count, 0) end as double)
            / totals.rows_now,
            0.0001
        ) as share_now
    from bins
    inner join totals on bins.model_name = totals.model_name and bins.input = totals.input
    left join counted
        on bins.model_name = counted.model_name and bins.input = counted.input and bins.bin = counted.bin

),

compared as (

    select
        model_name,
        input,
        {{ exact_sum('(share_now - share_then) * ln(share_now / share_then)') }} as psi
    from shares
    group by model_name, input

),

judged as (

    select
        inputs.model_name,
        inputs.model_version,
        inputs.input,
        compared.psi,
        -- what samples of these sizes may differ by with nothing changed: mean and three standard deviations of χ²
        (1 / cast(inputs.rows_then as double) + 1 / cast(totals.rows_now as double))
        * (inputs.bin_count - 1 + 3 * sqrt(2 * (inputs.bin_count - 1))) as psi_by_chance,
        {{ policy_value('drift_threshold') }} as threshold,
        inputs.rows_then,
        totals.rows_now,
        inputs.missing_then,
        cast(totals.missing_rows as double) / totals.rows_now as missing_now
    from inputs
    inner join totals on inputs.model_name = totals.model_name and inputs.input = totals.input
    inner join compared on inputs.model_name = compared.model_name and inputs.input = compared.input

),

final as (

    select
        model_name,
        model_version,
        input,
        psi,
        psi_by_chance,
        threshold,
        psi > threshold and psi > psi_by_chance as is_drifting,
        rows_then,
        rows_now,
        missing_then,
        missing_now
    from judged

)

select * from final
