"""Values that nobody should send and somebody will: texts, numbers, moments, as Hypothesis strategies."""

from hypothesis import strategies as st

TEXTS = (
    "",
    " ",
    "'",
    '"',
    "''",
    '"unclosed',
    'in "quotes" inside',
    "'; drop table main.canary; --",
    '"; drop table main.canary; --',
    "{{ run_query('drop table main.canary') }}",
    "$1",
    "%s",
    "a\0b",
    "\0",
    "line\nbreak",
    "line\r\nbreak",
    "tab\tbed",
    "\u2028",
    "\ufeffmark",
    "\x1b[2Jcleared",
    "\x07",
    "😀" * 20,
    "مرحبا",
    "\u202etxt.exe",
    "é" + "\u0301" * 30,
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "=cmd|' /C calc'!A0",
    "../../../etc/passwd",
    "/etc/passwd",
    "..",
    "C:\\con",
    "NULL",
    "null",
    "None",
    "true",
    "select",
    "order",
    "[" * 500,
    '{"a":' * 300,
    '{"user_id": "U1"}',
    "<script>alert(1)</script>",
    "\\",
    "\\N",
    "a|b|c",
    "a,b;c",
    "ⅷ",
    "１２",
)
NUMBERS = (
    *("0", "-0", "1", "-1", "0.001", "-0.001", "0.005", "0.0005", "1e3", "1e308", "1e309", "-1e309", "1e-400"),
    *("NaN", "nan", "inf", "-inf", "Infinity", "1,5", "1.234,56", "1,234.56", "1_000", "0x10", "1 000", "$5", "5 €", "½"),
    *("2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "18446744073709551616"),
    *("999999999999999.999", "1000000000000000", "9999999999999999.99", "99999999999999999999999999999999999999", "2.5", "89638"),
    *("1000000", "1000000.001", "1000001", "10000000000", "10000000000.01", "9" * 400),
)
MOMENTS = (
    *("9999-12-31 23:59:59.999999", "9999-12-31", "10000-01-01", "0001-01-01", "0000-01-01", "-0044-03-15", "294247-01-01"),
    *("infinity", "-infinity", "epoch", "now", "today", "2024-02-30", "2023-02-29", "2024-13-01", "24:00:00", "0001-01-01 (BC)"),
    *("2024-03-01T10:00:00+14:00", "2024-03-01 10:00:00-12:00", "2024-03-01 10:00:00 America/New_York", "2024-03-10 02:30:00"),
    *(
        "2024-03-01 10:00:00.123456789",
        "2024-03-01T10:00:00Z",
        "1709287200",
        "1709287200000",
        "99999999999999",
        "999999999",
        "-1",
    ),
    *("31.05.2024", "05/31/2024", "1969-12-31 23:59:59", "1970-01-01", "2038-01-19 03:14:08", "2024-06-30 23:59:60"),
    *("9999-12-31 23:59:59-12:00", "0001-01-01 00:00:00+14:00", "5881580-07-10", "5881580-07-11", "290309-12-22 (BC) 00:00:00"),
)

_anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
texts = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS + MOMENTS), _anything)
values = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.sampled_from(MOMENTS), _anything)
"""What may stand in any cell of a text file."""

NAMES = (
    *(
        "",
        " ",
        '"',
        "'",
        "a\0b",
        "😀",
        "\u202ename",
        "select",
        "x_",
        "x_" + "n" * 5_000,
        "c0",
        "source_row",
        "type_errors",
        "x_columns",
    ),
    *("X_Shelf", "x_shelf", 'x_"quoted"', "x_'; drop table main.canary; --", "x_\n", "x_a b", "x_é", "x_😀", "x_\0", "x_{{ 1 }}"),
    *("user id", "USER_ID", "__index__", "reject_reasons", "\ufeffuser_id", "x_a.b", "x_%s", "x_$1", "x_:=", "x_order"),
)
names = st.one_of(st.sampled_from(NAMES), _anything)
"""Names of columns beside those of the contract."""
