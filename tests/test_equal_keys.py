"""Of rows with one key the same one is kept, in whatever order a shop brings them."""

import itertools

import duckdb
import pytest
import yaml
from rendered_sql import PROJECT
from staging_sql import StagingBuild

CONTRACT = yaml.safe_load((PROJECT / "models/staging/shop.yml").read_text())["sources"][0]["tables"]
TABLES = {table["name"]: {column["name"]: column["data_type"] for column in table["columns"]} for table in CONTRACT}
# A value that the contract takes; every other column of a table gets one that fits its type.
WORDS = {"event_type": "view", "purpose": "marketing", "verdict": "like", "kind": "shop"}
ENDS = dict.fromkeys(("ends_at", "valid_to"), "2024-02-01")
VALUES = {"string": "a", "timestamp": "2024-01-05 10:00:00", "date": "2024-01-05", "integer": "1", "boolean": "true"}


def values(table: str, note: str) -> str:
    """The select list of a row; `note` stands in a column of the shop's own."""
    columns = [
        f"cast('{(WORDS | ENDS).get(name, VALUES.get(kind, '1'))}' as {'varchar' if kind == 'string' else kind}) as {name}"
        for name, kind in TABLES[table].items()
    ]
    return ", ".join([*columns, f"'{note}' as x_note"])


@pytest.fixture(scope="module")
def staging() -> StagingBuild:
    """A shop whose tables have three rows each, alike in all but a column of the shop's own."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set TimeZone = 'UTC'; create schema shop")
    return StagingBuild(connection)


def kept_notes(staging: StagingBuild, order: tuple[str, ...]) -> dict[str, list[str]]:
    """What stands in the accepted rows of each table when the shop brings its rows in this order."""
    connection = staging._connection
    for table in TABLES:
        rows = " union all ".join(f"select {values(table, note)}" for note in order)
        connection.execute(f"create or replace table shop.{table} as {rows}")
    staging.build()
    return {
        table: [note for (note,) in connection.execute(f"select x_columns from staging.stg_{table} order by all").fetchall()]
        for table in TABLES
    }


def test_the_order_of_equal_keys_does_not_matter(staging: StagingBuild) -> None:
    """Every table of the contract at once: one row of three is kept, and always the same."""
    orders = [kept_notes(staging, order) for order in itertools.permutations("abc")]
    assert {table: len(notes) for table, notes in orders[0].items()} == dict.fromkeys(TABLES, 1)
    assert all(order == orders[0] for order in orders)
