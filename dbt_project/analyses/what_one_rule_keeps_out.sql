-- Which single rule keeps most expected margin out: of pairs that fail this rule and no other, how many are there?
-- A rule that refuses many users may matter little when others would refuse them anyway.
with refused as (

    select
        reject_reasons[1] as code,
        promotion_id,
        user_id,
        expected_margin,
        cost
    from {{ ref('coupon_eligibility') }}
    where len(reject_reasons) = 1

),

final as (

    select
        refused.code,
        codes.sentence as rule,
        count(distinct refused.promotion_id) as promotions,
        count(distinct refused.user_id) as users,
        count(*) as pairs,
        -- before limits and budgets, which would let fewer through
        round(sum(greatest(refused.expected_margin, 0)), 2) as expected_margin,
        round(avg(refused.cost), 2) as mean_cost
    from refused
    left join {{ ref('reject_codes') }} as codes on refused.code = codes.code
    group by refused.code, codes.sentence

)

select * from final
order by expected_margin desc nulls last, code
