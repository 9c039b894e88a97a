"""Which capabilities a shop's tables switch on, and what to bring for the rest; coverage.yml says what each rests on."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Capability:
    """A capability of the mission: on, partly or off, what lacks, and what to bring for it."""

    id: str
    name: str
    state: str
    lacks: tuple[str, ...]
    bring: tuple[str, ...]


def coverage(tables: Mapping[str, Set[str]]) -> list[Capability]:
    """The capabilities M1 to M26 of a shop with `tables`: the contract's columns that are there, by table."""
    told = yaml.safe_load(Path(__file__).with_name("coverage.yml").read_text(encoding="utf-8"))
    found = []
    for entry in told:
        lacks = [lack for lack in entry["lacks"] if not any(_has(tables, name) for name in lack["has"].split("|"))]
        state = "on" if not lacks else "off" if any(lack.get("vital") for lack in lacks) else "partly"
        found.append(
            Capability(
                entry["id"], entry["name"], state, tuple(lack["say"] for lack in lacks), tuple(lack["bring"] for lack in lacks)
            )
        )
    return found


def _has(tables: Mapping[str, Set[str]], name: str) -> bool:
    table, _, column = name.partition(".")
    return table in tables and (not column or column in tables[table])
