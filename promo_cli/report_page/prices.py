"""Market prices and what moved them, personal prices and what held them."""

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Row, Section, Table
from promo_cli.report_page.telling import Teller


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
    upright = _by_move(teller, [row for row in rows if row["moved_by"] != "none"], "moved_by", causes, "products")
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
    upright = _by_move(teller, [row for row in rows if row["move"] is not None], "guardrail", rails, "prices")
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


def _by_move(teller: Teller, rows: list[Row], part: str, order: list[str], counted: str) -> list[Row]:
    """Columns of a chart by how far prices moved, stacked by the values of `part` in their `order`; `counted` is their height."""
    return [
        {
            "x": row["move"],
            "told_x": _step(row["move"]),
            "part": teller.words.label(part, row[part]),
            "order": order.index(row[part]),
            "y": row[counted],
            "told": teller.numbers.count(row[counted]),
        }
        for row in rows
    ]


def _step(move: float) -> str:
    """A step of five percent below list price, e.g. 5–10; above it, with a plus."""
    far = abs(int(move))
    return "0" if far == 0 else f"{'+' if move > 0 else ''}{far - 5}–{far}"
