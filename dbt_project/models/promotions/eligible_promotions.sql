-- the eligible pairs alone, with what allocation weighs: what an offer brings, what it takes, and what is left to take
{{ config(materialized='table') }}
with eligible as (

    select *
    from {{ ref('coupon_eligibility') }}
    where is_eligible

),

final as (

    select
        eligible.as_of_date,
        eligible.user_id,
        eligible.promotion_id,
        eligible.budget_id,
        eligible.priority,
        -- a promotion without a group is in a class of its own
        case
            when eligible.exclusive_group is not null then concat_ws('', 'group:', eligible.exclusive_group)
            else concat_ws('', 'promotion:', eligible.promotion_id)
        end as choice_class,
        eligible.cost,
        eligible.purchase_intent,
        eligible.redemption_score,
        eligible.expected_margin,
        cast(case
            when eligible.budget is not null then greatest(eligible.budget - eligible.budget_spent - eligible.budget_reserved, 0)
        end as decimal(18, 2)) as budget_left,
        cast(case
            when eligible.max_redemptions is not null
                then greatest(eligible.max_redemptions - eligible.redemptions - eligible.reserved_redemptions, 0)
        end as integer) as redemptions_left,
        -- each offer is at most one contact more
        cast(least(
            {{ policy_value('max_offers_per_user') }} - eligible.open_offers,
            {{ policy_value('max_contacts_7d') }} - eligible.contacts_7d
        ) as integer) as offers_left,
        cast(row_number() over (
            partition by eligible.user_id order by eligible.expected_margin desc, eligible.priority, eligible.promotion_id
        ) as integer) as user_rank
    from eligible

)

select * from final
