"""Tables and views are replaced in one statement, where the other kind stood too; nothing is when the new one fails."""

import shutil
from pathlib import Path

import duckdb
import pytest

from promo_cli.dbt_runner import run_dbt
from promo_cli.errors import PromoError

PRICES = "select count(*), sum(personal_price) from promotions.personal_prices"


@pytest.fixture
def database(small_warehouse: Path, tmp_path: Path, pseudonyms: None) -> Path:
    return Path(shutil.copy(small_warehouse, tmp_path / "offerhouse.duckdb"))


def kinds(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What personal_prices and open_offers are."""
    found = connection.execute(
        "select table_name, table_type from information_schema.tables where table_name in ('personal_prices', 'open_offers')"
    )
    return dict(found.fetchall())


def test_a_view_takes_the_place_of_a_table_and_a_table_that_of_a_view(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        before = connection.execute(PRICES).fetchall()
        connection.execute("drop view promotions.open_offers; create table promotions.open_offers as select 1 as one")
        connection.execute("drop table promotions.personal_prices; create view promotions.personal_prices as select 1 as one")
    run_dbt(["run", "--select", "personal_prices", "open_offers"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert kinds(connection) == {"personal_prices": "BASE TABLE", "open_offers": "VIEW"}
        assert connection.execute(PRICES).fetchall() == before
        assert connection.execute("from promotions.open_offers limit 1").fetchall() is not None


def test_a_model_that_fails_leaves_what_was_there(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        before = connection.execute(PRICES).fetchall()
        connection.execute("update promotions.considered_products set user_id = null where product_id = 'p1'")
    with pytest.raises(PromoError, match="the model personal_prices failed: its column user_id is null"):
        run_dbt(["run", "--select", "personal_prices"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute(PRICES).fetchall() == before
        left = "select table_name from information_schema.tables where table_name like '%\\_\\_dbt\\_%' escape '\\'"
        assert connection.execute(left).fetchall() == []
