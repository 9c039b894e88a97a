"""Reads one SQL statement and tells what only one of DuckDB and Spark SQL has, or what they understand differently.

The words and signs are read from sqlglot's tokens, because the tree forgets how a thing was written (`::`, `len`,
`varchar`); what takes structure to see (`asof join`, `list(x order by y)`, a date minus a number) from its tree.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from rendered_sql import ENGINE_PREFIX
from sqlglot import exp
from sqlglot.tokens import Token, TokenType

ALLOWED: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text())

_ENGINE = "put it behind a macro in macros/engine"

# Words that stand before a parenthesis without being functions.
_GRAMMAR = frozenset(
    re.findall(
        r"\w+",
        """all and any as between by case cast else except exists filter from having in intersect interval is join like
        not on or over partition qualify select some then union using values when where with""",
    )
)

_TOKENS = {
    TokenType.DCOLON: ("the cast ::", "write cast(x as type)"),
    TokenType.DIV: ("the operator //", "write floor(a / b) and cast it"),
    TokenType.DSTAR: ("the operator **", "write power(a, b)"),
    TokenType.CARET: ("the operator ^", "a power in DuckDB, exclusive or in Spark: write power(a, b)"),
    TokenType.TILDE: ("the operator ~", _ENGINE),
    TokenType.L_BRACKET: ("a square bracket", "use the macros array_of and first_element"),
    TokenType.L_BRACE: ("a struct literal {...}", "use the macro json_object, or " + _ENGINE),
    TokenType.ARROW: ("the arrow ->", _ENGINE),
    TokenType.DARROW: ("the arrow ->>", _ENGINE),
    TokenType.COLON: ("a colon", "write `expression as name`; lambdas and slices belong in macros/engine"),
    TokenType.COLON_EQ: ("a named argument :=", _ENGINE),
    TokenType.FARROW: ("a named argument =>", _ENGINE),
    TokenType.PARAMETER: ("a parameter @ or $", "write the function's name, e.g. abs(x)"),
    TokenType.HASH: ("a column by number #", "write its name"),
    TokenType.HEREDOC_STRING: ("a string $$...$$", "write '...'"),
    TokenType.BYTE_STRING: ("a string e'...'", "write '...'"),
    TokenType.NULLSAFE_EQ: ("the operator <=>", "write `is not distinct from`"),
    TokenType.AT_GT: ("the operator @>", _ENGINE),
    TokenType.LT_AT: ("the operator <@", _ENGINE),
    TokenType.DAMP: ("the operator &&", "write and; for arrays " + _ENGINE),
    TokenType.ISNULL: ("the operator isnull", "write `is null`"),
    TokenType.NOTNULL: ("the operator notnull", "write `is not null`"),
    TokenType.GLOB: ("the operator glob", "write like"),
    TokenType.SIMILAR_TO: ("the operator similar to", "write like"),
    TokenType.IDENTIFIER: ("a name in quotes", "in Spark it is a string: give the column a plain name"),
    **{
        token: (f"the clock {token.name.lower()}", "use the macro utc_now")
        for token in (
            TokenType.CURRENT_DATE,
            TokenType.CURRENT_DATETIME,
            TokenType.CURRENT_TIME,
            TokenType.CURRENT_TIMESTAMP,
            TokenType.LOCALTIME,
            TokenType.LOCALTIMESTAMP,
        )
    },
}

_LITERAL_TYPES = {
    exp.DType.BIGINT, exp.DType.BOOLEAN, exp.DType.DATE, exp.DType.DECIMAL, exp.DType.DOUBLE, exp.DType.FLOAT,
    exp.DType.INT, exp.DType.SMALLINT, exp.DType.TEXT, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ,
}  # fmt: skip

_NUMBER = re.compile(r"[\d.]+([eE][+-]?\d+)?")

# Names of columns, and macros, that are days or moments.
_DAY_COLUMN = re.compile(r"(_on|_at|_date|_day|_until|_from|_to)$|^(day|date|data_until)$")
_DAY_MACROS = {
    ENGINE_PREFIX + name for name in ("add_days", "add_hours", "local_date", "local_timestamp", "utc_midnight", "utc_now")
}


def unportable(sql: str, registered: frozenset[str] = frozenset()) -> list[str]:
    """One sentence for each thing in `sql` (one statement) that isn't portable; `registered` functions pass too.

    Raises sqlglot.errors.SqlglotError when the statement can't be parsed.
    """
    tokens = sqlglot.tokenize(sql, read="duckdb")
    tree = sqlglot.parse_one(sql, read="duckdb")
    faults = [*_calls(tokens, sql, registered), *_words(tokens, sql), *_types(tokens), *_structure(tree)]
    return list(dict.fromkeys(faults))


def called_functions(sql: str) -> set[str]:
    """Lower-case names of the functions that `sql` calls."""
    return {name for name, _ in _function_calls(sqlglot.tokenize(sql, read="duckdb"))}


def _function_calls(tokens: list[Token]) -> Iterator[tuple[str, Token]]:
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        name = token.text.lower()
        is_name = re.fullmatch(r"[a-z_]\w*", name) and token.token_type not in (TokenType.STRING, TokenType.IDENTIFIER)
        names_a_type = before is not None and before.token_type == TokenType.ALIAS
        is_called = after is not None and after.token_type == TokenType.L_PAREN
        if is_name and is_called and not names_a_type and name not in _GRAMMAR:
            yield name, token


def _calls(tokens: list[Token], sql: str, registered: frozenset[str]) -> Iterator[str]:
    for name, token in _function_calls(tokens):
        if token.start > 0 and sql[token.start - 1] == ".":
            yield f"{name}(...) is called with a dot: write {name}(x, ...) if both engines have it, else {_ENGINE}"
        elif name not in ALLOWED["functions"] and name not in registered and not name.startswith(ENGINE_PREFIX):
            otherwise = f"{_ENGINE}, or, if both engines have it, add it to portable_sql.yml"
            instead = ALLOWED["instead"].get(name, otherwise)
            yield f"{name}() is not on the list of functions that DuckDB and Spark share: {instead}"


def _words(tokens: list[Token], sql: str) -> Iterator[str]:
    ends = {TokenType.FROM, TokenType.R_PAREN, TokenType.WHERE, TokenType.GROUP_BY, TokenType.ORDER_BY}
    opens = {TokenType.L_PAREN, TokenType.UNION, TokenType.ALL, TokenType.EXCEPT, TokenType.INTERSECT}
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.token_type in _TOKENS:
            what, advice = _TOKENS[token.token_type]
            yield f"{what} ({_near(sql, token)}): {advice}"
        elif token.token_type == TokenType.STRING and "\\" in sql[token.start : token.end + 1]:
            yield f"a backslash in a string ({_near(sql, token)}): Spark reads an escape, DuckDB doesn't; a quote is ''"
        elif token.token_type == TokenType.NUMBER and not _NUMBER.fullmatch(_written(sql, token)):
            yield f"the number {_written(sql, token)}: write digits alone"
        elif token.token_type == TokenType.COMMA and (after is None or after.token_type in ends):
            yield f"a comma after the last item ({_near(sql, token)}): leave it out"
        elif token.token_type == TokenType.FROM and (before is None or before.token_type in opens):
            yield "from without select: write select * from"
        elif token.text.lower() == "lambda" and after is not None and after.token_type == TokenType.VAR:
            yield f"a lambda ({_near(sql, token)}): {_ENGINE}"


def _types(tokens: list[Token]) -> Iterator[str]:
    for place, token in enumerate(tokens):
        if token.text.lower() not in ("cast", "try_cast") or place + 1 >= len(tokens):
            continue
        depth, written = 0, ""
        for inner in tokens[place + 1 :]:
            depth += (inner.token_type == TokenType.L_PAREN) - (inner.token_type == TokenType.R_PAREN)
            if depth == 0:
                break
            written = "" if depth == 1 and inner.token_type == TokenType.ALIAS else f"{written} {inner.text.lower()}"
        name, _, size = written.strip().partition(" ")
        if name not in ALLOWED["types"] or (size and name != "decimal"):
            yield f"the type {written.strip()}: DuckDB and Spark share {', '.join(ALLOWED['types'])}"
        elif name == "decimal" and not re.fullmatch(r"\( \d+ , \d+ \)", size):
            yield "decimal without (precision, scale): the engines' defaults differ"


def _structure(tree: exp.Expression) -> Iterator[str]:
    for node in tree.walk():
        if isinstance(node, exp.Star) and any(node.args.get(part) for part in ("except_", "replace", "rename")):
            yield "* exclude or * replace: name the columns"
        elif isinstance(node, exp.Columns):
            yield "columns(...): name the columns"
        elif isinstance(node, exp.Distinct) and node.args.get("on"):
            yield "distinct on: write qualify row_number() over (...) between 1 and 1"
        elif isinstance(node, exp.TableSample):
            yield "a sample of a table: the engines word it differently and draw differently; pick rows by hash_bucket"
        elif isinstance(node, exp.Join) and node.args.get("method") in ("ASOF", "POSITIONAL"):
            yield f"{node.args['method'].lower()} join: join on the key and take max_by(value, moment)"
        elif isinstance(node, exp.SetOperation) and node.args.get("by_name"):
            yield "union by name: name the columns in one order"
        elif isinstance(node, exp.Order) and not isinstance(node.parent, exp.Window | exp.Query | exp.WithinGroup):
            yield "order by within an aggregate: use the macro collect_ordered, or min_by and max_by"
        elif isinstance(node, exp.IgnoreNulls | exp.RespectNulls):
            yield "ignore nulls: the engines put it in different places; filter the nulls out before"
        elif isinstance(node, exp.Pivot):
            yield "pivot or unpivot: write sum(case when ... end) for each column"
        elif isinstance(node, exp.AtTimeZone):
            yield "at time zone: use the macros local_date, local_timestamp and utc_midnight"
        elif isinstance(node, exp.Collate):
            yield f"collate: {_ENGINE}"
        elif isinstance(node, exp.Any | exp.All) and isinstance(node.this, exp.Query):
            yield "= any (...) or all (...): write in or exists"
        elif isinstance(node, exp.LimitOptions) and node.args.get("percent"):
            yield "limit in percent: count the rows"
        elif isinstance(node, exp.Interval) and not node.find_ancestor(exp.WindowSpec):
            yield "an interval: date + interval is a timestamp in DuckDB, a date in Spark; use add_days and add_hours"
        elif isinstance(node, exp.Cast) and not node.to.is_type(*_LITERAL_TYPES):
            yield f"a literal of type {node.to.sql('duckdb').lower()}: {_ENGINE}"
        elif isinstance(node, exp.Add | exp.Sub) and (_is_day(node.this) or _is_day(node.expression)):
            near = node.sql("duckdb").lower()
            yield f"arithmetic on a day ({near}): use the macros add_days, add_hours and days_between"
        elif isinstance(node, exp.Select):
            yield from _aliases_in_where(node)


def _is_day(node: exp.Expression | None) -> bool:
    node = node.unnest() if node is not None else None
    if isinstance(node, exp.Max | exp.Min):
        return _is_day(node.this)
    if isinstance(node, exp.Column):
        return bool(_DAY_COLUMN.search(node.name.lower()))
    if isinstance(node, exp.Cast):
        return bool(node.to.is_type(exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ))
    return isinstance(node, exp.Anonymous) and node.name.lower() in _DAY_MACROS


def _aliases_in_where(select: exp.Select) -> Iterator[str]:
    where = select.args.get("where")
    if where is None:
        return
    given = {
        item.alias.lower()
        for item in select.expressions
        if isinstance(item, exp.Alias)
        and item.alias.lower() not in {column.name.lower() for column in item.this.find_all(exp.Column)}
    }
    for column in where.find_all(exp.Column):
        if not column.table and column.name.lower() in given and column.parent_select is select:
            yield f"{column.name} in where is a name given by the same select, unknown to Spark there: use one more CTE"


def _written(sql: str, token: Token) -> str:
    return sql[token.start : token.end + 1]


def _near(sql: str, token: Token) -> str:
    """The statement around a token, on one line."""
    return " ".join(sql[max(0, token.start - 25) : token.end + 26].split())
