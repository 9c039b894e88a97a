"""The sections about what is sent: offers and campaigns, segments, prices, coupons."""

from typing import Any

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Section, Table
from promo_cli.report_page.telling import Teller, in_order, named_apart


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


def segments(teller: Teller) -> Section:
    """People by segment, and who moved."""
    say = teller.words.say
    section = Section("segments", say("segments.title"), [say("segments.lead")])
    rows = teller.figures["segments"]
    plots = []
    for dimension in in_order([row["dimension"] for row in rows]):
        bars = [
            {
                "y": teller.words.label("segment", row["segment"]),
                "x": row["people"] or 0,
                "told": teller.people(row["people"]),
            }
            for row in rows
            if row["dimension"] == dimension
        ]
        name = teller.words.label("dimension", dimension)
        plots.append(Plot(name, charts.bars(f"{say('segments.now')}: {name}", bars, say("columns.people"))))
    columns = [
        teller.text("dimension", label="dimension"),
        teller.text("segment", label="segment"),
        teller.column(
            "meaning",
            lambda row: teller.words.label("segment_meaning", row["segment"], row["description"]) if row["description"] else None,
        ),
        teller.count("people", of_people=True),
        teller.share("mean_intent"),
    ]
    title = say("segments.now")
    section.blocks.append(Block("people", title, "", plots, [Table(title, columns, rows, "segments")]))
    section.blocks.append(_moves(teller))
    return section


def _moves(teller: Teller) -> Block:
    rows, say, label = teller.figures["segment_moves"], teller.words.say, teller.words.label
    title = say("segments.moves")
    if not rows:
        return Block("moves", title, note=say("segments.no_moves"))
    order = in_order([row["segment"] for row in teller.figures["segments"]])
    places = {segment: place for place, segment in enumerate(order)}

    def place(segment: str) -> int:
        return places.get(segment, len(places))

    cells = [
        {
            "y": label("segment", row["from_segment"]),
            "x": label("segment", row["to_segment"]),
            "share": row["share"] or 0,
            "told": teller.people(row["people"]),
        }
        for row in sorted(rows, key=lambda row: (place(row["from_segment"]), place(row["to_segment"])))
    ]
    lead = say(
        "segments.moves_lead",
        from_day=teller.numbers.day(rows[0]["from_as_of_date"]),
        to_day=teller.numbers.day(rows[0]["to_as_of_date"]),
    )
    columns_told = in_order(
        [label("segment", row["to_segment"]) for row in sorted(rows, key=lambda row: place(row["to_segment"]))]
    )
    columns = [
        teller.text("from_segment", label="segment"),
        teller.text("to_segment", label="segment"),
        teller.count("people", of_people=True),
        teller.share("share"),
    ]
    plot = Plot(title, charts.heat(title, cells, columns_told))
    return Block("moves", title, lead, [plot], [Table(title, columns, rows, "segment_moves")])


def prices(teller: Teller) -> Section:
    """Market prices and what moved them, personal prices and what held them."""
    say, rows = teller.words.say, teller.figures["market_moves"]
    moved = sum(row["products"] for row in rows if row["moved_by"] != "none")
    products = sum(row["products"] for row in rows)
    lead = teller.words.prose("prices.lead", moved=teller.numbers.count(moved), products=teller.numbers.count(products))
    blocks = (_market(teller, moved), _personal(teller), _categories(teller))
    return Section("prices", say("prices.title"), [lead], [block for block in blocks if block])


def _market(teller: Teller, moved: int) -> Block:
    rows, say, label = teller.figures["market_moves"], teller.words.say, teller.words.label
    title = say("prices.market")
    columns = [
        teller.column("move", lambda row: _step(row["move"]), "number"),
        teller.text("moved_by", label="moved_by"),
        teller.count("products"),
    ]
    table = Table(title, columns, rows, "market_moves")
    if not moved:
        return Block("market", title, say("prices.no_market"), [], [table])
    causes = [cause for cause in ("demand", "stock", "competitor", "several") if any(row["moved_by"] == cause for row in rows)]
    upright = [
        {
            "x": row["move"],
            "told_x": _step(row["move"]),
            "part": label("moved_by", row["moved_by"]),
            "order": causes.index(row["moved_by"]),
            "y": row["products"],
            "told": teller.numbers.count(row["products"]),
        }
        for row in rows
        if row["moved_by"] != "none"
    ]
    parts = [label("moved_by", cause) for cause in causes]
    plot = Plot(title, charts.columns(title, upright, say("columns.move"), say("columns.products"), parts), size="small")
    return Block("market", title, say("prices.market_lead"), [plot], [table])


