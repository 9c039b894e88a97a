-- how each group of people fares beside the reference group, decision by decision, with intervals and a verdict
{# beside nobody the half case stands in #}
{% set ratio -%}
case
            when groups.value = best.value then 1
            else groups.value / nullif(case when best.value = 0 then best.central_value else best.value end, 0)
        end
{%- endset %}
with thresholds as (

    select
        *,
        {{ normal_quantile('confidence') }} as standard_errors
    from {{ ref('fairness_thresholds') }}

),

sums as (

    select * from {{ ref('fairness_sums') }}
    union all
    select * from {{ ref('score_fairness_sums') }}

),

rated as (

    select
        sums.as_of_date,
        sums.decision,
        sums.measure,
        sums.attribute,
        sums.group_name,
        sums.users,
        thresholds.estimate,
        thresholds.comparison,
        thresholds.least,
        thresholds.most,
        thresholds.reference,
        thresholds.min_group_size,
        thresholds.standard_errors,
        sums.numerator / sums.denominator as value,
        -- where nobody or everybody is counted no spread is seen: half a case more on each side stands in (Walter, 1975)
        thresholds.estimate = 'rate' and (sums.numerator = 0 or sums.numerator = sums.denominator) as is_at_edge,
        (sums.numerator + 0.5) / (sums.denominator + 1) as value_within,
        -- a ratio of sums over users, linearised (Cochran, Sampling Techniques, 1977, 6.4): users are independent, their rows not
        greatest(
            sums.squared_numerator
            - 2 * sums.numerator / sums.denominator * sums.product
            + power(sums.numerator / sums.denominator, 2) * sums.squared_denominator,
            0
        ) * sums.users / nullif(sums.users - 1, 0) / power(sums.denominator, 2) as sampled_variance
    from sums
    inner join thresholds on sums.measure = thresholds.measure and thresholds.attribute in ('*', sums.attribute)
    -- the attribute's own row, if it has one
    qualify
        row_number() over (
            partition by sums.as_of_date, sums.decision, sums.measure, sums.attribute, sums.group_name
            order by case when thresholds.attribute = '*' then 1 else 0 end
        ) between 1 and 1

),

estimated as (

    select
        *,
        case when is_at_edge then value_within * (1 - value_within) / users else sampled_variance end as variance,
        case when is_at_edge then value_within else value end as central_value,
        row_number() over (
            partition by as_of_date, decision, measure, attribute
            order by
                case when group_name = 'unknown' or coalesce(users, 0) < min_group_size then 1 else 0 end,
                coalesce(case when reference = 'best' then value else users end, 0) desc,
                group_name
        ) as place
    from rated

),

compared as (

    select
        groups.*,
        groups.comparison <> 'level' and groups.place = 1 as is_reference,
        case when groups.comparison <> 'level' then best.group_name end as reference_group,
        case when groups.comparison <> 'level' then best.users end as reference_users,
        case when groups.comparison <> 'level' then best.value end as reference_value,
        {{ ratio }} as ratio,
        case groups.comparison
            when 'ratio' then {{ ratio }}
            when 'difference' then groups.value - best.value
            else groups.value
        end as compared_value,
        case groups.comparison
            -- Katz, Baptista, Azen and Pike (1978): the logarithm of a ratio is nearly normal
            when 'ratio'
                then sqrt(
                    groups.variance / nullif(power(groups.central_value, 2), 0)
                    + best.variance / nullif(power(best.central_value, 2), 0)
                )
            when 'difference' then sqrt(groups.variance + best.variance)
            else sqrt(groups.variance)
        end * groups.standard_errors as margin,
        case groups.comparison
            when 'ratio' then groups.central_value / nullif(best.central_value, 0)
            when 'difference' then groups.central_value - best.central_value
            else groups.central_value
        end as centre
    from estimated as groups
    inner join estimated as best
        on
            groups.as_of_date = best.as_of_date
            and groups.decision = best.decision
            and groups.measure = best.measure
            and groups.attribute = best.attribute
            and best.place = 1

),

bounded as (

    select
        *,
        least(compared_value, case comparison when 'ratio' then centre * exp(-margin) else centre - margin end) as compared_low,
        greatest(compared_value, case comparison when 'ratio' then centre * exp(margin) else centre + margin end) as compared_high
    from compared

),

judged as (

    select
        *,
        case
            when group_name = 'unknown' then 'not judged'
            when least is null then 'by policy'
            when coalesce(users, 0) < min_group_size then 'too few'
            when comparison <> 'level' and coalesce(reference_users, 0) < min_group_size then 'too few'
            when is_reference then 'reference'
            when compared_value is null or margin is null then 'not comparable'
            when compared_high < least or compared_low > most then 'violated'
            when compared_value < least or compared_value > most then 'suspected'
            else 'fair'
        end as verdict
    from bounded

),

final as (

    select
        as_of_date,
        decision,
        measure,
        attribute,
        group_name,
        users,
        cast(value as double) as value,
        reference_group,
        reference_users,
        cast(reference_value as double) as reference_value,
        comparison,
        cast(case when not is_reference then compared_value end as double) as compared_value,
        cast(case when not is_reference then compared_low end as double) as compared_low,
        cast(case when not is_reference then compared_high end as double) as compared_high,
        least,
        most,
        min_group_size,
        case
            when comparison = 'ratio' and not is_reference and group_name <> 'unknown'
                then least(ratio, 1 / nullif(ratio, 0)) < 0.8
        end as is_below_four_fifths,
        verdict
    from judged

)

select * from final
order by as_of_date, decision, measure, attribute, group_name
