"""Rows in and out, freshness, drift, builds, publication, feedback, and what is not on the page."""

from typing import Any

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Section, Table
from promo_cli.report_page.telling import NOTHING, Teller, in_order

_FEWEST_BUILDS = 3
"""From so many builds on their times are drawn."""


def data_health(teller: Teller) -> Section:
    """Rows in and out, freshness, drift, builds, publication, feedback."""
    say = teller.words.say
    blocks = (
        _rows(teller),
        _rejects(teller),
        _freshness(teller),
        _drift(teller),
        _builds(teller),
        _warnings(teller),
        _publication(teller),
        _feedback(teller),
    )
    return Section("data", say("data.title"), [say("data.lead")], [block for block in blocks if block])


def _plain_table(teller: Teller, block: str, name: str, query: str, columns: list[Any]) -> Block | None:
    rows = teller.figures[query]
    if not rows:
        return None
    title = teller.words.say(f"data.{name}")
    return Block(block, title, tables=[Table(title, columns, rows, query)])


def _rows(teller: Teller) -> Block | None:
    columns = [
        teller.text("table", "table_name"),
        teller.count("rows_in"),
        teller.count("accepted", "rows_accepted"),
        teller.count("rejected", "rows_rejected"),
        teller.count("rows_left_out"),
        teller.yes("adds_up"),
    ]
    return _plain_table(teller, "rows", "rows", "table_rows", columns)


def _rejects(teller: Teller) -> Block:
    rows, say = teller.figures["rejects"], teller.words.say
    title = say("data.rejects")
    if not rows:
        return Block("rejects", title, note=say("data.no_rejects"))
    bars = [
        {
            "y": f"{row['table_name']}: {row['reason']}",
            "x": row["reject_count"],
            "told": teller.numbers.count(row["reject_count"]),
        }
        for row in rows
    ]
    columns = [
        teller.text("table", "table_name"),
        teller.column("reason", lambda row: row["reason"]),
        teller.count("rejected", "reject_count"),
    ]
    plot = Plot(title, charts.bars(title, bars, say("columns.rejected")))
    return Block("rejects", title, "", [plot], [Table(title, columns, rows, "rejects")])


def _freshness(teller: Teller) -> Block | None:
    columns = [teller.text("table", "table_name"), teller.days("newest_day"), teller.count("days_old")]
    return _plain_table(teller, "freshness", "freshness", "freshness", columns)


def _drift(teller: Teller) -> Block | None:
    rows, say = teller.figures["drift"], teller.words.say
    if not rows:
        return None
    title = say("data.drift")
    bars = [
        {
            "y": f"{row['model_name']}: {row['input']}",
            "x": row["psi"],
            "told": teller.numbers.number(row["psi"]),
            "is_marked": row["is_drifting"],
        }
        for row in rows
    ]
    columns = [
        teller.text("model", "model_name"),
        teller.text("input"),
        teller.number("psi"),
        teller.number("threshold", digits=2),
        teller.yes("drifting", "is_drifting"),
        teller.column(
            "missing", lambda row: f"{teller.numbers.share(row['missing_then'])}, {teller.numbers.share(row['missing_now'])}"
        ),
    ]
    plot = Plot(title, charts.threshold_bars(title, bars, say("columns.psi"), rows[0]["threshold"]))
    return Block("drift", title, say("data.drift_lead"), [plot], [Table(title, columns, rows, "drift")])


def _builds(teller: Teller) -> Block | None:
    rows, say = teller.figures["builds"], teller.words.say
    if not rows:
        return None
    title = say("data.builds")
    columns = [
        teller.days("started", "started_at"),
        teller.text("outcome", label="outcome"),
        teller.count("seconds"),
        teller.count("models_built"),
        teller.column(
            "tests",
            lambda row: ", ".join(_or_nothing(teller, row[name]) for name in ("tests_passed", "tests_warned", "tests_failed")),
        ),
        teller.text("version", "offerhouse_version"),
    ]
    timed = [row for row in reversed(rows) if row["seconds"] is not None]
    plots = []
    if len(timed) >= _FEWEST_BUILDS:
        bars = [
            {"y": teller.numbers.moment(row["started_at"]), "x": row["seconds"], "told": teller.numbers.count(row["seconds"])}
            for row in timed
        ]
        plots.append(Plot(title, charts.bars(title, bars, say("columns.seconds"))))
    return Block("builds", title, "", plots, [Table(title, columns, rows, "builds")], is_open=True)


def _or_nothing(teller: Teller, value: int | None) -> str:
    return NOTHING if value is None else teller.numbers.count(value)


def _warnings(teller: Teller) -> Block | None:
    columns = [teller.text("test", "node"), teller.text("outcome", label="outcome"), teller.count("failing_rows")]
    return _plain_table(teller, "warnings", "warnings", "warnings", columns)


def _publication(teller: Teller) -> Block | None:
    columns = [teller.text("schema", "schema_name", "layer"), teller.count("relations"), teller.count("rows_published")]
    return _plain_table(teller, "publication", "publication", "publication", columns)


def _feedback(teller: Teller) -> Block | None:
    rows, say, label = teller.figures["feedback"], teller.words.say, teller.words.label
    if not rows:
        return None
    title = say("data.feedback")
    columns = [
        teller.text("verdict", label="verdict"),
        teller.text("outcome", label="outcome"),
        teller.count("people", of_people=True),
        teller.share("rate"),
        teller.share("silent_rate"),
        teller.share("difference"),
        teller.column("interval", lambda row: teller.interval(row["difference_low"], row["difference_high"]), "number"),
        teller.text("finding", label="finding"),
    ]
    points = [
        {
            "y": f"{label('verdict', row['verdict'])} · {label('outcome', row['outcome'])}",
            "x": row["difference"],
            "low": row["difference_low"],
            "high": row["difference_high"],
            "part": label("finding", row["finding"]),
            "told": teller.with_interval(teller.numbers.share(row["difference"]), row["difference_low"], row["difference_high"]),
        }
        for row in rows
    ]
    parts = in_order([point["part"] for point in points])
    plot = Plot(title, charts.intervals(title, points, say("columns.difference"), parts, band=None, neutral=0))
    return Block("feedback", title, say("data.feedback_lead"), [plot], [Table(title, columns, rows, "feedback")])


def left_out(teller: Teller) -> list[str]:
    """What a reader may look for and not find, and why."""
    say = teller.words.say
    missing = [say("left_out.lift")]
    if not teller.figures["feedback"]:
        missing.append(say("left_out.feedback"))
    if not teller.figures["drift"]:
        missing.append(say("left_out.drift"))
    return missing
