-- Randomness without state: every draw is a hash of the seed, what the draw decides, and whose it is. So the same seed gives the
-- same shop whatever the number of threads, and any row can be made without the rows before it.
-- One hash of several arguments is too weak (draws of different purposes are correlated at .6), a hash of a hash is not.

-- table: draw
create or replace temp macro draw(purpose, a) as hash(xor(hash(purpose || getvariable('sim_seed')), a::ubigint));

-- table: u
-- uniform in [0, 1), of one number or two
create or replace temp macro u(purpose, a) as (draw(purpose, a) >> 11) / 9007199254740992.0;

-- table: u2
create or replace temp macro u2(purpose, a, b) as (hash(xor(draw(purpose, a), b::ubigint)) >> 11) / 9007199254740992.0;

-- table: normal
-- standard normal (Box and Muller 1958)
create or replace temp macro normal(purpose, a) as
    sqrt(-2 * ln(1 - u(purpose || ' radius', a))) * cos(2 * pi() * u(purpose || ' angle', a));

-- table: sim_date
create or replace temp macro sim_date(day) as getvariable('sim_first_day') + day::integer;

-- table: sim_moment
create or replace temp macro sim_moment(day, second) as
    getvariable('sim_first_day')::timestamp + to_seconds(86400 * day::bigint + second::bigint);

-- table: signed_up
-- the day on which somebody came, or one of the years before the first: visits begin at 5:30 and messages go out at 8
create or replace temp macro signed_up(person, active_from, second) as
    sim_moment(if(active_from > 0, active_from, -30 - floor(900 * u('sign up', person))), second);

-- table: in_promotion
-- a tenth of a product's weeks, three tenths at festivals
create or replace temp macro in_promotion(product, day, is_festival) as
    u2('promotion', product, day // 7) < if(is_festival, 0.3, 0.1);

-- table: depth_of_promotion
create or replace temp macro depth_of_promotion(product, day) as
    [0.1, 0.2, 0.3][1 + floor(3 * u2('depth', product, day // 7))::integer];

-- table: regular_price
-- the shelf price moves by a twentieth up or down from quarter to quarter
create or replace temp macro regular_price(base_price, product, day) as
    round(base_price * [0.95, 1.0, 1.05][1 + floor(3 * u2('quarter', product, day // 91))::integer], 2);

-- table: out_of_stock
-- one product in twenty-five runs out for five days of a month
create or replace temp macro out_of_stock(product, day) as
    u2('stock', product, day // 28) < 0.04 and (day % 28) between 28 * u2('stock day', product, day // 28) - 5
    and 28 * u2('stock day', product, day // 28);

-- table: campaign_of
-- a campaign a fortnight, seven days long: its number, or null on a day without
create or replace temp macro campaign_of(day) as if(day >= 10 and (day - 10) % 14 < 7, (day - 10) // 14, null);

-- table: is_sent
create or replace temp macro is_sent(user_number, campaign) as campaign >= 0 and u2('sent', user_number, greatest(campaign, 0)) < 0.5;

-- table: is_treated
-- four fifths of those chosen, by the toss of a coin: the rest is the holdout
create or replace temp macro is_treated(user_number, campaign) as
    is_sent(user_number, campaign) and u2('treated', user_number, greatest(campaign, 0)) < 0.8;

-- table: balance_day
-- the day on which the shop counted its members' points
create or replace temp macro balance_day() as getvariable('sim_days') - least(60, getvariable('sim_days') // 2);
