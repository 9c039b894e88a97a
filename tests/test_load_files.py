"""The files connector: what it takes, what it keeps aside, and that no row is lost on the way."""

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import ORDER_LINES, PRODUCTS

from promo_cli.connectors import csv_header, files, source_file
from promo_cli.errors import PromoError

Connection = duckdb.DuckDBPyConnection
EVENTS = (
    "user_id,event_type,event_at,product_id,price,brand,category\n"
    "U1,view,2019-10-01 00:00:00 UTC,P1,3.5,Acme,tea\nU1,purchase,2019-10-01 00:01:00 UTC,P1,3.5,Acme,tea\n"
)


class Notes:
    """A listener that remembers notes."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def started(self, table: str) -> None:
        pass

    def finished(self, load: object) -> None:
        pass

    def note(self, text: str) -> None:
        self.texts.append(text)


def load(connection: Connection, folder: Path, encoding: str = "utf-8") -> dict[str, tuple[int, int]]:
    """Loads a folder: rows and unreadable lines by table."""
    loads = files.load(connection, files.find_shop_files(folder, encoding))
    return {load.table: (load.rows, load.unreadable) for load in loads}


def refusal(connection: Connection, folder: Path, encoding: str = "utf-8") -> str:
    """The one line a folder is refused with."""
    with pytest.raises(PromoError) as refused:
        load(connection, folder, encoding)
    assert "\n" not in refused.value.message
    assert refused.value.exit_code != 0
    return refused.value.message


def tables(connection: Connection) -> set[str]:
    """Tables of schema shop."""
    return {row[0] for row in connection.execute("select table_name from duckdb_tables() where schema_name = 'shop'").fetchall()}


def write_parquet(path: Path, query: str) -> None:
    """A Parquet file of a query's rows."""
    duckdb.sql(query).write_parquet(str(path))


# What it takes


def test_csv_is_loaded_as_text(connection: Connection, shop_folder: Path) -> None:
    assert load(connection, shop_folder) == {"products": (2, 0), "order_lines": (3, 0)}
    assert tables(connection) == {"products", "order_lines", "settings", "load_rejects", "left_out"}
    types = connection.execute(
        "select distinct data_type from duckdb_columns() where schema_name = 'shop' and table_name = 'order_lines'"
    )
    assert types.fetchall() == [("VARCHAR",)]


