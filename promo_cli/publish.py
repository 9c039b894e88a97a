"""`promo publish`: the last complete build once more, or the publication before it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from promo_cli.console import messages, progress
from promo_cli.options import AsJson, Database, DryRun, Quiet, Wait
from promo_cli.paths import database_path, published_path

_LAST_BUILD = """
    select build_id, strftime(as_of_date, '%Y-%m-%d') as as_of_date, strftime(finished_at, '%Y-%m-%dT%H:%M:%S') as finished_at
    from audits.builds
    where is_complete and outcome = 'passed' and command = 'build' and content_hash is not null
    order by audits.builds.rowid desc -- a clock may be set back
    limit 1
"""


def publish(
    rollback: Annotated[bool, typer.Option("--rollback", help="Bring the previous publication back.")] = False,
    wait: Wait = 0,
    database: Database = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Publish the last complete build of the working database again, as after a rollback or a disk that was full.

    A build that passes publishes by itself. What has changed since the last complete build can't be published: build again.
    Earlier publications stay in published/previous, as many as OFFERHOUSE_KEPT says (2); --rollback takes the newest of
    them, and what was published goes. Readers that have the old file open keep it until they leave.
    """
    path = database_path(database)
    if dry_run:
        _print(foretell(path, rollback), as_json, done=False)
        return
    if rollback:
        roll_back_published(path)
    else:
        publish_again(path, wait, quiet)
    _print({"published": str(published_path(path))} | publication_record(published_path(path)), as_json, done=True)


def foretell(database: Path, rollback: bool) -> dict[str, Any]:
    """What would be published from `database`: its record, as of a publication, with {} for the build where none would be.

    Raises PromoError: no earlier publication, no complete build (exit code 1).
    """
    from promo_cli.next_step import must_be_there
    from promo_cli.publication import newest_previous

    published = published_path(database)
    if rollback:
        return {"published": str(published)} | publication_record(newest_previous(published))
    must_be_there(database)
    return {"published": str(published)} | _last_complete_build(database)


def _last_complete_build(database: Path) -> dict[str, Any]:
    """Its record in the working database; raises PromoError when there is none."""
    from promo_cli.errors import DATA_FAULT, PromoError
    from promo_cli.warehouse_reader import open_read_only, records, relations

    with open_read_only(database) as connection:
        found = records(connection, _LAST_BUILD) if ("audits", "builds") in relations(connection) else []
    if not found:
        raise PromoError("no build has passed every model and test yet: run promo build", DATA_FAULT)
    return found[0]


def _print(told: dict[str, Any], as_json: bool, done: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told))
        return
    verb = "Published" if done else "Would publish"
    typer.echo(
        f"{verb}: {told['published']}: build {told['build_id'][:8]}, as of {told['as_of_date']}, "
        f"built {told['finished_at'].replace('T', ' ')} UTC"
    )


def publish_again(database: Path, wait_seconds: float = 0, quiet: bool = False) -> None:
    """Publish the last complete build of `database`, unless that is what is published.

    Raises PromoError: there is no such build or the database has changed since (exit code 4), another process holds it.
    """
    import duckdb

    from promo_cli.build_record import last_build
    from promo_cli.dbt_runner import run_dbt
    from promo_cli.erase import telling
    from promo_cli.erasing import finish_pending
    from promo_cli.errors import ENVIRONMENT_FAULT, PromoError
    from promo_cli.forecast import told_left
    from promo_cli.next_step import must_be_there
    from promo_cli.publication import check_encryption

    must_be_there(database)
    check_encryption(database)
    finish_pending(database, telling(quiet))
    try:
        _last_complete_build(database)
    except PromoError as error:
        if error.exit_code != ENVIRONMENT_FAULT:  # who has the database is waited for below
            raise
    published = published_path(database)
    try:
        now = publication_record(published)["build_id"]
    except (PromoError, duckdb.Error):
        now = ""  # nothing is published, or something else bears its name
    record = last_build(database)
    with progress(messages(quiet)) as bar:
        left = told_left(record.after) if record is not None and record.after else ""
        bar.add_task("publishing", outcome=published.name, pace=left)
        run_dbt(["run-operation", "publish", "--args", json.dumps({"unless": now})], database, wait_seconds=wait_seconds)
    if now == publication_record(published)["build_id"]:
        messages(quiet).print("note: the last complete build was published already")


def roll_back_published(database: Path) -> None:
    """The publication before takes its place. Raises PromoError (exit code 1) when there is none."""
    from promo_cli.publication import roll_back

    roll_back(published_path(database))


def publication_record(published: Path) -> dict[str, Any]:
    """What the published database says of itself: its row of audits.builds, times and dates as ISO 8601 text.

    Raises PromoError when there is none or it can't be opened, duckdb.Error when it is no publication.
    """
    from promo_cli.warehouse_reader import open_read_only, records

    with open_read_only(published) as connection:
        (record,) = records(
            connection,
            """
            select
                builds.build_id,
                strftime(builds.as_of_date, '%Y-%m-%d') as as_of_date,
                strftime(builds.finished_at, '%Y-%m-%dT%H:%M:%S') as finished_at,
                strftime(max(publication.published_at), '%Y-%m-%dT%H:%M:%S') as published_at,
                builds.policy_version,
                builds.content_hash,
                builds.offerhouse_version,
                builds.duckdb_version,
                builds.models,
                count(*) as relations,
                cast(sum(publication.row_count) filter (where publication.kind = 'table') as bigint) as table_rows
            from audits.publication as publication
            inner join audits.builds as builds on publication.build_id = builds.build_id
            group by all
            """,
        )
    return record
