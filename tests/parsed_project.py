"""dbt's reading of the project, made once for all tests: it takes longer than what most of them ask of dbt.

dbt keeps it for one path of the database. Of that, only the name stands in what was read, so it is lent under the other's path.
"""

import os
import subprocess
from pathlib import Path
from pprint import pformat
from typing import Any

import jinja2
import pytest
import yaml
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.contracts.files import FileHash
from made_once import made_once

from promo_cli import dbt_runner
from promo_cli.paths import profiles_path, shipped_project

DATABASE = "offerhouse.duckdb"
PARSED = "partial_parse.msgpack"
"""dbt's own, in its target folder. It reads anew the files that changed since, and everything for other vars."""

_process = dbt_runner._process


def lend_parsed_project(folder: Path, database: Path, artefacts: Path) -> None:
    """What dbt reads of the shipped project goes to the target folder `artefacts` of `database`; `folder` keeps it."""
    own_hash = folder / "hash"
    with made_once(folder) as is_missing, pytest.MonkeyPatch.context() as patch:
        if is_missing:
            patch.setenv("OFFERHOUSE_PROJECT", str(shipped_project()))
            args, env = _process(folder / DATABASE, ["parse"], "warehouse", folder, {})
            subprocess.run(args, env=env, check=True, capture_output=True)
            own_hash.write_text(_profile_hash(folder / DATABASE))
    parsed = (folder / PARSED).read_bytes()
    assert parsed.count(own_hash.read_bytes()) == 1, "dbt takes the profile's hash another way: _profile_hash"
    artefacts.mkdir(parents=True, exist_ok=True)
    (artefacts / PARSED).write_bytes(parsed.replace(own_hash.read_bytes(), _profile_hash(database).encode()))


def lend_to_all(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """dbt, where promo_cli starts it on a database of that name and without vars, finds the project read."""

    def process(
        database: Path, command: list[str], target: str, artefacts: Path, variables: dict[str, Any], wait_seconds: float = 0
    ) -> tuple[list[str], dict[str, str]]:
        is_alike = database.name == DATABASE and target == "warehouse" and not variables
        if is_alike and not (artefacts / PARSED).exists():
            lend_parsed_project(folder, database, artefacts)
        return _process(database, command, target, artefacts, variables, wait_seconds)

    patch.setattr(dbt_runner, "_process", process)


def _profile_hash(database: Path) -> str:
    """As dbt takes it: ManifestLoader.build_manifest_state_check."""
    values = os.environ | {"OFFERHOUSE_DB": str(database.resolve())}
    profile = jinja2.Template((profiles_path() / "profiles.yml").read_text())
    rendered = yaml.safe_load(profile.render(env_var=lambda name, default="": values.get(name, default)))
    settings = rendered["offerhouse"]["outputs"]["warehouse"]
    credentials = DuckDBCredentials.from_dict({key: settings[key] for key in settings.keys() - {"type", "threads"}})
    return FileHash.from_contents(pformat(sorted(credentials.connection_info()))).checksum
