"""Who is refused a promotion, and by which rule."""

from typing import Any

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Section, Table
from promo_cli.report_page.telling import Teller, named_apart


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
