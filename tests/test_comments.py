"""The published database explains itself: every relation and column has the YAML's description as its comment."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import yaml
from rendered_sql import PROJECT

from promo_cli.paths import published_path

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where PyYAML was built with libyaml

UNITS = re.compile(
    r"currency|money|cents|percent|%|days?\b|weeks|seconds|hours|points|stars|units?\b|thousandths"
    r"|shares?\b|0 to 1|0\.\.1|0 or 1|probabilit|chance|rate\b|ratio|factor|multipl|times|score|psi|t value"
    r"|number of|counts?\b|order lines|purchases|log|ln\(|elasticity|std|standard (error|deviation)|cosine|similarity"
    r"|difference|less |over |per | an order|×| / |Σ|sum of|weigh|the same|figure's|see curve",
    re.IGNORECASE,
)
"""What tells the unit of a number that is no plain count, or from which other column's unit it follows."""


@pytest.fixture
def published(small_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(published_path(small_warehouse)), read_only=True) as connection:
        yield connection


def described() -> dict[str, str]:
    """What the YAML says of each relation and each column, `relation` or `relation.column`; names are unique among relations."""
    found = {}
    for file in [*PROJECT.glob("seeds/*.yml"), *PROJECT.glob("models/**/*.yml")]:
        document = yaml.load(file.read_text(), _LOADER)  # noqa: S506, a safe one
        records = [table for source in document.get("sources", []) if source["name"] == "records" for table in source["tables"]]
        for entry in [*document.get("models", []), *document.get("seeds", []), *records]:
            found[entry["name"]] = entry["description"].strip()
            found |= {f"{entry['name']}.{column['name']}": column["description"].strip() for column in entry.get("columns", [])}
    return found


def test_every_relation_and_column_has_its_yamls_words_as_comment(published: duckdb.DuckDBPyConnection) -> None:
    comments = dict(
        published.execute("""
            select table_name, comment from duckdb_tables()
            union all select view_name, comment from duckdb_views() where not internal
            union all select table_name || '.' || column_name, comment from duckdb_columns() where not internal
        """).fetchall()
    )
    assert len(comments) > 2_000
    expected = described()
    assert comments == {name: expected.get(name) for name in comments}


def test_comments_tell_units(published: duckdb.DuckDBPyConnection) -> None:
    columns = published.execute("""
        select schema_name || '.' || table_name || '.' || column_name, comment
        from duckdb_columns()
        where not internal and regexp_matches(data_type, '^(DECIMAL|DOUBLE|FLOAT)')
    """).fetchall()
    assert len(columns) > 500
    assert [(column, comment) for column, comment in columns if not UNITS.search(comment)] == []


def test_comments_leave_content_hashes_alone(published: duckdb.DuckDBPyConnection) -> None:
    rows = "cast(hash(name, value, unit, description) as hugeint)"
    hashed = f"select md5(concat_ws('|', count(*), sum({rows}))) from policies.policy_values"
    recorded = "select content_hash from audits.publication where relation = 'policies.policy_values'"
    assert published.execute(hashed).fetchall() == published.execute(recorded).fetchall()


def test_comments_are_read_with_promo_sql(promo: Callable[..., tuple[int, str, str]], small_warehouse: Path) -> None:
    query = "select column_comment from information_schema.columns where (table_name, column_name) = ('offers', 'face_value')"
    code, out, err = promo("sql", query, "--format", "csv", "--database", small_warehouse)
    assert (code, err, out.splitlines()[1:]) == (0, "", ['"What the user gains, shop currency."'])
