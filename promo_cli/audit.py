"""`promo audit`: the verdicts of audits.fairness and audits.compliance, as a person reads them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from promo_cli.options import AsJson, Database, Quiet
from promo_cli.paths import database_path

MEASURES = {
    "offer_rate": "share of users with an offer",
    "offer_value": "mean worth of an offer",
    "discount_depth": "mean discount of personal prices",
    "price_to_market": "personal price to the price without the person",
    "price_paid_to_list": "price paid to list price",
    "risk_flag_rate": "share of users flagged for abuse",
    "true_positive_rate": "true positive rate (equal opportunity)",
    "false_positive_rate": "false positive rate",
    "calibration": "mean score less observed rate",
}
COMPARISONS = {"ratio": "ratio", "difference": "gap", "level": "level"}
VERDICTS = ["violated", "suspected", "fair", "reference", "by policy", "too few", "not comparable", "not judged"]

_FAIRNESS = """
    select as_of_date, decision, measure, attribute, group_name, users, value, reference_group, reference_users, reference_value,
        comparison, compared_value, compared_low, compared_high, least, most, min_group_size, is_below_four_fifths, verdict
    from audits.fairness
    order by decision, measure, attribute, group_name
"""
_COMPLIANCE = """
    select as_of_date, rule, sentence, source, rows_checked, violations, sample, evidence_query
    from audits.compliance
    order by rule
"""


def audit(
    strict: Annotated[bool, typer.Option("--strict", help="Leave with 1 when a verdict of fairness is violated.")] = False,
    scores: Annotated[
        bool,
        typer.Option(
            "--scores", help="First measure how right each score is about each group, on past days (minutes); a build judges it."
        ),
    ] = False,
    database: Database = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Tell whether groups of people are treated alike, and whether prices and offers keep the rules of law and policy.

    Reads what is published. Leaves with 1 when a rule of compliance is broken, and when a verdict of fairness is violated under
    --strict or under `fairness: enforce` in dbt_project.yml; else with 0.
    """
    import json

    from promo_cli.console import messages
    from promo_cli.errors import DATA_FAULT, PromoError
    from promo_cli.tables import wrapped

    path = database_path(database)
    if scores:
        from promo_cli.score_audit import measure_scores

        measured = measure_scores(path, quiet)
        days = ", ".join(f"{score} as of {day}" for score, day in measured.items())
        messages(quiet).print(f"Measured by group: {days or 'no score'}; promo build judges and publishes it")
    found = read_audits(path)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False, default=str))
    else:
        typer.echo(wrapped(told(found)))
    unfair = [row for row in found["fairness"] if row["verdict"] == "violated"]
    broken = [row["rule"] for row in found["compliance"] if row["violations"]]
    faults = [f"compliance is broken: {', '.join(broken)}"] if broken else []
    if unfair and (strict or _is_enforced()):
        faults.append(f"fairness is violated in {len(unfair)} of {_judged(found)} comparisons")
    if faults:
        raise PromoError("; ".join(faults), DATA_FAULT)


def read_audits(database: Path) -> dict[str, Any]:
    """All rows of audits.fairness and audits.compliance of what is published from `database`, and the file they were read from.

    Raises PromoError when there is no database or it holds no audits yet (exit code 1), and when it can't be opened (3).
    """
    from promo_cli.errors import DATA_FAULT, PromoError
    from promo_cli.warehouse_reader import open_read_only, readable_database, records, relations

    path = readable_database(database)
    with open_read_only(path) as connection:
        known = relations(connection)
        for name in ("fairness", "compliance"):
            if ("audits", name) not in known:
                raise PromoError(f"{path} holds no audits.{name} yet; run promo build", DATA_FAULT)
        found: dict[str, Any] = {"database": str(path)}
        for name, query in {"fairness": _FAIRNESS, "compliance": _COMPLIANCE}.items():
            found[name] = records(connection, query)
    return found


def told(found: dict[str, Any]) -> str:
    """`read_audits`'s findings for people: counts, a table of what stands out, a sentence for each violation."""
    fairness, compliance = found["fairness"], found["compliance"]
    lines = [f"Read from {found['database']}", "", *_told_fairness(fairness), "", *_told_compliance(compliance)]
    return "\n".join(lines)


