"""`promo erase`: a person gone from the shop's tables, every layer, what is published and was exported (GDPR art. 17)."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promo_cli.console import messages, progress
from promo_cli.options import AsJson, Database, DryRun, Exports, Quiet, path_told
from promo_cli.paths import database_path
from promo_cli.tables import counted

if TYPE_CHECKING:
    from promo_cli.erasing import Erasure


def erase(
    users: Annotated[
        list[str] | None, typer.Argument(metavar="USER", help="The shop's own user ids, or the warehouse's keys.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", parser=path_told, help="More of them, one a line.")
    ] = None,
    exports: Exports = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish an erasure that was interrupted, and nothing else.")] = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    database: Database = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Erase people for good: rows, pseudonyms and addresses, in every database file and campaign file, which are rewritten.

    Takes as long as copying the databases. A tombstone, from which nobody can be told, keeps them out of later loads.
    Campaign files sealed with --encrypt-to, which nobody here can look into, go as a whole. Sums that counted the people stay as
    they are until the next build. What was sent to other tools is theirs to erase.
    """
    from promo_cli.erasing import erase_people, finish_pending, foretell
    from promo_cli.errors import USAGE_FAULT, PromoError

    path, console = database_path(database), messages(quiet)
    if resume:
        if dry_run:
            raise PromoError("--resume finishes what was begun; --dry-run doesn't go with it", USAGE_FAULT)
        with rewriting(path, quiet) as tell:
            people = finish_pending(path, tell)
        finished = (
            f"{counted(people, 'person', 'people')}: an interrupted erasure finished" if people else "no erasure was interrupted"
        )
        typer.echo(json.dumps({"erased": people > 0, "people": people}) if as_json else finished)
        return
    named = [*(users or []), *(_from_file(from_file) if from_file else [])]
    if not named:
        raise PromoError("name the users to erase, or give a file of them with --from-file", USAGE_FAULT)
    folders = exports or []
    if dry_run:
        _print(foretell(path, named, folders), as_json, done=False)
        return
    if not yes:
        if not sys.stdin.isatty():
            raise PromoError("an erasure can't be undone: say --yes, or look first with --dry-run", USAGE_FAULT)
        typer.confirm(f"Erase {counted(len(set(named)), 'person', 'people')} for good?", abort=True)
    with rewriting(path, quiet) as tell:
        erased = erase_people(path, named, folders, tell)
    _print(erased, as_json, done=True)
    console.print("note: sums that counted them stay until the next build; what other tools were sent is theirs to erase")


@contextmanager
def rewriting(database: Path, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Who is told of each file that an erasure from `database` writes anew: a bar by their bytes, or a note each."""
    from promo_cli.erasing import files_of
    from promo_cli.forecast import Even

    console = messages(quiet)
    sizes = {str(file): file.stat().st_size for file in files_of(database)} if console.is_terminal else {}
    total, done, pace = sum(sizes.values()) / 1e6, 0.0, Even("MB")
    with progress(console) as bars:
        line = bars.add_task("erasing", total=total or None)
        pace.told(0, total)

        def tell(file: str) -> None:
            nonlocal done
            bars.update(line, completed=done, outcome=Path(file).name, pace=pace.told(done, total))
            done += sizes.get(file, 0) / 1e6
            if not console.is_terminal:
                console.print(f"note: erasing from {file}")

        yield tell
        bars.update(line, completed=total, outcome="", pace="")


def telling(quiet: bool) -> Callable[[str], None]:
    """Tells people of each file that an erasure writes anew."""
    console = messages(quiet)
    return lambda file: console.print(f"note: erasing from {file}")


def _from_file(file: Path) -> list[str]:
    from promo_cli.errors import PromoError

    try:
        return [line.rstrip("\r\n") for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise PromoError(f"{file} is not UTF-8 text; save it so, one user id a line") from error


def _print(told: "Erasure", as_json: bool, done: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"erased": done, **vars(told)}, ensure_ascii=False))
        return
    publications = sum(sum(rows.values()) for rows in told.published.values())
    verb = "Erased" if done else "Would erase"
    typer.echo(
        f"{verb} {counted(told.people, 'person', 'people')}: "
        f"{counted(sum(told.working.values()), 'row')} of {counted(len(told.working), 'table')}, "
        f"{counted(publications, 'row')} of {counted(len(told.published), 'published file')}, "
        f"{counted(sum(told.campaign_files.values()), 'row')} of {counted(len(told.campaign_files), 'campaign file')}"
        + (
            f"; {len(told.sealed_files)} sealed campaign files, which nobody here can look into, as a whole"
            if told.sealed_files
            else ""
        )
    )
