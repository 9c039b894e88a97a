"""Matching a file's columns to the contract's."""

import re
from dataclasses import dataclass
from pathlib import Path

from promo_cli.connectors.near_match import did_you_mean, listed, near_match
from promo_cli.contract import Table
from promo_cli.errors import PromoError


@dataclass(frozen=True)
class Match:
    """`taken`: position in the file and name in the shop of each column to load; `ignored`: the rest, for people."""

    taken: tuple[tuple[int, str], ...]
    ignored: tuple[str, ...]


def normalised(name: str) -> str:
    """A column name without surrounding space, in lower case, spaces as underscores."""
    return re.sub(r"\s+", "_", name.strip().lower())


def match_columns(path: Path, found: list[str], table: Table) -> Match:
    """Contract columns and the shop's own x_ columns are taken; the rest is ignored.

    Raises PromoError when a required column is missing or a column to load stands in the file twice.
    """
    known = [column.name for column in table.columns]
    names = [normalised(name) for name in found]
    taken = tuple((at, name) for at, name in enumerate(names) if name in known or name.startswith("x_"))
    unknown = [name for name in names if name not in known and not name.startswith("x_")]

    twice = next((name for _, name in taken if names.count(name) > 1), None)
    if twice:
        raise PromoError(f"{path} has the column {twice} {names.count(twice)} times; keep one")
    missing = [name for name in table.required_columns if name not in names]
    if missing:
        raise PromoError(f"{path} has no column {listed(missing)}; found: {listed(names) or 'nothing'}; {_fix(missing, unknown)}")
    absent = [name for name in known if name not in names]
    return Match(taken, tuple((name or "a column without a name") + did_you_mean(name, absent) for name in unknown))


def _fix(missing: list[str], unknown: list[str]) -> str:
    guesses = {name: near_match(name, unknown) for name in missing}
    renames = [f"{guess} to {name}" for name, guess in guesses.items() if guess]
    if renames:
        return f"rename the column that holds it, perhaps {listed(renames)}"
    return "rename the column that holds it, or add it" if len(missing) == 1 else "rename the columns that hold them"
