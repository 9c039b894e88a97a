"""Shops as hostile files: written, loaded and staged, and every row accounted for."""

import csv
import datetime
import gzip
import io
import math
import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from hostile_values import MOMENTS, NUMBERS, TEXTS, names, values
from hypothesis import strategies as st
from pyarrow import parquet
from sandbox import footprint, told
from staging_sql import StagingBuild

from promo_cli.connectors import appended, files
from promo_cli.connectors.shop_schema import Silence
from promo_cli.contract import read_contract
from promo_cli.warehouse import quoted_name

GOOD = {
    "user_id": ("U1", "U2"),
    "product_id": ("P1", "P2"),
    "order_id": ("O1", "O2"),
    "coupon_id": ("C1",),
    "campaign_id": ("K1",),
    "event_type": ("view", "purchase"),
    "purpose": ("marketing", "ads"),
    "verdict": ("like", "used"),
}
GOOD_OF_TYPE = {
    "string": ("plain",),
    "timestamp": ("2024-03-01 10:00:00", "2024-03-02T10:00:00Z"),
    "date": ("2024-03-01",),
    "integer": ("1", "2", "3"),
    "double": ("1", "4.5"),
    "boolean": ("true", "false"),
}
BASELINE = {
    "products": "product_id,category,list_price\nP1,TEA,3.50\nP2,BREAD,2.00\n",
    "order_lines": (
        "order_id,line_number,user_id,product_id,ordered_at,quantity,list_price,paid_price\n"
        "O1,1,U1,P1,2024-03-01 10:00:00,2,3.50,3.00\nO2,1,U2,P1,2024-03-04 11:30:00,1,3.50,3.50\n"
    ),
}

LARGEST = {"quantity": 10**6, "stock_on_hand": 5 * 10**7, "budget": 10**13}


@dataclass(frozen=True)
class TableFile:
    """A file of a table: its bytes, and how many rows it holds (None: nobody can say).

    `bare_returns`: carriage returns without quotes in its cells, each of which may end a line.
    """

    name: str
    content: bytes
    rows: int | None
    bare_returns: int = 0


@dataclass(frozen=True)
class HostileShop:
    """Files of a shop, and how they are loaded."""

    files: tuple[TableFile, ...]
    encoding: str = "utf-8"
    timezone: str = "UTC"
    tables: frozenset[str] = field(default_factory=frozenset)


def one_in(draw: Any, many: int) -> bool:
    """True once in so many times. Hypothesis draws the ends of a range far oftener than the rest, hence the mixing."""
    return (draw(st.integers(0, 2**32 - 1)) * 2_654_435_761 + 12_345 >> 7) % many == many // 2


@st.composite
def shops(draw: Any) -> HostileShop:
    """One to three hostile tables beside whatever else a shop needs."""
    contract = read_contract()
    hostile = draw(st.lists(st.sampled_from([*contract, "order_lines", "events"]), min_size=1, max_size=3, unique=True))
    encoding = draw(st.sampled_from(["utf-8"] * 8 + ["latin-1", "utf-16"]))
    made = [draw(st.one_of(csv_files(table, encoding), parquet_files(table))) for table in hostile]
    if one_in(draw, 10):
        made[0] = draw(damaged(made[0]))
    made += [
        TableFile(f"{table}.csv", text.encode(files_encoding(encoding)), text.count("\n") - 1)
        for table, text in BASELINE.items()
        if table not in hostile and not one_in(draw, 40)
    ]
    timezone = draw(st.sampled_from(["UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu"]))
    return HostileShop(tuple(made), encoding, timezone, frozenset(hostile))


def files_encoding(encoding: str) -> str:
    """Python's name of it."""
    return {"utf-8": "utf-8", "latin-1": "latin-1", "utf-16": "utf-16"}[encoding]


@st.composite
def csv_files(draw: Any, table: str, encoding: str) -> TableFile:
    """A CSV, packed or not, whose quoting is right but for carriage returns: its rows can be counted."""
    columns = draw(_columns(table))
    rows = [
        [draw(values) if one_in(draw, 7) else _good(draw, column, kind) for column, kind in columns]
        for _ in range(draw(st.integers(1, 8)) if not one_in(draw, 12) else 0)
    ]
    if rows and one_in(draw, 100):
        rows[0][draw(st.integers(0, len(columns) - 1))] = "m" * 1_000_000
    text = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(
        text,
        delimiter=draw(st.sampled_from(",,,;\t|")),
        lineterminator=draw(st.sampled_from(["\n", "\n", "\r\n"])),
        quoting=quoting,
    )
    writer.writerow([name for name, _ in columns])
    writer.writerows(rows)
    content = text.getvalue().encode(files_encoding(encoding), errors="replace")
    packed = one_in(draw, 5)
    bare_returns = 0 if quoting == csv.QUOTE_ALL else sum(cell.count("\r") for row in rows for cell in row)
    name = f"{table}.csv{'.gz' if packed else ''}"
    return TableFile(name, gzip.compress(content, 1) if packed else content, len(rows), bare_returns)


