"""The page's figures: the queries of the folder queries, each run as it stands there."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

Rows = list[dict[str, Any]]

_FOLDER = Path(__file__).with_name("queries")
_RELATION = re.compile(r"\b(?:from|join)\s+((?:audits|features|policies|promotions|scores|staging)\.\w+)")


@cache
def query(name: str) -> str:
    """The SQL of queries/<name>.sql."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8").strip()


@cache
def relations_of(name: str) -> list[str]:
    """The relations that a query reads, in the order it names them."""
    return list(dict.fromkeys(_RELATION.findall(query(name))))


def query_names() -> list[str]:
    """All queries of the page."""
    return sorted(path.stem for path in _FOLDER.glob("*.sql"))


def read_figures(connection: "duckdb.DuckDBPyConnection", tell: Callable[[str], None] = lambda name: None) -> dict[str, Rows]:
    """The rows of every query; `tell` hears of each before it runs.

    Raises duckdb.CatalogException or BinderException where the database was built otherwise.
    """
    from promo_cli.warehouse_reader import records

    figures = {}
    for name in query_names():
        tell(name)
        figures[name] = records(connection, query(name))
    return figures
