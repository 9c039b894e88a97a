-- What people do: visits, looks, what comes of a look, and the shop's tables that record it. Run once for each block of people (from
-- sim_from up to sim_to), so that no sort and no join outgrows the memory; `temp` tables last for a block, the others grow by it.

-- table: temp.visits
-- Candidates at four times a person's rate, thinned to the day's traffic and to what messages do (Lewis and Shedler 1979).
create or replace temp table visits as
with candidates as (
    select
        person,
        cast(
            unnest(range(
                floor(
                    4 * visits_a_year / 365 * greatest(0, least(active_until, getvariable('sim_days')) - active_from)
                    + u('candidates', person)
                )::bigint
            )) as integer
        ) as number,
        active_from,
        least(active_until, getvariable('sim_days')) as active_until,
        message_lift,
        patience,
    from truth.people
    where person >= getvariable('sim_from') and person < getvariable('sim_to')
),

dated as (
    select
        *,
        active_from + floor((active_until - active_from) * u2('visit day', person, number))::integer as day,
    from candidates
),

messaged as (
    select
        dated.*,
        days.traffic,
        campaign_of(dated.day) as campaign,
    from dated
    inner join truth.days as days on dated.day = days.day
),

thinned as (
    select *
    from messaged
    where
        u2('visit', person, number) < 0.25 * traffic * if(
            campaign is not null and is_treated(person, campaign),
            1 + message_lift * pow(
                patience,
                is_treated(person, campaign - 1)::integer + is_treated(person, campaign - 2)::integer
                + is_treated(person, campaign - 3)::integer
            ),
            1
        )
),

