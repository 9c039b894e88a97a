-- the offers that hold today: those of the day, and those of other days that are valid yet, used or not
with dates as (

    {{ scoring_day('as_of_at') }}

),

final as (

    select
        dates.as_of_date,
        offers.offer_id,
        offers.as_of_date as offered_on,
        offers.user_id,
        offers.promotion_id,
        offers.product_id,
        offers.valid_to,
        offers.expected_margin
    from {{ ref('offers') }} as offers
    inner join dates on offers.as_of_date = dates.as_of_date or offers.valid_to > dates.as_of_at

)

select * from final
