"""What is wrong with a published file, by its own record and the formula of the publication, and what it leaves out."""

from pathlib import Path

import duckdb
import yaml
from rendered_sql import PROJECT

from promo_cli.training_set import dbt_vars


def published_faults(published: Path) -> list[str]:
    """Relations that are not what audits.publication says, by the formula of the publication, or lost their comments."""
    unhashed = dbt_vars()["unhashed_columns"]
    with duckdb.connect(str(published), read_only=True) as connection:
        silent = "select distinct table_name from duckdb_columns() where not internal and comment is null"
        faults = [name for (name,) in connection.execute(silent).fetchall()]
        for relation, rows, content in connection.execute(
            "select relation, row_count, content_hash from audits.publication"
        ).fetchall():
            names = [name for (name, *_) in connection.execute(f"describe {relation}").fetchall()]
            columns = ", ".join(f'"{name}"' for name in names if name not in unhashed)
            query = f"select count(*), md5(concat_ws('|', count(*), coalesce(sum(hash({columns})::hugeint), 0))) from {relation}"
            if connection.execute(query).fetchall() != [(rows, content)]:
                faults.append(relation)
    return faults


def unpublished_models() -> set[str]:
    """Models that stay in the working database, as their YAML says."""
    return {
        model["name"]
        for file in (PROJECT / "models").rglob("*.yml")
        for model in yaml.safe_load(file.read_text()).get("models", [])
        if not ((model.get("config") or {}).get("meta") or {}).get("published", True)
    }