@st.composite
def _columns(draw: Any, table: str) -> list[tuple[str, str]]:
    """Names and contract types of a file's columns: most of the contract's, some written oddly, some of nobody's."""
    chosen = []
    for column in read_contract()[table].columns:
        if column.required or not one_in(draw, 3):
            if column.required and one_in(draw, 150):
                continue
            name = draw(st.sampled_from([column.name] * 12 + [column.name.upper(), f" {column.name} "]))
            chosen.append((name, column.data_type))
    if one_in(draw, 3):
        chosen += [(name, "string") for name in draw(st.lists(names, max_size=2))]
    return draw(st.permutations(chosen)) if one_in(draw, 4) else chosen


def _good(draw: Any, column: str, kind: str) -> str:
    pool = GOOD.get(column.strip().lower()) or GOOD_OF_TYPE.get(kind.split("(")[0], ("1", "2.50", "10"))
    return str(draw(st.sampled_from(pool)))


# Arrow types, each with values that fit it, odd ones included.
_DAY = datetime.datetime(2024, 3, 1, 10)
_EDGES = [
    _DAY,
    _DAY,
    _DAY,
    datetime.datetime(9999, 12, 31, 23),
    datetime.datetime(1, 1, 1),
    datetime.datetime(1969, 12, 31),
    None,
]
ARROW: dict[str, tuple[pa.DataType, list[Any]]] = {
    "text": (pa.string(), [*TEXTS, *NUMBERS, *MOMENTS, None]),
    "large text": (pa.large_string(), [*TEXTS[:20], None]),
    "int64": (pa.int64(), [0, 1, 2, -1, 2**63 - 1, -(2**63), 1_709_287_200, 1_709_287_200_000, None]),
    "int8": (pa.int8(), [0, 1, -128, 127, None]),
    "uint16": (pa.uint16(), [0, 1, 65_535]),
    "uint64": (pa.uint64(), [0, 1, 2**64 - 1, 1_709_287_200, None]),
    "double": (pa.float64(), [0.0, 1.0, 2.5, -1.0, math.nan, math.inf, -math.inf, 1e300, 1e16, 1e15, 5e-324, None]),
    "float": (pa.float32(), [0.0, 1.0, 3.3, math.nan, math.inf, 3e38, None]),
    "boolean": (pa.bool_(), [True, False, None]),
    "moment": (pa.timestamp("us"), _EDGES),
    "zoned": (pa.timestamp("us", "Asia/Tokyo"), _EDGES),
    "nanoseconds": (pa.timestamp("ns"), [_DAY, datetime.datetime(1969, 12, 31), datetime.datetime(2261, 1, 1), None]),
    "raw moment": (pa.timestamp("us"), [2**63 - 1, -(2**63) + 1, 0, 253_402_300_800_000_000, -62_135_596_800_000_001, None]),
    "raw day": (pa.date32(), [2**31 - 1, -(2**31) + 1, 0, 19_783, 2_932_897, -719_163, None]),
    "day": (pa.date32(), [datetime.date(2024, 3, 1), datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None]),
    "time": (pa.time64("us"), [datetime.time(10, 0), None]),
    "money": (pa.decimal128(18, 2), [Decimal("3.50"), Decimal("-0.01"), Decimal("9999999999999999.99"), None]),
    "wide decimal": (pa.decimal128(38, 2), [Decimal("3.50"), Decimal(9) * 10**35, None]),
    "deep decimal": (pa.decimal128(38, 30), [Decimal("3.5"), Decimal("0.000000000000000000000000000001"), None]),
    "bytes": (pa.binary(), [b"U1", b"\xff\xfe", b"", None]),
    "list": (pa.list_(pa.string()), [["U1"], [], None]),
    "struct": (pa.struct([("a", pa.int64())]), [{"a": 1}, None]),
    "deep": (pa.list_(pa.list_(pa.struct([("a", pa.list_(pa.int64()))]))), [[[{"a": [1]}]], None]),
    "map": (pa.map_(pa.string(), pa.string()), [[("a", "b")], None]),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), ["U1", "P1", "view", "marketing", None]),
    "nothing": (pa.null(), [None]),
}
PLAIN = [name for name in ARROW if name not in ("list", "struct", "deep", "map", "bytes")]


