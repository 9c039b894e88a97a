"""People by segment, and who moved."""

from promo_cli.report_page import charts
from promo_cli.report_page.blocks import Block, Plot, Section, Table
from promo_cli.report_page.telling import Teller, in_order


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
