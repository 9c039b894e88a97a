"""The checks of `promo doctor`. Each says what it found in one line, and how to mend what is wrong; none of them writes."""

from __future__ import annotations

import csv
import os
import platform
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import duckdb
import yaml

from promo_cli import encryption, layout
from promo_cli.connectors.near_match import listed
from promo_cli.connectors.shop_schema import recorded_settings
from promo_cli.errors import DATA_FAULT, ENVIRONMENT_FAULT, PromoError, as_promo_error, fit_for_terminals
from promo_cli.key import PRIVACY_OFF, recorded_secret, secret_of
from promo_cli.paths import dbt_project_path, models_path, profiles_path, published_path

GB = 1_000_000_000
LEAST_FREE, FREE_A_SIZE = GB, 3
"""Bytes on the disk: less is a fault; less than so many times the working database (a build and its publication) a warning."""

MEMORY_SHARE = 0.8
"""Of the machine's memory: more than that is no bound for DuckDB, for Python, dbt and the system need some."""

LONG_HELD_MINUTES = 12 * 60

_PRINCIPAL = {"duckdb": "DuckDB", "dbt-core": "dbt", "dbt-duckdb": "dbt-duckdb"}

State = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """What a check found. `exit_code` is that of promo_cli.errors for a fault, 0 for the rest."""

    check: str
    state: State
    told: str
    mend: str = ""
    exit_code: int = 0

    def __str__(self) -> str:
        return fit_for_terminals(f"{self.state:<8} {self.check}: {self.told}{f'; {self.mend}' if self.mend else ''}")


def _ok(check: str, told: str) -> Finding:
    return Finding(check, "ok", told)


def _warning(check: str, told: str, mend: str) -> Finding:
    return Finding(check, "warning", told, mend)


def _fault(check: str, told: str, mend: str, exit_code: int = ENVIRONMENT_FAULT) -> Finding:
    return Finding(check, "fault", told, mend, exit_code)


@dataclass
class Patient:
    """What is examined: a working database, which need not be there, and all that belongs to it."""

    database: Path
    _opened: list[duckdb.DuckDBPyConnection] = field(default_factory=list)

    @cached_property
    def published(self) -> Path:
        """The published file."""
        return published_path(self.database)

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection | PromoError | None:
        """The working database, read-only; the error where it can't be opened, None where there is none."""
        if not self.database.is_file():
            return None
        try:
            self._opened.append(encryption.connect(self.database, read_only=True))
        except (PromoError, duckdb.Error) as error:
            return error if isinstance(error, PromoError) else as_promo_error(error)
        return self._opened[-1]

    def close(self) -> None:
        """Give the database back."""
        while self._opened:
            self._opened.pop().close()


def examine(database: Path) -> list[Finding]:
    """All checks of the working database `database` and what is around it. A check that breaks is a fault; raises nothing."""
    patient = Patient(database)
    findings: list[Finding] = []
    try:
        for name, check in CHECKS.items():
            try:
                findings += check(patient)
            except Exception as error:  # what a check didn't foresee is told like any other fault
                told = as_promo_error(error)
                findings.append(_fault(name, told.message, "mend that, and run promo doctor again", told.exit_code))
    finally:
        patient.close()
    return findings


def worst(findings: list[Finding]) -> int:
    """0, or the exit code of the worst fault: of the environment before that of the data."""
    return max((finding.exit_code for finding in findings), default=0)


def _python(_: Patient) -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    wanted = _own_metadata()[0]
    here = platform.python_version()
    if SpecifierSet(wanted).contains(here, prereleases=True):
        yield _ok("python", f"Python {here}")
    else:
        yield _fault(
            "python",
            f"Python {here}, and offerhouse runs on {wanted}",
            "make a venv with such a Python and install offerhouse there",
        )


