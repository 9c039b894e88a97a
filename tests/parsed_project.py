"""dbt's reading of the project, made once for all tests: it takes longer than what most of them ask of dbt.

It is kept for a database's path. Of that, only the name stands in what was read, so another folder's is lent under its own path.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pprint import pformat

import jinja2
import pytest
import yaml
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.contracts.files import FileHash

from promo_cli import dbt_runner
from promo_cli.paths import profiles_path

DATABASE = "offerhouse.duckdb"
PARSED = "partial_parse.msgpack"
"""dbt's own, in its target folder. It reads anew the files that changed since, and everything for other vars."""

_command, _environment = dbt_runner._command, dbt_runner._environment


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Whether `folder` is still to be filled, by whichever worker comes first; the others wait until it is."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not (folder / "done").exists()
        (folder / "done").touch()


def lend_parsed_project(shared: Path, database: Path, artefacts: Path) -> None:
    """What dbt reads of the project goes to the target folder `artefacts` of `database`; it is made in `shared` first."""
    made = shared / "hash"
    with made_once(shared) as is_missing:
        if is_missing:
            environment = os.environ | _environment(shared / DATABASE, "parse", 0)
            subprocess.run(_command(["parse"], "warehouse", shared, {}), env=environment, check=True, capture_output=True)
            made.write_text(_profile_hash(shared / DATABASE))
    parsed = (shared / PARSED).read_bytes()
    assert parsed.count(made.read_bytes()) == 1
    artefacts.mkdir(parents=True, exist_ok=True)
    (artefacts / PARSED).write_bytes(parsed.replace(made.read_bytes(), _profile_hash(database).encode()))


def lend_to_all(patch: pytest.MonkeyPatch, shared: Path) -> None:
    """dbt, where promo_cli starts it on a database of that name and without vars, finds the project read."""
    lent = []

    def command(arguments: list[str], target: str, artefacts: Path, variables: dict[str, object]) -> list[str]:
        if target == "warehouse" and not variables and not (artefacts / PARSED).exists():
            lent.append(artefacts)
        return _command(arguments, target, artefacts, variables)

    def environment(database: Path, *others: object) -> dict[str, str]:
        for artefacts in lent:
            if database.name == DATABASE:
                lend_parsed_project(shared, database, artefacts)
        lent.clear()
        return _environment(database, *others)

    patch.setattr(dbt_runner, "_command", command)
    patch.setattr(dbt_runner, "_environment", environment)


def _profile_hash(database: Path) -> str:
    """As dbt takes it (ManifestLoader.build_manifest_state_check); were it another, dbt would read the project as ever."""
    values = os.environ | {"OFFERHOUSE_DB": str(database.resolve())}
    profile = jinja2.Template((profiles_path() / "profiles.yml").read_text())
    rendered = yaml.safe_load(profile.render(env_var=lambda name, default="": values.get(name, default)))
    settings = rendered["offerhouse"]["outputs"]["warehouse"]
    credentials = DuckDBCredentials.from_dict({key: settings[key] for key in settings.keys() - {"type", "threads"}})
    return FileHash.from_contents(pformat(sorted(credentials.connection_info()))).checksum
