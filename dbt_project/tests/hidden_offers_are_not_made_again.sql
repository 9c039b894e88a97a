-- offers of the day, eligible promotions and recommendations of what their user has hidden
{{ config(meta={'by_user': true}) }}
with hidden as (

    select
        hidden.user_id,
        hidden.item_kind,
        hidden.item_id
    from {{ ref('user_hidden_items') }} as hidden
    inner join {{ ref('as_of_dates') }} as dates
        on hidden.as_of_date = dates.as_of_date and hidden.as_of_date = dates.data_until

),

shown as (

    select
        offers.user_id,
        offers.promotion_id,
        offers.product_id
    from {{ ref('offers') }} as offers
    inner join {{ ref('as_of_dates') }} as dates on offers.as_of_date = dates.as_of_date

    union all

    select
        user_id,
        promotion_id,
        product_id
    from {{ ref('coupon_eligibility') }}
    where is_eligible

    union all

    select
        user_id,
        cast(null as string) as promotion_id,
        product_id
    from {{ ref('recommendations') }}

),

final as (

    select shown.*
    from shown
    inner join hidden
        on
            shown.user_id = hidden.user_id
            and (
                (hidden.item_kind = 'promotion' and shown.promotion_id = hidden.item_id)
                or (hidden.item_kind = 'product' and shown.product_id = hidden.item_id)
            )

)

select * from final
