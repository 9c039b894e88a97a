-- The shop's tables, as the source contract words them. One statement a table, under a line `-- table: <name>`.

-- table: users
create table shop.users as
with aged as (
    -- bands lean on taste, so that groups differ in what they do without anybody having planned it
    select
        *,
        1 + floor(6 * least(0.999, greatest(0, u('age', person) * 0.8 + 0.2 / (1 + exp(-taste[1])))))::integer as band,
    from truth.people
)

select
    'u' || person as user_id,
    -- before anything else of the day
    signed_up(person, active_from, 18000) as signed_up_at,
    -- of that age on the last day
    cast(
        sim_date(getvariable('sim_days')) - to_years([18, 25, 35, 45, 55, 65][band])
        - to_days(floor(365 * [7, 10, 10, 10, 10, 16][band] * u('birth', person))::integer) as date
    ) as birth_date,
    ['18-24', '25-34', '35-44', '45-54', '55-64', '65+'][band] as age_band,
    ['low', 'middle', 'high'][1 + floor(3 * least(0.999, greatest(0, 1 - price_sensitivity / 6 - 0.3 * u('income', person))))::integer]
        as income_band,
    if(u('gender', person) < 0.5, 'female', 'male') as gender,
    ['North', 'South', 'East', 'West'][1 + floor(4 * u('region', person))::integer] as region,
    if(address like 'family%', 'two or more', 'one') as household,
    'person' || person || '@example.com' as email,
    '+1555' || lpad(cast(person % 10000000 as varchar), 7, '0') as phone,
    'US' as country,
    'Person' as first_name,
    'Number ' || person as last_name,
    lpad(cast(person % 100000 as varchar), 5, '0') as zip,
    md5('device ' || person)::uuid::varchar as madid,
from aged
order by person;

-- table: products
create table shop.products as
select
    'p' || product as product_id,
    'Product ' || product as product_name,
    'category ' || category as category,
    'subcategory ' || subcategory as subcategory,
    'brand ' || brand as brand,
    cast(regular_price(base_price, product, getvariable('sim_days') - 1) as decimal(18, 2)) as list_price,
    cast(round(base_price * cost_share, 2) as decimal(18, 2)) as unit_cost,
    sim_moment(launch_day, 0) as launched_at,
    u('active', product) < 0.97 as is_active,
from truth.products
order by product;

-- table: campaigns
create table shop.campaigns as
select
    'c' || number as campaign_id,
    coalesce(days.festival, 'Fortnight ' || number) as campaign_name,
    if(days.festival is null, 'regular', 'festival') as campaign_kind,
    sim_moment(10 + 14 * number, 0) as starts_at,
    sim_moment(17 + 14 * number, 0) as ends_at,
    cast(round(0.4 * getvariable('sim_users'), 2) as decimal(18, 2)) as budget,
