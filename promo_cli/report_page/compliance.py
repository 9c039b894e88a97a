"""Whether the rules of law and policy are kept."""

from promo_cli.report_page.blocks import Block, Section, Table
from promo_cli.report_page.telling import Teller


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
