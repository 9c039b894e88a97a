"""A small shop with every kind of table, made by SQL from a seed: 80 users, 60 products, 200 days."""

from pathlib import Path

import duckdb

from promo_cli.connectors import files
from promo_cli.warehouse import open_warehouse

SECRET = "the secret of the tests, no other"  # noqa: S105  # noqa: S105, it guards nothing
"""Makes the pseudonyms of the small shop the same in every run."""

ERASABLE = "quagga.79"
"""The last of its users: an id, and an e-mail address, that stand in no text by chance."""

USER_OF = f"create temp macro user_of(number) as case when number = 79 then '{ERASABLE}' else 'u' || number end"
"""The shop's own id of its users 0 to 79; a connection that makes TABLES needs it."""

TABLES = {
    "users": """
        select user_of(i) as user_id, timestamp '2025-01-01 08:00:00' as signed_up_at, user_of(i) || '@example.org' as email,
            case when i % 2 = 0 then '35-44' else '45-54' end as age_band, 'north' as region, i % 7 as x_store_visits,
            case when hash(i) % 3 > 0 then '50-74K' end as income_band,
            case when hash(i * 7) % 2 = 0 then 'f' else 'm' end as gender,
            'household of ' || (1 + hash(i * 5) % 3) as household
        from range(80) as t(i)
    """,
    "products": """
        select 'p' || i as product_id, 'Product ' || i as product_name, 'category ' || (i % 6) as category,
            'brand ' || (i % 4) as brand, cast(2 + i % 9 + 0.99 as decimal(18, 2)) as list_price,
            case when i % 3 > 0 then cast((2 + i % 9) * 0.6 as decimal(18, 2)) end as unit_cost, 'shelf ' || i as x_shelf
        from range(60) as t(i)
    """,
    # A user's rhythm is 2 to 21 days; favourites come from hashes, so that habits repeat.
    "order_lines": """
        with visits as (
            select u, d
            from range(80) as users(u), range(200) as days(d)
            where (d + u) % (2 + u % 20) = 0
        ), lines as (
            select u, d, n, hash(u * 31 + (d // 40) * 7 + n * 3) % 60 as p, hash(u * 1000 + d * 10 + n) as h
            from visits, range(4) as numbers(n)
        )
        select u || '-' || d as order_id, n + 1 as line_number, user_of(u) as user_id, 'p' || p as product_id,
            timestamp '2025-01-01 15:00:00' + to_days(d::integer) as ordered_at, 1 + h % 2 as quantity,
            cast(2 + p % 9 + 0.99 as decimal(18, 2)) as list_price,
            cast((2 + p % 9 + 0.99) * case when h % 5 = 0 then 0.8 else 1 end as decimal(18, 2)) as paid_price
        from lines
    """,
    "events": """
        select u || '/' || d || '/' || n as event_id, user_of(u) as user_id, 'p' || (hash(u + d * 7 + n) % 60) as product_id,
            'session ' || u || ' ' || d as session_id, case when n < 2 then 'view' else 'addtocart' end as event_type,
            timestamp '2025-01-01 20:30:00' + to_days(d::integer) as event_at, 20 + n as dwell_seconds
        from range(80) as users(u), range(150, 200) as days(d), range(3) as numbers(n)
        where (d + u) % 5 = 0
    """,
    "reviews": """
        select 'r' || i as review_id, user_of(i % 80) as user_id, 'p' || (i % 60) as product_id, 1 + i % 5 as rating,
            timestamp '2025-03-01' + to_days((i % 90)::integer) as reviewed_at
        from range(120) as t(i)
    """,
    "coupons": """
        select * from (values
            ('OPEN', 'C1', 'shop', 1.00, timestamp '2025-07-01', timestamp '2025-08-01', 1),
            ('SOON', 'C1', 'shop', 1.00, timestamp '2025-07-25', timestamp '2025-08-15', 1),
            ('OVER', 'C1', 'shop', 1.00, timestamp '2025-05-01', timestamp '2025-07-10', 1)
        ) as t(coupon_id, campaign_id, kind, face_value, valid_from, valid_to, per_user_limit)
    """,
    "coupon_products": """
        select coupon_id, 'p' || i as product_id
        from range(60) as t(i), (values ('OPEN'), ('SOON'), ('OVER')) as c(coupon_id)
    """,
    "coupon_redemptions": """
        select * from (values ('x1', 'OPEN', 'u0', timestamp '2025-07-05 12:00:00', 1.00))
            as t(redemption_id, coupon_id, user_id, redeemed_at, discount)
    """,
    "campaigns": """
        select 'C1' as campaign_id, 'Summer' as campaign_name, 'mail' as campaign_kind, timestamp '2025-05-01' as starts_at,
            timestamp '2025-08-15' as ends_at, 100.00 as budget
    """,
    "campaign_sends": """
        select 'C1' as campaign_id, user_of(i) as user_id, timestamp '2025-05-01' as sent_at, true as treated
        from range(40) as t(i)
    """,
    "inventory": """
        select 'p' || i as product_id, date '2025-07-15' as as_of_date, case when i = 7 then 0 else 500 end as stock_on_hand
        from range(60) as t(i)
    """,
    "competitor_prices": """
        select 'p' || i as product_id, 'rival' as competitor, timestamp '2025-07-10' as observed_at,
            cast((2 + i % 9) * 0.95 as decimal(18, 2)) as price
        from range(30) as t(i)
    """,
    "baskets": """
        select 'b' || u as basket_id, n + 1 as line_number, user_of(u) as user_id, 'p' || hash(u * 5 + n) % 60 as product_id,
            1 + hash(u + n) % 3 as quantity, case when u % 10 = 0 then 'OPEN|GONE' end as coupon_ids
        from range(80) as users(u), range(5) as numbers(n)
    """,
    "consents": """
        select * from (values
            ('u1', 'marketing', timestamp '2025-02-01', false),
            ('u2', 'personalisation', timestamp '2025-02-01', true),
            ('u2', 'personalisation', timestamp '2025-06-01', false)
        ) as t(user_id, purpose, changed_at, granted)
    """,
    "offer_feedback": """
        select * from (values
            ('u4', 'OPEN', timestamp '2025-05-20', 'hide'),
            ('u6', 'OPEN', timestamp '2025-05-20', 'dislike'),
            ('u2', 'OPEN', timestamp '2025-05-20', 'like'),
            ('u8', 'DOUBLE_POINTS', timestamp '2025-07-01', 'like'),
            ('u9', 'p3', timestamp '2025-07-01', 'hide'),
            ('u9', 'p3', timestamp '2025-07-02', 'like'),
            ('u9', 'never heard of', timestamp '2025-07-02', 'like')
        ) as t(user_id, offer_id, given_at, verdict)
    """,
    "loyalty_accounts": """
        select user_of(i) as user_id, case when i % 2 = 0 then 'gold' else 'silver' end as tier, i * 10 as points,
            timestamp '2025-01-02' as joined_at
        from range(20) as t(i)
    """,
}


