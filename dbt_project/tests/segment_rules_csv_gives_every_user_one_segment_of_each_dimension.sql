-- what is wrong with seeds/segment_rules.csv, row by row
{% set dimensions = ['life_cycle', 'value_tier', 'intent'] %}
with rules as (

    select
        rules.*,
        concat_ws(
            '', 'seeds/segment_rules.csv, row ', coalesce(rules.dimension, '?'), ',', coalesce(rules.segment, '?'), ': '
        ) as place
    from {{ ref('segment_rules') }} as rules

),

dimensions as (

    {% for dimension in dimensions -%}
    select '{{ dimension }}' as dimension
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

catching_all as (

    select dimension
    from rules
    where
        coalesce(recency_min, recency_max, first_purchase_max, value_percentile_min, intent_min) is null
        and segment is not null
        and priority is not null

),

final as (

    select
        concat_ws('', place, 'dimension must be {{ dimensions | join(" or ") }}') as fault
    from rules
    where coalesce(dimension, '') not in ('{{ dimensions | join("', '") }}')

    union all

    select concat_ws('', place, 'segment and priority must be filled in') as fault
    from rules
    where
        segment is null
        or priority is null

    union all

    select concat_ws('', place, 'recency_min is greater than recency_max, so nobody is in it') as fault
    from rules
    where recency_min > recency_max

    union all

    select concat_ws('', place, 'a percentile or probability lies outside 0 to 1') as fault
    from rules
    where
        not coalesce(value_percentile_min between 0 and 1, true)
        or not coalesce(intent_min between 0 and 1, true)

    union all

    select
        concat_ws(
            '', 'seeds/segment_rules.csv, dimension ', dimension, ': rows ', min(segment), ' and ', max(segment),
            ' have one priority, ', cast(priority as string)
        ) as fault
    from rules
    where priority is not null
    group by dimension, priority
    having count(*) > 1

    union all

    select concat_ws('', 'seeds/segment_rules.csv, dimension ', dimension, ': two rows are called ', segment) as fault
    from rules
    where segment is not null
    group by dimension, segment
    having count(*) > 1

    union all

    select
        concat_ws(
            '', 'seeds/segment_rules.csv, dimension ', dimensions.dimension,
            ': no row without bounds, so some users would be in none of its segments'
        ) as fault
    from dimensions
    left join catching_all on dimensions.dimension = catching_all.dimension
    where catching_all.dimension is null

)

select * from final
