-- Which promotions are expected to bring less than no promotion would? Where the effect of a promotion on its product is scored,
-- incremental margin is expected margin less what the user would have brought anyway.
with offered as (

    select
        offers.promotion_id,
        offers.promotion_name,
        offers.kind,
        offers.user_id,
        offers.reserved_budget,
        offers.expected_margin,
        eligibility.incremental_margin
    from {{ ref('offers') }} as offers
    inner join {{ ref('coupon_eligibility') }} as eligibility
        on
            offers.as_of_date = eligibility.as_of_date
            and offers.user_id = eligibility.user_id
            and offers.promotion_id = eligibility.promotion_id

),

final as (

    select
        promotion_id,
        promotion_name,
        kind,
        count(*) as offers,
        sum(reserved_budget) as reserved_budget,
        round(sum(expected_margin), 2) as expected_margin,
        round(count(incremental_margin) / count(*), 4) as measured_share,
        round(sum(incremental_margin), 2) as incremental_margin_where_measured,
        count(*) filter (where incremental_margin < 0) as offers_below_zero
    from offered
    group by promotion_id, promotion_name, kind

)

select * from final
order by incremental_margin_where_measured asc nulls last, promotion_id
