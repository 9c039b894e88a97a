"""The secret of a working database, as its verbs meet it: made by a load, asked of by whoever names a user."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from promo_cli.connectors.shop_schema import Listener
from promo_cli.errors import ENVIRONMENT_FAULT, PromoError
from promo_cli.withdrawals import is_there
from udfs.secret import find_secret, key_file, make_secret

PRIVACY_OFF = "off"


def secret_of(database: Path) -> bytes | None:
    """The secret in use for `database`, if any. Raises PromoError (exit code 3) for one that can't be used."""
    try:
        return find_secret(database.resolve())
    except ValueError as error:
        raise PromoError(str(error), ENVIRONMENT_FAULT) from error


def recorded_secret(connection: duckdb.DuckDBPyConnection) -> str | None:
    """What a working database was built with: the fingerprint of a secret, PRIVACY_OFF, or None before the first build."""
    if not is_there(connection, "private", "secret"):
        return None
    return str(connection.execute("select fingerprint from private.secret").fetchall()[0][0])


def make_key(connection: duckdb.DuckDBPyConnection, database: Path, listener: Listener) -> None:
    """A key file beside `database`, which `connection` writes, where no secret is known or was ever used, and privacy is on.

    Raises PromoError for a secret that can't be used, OSError when the file can't be written.
    """
    is_off = (os.environ.get("OFFERHOUSE_PRIVACY") or "on").lower() in ("off", "false")
    if is_off or secret_of(database) is not None or recorded_secret(connection) is not None:
        return
    if make_secret(database.resolve()) is not None:
        listener.note(
            f"users' pseudonyms are made with the key {key_file(database)}; keep a copy of it elsewhere: a lost key is lost"
        )
