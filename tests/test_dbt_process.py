"""dbt in a process of its own: a JSON line for what it would tell on a terminal, and an exit code that says who failed."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from parsed_project import DATABASE, lend_parsed_project

from promo_cli.dbt_runner import _environment, list_nodes, run_dbt
from promo_cli.errors import PromoError
from promo_cli.paths import dbt_project_path, profiles_path

FOLDERS = ["--project-dir", str(dbt_project_path()), "--profiles-dir", str(profiles_path())]


def told_by_dbt(tmp_path: Path, *arguments: str) -> tuple[int, list[dict[str, object]], list[str]]:
    """What dbt left with, its events, and lines that are none."""
    run = subprocess.run(
        [sys.executable, "-m", "promo_cli.dbt_process", "--log-path", str(tmp_path), *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "DBT_ENV_SECRET_KEY": "swordfish"} | _environment(tmp_path / DATABASE, "list", 0),
    )
    events, others = [], []
    for line in run.stdout.splitlines():
        try:
            events.append(json.loads(line)["info"])
        except ValueError:
            others.append(line)
    return run.returncode, events, others


def test_events_are_told_from_info_on_and_no_log_is_written(tmp_path: Path, parsed_project: Path) -> None:
    lend_parsed_project(parsed_project, tmp_path / DATABASE, tmp_path)
    arguments = ["list", "--select", "personal_prices", *FOLDERS, "--target", "warehouse", "--target-path", str(tmp_path)]
    code, events, others = told_by_dbt(tmp_path, *arguments)
    assert (code, others) == (0, [])
    assert any("promotions.personal_prices" in str(event["msg"]) for event in events)
    assert {event["level"] for event in events} == {"info"}
    assert not (tmp_path / "dbt.log").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "--no-such-option"], "--no-such-option"),
        (["list", *FOLDERS, "--vars", "{as_of_date: swordfish"], "vars"),
    ],
)
def test_what_dbt_can_not_do_is_told_and_leaves_with_two(tmp_path: Path, arguments: list[str], words: str) -> None:
    code, events, others = told_by_dbt(tmp_path, *arguments)
    assert code == 2
    told = " ".join([*others, *(str(event["msg"]) for event in events)])
    assert words in told
    assert "Traceback" not in told
    assert "swordfish" not in told


def test_dbt_ends_with_who_asked_for_it_while_it_reads_the_project(tmp_path: Path) -> None:
    """Before it has the database, or waits for it."""
    run = subprocess.run(
        [sys.executable, "-m", "promo_cli.dbt_process", "list", *FOLDERS, "--target-path", str(tmp_path)],
        capture_output=True,
        env={"PATH": "/usr/bin:/bin"} | _environment(tmp_path / DATABASE, "list", 0) | {"OFFERHOUSE_PARENT": "1"},
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_results_of_another_build_are_neither_removed_nor_told(tmp_path: Path) -> None:
    """A build that ends just now has still to read them when the next one begins."""
    results = tmp_path / "dbt" / "warehouse" / "run_results.json"
    results.parent.mkdir(parents=True)
    failed = {"status": "error", "unique_id": "model.offerhouse.offers", "message": "of another build"}
    results.write_text(json.dumps({"results": [failed]}))
    with pytest.raises(PromoError, match=r"^dbt stopped: .*--no-such-option") as error:
        run_dbt(["list", "--no-such-option"], tmp_path / DATABASE)
    assert error.value.exit_code == 4
    assert json.loads(results.read_text()) == {"results": [failed]}


def test_nodes_are_counted_by_kind(tmp_path: Path) -> None:
    kinds = list_nodes(tmp_path / DATABASE, {})
    models = list((dbt_project_path() / "models").rglob("*.sql"))
    assert kinds["model"] == len(models)
    assert kinds["test"] > kinds["model"]
    assert {"seed", "unit_test"} <= kinds.keys()
    assert list(tmp_path.iterdir()) == []
