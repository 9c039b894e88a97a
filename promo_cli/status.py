"""`promo status`: what is published and how fresh it is, how builds went, and who is writing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promo_cli.options import AsJson, Database
from promo_cli.paths import database_path, published_path
from promo_cli.tables import columns, facts

if TYPE_CHECKING:
    import duckdb

_BUILDS = """
    select
        build_id,
        strftime(started_at, '%Y-%m-%dT%H:%M:%S') as started_at,
        cast(round(epoch(finished_at - started_at), 1) as double) as seconds,
        command, is_complete, outcome, failure, models_built, tests_passed, tests_warned, tests_failed
    from audits.builds
    order by audits.builds.rowid desc -- a clock may be set back
    limit $limit
"""
_SLOWEST = """
    select node, cast(round(seconds, 2) as double) as seconds
    from audits.build_nodes
    where build_id = $build_id and kind in ('model', 'seed')
    order by audits.build_nodes.seconds desc, node
    limit 8
"""
_COMPLAINTS = """
    select node, kind, outcome, failing_rows, message
    from audits.build_nodes
    where build_id = $build_id and outcome in ('error', 'fail', 'runtime error', 'warn')
    order by outcome, node
"""
_ROWS = """
    select table_name, rows_in, rows_accepted, rows_rejected, rows_left_out
    from audits.row_accounting
    where rows_in > 0
    order by rows_rejected desc, rows_in desc, table_name
"""
_DRIFT = """
    select
        model_name,
        count(*) filter (where is_drifting) as drifting_inputs,
        count(*) as inputs,
        cast(round(max(psi), 3) as double) as largest_psi
    from audits.score_drift
    group by model_name
    having count(*) filter (where is_drifting) > 0
    order by drifting_inputs desc, model_name
"""


def status(
    builds: Annotated[int, typer.Option(min=1, max=1_000, help="How many builds are told.")] = 5,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Tell what is published and how old it is, the last builds, the slowest models, rejected rows, failed tests, drift.

    While another process writes the working database, builds are told as the published one knows them.
    """
    found = look(database_path(database), builds)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print_status(found)


def look(database: Path, limit: int = 5) -> dict[str, Any]:
    """Everything that `promo status` tells, fit for JSON.

    Raises PromoError when there is neither a working nor a published database (exit code 1) or one can't be opened (3).
    """
    from promo_cli.errors import DATA_FAULT, PromoError
    from promo_cli.lock import lock_holder, write_lock_path
    from promo_cli.next_step import missing
    from promo_cli.publication import previous_publications

    published = published_path(database)
    if not database.is_file() and not published.is_file():
        raise PromoError(missing(database), DATA_FAULT)
    holder = lock_holder(write_lock_path(database.resolve()))
    found: dict[str, Any] = {
        "working_database": str(database),
        "writer": None if holder is None else vars(holder) | {"minutes": holder.minutes},
        "published": _published(published) if published.is_file() else None,
        "previous_publications": [str(path) for path in previous_publications(published)],
    }
    return found | _record(database, published, limit, holder is not None)


def _published(published: Path) -> dict[str, Any]:
    from datetime import UTC, datetime

    from promo_cli.publish import publication_record

    record = publication_record(published)
    age = datetime.now(UTC) - datetime.fromisoformat(record["published_at"]).replace(tzinfo=UTC)
    behind = datetime.now(UTC).date() - datetime.fromisoformat(record["as_of_date"]).date()
    return (
        {"path": str(published)}
        | record
        | {"age_hours": max(0.0, round(age.total_seconds() / 3600, 1)), "days_behind": behind.days}
    )


