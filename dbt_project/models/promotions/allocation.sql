-- which eligible promotions become offers: the best for each user, within every budget
{{ config(materialized='table') }}

with eligible as (

    select *
    from {{ ref('coupon_eligibility') }}
    where is_eligible

),

ranked as (

    select
        *,
        row_number() over (
            partition by user_id order by expected_margin desc, priority, promotion_id
        ) as user_rank
    from eligible

),

wanted as (

    select
        *,
        user_rank <= {{ policy_value('max_offers_per_user') }} as is_wanted,
        -- what each unit of budget brings
        expected_margin / greatest(cost, 0.01) as efficiency
    from ranked

),

queued as (

    select
        *,
        sum(case when is_wanted then cost else 0 end) over (
            partition by budget_id
            order by efficiency desc, user_id, promotion_id
            rows between unbounded preceding and current row
        ) as reserved_so_far,
        sum(case when is_wanted then 1 else 0 end) over (
            partition by promotion_id
            order by efficiency desc, user_id
            rows between unbounded preceding and current row
        ) as offers_so_far
    from wanted

),

final as (

    select
        as_of_date,
        user_id,
        promotion_id,
        cast(user_rank as integer) as user_rank,
        cast(efficiency as double) as efficiency,
        case
            when not is_wanted then 'OFFER_LIMIT'
            when budget_spent + reserved_so_far > budget then 'BUDGET_EXHAUSTED'
            when redemptions + offers_so_far > max_redemptions then 'CAP_REDEMPTIONS'
            else 'OFFERED'
        end as decision
    from queued

)

select * from final