def test_parquet_keeps_its_types(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").unlink()
    write_parquet(
        shop_folder / "products.parquet",
        "select 1::bigint as product_id, 'DRINKS' as category, 3.5::decimal(18,2) as list_price",
    )
    assert load(connection, shop_folder)["products"] == (1, 0)
    assert connection.execute("select typeof(product_id), typeof(list_price) from shop.products").fetchone() == (
        "BIGINT",
        "DECIMAL(18,2)",
    )


def test_ids_that_parquet_stores_as_fractions_are_those_of_other_files(connection: Connection, shop_folder: Path) -> None:
    """A table of numbers with blanks is often stored as DOUBLE: 25.0 would be another user than 25, and nan one."""
    (shop_folder / "events.csv").unlink(missing_ok=True)
    write_parquet(
        shop_folder / "events.parquet",
        "select unnest([25.0::double, 'nan'::double, null]) as user_id, 'view' as event_type, "
        "timestamp '2024-01-01' as event_at, 7.00::decimal(9, 2) as product_id, 25.0::double as price",
    )
    load(connection, shop_folder)
    rows = connection.execute("select user_id, product_id, price from shop.events order by all").fetchall()
    assert rows == [("25", "7", 25.0), (None, "7", 25.0), (None, "7", 25.0)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(connection: Connection, shop_folder: Path, delimiter: str) -> None:
    (shop_folder / "products.csv").write_text(PRODUCTS.replace(",", delimiter))
    load(connection, shop_folder)
    assert connection.execute("select product_name, category, list_price from shop.products limit 1").fetchone() == (
        "Tea",
        "DRINKS",
        "3.50",
    )


def test_values_with_quotes_delimiters_and_line_breaks(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").write_text(
        'product_id,product_name,category\nP1,"Tea, ""green""\nloose",DRINKS\nP2,TV 55" wide,SCREENS\n'
    )
    assert load(connection, shop_folder)["products"] == (2, 0)
    names = connection.execute("select product_name from shop.products order by product_id").fetchall()
    assert names == [('Tea, "green"\nloose',), ('TV 55" wide',)]


def test_byte_order_mark_windows_line_ends_and_untidy_names(connection: Connection, shop_folder: Path) -> None:
    text = "\ufeff Product ID ,Product  Name,CATEGORY\r\nP1,Tee grün,DRINKS\r\n\r\nP2,Brot,BAKERY\r\n"
    (shop_folder / "products.csv").unlink()
    (shop_folder / "Products.CSV").write_bytes(text.encode())
    assert load(connection, shop_folder)["products"] == (2, 0)
    assert connection.execute("select product_id, product_name from shop.products limit 1").fetchone() == (
        "P1",
        "Tee grün",
    )


def test_gzip(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").unlink()
    (shop_folder / "products.csv.gz").write_bytes(gzip.compress(PRODUCTS.encode()))
    assert load(connection, shop_folder)["products"] == (2, 0)


@pytest.mark.parametrize(
    "names", [("order_lines_2024-01.csv", "order_lines_2024-02.csv"), ("order_lines/a.csv", "order_lines/b.csv")]
)
def test_parts_are_one_table(connection: Connection, shop_folder: Path, names: tuple[str, str]) -> None:
    (shop_folder / "order_lines.csv").unlink()
    for number, name in enumerate(names):
        part = shop_folder / name
        part.parent.mkdir(exist_ok=True)
        extra = ",x_till" if number else ""
        lines = ORDER_LINES.replace("O1,", f"O1{number},").splitlines()
        part.write_text("\n".join([lines[0] + extra, *(line + (",7" if number else "") for line in lines[1:]), "broken", ""]))
    assert load(connection, shop_folder)["order_lines"] == (6, 2)
    assert connection.execute("select count(*), count(x_till) from shop.order_lines").fetchone() == (6, 3)
    assert connection.execute("select count(distinct file_name), min(line_number) from shop.load_rejects").fetchone() == (2, 5)


def test_an_event_log_stands_in_for_products_and_order_lines(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(EVENTS)
    assert load(connection, tmp_path) == {"events": (2, 0)}
    assert tables(connection) == {"events", "settings", "load_rejects", "left_out"}


@pytest.mark.parametrize(
    "moment", ["2019-10-01 00:00:00 UTC", "2019-10-01T00:00:00+02:00", "2019-10-01", "1569888000", "1569888000123"]
)
def test_ways_to_write_a_moment(connection: Connection, tmp_path: Path, moment: str) -> None:
    (tmp_path / "events.csv").write_text(f"user_id,event_type,event_at\nU1,view,{moment}\n")
    assert load(connection, tmp_path) == {"events": (1, 0)}


@pytest.mark.parametrize("moment", ["1569888000", "timestamp '2019-10-01'", "timestamptz '2019-10-01'", "date '2019-10-01'"])
def test_moments_in_parquet(connection: Connection, tmp_path: Path, moment: str) -> None:
    write_parquet(tmp_path / "events.parquet", f"select 7 as user_id, 'view' as event_type, {moment} as event_at")
    assert load(connection, tmp_path) == {"events": (1, 0)}


def test_a_header_alone_is_an_empty_optional_table(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "reviews.csv").write_text("review_id,user_id,product_id,rating,reviewed_at\n")
    assert load(connection, shop_folder)["reviews"] == (0, 0)


def test_empty_order_lines_are_fine_beside_events(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "order_lines.csv").write_text(ORDER_LINES.splitlines()[0])
    (shop_folder / "events.csv").write_text(EVENTS)
    assert load(connection, shop_folder)["order_lines"] == (0, 0)


def test_own_columns_are_kept_and_others_named_in_a_note(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "users.csv").write_text("user_id,X Shoe Size,regoin,colour,\nU1,42,North,red,\n")
    notes = Notes()
    files.load(connection, files.find_shop_files(shop_folder), listener=notes)
    assert connection.sql("from shop.users").columns == ["user_id", "x_shoe_size"]
    assert len(notes.texts) == 1
    assert "users.csv" in notes.texts[0]
    assert "regoin (did you mean region?), colour, a column without a name" in notes.texts[0]


@pytest.mark.parametrize(("currency", "told"), [("KWD", 1), ("EUR", 0), (None, 0)])
def test_a_third_decimal_of_a_currency_is_told_to_go(
    connection: Connection, shop_folder: Path, currency: str | None, told: int
) -> None:
    notes = Notes()
    files.load(connection, files.find_shop_files(shop_folder), currency=currency, listener=notes)
    assert notes.texts == ["amounts are kept to two decimals, and KWD has three: the third is rounded away"] * told


def test_other_entries_are_left_aside_with_a_note(shop_folder: Path) -> None:
    for name in ("revews.csv", "users.xlsx", "README.txt", ".hidden"):
        (shop_folder / name).write_text("x")
    notes = files.find_shop_files(shop_folder).notes
    assert [note.split(" is left")[0] for note in notes] == ["README.txt", "revews.csv", "users.xlsx"]
    assert "did you mean reviews?" in notes[1]
    assert "users.csv" in notes[2]


def test_hostile_names_are_harmless(connection: Connection, tmp_path: Path) -> None:
    folder = tmp_path / "it's [a] *shop?; drop schema shop; --"
    folder.mkdir()
    beside = tmp_path / "it's a big shop!; drop schema shop; --"  # what that name would match as a pattern
    beside.mkdir()
    (beside / "products.csv").write_text("product_id,category,x,y\nP8,DRINKS,v,w\n")
    hostile = '"x_\'); drop table shop.products; --",\'a"b'
    (folder / "products.csv").write_text(f"product_id,category,{hostile}\nP1,DRINKS,v,w\n")
    write_parquet(
        folder / "order_lines_1.parquet",
        f'select * replace (1 as line_number), 3 as "x_""\'; drop" from read_csv(\'{_csv(tmp_path)}\')',
    )
    assert load(connection, folder) == {"products": (1, 0), "order_lines": (3, 0)}
    assert connection.execute("select product_id from shop.products").fetchall() == [("P1",)]
    assert connection.sql("from shop.products").columns == [
        "product_id",
        "category",
        "x_');_drop_table_shop.products;_--",
    ]
    assert "x_\"';_drop" in connection.sql("from shop.order_lines").columns


def _csv(folder: Path) -> Path:
    path = folder / "lines.csv"
    path.write_text(ORDER_LINES)
    return path


# Accounting


def test_broken_lines_are_kept_with_number_reason_and_text(connection: Connection, shop_folder: Path) -> None:
    with (shop_folder / "order_lines.csv").open("a") as lines:
        lines.write("O3,1,U1\n" + "O4,1,U1,P1,2024-03-03 10:00:00,1,2,2,0,surplus\n" + "O5,1,U2,P1,2024-03-03 10:00:00,1,2,2,0\n")
        lines.write('O6,1,"U2,P1,2024-03-03 10:00:00,1,2,2,0\n')
    assert load(connection, shop_folder) == {"products": (2, 0), "order_lines": (4, 3)}
    rejects = connection.execute("from shop.load_rejects order by line_number").fetchall()
    assert [reject[:4] for reject in rejects] == [
        ("order_lines", "order_lines.csv", 5, "MISSING_COLUMNS"),
        ("order_lines", "order_lines.csv", 6, "TOO_MANY_COLUMNS"),
        ("order_lines", "order_lines.csv", 8, "UNQUOTED_VALUE"),
    ]
    assert rejects[0][4] == "O3,1,U1"
    assert rejects[1][4].endswith("surplus")


def test_every_line_of_a_large_untidy_file_is_loaded_or_rejected(connection: Connection, shop_folder: Path) -> None:
    chance = random.Random(7)  # noqa: S311
    lines = 400_000
    broken = set()
    with (shop_folder / "products.csv").open("w", newline="") as file:
        file.write("product_id,product_name,category\r\n")
        for number in range(lines):
            kind = chance.random()
            if kind < 0.01:
                broken.add(number)
                file.write(f"{number},too few\r\n")
            elif kind < 0.02:
                broken.add(number)
                file.write(f"{number},too,many,columns\r\n")
            elif kind < 0.03:
                file.write(f'{number},"two\r\nlines, {number}",quoted\r\n')
            else:
                file.write(f"{number},{'name ' * 5},plain\r\n")
    rows, unreadable = load(connection, shop_folder)["products"]
    assert (rows + unreadable, unreadable) == (lines, len(broken))
    assert connection.execute("select count(distinct product_id) from shop.products").fetchone() == (rows,)
    kept = connection.execute("select line_number, row_text from shop.load_rejects").fetchall()
    assert {int(text.split(",")[0]) for _, text in kept} == broken
    assert all(text.startswith(f"{line - 2},") for line, text in kept)


def test_unreadable_lines_are_counted_by_table(connection: Connection, shop_folder: Path) -> None:
    for name in ("products", "order_lines"):
        with (shop_folder / f"{name}.csv").open("a") as lines:
            lines.write("broken\n")
    assert load(connection, shop_folder) == {"products": (2, 1), "order_lines": (3, 1)}
    assert connection.execute("select count(*) from shop.load_rejects").fetchone() == (2,)


def test_rows_stay_those_of_the_last_load(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "users.csv").write_text("user_id\nU1,surplus\n")
    assert load(connection, shop_folder)["users"] == (0, 1)
    (shop_folder / "users.csv").unlink()
    first = load(connection, shop_folder)
    assert load(connection, shop_folder) == first
    assert "users" not in tables(connection)
    assert connection.execute("select count(*) from shop.load_rejects").fetchone() == (0,)


def test_a_failed_load_leaves_the_previous_shop(connection: Connection, shop_folder: Path) -> None:
    load(connection, shop_folder)
    (shop_folder / "products.csv").write_text("product_id,category\nP9,NEW\n")
    (shop_folder / "reviews.csv").write_text("review_id,user_id,product_id,rating,reviewed_at\nR1,U1,P1,five,2024-01-01\n")
    refusal(connection, shop_folder)
    assert connection.execute("select count(*), max(product_id) from shop.products").fetchone() == (2, "P2")
    assert tables(connection) == {"products", "order_lines", "settings", "load_rejects", "left_out"}


def test_settings(connection: Connection, shop_folder: Path) -> None:
    files.load(connection, files.find_shop_files(shop_folder), timezone="Europe/Berlin", currency="EUR")
    assert dict(connection.execute("from shop.settings").fetchall()) == {
        "source": "files",
        "shop_timezone": "Europe/Berlin",
        "currency": "EUR",
        "loaded_files": '["products.csv", "order_lines.csv"]',
    }


# What it refuses, in one line


def test_folder_that_is_not_there(connection: Connection, tmp_path: Path) -> None:
    assert "there is no folder" in refusal(connection, tmp_path / "nowhere")


def test_folder_that_is_a_file(connection: Connection, shop_folder: Path) -> None:
    assert f"give the folder that holds it: {shop_folder}" in refusal(connection, shop_folder / "products.csv")


def test_folder_without_tables(connection: Connection, tmp_path: Path) -> None:
    assert "found: nothing" in refusal(connection, tmp_path)
    (tmp_path / "order_line.csv").write_text("x")
    message = refusal(connection, tmp_path)
    assert "order_line.csv (did you mean order_lines?)" in message
    assert "products.csv" in message


def test_missing_required_table(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "order_lines.csv").rename(shop_folder / "orderlines.csv")
    message = refusal(connection, shop_folder)
    assert "holds no order_lines.csv" in message
    assert "did you mean order_lines?" in message


def test_missing_required_column(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "order_lines.csv").write_text(ORDER_LINES.replace("user_id", "custmer_id").replace(",quantity", ",pieces"))
    message = refusal(connection, shop_folder)
    assert "order_lines.csv has no column user_id, quantity; found: order_id, line_number, custmer_id" in message
    assert "custmer_id to user_id" in message


def test_missing_column_in_parquet(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").unlink()
    write_parquet(shop_folder / "products.parquet", "select 1 as product_id")
    assert "products.parquet has no column category; found: product_id" in refusal(connection, shop_folder)


def test_column_that_stands_twice(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").write_text("product_id,category,Product ID\nP1,DRINKS,P2\n")
    assert "has the column product_id 2 times" in refusal(connection, shop_folder)


def test_column_without_a_value_of_its_type(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "order_lines.csv").write_text(ORDER_LINES.replace("2024-03-0", "31.1.2024 "))
    message = refusal(connection, shop_folder)
    assert "order_lines.csv: no value of column ordered_at is a timestamp; they look like '99.9.9999 9 99:99:99'" in message
    assert "write 2024-05-31" in message


def test_single_bad_values_are_left_to_staging(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "order_lines.csv").write_text(ORDER_LINES.replace(",2,3.50,", ",two,3.50,"))
    assert load(connection, shop_folder)["order_lines"] == (3, 0)
    assert connection.execute("select list(quantity order by quantity) from shop.order_lines").fetchone() == (["1", "1", "two"],)


def test_decimal_commas_are_told(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").write_text("product_id;category;list_price\nP1;DRINKS;3,50\nP2;BAKERY;2,00\n")
    message = refusal(connection, shop_folder)
    assert "products.csv: no value of column list_price is a decimal(18,2); they look like '9,99'" in message
    assert "a decimal point" in message


def test_nested_parquet_column(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").unlink()
    write_parquet(shop_folder / "products.parquet", "select {'a': 1} as product_id, 'DRINKS' as category")
    assert "column product_id is STRUCT" in refusal(connection, shop_folder)


def test_required_table_without_rows(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "order_lines.csv").write_text(ORDER_LINES.splitlines()[0])
    assert "order_lines.csv has a header and no rows" in refusal(connection, shop_folder)
    (shop_folder / "order_lines.csv").write_text(ORDER_LINES.splitlines()[0] + "\nO1,1\nO2,1\n")
    message = refusal(connection, shop_folder)
    assert "order_lines.csv: none of 2 lines can be read (line 2: missing columns)" in message


def test_event_log_without_rows(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(EVENTS.splitlines()[0])
    assert "events.csv has a header and no rows" in refusal(connection, tmp_path)


def test_empty_and_headless_files(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "users.csv").write_bytes(b"")
    assert "users.csv is empty (0 bytes)" in refusal(connection, shop_folder)
    (shop_folder / "users.csv").write_bytes(b"\nuser_id\nU1\n")
    assert "users.csv has no header" in refusal(connection, shop_folder)


def test_other_encodings_are_refused_by_name_and_taken_when_named(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").write_bytes("product_id,product_name,category\nP1,café,DRINKS\n".encode("latin-1"))
    message = refusal(connection, shop_folder)
    assert "products.csv is not UTF-8 text" in message
    assert "--encoding latin-1" in message
    load(connection, shop_folder, "latin-1")
    assert connection.execute("select product_name from shop.products").fetchone() == ("café",)


def test_encoding_of_the_header(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").write_bytes("product_id,category,x_größe\nP1,DRINKS,1\n".encode("latin-1"))
    assert "is not UTF-8 text" in refusal(connection, shop_folder)
    (shop_folder / "products.csv").write_bytes("product_id,category\nP1,café\n".encode("utf-16"))
    assert "is not UTF-8 text" in refusal(connection, shop_folder)
    assert "--encoding ebcdic is not known" in refusal(connection, shop_folder, "ebcdic")


def test_bytes_that_are_not_latin_1_either(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").write_bytes(b"product_id,product_name,category\nP1,10 \x80,DRINKS\n")
    assert "products.csv is not latin-1 text; convert it to UTF-8" in refusal(connection, shop_folder, "latin-1")


def test_files_that_only_bear_the_name(connection: Connection, shop_folder: Path) -> None:
    cases = {
        "users.csv": (b"PK\x03\x04\x14\x00", "is not a text file"),
        "users.csv.gz": (b"user_id\nU1\n", "is no whole gzip file"),
        "users.parquet": (b"user_id\nU1\n", "is no whole Parquet file"),
    }
    for name, (content, words) in cases.items():
        (shop_folder / name).write_bytes(content)
        assert f"{name} {words}" in refusal(connection, shop_folder)
        (shop_folder / name).unlink()


def test_truncated_files(connection: Connection, shop_folder: Path) -> None:
    whole = gzip.compress("".join(["user_id\n", *(f"U{chance}\n" for chance in range(50_000))]).encode())
    (shop_folder / "users.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "users.csv.gz is no whole gzip file" in refusal(connection, shop_folder)
    (shop_folder / "users.csv.gz").unlink()
    write_parquet(shop_folder / "users.parquet", "select 'U' || range as user_id from range(1000)")
    whole = (shop_folder / "users.parquet").read_bytes()
    (shop_folder / "users.parquet").write_bytes(whole[: len(whole) // 2])
    assert "users.parquet is no whole Parquet file" in refusal(connection, shop_folder)


def test_damage_inside_a_parquet_file(connection: Connection, shop_folder: Path) -> None:
    write_parquet(shop_folder / "users.parquet", "select md5(range::varchar) as user_id from range(50000)")
    whole = bytearray((shop_folder / "users.parquet").read_bytes())
    whole[1000:200_000] = b"\x55" * 199_000
    (shop_folder / "users.parquet").write_bytes(whole)
    assert "users.parquet" in refusal(connection, shop_folder)


def test_mixed_line_ends(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "products.csv").write_bytes(b"product_id,category\r\nP1,a\nP2,b\r\nP3,c\r\n")
    assert "products.csv mixes line endings" in refusal(connection, shop_folder)


def test_a_header_of_two_lines_is_no_file_without_rows(connection: Connection, shop_folder: Path) -> None:
    lines = (shop_folder / "order_lines.csv").read_text().splitlines()
    (shop_folder / "order_lines.csv").write_text("\r\n".join([f'{lines[0]},"x_\n"', *(f"{line},v" for line in lines[1:])]))
    assert "order_lines.csv has a header that can't be read" in refusal(connection, shop_folder)


def test_a_gzip_bomb_is_refused_and_a_large_table_is_not(
    connection: Connection, shop_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_header, "LARGEST_UNPACKED", 100_000)
    rows = "".join(f"P{n},TEA\n" for n in range(10_000))
    (shop_folder / "products.csv").unlink()
    with gzip.open(shop_folder / "products.csv.gz", "wt") as file:
        file.write(f"product_id,category\n{rows}")
    assert load(connection, shop_folder)["products"] == (10_000, 0)
    with gzip.open(shop_folder / "products.csv.gz", "wt") as file:
        file.write("product_id,category\nP1," + "T" * 1_000_000)
    assert "products.csv.gz unpacks to over 1" in refusal(connection, shop_folder)
    with gzip.open(shop_folder / "products.csv.gz", "wt") as file:
        file.write("T" * 1_000_001)
    monkeypatch.undo()
    assert "products.csv.gz has a first line of over 1,000,000 characters" in refusal(connection, shop_folder)


def test_a_parquet_bomb_is_refused(connection: Connection, shop_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_file, "LARGEST_CLAIM", 1_000)
    (shop_folder / "products.csv").unlink()
    write_parquet(shop_folder / "products.parquet", "select 'P1' as product_id, 'TEA' as category from range(100000)")
    assert "products.parquet claims 100,000 rows in" in refusal(connection, shop_folder)


@pytest.mark.parametrize(
    "moment",
    [
        "9223372036854775807::bigint",
        "18446744073709551615::ubigint",
        "(-9223372036854775807)::bigint",
        "'infinity'::timestamp",
        "'294247-01-01'::timestamp",
    ],
)
def test_moments_beyond_the_calendar_are_told(connection: Connection, shop_folder: Path, moment: str) -> None:
    (shop_folder / "order_lines.csv").unlink()
    write_parquet(
        shop_folder / "order_lines.parquet",
        "select 'O' as order_id, 1 as line_number, 'U' as user_id, 'P1' as product_id, 1 as quantity, 1 as list_price, "
        f"1 as paid_price, {moment} as ordered_at",
    )
    if "timestamp" in moment:  # staging's business: a rejected row
        assert load(connection, shop_folder)["order_lines"] == (1, 0)
    else:
        assert "no value of column ordered_at is a timestamp" in refusal(connection, shop_folder)


def test_folders_in_the_place_of_files(connection: Connection, shop_folder: Path) -> None:
    (shop_folder / "users.csv").mkdir()
    assert "users.csv is a folder, not a file" in refusal(connection, shop_folder)
    (shop_folder / "users.csv").rename(shop_folder / "users")
    assert "holds no .csv, .csv.gz or .parquet file" in refusal(connection, shop_folder)


def test_a_table_that_stands_there_twice(connection: Connection, shop_folder: Path) -> None:
    write_parquet(shop_folder / "products.parquet", "select 1 as product_id, 'a' as category")
    assert "products stands in CSV and in Parquet" in refusal(connection, shop_folder)
    (shop_folder / "products.parquet").unlink()
    (shop_folder / "products.csv.gz").write_bytes(gzip.compress(PRODUCTS.encode()))
    assert "products stands in one file twice" in refusal(connection, shop_folder)


@pytest.mark.parametrize(
    ("timezone", "currency", "words"),
    [
        ("Europe/Berln", None, "did you mean Europe/Berlin?"),
        ("europe/berlin", None, "did you mean Europe/Berlin?"),
        ("'; drop", None, "is not known"),
        ("UTC", "Euro", "write e.g. EUR"),
    ],
)
def test_unknown_time_zone_or_currency(
    connection: Connection, shop_folder: Path, timezone: str, currency: str | None, words: str
) -> None:
    with pytest.raises(PromoError, match=words.replace("?", r"\?")) as refused:
        files.load(connection, files.find_shop_files(shop_folder), timezone, currency)
    assert refused.value.exit_code == 2


def test_command_prints_what_it_loaded(promo: Callable[..., tuple[int, str, str]], shop_folder: Path, tmp_path: Path) -> None:
    (shop_folder / "users.csv").write_text("user_id,foo\nU1,2\nU2,3,4\n")
    database = tmp_path / "db" / "offerhouse.duckdb"
    code, out, err = promo("load", "files", shop_folder, "--database", database)
    assert code == 0
    assert "order_lines" in out
    assert "shop.load_rejects" in out
    assert err == "note: users.csv: columns ignored: foo; a name that begins with x_ is kept\n"
    assert database.parent.stat().st_mode & 0o777 == 0o700
    code, out, err = promo("load", "files", shop_folder, "--database", database, "--quiet", "--json")
    assert (code, err) == (0, "")
    assert '{"table": "users", "rows": 1, "unreadable_lines": 1}' in out
