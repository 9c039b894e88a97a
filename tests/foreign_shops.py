"""Three shops whose tables are none of the contract's, made by SQL from hashes: the same files every time.

    shopify    exports as a Shopify shop downloads them: an order and its lines in one file,
        what is the order's on its first row alone
    olist      the tables of the Brazilian marketplace: a customer id for every order, local times, reviews of orders
    clicks     an event log and nothing else: JSON lines with objects inside, other names, other words, milliseconds

Some hundreds of users each, over 300 days, with the dirt that such files have: rows twice, blanks, broken lines,
    cancelled orders.
"""

from pathlib import Path

import duckdb

DAYS, USERS, PRODUCTS = 300, 400, 120

# A user's visits: every 5 to 24 days, from hashes; 1 to 3 lines each out of a taste of some 25 products.
_VISITS = f"""
    create temp table visits as
    select u, d, row_number() over (order by d, u) as number, hash(u * 7919 + d) as h
    from range({USERS}) as users(u), range({DAYS}) as days(d)
    where (d + hash(u) % 20) % (5 + hash(u * 3) % 20) = 0;
    create temp table lines as
    select u, d, number, h, n, (hash(u * 31 + n * 3 + d // 60) % 25 * 7 + hash(u) % 5 * 11 + n) % {PRODUCTS} as p,
        hash(h + n) as hl
    from visits, range(3) as numbers(n)
    where n <= h % 3
"""
_MOMENT = "timestamp '2024-01-03 00:00:00' + to_days(d::integer) + to_seconds((28800 + h % 50000)::integer)"
_PRICE = "cast(4 + p % 17 * 3 + 0.90 as decimal(18, 2))"
_KIND = "['Coffee', 'Tea', 'Mugs', 'Grinders', 'Gift Cards', 'Filters'][1 + (p % 6)::integer]"


def _write(folder: Path, tables: dict[str, str], options: str = "header, quote '\"'") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(_VISITS)
        for name, sql in tables.items():
            connection.execute(f"copy ({sql}) to '{folder}/{name}' ({options})")


