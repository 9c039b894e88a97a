"""dbt, run as a process of its own: it gives the database's lock back when it ends, and models are loaded afresh."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promo_cli.errors import BUILD_FAULT, ENVIRONMENT_FAULT, PromoError, resource_fault
from promo_cli.paths import dbt_project_path, make_private_folder, profiles_path, published_path

_HEADLINE = re.compile(r"(Encountered an error.*:)? ?(\w+ Error( in .*)?)?")
_OF_FUNCTION = re.compile(r"executing the UDF: (?:RuntimeError|ValueError|ModelRefused): ")
_NULL = re.compile(r"NOT NULL constraint failed: \S+\.(\w+)")
"""DuckDB's words for a null in a column whose contract has none."""
_CHECK = re.compile(r"CHECK constraint failed on table .* with expression CHECK\((?:COALESCE\((.*), false\)|(.*))\)")
"""DuckDB's words for a row that doesn't meet a check, and what was demanded."""
_DOUBLES = re.compile(r"Invalid Input Error: (two rows have the same .*)")
"""Those of macros/engine/contract_constraints.sql for rows that are alike."""
_RESULT = re.compile("Log(Model|Seed|Test|Snapshot|Function|NodeNoOp)Result")
"""Events of finished nodes, but for the hooks around them."""

ON_START = Callable[[], None]
"""Told when the first node begins: the project is read."""

_NOTE = "Build of what changed: "
"""What macros/engine/changes.sql says begins so."""

ON_NOTE = Callable[[str], None]
"""Told what a build of what changed has left, or why it built everything."""

ON_NODE = Callable[[str, int, int], None]
"""Told of each finished node: its name, how many are done, how many there are."""


@dataclass(frozen=True)
class DbtResult:
    """What a dbt run did: nodes by status (success, pass, skipped …), seconds by node, and rows by test that warned."""

    statuses: dict[str, int]
    seconds: dict[str, float]
    warnings: dict[str, int]


def run_dbt(
    command: list[str],
    database: Path,
    variables: dict[str, Any] | None = None,
    target: str = "warehouse",
    environment: dict[str, str] | None = None,
    on_node: ON_NODE | None = None,
    wait_seconds: float = 0,
    on_start: ON_START | None = None,
    on_note: ON_NOTE | None = None,
) -> DbtResult:
    """Run `dbt COMMAND` on the shipped project against `database`, waiting up to `wait_seconds` for others who write it.

    Artefacts and logs go to folders beside the database. Raises PromoError whose one line names the first model or test that
    failed, and why (exit code 4), or who has the database, or that disk or memory ended (exit code 3).
    """
    folder = database.resolve().parent
    make_private_folder(folder)
    artefacts = folder / "dbt" / target
    results_file = artefacts / "run_results.json"
    before = _written_at(results_file)  # left there: another build, which may be about to read it, would miss it
    args, env = _process(database, command, target, artefacts, variables or {}, wait_seconds)
    with subprocess.Popen(
        args,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env | (environment or {}),
    ) as process:
        try:
            complaint = _follow(process, on_node, on_start, on_note)
        except BaseException:
            process.kill()  # when this returns nobody writes the database any more
            raise
    if process.returncode != 0:
        is_locked = any(words in complaint for words in ("is being written by another", "is open in another process"))
        if is_locked:
            raise PromoError(_plain(complaint), ENVIRONMENT_FAULT)
        has_results = _written_at(results_file) != before
        why = _why_it_failed(results_file, complaint) if has_results else f"dbt stopped: {_plain(complaint)}"
        raise resource_fault(why) or PromoError(why, BUILD_FAULT)
    return _result(results_file)


def list_nodes(database: Path, variables: dict[str, Any]) -> dict[str, int]:
    """How many nodes of each kind (model, seed, test, unit_test) `dbt build` would run. Opens no database, leaves nothing behind.

    Raises PromoError (exit code 4) when the project can't be read.
    """
    from shutil import copyfile
    from tempfile import TemporaryDirectory

    known = database.resolve().parent / "dbt" / "warehouse" / "partial_parse.msgpack"
    with TemporaryDirectory(prefix="promo-") as folder:
        if known.is_file():  # spares reading the whole project again
            copyfile(known, Path(folder) / known.name)
        command = ["list", "--output", "json", "--output-keys", "resource_type"]
        args, env = _process(database, command, "warehouse", Path(folder), variables)
        run = subprocess.run(
            args,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
            check=False,
        )
    kinds: dict[str, int] = {}
    complaint = ""
    for line in run.stdout.splitlines():
        try:
            event = json.loads(line)
            if event["info"]["name"] == "PrintEvent":
                kind = json.loads(event["info"]["msg"])["resource_type"]
                kinds[kind] = kinds.get(kind, 0) + 1
            elif event["info"]["level"] == "error":
                complaint = complaint or event["info"]["msg"]
        except (ValueError, KeyError, TypeError):  # a line that is no event
            complaint = complaint or line
    if run.returncode != 0:
        why = f"dbt stopped: {_plain(complaint)}"
        raise resource_fault(why) or PromoError(why, BUILD_FAULT)
    return kinds


