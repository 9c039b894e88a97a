"""Guesses at what a misspelt name was meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_match(name: str, known: Iterable[str], cutoff: float = 0.7) -> str | None:
    """The known name most like `name`, case aside, or None when none is like it (difflib's ratio below `cutoff`)."""
    names = {other.lower(): other for other in known}
    found = get_close_matches(name.lower(), list(names), n=1, cutoff=cutoff)
    return names[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.7) -> str:
    """` (did you mean X?)`, or nothing."""
    guess = near_match(name, known, cutoff)
    return f" (did you mean {guess}?)" if guess else ""


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names with commas, cut after `most`."""
    all_names = list(names)
    rest = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + rest
