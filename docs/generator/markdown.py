"""Markdown that tells what YAML and help texts say, whatever characters stand in them."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt_project"


def text(words: object) -> str:
    """One line of Markdown that shows `words` as they are, but for `code`, which stays code."""
    line = " ".join(str(words).split())
    parts = re.split(r"(`[^`]+`)", line)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_<>\[\]|])", r"\\\1", part) for part in parts)


def code(words: object) -> str:
    """`words` as code; a | in it ends no cell of a table."""
    return f"`{' '.join(str(words).split())}`" if str(words).strip() else ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown cells; no rows, no table."""
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}", *lines]) + "\n" if lines else ""


def generated_from(*paths: Path) -> str:
    """What a page was made from, for people who want to change it."""
    return f"*Made from {', '.join(code(path.relative_to(ROOT)) for path in paths)} when this site was built.*\n"
