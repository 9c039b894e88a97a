-- every user × promotion under consideration is judged: as many rows as there are pairs
with counts as (

    select
        (select count(*) from {{ ref('coupon_eligibility') }}) as pairs_judged,
        (select count(*) from {{ ref('stg_users') }}) * (select count(*) from {{ ref('promotion_terms') }}) as pairs

)

select *
from counts
where pairs_judged <> pairs
