-- dunnhumby's Complete Journey as the source contract words it. One statement a table, under a line `-- table: <name>`.
-- Reads the views journey_<file> over the packaged Parquet files. What the data lacks stays absent or null.
-- transaction_timestamp is UTC; campaign and redemption dates are days in New York, turned into UTC here.

-- table: users
create table shop.users as
with households as (
    select household_id from journey_transactions
    union
    select household_id from journey_campaigns
    union
    select household_id from journey_coupon_redemptions
    union
    select household_id from journey_demographics
)

-- no signed_up_at: the year begins in the middle of everybody's history, so a first basket says nothing of tenure
select
    cast(households.household_id as varchar) as user_id,
    people.age as age_band,
    people.income as income_band,
    people.household_comp as household,
    people.home_ownership as x_home_ownership,
    people.marital_status as x_marital_status,
    people.household_size as x_household_size,
    people.kids_count as x_kids_count,
from households
left join journey_demographics as people on households.household_id = people.household_id
order by households.household_id;

-- table: products
create table shop.products as
select
    cast(product_id as varchar) as product_id,
    nullif(concat_ws(' ', product_type, package_size), '') as product_name,
    -- fuel stands in FUEL and in COUPON/MISC ITEMS: one category for both
    case
        when product_type = 'GASOLINE-REG UNLEADED' or department = 'FUEL' or product_category = 'FUEL' then 'FUEL'
        else coalesce(product_category, department)
    end as category,
    product_type as subcategory,
    brand,
    department as x_department,
    cast(manufacturer_id as varchar) as x_manufacturer_id,
    package_size as x_package_size,
from journey_products
order by journey_products.product_id;

