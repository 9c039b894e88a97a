"""`promo publish`: the last complete build once more, or the publication before it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from promo_cli.console import messages
from promo_cli.options import Database
from promo_cli.paths import database_path, published_path


def publish(
    rollback: Annotated[bool, typer.Option("--rollback", help="Bring the previous publication back.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for another who writes the database.")
    ] = 0,
    database: Database = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes; result and errors are still told.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is published as JSON.")] = False,
) -> None:
    """Publish the last complete build of the working database again, as after a rollback or a disk that was full.

    A build that passes publishes by itself. What has changed since the last complete build can't be published: build again.
    Earlier publications stay in published/previous, as many as OFFERHOUSE_KEPT says (2); --rollback takes the newest of
    them, and what was published goes. Readers that have the old file open keep it until they leave.
    """
    path = database_path(database)
    if rollback:
        roll_back_published(path)
    else:
        publish_again(path, wait, quiet)
    published = published_path(path)
    told = publication_record(published)
    if as_json:
        typer.echo(json.dumps({"published": str(published)} | told))
    else:
        typer.echo(
            f"Published: {published}: build {told['build_id']}, as of {told['as_of_date']}, built {told['finished_at']} UTC"
        )


def publish_again(database: Path, wait_seconds: float = 0, quiet: bool = False) -> None:
    """Publish the last complete build of `database`, unless that is what is published.

    Raises PromoError: there is no such build or the database has changed since (exit code 4), another process holds it.
    """
    import duckdb

    from promo_cli.dbt_runner import run_dbt
    from promo_cli.erase import telling
    from promo_cli.erasing import finish_pending
    from promo_cli.errors import DATA_FAULT, PromoError
    from promo_cli.publication import check_encryption

    if not database.is_file():
        raise PromoError(f"{database} is not there; load a shop and build first: promo load, then promo build", DATA_FAULT)
    check_encryption(database)
    finish_pending(database, telling(quiet))
    published = published_path(database)
    try:
        now = publication_record(published)["build_id"]
    except (PromoError, duckdb.Error):
        now = ""  # nothing is published, or something else bears its name
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
