"""`promo load files --append`: rows join the loaded shop, once however often they come, and no value is lost on the way."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import ORDER_LINES, PRODUCTS
from test_load_files import Notes, write_parquet

from promo_cli import erasures
from promo_cli.connectors import appended, files
from promo_cli.errors import DATA_FAULT, USAGE_FAULT, PromoError
from promo_cli.warehouse import open_warehouse

Connection = duckdb.DuckDBPyConnection
Promo = Callable[..., tuple[int, str, str]]
LINE_HEADER = ORDER_LINES.splitlines()[0]
NEW_LINE = "O3,1,U3,P2,2024-03-03 09:00:00,1,2.00,2.00,0.00"


@pytest.fixture
def shop(connection: Connection, shop_folder: Path) -> Connection:
    """The small shop, loaded from CSV."""
    files.load(connection, files.find_shop_files(shop_folder), "Europe/Berlin", "EUR")
    return connection


@pytest.fixture
def more(tmp_path: Path) -> Path:
    """A folder for what comes in later."""
    folder = tmp_path / "more"
    folder.mkdir()
    return folder


def add(connection: Connection, folder: Path) -> dict[str, tuple[int, int]]:
    """Adds a folder: rows and unreadable lines by table."""
    loads = appended.append(connection, files.find_shop_files(folder, is_whole=False))
    return {load.table: (load.rows, load.unreadable) for load in loads}


def rows(connection: Connection, query: str) -> list[tuple]:
    """The rows of a query."""
    return connection.execute(query).fetchall()


def kind(connection: Connection, table: str, column: str) -> str:
    """A column's type in schema shop."""
    return str(connection.sql(f"select {column} from shop.{table}").types[0])


def test_rows_join_the_loaded_ones_and_new_tables_are_made(shop: Connection, more: Path) -> None:
    (more / "order_lines.csv").write_text(f"{LINE_HEADER}\n{NEW_LINE}\n")
    (more / "events.csv").write_text("user_id,event_type,event_at,product_id\nU1,view,2024-03-03 08:00:00,P1\n")
    assert add(shop, more) == {"order_lines": (1, 0), "events": (1, 0)}
    assert rows(shop, "select order_id, line_number from shop.order_lines order by all") == [
        ("O1", "1"),
        ("O1", "2"),
        ("O2", "1"),
        ("O3", "1"),
    ]
    assert rows(shop, "select count(*) from shop.products") == [(2,)]
    known = dict(rows(shop, "select key, value from shop.settings"))
    assert (known["shop_timezone"], known["currency"]) == ("Europe/Berlin", "EUR")
    assert known["loaded_files"] == '["products.csv", "order_lines.csv", "events.csv"]'


def test_the_same_rows_twice_are_the_same_as_once_and_corrections_hold(shop: Connection, more: Path) -> None:
    (more / "order_lines.csv").write_text(f"{LINE_HEADER}\n{NEW_LINE}\n")
    (more / "products.csv").write_text("product_id,product_name,category,list_price\nP1,Tea,DRINKS,3.90\n")
    for _ in range(2):
        add(shop, more)
    assert rows(shop, "select count(*), count(distinct order_id || line_number) from shop.order_lines") == [(4, 4)]
    assert rows(shop, "select product_id, list_price from shop.products order by all") == [("P1", "3.90"), ("P2", "2.00")]


def test_columns_that_a_correction_does_not_bring_are_told(shop: Connection, more: Path) -> None:
    (more / "products.csv").write_text("product_id,category,list_price\nP1,DRINKS,3.90\n")
    notes = Notes()
    appended.append(shop, files.find_shop_files(more, is_whole=False), listener=notes)
    without = "without product_name, which the files don't bring"
    assert notes.texts == [f"products: 1 loaded row made way for one with the same key; {without}"]
    assert rows(shop, "select product_name from shop.products where product_id = 'P1'") == [(None,)]


def test_copies_within_the_new_rows_are_left_to_staging(shop: Connection, more: Path) -> None:
    (more / "order_lines.csv").write_text(f"{LINE_HEADER}\n{NEW_LINE}\n{NEW_LINE}\n")
    add(shop, more)
    assert rows(shop, "select count(*) from shop.order_lines where order_id = 'O3'") == [(2,)]


def test_rows_without_a_key_take_nobodys_place(shop: Connection, more: Path) -> None:
    (more / "order_lines.csv").write_text(f"{LINE_HEADER}\n{NEW_LINE.replace('O3,1', ',')}\n")
    for _ in range(2):
        add(shop, more)
    assert rows(shop, "select count(*) from shop.order_lines where order_id is null") == [(2,)]