def write_shopify(folder: Path) -> None:
    """orders_export_1.csv and _2.csv, products_export.csv and customers_export.csv."""
    first = "n = 0"
    on_first = "case when {} then {} end".format
    orders = f"""
        select
            '#' || (1000 + number) as "Name",
            {
        on_first(
            f"{first} and h % 90 > 0", "case when h % 7 = 0 then upper('shopper' || u) else 'shopper' || u end || '@example.com'"
        )
    } as "Email",
            {on_first(first, "case when h % 40 = 0 then 'refunded' when h % 41 = 0 then 'voided' else 'paid' end")}
                as "Financial Status",
            {on_first(first, f"strftime({_MOMENT}, '%Y-%m-%d %H:%M:%S -0500')")} as "Paid at",
            {on_first(first, "'fulfilled'")} as "Fulfillment Status",
            {on_first(first, "case when u % 3 = 0 then 'no' else 'yes' end")} as "Accepts Marketing",
            {on_first(first, "'USD'")} as "Currency",
            {on_first(first, f"sum({_PRICE} * (1 + hl % 2)) over (partition by number)")} as "Subtotal",
            {on_first(first, "4.95")} as "Shipping",
            {on_first(first, "1.20")} as "Taxes",
            {on_first(first, f"sum({_PRICE} * (1 + hl % 2)) over (partition by number) + 6.15")} as "Total",
            {on_first(first, "case when h % 5 = 0 then 'SAVE5' end")} as "Discount Code",
            {on_first(first, "case when h % 5 = 0 then 5.00 else 0.00 end")} as "Discount Amount",
            {on_first(first, f"strftime({_MOMENT}, '%Y-%m-%d %H:%M:%S -0500')")} as "Created at",
            1 + hl % 2 as "Lineitem quantity",
            'Product ' || p || ' - ' || {_KIND} as "Lineitem name",
            {_PRICE} as "Lineitem price",
            case when p % 4 = 0 then {_PRICE} + 2 end as "Lineitem compare at price",
            case when p % 25 > 0 then 'SKU-' || lpad(p::varchar, 4, '0') end as "Lineitem sku",
            'true' as "Lineitem requires shipping",
            {on_first(first, "'Shopper Nr ' || u")} as "Billing Name",
            {on_first(first, "'US'")} as "Billing Country",
            {on_first(first, "'1' || lpad((u % 900)::varchar, 4, '0')")} as "Shipping Zip",
            {on_first(f"{first} and h % 59 = 0", f"strftime({_MOMENT}, '%Y-%m-%d %H:%M:%S -0500')")} as "Cancelled at",
            ['Acme', 'Bolt', 'Cora'][1 + (p % 3)::integer] as "Vendor",
            {on_first(first, "4000000000 + number")} as "Id",
            0.00 as "Lineitem discount"
        from lines
    """
    products = f"""
        select
            'product-' || p // 2 as "Handle",
            case when p % 2 = 0 then 'Product ' || p // 2 end as "Title",
            case when p % 2 = 0 then ['Acme', 'Bolt', 'Cora'][1 + (p // 2 % 3)::integer] end as "Vendor",
            case when p % 2 = 0 then ['Coffee', 'Tea', 'Mugs', 'Grinders', 'Gift Cards',
                'Filters'][1 + (p // 2 % 6)::integer] end as "Type",
            case when p % 2 = 0 then 'true' end as "Published",
            'SKU-' || lpad(p::varchar, 4, '0') as "Variant SKU",
            {_PRICE} as "Variant Price",
            case when p % 4 = 0 then {_PRICE} + 2 end as "Variant Compare At Price",
            case when p % 3 > 0 then cast({_PRICE} * 0.55 as decimal(18, 2)) end as "Cost per item",
            250 as "Variant Grams",
            case when p % 2 = 0 then case when p = 8 then 'archived' else 'active' end end as "Status"
        from range({PRODUCTS}) as t(p)
        where p % 25 > 0
    """
    customers = f"""
        select
            7000000 + u as "Customer ID", 'First' || u as "First Name", 'Last' || u as "Last Name",
            'shopper' || u || '@example.com' as "Email", case when u % 3 = 0 then 'no' else 'yes' end
                as "Accepts Email Marketing",
            ['CA', 'NY', 'TX', 'WA'][1 + (u % 4)::integer] as "Default Address Province Code", 'US'
                as "Default Address Country Code",
            lpad((10000 + u)::varchar, 5, '0') as "Default Address Zip", '+1 555 010 ' || lpad(u::varchar, 4, '0') as "Phone",
            'no' as "Accepts SMS Marketing", 10 + u as "Total Spent", u % 9 as "Total Orders"
        from range({USERS}) as t(u)
    """
    half = DAYS // 2
    _write(folder, {
        "orders_export_1.csv": f"{orders} where d < {half} order by number, n",
        "orders_export_2.csv": f"{orders} where d >= {half} order by number, n",
        "products_export.csv": products,
        "customers_export.csv": customers,
    })  # fmt: skip
    with (folder / "orders_export_2.csv").open("a", encoding="utf-8") as file:
        file.write("#99999,somebody@example.com,paid,2024-09-09\n")  # cut off
        file.write('#99998,"somebody, else"@example.com,paid\n')  # a quote inside a value


