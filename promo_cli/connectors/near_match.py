"""Guesses at what a misspelt name was meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_match(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when none is like it."""
    found = get_close_matches(name.lower(), list(known), n=1, cutoff=0.7)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean X?)`, or nothing."""
    guess = near_match(name, known)
    return f" (did you mean {guess}?)" if guess else ""


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names with commas, cut after `most`."""
    all_names = list(names)
    rest = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + rest
