"""A shop with planted abuse and with honest people who look a little like it, made by SQL from a seed: 180 days.

`truth` says what each user is. Abusers: rings by payment, by device, by address (all on one day), chained (each pair shares
something else), quiet (an address alone, never on one day); bursters; returners; farms of new accounts. Honest: singles,
families of 2 to 4 (an address always, often a payment, sometimes a device and a shared shopping trip), a dormitory of 12, an
office of 80, lovers of coupons, and people who send much back.
"""

from pathlib import Path

import duckdb

ABUSIVE = (
    "ring by payment", "ring by device", "ring by address", "chained ring", "quiet ring", "burster", "returner", "farm",
)  # fmt: skip

DRAW = "create macro draw(what, a, b) as (hash(what || '/' || a || '/' || b || '/' || getvariable('seed')) % 1000003) / 1000003.0"

# Groups: `unit` is the ring or family, `place` the account's place in it, `size` how many there are.
TRUTH = """
with kinds as (
    select * from (values
        ('single', 1), ('family', 3), ('dormitory', 12), ('office', 80), ('coupon lover', 1), ('sends much back', 1),
        ('ring by payment', 0), ('ring by device', 0), ('ring by address', 0), ('chained ring', 0), ('quiet ring', 0),
        ('burster', 1), ('returner', 1), ('farm', 5)
    ) as t(kind, size)
), shares as (
    select kind, size, case kind
        when 'single' then 60 when 'family' then 10 when 'dormitory' then 0.3 when 'office' then 0.1 when 'coupon lover' then 3
        when 'sends much back' then 2 when 'burster' then 0.6 when 'returner' then 0.6 when 'farm' then 0.3 else 0.25
    end as units_per_hundred
    from kinds
), units as (
    select kind, unit, case
        when kind = 'family' then 2 + floor(3 * draw('family size', kind, unit))::integer
        when kind in ('ring by payment', 'ring by device') then 3 + floor(6 * draw('ring size', kind, unit))::integer
        when size = 0 then 5 + floor(4 * draw('ring size', kind, unit))::integer
        else size
    end as size
    from shares, range(greatest(1, round(units_per_hundred * getvariable('hundreds'))::bigint)) as t(unit)
)
select kind, unit, size, place, kind || ' ' || unit as name,
    'u' || (row_number() over (order by md5(kind || unit || '-' || place)) - 1) as user_id
from units, range(9999) as t(place)
where place < size
"""