def _record(database: Path, published: Path, limit: int, is_being_written: bool) -> dict[str, Any]:
    """The record of builds, from the working database unless another process has it."""
    from promo_cli.errors import PromoError
    from promo_cli.warehouse_reader import open_read_only

    if not is_being_written and database.is_file():
        try:
            with open_read_only(database) as connection:
                found = _read(connection, limit)
                for build in found["builds"]:
                    if build["outcome"] == "running":  # nobody writes: its process was killed, which the next build records
                        build["outcome"] = "interrupted"
                return {"told_by": str(database)} | found
        except PromoError:
            if not published.is_file():
                raise
    if not published.is_file():
        return {"told_by": None} | {name: [] for name in ("builds", "slowest", "complaints", "rows", "drift")}
    with open_read_only(published) as connection:
        return {"told_by": str(published)} | _read(connection, limit)


def _read(connection: "duckdb.DuckDBPyConnection", limit: int) -> dict[str, Any]:
    from promo_cli.warehouse_reader import records, relations

    known = relations(connection)

    def rows(relation: str, query: str, **values: Any) -> list[dict[str, Any]]:
        if ("audits", relation) not in known:
            return []
        return records(connection, query, values)

    builds = rows("builds", _BUILDS, limit=limit)
    last = next((build["build_id"] for build in builds if build["outcome"] in ("passed", "failed")), None)
    return {
        "builds": builds,
        "slowest": rows("build_nodes", _SLOWEST, build_id=last),
        "complaints": rows("build_nodes", _COMPLAINTS, build_id=last),
        "rows": rows("row_accounting", _ROWS),
        "drift": rows("score_drift", _DRIFT),
    }


def print_status(found: dict[str, Any]) -> None:
    """Print what `look` found, for people; tables without a row are left out."""
    typer.echo(facts(list(_facts(found))))

    def table(title: str, name: str, headings: dict[str, str]) -> None:
        if found[name]:
            cells = [["" if row[column] is None else _shown(row[column]) for column in headings] for row in found[name]]
            typer.echo(f"\n{title}\n{columns(list(headings.values()), cells)}")

    for build in found["builds"]:
        build["told"] = ": ".join(filter(None, (build["outcome"], build["failure"])))
        build["started"] = build["started_at"][:16].replace("T", " ")
    table(
        "Builds, newest first (UTC)",
        "builds",
        {
            "started": "started",
            "command": "command",
            "told": "outcome",
            "seconds": "seconds",
            "models_built": "models built",
            "tests_passed": "tests passed",
            "tests_warned": "warned",
            "tests_failed": "failed",
        },
    )
    table(
        "Failed tests and warnings of the last build; their rows: dbt show --select NODE",
        "complaints",
        {"node": "node", "kind": "kind", "outcome": "outcome", "failing_rows": "rows"},
    )
    table("Slowest in the last build", "slowest", {"node": "node", "seconds": "seconds"})
    table(
        "Rows of the shop; why rows were rejected: audits.rejected_rows",
        "rows",
        {
            "table_name": "table",
            "rows_in": "came in",
            "rows_accepted": "accepted",
            "rows_rejected": "rejected",
            "rows_left_out": "left out (erased)",
        },
    )
    table(
        "Drift: inputs that differ from training (PSI: population stability index)",
        "drift",
        {"model_name": "model", "drifting_inputs": "drifting", "inputs": "of inputs", "largest_psi": "largest PSI"},
    )


def _facts(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    published, writer = found["published"], found["writer"]
    if published is None:
        yield "published", f"nothing yet; promo build publishes {published_path(Path(found['working_database']))}"
    else:
        yield "published", published["path"]
        yield "", f"{published['published_at'].replace('T', ' ')} UTC, {published['age_hours']:,} hours ago"
        yield "build", f"{published['build_id'][:8]}, as of {published['as_of_date']} ({published['days_behind']:,} days ago)"
        yield "holds", f"{published['table_rows']:,} rows in {published['relations']:,} relations"
        yield "content", published["content_hash"][:12]
    if found["previous_publications"]:
        before = ", ".join(Path(path).stem for path in found["previous_publications"])
        yield "before it", f"{before} (promo publish --rollback)"
    writing = "nobody"
    if writer is not None:
        writing = f"{writer['command']}, process {writer['pid']} on {writer['host']}, for {writer['minutes']} min"
    yield "writing now", writing
    yield "told by", str(found["told_by"] or "nothing: no build is on record")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