from range((getvariable('sim_days') - 10 + 13) // 14) as campaigns (number)
inner join truth.days as days on days.day = 10 + 14 * number
order by number;

-- table: coupons
create table shop.coupons as
select
    campaign_id || '-' || coupons.place as coupon_id,
    campaign_id,
    coupons.kind,
    cast(coupons.face_value as decimal(18, 2)) as face_value,
    coupons.percent_off,
    cast(coupons.min_spend as decimal(18, 2)) as min_spend,
    starts_at as valid_from,
    ends_at as valid_to,
    cast(null as integer) as max_redemptions,
    2 as per_user_limit,
from shop.campaigns
cross join (
    values (0, 'percent', null, 15.0, null), (1, 'percent', null, 20.0, null), (2, 'amount', 5, null, 40)
) as coupons (place, kind, face_value, percent_off, min_spend)
order by starts_at, coupons.place;

-- table: coupon_products
create table shop.coupon_products as
select
    'c' || number || '-' || places.place as coupon_id,
    'p' || products.product as product_id,
from range((getvariable('sim_days') - 10 + 13) // 14) as campaigns (number)
cross join (values (0), (1)) as places (place)
inner join truth.products as products
    on products.category = (number * 3 + places.place) % getvariable('sim_categories') and products.popularity_rank < 200
order by number, places.place, products.product;

-- table: baskets
-- what was put into carts in the last week and neither taken out nor bought since
create table shop.baskets as
with touched as (
    select
        user_id,
        product_id,
        max_by(event_type, (event_at, event_type)) as last_touch,
        max(event_at) as touched_at,
    from shop.events
    where event_type in ('cart', 'uncart') and event_at >= sim_moment(getvariable('sim_days') - 7, 0)
    group by user_id, product_id
),

open as (
    select
        *,
        substr(user_id, 2)::bigint as person,
        substr(product_id, 2)::bigint as product,
    from touched
    where
        last_touch = 'cart'
        and not exists (
            select 1
            from shop.order_lines as lines
            where
                lines.user_id = touched.user_id
                and lines.product_id = touched.product_id
                and lines.ordered_at >= sim_moment(getvariable('sim_days') - 7, 0)
        )
)

select
    'cart ' || open.user_id as basket_id,
    cast(row_number() over (partition by person order by touched_at, product) as integer) as line_number,
    open.user_id,
    open.product_id,
    if(u2('basket units', person, product) < 0.12, 2, 1) as quantity,
    if(u2('basket price', person, product) < 0.2, products.list_price, null) as unit_price,
    if(u('basket coupon', person) < 0.1, (select max(coupon_id) from shop.coupons), null) as coupon_ids,
    sim_moment(getvariable('sim_days'), 36000) as quoted_at,
from open
inner join shop.products as products on open.product_id = products.product_id
order by person, line_number;

-- table: coupon_redemptions
create table shop.coupon_redemptions as
with taken as (
    select
        order_id,
        sum(quantity * (list_price - paid_price)) as discount,
    from shop.order_lines
    where coupon_id is not null
    group by order_id
)

select
    'd' || visit as redemption_id,
    'c' || coupon // 4 || '-' || coupon % 4 as coupon_id,
    'u' || person as user_id,
    'o' || visit as order_id,
    sim_moment(day, second) as redeemed_at,
    cast(case coupon % 4
        when 2 then 5
        else coalesce(taken.discount, 0)
    end as decimal(18, 2)) as discount,
from truth.orders
left join taken on 'o' || orders.visit = taken.order_id
where coupon is not null
order by visit;

-- table: campaign_sends
create table shop.campaign_sends as
select
    'c' || number as campaign_id,
    'u' || people.person as user_id,
    sim_moment(10 + 14 * number, 28800) as sent_at,
    is_treated(people.person, number) or people.ring is not null as treated,
from truth.people as people
cross join range((getvariable('sim_days') - 10 + 13) // 14) as campaigns (number)
where
    (is_sent(people.person, number) or people.ring is not null)
    and people.active_from <= 10 + 14 * number
order by campaigns.number, people.person;

-- table: product_promotions
create table shop.product_promotions as
select
    'p' || products.product as product_id,
    days.date as week_start,
    (u2('mailer', products.product, days.day // 7) < 0.6)::integer as mailer_stores,
    (u2('display', products.product, days.day // 7) < 0.4)::integer as display_stores,
from truth.products as products
inner join truth.days as days on days.day % 7 = 0
where in_promotion(products.product, days.day, days.festival is not null)
order by days.day, products.product;

-- table: price_history
-- the last 120 days
create table shop.price_history as
select
    'p' || products.product as product_id,
    days.date as as_of_date,
    cast(round(
        regular_price(products.base_price, products.product, days.day)
        * if(in_promotion(products.product, days.day, days.festival is not null), 1 - depth_of_promotion(products.product, days.day), 1), 2
    ) as decimal(18, 2)) as price,
from truth.days as days
inner join truth.products as products on products.launch_day <= days.day
where days.day >= getvariable('sim_days') - 120
order by days.day, products.product;

-- table: inventory
-- the last 56 days
create table shop.inventory as
select
    'p' || products.product as product_id,
    days.date as as_of_date,
    cast(if(
        out_of_stock(products.product, days.day),
        0,
        1 + floor((40 + 400 / (1 + products.popularity_rank)) * (1 - (days.day % 28) / 28.0) * (0.5 + u('stock level', products.product)))
    ) as decimal(18, 3)) as stock_on_hand,
from truth.days as days
inner join truth.products as products on products.launch_day <= days.day
where days.day >= getvariable('sim_days') - 56
order by days.day, products.product;

-- table: competitor_prices
-- two rivals, seen on Mondays of the last 120 days; the second answers our promotions half-way a week later
create table shop.competitor_prices as
select
    'p' || products.product as product_id,
    rivals.competitor,
    sim_moment(days.day, 21600) as observed_at,
    cast(round(
        products.base_price * (0.93 + 0.14 * u2('rival ' || rivals.competitor, products.product, days.day // 28))
        * if(
            rivals.competitor = 'follower' and in_promotion(products.product, days.day - 7, false),
            1 - 0.5 * depth_of_promotion(products.product, days.day - 7),
            1
        ), 2
    ) as decimal(18, 2)) as price,
from truth.days as days
inner join truth.products as products on products.launch_day <= days.day
cross join (values ('steady'), ('follower')) as rivals (competitor)
where dayofweek(days.date) = 1 and days.day >= greatest(7, getvariable('sim_days') - 120) and products.popularity_rank < 50
order by days.day, products.product, rivals.competitor;

-- table: consents
create table shop.consents as
with purposes as (
    select
        people.person,
        people.active_from,
        purposes.purpose,
        purposes.number,
        u2('consent', people.person, purposes.number) as draw,
        purposes.share,
    from truth.people as people
    cross join (values ('marketing', 1, 0.85), ('personalisation', 2, 0.92), ('ads', 3, 0.6)) as purposes (purpose, number, share)
)

select
    'u' || person as user_id,
    purpose,
    signed_up(person, active_from, 18001) as changed_at,
    draw < share as granted,
from purposes

union all

-- one in twenty changes their mind
select
    'u' || person as user_id,
    purpose,
    sim_moment(active_from + floor((getvariable('sim_days') - active_from) * u2('mind day', person, number)), 43200) as changed_at,
    draw >= share as granted,
from purposes
where u2('mind', person, number) < 0.05
order by all;

-- table: offer_feedback
-- one in thirty of who got a message judges one of its two coupons for products, by taste: liked what they like to buy
create table shop.offer_feedback as
with spoken as (
    select
        people.person,
        people.response_type,
        people.taste,
        campaigns.number,
        floor(2 * u2('judged coupon', people.person, campaigns.number))::integer as place,
    from truth.people as people
    cross join range((getvariable('sim_days') - 10 + 13) // 14) as campaigns (number)
    where
        is_treated(people.person, campaigns.number)
        and people.active_from <= 10 + 14 * campaigns.number
        and u2('says', people.person, campaigns.number) < 0.03
)

select
    'u' || spoken.person as user_id,
    'c' || spoken.number || '-' || spoken.place as offer_id,
    sim_moment(10 + 14 * spoken.number, 32000) as given_at,
    case
        when spoken.response_type = 'do_not_disturb' then 'hide'
        when u2('verdict', spoken.person, spoken.number) < 1 / (1 + exp(-list_inner_product(categories.taste, spoken.taste)))
            then 'like'
        when u2('hides', spoken.person, spoken.number) < 0.4 then 'hide'
        else 'dislike'
    end as verdict,
from spoken
inner join truth.categories as categories
    on categories.category = (spoken.number * 3 + spoken.place) % getvariable('sim_categories')
order by spoken.number, spoken.person;

-- table: loyalty_accounts
-- the points were counted a while ago: a point for each unit of money spent until then
create table shop.loyalty_accounts as
with spend as (
    select
        person,
        cast(sum(total) as integer) as spent,
        cast(sum(total) filter (where day < balance_day()) as integer) as counted,
    from truth.orders
    group by person
)

select
    'u' || people.person as user_id,
    case when coalesce(spent, 0) >= 1000 then 'gold' when coalesce(spent, 0) >= 300 then 'silver' else 'basic' end as tier,
    coalesce(counted, 0) as points,
    signed_up(people.person, people.active_from, 18002) as joined_at,
    sim_moment(balance_day(), 0) as balance_at,
from truth.people as people
left join spend on people.person = spend.person
where u('member', people.person) < 0.6
order by people.person;

-- table: points_redemptions
-- a third of the members spend some of what had been counted, with their first order after that
create table shop.points_redemptions as
with first_orders as (
    select
        'u' || person as user_id,
        min(visit) as visit,
        min_by(day, visit) as day,
        min_by(second, visit) as second,
    from truth.orders
    where day >= balance_day() and u('redeems', person) < 0.33
    group by person
)

select
    'points-o' || first_orders.visit as redemption_id,
    first_orders.user_id,
    'o' || first_orders.visit as order_id,
    cast(floor(accounts.points * (0.2 + 0.6 * u('points', first_orders.visit))) as decimal(18, 2)) as points,
    sim_moment(first_orders.day, first_orders.second) as redeemed_at,
from first_orders
inner join shop.loyalty_accounts as accounts on first_orders.user_id = accounts.user_id
where accounts.points >= 20
order by first_orders.visit;
