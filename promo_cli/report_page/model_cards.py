"""The models that serve, and a card for each that has curves."""

from typing import Any

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Row, Section, Table
from promo_cli.report_page.telling import Teller, in_order


def models(teller: Teller) -> Section:
    """Models that serve, and a card for each that has curves."""
    say, rows = teller.words.say, teller.figures["models"]
    title = say("models.overview")
    columns = [
        teller.text("model", "model_name"),
        teller.column("predicts", lambda row: teller.words.label("task", row["model_name"], row["task"])),
        teller.text("status", label="status"),
        teller.text("measure", label="measure"),
        teller.number("value"),
        teller.column("interval", lambda row: teller.interval(row["interval_lower"], row["interval_upper"]), "number"),
        teller.text("baseline", label="baseline"),
        teller.number("baseline_value"),
        teller.days("trained", "window_last"),
    ]
    section = Section("models", say("models.title"), [say("models.lead")])
    if rows:
        section.blocks.append(Block("serving", title, tables=[Table(title, columns, rows, "models")]))
    section.blocks += [card for row in rows if (card := _card(teller, row)) is not None]
    return section


def _card(teller: Teller, model: Row) -> Block | None:
    name = model["model_name"]
    own = {
        query: [row for row in teller.figures[query] if row["model_name"] == name]
        for query in ("model_gains", "model_reliability", "model_epochs", "model_measures")
    }
    task = teller.words.label("task", name, model["task"])
    plots, tables = [], []
    for made in (
        _gains(teller, task, own["model_gains"]),
        _reliability(teller, task, own["model_reliability"]),
        _epochs(teller, task, own["model_epochs"]),
    ):
        if made is not None:
            plots.append(made[0])
            tables.append(made[1])
    if not plots:
        return None
    lead: Any = teller.words.say("models.card_lead_plain", name=name, version=model["model_version"])
    if model["train_rows"] is not None and model["window_first"] is not None and model["window_last"] is not None:
        lead = teller.words.say(
            "models.card_lead",
            name=name,
            version=model["model_version"],
            rows=teller.numbers.count(model["train_rows"]),
            first=teller.numbers.short_day(model["window_first"]),
            last=teller.numbers.short_day(model["window_last"]),
        )
    measures = own["model_measures"]
    if measures:
        title = teller.words.say("models.measures")
        columns = [
            teller.column(
                "compared",
                lambda row: (
                    teller.words.say("models.the_model") if row["is_model"] else teller.words.label("baseline", row["compared"])
                ),
            ),
            teller.text("measure", label="measure"),
            teller.number("value"),
            teller.column("interval", lambda row: teller.interval(row["interval_lower"], row["interval_upper"]), "number"),
        ]
        tables.insert(0, Table(f"{task}: {title}", columns, measures, "model_measures"))
    return Block(f"model-{name}", task, lead, plots, tables, is_card=True)


def _gains(teller: Teller, task: str, rows: list[Row]) -> tuple[Plot, Table] | None:
    if not rows:
        return None
    say = teller.words.say

    def line(row: Row) -> str:
        return teller.words.label("series", row["series"], teller.words.label("baseline", row["series"]))

    title, x, y = say("models.gains"), say("models.gains_x"), say("models.gains_y")
    points = [{"x": row["x"], "y": row["y"], "series": line(row)} for row in rows]
    series = in_order([point["series"] for point in points])
    plot = Plot(title, charts.lines(f"{task}: {title}", points, x, y, series, is_share=True, with_diagonal=True))
    return plot, _points(teller, f"{task}: {title}", rows, "model_gains", line)


def _reliability(teller: Teller, task: str, rows: list[Row]) -> tuple[Plot, Table] | None:
    if not rows:
        return None
    say = teller.words.say
    title = say("models.reliability")
    points = [
        {
            "x": row["x"],
            "y": row["y"],
            "low": row["y"] if row["interval_lower"] is None else row["interval_lower"],
            "high": row["y"] if row["interval_upper"] is None else row["interval_upper"],
            "told": f"{say('columns.row_count')}: {teller.numbers.count(row['row_count'] or 0)}",
        }
        for row in rows
    ]
    columns = [
        teller.number("x"),
        teller.number("y"),
        teller.column("interval", lambda row: teller.interval(row["interval_lower"], row["interval_upper"]), "number"),
        teller.count("row_count"),
    ]
    plot = Plot(title, charts.reliability(f"{task}: {title}", points, say("models.reliability_x"), say("models.reliability_y")))
    return plot, Table(f"{task}: {title}", columns, rows, "model_reliability")


def _epochs(teller: Teller, task: str, rows: list[Row]) -> tuple[Plot, Table] | None:
    if not rows:
        return None
    say = teller.words.say

    def line(row: Row) -> str:
        return teller.words.label("series", row["series"])

    title = say("models.epochs")
    points = [{"x": row["x"], "y": row["y"], "series": line(row)} for row in rows]
    series = in_order([point["series"] for point in points])
    plot = Plot(
        title, charts.lines(f"{task}: {title}", points, say("models.epochs_x"), say("models.epochs_y"), series, is_share=False)
    )
    return plot, _points(teller, f"{task}: {title}", rows, "model_epochs", line)


def _points(teller: Teller, title: str, rows: list[Row], query: str, line: Any) -> Table:
    return Table(title, [teller.column("series", line), teller.number("x"), teller.number("y")], rows, query)
