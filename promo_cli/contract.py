"""The source contract of schema `shop`, read from the dbt sources file, the one place it is written."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from promo_cli.errors import ENVIRONMENT_FAULT, PromoError
from promo_cli.paths import contract_path

TEXT_TYPES = frozenset({"string", "varchar"})


@dataclass(frozen=True)
class Column:
    """A column: `key` when part of the table's key, `required` when it may not be null."""

    name: str
    data_type: str
    key: bool
    required: bool


@dataclass(frozen=True)
class Table:
    """A table: `required` when a shop must bring it (or events that stand in for it)."""

    name: str
    required: bool
    columns: tuple[Column, ...]

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Names of the columns that must be there."""
        return tuple(column.name for column in self.columns if column.required)


def read_contract(path: Path | None = None) -> dict[str, Table]:
    """Tables by name, in the order of the file. Raises PromoError when the file is missing or is no sources file."""
    return _read(path or contract_path())


@cache
def _read(path: Path) -> dict[str, Table]:
    try:
        sources = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
        shop = next(source for source in sources if source["name"] == "shop")
        return {table["name"]: _table(table) for table in shop["tables"]}
    except (OSError, KeyError, TypeError, StopIteration, yaml.YAMLError) as error:
        raise PromoError(
            f"the source contract {path} can't be read ({error}); install offerhouse again", ENVIRONMENT_FAULT
        ) from error


def _table(entry: dict) -> Table:
    columns = tuple(
        Column(column["name"], column["data_type"].lower(), _flag(column, "key"), _flag(column, "required"))
        for column in entry["columns"]
    )
    return Table(entry["name"], _flag(entry, "required"), columns)


def _flag(entry: dict, name: str) -> bool:
    return bool(entry.get("config", {}).get("meta", {}).get(name, False))
