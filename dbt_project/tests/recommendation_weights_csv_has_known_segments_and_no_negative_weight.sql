-- what is wrong with seeds/recommendation_weights.csv, row by row
with weights as (

    select
        weights.*,
        concat_ws('', 'seeds/recommendation_weights.csv, row ', weights.dimension, ',', weights.segment, ': ') as place
    from {{ ref('recommendation_weights') }} as weights

),

segments as (

    select distinct
        dimension,
        segment
    from {{ ref('segment_rules') }}

),

final as (

    select concat_ws('', weights.place, 'no such segment in segment_rules.csv') as fault
    from weights
    left join segments on weights.dimension = segments.dimension and weights.segment = segments.segment
    where
        segments.segment is null
        and weights.dimension <> 'cluster'

    union all

    select concat_ws('', place, 'a weight is negative') as fault
    from weights
    where least(margin_weight, related_weight, diversity_weight) < 0

)

select * from final
