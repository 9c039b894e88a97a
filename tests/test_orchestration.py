"""The examples for orchestrators: exit codes decide about trying again, freshness stops an export, and all of it runs."""

import importlib.util
import json
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from documentation import ROOT
from small_shop import SECRET, write_small_shop

from promo_cli.paths import published_path

EXAMPLES = ROOT / "docs" / "examples"
NIGHTLY = EXAMPLES / "nightly.sh"

STAND_IN = """#!/usr/bin/env bash
# notes each call and leaves with the next code that is planned for its verb; status and export are promo's own
echo "$1" >> calls
code=$(sed -n 1p "codes.$1" 2> /dev/null)
sed -i 1d "codes.$1" 2> /dev/null
if [ -z "$code" ] && { [ "$1" = status ] || [ "$1" = export ]; }; then exec "$PROMO" "$@"; fi
if [ -n "$code" ] && [ "$code" != 0 ]; then echo "promo: the $1 went wrong" >&2; fi
exit "${code:-0}"
"""


def environment(folder: Path, **more: str) -> dict[str, str]:
    commands = Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OFFERHOUSE_")}
    return kept | {
        "PATH": f"{folder / 'bin'}:{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PROMO": str(commands / "promo"),
        "OFFERHOUSE_SECRET": SECRET,
        "SHOP_FILES": str(folder / "shop"),
        "CAMPAIGN": "weekly_thanks",
        "RETRY_SECONDS": "0",
        **more,
    }


def night(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([NIGHTLY], cwd=folder, env=environment(folder, **more), capture_output=True, text=True, check=False)


@pytest.fixture
def folder(small_warehouse: Path, tmp_path: Path) -> Path:
    """A folder where the small shop is published and loads and builds are played."""
    database = tmp_path / "warehouse" / "offerhouse.duckdb"
    database.parent.mkdir()
    shutil.copytree(published_path(small_warehouse).parent, database.parent / "published")
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "promo"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    return tmp_path


def plan(folder: Path, verb: str, *codes: int) -> None:
    (folder / f"codes.{verb}").write_text("".join(f"{code}\n" for code in codes))


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().split()


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_sound(script: Path) -> None:
    assert os.access(script, os.X_OK), f"{script.name} can't be run"
    subprocess.run(["bash", "-n", script], check=True)
    if shellcheck := shutil.which("shellcheck"):
        told = subprocess.run([shellcheck, script], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout


def test_a_good_night_ends_with_a_campaign_file(folder: Path) -> None:
    done = night(folder, MAX_AGE_HOURS="100000")
    assert done.returncode == 0, done.stderr
    assert calls(folder) == ["load", "build", "status", "export"]
    assert list((folder / "exports").glob("weekly_thanks_*.csv"))


def test_what_may_pass_by_itself_is_tried_again(folder: Path) -> None:
    plan(folder, "load", 3, 3, 0)
    done = night(folder, MAX_AGE_HOURS="100000")
    assert done.returncode == 0, done.stderr
    assert calls(folder) == ["load", "load", "load", "build", "status", "export"]


def test_trying_again_comes_to_an_end(folder: Path) -> None:
    plan(folder, "build", *[3] * 9)
    done = night(folder, RETRIES="2")
    assert done.returncode == 3
    assert calls(folder) == ["load", "build", "build", "build"]


@pytest.mark.parametrize(("verb", "code"), [("load", 1), ("load", 2), ("build", 1), ("build", 4)])
def test_what_needs_people_is_not_tried_again(folder: Path, verb: str, code: int) -> None:
    plan(folder, verb, code)
    done = night(folder)
    assert done.returncode == code
    assert calls(folder)[-1] == verb
    assert calls(folder).count(verb) == 1
    assert f"promo: the {verb} went wrong" in done.stderr
    assert f"ended with code {code}" in done.stderr


def test_nothing_is_exported_from_a_stale_publication(folder: Path) -> None:
    done = night(folder, MAX_AGE_HOURS="-1")
    assert done.returncode == 4
    assert "older than" in done.stderr
    assert "export" not in calls(folder)


@pytest.mark.slow
def test_a_whole_night_from_files_twice(tmp_path: Path) -> None:
    write_small_shop(tmp_path / "shop")
    first = night(tmp_path)
    assert first.returncode == 0, first.stderr
    file = next((tmp_path / "exports").glob("weekly_thanks_*.csv"))
    content = file.read_bytes()
    again = night(tmp_path)
    assert again.returncode == 0, again.stderr
    assert file.read_bytes() == content


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_definitions_compile(script: Path, tmp_path: Path) -> None:
    py_compile.compile(str(script), cfile=str(tmp_path / "compiled"), doraise=True)


def definitions(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_dagster_loads_its_definitions() -> None:
    pytest.importorskip("dagster", reason="dagster is not installed: pip install dagster, then this runs")
    job = definitions("dagster_definitions").defs.resolve_job_def("nightly")
    assert {node.name for node in job.nodes} >= {"shop_tables", "publication", "campaign_file"}


def test_airflow_loads_its_dag() -> None:
    pytest.importorskip("airflow.sdk", reason="Airflow 3 is not installed: pip install apache-airflow, then this runs")
    dag = definitions("airflow_dag").offerhouse_nightly()
    assert [task.task_id for task in dag.topological_sort()] == ["load", "build", "check_freshness", "export"]


class Ended:
    """What subprocess.run gives back."""

    def __init__(self, returncode: int) -> None:
        self.returncode, self.stdout, self.stderr = returncode, json.dumps({"rows": 1}), "promo: what is wrong\n"


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_dagster_tries_again_what_may_pass_by_itself(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dagster = pytest.importorskip("dagster", reason="dagster is not installed: pip install dagster, then this runs")
    module = definitions("dagster_definitions")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: Ended(code))
    with pytest.raises(dagster.Failure, match="what is wrong") as failed:
        module.promo("build")
    assert failed.value.allow_retries == (code == 3)


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_airflow_tries_again_what_may_pass_by_itself(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    exceptions = pytest.importorskip(
        "airflow.sdk.exceptions", reason="Airflow 3 is not installed: pip install apache-airflow, then this runs"
    )
    module = definitions("airflow_dag")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: Ended(code))
    with pytest.raises(exceptions.AirflowException, match="what is wrong") as failed:
        module.promo("build")
    assert isinstance(failed.value, exceptions.AirflowFailException) == (code != 3)
