"""The shop's secret: where it is, and what is made of it. Nothing here writes it anywhere but into its own file.

It comes from env OFFERHOUSE_SECRET, else from the key file beside the working database, which `promo load` makes. SQL, logs,
plans and errors see what is computed from it alone: HMAC-SHA256 (RFC 2104), under a label for each use.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

VARIABLE = "OFFERHOUSE_SECRET"
LEAST_LENGTH = 16
"""Characters of a secret of one's own: fewer could be guessed, and every pseudonym with them."""

PSEUDONYM_DIGITS = 32
"""Hex digits of a pseudonym: 128 bits, so that two of a billion users share one with a chance of 1e-21."""


def key_file(database: Path) -> Path:
    """The key file of the working database `database`."""
    return database.with_name(f"{database.name}.key")


def find_secret(database: Path) -> bytes | None:
    """The secret of `database`; None where there is none. Raises ValueError, one line, for one that is too short."""
    told = os.environ.get(VARIABLE)
    if told:
        if len(told) < LEAST_LENGTH:
            raise ValueError(f"{VARIABLE} has fewer than {LEAST_LENGTH} characters; make one e.g. with openssl rand -hex 32")
        return told.encode()
    file = key_file(database)
    try:
        kept = file.read_bytes().strip()
    except FileNotFoundError:
        return None
    if len(kept) < LEAST_LENGTH:
        raise ValueError(f"{file} holds no secret, it is cut off; bring it back from your backup")
    return kept


def make_secret(database: Path) -> Path | None:
    """A new random key file beside `database`, mode 0600, unless it has a secret; returns the file made, if any.

    Raises OSError when it can't be written, ValueError for a secret that is too short. It is there whole or not at all.
    """
    if find_secret(database) is not None:
        return None
    file = key_file(database)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(f"{secrets.token_hex(32)}\n".encode())
            opened.flush()
            os.fsync(opened.fileno())
        os.link(unfinished, file)  # fails, rather than replaces, where another made one in the meantime
    except FileExistsError:
        return None
    finally:
        unfinished.unlink(missing_ok=True)
    return file


def pseudonym(secret: bytes, user: str) -> str:
    """The key under which the warehouse knows the shop's user: 32 hex digits."""
    return _keyed(secret, "user", user)[:PSEUDONYM_DIGITS]


def fingerprint(secret: bytes) -> str:
    """By what a changed secret is known: 64 hex digits that tell nothing about it."""
    return _keyed(secret, "fingerprint", "")


def tombstone(salt: str, user: str) -> str:
    """What stays of an erased user: 64 hex digits under the database's own salt, for it has to outlast a change of the secret."""
    return _keyed(salt.encode(), "erased", user)


def _keyed(key: bytes, label: str, text: str) -> str:
    # A lone surrogate is no text that a database holds, but an argument of a command line may be one.
    return hmac.new(key, f"{label}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
