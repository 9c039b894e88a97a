"""`promo build`: dbt build on the working database, from the shop's tables to offers, and the publication of what passed."""

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from promo_cli.console import logs_json, messages, progress
from promo_cli.options import AsJson, Database, DryRun, Quiet, Wait
from promo_cli.paths import database_path, published_path


class Privacy(StrEnum):
    """By what the warehouse knows users: pseudonyms, or the shop's own ids."""

    ON = "on"
    OFF = "off"


def build(
    as_of_date: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="Nothing on or after this day is read [default: the day after the data]."),
    ] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Score everything again.")] = False,
    changes: Annotated[
        bool, typer.Option("--changes", help="Build again what changed since the last build; the same comes out, sooner.")
    ] = False,
    privacy: Annotated[
        Privacy | None,
        typer.Option("--privacy", help="off: users by the shop's own ids everywhere, in what is published too [default: on]."),
    ] = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="The secret was changed on purpose: give every user a new key.")
    ] = False,
    unit_tests: Annotated[
        bool, typer.Option("--unit-tests", help="Also the models' own worked examples: when you have changed a model.")
    ] = False,
    wait: Wait = 0,
    database: Database = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Build features, scores and promotions from the loaded shop, test them, and publish.

    When every model and test has passed, the published database takes the place of the one before; else that one stays.
    `dbt build` does the same, and also runs dbt's unit tests: examples that say the same whatever the shop's data are.
    """
    path = database_path(database)
    if dry_run:
        told = foretell(path, as_of_date, privacy, new_secret, unit_tests)
    else:
        told = build_warehouse(path, as_of_date, full_refresh, quiet, wait, privacy, new_secret, unit_tests, changes)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif dry_run:
        typer.echo(
            f"Would build {told['models']:,} models and seeds and run {told['tests']:,} tests: {path}\n"
            f"Would publish: {told['published']}\n"
            f"{_last_time(told['seconds_last_time'])}"
        )
    else:
        typer.echo(described(told))


def described(told: dict[str, Any]) -> str:
    """What `build_warehouse` did, for people."""
    return (
        f"Built {told['models']:,} models and seeds, {told['tests']:,} tests passed, in {_duration(told['seconds'])}: "
        f"{told['database']}\nPublished: {told['published']}"
    )


def _last_time(seconds: float | None) -> str:
    return "No build is on record that says how long it takes" if seconds is None else f"It took {seconds:,.0f} s last time"


def build_warehouse(
    database: Path,
    as_of_date: str | None = None,
    full_refresh: bool = False,
    quiet: bool = False,
    wait_seconds: float = 0,
    privacy: Privacy | None = None,
    new_secret: bool = False,
    unit_tests: bool = False,
    changes: bool = False,
) -> dict[str, Any]:
    """Run `dbt build` on `database`, which publishes it when all has passed; what was done, fit for JSON.

    Unit tests, which no data can fail, run when wanted. With `changes`, what the last build made of the same data stays as it is
    while the code, the policies and the as-of date are the same too; else everything is built.
    Raises PromoError when there is no database, its secret is gone, or changed without `new_secret`, a date is no date, a policy
    file is broken, another process writes the database for longer than `wait_seconds`, or a model or test fails or the
    publication does; the published database is then as it was.
    """
    from promo_cli.build_record import last_build
    from promo_cli.code_hash import code_hash
    from promo_cli.dbt_runner import run_dbt
    from promo_cli.erase import telling
    from promo_cli.erasing import finish_pending
    from promo_cli.forecast import Forecast

    variables = _checked(database, as_of_date, privacy, new_secret)
    finish_pending(database, telling(quiet))
    console = messages(quiet)
    notes: list[str] = []
    forecast, started = Forecast(last_build(database) if console.is_terminal else None), time.monotonic()
    with progress(console) as bar:
        task = bar.add_task("building", total=None, outcome="dbt reads the project")
        forecast.start()

        def told(name: str, done: int, total: int) -> None:
            forecast.step(name)
            outcome = name[:30] if done < total else "publishing"
            bar.update(task, completed=done, total=total, outcome=outcome, pace=forecast.told(total))
            if logs_json():
                console.print(f"{done} of {total}: {name}")

        result = run_dbt(
            [
                "build",
                *(["--full-refresh"] if full_refresh else []),
                *([] if unit_tests else ["--exclude-resource-type", "unit_test"]),
            ],
            database,
            variables,
            environment={"OFFERHOUSE_CODE": code_hash(variables), "OFFERHOUSE_CHANGES": "on" if changes else "off"},
            on_node=told,
            wait_seconds=wait_seconds,
            on_start=forecast.start,
            on_note=notes.append,
        )
        bar.update(task, outcome="", pace="")
    seconds = time.monotonic() - started
    built, passed = result.statuses.get("success", 0), result.statuses.get("pass", 0)
    for note in notes:
        console.print(note)
    for test, rows in result.warnings.items():
        console.print(f"warning: {test}: {rows:,} rows; they are: dbt show --select {test}")
    return {
        "database": str(database),
        "published": str(published_path(database)),
        "models": built,
        "tests": passed,
        "warnings": result.warnings,
        "seconds": round(seconds, 1),
    }


def foretell(
    database: Path,
    as_of_date: str | None = None,
    privacy: Privacy | None = None,
    new_secret: bool = False,
    unit_tests: bool = False,
) -> dict[str, Any]:
    """What `build_warehouse` would do, fit for JSON; raises as it does for what it checks before dbt, and changes nothing."""
    from promo_cli.build_record import last_build
    from promo_cli.dbt_runner import list_nodes

    kinds = list_nodes(database, _checked(database, as_of_date, privacy, new_secret))
    record = last_build(database)
    return {
        "database": str(database),
        "published": str(published_path(database)),
        "models": kinds.get("model", 0) + kinds.get("seed", 0),
        "tests": kinds.get("test", 0) + (kinds.get("unit_test", 0) if unit_tests else 0),
        "seconds_last_time": None if record is None else round(record.whole + record.after, 1),
    }


def _checked(database: Path, as_of_date: str | None, privacy: Privacy | None, new_secret: bool) -> dict[str, Any]:
    """What can be seen before dbt is asked; the vars for dbt. Raises PromoError."""
    from datetime import date

    from promo_cli.errors import USAGE_FAULT, PromoError
    from promo_cli.next_step import must_be_there
    from promo_cli.policies import check_policies
    from promo_cli.publication import check_encryption
    from promo_cli.warehouse import check_limits

    must_be_there(database)
    variables: dict[str, Any] = {"new_secret": True} if new_secret else {}
    if privacy is not None:
        variables["privacy"] = str(privacy)
    if as_of_date is not None:
        try:
            variables["as_of_date"] = date.fromisoformat(as_of_date).isoformat()
        except ValueError:
            raise PromoError(f"--as-of-date {as_of_date} is no day; write e.g. 2017-12-31", USAGE_FAULT) from None
    check_policies()
    check_limits()
    check_encryption(database)
    return variables


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