def _personal(teller: Teller) -> Block | None:
    rows, say, label = teller.figures["personal_prices"], teller.words.say, teller.words.label
    totals = sorted((row for row in rows if row["move"] is None), key=lambda row: -row["prices"])
    if not totals:
        return None
    rails = [row["guardrail"] for row in totals]
    title = say("prices.personal")
    upright = [
        {
            "x": row["move"],
            "told_x": _step(row["move"]),
            "part": label("guardrail", row["guardrail"]),
            "order": rails.index(row["guardrail"]),
            "y": row["prices"],
            "told": teller.numbers.count(row["prices"]),
        }
        for row in rows
        if row["move"] is not None
    ]
    bars = [
        {"y": label("guardrail", row["guardrail"]), "x": row["prices"], "told": teller.numbers.count(row["prices"])}
        for row in totals
    ]
    columns = [
        teller.text("guardrail", label="guardrail"),
        teller.column("move", lambda row: None if row["move"] is None else _step(row["move"]), "number"),
        teller.count("prices"),
        teller.count("people"),
    ]
    by_move, by_guardrail = say("prices.by_move"), say("prices.by_guardrail")
    parts = [label("guardrail", rail) for rail in rails]
    plots = [
        Plot(by_move, charts.columns(f"{title}: {by_move}", upright, say("columns.move"), say("columns.prices"), parts)),
        Plot(by_guardrail, charts.bars(f"{title}: {by_guardrail}", bars, say("columns.prices"))),
    ]
    return Block("personal", title, say("prices.personal_lead"), plots, [Table(title, columns, rows, "personal_prices")])


def _categories(teller: Teller) -> Block | None:
    rows, say = teller.figures["price_categories"], teller.words.say
    if not rows:
        return None
    columns = [
        teller.text("category"),
        teller.count("products"),
        teller.count("prices"),
        teller.share("personalised_share"),
        teller.share("below_list"),
        teller.share("below_non_personal"),
        teller.text("commonest_guardrail", label="guardrail"),
    ]
    title = say("prices.categories")
    return Block("categories", title, tables=[Table(title, columns, rows, "price_categories")])


def coupons(teller: Teller) -> Section:
    """Refusals by rule, and by promotion and rule."""
    say = teller.words.say
    blocks = (_reasons(teller), _promotions(teller))
    return Section("coupons", say("coupons.title"), [say("coupons.lead")], [block for block in blocks if block])


def _reasons(teller: Teller) -> Block | None:
    rows, say, label = teller.figures["refusals"], teller.words.say, teller.words.label
    if not rows:
        return None
    title = say("coupons.reasons")
    only, also = say("coupons.only"), say("coupons.also")
    stacks = [
        {"y": label("code", row["code"]), "part": part, "x": value, "told": teller.numbers.count(value), "order": order}
        for row in rows
        for order, (part, value) in enumerate(
            ((only, row["pairs_only_this"] or 0), (also, row["pairs"] - (row["pairs_only_this"] or 0)))
        )
    ]
    totals = [{"y": label("code", row["code"]), "x": row["pairs"], "told": teller.numbers.count(row["pairs"])} for row in rows]
    columns = [
        teller.text("rule", "code", "code"),
        teller.column("sentence", _sentence(teller)),
        teller.count("refused_pairs", "pairs"),
        teller.count("pairs_only_this", of_people=True),
        teller.count("people"),
    ]
    plot = Plot(title, charts.stacked_bars(title, stacks, totals, say("columns.refused_pairs"), [only, also]))
    return Block("reasons", title, "", [plot], [Table(title, columns, rows, "refusals")])


def _promotions(teller: Teller) -> Block | None:
    say, label = teller.words.say, teller.words.label
    rows = named_apart(teller.figures["refusals_by_promotion"], "promotion_name", "promotion_id")
    if not rows:
        return None
    title = say("coupons.promotions")
    weight: dict[str, int] = {}
    for row in rows:
        weight[row["code"]] = weight.get(row["code"], 0) + row["people"]
    codes = sorted(weight, key=lambda code: -weight[code])
    cells = [
        {
            "y": row["promotion_name"],
            "x": label("code", row["code"]),
            "share": min(row["share"], 1),
            "told": teller.numbers.share(row["share"]),
        }
        for row in rows
    ]
    columns = [
        teller.text("promotion", "promotion_name"),
        teller.text("rule", "code", "code"),
        teller.column("sentence", _sentence(teller)),
        teller.count("people"),
        teller.share("share"),
    ]
    plot = Plot(title, charts.heat(title, cells, [label("code", code) for code in codes]), "wide")
    return Block(
        "refusing", title, say("coupons.promotions_lead"), [plot], [Table(title, columns, rows, "refusals_by_promotion")]
    )


def _sentence(teller: Teller) -> Any:
    own = f"sentence_{teller.words.language}"
    return lambda row: row[own] or row["sentence_en"]


def _money_title(teller: Teller, name: str) -> str:
    heading = teller.words.say(f"columns.{name}")
    return f"{heading} ({teller.numbers.currency})" if teller.numbers.currency else heading


def _step(move: float) -> str:
    """A step of five percent below list price, e.g. 5–10; above it, with a plus."""
    far = abs(int(move))
    return "0" if far == 0 else f"{'+' if move > 0 else ''}{far - 5}–{far}"
