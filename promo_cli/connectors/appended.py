"""New rows for a shop that is loaded: `promo load files --append`.

A row whose key is loaded already takes that row's place, so the same file twice is the same as once, and a product's new price
is the product's price. A column of the files that holds what the loaded one can't (text where numbers are) makes that one text,
which staging casts: no value is lost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from promo_cli.connectors.files import ShopFiles, check_currency, check_timezone, read_into, tell_decimals
from promo_cli.connectors.near_match import listed
from promo_cli.connectors.readability import WHOLE_TYPES, refuse_unreadable_column, staged_value
from promo_cli.connectors.shop_schema import (
    Listener,
    Silence,
    TableLoad,
    changing_shop,
    count_rows,
    recorded_settings,
    replacing_shop,
)
from promo_cli.contract import TEXT_TYPES, Table, read_contract
from promo_cli.errors import USAGE_FAULT, PromoError
from promo_cli.warehouse import quoted_name
from promo_cli.withdrawals import is_there

INCOMING = "shop.incoming"


@dataclass(frozen=True)
class Addition:
    """A column of the files beside the loaded one: its expression over `incoming`; `widens`: the loaded one must become text."""

    name: str
    expression: str
    widens: bool


def append(
    connection: duckdb.DuckDBPyConnection,
    shop: ShopFiles,
    timezone: str | None = None,
    currency: str | None = None,
    listener: Listener | None = None,
) -> list[TableLoad]:
    """Adds the files to schema `shop`, all or nothing; returns what came in, table by table.

    Raises PromoError when `timezone` or `currency` is another than the loaded shop's (exit code 2), a file
    can't be read, or no value of a column is of the contract's type.
    """
    listener = listener or Silence()
    settings = recorded_settings(connection)
    if timezone is not None:
        check_timezone(connection, timezone)
    check_currency(currency)
    for option, told, loaded in (
        ("--timezone", timezone, settings.get("shop_timezone")),
        ("--currency", currency, settings.get("currency")),
    ):
        if told is not None and loaded is not None and told != loaded:
            raise PromoError(f"{option} {told}: the loaded shop has {loaded}; leave it out, or don't --append", USAGE_FAULT)
    tell_decimals(currency or settings.get("currency"), listener)
    for note in shop.notes:
        listener.note(note)
    loads = []
    with changing_shop(connection):
        for name, files in shop.tables.items():
            listener.started(name)
            place, unreadable = read_into(connection, INCOMING, name, files, shop.encoding)
            loads.append(TableLoad(name, count_rows(connection, INCOMING), unreadable))
            _add(connection, read_contract()[name], place, listener)
            connection.execute(f"drop table {INCOMING}")
            listener.finished(loads[-1])
        _remember(connection, settings, shop, currency)
    return loads


def loaded_settings(database: Path) -> dict[str, str]:
    """Settings of the shop that is loaded in the working database; raises PromoError when there is none."""
    from promo_cli.warehouse_reader import open_read_only

    if not database.is_file():
        raise _no_shop(database)
    with open_read_only(database) as connection:
        settings = recorded_settings(connection)
    if not settings:
        raise _no_shop(database)
    return settings


def stand_in(connection: duckdb.DuckDBPyConnection, settings: dict[str, str]) -> None:
    """A shop without tables in another database, to try on it what would be added to a loaded one."""
    with replacing_shop(connection, settings):
        pass


def _no_shop(database: Path) -> PromoError:
    return PromoError(f"{database} holds no shop that files could be added to; load the first time without --append")


def _remember(connection: duckdb.DuckDBPyConnection, settings: dict[str, str], shop: ShopFiles, currency: str | None) -> None:
    """The names of the files join those loaded before; a currency that nobody had told is known from now on."""
    known = json.loads(settings.get("loaded_files") or "[]")
    told = {"loaded_files": json.dumps([*known, *(name for name in shop.names if name not in known)])}
    if currency is not None:
        told["currency"] = currency
    for key, value in told.items():
        connection.execute("insert or replace into shop.settings values (?, ?)", [key, value])


def _add(connection: duckdb.DuckDBPyConnection, table: Table, place: str, listener: Listener) -> None:
    """The rows of `incoming` into a table of the shop, which is made when the shop had none."""
    relation = f"shop.{quoted_name(table.name)}"
    incoming = _types(connection, INCOMING)
    for column in table.columns:
        if column.name in incoming:
            refuse_unreadable_column(connection, INCOMING, place, column)
    if not is_there(connection, "shop", table.name):
        connection.execute(f"create table {relation} as from {INCOMING}")
        return
    for name, kind in incoming.items():
        connection.execute(f"alter table {relation} add column if not exists {quoted_name(name)} {kind}")
    loaded = _types(connection, relation)
    contract = {column.name: column.data_type for column in table.columns}
    additions = [_addition(connection, name, kind, loaded[name], contract.get(name, "string")) for name, kind in incoming.items()]
    for addition in additions:
        if addition.widens:
            connection.execute(f"alter table {relation} alter column {quoted_name(addition.name)} type varchar")
            listener.note(f"{place}: {addition.name} holds what is no {loaded[addition.name]}; the column is text from now on")
    rows = ", ".join(f"{addition.expression} as {quoted_name(addition.name)}" for addition in additions)
    keys = [column.name for column in table.columns if column.key]
    if keys and all(key in incoming for key in keys):
        texts = {addition.name for addition in additions if addition.widens or loaded[addition.name] == "VARCHAR"}
        same = " and ".join(
            " = ".join(_key(f"{side}.{quoted_name(key)}", contract[key], key in texts) for side in ("loaded", "added"))
            for key in keys
        )
        ((replaced,),) = connection.execute(
            f"delete from {relation} as loaded using (select distinct {', '.join(map(quoted_name, keys))} "
            f"from (select {rows} from {INCOMING})) as added where {same}"
        ).fetchall()
        if replaced:
            made_way = "1 loaded row made way for one" if replaced == 1 else f"{replaced:,} loaded rows made way for ones"
            absent = [name for name in loaded if name not in incoming]
            without = f"; without {listed(absent)}, which the files don't bring" if absent else ""
            listener.note(f"{table.name}: {made_way} with the same key{without}")
    connection.execute(f"insert into {relation} by name select {rows} from {INCOMING}")


def _addition(connection: duckdb.DuckDBPyConnection, name: str, kind: str, loaded: str, contract: str) -> Addition:
    """How a column goes into the loaded one of another type: cast where every value survives, else as text."""
    value = quoted_name(name)
    if kind == loaded:
        return Addition(name, value, widens=False)
    if loaded == "VARCHAR":
        return Addition(name, f"cast({value} as varchar)", widens=False)
    if contract in TEXT_TYPES:  # 007 is no 7
        read = f"try_cast({value} as {loaded})"
        survives = f"cast({read} as varchar) = cast({value} as varchar)"
    else:
        staged = staged_value(value, contract, kind)
        read = f"try_cast({staged} as {loaded})"
        is_number = loaded in WHOLE_TYPES or loaded.startswith(("DECIMAL", "DOUBLE", "FLOAT"))
        if is_number:  # 4.5 is no 4, nor 5
            survives = f"try_cast({value} as double) = cast({read} as double)"
        else:  # nor is a moment a day
            (same,) = connection.sql(f"select {staged} from {INCOMING}").types
            survives = f"try_cast({read} as {same}) = {staged}"
    is_empty = f"coalesce(trim(cast({value} as varchar)), '') = ''"
    lost = connection.execute(
        f"select 1 from {INCOMING} where not {is_empty} and not coalesce({survives}, false) limit 1"
    ).fetchone()
    if lost:
        return Addition(name, f"cast({value} as varchar)", widens=True)
    return Addition(name, read, widens=False)


def _key(value: str, contract: str, is_text: bool) -> str:
    """A key as staging reads it, for a moment, day or number may be written in several ways; as it is where it can't be read."""
    if not is_text or contract in TEXT_TYPES:
        return value
    return f"coalesce(cast(cast({staged_value(value, contract, 'VARCHAR')} as {contract}) as varchar), {value})"


def _types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    described = connection.sql(f"select * from {relation}")
    return dict(zip(described.columns, map(str, described.types), strict=True))
