"""A shop's own project folder: the shipped dbt project copied out, stamped with what was copied, and brought up to date."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from promo_cli.errors import DATA_FAULT, ENVIRONMENT_FAULT, USAGE_FAULT, PromoError
from promo_cli.paths import is_offerhouse_project, shipped_profiles, shipped_project
from promo_cli.provenance import offerhouse_version

STAMP = ".offerhouse.json"
"""In the laid-out dbt project: the version that laid it out, and the SHA-256 of every file as it shipped."""

_NOT_COPIED = ("target", "logs", "dbt_packages", "__pycache__", "profiles.yml", ".user.yml", STAMP)

_IGNORED = """\
# What holds personal data, secrets, or what a build makes anew.
warehouse/
exports/
*.duckdb
*.duckdb.wal
*.key
.env
dbt_project/target/
dbt_project/logs/
dbt_project/dbt_packages/
target/
logs/
.user.yml
"""


@dataclass
class Upgrade:
    """What an upgrade did: files replaced and added; changed by the shop and in the package (the package's lies beside, as .new);
    no longer shipped: removed, or kept because the shop changed them."""

    replaced: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def lay_out(folder: Path) -> Path:
    """Lay out dbt_project/, profiles.yml and .gitignore in `folder`; returns the first's path. The other two stay as they are.

    Raises PromoError (exit code 2) when there is a dbt_project already, OSError when nothing can be written.
    """
    project = folder / "dbt_project"
    if project.exists():
        if is_offerhouse_project(project):
            raise PromoError(f"{project} is laid out already; promo init --upgrade brings it up to date", USAGE_FAULT)
        raise PromoError(
            f"{project} is there and is no project of offerhouse; lay out in another folder: promo init FOLDER", USAGE_FAULT
        )
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{project.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    shipped = project_files(shipped_project())
    for name, path in shipped.items():
        target = unfinished / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    _write_stamp(unfinished, {name: _digest(path) for name, path in shipped.items()})
    unfinished.replace(project)
    for name, text in (
        ("profiles.yml", (shipped_profiles() / "profiles.yml").read_text(encoding="utf-8")),
        (".gitignore", _IGNORED),
    ):
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")
    return project


def upgrade(folder: Path, dry_run: bool = False) -> Upgrade:
    """Bring the dbt project of `folder` to what this package ships, and leave alone what the shop changed.

    With `dry_run` it is told what would be done, and nothing is.

    Raises PromoError (exit code 1) when there is none, or it has no stamp.
    """
    project = folder / "dbt_project"
    if not is_offerhouse_project(project):
        raise PromoError(f"there is no laid-out project in {folder}; promo init lays one out", DATA_FAULT)
    stamp = read_stamp(project)
    if stamp is None:
        raise PromoError(
            f"{project} has no {STAMP}, which says what was laid out: it isn't promo init's; use git to merge", DATA_FAULT
        )
    known: dict[str, str] = stamp["files"]
    done = Upgrade()
    shipped = project_files(shipped_project())
    for name, path in shipped.items():
        target, new = project / name, _digest(path)
        if known.get(name) == new:
            continue
        here = _digest(target) if target.is_file() else None
        if here is None and name not in known:
            done.added.append(name)
        elif here in (known.get(name), new):
            done.replaced.append(name)
        else:
            done.conflicts.append(name)
            target = target.with_name(f"{target.name}.new")
        if not dry_run:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    for name in sorted(set(known) - set(shipped)):
        target = project / name
        if target.is_file():
            unchanged = _digest(target) == known[name]
            (done.removed if unchanged else done.kept).append(name)
            if unchanged and not dry_run:
                target.unlink()
    if not dry_run:
        _write_stamp(project, {name: _digest(path) for name, path in shipped.items()})
    return done


def read_stamp(project: Path) -> dict[str, Any] | None:
    """The stamp of a laid-out project; None where there is none, as in the shipped one. Raises PromoError when it is damaged."""
    file = project / STAMP
    try:
        stamp = json.loads(file.read_text(encoding="utf-8"))
        return {"version": str(stamp["version"]), "files": dict(stamp["files"])}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PromoError(f"{file} can't be read; bring it back from version control", ENVIRONMENT_FAULT) from error


def is_untouched(project: Path, name: str) -> bool:
    """Whether the file `name` of a laid-out project is as it was laid out."""
    stamp = read_stamp(project)
    file = project / name
    return stamp is not None and file.is_file() and stamp["files"].get(name) == _digest(file)


def outdated(stamp: dict[str, Any]) -> int:
    """Files of the package that differ from those a project was laid out with."""
    now = {name: _digest(path) for name, path in project_files(shipped_project()).items()}
    before = stamp["files"]
    return sum(1 for name in now.keys() | before.keys() if now.get(name) != before.get(name))


def set_vars(project: Path, values: dict[str, Any]) -> None:
    """Write vars into dbt_project.yml where they stand, their comments kept. Raises PromoError for one that isn't there."""
    file = project / "dbt_project.yml"
    text = file.read_text(encoding="utf-8")
    for name, value in values.items():
        # the line of the var, its comment, and what stands indented below it
        found = re.search(rf"^(  {name}:)[^\n#]*?( *#[^\n]*)?\n((?:    [^\n]*\n)*)", text, re.MULTILINE)
        if found is None:
            raise PromoError(f"{file} has no var {name}; promo init --upgrade brings it up to date")
        told, below = _as_yaml(value)
        text = f"{text[: found.start()]}{found[1]}{told}{found[2] or ''}\n{below}{text[found.end() :]}"
    file.write_text(text, encoding="utf-8")


def _as_yaml(value: Any) -> tuple[str, str]:
    """A value as it stands behind its name, and the lines below it: of names by table, one a table."""
    if isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values()):
        return "", "".join(f"    {name}:{_as_yaml(inner)[0]}\n" for name, inner in value.items())
    told = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return f" {told.strip().removesuffix('...').strip()}", ""


def project_files(root: Path) -> dict[str, Path]:
    """Files in the folder `root` that people or this package wrote, not what dbt made, by their path in it, in order."""
    return {
        path.relative_to(root).as_posix(): path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not set(path.relative_to(root).parts) & set(_NOT_COPIED)
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_stamp(project: Path, files: dict[str, str]) -> None:
    told = {"version": offerhouse_version() or "not installed", "files": files}
    (project / STAMP).write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")