@st.composite
def parquet_files(draw: Any, table: str) -> TableFile:
    """A Parquet file, each column of its contract's type or of any other."""
    columns = draw(_columns(table))
    rows = draw(st.integers(1, 8)) if not one_in(draw, 12) else 0
    arrays = []
    for column, kind in columns:
        if not one_in(draw, 10):
            arrays.append(_typed(draw, column, kind, rows))
            continue
        odd = draw(st.sampled_from(PLAIN * 5 + list(ARROW)))
        data_type, pool = ARROW[odd]
        cells = [draw(st.sampled_from(pool)) for _ in range(rows)]
        arrays.append(pa.array([_stripped(cell, data_type) for cell in cells], data_type))
    sink = io.BytesIO()
    written = pa.Table.from_arrays(arrays, [name for name, _ in columns])
    parquet.write_table(written, sink, row_group_size=draw(st.sampled_from([1, 2, 1_000])), write_statistics=draw(st.booleans()))
    return TableFile(f"{table}.parquet", sink.getvalue(), rows)


def _typed(draw: Any, column: str, kind: str, rows: int) -> pa.Array:
    """The type that the contract names, with good values and a few edges."""
    cells = [_good(draw, column, kind) for _ in range(rows)]
    if kind == "timestamp":
        return pa.array(
            [draw(st.sampled_from(_EDGES)) for _ in cells], draw(st.sampled_from([pa.timestamp("us"), pa.timestamp("us", "UTC")]))
        )
    if kind == "date":
        return pa.array([draw(st.sampled_from(ARROW["day"][1])) for _ in cells], pa.date32())
    if kind == "integer":
        return pa.array([int(cell) for cell in cells], draw(st.sampled_from([pa.int32(), pa.int64()])))
    if kind == "boolean":
        return pa.array([cell == "true" for cell in cells])
    if kind == "double":
        return pa.array([draw(st.sampled_from([float(cell), math.nan, math.inf])) for cell in cells])
    if kind.startswith("decimal"):
        scale = 3 if kind.endswith("3)") else 2
        top = Decimal(10 ** (18 - scale)) - Decimal(1).scaleb(-scale)
        pool = [Decimal("1.50"), Decimal("2"), Decimal("2"), top, -top, Decimal("0"), None]
        return pa.array([draw(st.sampled_from(pool)) for _ in cells], pa.decimal128(18, scale))
    return pa.array(cells, pa.string())


def _stripped(cell: Any, data_type: pa.DataType) -> Any:
    return cell.replace(tzinfo=datetime.UTC) if isinstance(cell, datetime.datetime) and data_type.tz else cell


@st.composite
def damaged(draw: Any, file: TableFile) -> TableFile:
    """The file cut short, or with bytes changed, taken out or put in."""
    content = bytearray(file.content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.sampled_from(["cut", "flip", "insert", "remove"])):
            case "cut":
                del content[at:]
            case "flip" if content:
                content[at] ^= draw(st.integers(1, 255))
            case "insert":
                content[at:at] = draw(st.sampled_from([b"\0", b'"', b"\n", b"\r", b"\xff", b",", b'"\n"', b"\x1f\x8b"]))
            case _:
                del content[at : at + draw(st.integers(1, 50))]
    return TableFile(file.name, bytes(content), None)


def write_files(shop: HostileShop, sandbox: Path) -> Path:
    """The folder with the shop's files."""
    folder = sandbox / "shop"
    folder.mkdir()
    for file in shop.files:
        (folder / file.name).write_bytes(file.content)
    return folder