def _packages(_: Patient) -> Iterator[Finding]:
    from packaging.requirements import Requirement

    sound = []
    for line in _own_metadata()[1]:
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        shown = _PRINCIPAL.get(needed.name, needed.name)
        remedy = f"pip install '{needed.name}{needed.specifier}'"
        try:
            here = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            yield _fault("packages", f"{shown} isn't installed", remedy)
            continue
        if not needed.specifier.contains(here, prereleases=True):
            yield _fault("packages", f"{shown} {here}, and offerhouse needs {needed.specifier}", remedy)
        else:
            sound.append((needed.name in _PRINCIPAL, f"{shown} {here}"))
    principal = [told for is_principal, told in sound if is_principal]
    yield _ok("packages", f"{', '.join(principal)} and {len(sound) - len(principal)} others")


def _own_metadata() -> tuple[str, list[str]]:
    """requires-python and requirements: of the installed distribution, else of the checkout's pyproject.toml."""
    try:
        told = metadata.metadata("offerhouse")
        return told["Requires-Python"] or ">=3.11", metadata.requires("offerhouse") or []
    except metadata.PackageNotFoundError:
        import tomllib

        project = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return project["requires-python"], project["dependencies"]


def _models(_: Patient) -> Iterator[Finding]:
    from udfs.model_records import ModelRecords
    from udfs.model_registry import ModelRefused, ModelRegistry

    folder = models_path()
    registry = ModelRegistry(folder)
    faults = 0
    try:
        names = sorted(registry.entries())
        versions = ModelRecords(registry).versions()
    except ModelRefused as refused:
        yield _fault("models", str(refused), f"OFFERHOUSE_MODELS names the folder ({folder})")
        return
    served = [version.model for version in versions if version.status == "champion"]
    for name in served:
        try:
            registry.read(name)
        except ModelRefused as refused:
            faults += 1
            yield _fault("models", str(refused), "or promo models rollback")
    for version in versions:
        if version.fault:
            yield _warning("models", version.fault, "it doesn't serve, so nothing depends on it; train it again or let it be")
    if not faults:
        yield _ok("models", f"{len(served)} of {len(names)} serve, their files are the registered ones ({folder})")


