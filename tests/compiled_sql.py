"""The SQL of models as dbt compiles it for DuckDB, to run over tables of a test's own."""

from pathlib import Path

from promo_cli.dbt_runner import run_dbt

CATALOG = "offerhouse"
"""The database's name in the SQL."""


def compiled_models(models: list[str], folder: Path) -> dict[str, str]:
    """The select of each model by name, in the order asked for. Tables are named CATALOG.schema.table."""
    run_dbt(["compile", "--select", *models], folder / f"{CATALOG}.duckdb")
    found = {path.stem: path.read_text() for path in (folder / "dbt").rglob("compiled/offerhouse/models/**/*.sql")}
    return {model: found[model] for model in models}