def write_small_shop(folder: Path) -> None:
    """Write the tables as Parquet files named as `promo load files` expects them; the same bytes of data every time."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(USER_OF)
        for table, sql in TABLES.items():
            connection.execute(f"copy ({sql}) to '{folder}/{table}.parquet'")


def write_event_log(folder: Path) -> None:
    """A shop of another kind: one CSV of views, carts and purchases with price, brand and category, no keys, no other table.

    Four of its 60 users have ids that are hard on SQL, CSV and terminals; two more rows are dated when no calendar has a day.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                select strftime(timestamp '2019-10-01 02:00' + to_minutes((i * 37)::integer), '%Y-%m-%dT%H:%M:%S+02:00')
                        as event_at,
                    case hash(i) % 10 when 0 then 'purchase' when 1 then 'cart' when 2 then 'remove_from_cart' else 'view' end
                        as event_type,
                    1000 + hash(i * 3) % 40 as product_id, 2000 + hash(i * 3) % 5 as category,
                    case when hash(i * 3) % 4 > 0 then 'brand' || hash(i * 3) % 4 end as brand,
                    round(5 + hash(i * 3) % 40 + 0.49, 2) as price,
                    case hash(i * 5) % 60
                        when 0 then 'o''brien"; drop table shop.events; --'
                        when 1 then '=1+1'
                        when 2 then '😀' || chr(8238) || 'abc'
                        when 3 then '../../etc/passwd' else (500 + hash(i * 5) % 60)::varchar
                    end as user_id,
                    md5((i // 4)::varchar) as session_id
                from range(6000) as t(i)
                union all
                select moment, 'view', 1000, 2000, 'brand1', 1, '501', 'never'
                from (values ('9999-12-31 23:59:59 UTC'), ('infinity')) as odd(moment)
            ) to '{folder}/events.csv' (header)
        """)


def load_folder(folder: Path, database: Path) -> Path:
    """Load a shop's folder as `promo load files` does; the database's path."""
    shop = files.find_shop_files(folder, "utf-8")
    with open_warehouse(database) as connection:
        files.load(connection, shop, "UTC", "EUR", None)
    return database