def _disk(patient: Patient) -> Iterator[Finding]:
    place = next(folder for folder in (patient.database.resolve().parent, *patient.database.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    size = patient.database.stat().st_size if patient.database.is_file() else 0
    told = f"{free / GB:,.1f} GB free in {place}"
    mend = "free some, or move the working database with OFFERHOUSE_DB"
    if free < LEAST_FREE:
        yield _fault("disk", told, mend)
    elif free < FREE_A_SIZE * size:
        yield _warning(
            "disk", f"{told}, and the working database has {size / GB:,.1f} GB", f"a build may need three times that: {mend}"
        )
    else:
        yield _ok("disk", told)


def _memory(_: Patient) -> Iterator[Finding]:
    from promo_cli.warehouse import check_limits, set_limits

    check_limits()
    with duckdb.connect() as connection:
        set_limits(connection)
        told_limit = connection.execute("select current_setting('memory_limit')").fetchall()[0][0]
    limit, machine = _bytes(str(told_limit)), machine_memory()
    told = f"DuckDB may use {limit / GB:,.1f} GB" + (f" of the machine's {machine / GB:,.1f} GB" if machine else "")
    if machine and limit > MEMORY_SHARE * machine:
        yield _warning("memory", told, f"leave some to others: OFFERHOUSE_MEMORY={max(1, int(0.6 * machine / GB))}GB")
    else:
        yield _ok("memory", told)


def machine_memory() -> int | None:
    """Bytes of memory that processes here may use: the machine's, or a container's bound; None where it can't be told."""
    try:
        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (ValueError, OSError, AttributeError):
        found = []
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        path = Path(file)
        if path.is_file() and (told := path.read_text().strip()).isdecimal():
            found.append(int(told))
    return min(found, default=None)


def _bytes(told: str) -> float:
    """DuckDB's `2.7 GiB` in bytes."""
    found = re.fullmatch(r"([0-9.]+) *([KMGT]?)i?B(?:ytes?)?", told.strip())
    return float(found[1]) * 1024 ** " KMGT".index(found[2] or " ") if found else 0.0


def _locks(patient: Patient) -> Iterator[Finding]:
    from promo_cli.lock import lock_holder, write_lock_path

    file = write_lock_path(patient.database.resolve())
    holder = lock_holder(file)
    if holder is not None:
        mend = "wait for it" if holder.minutes < LONG_HELD_MINUTES else f"see what it does, and end it: kill {holder.pid}"
        yield _warning("lock", f"{patient.database} is being written by {holder.command} ({holder})", mend)
    elif file.exists():
        yield _warning("lock", f"{file} was left by a process that is gone; it stands in nobody's way", f"rm {file}")
    elif isinstance(patient.connection, PromoError):
        yield _fault("lock", patient.connection.message, "close whoever has it open, or bring the file back from a backup")
    else:
        yield _ok("lock", "nobody writes the working database")


def _rights(patient: Patient) -> Iterator[Finding]:
    from udfs.secret import key_file

    folder = patient.database.resolve().parent
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        yield _fault(
            "rights",
            f"this user may not write {folder}",
            f"chmod u+rwx {folder}, or move the working database with OFFERHOUSE_DB",
        )
        return
    secrets = [key_file(patient.database), patient.published.parent / "private"]
    found = []
    for path in (*secrets, patient.database, patient.published):
        if not path.exists() or not _others_may(path):
            continue
        mend = f"chmod {700 if path.is_dir() else 600} {path}"
        if path in secrets:
            found.append(_fault("rights", f"others may read {path}, which tells who the users are", mend))
        elif _others_may(path.parent):
            found.append(_warning("rights", f"others may read {path}", f"{mend}, unless they are meant to"))
    yield from found or [_ok("rights", f"{folder} is for its owner alone" if folder.is_dir() else f"{folder} is made by a load")]


def _others_may(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IXGRP | stat.S_IXOTH))


def _secret(patient: Patient) -> Iterator[Finding]:
    from udfs.secret import fingerprint, key_file

    told = (os.environ.get("OFFERHOUSE_PRIVACY") or str(_variables().get("privacy", "on"))).lower()
    try:
        secret = secret_of(patient.database)
    except PromoError as error:
        yield _fault("secret", error.message, "bring the old one back: another one makes other people of your users")
        return
    connection = patient.connection
    recorded = recorded_secret(connection) if isinstance(connection, duckdb.DuckDBPyConnection) else None
    if told in ("off", "false"):
        yield _warning(
            "secret",
            "privacy is off: users stand under the shop's own ids, in what is published too",
            "say privacy: on to change that",
        )
    elif secret is None and recorded not in (None, PRIVACY_OFF):
        yield _fault(
            "secret", "the secret that the database was built with is gone",
            f"bring {key_file(patient.database)} or OFFERHOUSE_SECRET back from your backup",
        )  # fmt: skip
    elif secret is None:
        yield _warning("secret", "there is none yet", "promo load makes a key file beside the database")
    elif recorded not in (None, PRIVACY_OFF, fingerprint(secret)):
        yield _fault(
            "secret", "it isn't the one that the database was built with",
            "bring that one back, or promo build --new-secret, which gives every user a new key",
        )  # fmt: skip
    else:
        place = "OFFERHOUSE_SECRET" if os.environ.get("OFFERHOUSE_SECRET") else str(key_file(patient.database))
        yield _ok("secret", f"{place}{', the one that the database was built with' if recorded else ''}; keep a copy elsewhere")


def _encryption(_: Patient) -> Iterator[Finding]:
    if not encryption.is_on():
        yield _ok("encryption", "off (OFFERHOUSE_ENCRYPTION=on encrypts working and published databases)")
        return
    encryption.encryption_key()
    with tempfile.TemporaryDirectory(prefix="promo-") as folder:
        try:
            encryption.connect(Path(folder) / "try.duckdb").close()
        except PromoError as error:
            yield _fault(
                "encryption", error.message.replace(f"{folder}/try.duckdb", "a database"), "or set OFFERHOUSE_ENCRYPTION=off"
            )
            return
    yield _ok("encryption", "on, with a key, and DuckDB can write encrypted files")


def _project(_: Patient) -> Iterator[Finding]:
    project = dbt_project_path()
    stamp = layout.read_stamp(project)
    if stamp is None:
        yield _ok("project", f"the shipped one ({project}); promo init lays out one of your own")
    elif (changed := layout.outdated(stamp)) == 0:
        yield _ok("project", f"{project}, of offerhouse {stamp['version']}")
    else:
        here = layout.offerhouse_version() or "not installed"
        yield _warning(
            "project", f"{project} was laid out by offerhouse {stamp['version']}, {changed} files differ in {here}",
            "promo init --upgrade in its folder brings it up to date",
        )  # fmt: skip
    unmerged = sorted(path.relative_to(project).as_posix() for path in project.rglob("*.new"))
    if unmerged:
        yield _warning("project", f"{listed(unmerged, 3)} waits to be merged", "take over what you want, then delete it")


def _profile(_: Patient) -> Iterator[Finding]:
    file = profiles_path() / "profiles.yml"
    try:
        text = file.read_text(encoding="utf-8")
        targets = yaml.safe_load(text)["offerhouse"]["outputs"]
        plugins = [plugin["module"] for plugin in targets["warehouse"].get("plugins") or []]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        told = " ".join(str(error).split())[:160]
        yield _fault(
            "profile",
            f"{file} has no target offerhouse.outputs.warehouse ({told})",
            "promo init lays out a sound one in another folder",
        )
        return
    missing = [module for module in ("udfs.dbt_plugin", "promo_cli.publish_plugin") if module not in plugins]
    if missing:
        yield _fault(
            "profile", f"{file} lacks the plugin {listed(missing)}", "add it under plugins, as the shipped profiles.yml has it"
        )
    else:
        yield _ok("profile", str(file))


def _policies(patient: Patient) -> Iterator[Finding]:
    from promo_cli.policies import check_policies

    seeds = dbt_project_path() / "seeds"
    try:
        check_policies(seeds)
    except PromoError as error:
        yield _fault("policies", error.message, "promo build then says what contradicts itself", DATA_FAULT)
    except FileNotFoundError as error:
        yield _fault("policies", f"{error.filename} is missing", "bring it back, or promo init --upgrade", DATA_FAULT)
    else:
        odd = _prices_nobody_can_pay(patient, seeds)
        yield odd or _ok("policies", f"{len(list(seeds.glob('*.csv')))} files read in {seeds}")


def _prices_nobody_can_pay(patient: Patient, seeds: Path) -> Finding | None:
    """A warning where prices end in cents that the shop's currency doesn't have; None where they don't, or it isn't known."""
    from promo_cli.currencies import WHOLE_UNITS

    currency = _variables().get("shop_currency") or _recorded_currency(patient)
    if currency not in WHOLE_UNITS:
        return None
    with (seeds / "pricing_policy.csv").open(encoding="utf-8-sig", newline="") as file:
        odd = [
            row["category"]
            for row in csv.DictReader(file)
            if row["is_promotable"].strip().lower() == "true"
            and any(float(row[column] or 0) % 1 for column in ("price_step", "price_ending"))
        ]
    if not odd:
        return None
    return _warning(
        "policies",
        f"{seeds / 'pricing_policy.csv'}, row {listed(odd, 3)}: prices end in cents, in which {currency} is not paid",
        "write a price_step such as 10 and a price_ending of 0, and look at the amounts of promotion_catalogue.csv; "
        "promo init writes both for your shop",
    )


def _recorded_currency(patient: Patient) -> str | None:
    """What `promo load` was told, or None."""
    connection = patient.connection
    if not isinstance(connection, duckdb.DuckDBPyConnection):
        return None
    return recorded_settings(connection).get("currency")


def _shop(patient: Patient) -> Iterator[Finding]:
    """The shop's tables, as the vars of the project name them, against the contract."""
    from promo_cli.connectors.readability import refuse_unreadable_column
    from promo_cli.contract import read_contract

    mapping = _mapping()
    if isinstance(mapping, Finding):
        yield mapping
    connection = patient.connection
    if connection is None:
        yield _warning(
            "shop",
            f"{patient.database} isn't there: no shop is loaded",
            "promo load complete-journey, or promo init maps your own",
        )
        return
    if isinstance(connection, PromoError):
        yield _warning("shop", "the tables can't be looked at while the working database can't be opened", "see the check lock")
        return
    contract, variables = read_contract(), _variables()
    schema, names = str(variables.get("shop_schema") or "shop"), variables.get("shop_identifiers") or {}
    renamed = variables.get("shop_columns") or {}
    found: dict[str, dict[str, str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns() where database_name = current_database() and schema_name = $schema",
        {"schema": schema},
    ).fetchall():
        found.setdefault(table.lower(), {})[column.lower()] = column
    here = {
        table: found[str(names.get(table, table)).lower()] for table in contract if str(names.get(table, table)).lower() in found
    }
    lacking = [table for table, entry in contract.items() if entry.required and table not in here]
    if lacking and "events" not in here:
        yield _fault(
            "shop",
            f"no {schema}.{names.get(lacking[0], lacking[0])} and no events to stand in for it",
            "promo load, or promo init maps your tables",
            DATA_FAULT,
        )
        return
    faults = 0
    for table, columns in here.items():
        place = f"{schema}.{names.get(table, table)}"
        own = renamed.get(table) or {}
        missing = [
            own.get(column, column)
            for column in contract[table].required_columns
            if str(own.get(column, column)).lower() not in columns
        ]
        if missing:
            faults += 1
            yield _fault(
                "shop",
                f"{place} has no column {listed(missing)}",
                f"add it, or name the one that holds it in the var shop_columns for {table}",
                DATA_FAULT,
            )
        for column in contract[table].columns:
            name = str(own.get(column.name, column.name)).lower()
            if name not in columns:
                continue
            try:
                here_called = replace(column, name=columns[name])
                refuse_unreadable_column(connection, _relation(schema, str(names.get(table, table))), place, here_called)
            except PromoError as error:
                faults += 1
                yield _fault("shop", error.message, "then load again", DATA_FAULT)
    if not faults:
        yield _ok("shop", f"{listed(here)} keep the contract" if here else "an event log alone")


def _relation(schema: str, table: str) -> str:
    from promo_cli.warehouse import quoted_name

    return f"{quoted_name(schema)}.{quoted_name(table)}"


def _mapping() -> Finding | None:
    """A fault of the mapping beside the project, or None where it is sound or there is none."""
    from promo_cli.contract import read_contract
    from promo_cli.mapping.artefact import read_mapping

    folder = dbt_project_path().parent / "mapping"
    if not folder.is_dir():
        return None
    try:
        source = read_mapping(folder, read_contract()).source
    except PromoError as error:
        return _fault("shop", error.message, "promo load mapped reads it", DATA_FAULT)
    if source.kind in ("files", "duckdb") and not Path(source.place).exists():
        return _warning(
            "shop", f"{source.place}, where mapping/source.yml says the shop's tables are, isn't there", "correct place in it"
        )
    if source.kind == "postgres" and not os.environ.get(source.place):
        return _warning(
            "shop", f"{source.place}, which mapping/source.yml names, is empty", f"export {source.place}=postgresql://…"
        )
    return None


def _published(patient: Patient) -> Iterator[Finding]:
    from promo_cli.publish import publication_record

    if not patient.published.is_file():
        yield _warning("published", f"nothing is published yet at {patient.published}", "promo build publishes")
        return
    try:
        record = publication_record(patient.published)
    except (PromoError, duckdb.Error) as error:
        told = as_promo_error(error)
        yield _fault(
            "published",
            f"{patient.published} doesn't open as a publication: {told.message}",
            "promo publish, or promo publish --rollback",
            told.exit_code,
        )
    else:
        yield _ok("published", f"{patient.published}, as of {record['as_of_date']}")


def _variables() -> dict[str, Any]:
    return dict(yaml.safe_load((dbt_project_path() / "dbt_project.yml").read_text(encoding="utf-8")).get("vars") or {})


CHECKS: dict[str, Callable[[Patient], Iterator[Finding]]] = {
    "python": _python,
    "packages": _packages,
    "models": _models,
    "disk": _disk,
    "memory": _memory,
    "lock": _locks,
    "rights": _rights,
    "secret": _secret,
    "encryption": _encryption,
    "project": _project,
    "profile": _profile,
    "policies": _policies,
    "shop": _shop,
    "published": _published,
}
