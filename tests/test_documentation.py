"""`dbt docs`: nothing without words, an overview whose links lead somewhere, and no warning."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from published_sql import published_sql, relations
from rendered_sql import PROJECT, read_contract
from small_shop import SECRET

OVERVIEW = (PROJECT / "models/overview.md").read_text()
LAYERS = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["models"]["offerhouse"]


@pytest.fixture(scope="module")
def manifest(small_warehouse: Path) -> dict[str, Any]:
    """What dbt knew of the project when it built the small shop."""
    found: dict[str, Any] = json.loads((small_warehouse.parent / "dbt/warehouse/manifest.json").read_text())
    return found


def test_nothing_in_the_manifest_is_without_words(manifest: dict[str, Any]) -> None:
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed", "analysis")]
    kinds = ("sources", "exposures", "metrics", "semantic_models")
    entries = [*nodes, *(entry for kind in kinds for entry in manifest[kind].values())]
    assert len(entries) > 300
    silent = [entry["unique_id"] for entry in entries if not entry["description"].strip()]
    silent += [
        f"{entry['unique_id']}.{name}"
        for entry in entries
        for name, column in entry.get("columns", {}).items()
        if not column["description"].strip()
    ]
    silent += [group["name"] for group in manifest["groups"].values() if not group["description"]]
    assert silent == []


def test_every_layer_is_a_group_with_a_colour_of_its_own(manifest: dict[str, Any]) -> None:
    layers = {name: layer for name, layer in LAYERS.items() if not name.startswith("+")}
    assert {group["name"] for group in manifest["groups"].values()} == set(layers)
    assert len({layer["+docs"]["node_color"] for layer in layers.values()}) == len(layers)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            assert node["group"] == node["schema"] == relations()[node["name"]].partition(".")[0]


def test_links_of_the_overview_lead_somewhere(manifest: dict[str, Any]) -> None:
    links = re.findall(r"\[(\w+)\]\(#!/(\w+)/([\w.]+)\)", OVERVIEW)
    assert len(links) > 15
    known = {**manifest["nodes"], **manifest["sources"]}
    assert [link for link in links if link[2] not in known or known[link[2]]["name"] != link[0]] == []
    assert {table for table, kind, _ in links if kind == "source"} <= set(read_contract())


@pytest.mark.slow
def test_dbt_docs_are_made_without_a_warning(small_warehouse: Path, tmp_path: Path) -> None:
    database = Path(shutil.copy(small_warehouse, tmp_path))
    environment = os.environ | {"OFFERHOUSE_DB": str(database), "OFFERHOUSE_SECRET": SECRET, "OFFERHOUSE_PRIVACY": "on"}
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT.parent), "--target-path", str(tmp_path / "target")]
    command = ["--warn-error", "docs", "generate", "--static", *folders, "--log-path", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "dbt.cli.main", *command], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2_000:]
    assert "WARN" not in done.stdout
    catalog = json.loads((tmp_path / "target/catalog.json").read_text())
    assert {node.rpartition(".")[2] for node in catalog["nodes"]} == set(relations())
    assert (tmp_path / "target/static_index.html").stat().st_size > 1_000_000
    # dbt compiles analyses to the names that tests/test_analyses.py runs them with, the database's before them.
    for file in (PROJECT / "analyses").glob("*.sql"):
        compiled = (tmp_path / "target/compiled/offerhouse/analyses" / file.name).read_text()
        assert re.sub(r'"offerhouse"\."(\w+)"\."(\w+)"', r"\1.\2", compiled).strip() == published_sql(file).strip()
