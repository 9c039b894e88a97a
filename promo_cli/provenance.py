"""What decided the offers in a built database: versions of models and of policies."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import duckdb

from promo_cli.warehouse import quoted_name, quoted_text
from promo_cli.warehouse_reader import relations
from promo_cli.withdrawals import is_there
from udfs.model_registry import RULE_MARK


def versions(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """A manifest's entries on what made its file: models, policies and offerhouse itself."""
    return {
        "models": model_versions(connection),
        "policy_version": policy_version(connection),
        "offerhouse_version": offerhouse_version(),
    }


def model_versions(connection: duckdb.DuckDBPyConnection) -> list[dict[str, str]]:
    """The models behind the rows of the scores tables: model_name and model_version of each.

    A publication has noted them: to read them off every row takes seconds in a large shop.
    """
    if is_there(connection, "audits", "publication") and not is_there(connection, "private", "people"):
        noted = connection.execute(
            "select distinct unnest(models) from audits.publication where starts_with(relation, 'scores.') order by all"
        ).fetchall()
        named = sorted(tuple(model.rsplit(" ", 1)) for (model,) in noted)
        return [{"model_name": name, "model_version": version} for name, version in named]
    tables = connection.execute(
        # Tables that put scores side by side name no model of their own: those they read do.
        "select table_name from information_schema.columns "
        "where table_schema = 'scores' and column_name in ('model_name', 'model_version') "
        "group by table_name having count(*) = 2 order by table_name"
    ).fetchall()
    if not tables:
        return []
    used = " union ".join(f"select model_name, model_version from scores.{quoted_name(table)}" for (table,) in tables)
    rows = connection.execute(f"select model_name, model_version from ({used}) order by all").fetchall()
    return [{"model_name": name, "model_version": version} for name, version in rows]


def model_hashes(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """SHA-256 of the file of each registered model and version, by the names that scores bear: of a rule, with its mark."""
    rows = connection.execute("select model_name, model_version, sha256 from audits.model_registry").fetchall()
    return {(name + mark, version): sha256 for name, version, sha256 in rows for mark in ("", RULE_MARK)}


def policy_version(connection: duckdb.DuckDBPyConnection) -> str:
    """SHA-256 of the policies the build worked with: every row of every table of the schema policies, in a fixed order.

    Equal policies have equal versions whatever order their rows stand in; an edited seed counts once it is built.
    """
    tables = [table for schema, table in relations(connection) if schema == "policies"]
    rows = " union all ".join(
        f"select {quoted_text(table)} as policy, cast(to_json(whole_row) as varchar) as content "
        f"from policies.{quoted_name(table)} as whole_row"
        for table in tables
    )
    hashed = "sha256(coalesce(string_agg(policy || ' ' || content, chr(10) order by policy, content), ''))"
    return str(connection.execute(f"select {hashed} from ({rows})").fetchall()[0][0])


def offerhouse_version() -> str | None:
    """Of the installed distribution; None in a source folder that is not installed."""
    try:
        return version("offerhouse")
    except PackageNotFoundError:
        return None
