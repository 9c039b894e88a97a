"""What will be sent: campaigns, offers, allocation, budgets, strategies."""

from typing import Any

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Section, Table
from promo_cli.report_page.telling import Teller, named_apart


def sending(teller: Teller) -> Section:
    """Campaigns, offers, budgets, strategies."""
    say = teller.words.say
    blocks = (_campaigns(teller), _offers(teller), _allocation(teller), _budgets(teller), _strategies(teller))
    return Section("sending", say("sending.title"), [say("sending.lead")], [block for block in blocks if block])


def _campaigns(teller: Teller) -> Block | None:
    say = teller.words.say
    rows = named_apart(teller.figures["campaigns"], "campaign_name", "campaign_id")
    if not rows:
        return None
    title = say("sending.campaigns")
    told = teller.amount(row["expected_incremental_margin"] for row in rows)
    bars = [
        {
            "y": row["campaign_name"],
            "x": float(row["expected_incremental_margin"]),
            "told": told(row["expected_incremental_margin"]),
        }
        for row in sorted(rows, key=lambda row: -(row["expected_incremental_margin"] or 0))
        if row["expected_incremental_margin"]
    ]
    columns = [
        teller.text("campaign", "campaign_name"),
        teller.text("status", label="status"),
        teller.column("runs", lambda row: teller.numbers.span(row["starts_at"], row["ends_at"]), "whole"),
        teller.count("audience", "audience_size", of_people=True),
        teller.count("offers_today", of_people=True),
        teller.hidden(teller.number("expected_uses", "expected_redemptions", digits=0), lambda row: True),
        teller.hidden(teller.money("cost", rows, "expected_cost"), lambda row: True),
        teller.hidden(teller.money("expected_margin", rows), lambda row: True),
        teller.hidden(teller.money("incremental_margin", rows, "expected_incremental_margin"), lambda row: True),
        teller.hidden(teller.money("budget_left", rows), lambda row: row["budget"] is not None),
    ]
    plots = [Plot(title, charts.bars(title, bars, _money_title(teller, "incremental_margin")))] if bars else []
    return Block(
        "campaigns", title, say("sending.campaigns_lead"), plots, [Table(title, columns, rows, "campaigns")], is_open=True
    )


def _offers(teller: Teller) -> Block | None:
    found, say = teller.figures["offers"], teller.words.say
    if not found:
        return None
    rows = [
        row | {"promotion_name": row["promotion_name"] or say("sending.other", count=teller.numbers.count(row["promotions"]))}
        for row in named_apart(found, "promotion_name", "promotion_id")
    ]
    title = say("sending.offers")
    bars = [{"y": row["promotion_name"], "x": row["offers"], "told": teller.numbers.count(row["offers"])} for row in rows]
    columns = [
        teller.text("promotion", "promotion_name"),
        teller.text("kind", label="kind"),
        teller.count("people"),
        teller.count("offers"),
        teller.number("expected_uses", digits=1),
        teller.money("reserved", rows),
        teller.money("expected_margin", rows),
    ]
    plot = Plot(title, charts.bars(title, bars, say("columns.offers")))
    return Block("offers", title, say("sending.offers_lead"), [plot], [Table(title, columns, rows, "offers")])


def _allocation(teller: Teller) -> Block | None:
    rows, say, label = teller.figures["allocation"], teller.words.say, teller.words.label
    if not rows:
        return None
    title = say("sending.allocation")
    bars = [
        {
            "y": label("code", row["decision"]),
            "x": row["pairs"],
            "told": teller.numbers.count(row["pairs"]),
            "is_marked": row["decision"] == "OFFERED",
        }
        for row in rows
    ]
    columns = [teller.text("decision", label="code"), teller.count("pairs"), teller.count("people")]
    plot = Plot(title, charts.bars(title, bars, say("columns.pairs")))
    return Block("allocation", title, say("sending.allocation_lead"), [plot], [Table(title, columns, rows, "allocation")])


def _budgets(teller: Teller) -> Block | None:
    say, label = teller.words.say, teller.words.label
    rows = named_apart(teller.figures["budgets"], "budget_name", "budget_id")
    if not rows:
        return None
    title = say("sending.budgets")
    told = teller.amount(row["budget"] for row in rows)
    parts = [label("budget_part", part) for part in ("spent", "reserved", "budget_left")]
    stacks = [
        {
            "y": row["budget_name"],
            "part": label("budget_part", part),
            "x": float(row[part]),
            "told": told(row[part]),
            "order": order,
        }
        for row in rows
        for order, part in enumerate(("spent", "reserved", "budget_left"))
        if row[part] is not None
    ]
    totals = [
        {
            "y": row["budget_name"],
            "x": sum(float(row[part] or 0) for part in ("spent", "reserved", "budget_left")),
            "told": say("page.not_shown") if row["reserved"] is None else told(row["budget"]),
        }
        for row in rows
    ]
    dearest = max(rows, key=lambda row: row["worth_of_one_more"] or 0)
    worth = dearest["worth_of_one_more"] or 0
    lead: Any = (
        teller.words.prose("sending.budgets_lead", name=dearest["budget_name"], worth=teller.numbers.money(worth))
        if worth > 0
        else say("sending.budgets_lead_none")
    )
    columns = [
        teller.text("promotion", "budget_name"),
        teller.money("budget", rows),
        teller.money("spent", rows),
        teller.hidden(teller.money("reserved", rows), lambda row: True),
        teller.hidden(teller.money("budget_left", rows), lambda row: True),
        teller.money("worth_of_one_more", rows),
    ]
    plot = Plot(title, charts.stacked_bars(title, stacks, totals, _money_title(teller, "budget"), parts))
    return Block("budgets", title, lead, [plot], [Table(title, columns, rows, "budgets")])


def _strategies(teller: Teller) -> Block | None:
    rows, say = teller.figures["strategies"], teller.words.say
    if not rows:
        return None
    title = say("sending.strategies")
    told = teller.amount(row["expected_margin"] for row in rows)
    bars = [
        {
            "y": teller.words.label("strategy", row["strategy"]),
            "x": row["expected_margin"],
            "told": told(row["expected_margin"]),
            "is_marked": row["is_in_use"],
        }
        for row in rows
    ]
    margins = {row["strategy"]: row["expected_margin"] for row in rows}
    in_use = next((row["expected_margin"] for row in rows if row["is_in_use"]), None)
    lead: Any = say("sending.strategies_plain")
    if in_use is not None and in_use > margins.get("random", in_use) > 0:
        lead = teller.words.prose("sending.strategies_lead", gain=teller.numbers.share(in_use / margins["random"] - 1))
    columns = [
        teller.text("strategy", label="strategy"),
        teller.yes("in_use", "is_in_use"),
        teller.count("offers"),
        teller.count("people"),
        teller.number("expected_uses", digits=1),
        teller.money("reserved", rows),
        teller.money("expected_margin", rows),
        teller.share("share_of_best"),
    ]
    plot = Plot(title, charts.bars(title, bars, _money_title(teller, "expected_margin")))
    return Block("strategies", title, lead, [plot], [Table(title, columns, rows, "strategies")])


def _money_title(teller: Teller, name: str) -> str:
    heading = teller.words.say(f"columns.{name}")
    return f"{heading} ({teller.numbers.currency})" if teller.numbers.currency else heading
