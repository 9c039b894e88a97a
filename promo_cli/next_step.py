"""What to do next with a working database, in one line."""

from pathlib import Path

from promo_cli.errors import DATA_FAULT, PromoError
from promo_cli.paths import published_path


def next_step(database: Path) -> str:
    """The next command, by what there is: no database, a loaded shop, or a published one. Opens no database."""
    if not database.is_file():
        return "promo demo (a year of real grocery data), or promo load files DIR (your own shop)"
    if not published_path(database).is_file():
        return "promo build (builds and publishes what is loaded)"
    return "promo status (how fresh it is), promo plan (what the campaigns would do)"


def must_be_there(database: Path) -> None:
    """Raises PromoError (exit code 1), which says what to do, when there is no file `database`."""
    if not database.is_file():
        raise PromoError(missing(database), DATA_FAULT)


def missing(database: Path) -> str:
    """Why nothing can be read at `database`, and what to do about it."""
    return f"{database} is not there; next: {next_step(database)}, or name another file with --database"
