-- the price that a reduction of a product is announced against: the lowest of the days before the reduction began
with listed as (

    select
        features.as_of_date,
        features.product_id,
        coalesce(products.list_price, features.list_price) as list_price,
        {{ add_days('features.as_of_date', '-features.days_since_launch') }} as launched_on,
        policy.prior_price_days
    from {{ ref('product_features') }} as features
    inner join {{ ref('stg_products') }} as products on features.product_id = products.product_id
    inner join {{ ref('product_policy') }} as policy on features.product_id = policy.product_id

),

history as (

    select distinct product_id
    from {{ ref('stg_price_history') }}

),

dated as (

    select
        product_id,
        price_date,
        lowest_price,
        {{ add_days('lead(price_date) over (partition by product_id order by price_date)', -1) }} as next_eve
    from {{ ref('product_price_days') }}

),

-- a price holds until the next one; one that is known from sales alone, no longer than price_gap_days
held as (

    select
        dated.product_id,
        dated.price_date,
        dated.lowest_price,
        case
            when history.product_id is not null then dated.next_eve
            else least(dated.next_eve, {{ add_days('dated.price_date', var('price_gap_days')) }})
        end as held_until
    from dated
    left join history on dated.product_id = history.product_id

),

-- what held on the days looked back on, or on those before a reduction that began on the first of them
spells as (

    select
        listed.as_of_date,
        listed.product_id,
        listed.list_price,
        listed.launched_on,
        listed.prior_price_days,
        held.price_date,
        held.lowest_price,
        least(held.held_until, {{ add_days('listed.as_of_date', -1) }}) as held_until,
        lag(held.lowest_price) over (partition by listed.as_of_date, held.product_id order by held.price_date) as previous_price
    from held
    inner join listed
        on
            held.product_id = listed.product_id
            and held.price_date < listed.as_of_date
            and coalesce(held.held_until, listed.as_of_date) >= {{ add_days(
                'listed.as_of_date', '-listed.prior_price_days - ' ~ var('price_days')
            ) }}

),

changes as (

    select
        as_of_date,
        product_id,
        max(price_date) as changed_on,
        max_by(lowest_price < previous_price, price_date) as is_fall
    from spells
    where
        price_date >= {{ add_days('as_of_date', -var('price_days')) }}
        {% if var('progressive_reductions') -%}
        -- a reduction goes on while the price falls further below the list price
        and (lowest_price > previous_price or previous_price >= list_price)
        {%- else -%}
        -- a reduction goes on while the price stays as it is
        and lowest_price <> previous_price
        {%- endif %}
    group by as_of_date, product_id

),

latest as (

    select
        as_of_date,
        product_id,
        max(prior_price_days) as prior_price_days,
        coalesce(max(launched_on), min(price_date)) as on_sale_since,
        max_by(lowest_price, price_date) < coalesce(max(list_price), max(lowest_price) + 1) as is_below_list_price,
        max(held_until) = {{ add_days('as_of_date', -1) }} as still_holds
    from spells
    group by as_of_date, product_id

),

reductions as (

    select
        latest.as_of_date,
        latest.product_id,
        latest.prior_price_days,
        latest.on_sale_since,
        case
            when latest.is_below_list_price and latest.still_holds and changes.is_fall then changes.changed_on
        end as reduction_began_on
    from latest
    left join changes
        on latest.as_of_date = changes.as_of_date and latest.product_id = changes.product_id

),

windows as (

    select
        as_of_date,
        product_id,
        reduction_began_on,
        coalesce(reduction_began_on, as_of_date) as looked_back_from,
        {% if var('new_goods_prior_price_days') is not none -%}
        case
            when {{ days_between('on_sale_since', 'coalesce(reduction_began_on, as_of_date)') }} < 30
                then least(prior_price_days, {{ var('new_goods_prior_price_days') }})
            else prior_price_days
        end as prior_price_days
        {%- else -%}
        prior_price_days
        {%- endif %}
    from reductions

),

final as (

    select
        windows.as_of_date,
        windows.product_id,
        windows.reduction_began_on,
        cast(max(windows.prior_price_days) as integer) as prior_price_days,
        cast(min(case
            when
                spells.price_date < windows.looked_back_from
                and spells.held_until >= {{ add_days('windows.looked_back_from', '-windows.prior_price_days') }}
                then spells.lowest_price
        end) as decimal(18, 2)) as prior_price
    from windows
    inner join spells
        on windows.as_of_date = spells.as_of_date and windows.product_id = spells.product_id
    group by windows.as_of_date, windows.product_id, windows.reduction_began_on

)

select * from final