def _process(
    database: Path, command: list[str], target: str, artefacts: Path, variables: dict[str, Any], wait_seconds: float = 0
) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of `dbt COMMAND` on `database`."""
    return _command(command, target, artefacts, variables), os.environ | _environment(database, command[0], wait_seconds)


def _command(command: list[str], target: str, artefacts: Path, variables: dict[str, Any]) -> list[str]:
    """`dbt COMMAND` on the shipped project, telling what it does as JSON lines; writes to `artefacts` and nowhere else."""
    return [
        *(sys.executable, "-m", "promo_cli.dbt_process", "--log-format-file", "json", "--log-path", str(artefacts)),
        *command,
        *("--project-dir", str(dbt_project_path()), "--profiles-dir", str(profiles_path())),
        *("--target", target, "--target-path", str(artefacts)),
        *("--vars", json.dumps(variables)),
    ]


def _environment(database: Path, command: str, wait_seconds: float) -> dict[str, str]:
    return {
        "OFFERHOUSE_DB": str(database.resolve()),
        "OFFERHOUSE_PUBLISHED": str(published_path(database).absolute()),
        "OFFERHOUSE_COMMAND": f"promo {'publish' if command == 'run-operation' else command}",
        "OFFERHOUSE_WAIT": str(wait_seconds or os.environ.get("OFFERHOUSE_WAIT", "")),
        "OFFERHOUSE_PARENT": str(os.getpid()),
        # dbt's log makes a line of every event, whatever its level (dbt_process.py); what failed is in run_results.json
        "DBT_LOG_LEVEL_FILE": os.environ.get("DBT_LOG_LEVEL_FILE", "none"),
        "PYTHONWARNINGS": "ignore",
    }


def _follow(process: subprocess.Popen[str], on_node: ON_NODE | None, on_start: ON_START | None, on_note: ON_NOTE | None) -> str:
    """Reads dbt's log to its end; returns the first error it told, or its last words."""
    complaint, last_words, done, has_begun = "", "", 0, False
    for line in process.stdout or ():
        try:
            event = json.loads(line)
        except ValueError:
            last_words = line.strip() or last_words
            continue
        data = event.get("data", {})
        if event["info"]["level"] == "error" and not complaint:
            complaint = event["info"]["msg"]
        if on_note and event["info"]["msg"].startswith(_NOTE):
            on_note(event["info"]["msg"])
        if on_start and not has_begun and event["info"]["name"] == "LogStartLine":
            has_begun = True
            on_start()
        if on_node and _RESULT.fullmatch(event["info"]["name"]):
            done += 1
            on_node(data["node_info"]["node_name"], done, data.get("total") or data["num_models"])
    return complaint or last_words


def _written_at(file: Path) -> int | None:
    return file.stat().st_mtime_ns if file.exists() else None


def _result(results_file: Path) -> DbtResult:
    statuses: dict[str, int] = {}
    seconds: dict[str, float] = {}
    warnings: dict[str, int] = {}
    for result in json.loads(results_file.read_text())["results"]:
        if result["unique_id"].startswith("operation."):  # the hooks that record and publish
            continue
        statuses[result["status"]] = statuses.get(result["status"], 0) + 1
        seconds[result["unique_id"]] = result["execution_time"]
        if result["status"] == "warn":
            warnings[result["unique_id"].split(".")[2]] = result.get("failures") or 0
    return DbtResult(statuses, seconds, warnings)


def _why_it_failed(results_file: Path, complaint: str) -> str:
    if results_file.exists():
        for result in json.loads(results_file.read_text())["results"]:
            if result["status"] in ("error", "fail", "runtime error") and result["message"]:
                kind, _, name = result["unique_id"].split(".")[:3]
                message = _plain(result["message"] or "")
                if result["status"] == "fail" and kind == "test":
                    return f"the test {name} failed ({message.split(',')[0].lower()}); its rows: dbt show --select {name}"
                if null := _NULL.search(message):
                    return f"the model {name} failed: its column {null[1]} is null in some row, which its contract forbids"
                if check := _CHECK.search(message):
                    return f"the model {name} failed: some row breaks what its contract demands: {check[1] or check[2]}"
                if doubles := _DOUBLES.search(message):
                    return f"the model {name} failed: {doubles[1]}"
                return f"{kind.replace('_', ' ')} {name} failed: {message}"
    return f"dbt stopped: {_plain(complaint)}"


def _plain(message: str) -> str:
    """dbt's message without its headline (`Compilation Error in model …`) and its stack of macros, or a function's own words."""
    message = _OF_FUNCTION.split(message)[-1]
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    while len(lines) > 1 and _HEADLINE.fullmatch(lines[0]):
        lines = lines[1:]
    kept = []
    for line in lines:
        if line.startswith((">", "compiled code at", "LINE ")):
            break
        kept.append(line)
    return " ".join(kept[:2]) or "no message"
