-- what each strategy of allocation would make of the same eligible pairs and budgets
with totals as (

    select
        allocated.strategy,
        count(*) as offers,
        count(distinct allocated.user_id) as users,
        sum(cast(eligible.redemption_score as decimal(38, 12))) as expected_redemptions,
        sum(eligible.cost) as reserved_budget,
        sum(cast(eligible.expected_margin as decimal(38, 12))) as expected_margin
    from ({{ allocated('true') }}) as allocated
    inner join {{ ref('eligible_promotions') }} as eligible
        on allocated.user_id = eligible.user_id and allocated.promotion_id = eligible.promotion_id
    group by allocated.strategy

),

final as (

    select
        strategies.strategy,
        strategies.is_in_use,
        cast(coalesce(totals.offers, 0) as integer) as offers,
        cast(coalesce(totals.users, 0) as integer) as users,
        cast(coalesce(totals.expected_redemptions, 0) as double) as expected_redemptions,
        cast(coalesce(totals.reserved_budget, 0) as decimal(18, 2)) as reserved_budget,
        cast(coalesce(totals.expected_margin, 0) as double) as expected_margin,
        cast(totals.expected_margin as double) / nullif(cast(max(totals.expected_margin) over () as double), 0) as share_of_best
    from {{ ref('allocation_strategies') }} as strategies
    left join totals on strategies.strategy = totals.strategy

)

select * from final
