-- what newcomers of each region buy: the stand-in for interest where a user has no history
-- Shares of thin groups lean on the wider one: newcomers of a region on all its buyers, those on the whole shop.
{{ config(materialized='table') }}

{% set products_per_group = 50 %}
{% set least_buyers = 50 %}  {# of a region, in four weeks; users of a smaller one see the group * #}
{% set prior_buyers = 20 %}  {# the wider group counts as so many buyers #}
with purchases as (

    select distinct
        lines.user_id,
        lines.product_id
    from {{ ref('stg_closed_order_lines') }} as lines
    inner join {{ ref('as_of_dates') }} as dates
        on
            dates.as_of_date = dates.data_until
            and lines.ordered_on < dates.as_of_date
            and lines.ordered_on >= {{ add_days('dates.as_of_date', -28) }}
    where lines.quantity > 0

),

buying as (

    select distinct user_id
    from purchases

),

buyers as (

    select
        buying.user_id,
        users.region,
        coalesce(features.days_since_first_purchase <= {{ policy_value('newcomer_days') }}, false) as is_newcomer
    from buying
    inner join {{ ref('stg_users') }} as users on buying.user_id = users.user_id
    inner join {{ ref('user_features') }} as features on buying.user_id = features.user_id
    inner join {{ ref('as_of_dates') }} as dates
        on features.as_of_date = dates.as_of_date and features.as_of_date = dates.data_until

),

regions as (

    select
        region as peer_group,
        count(*) as buyers,
        sum(case when is_newcomer then 1 else 0 end) as newcomers
    from buyers
    where region <> '*'
    group by region
    having count(*) >= {{ least_buyers }}

),

shop as (

    select
        count(*) as buyers,
        sum(case when is_newcomer then 1 else 0 end) as newcomers
    from buyers

),

bought as (

    select
        purchases.product_id,
        buyers.region,
        count(*) as buyers,
        sum(case when buyers.is_newcomer then 1 else 0 end) as newcomers
    from purchases
    inner join buyers on purchases.user_id = buyers.user_id
    inner join {{ ref('recommendable_products') }} as products on purchases.product_id = products.product_id
    group by purchases.product_id, buyers.region

),

shop_shares as (

    select
        bought.product_id,
        sum(bought.newcomers) as newcomers,
        sum(bought.buyers) / cast(max(shop.buyers) as double) as share
    from bought
    cross join shop
    group by bought.product_id

),

shares as (

    select
        regions.peer_group,
        bought.product_id,
        bought.newcomers,
        regions.newcomers as group_newcomers,
        (bought.buyers + {{ prior_buyers }} * shop_shares.share) / (regions.buyers + {{ prior_buyers }}) as share
    from bought
    inner join regions on bought.region = regions.peer_group
    inner join shop_shares on bought.product_id = shop_shares.product_id

    union all

    select
        '*' as peer_group,
        shop_shares.product_id,
        shop_shares.newcomers,
        shop.newcomers as group_newcomers,
        shop_shares.share
    from shop_shares
    cross join shop

),

final as (

    select
        peer_group,
        product_id,
        cast((newcomers + {{ prior_buyers }} * share) / (group_newcomers + {{ prior_buyers }}) as float) as peer_share
    from shares
    qualify
        row_number() over (
            partition by peer_group
            order by (newcomers + {{ prior_buyers }} * share) / (group_newcomers + {{ prior_buyers }}) desc, product_id
        ) between 1 and {{ products_per_group }}

)

select * from final
