"""Marginals of a simulated shop beside Complete Journey's: shown, not asserted to match.

Run: python benchmarks/simulated_shop.py [--users 5000] [--days 365] [--seed 1]
"""

import argparse
import time

import duckdb
from scale import events_in

from promo_cli.connectors import complete_journey, simulated

MARGINALS = """
with orders as (
    select order_id, user_id, min(ordered_at)::date as day, count(*) as lines, sum(quantity * paid_price) as total
    from shop.order_lines
    where quantity > 0
    group by order_id, user_id
),
days as (
    select user_id, day, day - lag(day) over (partition by user_id order by day) as gap
    from (select distinct user_id, day from orders)
),
per_user as (select user_id, count(*) as visit_days from days group by user_id),
repeats as (
    select user_id, product_id, count(distinct order_id) as orders from shop.order_lines group by user_id, product_id
),
products as (
    select product_id, sum(count(*)) over (order by count(*) desc, product_id) / sum(count(*)) over () as share_so_far,
        row_number() over (order by count(*) desc, product_id) / count(*) over () as place
    from shop.order_lines
    group by product_id
)
select * from (
    values
    ('users who bought', (select count(*) from per_user)),
    ('order lines', (select count(*) from shop.order_lines)),
    ('purchase days a buyer, median', (select median(visit_days) from per_user)),
    ('purchase days a buyer, 90 % quantile', (select quantile_cont(visit_days, 0.9) from per_user)),
    ('days between purchases, median', (select median(gap) from days)),
    ('days between purchases, 90 % quantile', (select quantile_cont(gap, 0.9) from days)),
    ('lines a basket, median', (select median(lines) from orders)),
    ('lines a basket, 90 % quantile', (select quantile_cont(lines, 0.9) from orders)),
    ('money a basket, median', (select median(total) from orders)),
    ('user x product bought more than once, share', (select avg((orders > 1)::int) from repeats)),
    ('lines of the top 1 % of products, share', (select max(share_so_far) from products where place <= 0.01)),
    ('lines below list price, share', (select avg((paid_price < list_price)::int) from shop.order_lines)),
    ('redemptions a thousand treated sends',
        (select count(*) from shop.coupon_redemptions) * 1000.0 / (select count(*) from shop.campaign_sends where treated))
) as marginals (name, value)
"""


def main() -> None:
    """Loads both shops into memory and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("users", 5_000), ("days", 365), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    products = min(100_000, max(1_000, options.users // 10))
    began = time.monotonic()
    with duckdb.connect() as connection:
        simulated.load(connection, options.users, options.days, options.seed, products)
        seconds = time.monotonic() - began
        made = connection.execute(MARGINALS).fetchall()
        events = events_in(connection)
    with duckdb.connect() as connection:
        complete_journey.load(connection, complete_journey.data_folder())
        real = dict(connection.execute(MARGINALS).fetchall())
    print(f"{'':<46}{'simulated':>14}{'Complete Journey':>18}")
    for name, value in made:
        print(
            f"{name:<46}{value:>14,.3g}{real[name]:>18,.3g}" if value < 1000 else f"{name:<46}{value:>14,.0f}{real[name]:>18,.0f}"
        )
    print(f"\n{events:,} events and order lines made in {seconds:.1f} s")


if __name__ == "__main__":
    main()
