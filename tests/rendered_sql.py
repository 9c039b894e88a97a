"""The SQL that the dbt project writes itself: its Jinja rendered, what differs by engine left out.

Macros outside `macros/engine/` are rendered for real, loops and all. A macro of `macros/engine/` becomes a call
`engine__<macro>(its arguments)`, so that the SQL around it and the SQL handed to it are left to read. `ref` and
`source` become plain table names. No database and no dbt run is needed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml
from dbt.adapters.base.column import Column

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
ENGINE_PREFIX = "engine__"

# Parameters of engine macros that are words rather than SQL.
_WORDS = {"data_type", "source_type", "separator"}
# Engine macros that tell an engine how, not what: nothing stands for them.
_HINTS = {"inlined"}
_MACRO = re.compile(r"{%-?\s*(?:macro|test)\s+(\w+)\s*\(")


@dataclass(frozen=True)
class Setting:
    """One way to render: what the vars say, whether the model stands already, and which shop tables there are."""

    name: str
    variables: dict[str, Any]
    incremental: bool
    shop_tables: frozenset[str] | None  # None: all of them


SETTINGS = (
    Setting("first build, every table", {}, incremental=False, shop_tables=None),
    Setting(
        "later build, events alone",
        {"as_of_date": "2024-03-01", "as_of_dates": ["2024-03-01", "2024-04-01"]},
        incremental=True,
        shop_tables=frozenset({"events"}),
    ),
)


class _Returned(Exception):  # noqa: N818 -- no error
    """dbt's `return(value)` leaves a macro at once."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Anything(list):  # type: ignore[type-arg]
    """An argument nobody gave: a name where a name is wanted, a list of one where a list is."""

    def __str__(self) -> str:
        return str(self[0])


def read_contract() -> dict[str, dict[str, Any]]:
    """The contract's tables as `models/staging/shop.yml` has them, columns by name, every `config.meta` filled in."""
    source = yaml.safe_load((PROJECT / "models/staging/shop.yml").read_text())["sources"][0]
    tables = {}
    for table in source["tables"]:
        columns = {
            column["name"]: {**column, "config": {"meta": column.get("config", {}).get("meta", {})}}
            for column in table["columns"]
        }
        tables[table["name"]] = {**table, "source_name": source["name"], "columns": columns}
    return tables


