"""The `promo` command: its verbs, and every error as one line."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

from promo_cli import (
    audit,
    build,
    demo,
    doctor,
    erase,
    evaluate,
    explain,
    export,
    init,
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
from promo_cli.command_line import UsageError, Verbs, as_one_line
from promo_cli.console import json_line, logs_json, ready_streams
from promo_cli.errors import DATA_FAULT, INTERRUPTED, READER_GONE, TERMINATED, USAGE_FAULT, PromoError, as_promo_error

EXIT_CODES = (
    "Exit codes: 0 done; 1 the data or the policy is at fault; 2 the command was called wrongly; 3 the environment is at fault: "
    "a missing extra, disk, memory, permission, a locked database; 4 a dbt build failed."
)

app = typer.Typer(
    name="promo",
    cls=Verbs,
    help="Personalised promotions inside a shop's own warehouse.",
    epilog=f"{EXIT_CODES}\n\nExample: promo demo",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# One verb after the other as on a working day. A verb's module imports what is slow (duckdb, dbt, torch) inside its functions.
_verb = app.command
_verb("demo", epilog="Example: promo demo --database warehouse/demo.duckdb")(demo.demo)
_verb("init", epilog="Example: promo init my-promotions --files ./export --timezone Europe/Berlin")(init.init)
app.add_typer(load.app, name="load")
_verb("build", epilog="Example: promo build --as-of-date 2017-12-01")(build.build)
_verb("publish", epilog="Example: promo publish --rollback")(publish.publish)
_verb("train", epilog="Example: promo train purchase_intent --seed 1")(train.train)
_verb("evaluate", epilog="Example: promo evaluate purchase_intent --json")(evaluate.evaluate)
_verb("plan", epilog="Example: promo plan weekly_thanks")(plan.plan)
_verb("export", epilog="Example: promo export welcome --format parquet")(export.export)
_verb("explain", epilog="Example: promo explain 1 --product 1000707 --language zh")(explain.explain)
_verb("trace", epilog="Example: promo trace 3bd15b2f618ae334 --json")(trace.trace)
_verb("audit", epilog="Example: promo audit --strict")(audit.audit)
_verb("report", epilog="Example: promo report --language zh --output report.html")(report.report)
_verb("status", epilog="Example: promo status --json")(status.status)
_verb("sql", epilog="Example: promo sql 'from promotions.offers limit 10' --format csv")(sql.sql)
app.add_typer(models.app, name="models")
_verb("erase", epilog="Example: promo erase 1 --dry-run")(erase.erase)
_verb("subject-access", epilog="Example: promo subject-access 1 --output household-1.json")(subject_access.subject_access)
_verb("doctor", epilog="Example: promo doctor --json")(doctor.doctor)

_settings = {"debug": False}
_STOPPED_WORDS = "stopped before it was done"
_STOPPED = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


class LogFormat(StrEnum):
    """How notes and errors are told."""

    TEXT = "text"
    JSON = "json"


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"promo {version('offerhouse')}")
        except PackageNotFoundError:
            typer.echo("promo (run from a source folder, not installed)")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
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
    if context.invoked_subcommand is None:
        from promo_cli.next_step import next_step
        from promo_cli.paths import database_path

        typer.echo(f"{context.get_help()}\n\nNext: {next_step(database_path())}")


def main(arguments: list[str] | None = None) -> None:
    """Runs `promo` with `arguments` (None: the command line's); leaves by SystemExit, codes in promo_cli.errors."""
    ready_streams()
    mask = os.umask(0o077)  # all that is written holds personal data or what was learned from it: files 0600, folders 0700
    stopped: list[int] = []
    try:
        with _stopping_in_order(stopped):
            raise SystemExit(app(arguments, prog_name="promo", standalone_mode=False) or 0)
    except SystemExit as left:
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":  # Typer leaves with 1, as if the data were at fault
            raise SystemExit(READER_GONE) from None
        if stopped and left.code:
            _tell(PromoError(_STOPPED_WORDS, stopped[0]))
        raise
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # `promo load` alone: its help, and no error
            with suppress(OSError):
                typer.echo(error.format_message(), err=True)  # type: ignore[attr-defined]
            raise SystemExit(USAGE_FAULT) from None
        if _settings["debug"]:
            import traceback

            traceback.print_exception(error)
        # whatever a library made of it
        _tell(PromoError(_STOPPED_WORDS, stopped[0]) if stopped else _told(error))
    finally:
        os.umask(mask)


@contextmanager
def _stopping_in_order(stopped: list[int]) -> Iterator[None]:
    """SIGTERM in the block ends it as Ctrl-C does, so that what is unfinished is removed; `stopped` then holds the exit code."""

    def stop(number: int, _: Any) -> None:
        stopped.append(_STOPPED[signal.Signals(number)])
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # no other gets signals
        heard = [number for number in _STOPPED if signal.getsignal(number) not in (signal.SIG_IGN, None)]
        before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(error: PromoError) -> NoReturn:
    """The error as a line on stderr; leaves with its exit code."""
    line = json_line("error", error.message, exit_code=error.exit_code) if logs_json() else f"promo: {error.message}"
    with suppress(OSError):  # nobody listens, or the disk of a log is full: the code still tells what is at fault
        print(line, file=sys.stderr, flush=True)
    raise SystemExit(error.exit_code) from None


def _told(error: Exception) -> PromoError:
    if isinstance(error, UsageError):
        return as_one_line(error)
    if isinstance(error, typer.Abort):
        return PromoError(_STOPPED_WORDS, DATA_FAULT)
    return as_promo_error(error)


if __name__ == "__main__":
    main()