class ShopTrial:
    """Loads and stages shops, one after another, in one database in memory."""

    def __init__(self, database: str = ":memory:") -> None:
        self.connection = duckdb.connect(database)
        self.connection.execute("set TimeZone = 'UTC'; set threads = 1; set memory_limit = '1GB'")
        self.connection.execute("create table main.canary as select 42 as sings")
        self._staging = StagingBuild(self.connection)

    def __call__(self, shop: HostileShop, sandbox: Path) -> str:
        """`accepted`, `rejected rows`, `unreadable lines` or `refused (code)`; AssertionError where a promise breaks."""
        folder = write_files(shop, sandbox)
        before = footprint(sandbox)
        try:
            found = files.find_shop_files(folder, shop.encoding)
            loads = files.load(self.connection, found, shop.timezone)
        except Exception as error:
            outcome = told(error)
        else:
            self._check_loads(shop, loads)
            outcome = self._account({load.table: load for load in loads})
        assert footprint(sandbox) == before, "a load wrote to the shop's folder"
        self.check_canary()
        return outcome

    def load_baseline(self, folder: Path) -> None:
        """A small good shop."""
        (folder / "baseline").mkdir()
        for table, text in BASELINE.items():
            (folder / "baseline" / f"{table}.csv").write_text(text)
        files.load(self.connection, files.find_shop_files(folder / "baseline"))

    def stage(self) -> None:
        """Builds the staging models and the accounts over the shop that was loaded last."""
        self._staging.build()

    def set_variables(self, variables: dict[str, Any]) -> None:
        """Other dbt --vars from now on."""
        self._staging.set_variables(variables)

    def check_canary(self) -> None:
        """Raises AssertionError when SQL came in by a value or a name."""
        assert self._all("select sings from main.canary") == [(42,)], "SQL was injected"

    def _check_loads(self, shop: HostileShop, loads: list[Any]) -> None:
        for load in loads:
            (file,) = [file for file in shop.files if file.name.startswith(f"{load.table}.")]
            if file.rows is not None:
                assert 0 <= load.rows + load.unreadable - file.rows <= file.bare_returns, (
                    f"{load.table}: rows lost while loading: {load}, {file.rows}"
                )

    def _account(self, loads: dict[str, Any]) -> str:
        self.stage()
        accounts = {table: rest for table, *rest in self._all("from audits.row_accounting")}
        rejected = 0
        for table, load in loads.items():
            rows_in, rows_accepted, rows_rejected, rows_left_out = accounts[table]
            assert rows_left_out == 0
            assert rows_in == load.rows + load.unreadable == rows_accepted + rows_rejected, (
                f"{table}: rows lost: {accounts[table]}, {load}"
            )
            rejected += rows_rejected
            self._check_accepted(table, events_stand_in=rows_accepted == 0)
        assert (
            self._all("select 1 from audits.rejected_rows where reason is null or rejected_row is null or table_name is null")
            == []
        )
        self._all("select count(*) from staging.campaign_days where ends_on is not null")
        if any(load.unreadable for load in loads.values()):
            return "unreadable lines"
        return "rejected rows" if rejected else "accepted"

    def _check_accepted(self, table: str, events_stand_in: bool) -> None:
        """What staging accepts is what features can count on; purchase events that stand in for order lines need no price."""
        may_be_null = {("products", "category")}
        if events_stand_in:
            may_be_null |= {("order_lines", "list_price"), ("order_lines", "paid_price")}
        odd = []
        for column in read_contract()[table].columns:
            name, kind = quoted_name(column.name), column.data_type
            if kind in ("timestamp", "date"):
                odd.append(f"not isfinite({name}) or year({name}) not between 1 and 9999")
            elif kind == "double":
                odd.append(f"not isfinite({name})")
            elif kind.startswith("decimal"):
                odd.append(f"{name} > {LARGEST.get(column.name, 10**10)}")
            if column.required and (table, column.name) not in may_be_null:
                odd.append(f"{name} is null or cast({name} as varchar) = ''")
        found = self._all(f"select * from staging.stg_{table} where ({') or ('.join(odd)}) limit 1")
        assert not found, f"stg_{table} accepts {found[0]}"

    def _all(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()


class AppendTrial(ShopTrial):
    """Adds hostile files to a good shop with typed columns, one after another."""

    def __call__(self, shop: HostileShop, sandbox: Path) -> str:
        """As ShopTrial; what is refused leaves the loaded shop as it was."""
        self._load_typed(sandbox)
        folder, loaded = write_files(shop, sandbox), self._rows_by_table()
        before, made_way = footprint(sandbox), Replaced()
        try:
            found = files.find_shop_files(folder, shop.encoding, is_whole=False)
            loads = appended.append(self.connection, found, listener=made_way)
        except Exception as error:
            outcome = told(error)
            assert self._rows_by_table() == loaded, "a refused file changed the shop"
        else:
            self._check_loads(shop, loads)
            rows = self._rows_by_table()
            for load in loads:
                due = loaded.get(load.table, 0) + load.rows - made_way.rows.get(load.table, 0)
                assert rows[load.table] == due, f"{load.table}: rows lost while adding: {rows[load.table]}, not {due}"
            outcome = self._account({load.table: replace(load, rows=rows[load.table]) for load in loads})
        assert footprint(sandbox) == before, "a load wrote to the shop's folder"
        self.check_canary()
        return outcome

    def _load_typed(self, sandbox: Path) -> None:
        folder = sandbox / "good"
        folder.mkdir()
        for table, text in BASELINE.items():
            (folder / f"{table}.csv").write_text(text)
            duckdb.read_csv(str(folder / f"{table}.csv")).write_parquet(str(folder / f"{table}.parquet"))
            (folder / f"{table}.csv").unlink()
        files.load(self.connection, files.find_shop_files(folder))

    def _rows_by_table(self) -> dict[str, int]:
        tables = [
            name for (name,) in self._all("select table_name from duckdb_tables() where schema_name = 'shop' order by table_name")
        ]
        return {name: self._all(f"select count(*) from shop.{quoted_name(name)}")[0][0] for name in tables}


class Replaced(Silence):
    """Hears how many rows made way."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def note(self, text: str) -> None:
        """Remembers the number, by table."""
        if found := re.fullmatch(r"(\w+): ([\d,]+) loaded rows? made way for .*", text):
            self.rows[found[1]] = int(found[2].replace(",", ""))
