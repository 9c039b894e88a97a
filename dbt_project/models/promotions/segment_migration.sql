-- how many users went from one segment to another between each two consecutive days on record
{% set dimensions = {'life_cycle': 'life_cycle', 'value_tier': 'value_tier', 'intent': 'intent', 'cluster': 'cluster_name'} %}
with history as (

    select
        as_of_date,
        user_id,
        life_cycle,
        value_tier,
        intent,
        coalesce(cluster_name, 'no_cluster') as cluster_name
    from {{ ref('segment_history') }}

),

days as (

    select distinct as_of_date
    from history

),

spans as (

    select
        lag(as_of_date) over (order by as_of_date) as from_as_of_date,
        as_of_date as to_as_of_date
    from days

),

began as (

    select
        spans.from_as_of_date,
        spans.to_as_of_date,
        history.*
    from spans
    inner join history on spans.from_as_of_date = history.as_of_date

),

ended as (

    select
        spans.from_as_of_date,
        spans.to_as_of_date,
        history.*
    from spans
    inner join history on spans.to_as_of_date = history.as_of_date
    where spans.from_as_of_date is not null

),

-- who is on one of the two days alone comes from, or goes to, nowhere
paired as (

    select
        {% for column in dimensions.values() -%}
        coalesce(began.{{ column }}, 'absent') as from_{{ column }},
        coalesce(ended.{{ column }}, 'absent') as to_{{ column }},
        {% endfor -%}
        coalesce(began.from_as_of_date, ended.from_as_of_date) as from_as_of_date,
        coalesce(began.to_as_of_date, ended.to_as_of_date) as to_as_of_date
    from began
    full outer join ended
        on
            began.from_as_of_date = ended.from_as_of_date
            and began.to_as_of_date = ended.to_as_of_date
            and began.user_id = ended.user_id

),

moves as (

    {% for dimension, column in dimensions.items() -%}
    select
        from_as_of_date,
        to_as_of_date,
        '{{ dimension }}' as dimension,
        from_{{ column }} as from_segment,
        to_{{ column }} as to_segment,
        count(*) as users
    from paired
    group by from_as_of_date, to_as_of_date, from_{{ column }}, to_{{ column }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

shared as (

    select
        *,
        users / cast(
            sum(users) over (partition by from_as_of_date, to_as_of_date, dimension, from_segment) as double
        ) as share,
        users >= {{ policy_value('min_audience_size') }} as is_shown
    from moves

),

-- a number of so few people that it could tell of one of them is not shown
final as (

    select
        from_as_of_date,
        to_as_of_date,
        dimension,
        from_segment,
        to_segment,
        cast(case when is_shown then users end as integer) as users,
        cast(case when is_shown then share end as double) as share
    from shared

)

select * from final
