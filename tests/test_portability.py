"""Spark is the engine that comes next: the models' own SQL holds nothing that only one of DuckDB and Spark understands.

What differs by engine is called through macros/engine. The functions that both have are listed in portable_sql.yml.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlglot
import yaml
from portable_sql import ALLOWED, called_functions, unportable
from rendered_sql import PROJECT, SETTINGS, Renderer, Setting, model_files, yaml_conditions
from sqlglot import exp

from udfs.duckdb_functions import register_functions

MODELS = model_files()
SCORES = PROJECT / "models/scores"
CARDS = PROJECT / "models/audits/cards"
PRIVATE = PROJECT / "models/private"


@pytest.fixture(scope="module")
def renderers() -> dict[str, Renderer]:
    return {setting.name: Renderer(setting) for setting in SETTINGS}


@pytest.fixture(scope="module")
def python_functions() -> Iterator[frozenset[str]]:
    """Names of the SQL functions written in Python, as they register themselves."""
    names = "select function_name from duckdb_functions()"
    with duckdb.connect() as connection:
        before = set(connection.sql(names).fetchall())
        register_functions(connection)
        yield frozenset(name for (name,) in set(connection.sql(names).fetchall()) - before)


def place(path: Path) -> str:
    return path.relative_to(PROJECT.parent).as_posix()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name.replace(" ", "_"))
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model_is_portable(
    path: Path, setting: Setting, renderers: dict[str, Renderer], python_functions: frozenset[str]
) -> None:
    may_call = any(path.is_relative_to(folder) for folder in (SCORES, CARDS, PRIVATE))
    registered = python_functions if may_call else frozenset()
    for statement in renderers[setting.name].model(path):
        calls = called_functions(statement) & (python_functions - registered)
        assert not calls, (
            f"{place(path)} calls {', '.join(sorted(calls))}: scores, audits/cards and private alone call Python functions, "
            "because a view that calls one fails in every session without Python; read the score from models/scores"
        )
        faults = unportable(statement, registered)
        assert not faults, f"{place(path)}:\n  " + "\n  ".join(faults)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model_is_read(path: Path, renderers: dict[str, Renderer]) -> None:
    """Guards the two tests above: each file gives a select that reads a table, whatever its Jinja does."""
    statement = renderers[SETTINGS[0].name].model(path)[0]
    tree = sqlglot.parse_one(statement, read="duckdb")
    assert isinstance(tree, exp.Query)
    assert tree.find(exp.Table), f"{place(path)} renders to a select without a table: {statement}"
    assert "{{" not in statement
    assert "{%" not in statement


def test_all_model_files_are_read() -> None:
    assert {path.stem for path in MODELS} == {path.stem for path in (PROJECT / "models").glob("**/*.sql")}
    assert len(MODELS) == len({path.stem for path in MODELS})
    assert len(MODELS) > 80


def test_scores_are_tables() -> None:
    """A Python function in a persisted view would break the file for everyone else."""
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["models"]["offerhouse"]
    assert project["scores"]["+materialized"] in ("table", "incremental")
    assert project["audits"]["+materialized"] == project["private"]["+materialized"] == "table"
    for path in (*SCORES.glob("*"), *CARDS.glob("*"), *PRIVATE.glob("*")):
        assert not re.search(r"materialized\W+(view|ephemeral)", path.read_text()), (
            f"{place(path)}: it calls Python functions, so it is a table, never a view"
        )


def test_data_tests_are_portable(renderers: dict[str, Renderer]) -> None:
    renderer = renderers[SETTINGS[0].name]
    statements = [(file, renderer.condition(condition)) for file, condition in yaml_conditions()]
    for path in sorted((PROJECT / "tests").rglob("*.sql")):
        if path.parent.name == "generic":
            names = re.findall(r"{%-?\s*test\s+(\w+)", path.read_text())
            statements.extend((path, renderer.generic_test(name)) for name in names)
        else:
            statements.append((path, renderer.model(path)[0]))
    faults = [f"{place(path)}: {fault}" for path, statement in statements for fault in unportable(statement)]
    assert not faults, "\n".join(faults)


def test_shared_macros_are_read_too(renderers: dict[str, Renderer]) -> None:
    """Macros that models call are checked where they call them, so each has to be called by one."""
    shared = {
        name
        for file in (PROJECT / "macros").rglob("*.sql")
        if file.parent.name not in ("engine", "materializations")
        for name in re.findall(r"{%-?\s*macro\s+(\w+)", file.read_text())
    }
    called: set[str] = set()
    for renderer in renderers.values():
        for path in MODELS:
            renderer.model(path)
        # engine macros ask for the time zone, and they are not rendered here
        renderer.condition("'{{ shop_timezone() }}' = ''")
        assert not [fault for sql in renderer.queried for fault in unportable(sql)]
        called |= renderer.called
    assert shared - called - set(ALLOWED["macros_without_sql"]) == set(), (
        "no model renders these macros: call them, drop them, or list them under macros_without_sql in portable_sql.yml"
    )


def test_engine_macros_have_a_default() -> None:
    """Spark takes the default__ of a dispatched macro; one without leaves Spark with nothing."""
    text = "\n".join(file.read_text() for file in (PROJECT / "macros/engine").glob("*.sql"))
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)'\)", text))
    defined = set(re.findall(r"macro\s+(\w+)\(", text))
    assert dispatched
    assert {f"default__{name}" for name in dispatched} <= defined


def test_the_list_names_functions_of_duckdb(connection: duckdb.DuckDBPyConnection) -> None:
    grammar = {"coalesce", "nullif"}  # DuckDB's parser knows them, its catalogue doesn't
    known = {name for (name,) in connection.sql("select distinct function_name from duckdb_functions()").fetchall()}
    known |= {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"}
    known |= {"lag", "lead", "first_value", "last_value"}  # window functions are not in the catalogue either
    assert set(ALLOWED["functions"]) <= known | grammar
    assert not set(ALLOWED["functions"]) & set(ALLOWED["instead"])


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("select len(a) from t", "len()"),
        ("select list_filter(a, b) from t", "list_filter()"),
        ("select concat(a, b) from t", "concat()"),
        ("select explode(a) from t", "explode()"),
        ("select nvl(a, 0) from t", "nvl()"),
        ("select date_diff('day', a, b) from t", "date_diff()"),
        ("select epoch_ms(a) from t", "epoch_ms()"),
        ("select extract(year from a) from t", "extract()"),
        ("select try_cast(a as date) from t", "try_cast()"),
        ("select array_agg(a order by b) from t", "order by within an aggregate"),
        ("select list(a order by b) from t", "order by within an aggregate"),
        ("select first_value(a ignore nulls) over (order by b) from t", "ignore nulls"),
        ("select a from t, unnest(t.b) as u(a)", "unnest()"),
        ("select a.upper() from t", "called with a dot"),
        ("select purchase_intent(tokens) from t", "purchase_intent()"),
        ("select a::string from t", "the cast ::"),
        ("select cast(a as varchar) from t", "the type varchar"),
        ("select cast(a as text) from t", "the type text"),
        ("select cast(a as hugeint) from t", "the type hugeint"),
        ("select cast(a as float[]) from t", "the type float [ ]"),
        ("select cast(a as timestamptz) from t", "the type timestamptz"),
        ("select cast(coalesce(a, cast(b as text)) as string) from t", "the type text"),
        ("select cast(a as decimal) from t", "decimal without"),
        ("select timestamptz '2024-01-01' from t", "a literal of type"),
        ("select [1, 2] from t", "a square bracket"),
        ("select a[1] from t", "a square bracket"),
        ("select [x + 1 for x in a if x > 0] from t", "a square bracket"),
        ("select {'a': 1} from t", "a struct literal"),
        ("select max(x -> x + 1) from t", "the arrow ->"),
        ("select max(lambda x: x + 1) from t", "a lambda"),
        ("select b: a from t", "a colon"),
        ("select max(a := 1) from t", "a named argument"),
        ("select a // b from t", "the operator //"),
        ("select a ** b from t", "the operator **"),
        ("select a ^ b from t", "the operator ^"),
        ("select a ~ 'x' from t", "the operator ~"),
        ("select a <=> b from t", "the operator <=>"),
        ("select a isnull from t", "the operator isnull"),
        ("select a from t where b glob 'x*'", "the operator glob"),
        ("select a from t where b similar to 'x'", "the operator similar to"),
        ("select a from t where b = any (select c from u)", "= any"),
        ('select "a" from t', "a name in quotes"),
        ("select 'a\\b' from t", "a backslash"),
        ("select $$a$$ from t", "a string $$"),
        ("select 1_000 from t", "the number 1_000"),
        ("select a, b, from t", "a comma after the last item"),
        ("from t", "from without select"),
        ("select a from (from t) as u", "from without select"),
        ("select * exclude (a) from t", "* exclude"),
        ("select * replace (a + 1 as a) from t", "* exclude or * replace"),
        ("select columns('a') from t", "columns"),
        ("select distinct on (a) a, b from t", "distinct on"),
        ("select a from t using sample 10%", "a sample"),
        ("select a from t tablesample 10%", "a sample"),
        ("select a from t asof join u on t.a >= u.a", "asof join"),
        ("select a from t positional join u", "positional join"),
        ("select a from t union by name select a from u", "union by name"),
        ("select * from t pivot (sum(a) for b in ('x'))", "pivot"),
        ("select a from t limit 10%", "limit in percent"),
        ("select a collate nocase from t", "collate"),
        ("select a at time zone 'UTC' from t", "at time zone"),
        ("select current_date from t", "the clock"),
        ("select current_timestamp from t", "the clock"),
        ("select ordered_on - 7 from t", "arithmetic on a day"),
        ("select t.as_of_date + days from t", "arithmetic on a day"),
        ("select max(ordered_on) - min(ordered_on) from t", "arithmetic on a day"),
        ("select date '2024-01-01' + 1 from t", "arithmetic on a day"),
        ("select engine__local_date(a) - 1 from t", "arithmetic on a day"),
        ("select engine__array_size(list_sort(a)) from t", "list_sort()"),
        ("select a + interval '1' day from t", "an interval"),
        ("select a + 1 as b from t where b > 1", "in where is a name given"),
    ],
)
def test_a_fault_is_found(sql: str, fault: str) -> None:
    assert any(fault in sentence for sentence in unportable(sql)), unportable(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (select 1 as b) select b, count(*) as c, b + 1 as d from a group by b having count(*) > 1",
        "select a from t where b in (1, 2) and c between 1 and (2)",
        "select cast(sum(a) as decimal(18, 2)) as a, max_by(b, c) as b from t where a > 0",
        "select a from t qualify row_number() over (partition by b order by c desc nulls last, a) between 1 and 3",
        "select sum(a) over (order by b range between interval 7 days preceding and current row) as s from t",
        "select sum(a) filter (where b) as s, a || '-' || b as c, 'the user''s' as d from t group by all order by all",
        "select a from t where not exists (select 1 from u where u.a = t.a) and day_of_launch - 1 > 0",
        "select case when a is not distinct from b then date '2024-01-01' end as c from t left join u using (a)",
        "select engine__days_between(ordered_on, as_of_date) - 1 as gap, engine__array_of('x', b) as c from t",
        "select * from (values (1, 'a')) as t(a, b) union all select 2 as a, 'b' as b",
        "delete from t as scored where not exists (select 1 from u where u.a = scored.a)",
    ],
)
def test_what_both_engines_know_passes(sql: str) -> None:
    assert unportable(sql) == []


def test_scores_may_call_their_functions(python_functions: frozenset[str]) -> None:
    assert {"purchase_intent", "interest", "model_version", "serving_model"} <= python_functions
    assert unportable("select interest(features) as interest from t", python_functions) == []
    assert unportable("select interest(features) as interest from t")