-- table: order_lines
create table shop.order_lines as
-- Money of a line. sales_value is what the shop receives, before manufacturer coupons (coupon_disc: the maker pays them
-- back). retail_disc (loyalty card) and coupon_match_disc (the shop's match of a coupon) are the shop's own discounts, so
-- the shelf price is their sum with sales_value. Sources: dunnhumby's user guide to the data; the R package completejourney
-- ("sales_value: amount of dollars retailer receives from sale"), whose preparation makes the discounts positive.
-- Measured here, against undiscounted lines of the same product, store and week: 402 of 402 lines with a match meet the
-- shelf price with coupon_match_disc, 0 without it; adding coupon_disc too, lines with a coupon never meet it.
with lines as (
    select
        sold.*,
        coalesce(goods.category = 'FUEL', false) as is_fuel,
        sold.sales_value + sold.retail_disc + sold.coupon_match_disc as shelf_value,
    from journey_transactions as sold
    left join shop.products as goods on cast(sold.product_id as varchar) = goods.product_id
),

counted as (
    select
        *,
        case
            when is_fuel then 1 -- its quantity is thousandths of a gallon, no count of units
            when quantity = 0 and sales_value > 0 then 1 -- 49 lines have money and no count
            else quantity -- 0 on 8,820 lines without money
        end as units,
    from lines
)

select
    cast(basket_id as varchar) as order_id,
    cast(row_number() over (partition by basket_id order by product_id) as integer) as line_number,
    cast(household_id as varchar) as user_id,
    cast(product_id as varchar) as product_id,
    transaction_timestamp as ordered_at,
    cast(units as decimal(18, 3)) as quantity,
    cast(case when units > 0 then shelf_value / units else 0 end as decimal(18, 2)) as list_price,
    cast(case when units > 0 then sales_value / units else 0 end as decimal(18, 2)) as paid_price,
    cast(case when units > 0 then retail_disc + coupon_match_disc else 0 end as decimal(18, 2)) as discount,
    cast(store_id as varchar) as store_id,
    -- mostly other coupons; inside a campaign's window it gives the redemption away, so it is no feature and no discount
    cast(coupon_disc as decimal(18, 2)) as x_manufacturer_coupon,
from counted;

-- table: coupons
create table shop.coupons as
-- 151 UPCs serve several campaigns, each with its own window: one coupon per UPC and campaign
with offered as (
    select distinct coupon_upc, campaign_id from journey_coupons
)

select
    offered.coupon_upc || '-' || offered.campaign_id as coupon_id,
    cast(offered.campaign_id as varchar) as campaign_id,
    -- named by makers' UPCs and paid back by makers, as far as the user guide says; a face value could only be inferred
    'manufacturer' as kind,
    (campaign.start_date at time zone 'America/New_York') at time zone 'UTC' as valid_from,
    ((campaign.end_date + interval 1 day) at time zone 'America/New_York') at time zone 'UTC' as valid_to,
from offered
inner join journey_campaign_descriptions as campaign on offered.campaign_id = campaign.campaign_id
order by offered.campaign_id, offered.coupon_upc;

-- table: coupon_products
create table shop.coupon_products as
-- 4,872 rows repeat a key and stay: staging rejects them where they can be counted
select
    coupon_upc || '-' || campaign_id as coupon_id,
    cast(product_id as varchar) as product_id,
from journey_coupons;

-- table: coupon_redemptions
create table shop.coupon_redemptions as
-- the data says on which day a coupon was used, not on which basket
select
    concat_ws('-', household_id, coupon_upc, campaign_id, strftime(redemption_date, '%Y%m%d')) as redemption_id,
    coupon_upc || '-' || campaign_id as coupon_id,
    cast(household_id as varchar) as user_id,
    (redemption_date at time zone 'America/New_York') at time zone 'UTC' as redeemed_at,
from journey_coupon_redemptions;

-- table: campaigns
create table shop.campaigns as
select
    cast(campaign_id as varchar) as campaign_id,
    'Campaign ' || campaign_id || ' (' || campaign_type || ')' as campaign_name,
    campaign_type as campaign_kind,
    (start_date at time zone 'America/New_York') at time zone 'UTC' as starts_at,
    ((end_date + interval 1 day) at time zone 'America/New_York') at time zone 'UTC' as ends_at,
from journey_campaign_descriptions
order by journey_campaign_descriptions.campaign_id;

-- table: campaign_sends
create table shop.campaign_sends as
-- the data lists who received a campaign; it has no holdout
select
    cast(received.campaign_id as varchar) as campaign_id,
    cast(received.household_id as varchar) as user_id,
    (campaign.start_date at time zone 'America/New_York') at time zone 'UTC' as sent_at,
    true as treated,
from journey_campaigns as received
inner join journey_campaign_descriptions as campaign on received.campaign_id = campaign.campaign_id;

-- table: product_promotions
create table shop.product_promotions as
-- Distinct stores by a bit each (112 stores, 126 bits): repeated keys count once, in a seventh of the time and the memory
-- of count(distinct) over 20.9 million rows. More than 126 stores would overflow and stop the load.
with stores as (
    select
        store_id,
        row_number() over (order by store_id) - 1 as store_bit,
    from (select distinct store_id from journey_promotions)
),

bits as (
    select
        promoted.product_id,
        promoted.week,
        bit_or(case when promoted.mailer_location <> '0' then 1::hugeint << stores.store_bit end) as mailer_bits,
        bit_or(case when promoted.display_location <> '0' then 1::hugeint << stores.store_bit end) as display_bits,
    from journey_promotions as promoted
    inner join stores on promoted.store_id = stores.store_id
    group by all
)

select
    cast(product_id as varchar) as product_id,
    -- week 1 is Sunday 1 January 2017 alone; week 2 begins on Monday 2 January
    date '2017-01-02' + 7 * (cast(week as integer) - 2) as week_start,
    cast(coalesce(bit_count(mailer_bits), 0) as integer) as mailer_stores,
    cast(coalesce(bit_count(display_bits), 0) as integer) as display_stores,
from bits
order by week_start, bits.product_id;
