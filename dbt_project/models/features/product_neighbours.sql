-- products bought in the same orders: the ten nearest to each, by cosine of their order sets
{% set neighbours = 10 %}
with popular as (

    select
        as_of_date,
        product_id
    from {{ ref('product_features') }}
    where buyers_112d >= 3
    qualify row_number() over (partition by as_of_date order by buyers_112d desc, product_id) between 1 and 3000

),

baskets as (

    select distinct
        popular.as_of_date,
        lines.order_id,
        lines.product_id
    from {{ ref('stg_closed_order_lines') }} as lines
    inner join popular
        on
            lines.product_id = popular.product_id
            and lines.ordered_on < popular.as_of_date
            and lines.ordered_on >= {{ add_days('popular.as_of_date', -112) }}
    where lines.quantity > 0

),

counts as (

    select
        as_of_date,
        product_id,
        count(*) as orders
    from baskets
    group by as_of_date, product_id

),

pairs as (

    select
        a.as_of_date,
        a.product_id,
        b.product_id as neighbour_id,
        count(*) as orders_together
    from baskets as a
    inner join baskets as b
        on
            a.as_of_date = b.as_of_date
            and a.order_id = b.order_id
            and a.product_id <> b.product_id
    group by a.as_of_date, a.product_id, b.product_id
    having count(*) >= 3

),

similar_pairs as (

    select
        pairs.as_of_date,
        pairs.product_id,
        pairs.neighbour_id,
        pairs.orders_together,
        pairs.orders_together / sqrt(cast(a.orders as double) * b.orders) as similarity
    from pairs
    inner join counts as a on pairs.as_of_date = a.as_of_date and pairs.product_id = a.product_id
    inner join counts as b on pairs.as_of_date = b.as_of_date and pairs.neighbour_id = b.product_id

),

final as (

    select
        as_of_date,
        product_id,
        neighbour_id,
        cast(orders_together as integer) as orders_together,
        cast(similarity as double) as similarity
    from similar_pairs
    qualify
        row_number() over (partition by as_of_date, product_id order by similarity desc, neighbour_id)
        between 1 and {{ neighbours }}

)

select * from final
