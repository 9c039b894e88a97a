"""Two builds of one shop, the protected attributes of its users swapped in the second: every decision is the same to the bit.

Run: python benchmarks/swapped_attributes.py [--shop FOLDER]

Compares the content hash of every published relation (audits.publication). What carries the attributes along and the fairness
audit itself are the only ones that may differ, and have to. Without --shop the small shop of the tests is built.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from small_shop import load_folder, write_small_shop

from promo_cli.build import build_warehouse
from promo_cli.paths import dbt_project_path, published_path

CARRY_THEM = {"shop.users", "staging.base_users", "staging.checked_users", "staging.stg_users"}
AUDIT_THEM = {"audits.audited_groups", "audits.fairness_sums", "audits.fairness"}


def protected() -> list[str]:
    """The contract's protected attributes of users."""
    source = yaml.safe_load((dbt_project_path() / "models/staging/shop.yml").read_text())["sources"][0]
    users = next(table for table in source["tables"] if table["name"] == "users")
    return [column["name"] for column in users["columns"] if column.get("config", {}).get("meta", {}).get("protected")]


def hashes(database: Path) -> dict[str, str]:
    """Content hash of each published relation."""
    with duckdb.connect(str(published_path(database)), read_only=True) as connection:
        return dict(connection.execute("select relation, content_hash from audits.publication").fetchall())


def swap(database: Path) -> list[str]:
    """Turn every protected attribute by some users; those that the shop brings."""
    with duckdb.connect(str(database)) as connection:
        there = {name for name, *_ in connection.execute("describe shop.users").fetchall()}
        turned = [name for name in protected() if name in there]
        columns = ", ".join(
            f"lag({name}, {7 + place}, 'other') over (order by hash(user_id)) as {name}" for place, name in enumerate(turned)
        )
        connection.execute(f"create or replace table shop.users as select * replace ({columns}) from shop.users")
    return turned


def main() -> None:
    """Prints what differs; leaves with 1 when a decision does, or when the swap changed nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shop", type=Path, help="a folder that promo load files reads")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop = options.shop or folder / "shop"
        if options.shop is None:
            write_small_shop(shop)
        found = {}
        for case in ("as it is", "swapped"):
            database = load_folder(shop, folder / case.replace(" ", "_") / "offerhouse.duckdb")
            turned = swap(database) if case == "swapped" else []
            build_warehouse(database, quiet=True)
            found[case] = hashes(database)
    before, after = found.values()
    differing = {relation for relation in before if before[relation] != after.get(relation)}
    decisions = sorted(differing - CARRY_THEM - AUDIT_THEM)
    print(f"swapped: {', '.join(turned)}")
    print(
        f"{len(before)} relations, {len(before) - len(differing)} the same to the bit; differing: {', '.join(sorted(differing))}"
    )
    print(f"decisions, scores or features that differ: {', '.join(decisions) or 'none'}")
    raise SystemExit(0 if not decisions and "audits.fairness_sums" in differing else 1)


if __name__ == "__main__":
    main()
