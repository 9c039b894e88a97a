"""What the reliability benchmarks share: a small shop, a copy of this package with few tests, and a look at what is published.

The copy keeps every model and seed and drops most data tests and all unit tests: a whole build then takes seconds instead of a
minute, and it is a whole build still, which publishes.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from small_shop import ERASABLE, SECRET, write_small_shop  # noqa: E402

__all__ = ["ERASABLE", "SmallWarehouse", "content_hash", "published_fault", "published_hash"]

UNHASHED = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"]["unhashed_columns"]

# Data tests of these models stay: what a bad allocation or price would fail.
KEPT_TESTS = ("offers", "budget_prices", "dynamic_prices", "row_accounting")


class SmallWarehouse:
    """A folder with a package copy, the small shop of two days, and the commands to run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "package"
        self.database = folder / "warehouse" / "offerhouse.duckdb"
        self.published = folder / "warehouse" / "published" / "offerhouse.duckdb"

    def make(self) -> None:
        """The package copy, and the shop's files as they were on one day (shop_1) and, with more orders, the next (shop_2)."""
        for name in ("promo_cli", "udfs", "models_onnx", "dbt_project"):
            shutil.copytree(
                ROOT / name, self.package / name, ignore=shutil.ignore_patterns("target", "logs", "__pycache__", "*.png", "*.svg")
            )
        shutil.copy(ROOT / "profiles.yml", self.package)
        for path in (self.package / "dbt_project").rglob("*.yml"):
            _drop_tests(path)
        for path in (self.package / "dbt_project" / "tests").glob("*.sql"):
            if not path.name.startswith("offers_"):
                path.unlink()
        for shop in ("shop_1", "shop_2"):
            write_small_shop(self.folder / shop)
        with duckdb.connect() as connection:
            lines = self.folder / "shop_2" / "order_lines.parquet"
            connection.execute(f"create table lines as from '{lines}'")
            connection.execute(
                "insert into lines select 'next-' || order_id, line_number, user_id, product_id, "
                "timestamp '2025-07-20 15:00:00', quantity, list_price, paid_price "
                "from lines where ordered_at > timestamp '2025-07-17'"
            )
            connection.execute(f"copy lines to '{lines}'")

    def command(self, *arguments: str) -> list[str]:
        """`promo ARGUMENTS` of the package copy."""
        return [sys.executable, "-m", "promo_cli.main", *arguments]

    def load(self, shop: str) -> list[str]:
        """The command that loads one day's files."""
        return self.command("load", "files", str(self.folder / shop), "--currency", "EUR", "-q")

    def environment(self, **more: str) -> dict[str, str]:
        """Of every command: this warehouse, this package."""
        return (
            os.environ
            | {
                "PYTHONPATH": str(self.package),
                "OFFERHOUSE_DB": str(self.database),
                "OFFERHOUSE_PUBLISHED": str(self.published),
                "OFFERHOUSE_MODELS": "",
                "OFFERHOUSE_PRIVACY": "on",
                "OFFERHOUSE_SECRET": SECRET,
                "PYTHONWARNINGS": "ignore",
            }
            | more
        )

    def run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run to the end; the caller looks at the exit code."""
        return subprocess.run(command, cwd=self.folder, env=self.environment(**more), capture_output=True, text=True, check=False)

    def must(self, command: list[str], **more: str) -> str:
        """Run to the end and stop the benchmark when it fails."""
        done = self.run(command, **more)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command[2:])} ended with {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout


def _drop_tests(path: Path) -> None:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    if not {"models", "seeds", "unit_tests"} & content.keys() or path.name == "dbt_project.yml":
        return
    content.pop("unit_tests", None)
    for entry in [*content.get("models", []), *content.get("seeds", [])]:
        if entry["name"] in KEPT_TESTS:
            continue
        entry.pop("data_tests", None)
        for column in entry.get("columns", []):
            column.pop("data_tests", None)
    path.write_text(yaml.safe_dump(content, sort_keys=False, width=200))


def published_fault(published: Path) -> str | None:
    """What is wrong with a published database; None when every relation is what its own record says."""
    try:
        with duckdb.connect(str(published), read_only=True) as connection:
            record = dict(connection.execute("select relation, content_hash from audits.publication").fetchall())
            if not record:
                return "no record"
            for relation, expected in record.items():
                if content_hash(connection, relation) != expected:
                    return f"{relation} is not what its record says"
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return None


def content_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """The fingerprint of a relation: macros/engine/publish.sql, written once more to check it."""
    schema, name = relation.split(".", 1)
    columns = ", ".join(
        f'"{column}"'
        for (column,) in connection.execute(
            "select column_name from information_schema.columns where table_schema = ? and table_name = ? "
            "and column_name not in (select unnest(?)) and table_catalog = current_catalog() order by ordinal_position",
            [schema, name, UNHASHED],
        ).fetchall()
    )
    query = f'select md5(concat_ws(\'|\', count(*), coalesce(sum(hash({columns})::hugeint), 0))) from "{schema}"."{name}"'
    return str(connection.execute(query).fetchall()[0][0])


def published_hash(published: Path) -> str:
    """The content hash of the whole published database, as its record has it."""
    with duckdb.connect(str(published), read_only=True) as connection:
        return str(
            connection.execute(
                "select content_hash from audits.builds where build_id = (select any_value(build_id) from audits.publication)"
            ).fetchall()[0][0]
        )
