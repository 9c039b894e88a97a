"""The documentation's own commands and queries: fenced blocks, and what they are expected to print."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


FENCE = re.compile(
    r"(?:^<!-- (?P<mark>\w+) -->\n)?^(?P<edge> *)```(?P<language>\w*)\n(?P<body>.*?)^(?P=edge)```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block of a page."""

    place: str
    """The page and the line of its first row, for messages."""
    language: str
    text: str
    mark: str
    """The word in a comment `<!-- word -->` right above the block, else empty."""


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order, those in lists and notes too."""
    text = page.read_text()
    fence = re.compile(
        r"(?:^<!-- (?P<mark>\w+) -->\n)?^(?P<edge> *)```(?P<language>\w*)\n(?P<body>.*?)^(?P=edge)```$", re.M | re.S
    )
    for found in fence.finditer(text):
        line = text[: found.start("body")].count("\n") + 1
        body = re.sub(rf"^{found['edge']}", "", found["body"], flags=re.M)
        yield Block(f"{page.relative_to(ROOT)}, line {line}", found["language"], body, found["mark"] or "")


def matches(expected: str, printed: str) -> bool:
    """Whether `printed` is `expected`, in which `...` stands for anything, and a line of it alone for any lines, also none."""
    pattern = ""
    for line in expected.splitlines():
        pattern += r"(?:.*\n)*?" if line.strip() == "..." else ".*?".join(map(re.escape, line.rstrip().split("..."))) + r"[ ]*\n"
    return re.fullmatch(pattern, printed if printed.endswith("\n") else printed + "\n") is not None