def write_olist(folder: Path) -> None:
    """olist_*_dataset.csv: customers, orders, order items, payments, reviews, products, sellers,
    and the translation of categories."""
    order = "md5('order' || number)"
    _write(folder, {
        "olist_customers_dataset.csv": """
            select md5('customer' || number) as customer_id, md5('person' || u) as customer_unique_id,
                1000 + u % 90 as customer_zip_code_prefix, 'cidade ' || u % 30 as customer_city, ['SP', 'RJ', 'MG',
                    'BA'][1 + (u % 4)::integer] as customer_state
            from visits order by hash(number)""",
        "olist_orders_dataset.csv": f"""
            select {order} as order_id, md5('customer' || number) as customer_id,
                case when h % 50 = 0 then 'canceled' when h % 51 = 0 then 'unavailable' else 'delivered' end as order_status,
                strftime({_MOMENT}, '%Y-%m-%d %H:%M:%S') as order_purchase_timestamp,
                strftime({_MOMENT} + interval 20 minutes, '%Y-%m-%d %H:%M:%S') as order_approved_at,
                case when h % 50 > 0 then strftime({_MOMENT} + interval 2 days, '%Y-%m-%d %H:%M:%S') end
                    as order_delivered_carrier_date,
                case when h % 50 > 0 then strftime({_MOMENT} + interval 9 days, '%Y-%m-%d %H:%M:%S') end
                    as order_delivered_customer_date,
                strftime({_MOMENT} + interval 20 days, '%Y-%m-%d 00:00:00') as order_estimated_delivery_date
            from visits order by hash(number)""",
        "olist_order_items_dataset.csv": f"""
            select {order} as order_id, n + 1 as order_item_id, md5('product' || p) as product_id, md5('seller' || p % 12)
                as seller_id,
                strftime({_MOMENT} + interval 5 days, '%Y-%m-%d %H:%M:%S') as shipping_limit_date, {_PRICE} as price,
                    9.90 + n as freight_value
            from lines where n = 0 or h % 5 = 0 order by hash(number * 10 + n)""",
        "olist_order_payments_dataset.csv": f"""
            select {order} as order_id, 1 as payment_sequential, ['credit_card', 'boleto',
                'voucher'][1 + (h % 3)::integer] as payment_type,
                1 + h % 6 as payment_installments, sum({_PRICE}) + 9.90 as payment_value
            from lines group by number, h order by hash(number)""",
        "olist_order_reviews_dataset.csv": f"""
            select md5('review' || case when h % 100 = 0 then number - 1 else number end) as review_id, {order} as order_id,
                1 + h % 5 as review_score,
                case when h % 9 = 0 then 'titulo' end as review_comment_title,
                case when h % 4 = 0 then 'muito bom, "recomendo"' || chr(10) || 'sim' end as review_comment_message,
                strftime({_MOMENT} + interval 10 days, '%Y-%m-%d 00:00:00') as review_creation_date,
                strftime({_MOMENT} + interval 12 days, '%Y-%m-%d %H:%M:%S') as review_answer_timestamp
            from visits where h % 10 < 8 order by hash(number)""",
        "olist_products_dataset.csv": f"""
            select md5('product' || p) as product_id,
                case when p % 40 > 0 then ['beleza_saude', 'informatica', 'cama_mesa_banho', 'esporte_lazer',
                    'bebidas'][1 + (p % 5)::integer] end as product_category_name,
                40 as product_name_lenght, 500 as product_description_lenght, 2 as product_photos_qty, 300 + p
                    as product_weight_g,
                20 as product_length_cm, 10 as product_height_cm, 15 as product_width_cm
            from range({PRODUCTS}) as t(p)""",
        "olist_sellers_dataset.csv": """
            select md5('seller' || s) as seller_id, 1000 + s as seller_zip_code_prefix, 'cidade' as seller_city, 'SP'
                as seller_state
            from range(12) as t(s)""",
        "product_category_name_translation.csv": """
            select * from (values ('beleza_saude', 'health_beauty'), ('informatica', 'computers'), ('cama_mesa_banho',
                'bed_bath_table'),
                ('esporte_lazer', 'sports_leisure')) as t(product_category_name, product_category_name_english)""",
    })  # fmt: skip


def write_clicks(folder: Path) -> None:
    """clicks.ndjson: ts, uid, action, sess and props with sku, price, cat, maker and q."""
    action = """case when hl % 97 = 0 then 'banner_seen' when n = 0 then 'pdp_impression' when hl % 11 = 0 then 'site_search'
        when n = 1 then 'add_to_bag' when hl % 6 = 0 then 'bag_removed' else 'order_placed' end"""
    _write(folder, {
        "clicks.ndjson": f"""
            select epoch_ms({_MOMENT} + to_seconds((n * 40)::integer)) as ts,
                case when hl % 400 > 0 then 'c-' || u end as uid, {action} as action, 's' || number as sess,
                {{
                    'sku': case when {action} <> 'site_search' then 'A' || p end, 'price': {_PRICE}, 'cat': {_KIND},
                        'maker': 'brand ' || p % 4,
                    'q': case when {action} = 'site_search' then 'nice ' || {_KIND} end
                }} as props
            from lines
            union all by name
            select epoch_ms({_MOMENT}) as ts, 'c-' || u as uid, 'pdp_impression' as action, 's' || number as sess,
                {{'sku': 'A' || p, 'price': {_PRICE}, 'cat': {_KIND}, 'maker': 'brand ' || p % 4, 'q': null}} as props
            from lines where hl % 50 = 0
            order by ts, uid, action""",
    }, "format json")  # fmt: skip


WRITERS = {"shopify": write_shopify, "olist": write_olist, "clicks": write_clicks}
