"""What the demo shows at its end: plain queries on the promotion views, and what to try next."""

from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from promo_cli.console import results
from promo_cli.export import Export

SEGMENTS = """
    select life_cycle, count(*) as users, count(*) filter (where value_tier = 'high_value') as high_value,
        count(*) filter (where intent = 'likely_buyer') as likely_buyers, round(avg(purchase_intent), 2) as mean_intent
    from promotions.user_segments
    group by life_cycle
    order by users desc
"""

# One row a guardrail, of products the user is likely to want: telling rows rather than the first.
PRICES = """
    with picks as (
        select
            prices.user_id, products.product_name, prices.list_price, prices.non_personal_price, prices.personal_price,
            coalesce(prices.binding_guardrail, 'none') as guardrail, prices.reason,
            row_number() over (
                partition by prices.binding_guardrail order by recommended.relevance desc, prices.user_id
            ) as place
        from promotions.dynamic_prices as prices
        inner join promotions.recommendations as recommended using (user_id, product_id)
        inner join staging.stg_products as products using (product_id)
        where recommended.recommendation_rank between 2 and 10
    )
    select user_id, product_name as product, list_price as list, non_personal_price as market,
        personal_price as price, guardrail, reason
    from picks
    where place = 1
    order by guardrail
"""

# A pair may fail several rules, and then counts in several rows.
VERDICTS = """
    select coalesce(reason_code, 'accepted') as outcome, count(*) as user_promotion_pairs
    from (
        select unnest(case when is_eligible then [null] else reject_reasons end) as reason_code
        from promotions.coupon_eligibility
    )
    group by reason_code
    order by reason_code is not null, user_promotion_pairs desc
"""

OFFERS = """
    select promotion_name, count(*) as offers, sum(reserved_budget) as reserved, round(sum(expected_margin), 2) as expected_margin
    from promotions.offers
    where campaign_id = $campaign
    group by promotion_name
    order by offers desc
"""


def print_report(database: Path, exported: Export) -> None:
    """Print segments, a sample of prices with reasons, verdicts by reason, the campaign's offers and its file."""
    from promo_cli.encryption import connect

    console = results()
    campaign = exported.manifest["campaign_id"]
    with connect(database, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")

        def show(title: str, sql: str, parameters: dict[str, Any] | None = None) -> None:
            """A table of the query's columns; `reason`, a sentence and always the last, goes below it line by line."""
            cursor = connection.execute(sql, parameters or {})
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
            shown = columns[:-1] if columns[-1] == "reason" else columns
            table = Table(title=title, title_justify="left", title_style="bold")
            for column in shown:
                table.add_column(column.replace("_", " "))
            for row in rows:
                table.add_row(*(_shown(value) for value in row[: len(shown)]))
            console.print(table)
            for row in rows if len(shown) < len(columns) else []:
                typer.echo(f"  {row[-2]}: {row[-1]}")
            typer.echo("")

        show("Segments: promotions.user_segments", SEGMENTS)
        show("Prices: promotions.dynamic_prices", PRICES)
        show("Verdicts: promotions.coupon_eligibility", VERDICTS)
        show("Offers: promotions.offers", OFFERS, {"campaign": campaign})
    typer.echo(f"Campaign file: {exported.path} ({exported.manifest['rows']:,} people), its manifest beside it.\n")
    typer.echo(
        "Try next:\n"
        "  promo explain 1 (household 1: offers, prices, refusals and why)\n"
        f"  any DuckDB client on {database}:\n"
        "    select promotion_name, reason, count(*) as users from promotions.coupon_eligibility\n"
        "    where not is_eligible group by all order by users desc limit 10;\n"
        "  promo export win_back --format parquet\n"
        "  change a row of dbt_project/seeds/promotion_catalogue.csv, then: promo build\n"
        "  your own shop: promo load files --help"
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" if isinstance(value, float) else str(value)
