"""Content hashes of a publication after an erasure, by the formulas of dbt_project/macros/engine/publish.sql."""

from __future__ import annotations

import duckdb

from promo_cli.training_set import dbt_vars
from promo_cli.warehouse import quoted_name


def record_again(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Brings audits.publication and audits.builds of the publication attached as `catalog` in line with its rows."""
    publication, builds = f"{catalog}.audits.publication", f"{catalog}.audits.builds"
    unhashed = frozenset(dbt_vars()["unhashed_columns"])
    for (relation,) in connection.execute(f"select relation from {publication} order by relation").fetchall():
        schema, _, name = relation.partition(".")
        connection.execute(
            f"update {publication} set row_count = found.row_count, content_hash = found.content_hash "
            f"from ({_fingerprint(connection, catalog, schema, name, unhashed)}) as found where relation = ?",
            [relation],
        )
    connection.execute(
        f"""
        update {builds} as builds
        set content_hash = (select md5(string_agg(relation || ' ' || content_hash, chr(10) order by relation)) from {publication})
        where build_id in (select build_id from {publication})
        """
    )


def _fingerprint(connection: duckdb.DuckDBPyConnection, catalog: str, schema: str, name: str, unhashed: frozenset[str]) -> str:
    columns = [
        quoted_name(column)
        for (column,) in connection.execute(
            "select column_name from information_schema.columns where table_catalog = ? and table_schema = ? and table_name = ? "
            "order by ordinal_position",
            [catalog, schema, name],
        ).fetchall()
        if column not in unhashed
    ]
    hashed = ", ".join(columns) or "1"
    return (
        "select count(*) as row_count, "
        f"md5(concat_ws('|', count(*), coalesce(sum(cast(hash({hashed}) as hugeint)), 0))) as content_hash "
        f"from {catalog}.{quoted_name(schema)}.{quoted_name(name)}"
    )
