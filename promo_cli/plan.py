"""`promo plan`: what the campaigns that run or begin soon would do, before anything is sent."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promo_cli.completion import campaigns
from promo_cli.options import AsJson, Database, Quiet
from promo_cli.paths import database_path
from promo_cli.tables import columns, facts

if TYPE_CHECKING:
    import duckdb

Plan = dict[str, Any]
"""A row of promotions.campaigns_planned; None: not shown for so few people, or not there."""


def plan(
    campaign: Annotated[
        str | None,
        typer.Argument(metavar="CAMPAIGN", help="A campaign_id [default: all that run or begin soon].", autocompletion=campaigns),
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Tell what a campaign would do before anything is sent: audience, control groups, uses, cost, margin, budget, refusals.

    The expected numbers are those of the campaign alone: each user gets the best of its promotions until the budget is
    used up. Incremental margin counts sales that would not have been made without the offer. Numbers for fewer people
    than the policy's min_audience_size are not shown. Times are UTC, money is in the shop's currency.
    """
    import json

    from promo_cli.warehouse_reader import tell_if_unpublished

    plans, least = read_plans(database_path(database), campaign)
    tell_if_unpublished(database_path(database), quiet)
    if as_json:
        records = [{name: _plain(value) for name, value in found.items()} for found in plans]
        typer.echo(json.dumps(records[0] if campaign is not None else records, indent=2, ensure_ascii=False))
    elif campaign is not None:
        typer.echo(_described(plans[0], least))
    elif plans:
        typer.echo(_listed(plans, least))
    else:
        typer.echo("no campaign runs or begins soon; see seeds/promotion_catalogue.csv and campaign_horizon_days")


def read_plans(database: Path, campaign_id: str | None = None) -> tuple[list[Plan], int]:
    """The planned campaigns, those that run first, or the one of `campaign_id`; and the policy's min_audience_size.

    Raises PromoError when there is no built database or no such campaign (exit code 1), and when the database can't be
    opened (exit code 3).
    """
    from promo_cli.warehouse_reader import open_for_export, records

    with open_for_export(database) as connection:
        plans = records(
            connection,
            """
            select
                planned.*,
                first.sentence as refusal_1_sentence,
                second.sentence as refusal_2_sentence,
                third.sentence as refusal_3_sentence
            from promotions.campaigns_planned as planned
            left join policies.reject_codes as first on planned.refusal_1 = first.code
            left join policies.reject_codes as second on planned.refusal_2 = second.code
            left join policies.reject_codes as third on planned.refusal_3 = third.code
            order by planned.status desc, planned.starts_at, planned.campaign_id
            """,
        )
        if campaign_id is not None:
            plans = [found for found in plans if found["campaign_id"] == campaign_id] or _refuse(connection, campaign_id, plans)
        least = connection.execute("select value from policies.policy_values where name = 'min_audience_size'").fetchall()[0][0]
    return plans, int(least)


def _refuse(connection: "duckdb.DuckDBPyConnection", campaign_id: str, plans: list[Plan]) -> list[Plan]:
    """Raises PromoError: the campaign is over, far away, or unknown."""
    from promo_cli.connectors.near_match import did_you_mean, listed
    from promo_cli.errors import PromoError, shown

    windows = dict(
        connection.execute(
            """
            select campaign_id, [min(starts_at), max(ends_at)]
            from (
                select campaign_id, starts_at, ends_at from staging.stg_campaigns
                union all
                select campaign_id, valid_from, valid_to from promotions.promotion_terms
            )
            where campaign_id is not null
            group by campaign_id
            """
        ).fetchall()
    )
    planned = [found["campaign_id"] for found in plans]
    if campaign_id in windows:
        starts_at, ends_at = windows[campaign_id]
        raise PromoError(
            f"campaign {shown(campaign_id)} is not planned: it is over, or begins later than campaign_horizon_days says "
            f"({_moment(starts_at)} to {_moment(ends_at)} UTC)"
        )
    there = f"; planned are: {listed(map(shown, planned), most=8)}" if planned else "; the last build plans no campaign"
    raise PromoError(f"campaign {shown(campaign_id)} is not known{did_you_mean(campaign_id, windows)}{there}")