class Renderer:
    """Renders models, tests and conditions under one setting; raises AssertionError where a macro refuses."""

    def __init__(self, setting: Setting) -> None:
        self.called: set[str] = set()  # macros outside macros/engine that were rendered
        self.queried: list[str] = []  # SQL that macros run by themselves
        self._setting = setting
        self._contract = read_contract()
        self._hooks: list[str] = []
        self._variables = {
            **yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"],
            **setting.variables,
        }
        self._macros: dict[str, Callable[..., str]] = {}
        self._environment = jinja2.Environment(  # noqa: S701 -- SQL, not HTML
            undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"]
        )
        self._environment.globals.update(self._dbt_context())
        self._load_macros()

    def model(self, path: Path) -> list[str]:
        """The statements of one model file: its select, then its hooks."""
        self._hooks = []
        select = self._render(path.read_text())
        # A hook may have nothing to do, as on a first build.
        return [select, *filter(str.strip, map(self._render, self._hooks))]

    def generic_test(self, name: str) -> str:
        """The select of a generic test, every argument a placeholder."""
        parameters = self._macros[name].arguments  # type: ignore[attr-defined]
        return str(self._macros[name](*(_Anything([parameter]) for parameter in parameters)))

    def macro(self, name: str) -> Any:
        """What a macro without arguments returns."""
        return self._environment.globals[name]()

    def condition(self, text: str) -> str:
        """A select around the condition of a test in YAML."""
        return f"select * from model where {self._render(text)}"

    def _render(self, text: str) -> str:
        return self._environment.from_string(text).render()

    def _load_macros(self) -> None:
        files = [*sorted((PROJECT / "macros").rglob("*.sql")), *sorted((PROJECT / "tests/generic").glob("*.sql"))]
        files = [file for file in files if file.parent.name != "materializations"]  # a tag of dbt's own
        texts = {file: file.read_text() for file in files}
        for text in texts.values():
            for name in _MACRO.findall(text):
                self._environment.globals[name] = self._caller(name)
        for file, text in texts.items():
            # Under another name, so that macros of one file find the caller above when they call each other.
            text = _MACRO.sub(lambda found: "{% macro sql__" + found.group(1) + "(", text)
            text = re.sub(r"{%(-?)\s*endtest", r"{%\1 endmacro", text)
            module = self._environment.from_string(text).module
            for name, macro in vars(module).items():
                if not name.startswith("sql__"):
                    continue
                name = name.removeprefix("sql__")
                is_engine = file.parent.name == "engine"
                self._macros[name] = self._engine_macro(name, macro) if is_engine else macro

    def _caller(self, name: str) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            self.called.add(name)
            try:
                return self._macros[name](*values, **named)
            except _Returned as returned:
                return returned.value

        return call

    def _engine_macro(self, name: str, macro: Any) -> Callable[..., str]:
        """What stands for a macro of `macros/engine`."""
        parameters: tuple[str, ...] = macro.arguments

        def call(*values: Any, **named: Any) -> str:
            if name in _HINTS:
                return ""
            arguments: list[str] = []
            for parameter, value in {**dict(zip(parameters, values, strict=False)), **named}.items():
                if parameter in _WORDS:
                    arguments.append(f"'{value}'")
                else:
                    arguments.extend(str(item) for item in (value if isinstance(value, list) else [value]))
            return f"{ENGINE_PREFIX}{name}({', '.join(arguments)})"

        return call

    def _dbt_context(self) -> dict[str, Any]:
        def returns(value: Any = None) -> None:
            raise _Returned(value)

        def refuse(message: str) -> None:
            raise AssertionError(message)

        def run_query(sql: str) -> Any:
            self.queried.append(sql)
            return SimpleNamespace(rows=[], columns=[])

        def relation(identifier: str, **place: str) -> Any:
            tables = self._setting.shop_tables
            return _relation(identifier) if tables is None or identifier in tables else None

        return {
            "adapter": SimpleNamespace(
                get_relation=relation,
                get_columns_in_relation=lambda found: [
                    Column(name, "string") for name in self._contract[found.identifier]["columns"]
                ],
                quote=str,  # each engine quotes names in its own way
            ),
            "config": self._configure,
            "exceptions": SimpleNamespace(raise_compiler_error=refuse),
            "env_var": lambda _name, default: default,
            "execute": True,
            "flags": SimpleNamespace(WHICH="build"),
            "graph": {"sources": self._contract},
            "invocation_id": "00000000-0000-0000-0000-000000000000",
            "is_incremental": lambda: self._setting.incremental,
            "modules": SimpleNamespace(re=re),
            "ref": lambda *names: names[-1],
            "return": returns,
            "run_query": run_query,
            "source": lambda _source, table: _relation(table),
            "target": SimpleNamespace(database="warehouse", schema="main", name="warehouse"),
            "this": "this_model",
            "var": lambda name, default=None: self._variables.get(name, default),
        }

    def _configure(self, **settings: Any) -> str:
        for hooks in (settings.get("pre_hook"), settings.get("post_hook")):
            self._hooks.extend([hooks] if isinstance(hooks, str) else hooks or [])
        return ""


class _Relation(SimpleNamespace):
    def __str__(self) -> str:
        return f"{self.schema}.{self.identifier}"


def _relation(identifier: str) -> _Relation:
    return _Relation(database="warehouse", schema="shop", identifier=identifier)


def define_engine_macros(connection: Any) -> None:
    """Let DuckDB run rendered SQL that does no more with the engine's macros than calendar arithmetic."""
    connection.execute(f"create macro {ENGINE_PREFIX}days_between(first, last) as date_diff('day', first, last)")
    connection.execute(f"create macro {ENGINE_PREFIX}add_days(day, days) as (day + cast(days as integer))")
    first = "make_date(year(near) + years, month(day), 1)"
    connection.execute(
        f"create macro {ENGINE_PREFIX}anniversary(day, near, years) as "
        f"least(last_day({first}), {first} + (day(day) - 1)::integer)"
    )


def model_files() -> list[Path]:
    """Every model of the project that is SQL."""
    return sorted((PROJECT / "models").rglob("*.sql"))


def yaml_conditions() -> Iterator[tuple[Path, str]]:
    """(file, condition) of every data test in YAML that has a condition of its own."""
    for folder in ("models", "seeds", "tests"):
        for file in sorted((PROJECT / folder).rglob("*.yml")):
            yield from ((file, condition) for condition in _conditions(yaml.safe_load(file.read_text())))


def _conditions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("condition", "expression", "where") and isinstance(value, str):
                yield value
            else:
                yield from _conditions(value)
    elif isinstance(node, list):
        for item in node:
            yield from _conditions(item)