-- a ring comes on the first day of every campaign, each account twice
raids as (
    select
        person,
        1000000 + cast(unnest(range(2 * ((getvariable('sim_days') - 4) // 14))) as integer) as number,
    from truth.people
    where ring is not null and person >= getvariable('sim_from') and person < getvariable('sim_to')
)

select
    person,
    number,
    day,
    cast(20000 + 60000 * u2('visit second', person, number) as integer) as second,
from thinned

union all by name

select
    person,
    number,
    10 + 14 * ((number - 1000000) // 2) as day,
    cast(30000 + 3600 * u2('visit second', person, number) as integer) as second,
from raids;

-- table: temp.looks
create or replace temp table looks as
with looks as (
    select
        person,
        number,
        day,
        second,
        person::bigint * 2097152 + number as visit,
        cast(unnest(range(1 + least(30, floor(-3.2 * ln(1 - u2('looks', person, number)))::bigint))) as integer) as look,
    from temp.visits
),

drawn as (
    select
        looks.*,
        people.price_sensitivity,
        people.favourites,
        people.ring,
        u2('source', looks.visit, looks.look) as source,
        people.habit,
        -- a person's repertoire: eight products, two of each favourite category
        floor(8 * u2('slot', looks.visit, looks.look))::integer as slot,
    from looks
    inner join truth.people as people on looks.person = people.person
),

chosen as (
    select
        *,
        source < habit as is_own,
        case
            when source < habit then favourites[1 + slot % 4]
            when source < habit + 0.7 * (1 - habit) then favourites[1 + floor(4 * u2('favourite', visit, look))::integer]
            else floor(getvariable('sim_categories') * pow(u2('category', visit, look), 1.3))::integer
        end as category,
        if(source < habit, u('own product', person::bigint * 8 + slot), u2('product', visit, look)) as product_draw,
    from drawn
),

named as (
    select
        *,
        category + getvariable('sim_categories') * floor(
            (getvariable('sim_products') // getvariable('sim_categories')) * pow(product_draw, 3.2)
        )::integer as product,
    from chosen
),

priced as (
    select
        named.person,
        named.visit,
        named.look,
        named.day,
        named.second + 40 * named.look as second,
        named.product,
        named.category,
        named.is_own,
        named.slot,
        named.price_sensitivity,
        named.ring,
        products.rebuy_days,
        regular_price(products.base_price, named.product, named.day) as list_price,
        round(
            regular_price(products.base_price, named.product, named.day)
            * if(
                in_promotion(named.product, named.day, days.festival is not null),
                1 - depth_of_promotion(named.product, named.day),
                1
            ),
            2
        ) as price,
        campaign_of(named.day) as campaign,
    from named
    inner join truth.products as products on named.product = products.product
    inner join truth.days as days on named.day = days.day
    where products.launch_day <= named.day
),

-- what a person has just bought is not needed again until its interval is nearly over
needed as (
    select
        *,
        case
            when not is_own or rebuy_days = 0 then 0
            when (day + u2('need', person, slot) * rebuy_days) % rebuy_days < 0.35 * rebuy_days then 1
            else -1
        end as need,
        price_sensitivity * ln(list_price / greatest(price, 0.01)) as pull_of_price,
    from priced
)

select
    person,
    visit,
    look,
    day,
    second,
    product,
    category,
    list_price,
    price,
    campaign,
    ring,
    price_sensitivity,
    u2('cart', visit, look) < 1 / (1 + exp(1.7 - 0.9 * is_own::integer - 0.9 * need - 0.6 * pull_of_price)) as is_carted,
    u2('cart', visit, look) < 1 / (1 + exp(1.7 - 0.9 * is_own::integer - 0.9 * need - 0.6 * pull_of_price))
    and u2('buy', visit, look) < 1 / (1 + exp(-0.1 - 0.5 * need - 1.2 * pull_of_price))
    and not out_of_stock(product, day) as is_bought,
    is_own,
from needed;

-- table: truth.orders
-- one order a visit that bought anything; with the coupon of the running campaign, if the person got it and cares to
create table truth.orders as
with orders as (
    select
        visit,
        any_value(person) as person,
        any_value(day) as day,
        max(second) + 120 as second,
        any_value(campaign) as campaign,
        any_value(ring) as ring,
        any_value(price_sensitivity) as price_sensitivity,
        sum(price::decimal(18, 2)) as total,
        bool_or(category = campaign * 3 % getvariable('sim_categories')) as has_first,
        bool_or(category = (campaign * 3 + 1) % getvariable('sim_categories')) as has_second,
    from temp.looks
    where is_bought
    group by visit
)

select
    visit,
    person,
    day,
    second,
    total,
    case
        when campaign is null or not (is_treated(person, campaign) or ring is not null) then null
        when u('redeems', visit) >= if(ring is null, least(0.9, 0.08 + 0.12 * price_sensitivity), 0.97) then null
        when has_first then campaign * 4
        when has_second then campaign * 4 + 1
        when total >= 40 or ring is not null then campaign * 4 + 2
    end as coupon,
from orders
order by visit;

-- table: shop.order_lines
create table shop.order_lines as
with lines as (
    select
        looks.*,
        orders.second as ordered_second,
        people.address,
        if(people.ring is null, 'person ' || people.person, people.address) as account,
        if(u2('units', looks.visit, looks.look) < 0.12, 2, 1) as units,
        if(
            orders.coupon % 4 < 2
            and looks.category = (orders.coupon // 4 * 3 + orders.coupon % 4) % getvariable('sim_categories'),
            orders.coupon,
            null
        ) as coupon,
    from temp.looks as looks
    inner join truth.orders as orders on looks.visit = orders.visit
    inner join truth.people as people on looks.person = people.person
    where looks.is_bought
),

paid as (
    select
        *,
        round(price * case coupon % 4 when 0 then 0.85 when 1 then 0.8 else 1 end, 2) as paid_price,
    from lines
)

select
    'o' || visit as order_id,
    look + 1 as line_number,
    'u' || person as user_id,
    'p' || product as product_id,
    sim_moment(day, ordered_second) as ordered_at,
    cast(units as decimal(18, 3)) as quantity,
    cast(list_price as decimal(18, 2)) as list_price,
    cast(paid_price as decimal(18, 2)) as paid_price,
    cast((list_price - paid_price) * units as decimal(18, 2)) as discount,
    'c' || coupon // 4 || '-' || coupon % 4 as coupon_id,
    'online' as store_id,
    md5('address ' || address) as ship_address_hash,
    -- a family shares an address alone; a ring shares one card and two devices as well
    md5('card ' || account) as payment_hash,
    md5('device ' || account || if(ring is null, '', ' ' || person % 2)) as device_hash,
from paid
order by visit, look;

-- table: shop.events
create table shop.events as
with kinds as (
    select
        *,
        unnest([
            'view',
            if(u2('search', visit, look) < 0.06, 'search', null),
            if(is_carted, 'cart', null),
            if(is_carted and not is_bought and u2('uncart', visit, look) < 0.5, 'uncart', null),
            if(not is_carted and u2('wish', visit, look) < 0.03, 'wishlist', null),
            if(u2('share', visit, look) < 0.005, 'share', null)
        ]) as kind,
    from temp.looks
)

select
    visit || '-' || look || '-' || kind as event_id,
    'u' || person as user_id,
    if(kind = 'search', null, 'p' || product) as product_id,
    's' || visit as session_id,
    kind as event_type,
    sim_moment(
        day, second + case kind when 'search' then -15 when 'view' then 0 when 'share' then 20 when 'uncart' then 35 else 25 end
    ) as event_at,
    if(
        kind = 'view', round(exp(2.2 + 0.8 * is_own::integer + 0.7 * sqrt(-2 * ln(1 - u2('dwell', visit, look))) - 0.4), 1), null
    ) as dwell_seconds,
    if(kind = 'search', 'category ' || category, null) as query,
from kinds
where kind is not null
order by visit, look, kind;

-- table: shop.reviews
create table shop.reviews as
select
    'r' || visit || '-' || look as review_id,
    'u' || person as user_id,
    'p' || product as product_id,
    rating,
    ['Broke after a day.', 'Not what I hoped for.', 'It is all right.', 'Good value, would buy again.', 'Just what I wanted!'][
        rating
    ] as review_text,
    sim_moment(day + 3 + floor(10 * u2('review day', visit, look))::integer, 40000) as reviewed_at,
from (
    select
        *,
        1 + floor(least(4.99, 5 * pow(u2('rating', visit, look), if(is_own, 0.35, 0.6))))::integer as rating,
    from temp.looks
    where is_bought and u2('review', visit, look) < 0.05
) as rated
where day + 13 < getvariable('sim_days')
order by visit, look;

-- table: shop.returns
create table shop.returns as
select
    'o' || looks.visit as order_id,
    looks.look + 1 as line_number,
    sim_moment(looks.day + 5 + floor(15 * u2('return day', looks.visit, looks.look))::integer, 50000) as returned_at,
    lines.quantity,
    cast(lines.quantity * lines.paid_price as decimal(18, 2)) as refund,
from temp.looks as looks
inner join shop.order_lines as lines on 'o' || looks.visit = lines.order_id and looks.look + 1 = lines.line_number
where
    looks.is_bought
    and u2('return', looks.visit, looks.look) < if(looks.ring is null, 0.04, 0.4)
    and looks.day + 20 < getvariable('sim_days')
order by looks.visit, looks.look;

