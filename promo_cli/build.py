"""`promo build`: dbt build on the working database, from the shop's tables to offers, and the publication of what passed."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from promo_cli.console import logs_json, messages, progress
from promo_cli.options import Database
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
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for another who writes the database.")
    ] = 0,
    database: Database = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors are still told.")] = False,
) -> None:
    """Build features, scores and promotions from the loaded shop, test them, and publish.

    When every model and test has passed, the published database takes the place of the one before; else that one stays. `dbt build`
    does the same, and also runs dbt's unit tests: examples that say the same whatever the shop's data are.
    """
    build_warehouse(database_path(database), as_of_date, full_refresh, quiet, wait, privacy, new_secret, unit_tests)


def build_warehouse(
    database: Path,
    as_of_date: str | None = None,
    full_refresh: bool = False,
    quiet: bool = False,
    wait_seconds: float = 0,
    privacy: Privacy | None = None,
    new_secret: bool = False,
    unit_tests: bool = False,
) -> None:
    """Run `dbt build` on `database`, which publishes it when all has passed; unit tests, which no data can fail, when wanted.

    Raises PromoError when there is no database, its secret is gone, or changed without `new_secret`, a date is no date, a policy
    file is broken, another process writes the database for longer than `wait_seconds`, or a model or test fails or the
    publication does; the published database is then as it was.
    """
    from datetime import date

    from promo_cli.dbt_runner import run_dbt
    from promo_cli.erase import telling
    from promo_cli.erasing import finish_pending
    from promo_cli.errors import DATA_FAULT, USAGE_FAULT, PromoError
    from promo_cli.policies import check_policies
    from promo_cli.publication import check_encryption
    from promo_cli.warehouse import check_limits

    if not database.is_file():
        raise PromoError(f"{database} is not there; load a shop first, e.g. promo load complete-journey", DATA_FAULT)
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
    finish_pending(database, telling(quiet))
    console = messages(quiet)
    with progress(console) as bar:
        task = bar.add_task("building", total=None, outcome="")

        def told(name: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, outcome=name[:48])
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
            on_node=told,
            wait_seconds=wait_seconds,
        )
        bar.update(task, outcome="done")
    built, passed = result.statuses.get("success", 0), result.statuses.get("pass", 0)
    console.print(f"Built {built} models and seeds, {passed} tests passed: {database}")
    for test, rows in result.warnings.items():
        console.print(f"Warning: {test}: {rows} rows; they are: dbt show --select {test}")
    console.print(f"Published: {published_path(database)}")
