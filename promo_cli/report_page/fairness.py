"""Whether groups of people fare alike."""

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Row, Section, Table
from promo_cli.report_page.telling import Teller, in_order


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