TABLES = {
    "users": """
        select user_id, case
            when kind = 'farm' then timestamp '2025-03-01' + to_hours((24 * 20 * unit % 2400 + 3 * place)::integer)
            else timestamp '2024-01-01' + to_hours((8000 * draw('sign-up', user_id, 0))::integer)
        end as signed_up_at
        from truth
    """,
    "products": """
        select 'p' || i as product_id, 'category ' || i % 10 as category, 10.00 as list_price from range(100) as t(i)
    """,
    "coupons": """
        select 'c' || i as coupon_id, 'shop' as kind, 2.00 as face_value,
            timestamp '2025-01-05' + to_days((14 * i)::integer) as valid_from,
            timestamp '2025-01-15' + to_days((14 * i)::integer) as valid_to
        from range(12) as t(i)
    """,
    # Every visit: a day, an hour, perhaps a coupon of that time.
    "visits": """
        with usual as (
            select truth.*, day, 0 as number, draw('hour', user_id, day) * 12 + 8 as hour,
                case when day % 14 between 4 and 13 then day // 14 end as coupon_number,
                case
                    when kind = 'coupon lover' then 0.95
                    -- they go together one time in five, and then all take the coupon
                    when kind = 'family' and draw('trip', name, day) < 0.2 then 0.6
                    else 0.15
                end as chance
            from truth, range(180) as days(day)
            where kind <> 'farm' and draw(
                'visit', case when kind = 'family' and draw('trip', name, day) < 0.2 then name else user_id end, day
            ) < 0.04 + 0.06 * draw('rate', user_id, 0)
        ), raids as (
            select truth.*,
                14 * c + 4 + case
                    when kind = 'quiet ring' then place % 10
                    when kind = 'ring by address' then 0
                    else floor(2 * draw('raid day', name, c * 10 + place))::integer
                end as day,
                1 as number, 9 + place * 0.3 as hour, c as coupon_number, 0.92 as chance
            from truth, range(12) as coupons(c)
            where kind in ('ring by payment', 'ring by device', 'ring by address', 'chained ring', 'quiet ring')
        ), bursts as (
            select truth.*, 14 * (3 + unit % 8) + 6 as day, 2 + n as number, 9 + n * 0.5 as hour, 3 + unit % 8 as coupon_number,
                1 as chance
            from truth, range(9) as numbers(n)
            where kind = 'burster' and n < 5 + unit % 5
        ), farmed as (
            select truth.*, 0 as day, 0 as number, 1 as hour, 0 as coupon_number, 1 as chance from truth where kind = 'farm'
        ), visits as (
            select * from usual union all select * from raids union all select * from bursts union all select * from farmed
        )
        select visits.* exclude (hour, coupon_number),
            case
                when kind = 'farm'
                    then timestamp '2025-03-01' + to_hours((24 * 20 * unit % 2400 + 3 * place + 2)::integer)
                else timestamp '2025-01-01' + to_days(day::integer) + to_minutes((60 * hour)::integer)
            end as ordered_at,
            case
                when kind = 'farm' then 'c' || (4 + unit % 8)
                when coupon_number < 12 and draw('coupon', user_id, day * 100 + number) < chance then 'c' || coupon_number
            end as coupon_id,
            'o' || user_id || '-' || day || '-' || number as order_id
        from visits
    """,
    "order_lines": """
        select order_id, n + 1 as line_number, user_id, 'p' || hash(order_id || n) % 100 as product_id, ordered_at, 1 as quantity,
            10.00 as list_price, 10.00 as paid_price,
            md5('address ' || case
                when kind in ('family', 'dormitory', 'office', 'ring by address', 'quiet ring') then name
                when kind = 'chained ring' then name || ' ' || (place + 1) // 2
                else user_id
            end) as ship_address_hash,
            md5('payment ' || case
                when kind = 'ring by payment' then name
                when kind = 'family' and draw('one card', name, 0) < 0.5 then name
                when kind = 'chained ring' then name || ' ' || place // 2
                else user_id
            end) as payment_hash,
            md5('device ' || case
                when kind in ('ring by device', 'farm') then name
                when kind = 'family' and draw('one device', name, 0) < 0.3 then name
                else user_id
            end) as device_hash
        from visits, range(3) as numbers(n)
        where n = 0 or draw('lines', order_id, n) < 0.6
    """,
    "coupon_redemptions": """
        select 'r' || order_id as redemption_id, coupon_id, user_id, order_id, ordered_at as redeemed_at, 2.00 as discount
        from visits
        where coupon_id is not null
    """,
    "returns": """
        select order_id, line_number, ordered_at + to_days(5) as returned_at, quantity, 10.00 as refund
        from order_lines
        inner join truth using (user_id)
        where draw('returned', order_id, line_number) < case kind
            when 'returner' then 0.75 when 'sends much back' then 0.22 when 'burster' then 0.1 else 0.04
        end and ordered_at < timestamp '2025-06-20'
    """,
}
SHOP_TABLES = [name for name in TABLES if name != "visits"]


def write_risk_shop(folder: Path, hundreds: float, seed: int) -> dict[str, str]:
    """Write the tables as Parquet files for `promo load files`; returns what each user is. About 100 units a hundred."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set variable seed = $seed", {"seed": str(seed)})
        connection.execute("set variable hundreds = $hundreds", {"hundreds": hundreds})
        connection.execute(DRAW)
        connection.execute(f"create table truth as {TRUTH}")
        for name, sql in TABLES.items():
            connection.execute(f"create table {name} as {sql}")
        for name in SHOP_TABLES:
            connection.execute(f"copy {name} to '{folder}/{name}.parquet'")
        return dict(connection.execute("select user_id, kind from truth").fetchall())
