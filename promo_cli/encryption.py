"""Encryption at rest: one setting, OFFERHOUSE_ENCRYPTION=on, for every file of the working and the published database.

DuckDB's own AES-GCM does it, when a database is attached with a key. The crypto module that writes comes with its extension
httpfs; the one built into the wheel reads alone. Without that extension nothing is written, least of all in plain.

The key is OFFERHOUSE_ENCRYPTION_KEY, or the content of the file that OFFERHOUSE_ENCRYPTION_KEY_FILE names, which its owner
alone may read. It goes to DuckDB as a bound value: no SQL text, no file of dbt and no error holds it.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import duckdb

from promo_cli.errors import ENVIRONMENT_FAULT, PromoError

SHORTEST_KEY = 16
"""Characters; the key should be random, e.g. of `openssl rand -base64 32`."""

BLOCK_BYTES = 65_536
"""Of files that are published, a quarter of DuckDB's own: whoever looks up one user reads a block of each column."""

_SETTING, _KEY, _KEY_FILE = "OFFERHOUSE_ENCRYPTION", "OFFERHOUSE_ENCRYPTION_KEY", "OFFERHOUSE_ENCRYPTION_KEY_FILE"


def is_on() -> bool:
    """Whether databases are encrypted. Raises PromoError (exit code 3) when the setting is neither on nor off."""
    told = os.environ.get(_SETTING, "").strip().lower()
    if told in ("", "off"):
        return False
    if told != "on":
        raise PromoError(f"{_SETTING}={told} is neither on nor off", ENVIRONMENT_FAULT)
    return True


def encryption_key() -> str:
    """The key. Raises PromoError (exit code 3) when there is none, it is too short, or others may read its file."""
    key = os.environ.get(_KEY, "")
    if not key and (named := os.environ.get(_KEY_FILE)):
        file = Path(named)
        try:
            if os.name == "posix" and file.stat().st_mode & 0o077:
                raise PromoError(f"{file} may be read by others; make it yours alone: chmod 600 {file}", ENVIRONMENT_FAULT)
            key = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
            raise PromoError(f"the key file {file} of {_KEY_FILE} can't be read: {why}", ENVIRONMENT_FAULT) from None
    if len(key) < SHORTEST_KEY:
        raise PromoError(
            f"{_SETTING} is on and asks for a key of {SHORTEST_KEY} characters or more: set {_KEY}, or {_KEY_FILE} to a file "
            "that is yours alone (0600)",
            ENVIRONMENT_FAULT,
        )
    return key


def connect(path: Path, read_only: bool = False, config: Mapping[str, str] | None = None) -> duckdb.DuckDBPyConnection:
    """`duckdb.connect`, to an encrypted file when the setting is on; `config` is in force from then on.

    Raises PromoError (exit code 3) when the setting and the file don't go together, the key is wrong or missing, or nothing
    can be written encrypted; duckdb.Error as `duckdb.connect` does.
    """
    if not is_on():
        try:
            return duckdb.connect(str(path), read_only=read_only, config=dict(config or {}))
        except duckdb.CatalogException as error:
            raise _told(path, error) or error from None
    connection = duckdb.connect()
    try:
        use(connection, path, read_only)
        for name, value in (config or {}).items():
            connection.execute(f"set {name} = $value", {"value": value})
    except BaseException:
        connection.close()
        raise
    return connection


def use(connection: duckdb.DuckDBPyConnection, path: Path, read_only: bool = False) -> None:
    """Attach the encrypted file `path` to a connection in memory and make it the database of the connection.

    What doesn't fit into memory is spilled encrypted, beside the database. Raises as `connect`.
    """
    connection.execute("set temp_file_encryption = true")  # refused later, where a killed process left what it had spilled
    connection.execute("set temp_directory = $folder", {"folder": f"{path}.tmp"})
    name = database_name(path)
    attach(connection, path, name, read_only)
    connection.execute(f'use "{name}"')


def attach(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, read_only: bool = False, is_passing: bool = False
) -> None:
    """Attach the file `path` as `name`, encrypted when the setting is on. Raises as `connect`.

    `is_passing`: nobody reads what is unfinished, so no log is written beside it, and a checkpoint alone makes it whole. What is
    new is written in blocks of BLOCK_BYTES.
    """
    given, options = {"path": str(path)}, ["read_only"] if read_only else []
    if is_passing:
        options.append("recovery_mode no_wal_writes")
        if not path.exists():
            options.append(f"block_size {BLOCK_BYTES}")
    if is_on():
        given["key"] = encryption_key()
        options.append("encryption_key $key")
        if not read_only:
            with suppress(duckdb.Error):  # told below, when something can't be written
                connection.execute("load httpfs")
    told = f"({', '.join(options)})" if options else ""
    try:
        connection.execute(f'attach $path as "{name}" {told}', given)
    except duckdb.Error as error:
        raise _told(path, error) or error from None


def database_name(path: Path) -> str:
    """What DuckDB, and dbt, call the database in the file `path`."""
    return path.name.lstrip(".").partition(".")[0].replace('"', '""')


def refuse_when_on(what: str) -> None:
    """Raises PromoError (exit code 3) when the setting is on: `what` would write in plain."""
    if is_on():
        raise PromoError(f"{what}, and {_SETTING} is on; set it off, on a database that may be in plain", ENVIRONMENT_FAULT)


def _told(path: Path, error: duckdb.Error) -> PromoError | None:
    """DuckDB's words on a file and its key, in one line with the way on; None where they are about something else."""
    text = str(error)
    if "read-only crypto module" in text:
        return PromoError(
            f"{path} can't be written: {_SETTING} is on, and DuckDB's extension httpfs, whose crypto module writes encrypted "
            "files, isn't installed; run `install httpfs` in a DuckDB of this version once where there is a network",
            ENVIRONMENT_FAULT,
        )
    if "Wrong encryption key" in text:
        return PromoError(f"{path} was encrypted with another key than {_KEY} or {_KEY_FILE} gives", ENVIRONMENT_FAULT)
    if "is not encrypted" in text:
        return PromoError(
            f"{path} is in plain and {_SETTING} is on: load the shop into a new database (promo load … --database PATH), build "
            "it, and delete this one with its published folder",
            ENVIRONMENT_FAULT,
        )
    if "Cannot open encrypted database" in text:
        return PromoError(f"{path} is encrypted: set {_SETTING}=on and the key in {_KEY} or {_KEY_FILE}", ENVIRONMENT_FAULT)
    return None
