"""Tables and views are replaced in one statement, where the other kind stood too; nothing is when the new one fails."""

import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from promo_cli import dbt_runner
from promo_cli.dbt_runner import run_dbt
from promo_cli.errors import PromoError
from promo_cli.layout import lay_out

PRICES = "select count(*), sum(personal_price) from promotions.personal_prices"
OFFERS = "from promotions.open_offers order by all"


@pytest.fixture
def database(small_warehouse: Path, tmp_path: Path, pseudonyms: None) -> Path:
    return Path(shutil.copy(small_warehouse, tmp_path / "offerhouse.duckdb"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project of the shop's own, at work."""
    project = lay_out(tmp_path / "project")
    monkeypatch.setenv("OFFERHOUSE_PROJECT", str(project))
    return project


def kinds(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What personal_prices and open_offers are."""
    found = connection.execute(
        "select table_name, table_type from information_schema.tables where table_name in ('personal_prices', 'open_offers')"
    )
    return dict(found.fetchall())


def test_a_view_takes_the_place_of_a_table_and_a_table_that_of_a_view(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        before, offers = connection.execute(PRICES).fetchall(), connection.execute(OFFERS).fetchall()
        connection.execute("drop view promotions.open_offers; create table promotions.open_offers as select 1 as one")
        connection.execute("drop table promotions.personal_prices; create view promotions.personal_prices as select 1 as one")
    run_dbt(["run", "--select", "personal_prices", "open_offers"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert kinds(connection) == {"personal_prices": "BASE TABLE", "open_offers": "VIEW"}
        assert connection.execute(PRICES).fetchall() == before
        assert connection.execute(OFFERS).fetchall() == offers


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (
            "update promotions.considered_products set user_id = null where product_id = 'p1'",
            "its column user_id is null in some row",
        ),
        (
            "insert into promotions.considered_products from promotions.considered_products where product_id = 'p1'",
            "two rows have the same user_id, product_id, which the contract forbids",
        ),
        (
            "update promotions.considered_products set interest = max_interest + 1 where product_id = 'p1'",
            "some row breaks what its contract demands: .*interest <= max_interest",
        ),
    ],
)
def test_a_model_whose_rows_break_its_contract_leaves_what_was_there(database: Path, harm: str, complaint: str) -> None:
    with duckdb.connect(str(database)) as connection:
        before = connection.execute(PRICES).fetchall()
        # made anew, it has no contract of its own that would refuse the harm
        connection.execute("create or replace table promotions.considered_products as from promotions.considered_products")
        connection.execute(harm)
    with pytest.raises(PromoError, match=f"the model personal_prices failed: {complaint}"):
        run_dbt(["run", "--select", "personal_prices"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute(PRICES).fetchall() == before
        left = "select table_name from duckdb_tables() where contains(table_name, '__dbt_')"
        assert connection.execute(left).fetchall() == []


def test_a_shops_own_models_may_be_python_or_have_an_index(database: Path, project: Path) -> None:
    (project / "models" / "in_python.py").write_text(
        "def model(dbt, session):\n"
        "    dbt.config(materialized='table', contract={'enforced': False})\n"
        "    return dbt.ref('market_prices').select('product_id')\n"
    )
    (project / "models" / "with_index.sql").write_text(
        "{{ config(materialized='table', contract={'enforced': false}, indexes=[{'columns': ['product_id']}]) }}\n"
        "select product_id from {{ ref('market_prices') }}\n"
    )
    for _ in range(2):  # made, and replaced
        run_dbt(["run", "--select", "in_python", "with_index"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        products = connection.execute("select product_id from promotions.market_prices order by all").fetchall()
        assert products
        for model in ("in_python", "with_index"):
            assert connection.execute(f"select product_id from main.{model} order by all").fetchall() == products
        assert connection.execute("select table_name from duckdb_indexes()").fetchall() == [("with_index",)]
        left = "select table_name from duckdb_tables() where contains(table_name, '__dbt_')"
        assert connection.execute(left).fetchall() == []


def test_what_a_contract_demands_holds_or_the_model_fails(database: Path, project: Path) -> None:
    demanding = {
        "kept": "('a', 1, 'x'), ('a', 2, null)",
        "check_of_null": "('a', null, 'x')",
        "another_value": "('a', 1, 'z')",
        "nulls_that_are_alike": "(null, 1, 'x'), (null, 1, 'y')",
    }
    contract = """
    config: {contract: {enforced: true}}
    constraints: [{type: unique, columns: [name, units]}, {type: check, expression: units > 0}]
    columns:
      - {name: name, data_type: string}
      - {name: units, data_type: integer}
      - name: kind
        data_type: string
        constraints: [{type: check, expression: "kind in ('x', 'y')"}]
"""
    for model, rows in demanding.items():
        (project / "models" / f"{model}.sql").write_text(
            "{{ config(materialized='table') }}\n"
            "select cast(name as string) as name, cast(units as integer) as units, cast(kind as string) as kind\n"
            f"from (values {rows}) as t(name, units, kind)\n"
        )
    (project / "models" / "demanding.yml").write_text("models:" + "".join(f"\n  - name: {name}{contract}" for name in demanding))
    with pytest.raises(PromoError, match=r"the model (check_of_null|another_value|nulls_that_are_alike) failed: "):
        run_dbt(["run", "--select", *demanding], database)
    told = json.loads((database.parent / "dbt" / "warehouse" / "run_results.json").read_text())["results"]
    found = {node["unique_id"].rpartition(".")[2]: node for node in told}
    assert found["kept"]["status"] == "success"
    alone = database.with_name("run_results.json")
    for model, complaint in {
        "check_of_null": r"some row breaks what its contract demands: \(units > 0\)$",
        "another_value": r"some row breaks what its contract demands: \(kind IN \('x', 'y'\)\)$",
        "nulls_that_are_alike": "two rows have the same name, units, which",
    }.items():
        alone.write_text(json.dumps({"results": [found[model]]}))  # run_dbt tells of the first
        assert re.match(f"the model {model} failed: {complaint}", dbt_runner._why_it_failed(alone, ""))
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select count(*) from main.kept").fetchone() == (2,)
        left = "select table_name from duckdb_tables() where schema_name = 'main' and table_name <> 'kept'"
        assert connection.execute(left).fetchall() == []
