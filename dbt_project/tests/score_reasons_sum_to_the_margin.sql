-- contributions and base value of a score that don't sum to its margin: such reasons are another input's, or another model's
{{ config(meta={'by_user': true}) }}
with sums as (

    select
        score_name,
        user_id,
        item_id,
        max(score) as score,
        max(scale) as scale,
        sum(cast(contribution as double)) + max(base_value) as margin
    from {{ ref('score_reasons') }}
    group by score_name, user_id, item_id

)

select *
from sums
where
    case
        when scale = 'difference' then abs(margin - score) > 0.0001
        else
            abs(
                margin - ln(greatest(cast(score as double), 0.000001) / greatest(1 - cast(score as double), 0.000001))
            ) > 0.0001
    end
