"""What the demo shows at its end: plain queries on the promotion views, and what to try next."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer

from promo_cli.export import Export
from promo_cli.paths import dbt_project_path
from promo_cli.tables import columns, wrapped

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
    select coalesce(verdicts.reason_code, 'accepted') as outcome, count(*) as user_promotion_pairs,
        coalesce(max(codes.sentence), 'Offers are chosen from these.') as meaning
    from (
        select unnest(case when is_eligible then [null] else reject_reasons end) as reason_code
        from promotions.coupon_eligibility
    ) as verdicts
    left join policies.reject_codes as codes on verdicts.reason_code = codes.code
    group by verdicts.reason_code
    order by verdicts.reason_code is not null, user_promotion_pairs desc
"""

OFFERS = """
    select promotion_name, count(*) as offers, sum(reserved_budget) as reserved, round(sum(expected_margin), 2) as expected_margin
    from promotions.offers
    where campaign_id = $campaign
    group by promotion_name
    order by offers desc
"""


TABLES = {
    "Segments: promotions.user_segments": SEGMENTS,
    "Prices: promotions.dynamic_prices": PRICES,
    "Verdicts: promotions.coupon_eligibility": VERDICTS,
    "Offers: promotions.offers": OFFERS,
}
"""Title -> query."""


def read_report(database: Path, campaign: str) -> dict[str, list[dict[str, Any]]]:
    """Rows by title of TABLES; the offers are those of `campaign`."""
    from promo_cli.encryption import connect
    from promo_cli.warehouse_reader import records

    with connect(database, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return {
            title: records(connection, query, {"campaign": campaign} if query is OFFERS else {})
            for title, query in TABLES.items()
        }


def print_report(database: Path, exported: Export) -> None:
    """Print segments, a sample of prices with reasons, verdicts by reason, the campaign's offers and its file."""
    for title, rows in read_report(database, exported.manifest["campaign_id"]).items():
        typer.echo(f"\n{title}")
        names = [name for name in rows[0] if name != "reason"] if rows else []
        cells = [[_shown(name, row[name]) for name in names] for row in rows]
        typer.echo(columns([name.replace("_", " ") for name in names], cells) if rows else "  none")
        for row in rows:
            if "reason" in row:  # a sentence, too long for a table
                typer.echo(wrapped(f"  {row['guardrail']}: {row['reason']}"))
    typer.echo("")
    typer.echo(f"Campaign file: {exported.path} ({exported.manifest['rows']:,} people), its manifest beside it.\n")
    typer.echo(
        "Try next:\n"
        "  promo explain 1 (household 1: offers, prices, refusals and why)\n"
        f"  any DuckDB client on {database}:\n"
        "    select promotion_name, reason, count(*) as users from promotions.coupon_eligibility\n"
        "    where not is_eligible group by all order by users desc limit 10;\n"
        "  promo export win_back --format parquet\n"
        f"  change a row of {os.path.relpath(dbt_project_path() / 'seeds' / 'promotion_catalogue.csv')}, then: promo build\n"
        "  promo report (one page of it all, for a browser)\n"
        "  your own shop: promo init --help"
    )


def _shown(name: str, value: Any) -> str:
    """A value for people; a pseudonym, which SQL finds the row by, by its first digits."""
    if value is None:
        return ""
    if name == "user_id":
        return f"{value[:8]}…" if len(value) > 12 else value
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int | Decimal) else str(value)
