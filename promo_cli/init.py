"""`promo init`: a project folder of one's own, and a shop's tables mapped to the source contract."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promo_cli.options import AsJson, Database, DryRun, Quiet, path_told

if TYPE_CHECKING:
    from promo_cli.mapping.source import Source


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", parser=path_told, help="Folder of the project; made if need be.")
    ] = Path(),
    files: Annotated[
        Path | None,
        typer.Option(
            "--files", metavar="DIR", parser=path_told, help="The shop's tables are CSV, Parquet or JSON files in this folder."
        ),
    ] = None,
    duckdb_file: Annotated[
        Path | None,
        typer.Option(
            "--duckdb", metavar="FILE", parser=path_told, help="They are in this DuckDB file, which may be the working database."
        ),
    ] = None,
    postgres: Annotated[
        str | None,
        typer.Option("--postgres", metavar="VARIABLE", help="They are in Postgres, whose URL this environment variable holds."),
    ] = None,
    schema: Annotated[str | None, typer.Option(help="Schema of the tables, where there are several.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA time zone in which the shop cuts its days [default: UTC].")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code of all money [default: what the tables say].")] = None,
    encoding: Annotated[str, typer.Option(help="Of CSV files: utf-8, latin-1 or utf-16.")] = "utf-8",
    local_times: Annotated[
        bool, typer.Option("--local-times", help="Times without a zone are the shop's own [default: they are UTC].")
    ] = False,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--change", metavar="LINE=WHAT", help="Change a line of the proposal, e.g. users.region=customers.state; may repeat."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take the proposals; ask nothing.")] = False,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Bring a project laid out by an older version up to date.")] = False,
    database: Database = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Lay out a project of your own and map a shop's tables to the source contract.

    FOLDER gets dbt_project/ (every model and policy, yours to change), profiles.yml, .gitignore and a README. Where the shop's
    tables are is asked, or told by --files, --duckdb or --postgres: their columns are looked at, a mapping is proposed with its
    reasons, and written as SQL that you can edit (mapping/), or as vars of the dbt project where names alone differ. --json and
    --dry-run ask nothing, and the latter shows the proposal alone.
    """
    from promo_cli import layout
    from promo_cli.initialising import Wishes, initialise
    from promo_cli.mapping_report import print_upgrade

    if upgrade:
        print_upgrade(folder, layout.upgrade(folder, dry_run), as_json, dry_run)
        return
    is_asked = not (yes or as_json or dry_run) and sys.stdin.isatty()
    source = _told_source(files, duckdb_file, postgres, schema, encoding)
    wishes = Wishes(folder, source, timezone, currency, local_times, tuple(change or ()), database)
    initialise(wishes, is_asked, takes_proposals=yes or as_json or dry_run, as_json=as_json, dry_run=dry_run, quiet=quiet)


def _told_source(
    files: Path | None, duckdb_file: Path | None, postgres: str | None, schema: str | None, encoding: str
) -> Source | None:
    """The source that options name. Raises PromoError (exit code 2) when they name several, or a URL in place of a variable."""
    from promo_cli.errors import USAGE_FAULT, PromoError
    from promo_cli.mapping.source import Source

    if sum(option is not None for option in (files, duckdb_file, postgres)) > 1:
        raise PromoError("--files, --duckdb and --postgres exclude each other; give one", USAGE_FAULT)
    if files is not None:
        return Source("files", str(files), None, encoding)
    if duckdb_file is not None:
        return Source("duckdb", str(duckdb_file), schema)
    if postgres is not None:
        if not postgres.isidentifier():
            raise PromoError(
                "--postgres takes the name of an environment variable, so that no password stands in a command: "
                "export SHOP_URL=postgresql://…, then --postgres SHOP_URL",
                USAGE_FAULT,
            )
        return Source("postgres", postgres, schema)
    return None