def _listed(plans: list[Plan], least: int) -> str:
    """An overview in whole figures, extra margin being the incremental one; `promo plan CAMPAIGN` and --json tell the cents."""
    headings = ["campaign", "runs", "people", "offers", "uses", "cost", "extra margin", "budget left"]
    rows = [
        [
            found["campaign_id"],
            f"to {found['ends_at']:%Y-%m-%d}" if found["status"] == "running" else f"from {found['starts_at']:%Y-%m-%d}",
            f"< {least}" if found["audience_size"] is None else f"{found['audience_size']:,}",
            *(_whole(found[f"expected_{name}"]) for name in ("offers", "redemptions", "cost", "incremental_margin")),
            "no bound" if found["budget"] is None else _whole(found["budget_left"]),
        ]
        for found in plans
    ]
    told = columns(headings, rows, right=set(range(2, len(headings))))
    hidden = f"\n- is not shown: it is about fewer than {least} people" if any("-" in row for row in rows) else ""
    return f"{told}{hidden}"


def _whole(value: Any) -> str:
    return "-" if value is None else f"{round(value):,}"


def _described(found: Plan, least: int) -> str:
    promotions = found["promotions"]
    named = f": {found['promotion_ids'].replace('|', ', ')}" if 0 < promotions <= 8 else ""
    in_control = [_people(found[f"{kind}_holdout_size"], least) for kind in ("universal", "campaign")]
    measured = found["measured_share"]
    basis = ""
    if measured is not None:
        basis = f" ({measured * 100:.0f} % of the offers by their scored effect, the others by assumed_incremental_share)"
    budget = "no bound"
    if found["budget"] is not None:
        reserved, left = _sum(found["budget_reserved"]), _sum(found["budget_left"])
        budget = f"{found['budget']:,}: {found['budget_spent']:,} spent, {reserved} reserved, {left} left"
    rows = [
        ("promotions", f"{promotions:,}{named}"),
        ("audience", _people(found["audience_size"], least)),
        ("control groups", f"{in_control[0]} universal, {in_control[1]} of the campaign"),
        ("expected offers", _sum(found["expected_offers"])),
        ("expected uses", _sum(found["expected_redemptions"])),
        ("expected cost", _sum(found["expected_cost"])),
        ("expected margin", _sum(found["expected_margin"])),
        ("incremental margin", _sum(found["expected_incremental_margin"]) + basis),
        ("to be reserved", _sum(found["expected_reservation"])),
        ("budget", budget),
        ("offered today", f"{_sum(found['offers_today'])} ({_sum(found['offers_open'])} open)"),
    ]
    for place in (1, 2, 3):
        if found[f"refusal_{place}"] is not None:
            refused = f"{found[f'refusal_{place}_users']:,} {found[f'refusal_{place}']}: {found[f'refusal_{place}_sentence']}"
            rows.append(("left out" if place == 1 else "", refused))
    head = (
        f"{found['campaign_name']} ({found['campaign_id']}), {found['status']}, "
        f"{_moment(found['starts_at'])} to {_moment(found['ends_at'])} UTC, seen on {found['as_of_date']}"
    )
    return f"{head}\n{facts(rows)}"


def _people(count: int | None, least: int) -> str:
    return f"fewer than {least}" if count is None else f"{count:,}"


def _sum(value: Any) -> str:
    """A number that follows from people, who may be too few to tell it."""
    return "not shown" if value is None else f"{value:,}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _plain(value: Any) -> Any:
    """A value as JSON has it: numbers as numbers, times in ISO 8601."""
    from datetime import date
    from decimal import Decimal

    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
