"""The `promo` command: its verbs, and every error as one line."""

import os
import sys
import traceback
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from promo_cli import (
    audit,
    build,
    demo,
    erase,
    evaluate,
    explain,
    export,
    load,
    models,
    plan,
    publish,
    report,
    sql,
    status,
    subject_access,
    trace,
    train,
)
from promo_cli.console import json_line, logs_json
from promo_cli.errors import as_promo_error

app = typer.Typer(
    name="promo",
    help="Personalised promotions inside a shop's own warehouse.",
    epilog="Exit codes: 0 done; 1 the data or the policy is at fault; 2 called wrongly; 3 the environment is at fault: disk, "
    "memory, permission, a locked database; 4 a dbt build failed. Example: promo load complete-journey",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# One line per verb. A verb's module imports what is slow (duckdb, dbt, torch) inside its functions.
app.add_typer(load.app, name="load")
app.command("build", epilog="Example: promo build --as-of-date 2017-12-01")(build.build)
app.command("publish", epilog="Example: promo publish --rollback")(publish.publish)
app.command("status", epilog="Example: promo status --json")(status.status)
app.command("audit", epilog="Example: promo audit --strict")(audit.audit)
app.command("sql", epilog="Example: promo sql 'from promotions.offers limit 10' --format csv")(sql.sql)
app.command("demo", epilog="Example: promo demo --database warehouse/demo.duckdb")(demo.demo)
app.command("plan", epilog="Example: promo plan weekly_thanks")(plan.plan)
app.command("explain", epilog="Example: promo explain 1 --product 1000707 --language zh")(explain.explain)
app.command("trace", epilog="Example: promo trace 3bd15b2f618ae334 --json")(trace.trace)
app.command("report", epilog="Example: promo report --language zh --output report.html")(report.report)
app.command("export", epilog="Example: promo export welcome --format parquet")(export.export)
app.command("subject-access", epilog="Example: promo subject-access u123 --output u123.json")(subject_access.subject_access)
app.command("erase", epilog="Example: promo erase u123 --dry-run")(erase.erase)
app.command("train", epilog="Example: promo train purchase_intent --seed 1")(train.train)
app.command("evaluate", epilog="Example: promo evaluate purchase_intent --json")(evaluate.evaluate)
app.add_typer(models.app, name="models")

_settings = {"debug": False}


class LogFormat(StrEnum):
    """How notes and errors are told."""

    TEXT = "text"
    JSON = "json"


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"promo {version('offerhouse')}")
        except PackageNotFoundError:
            typer.echo("promo (run from a source folder, not installed)")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    log_format: Annotated[
        LogFormat | None,
        typer.Option("--log-format", help="How notes and errors are told on stderr [default: $OFFERHOUSE_LOG_FORMAT or text]."),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Options that stand before the verb."""
    _settings["debug"] = debug
    if log_format is not None:
        os.environ["OFFERHOUSE_LOG_FORMAT"] = log_format


def main(arguments: list[str] | None = None) -> None:
    """Runs `promo` with `arguments` (None: the command line's); leaves by SystemExit, codes in promo_cli.errors."""
    mask = os.umask(0o077)  # all that is written holds personal data or what was learned from it: files 0600, folders 0700
    try:
        app(arguments, prog_name="promo")
    except Exception as error:
        if _settings["debug"]:
            traceback.print_exception(error)
        told = as_promo_error(error)
        line = json_line("error", told.message, exit_code=told.exit_code) if logs_json() else f"promo: {told.message}"
        print(line, file=sys.stderr)
        raise SystemExit(told.exit_code) from None
    finally:
        os.umask(mask)


if __name__ == "__main__":
    main()
