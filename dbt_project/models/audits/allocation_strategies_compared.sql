-- what each strategy of allocation would make of the same eligible pairs and budgets
with totals as (

    select
        allocated.strategy,
        count(*) as offers,
        count(distinct allocated.user_id) as users,
        sum({{ exact('eligible.redemption_score') }}) as expected_redemptions,
        sum(eligible.cost) as reserved_budget,
        sum({{ exact('eligible.expected_margin') }}) as expected_margin
    from ({{ allocated('true') }}) as allocated
    inner join {{ ref('eligible_promotions') }} as eligible
        on allocated.user_id = eligible.user_id and allocated.promotion_id = eligible.promotion_id
    group by allocated.strategy

),

judged as (

    select
        strategies.strategy,
        strategies.is_in_use,
        coalesce(totals.offers, 0) as offers,
        coalesce(totals.users, 0) as users,
        coalesce(totals.expected_redemptions, 0) as expected_redemptions,
        coalesce(totals.reserved_budget, 0) as reserved_budget,
        coalesce(totals.expected_margin, 0) as expected_margin,
        cast(totals.expected_margin as double) / nullif(cast(max(totals.expected_margin) over () as double), 0) as share_of_best,
        -- nobody at all is told
        coalesce(totals.users, 0) = 0 or totals.users >= {{ policy_value('min_audience_size') }} as is_shown
    from {{ ref('allocation_strategies') }} as strategies
    left join totals on strategies.strategy = totals.strategy

),

final as (

    select
        strategy,
        is_in_use,
        cast(case when is_shown then offers end as integer) as offers,
        cast(case when is_shown then users end as integer) as users,
        cast(case when is_shown then expected_redemptions end as double) as expected_redemptions,
        cast(case when is_shown then reserved_budget end as decimal(18, 2)) as reserved_budget,
        cast(case when is_shown then expected_margin end as double) as expected_margin,
        case when is_shown then share_of_best end as share_of_best
    from judged

)

select * from final