def _told_fairness(rows: list[dict[str, Any]]) -> list[str]:
    from promo_cli.tables import columns

    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}
    summary = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items() if count)
    days = sorted({str(row["as_of_date"]) for row in rows})
    lines = [f"Fairness, as of {', '.join(days) or 'no day'}: {summary or 'nothing to compare'}"]
    shown = [row for verdict in ("violated", "suspected") for row in rows if row["verdict"] == verdict]
    kinds = dict.fromkeys(map(_kind, shown))
    for decision, measure, comparison, least, most in kinds:
        allowed = f"allowed {COMPARISONS[comparison]} {_figure(least)} to {_figure(most)}"
        lines += ["", f"{decision}: {MEASURES[measure]}; {allowed}"]
        alike = [row for row in shown if _kind(row) == (decision, measure, comparison, least, most)]
        headings = ["verdict", "group", "people", "value", "beside it", COMPARISONS[comparison], "interval"]
        lines.append(columns(headings, [_cells(row) for row in alike], right={2, 3, 4, 5, 6}))
    if shown:
        lines.append("")
    lines += [_sentence(row) for row in shown if row["verdict"] == "violated"]
    if not any(row["decision"].startswith("score ") for row in rows):
        lines.append("Error rates of scores by group are not measured yet: promo audit --scores, then promo build.")
    known = {row["attribute"] for row in rows if row["group_name"] != "unknown"}
    unknown = sorted({row["attribute"] for row in rows} - known)
    if unknown:
        lines.append(f"Of these the shop knows nothing: {', '.join(unknown)}.")
    return lines


def _kind(row: dict[str, Any]) -> tuple[Any, ...]:
    """What rows of one table have in common: an attribute may have bounds, and a comparison, of its own."""
    return row["decision"], row["measure"], row["comparison"], row["least"], row["most"]


def _told_compliance(rows: list[dict[str, Any]]) -> list[str]:
    from promo_cli.tables import columns

    broken = [row for row in rows if row["violations"]]
    kept = [row for row in rows if not row["violations"]]
    cells = [
        [
            f"broken {row['violations']:,} times" if row["violations"] else "kept",
            row["rule"],
            f"{row['rows_checked']:,}",
            row["sentence"],
        ]
        for row in broken + kept
    ]
    lines = [f"Compliance: {len(kept)} of {len(rows)} rules are kept"]
    lines += ["", columns(["verdict", "rule", "checked", "what must hold"], cells)]
    for row in broken:
        lines.append(f"{row['rule']}: {_one_line(row['sample'])}; all of them: {row['evidence_query']}")
    return lines


def _cells(row: dict[str, Any]) -> list[str]:
    reference = row["reference_group"]
    beside = "" if reference is None else f" (beside {reference})"
    return [
        row["verdict"],
        _one_line(f"{row['attribute'].replace('_', ' ')}: {row['group_name']}{beside}"),
        _count(row["users"]),
        _figure(row["value"]),
        "" if reference is None else _figure(row["reference_value"]),
        _figure(row["compared_value"]),
        _interval(row),
    ]


def _sentence(row: dict[str, Any]) -> str:
    beside = ""
    if row["reference_group"] is not None:
        beside = (
            f", beside {_figure(row['reference_value'])} of {row['reference_group']} ({_count(row['reference_users'])} users): "
            f"{COMPARISONS[row['comparison']]} {_figure(row['compared_value'])}"
        )
    four_fifths = " Four fifths are not reached." if row["is_below_four_fifths"] else ""
    return _one_line(
        f"Violated: {row['decision']}, {MEASURES[row['measure']]}: {row['attribute']} {row['group_name']} has "
        f"{_figure(row['value'])} ({_count(row['users'])} users){beside}, interval {_interval(row)}, "
        f"allowed {_figure(row['least'])} to {_figure(row['most'])}.{four_fifths}"
    )


def _interval(row: dict[str, Any]) -> str:
    return f"{_figure(row['compared_low'])} to {_figure(row['compared_high'])}"


def _figure(value: float | None) -> str:
    return "not shown" if value is None else f"{value:.3f}"


def _count(users: int | None) -> str:
    return "few" if users is None else f"{users:,}"


def _one_line(text: str) -> str:
    """A shop words its groups as it likes: nothing of them may reach the terminal as a command."""
    from promo_cli.errors import printable

    return printable(" ".join(text.splitlines()))


def _judged(found: dict[str, Any]) -> int:
    return sum(row["verdict"] in ("violated", "suspected", "fair") for row in found["fairness"])


def _is_enforced() -> bool:
    from promo_cli.training_set import dbt_vars

    return dbt_vars().get("fairness") == "enforce"
