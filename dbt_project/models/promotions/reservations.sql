-- offers of other days that are open and unused: the money and the uses they set aside, and the users who hold them
{{ config(materialized='table') }}

with dates as (

    {{ scoring_day('as_of_at') }}

),

used as (

    select
        promotion_id,
        user_id,
        max(redeemed_at) as redeemed_at
    from {{ ref('promotion_uses') }}
    group by promotion_id, user_id

),

final as (

    select
        dates.as_of_date,
        offers.user_id,
        offers.promotion_id,
        offers.as_of_date as offered_on,
        offers.valid_to,
        offers.reserved_budget
    from {{ earlier_offers() }} as offers
    -- a clock that was set back finds offers of later days, and what they promise holds too
    inner join dates on offers.as_of_date <> dates.as_of_date and offers.valid_to > dates.as_of_at
    left join used on offers.promotion_id = used.promotion_id and offers.user_id = used.user_id
    -- what was used since is spent, and spent money is counted already
    where used.redeemed_at is null or used.redeemed_at < {{ utc_midnight('offers.as_of_date') }}

)

select * from final