@pytest.mark.parametrize(
    ("value", "stays", "kept"),
    [("4", "INTEGER", 4), ("four", "VARCHAR", "four"), ("", "INTEGER", None), ("4.5", "VARCHAR", "4.5")],
)
def test_text_joins_typed_columns_and_no_value_is_lost(
    connection: Connection, shop_folder: Path, more: Path, value: str, stays: str, kept: object
) -> None:
    (shop_folder / "order_lines.csv").unlink()
    write_parquet(
        shop_folder / "order_lines.parquet",
        "select 'O1' as order_id, 1 as line_number, 'U1' as user_id, 'P1' as product_id, "
        "timestamp '2024-03-01' as ordered_at, 2 as quantity, 3.5::decimal(18,2) as list_price, 3.5::decimal(18,2) as paid_price",
    )
    files.load(connection, files.find_shop_files(shop_folder))
    good = "O4,1,U1,P1,2024-03-04T12:00:00+02:00,3,1.00,1.00"
    (more / "order_lines.csv").write_text(
        "order_id,line_number,user_id,product_id,ordered_at,quantity,list_price,paid_price\n"
        f"{good}\nO3,1,U1,P1,2024-03-03 12:00:00,{value},1.00,1.00\n"
    )
    add(connection, more)
    assert kind(connection, "order_lines", "quantity") == stays
    assert rows(connection, "select quantity from shop.order_lines where order_id = 'O3'") == [(kept,)]
    assert kind(connection, "order_lines", "ordered_at") == "TIMESTAMP"
    moment = "select strftime(ordered_at, '%H:%M') from shop.order_lines where order_id = 'O4'"
    assert rows(connection, moment) == [("10:00",)]


@pytest.mark.parametrize(
    ("loaded", "stays"),
    [
        ("date '2024-03-01'", "VARCHAR"),
        ("1709287200", "VARCHAR"),
        ("timestamptz '2024-03-01 10:00:00+00'", "TIMESTAMP WITH TIME ZONE"),
    ],
)
def test_a_moment_stays_a_moment(connection: Connection, shop_folder: Path, more: Path, loaded: str, stays: str) -> None:
    write_parquet(shop_folder / "events.parquet", f"select 'U1' as user_id, 'view' as event_type, {loaded} as event_at")
    files.load(connection, files.find_shop_files(shop_folder))
    (more / "events.csv").write_text("user_id,event_type,event_at\nU2,view,2024-03-02 11:30:00\n")
    add(connection, more)
    assert kind(connection, "events", "event_at") == stays
    moment = "select strftime(cast(event_at as timestamptz), '%d %H:%M') from shop.events where user_id = 'U2'"
    assert rows(connection, moment) == [("02 11:30",)]


def test_a_key_of_digits_keeps_its_zeros(connection: Connection, shop_folder: Path, more: Path) -> None:
    (shop_folder / "products.csv").unlink()
    write_parquet(shop_folder / "products.parquet", "select 7 as product_id, 'TEA' as category, 1.5 as list_price")
    files.load(connection, files.find_shop_files(shop_folder))
    (more / "products.csv").write_text("product_id,category,list_price\n007,TEA,2.5\n8,TEA,3.5\n")
    add(connection, more)
    assert rows(connection, "select product_id from shop.products order by all") == [("007",), ("7",), ("8",)]


def test_columns_of_the_shops_own_come_with_the_rows(shop: Connection, more: Path) -> None:
    (more / "products.csv").write_text("product_id,product_name,category,list_price,x_shelf\nP3,Milk,DAIRY,1.10,B4\n")
    add(shop, more)
    assert rows(shop, "select product_id, x_shelf from shop.products order by all") == [("P1", None), ("P2", None), ("P3", "B4")]


def test_unreadable_lines_are_those_of_the_new_files(shop: Connection, more: Path) -> None:
    (more / "order_lines.csv").write_text(f"{LINE_HEADER}\n{NEW_LINE}\nO4,1\n")
    assert add(shop, more) == {"order_lines": (1, 1)}
    assert add(shop, more) == {"order_lines": (1, 1)}


def test_what_fails_leaves_the_shop_as_it_was(shop: Connection, more: Path) -> None:
    (more / "products.csv").write_text("product_id,product_name,category,list_price\nP3,Milk,DAIRY,1.10\n")
    (more / "order_lines.csv").write_text(f"{LINE_HEADER}\nO3,1,U3,P2,yesterday,1,2.00,2.00,0.00\n")
    with pytest.raises(PromoError, match=r"no value of column ordered_at is a timestamp"):
        add(shop, more)
    assert rows(shop, "select count(*) from shop.products") == [(2,)]
    assert "P3" not in str(rows(shop, "select * from shop.products"))


