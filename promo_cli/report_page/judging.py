"""The sections that check: models, fairness, compliance, data health, and what is not on the page."""

from typing import Any

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Row, Section, Table
from promo_cli.report_page.telling import NOTHING, Teller, in_order

_FEWEST_BUILDS = 3
"""From so many builds on their times are drawn."""


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
    plots, tables = [], []
    for made in (
        _gains(teller, own["model_gains"]),
        _reliability(teller, own["model_reliability"]),
        _epochs(teller, own["model_epochs"]),
    ):
        if made is not None:
            plots.append(made[0])
            tables.append(made[1])
    if not plots:
        return None
    task = teller.words.label("task", name, model["task"])
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
        tables.insert(0, Table(title, columns, measures, "model_measures"))
    return Block(f"model-{name}", task, lead, plots, tables, is_card=True)


def _gains(teller: Teller, rows: list[Row]) -> tuple[Plot, Table] | None:
    if not rows:
        return None
    say = teller.words.say

    def line(row: Row) -> str:
        return teller.words.label("series", row["series"], teller.words.label("baseline", row["series"]))

    title, x, y = say("models.gains"), say("models.gains_x"), say("models.gains_y")
    points = [{"x": row["x"], "y": row["y"], "series": line(row)} for row in rows]
    series = in_order([point["series"] for point in points])
    plot = Plot(title, charts.lines(title, points, x, y, series, is_share=True, with_diagonal=True))
    return plot, _points(teller, title, rows, "model_gains", line)


def _reliability(teller: Teller, rows: list[Row]) -> tuple[Plot, Table] | None:
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
    plot = Plot(title, charts.reliability(title, points, say("models.reliability_x"), say("models.reliability_y")))
    return plot, Table(title, columns, rows, "model_reliability")


def _epochs(teller: Teller, rows: list[Row]) -> tuple[Plot, Table] | None:
    if not rows:
        return None
    say = teller.words.say

    def line(row: Row) -> str:
        return teller.words.label("series", row["series"])

    title = say("models.epochs")
    points = [{"x": row["x"], "y": row["y"], "series": line(row)} for row in rows]
    series = in_order([point["series"] for point in points])
    plot = Plot(title, charts.lines(title, points, say("models.epochs_x"), say("models.epochs_y"), series, is_share=False))
    return plot, _points(teller, title, rows, "model_epochs", line)


def _points(teller: Teller, title: str, rows: list[Row], query: str, line: Any) -> Table:
    return Table(title, [teller.column("series", line), teller.number("x"), teller.number("y")], rows, query)


def fairness(teller: Teller) -> Section:
    """Verdicts, and the comparisons that stand out."""
    say, label = teller.words.say, teller.words.label
    section = Section("fairness", say("fairness.title"), [say("fairness.lead")])
    rows = teller.figures["fairness_verdicts"]
    if rows:
        title = say("fairness.verdicts")
        verdicts = ("violated", "suspected", "fair")
        stacks = [
            {
                "y": label("measure", row["measure"]),
                "part": label("verdict", row["verdict"]),
                "x": row["comparisons"],
                "told": teller.numbers.count(row["comparisons"]),
                "order": verdicts.index(row["verdict"]),
            }
            for row in rows
        ]
        columns = [teller.text("measure", label="measure"), teller.text("verdict", label="verdict"), teller.count("comparisons")]
        parts = [label("verdict", verdict) for verdict in verdicts]
        totals = [
            {"y": name, "x": total, "told": teller.numbers.count(total)}
            for name in in_order([stack["y"] for stack in stacks])
            for total in [sum(stack["x"] for stack in stacks if stack["y"] == name)]
        ]
        colours = ["var(--bad)", charts.SERIES[1], charts.SERIES[0]]
        plot = Plot(title, charts.stacked_bars(title, stacks, totals, say("columns.comparisons"), parts, colours=colours))
        section.blocks.append(Block("verdicts", title, "", [plot], [Table(title, columns, rows, "fairness_verdicts")]))
    section.blocks.append(_findings(teller))
    return section


def _group(teller: Teller, row: Row) -> str:
    """e.g. "age band: 25-34"; the words of an attribute made of two are told one by one."""
    told = teller.words.label("attribute", row["attribute"])
    for joint, words in ((" and ", "fairness.both"), (" within tier ", "fairness.within")):
        left, found, right = row["attribute"].partition(joint)
        if found:
            names = {"left": teller.words.label("attribute", left), "right": teller.words.label("attribute", right)}
            told = teller.words.say(words, **names)
    return f"{told}: {row['group_name']}"


def _findings(teller: Teller) -> Block:
    rows, say, label = teller.figures["fairness_findings"], teller.words.say, teller.words.label
    title = say("fairness.findings")
    if not rows:
        return Block("findings", title, note=say("fairness.no_findings"))
    columns = [
        teller.text("verdict", label="verdict"),
        teller.text("measure", label="measure"),
        teller.column("group", lambda row: _group(teller, row)),
        teller.count("people", of_people=True),
        teller.number("value"),
        teller.text("beside", "reference_group"),
        teller.number("reference_value"),
        teller.number("ratio", "compared_value"),
        teller.column("interval", lambda row: teller.interval(row["compared_low"], row["compared_high"]), "number"),
        teller.column("allowed", lambda row: teller.interval(row["least"], row["most"], 2), "number"),
    ]
    drawn = [
        row
        for row in rows
        if row["comparison"] == "ratio" and None not in (row["compared_value"], row["compared_low"], row["compared_high"])
    ]
    bands = {(row["least"], row["most"]) for row in drawn}
    measures = {label("measure", row["measure"]) for row in drawn}
    axis = measures.pop() if len(measures) == 1 else say("columns.ratio")
    points = [
        {
            "y": _group(teller, row) if not measures else f"{_group(teller, row)} · {label('measure', row['measure'])}",
            "x": row["compared_value"],
            "low": row["compared_low"],
            "high": row["compared_high"],
            "part": label("verdict", row["verdict"]),
            "told": teller.with_interval(
                teller.numbers.number(row["compared_value"], 2), row["compared_low"], row["compared_high"], 2
            ),
        }
        for row in drawn
    ]
    band = bands.pop() if len(bands) == 1 else None
    plots = []
    if points:
        verdicts = [label("verdict", verdict) for verdict in ("violated", "suspected")]
        whole = band if band is not None and None not in band else None
        plots.append(Plot(title, charts.intervals(title, points, axis, verdicts, band=whole, neutral=1)))
    table = Table(title, columns, rows, "fairness_findings")
    return Block("findings", title, say("fairness.findings_lead"), plots, [table])


def compliance(teller: Teller) -> Section:
    """The rules and whether they are kept."""
    say, label, rows = teller.words.say, teller.words.label, teller.figures["compliance"]
    columns = [
        teller.column("kept", lambda row: label("verdict", "broken" if row["violations"] else "kept")),
        teller.column("sentence", lambda row: label("compliance", row["rule"], row["sentence"])),
        teller.text("law", "source", "law"),
        teller.count("checked", "rows_checked"),
        teller.count("violations"),
    ]
    if any(row["violations"] for row in rows):
        columns.append(teller.column("evidence", lambda row: row["evidence_query"] if row["violations"] else None))
    title = say("compliance.rules")
    blocks = [Block("rules", title, tables=[Table(title, columns, rows, "compliance")])] if rows else []
    return Section("compliance", say("compliance.title"), [say("compliance.lead")], blocks)


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
