"""The staging models and their accounts as DuckDB runs them, rendered and run in one process.

dbt needs seconds for what has to take a blink. The Jinja is the models' own, macros/engine included; `adapter` answers
from the connection, so every column has the type that the loaded shop gives it. What dbt adds is kept: contracts are enforced.
"""

import re
from collections.abc import Iterable
from functools import cache
from types import SimpleNamespace
from typing import Any

import duckdb
import yaml
from dbt.adapters.duckdb.column import DuckDBColumn
from rendered_sql import PROJECT, Renderer, Setting

from promo_cli.errors import PromoError
from promo_cli.warehouse import quoted_name
from udfs.pseudonyms import privacy_functions

FOLDERS = {"staging": "models/staging", "audits": "models/audits", "private": "models/private"}
ACCOUNTS = ("rejected_rows", "row_accounting")


class StagingBuild(Renderer):
    """Builds the staging models over schema `shop` of a connection, again and again; `variables` are dbt's --vars.

    What is rendered is kept for shops of the same columns, and what an absent table left empty stands from build to build.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, variables: dict[str, Any] | None = None) -> None:
        self._connection = connection
        super().__init__(Setting("staging", variables or {}, incremental=False, shop_tables=None))
        self._types = _contracts()
        files = [
            PROJECT / "models/private/user_keys.sql",
            *sorted((PROJECT / "models/staging").rglob("*.sql")),
            *(PROJECT / f"models/audits/{name}.sql" for name in ACCOUNTS),
        ]
        texts = {path.stem: path.read_text() for path in files}
        self._templates = {name: self._environment.from_string(text) for name, text in texts.items()}
        self._order = _in_order(texts, self.macro("shop_tables"))
        self._table_of = {path.stem: path.parent.name for path in files}
        self._rendered: dict[object, str] = {}
        self._stand: dict[str, object] = {}  # signature of each table as last built
        for schema in ("staging", "audits", "policies", "private"):
            connection.execute(f"create schema {schema}")
        for name, function, arguments in privacy_functions(b"the secret of the fuzz"):
            connection.create_function(name, function, arguments, "VARCHAR", type="arrow", null_handling="special")
        seed = str(PROJECT / "seeds/event_type_synonyms.csv").replace("'", "''")
        connection.execute(f"create table policies.event_type_synonyms as from read_csv('{seed}', all_varchar = true)")

    def set_variables(self, variables: dict[str, Any]) -> None:
        """Other vars from the next build on."""
        self._variables = {**yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"], **variables}
        self._stand.clear()
        self._rendered.clear()

    def build(self) -> None:
        """Raises PromoError where a macro refuses, duckdb.Error where SQL fails, AssertionError where a contract breaks."""
        self._shop = self._look()
        self._environment.globals["graph"].pop("offerhouse_columns", None)  # a graph of dbt lasts for one build
        settings = (self._timezone(), tuple(sorted(self._shop)))
        for name in self._order:
            table = self._table_of[name]
            columns = tuple(self._shop.get(table, ()))
            if table in self._contract and name in self._stand and not columns and self._stand[name] == settings[0]:
                continue
            key: tuple[object, ...] = (name, settings)
            if name.startswith("base_"):
                key = (name, columns, "events" in self._shop)
            elif name in ("user_keys", "row_accounting"):
                key = (
                    name,
                    settings,
                    tuple(column for columns in self._shop.values() for column in columns if column[0] == "user_id"),
                )
            if key not in self._rendered:
                try:
                    self._rendered[key] = self._templates[name].render()
                except AssertionError as refused:
                    raise PromoError(str(refused)) from refused
            self._create(name, self._rendered[key])
            self._stand[name] = None if columns else settings[0]

    def _look(self) -> dict[str, list[tuple[str, str]]]:
        """Columns and types of every table of the shop, by its name."""
        shop: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in self._connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where schema_name = ? order by column_index",
            ["shop"],
        ).fetchall():
            shop.setdefault(table, []).append((column, kind))
        return shop

    def _timezone(self) -> str:
        if "settings" not in self._shop:
            return ""
        return str(self._connection.execute("select value from shop.settings where key = 'shop_timezone'").fetchall())

    def _create(self, name: str, select: str) -> None:
        kind = "table" if name.startswith("checked_") or name in ("as_of_dates", "user_keys", *ACCOUNTS) else "view"
        relation = self._ref(name)
        self._connection.execute(f"create or replace {kind} {relation} as {select}")
        # a contract that is enforced: dbt would stop the build here
        given = {column: found for column, found, *_ in self._connection.execute(f"describe {relation}").fetchall()}
        wanted = {column: self._known_as(data_type) for column, data_type in self._types[name].items()}
        assert given == wanted, f"{name} breaks its contract: {set(given.items()) ^ set(wanted.items())}"

    @cache  # noqa: B019 -- lives as long as the test
    def _known_as(self, data_type: str) -> str:
        return str(self._connection.execute(f"select typeof(cast(null as {data_type}))").fetchall()[0][0])

    def _engine_macro(self, name: str, macro: Any) -> Any:
        return macro

    def _dbt_context(self) -> dict[str, Any]:
        return super()._dbt_context() | {
            "adapter": SimpleNamespace(
                dispatch=self._dispatch,
                get_relation=self._relation,
                get_columns_in_relation=self._columns,
                quote=lambda name: f'"{name}"',
            ),
            "ref": self._ref,
            "run_query": self._query,
            "target": SimpleNamespace(database="memory", schema="main", name="warehouse"),
            "source": self._source,
        }

    def _dispatch(self, name: str) -> Any:
        known = self._environment.globals
        return known.get(f"duckdb__{name}") or known[f"default__{name}"]

    @staticmethod
    def _ref(*names: str) -> str:
        name = names[-1]
        elsewhere = {"event_type_synonyms": "policies", "user_keys": "private", **dict.fromkeys(ACCOUNTS, "audits")}
        schema = elsewhere.get(name, "staging")
        return f"{schema}.{name}"

    def _source(self, _source: str, table: str) -> "_Relation":
        identifier = self._variables["shop_identifiers"].get(table, table)
        return _Relation(self._variables["shop_schema"], identifier, self._variables["shop_database"] or "memory")

    def _relation(self, database: str, schema: str, identifier: str) -> "_Relation | None":
        assert not any(mark in f"{database}{schema}{identifier}" for mark in "\"';"), "a name that is SQL reached the catalog"
        if (database, schema) != ("memory", "shop") or identifier not in self._shop:
            return None
        return _Relation(schema, identifier, database)

    def _columns(self, relation: "_Relation") -> list[DuckDBColumn]:
        return [DuckDBColumn(name, kind) for name, kind in self._shop[relation.identifier]]

    def _query(self, sql: str) -> SimpleNamespace:
        rows = self._connection.execute(sql).fetchall()
        return SimpleNamespace(rows=rows, columns=[SimpleNamespace(values=lambda: [row[0] for row in rows])])


class _Relation(SimpleNamespace):
    def __init__(self, schema: str, identifier: str, database: str) -> None:
        super().__init__(database=database, schema=schema, identifier=identifier)

    def __str__(self) -> str:
        return f"{quoted_name(self.schema)}.{quoted_name(self.identifier)}"


def _in_order(texts: dict[str, str], tables: Iterable[str]) -> list[str]:
    """Names of models, each after those that it reads."""
    reads = {
        name: set(re.findall(r"ref\('(\w+)'\)", text))
        | ({f"checked_{table}" for table in tables} if name in ACCOUNTS else set())
        | ({"user_keys"} if name.startswith("base_") else set())  # by the macro base_table
        for name, text in texts.items()
    }
    order: list[str] = []
    while len(order) < len(texts):
        ready = sorted(name for name in texts if name not in order and not (reads[name] & texts.keys()) - set(order))
        assert ready, f"a circle among {texts.keys() - set(order)}"
        order += ready
    return order


def _contracts() -> dict[str, dict[str, str]]:
    """Columns with their types, by model."""
    found = {}
    for folder in FOLDERS.values():
        for file in (PROJECT / folder).rglob("*.yml"):
            for model in yaml.safe_load(file.read_text()).get("models", []):
                found[model["name"]] = {column["name"]: column["data_type"] for column in model["columns"]}
    return found
