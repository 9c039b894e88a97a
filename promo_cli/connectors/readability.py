"""Columns no value of which is of the contract's type. A single bad value is staging's business: a rejected row."""

import duckdb

from promo_cli.contract import TEXT_TYPES, Column
from promo_cli.errors import PromoError, shape
from promo_cli.warehouse import quoted_name

WHOLE_TYPES = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
FRACTIONS = ("DOUBLE", "FLOAT", "DECIMAL")
NESTED_TYPES = ("STRUCT", "MAP", "UNION", "BLOB", "BIT", "LIST", "ARRAY")
HINTS = {
    "timestamp": "write 2024-05-31 18:30:00 (UTC) or seconds since 1970",
    "date": "write 2024-05-31",
    "integer": "write a whole number, e.g. 3",
    "double": "write 1234.5: a decimal point, no thousands separator",
    "decimal": "write 1234.50: a decimal point, no thousands separator, no currency sign",
    "boolean": "write true or false",
}


def refuse_unreadable_column(connection: duckdb.DuckDBPyConnection, relation: str, place: str, column: Column) -> None:
    """Raises PromoError when `column` of `relation` has values and none is of the contract's type.

    Reads as far as the first good value. `place` names the file or table to people.
    """
    name = quoted_name(column.name)
    stored = str(connection.sql(f"select {name} from {relation}").types[0])
    if stored.endswith("]") or stored.startswith(NESTED_TYPES):
        raise PromoError(f"{place}: column {column.name} is {stored.split('(')[0]}, no {column.data_type}; bring a plain column")
    if column.data_type in TEXT_TYPES:
        return
    readable = staged_value(name, column.data_type, stored)
    if connection.execute(f"select 1 from {relation} where {readable} is not null limit 1").fetchone():
        return
    example = connection.execute(
        f"select left(cast({name} as varchar), 40) as example from {relation} where trim(cast({name} as varchar)) <> '' limit 1"
    ).fetchone()
    if example:
        hint = HINTS.get(column.data_type.split("(")[0], f"write it as {column.data_type}")
        raise PromoError(
            f"{place}: no value of column {column.name} is a {column.data_type}; they look like {shape(example[0])}; {hint}"
        )


def staged_value(name: str, data_type: str, stored: str) -> str:
    """The value as staging will read it, null where it can't: macros/engine/casting.sql."""
    if data_type == "timestamp" and stored == "VARCHAR":
        written = f"try_cast(try_cast({name} as timestamptz) as timestamp)"
        return f"case when regexp_full_match({name}, '[0-9]{{9,14}}') then {_epoch(name)} else {written} end"
    if data_type == "timestamp" and stored in WHOLE_TYPES:
        return _epoch(name)
    if data_type == "date" and stored == "VARCHAR":
        return f"try_cast({name} as timestamp)"
    if data_type == "integer":
        number = f"try_cast({name} as double)"
        return f"case when {number} = floor({number}) then try_cast({number} as integer) end"
    return f"try_cast({name} as {data_type})"


def text_value(value: str, stored: str) -> str:
    """The value as text: 25 and not 25.0, as which a table of numbers with blanks is often stored, for that is another user."""
    text = f"cast({value} as varchar)"
    if not stored.startswith(FRACTIONS):
        return text
    return (
        f"case when {value} = floor({value}) and abs({value}) < 1e15 then cast(cast({value} as bigint) as varchar) "
        f"else nullif({text}, 'nan') end"
    )


def _epoch(name: str) -> str:
    """Milliseconds since 1970 from 100,000,000,000 on, seconds below."""
    number = f"try_cast({name} as bigint)"
    return f"try(epoch_ms({number} * case when {number} >= 100000000000 then 1 else 1000 end))"
