-- What nobody in a real shop can see: who the people are. Schema truth; no model may read it.

-- table: truth.days
create table truth.days as
with calendar as (
    select
        cast(day as integer) as day,
        sim_date(day) as date,
    from range(getvariable('sim_days')) as days (day)
),

festivals as (
    select
        *,
        case
            when month(date) = 11 and day(date) between 9 and 11 then '11.11'
            -- from the fourth Thursday of November to that Sunday
            when
                dayofweek(date) in (4, 5, 6, 0)
                and month(date - (dayofweek(date) + 3)::integer % 7) = 11
                and day(date - (dayofweek(date) + 3)::integer % 7) between 22 and 28 then 'Black Friday'
            when month(date) = 12 and day(date) between 10 and 23 then 'Christmas'
            when exists (
                select 1
                from (
                    values
                    (date '2016-02-08'), (date '2017-01-28'), (date '2018-02-16'), (date '2019-02-05'), (date '2020-01-25'),
                    (date '2021-02-12'), (date '2022-02-01'), (date '2023-01-22'), (date '2024-02-10'), (date '2025-01-29')
                ) as new_years (new_year)
                where calendar.date between new_years.new_year - 7 and new_years.new_year
            ) then 'Chinese New Year'
        end as festival,
    from calendar
)

select
    day,
    date,
    festival,
    -- visits of the day to those of a usual one: week, season, festival
    [1.1, 0.9, 0.9, 0.9, 0.95, 1.05, 1.2][1 + dayofweek(date)] * (1 + 0.15 * cos(2 * pi() * (dayofyear(date) - 350) / 365))
    * if(festival is null, 1, 1.6) as traffic,
from festivals
order by day;

-- table: truth.categories
create table truth.categories as
select
    cast(category as integer) as category,
    [normal('category 1', category), normal('category 2', category), normal('category 3', category)]::float[3] as taste,
    exp(2.2 + 0.8 * normal('category price', category)) as usual_price,
    -- 0: nobody needs it again
    [0, 0, 7, 14, 21, 28, 42, 60][1 + floor(8 * u('category interval', category))::integer] as rebuy_days,
from range(getvariable('sim_categories')) as categories (category)
order by category;

-- table: truth.products
-- within a category the first product is the best seller
create table truth.products as
with products as (
    select
        cast(number as integer) as product,
        cast(number % getvariable('sim_categories') as integer) as category,
        cast(number // getvariable('sim_categories') as integer) as popularity_rank,
    from range(getvariable('sim_products')) as products (number)
)

select
    products.product,
    products.category,
    products.popularity_rank,
    floor(greatest(0.99, categories.usual_price * exp(0.35 * normal('product price', products.product)))) + 0.99 as base_price,
    0.45 + 0.3 * u('margin', products.product) as cost_share,
    products.category * 5 + floor(5 * u('subcategory', products.product))::integer as subcategory,
    products.category * 7 + floor(7 * pow(u('brand', products.product), 1.5))::integer as brand,
    if(
        u('launch', products.product) < 0.15, floor(getvariable('sim_days') * u('launch day', products.product))::integer, -400
    ) as launch_day,
    categories.rebuy_days,
from products
inner join truth.categories as categories on products.category = categories.category
order by products.product;

-- table: truth.people
create table truth.people as
with drawn as (
    select
        cast(number as integer) as person,
        [normal('taste 1', number), normal('taste 2', number), normal('taste 3', number)]::float[3] as taste,
        least(6, 1.5 * exp(0.5 * normal('sensitivity', number))) as price_sensitivity,
        0.25 + 0.6 * u('habit', number) as habit,
        least(250, 15 * exp(0.9 * normal('visits', number))) as visits_a_year,
        0.5 + 0.45 * u('fatigue', number) as patience,
        u('response', number) as response,
        if(u('joins', number) < 0.3, floor(getvariable('sim_days') * u('join day', number))::integer, 0) as active_from,
        if(u('leaves', number) < 0.25, floor(getvariable('sim_days') * u('leave day', number))::integer, 1000000) as active_until,
        number // 1000 as block,
        number % 1000 as place,
    from range(getvariable('sim_users')) as people (number)
),

judged as (
    select
        *,
        case
            when response < 0.2 then 'persuadable'
            when response < 0.55 then 'sure_thing'
            when response < 0.9 then 'lost_cause'
            else 'do_not_disturb'
        end as response_type,
        -- a ring of four to nine accounts in most blocks of a thousand people
        if(place < 4 + floor(6 * u('ring size', block)) and u('ring', block) < 0.9, block, null) as ring,
    from drawn
)

select
    person,
    taste,
    price_sensitivity,
    habit,
    visits_a_year * case response_type when 'sure_thing' then 1.5 when 'lost_cause' then 0.6 else 1 end as visits_a_year,
    -- what the message of a campaign does to visits while it lasts, and what is left of it after each other recent message
    case response_type when 'persuadable' then 1.2 when 'do_not_disturb' then -0.6 else 0 end as message_lift,
    patience,
    if(ring is null, response_type, 'lost_cause') as response_type,
    -- someone of a ring is there all the time
    if(ring is null, active_from, 0) as active_from,
    if(ring is null, greatest(active_until, active_from + 7), 1000000) as active_until,
    cast(ring as integer) as ring,
    -- one in three lives with the neighbour by number
    case
        when ring is not null then 'ring ' || ring
        when u('family', person // 2) < 0.33 then 'family ' || person // 2
        else 'person ' || person
    end as address,
    -- the four categories of most appeal, best first; Gumbel noise makes the order a draw from a softmax
    list_transform(
        list_reverse_sort(
            list_transform(
                (select list({'category': category, 'taste': taste} order by category) from truth.categories),
                lambda c: {
                    'appeal': list_inner_product(c.taste, judged.taste)
                    - 0.5 * ln(-ln(greatest(1e-12, u2('appeal', judged.person, c.category)))),
                    'category': c.category
                }
            )
        )[1:4],
        lambda best: best.category
    )::integer[4] as favourites,
from judged
order by person;
