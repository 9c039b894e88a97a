-- how each promotion stands: what open offers set aside of it, and whether it is for receivers of its campaign alone
-- Apart from considered_promotions, which is brought up to date user by user: these figures look at all users.
{{ config(materialized='table') }}

with reserved as (

    select
        promotion_id,
        sum(reserved_budget) as budget,
        count(*) as redemptions
    from {{ ref('reservations') }}
    group by promotion_id

),

final as (

    select
        terms.promotion_id,
        cast(coalesce(sum(reserved.budget) over (partition by terms.budget_id), 0) as decimal(18, 2)) as budget_reserved,
        cast(coalesce(reserved.redemptions, 0) as integer) as reserved_redemptions,
        -- who gets a promotion of the catalogue is decided anew every day, whomever it was sent to before
        case
            when terms.source = 'catalogue' then false
            else exists (
                select 1
                from {{ ref('stg_campaign_sends') }} as sends
                where sends.campaign_id = terms.campaign_id
            )
        end as is_sent_to_some
    from {{ ref('promotion_terms') }} as terms
    left join reserved on terms.promotion_id = reserved.promotion_id

)

select * from final
