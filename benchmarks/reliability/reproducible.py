"""The same shop, policies, models and as-of date give the same published content, however the machine is used.

The shop is loaded and built from nothing in every setting: one core and seven DuckDB threads, little memory (DuckDB spills), one
dbt thread and four, slices of a few users, another time zone, language and hash seed of Python, another folder. Then the content
hashes of all published relations are compared, and those that differ are named.

python benchmarks/reliability/reproducible.py [--shop complete-journey | small | simulated] [--users 20000]
"""

import argparse
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import yaml
from small_warehouse import SmallWarehouse

_ELSEWHERE = {"TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONHASHSEED": "4711"}
_FEW_USERS = "few users a slice"
# name: (DuckDB threads, None for as many as there are cores; dbt threads; cores; environment)
SETTINGS: dict[str, tuple[int | None, int, int | None, dict[str, str]]] = {
    "as shipped": (None, 2, None, {}),
    "one core": (1, 1, 1, {}),
    "seven DuckDB threads": (7, 4, None, {}),
    "little memory": (2, 2, None, {"OFFERHOUSE_MEMORY": "700MB"}),
    _FEW_USERS: (None, 2, None, {}),
    "another place": (None, 2, None, _ELSEWHERE),
}


def published_content(folder: Path, name: str, load: list[str]) -> dict[str, str]:
    """Content hash by published relation of a shop loaded and built in the setting `name`."""
    duckdb_threads, dbt_threads, cores, environment = SETTINGS[name]
    warehouse = SmallWarehouse(folder / name.replace(" ", "_"))
    warehouse.make()
    profiles = warehouse.package / "profiles.yml"
    content: dict[str, Any] = yaml.safe_load(profiles.read_text())
    output = content["offerhouse"]["outputs"]["warehouse"]
    output["threads"] = dbt_threads
    if duckdb_threads is not None:
        output["settings"]["threads"] = duckdb_threads
    profiles.write_text(yaml.safe_dump(content))
    if name == _FEW_USERS:
        project = warehouse.package / "dbt_project" / "dbt_project.yml"
        few, found = re.subn(r"users_per_slice: \d+", "users_per_slice: 20", project.read_text())
        if not found:
            raise SystemExit(f"{project.name} says nothing of users_per_slice")
        project.write_text(few)
    allowed = os.sched_getaffinity(0)
    if cores is not None:
        os.sched_setaffinity(0, sorted(allowed)[:cores])
    try:
        warehouse.must(warehouse.command("load", *load, "-q"), **environment)
        warehouse.must(warehouse.command("build", "-q"), **environment)
    finally:
        os.sched_setaffinity(0, allowed)
    with duckdb.connect(str(warehouse.published), read_only=True) as connection:
        return dict(connection.execute("select relation, content_hash from audits.publication").fetchall())


def main() -> None:
    """Print a line a setting, and the relations that differ from the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", choices=["complete-journey", "small", "simulated"], default="complete-journey")
    parser.add_argument("--users", type=int, default=20_000, help="of the simulated shop")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        loads = {
            "complete-journey": ["complete-journey"],
            "simulated": ["simulated", "--users", str(chosen.users)],
        }
        first: dict[str, str] = {}
        differing = False
        for name in SETTINGS:
            small = ["files", str(folder / name.replace(" ", "_") / "shop_1"), "--currency", "EUR"]
            content = published_content(folder, name, loads.get(chosen.shop, small))
            first = first or content
            other = sorted(relation for relation in first.keys() | content.keys() if first.get(relation) != content.get(relation))
            print(f"{name:22} {len(content):4} relations, {len(other)} differ {', '.join(other)}", flush=True)
            differing = differing or bool(other)
    if differing:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