def test_who_was_erased_stays_away(shop: Connection, more: Path) -> None:
    erasures.request(shop, ["U3"], [])
    (more / "order_lines.csv").write_text(f"{LINE_HEADER}\n{NEW_LINE}\n{NEW_LINE.replace('O3', 'O5').replace('U3', 'U4')}\n")
    add(shop, more)
    assert rows(shop, "select distinct user_id from shop.order_lines order by all") == [("U1",), ("U2",), ("U4",)]
    assert rows(shop, "select * from shop.left_out") == [("order_lines", "ERASED", 1)]


@pytest.mark.parametrize(("option", "value"), [("timezone", "Asia/Tokyo"), ("currency", "USD")])
def test_another_time_zone_or_currency_is_refused(shop: Connection, more: Path, option: str, value: str) -> None:
    (more / "products.csv").write_text(PRODUCTS)
    found = files.find_shop_files(more, is_whole=False)
    with pytest.raises(PromoError, match=f"--{option} {value}: the loaded shop has") as refused:
        appended.append(shop, found, **{option: value})
    assert refused.value.exit_code == USAGE_FAULT
    appended.append(shop, found, "Europe/Berlin", "EUR")


def test_the_command(shop_folder: Path, more: Path, tmp_path: Path, promo: Promo) -> None:
    database = tmp_path / "warehouse" / "offerhouse.duckdb"
    (more / "products.csv").write_text("product_id,product_name,category,list_price\nP3,Milk,DAIRY,1.10\n")
    call = ("load", "files", more, "--append", "--database", database, "-q")
    code, _, err = promo(*call)
    assert (code, database.exists()) == (DATA_FAULT, False)
    assert f"{database} holds no shop that files could be added to" in err
    with open_warehouse(database):
        pass
    assert promo(*call)[0] == DATA_FAULT

    assert promo("load", "files", shop_folder, "--database", database, "-q")[0] == 0
    before = database.read_bytes()
    code, out, _ = promo(*call, "--dry-run")
    assert (code, database.read_bytes() == before) == (0, True)
    assert out.splitlines()[-1] == f"Nothing was loaded; without --dry-run these are added to the shop in {database}"
    code, out, _ = promo(*call)
    assert (code, out.splitlines()[-1]) == (0, f"Added to schema shop of {database}; next: promo build")
    with duckdb.connect(str(database), read_only=True) as connection:
        assert rows(connection, "select count(*) from shop.products") == [(3,)]
    code, _, err = promo(*call, "--mapping", tmp_path)
    assert (code, "--append" in err) == (USAGE_FAULT, True)


@pytest.mark.parametrize("told", ["1767225600", "1767225600000", "2026-01-01T01:00:00+01:00"])
def test_a_moment_in_digits_joins_moments(connection: Connection, shop_folder: Path, more: Path, told: str) -> None:
    write_parquet(
        shop_folder / "consents.parquet",
        "select 'U1' as user_id, 'marketing' as purpose, timestamp '2025-07-25' as changed_at, true as granted",
    )
    files.load(connection, files.find_shop_files(shop_folder))
    (more / "consents.csv").write_text(f"user_id,purpose,changed_at,granted\nU1,marketing,{told},false\n")
    add(connection, more)
    newest = "select cast(max(changed_at) as varchar), arg_max(granted, changed_at) from shop.consents"
    assert rows(connection, newest) == [("2026-01-01 00:00:00", False)]


def test_a_key_is_the_same_however_it_is_written(connection: Connection, shop_folder: Path, more: Path) -> None:
    (shop_folder / "consents.csv").write_text(
        "user_id,purpose,changed_at,granted\nU1,marketing,2025-12-01T10:00:00Z,true\nU2,marketing,one day,true\n"
    )
    files.load(connection, files.find_shop_files(shop_folder))
    (more / "consents.csv").write_text(
        "user_id,purpose,changed_at,granted\nU1,marketing,2025-12-01 10:00:00,false\nU2,marketing,one day,false\n"
    )
    add(connection, more)
    kept = rows(connection, "select user_id, changed_at, granted from shop.consents order by all")
    assert kept == [("U1", "2025-12-01 10:00:00", "false"), ("U2", "one day", "false")]
