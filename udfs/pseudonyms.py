"""The SQL functions of privacy, for the models of dbt_project/models/private and the hook that guards the secret.

- `pseudonym(user VARCHAR) -> VARCHAR`: the warehouse's key of a shop's user; NULL stays NULL
- `secret_fingerprint(label VARCHAR) -> VARCHAR`: of the secret in use, whatever the label; NULL when there is none
- `tombstone(salt VARCHAR, user VARCHAR) -> VARCHAR`: what stays of an erased user
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from udfs.secret import fingerprint, pseudonym, tombstone


def privacy_functions(secret: bytes | None) -> list[tuple[str, Callable[..., pa.Array], list[str]]]:
    """Name, function and argument types of each; all return VARCHAR. The secret stays in this process."""

    def pseudonyms(users: pa.ChunkedArray) -> pa.Array:
        if secret is None:
            raise ValueError("there is no secret to make pseudonyms with")
        return pa.array([None if user is None else pseudonym(secret, user) for user in users.to_pylist()], pa.string())

    def fingerprints(labels: pa.ChunkedArray) -> pa.Array:
        return pa.array([fingerprint(secret) if secret else None] * len(labels), pa.string())

    def tombstones(salts: pa.ChunkedArray, users: pa.ChunkedArray) -> pa.Array:
        pairs: Any = zip(salts.to_pylist(), users.to_pylist(), strict=True)
        return pa.array([None if salt is None or user is None else tombstone(salt, user) for salt, user in pairs], pa.string())

    return [
        ("pseudonym", pseudonyms, ["VARCHAR"]),
        ("secret_fingerprint", fingerprints, ["VARCHAR"]),
        ("tombstone", tombstones, ["VARCHAR", "VARCHAR"]),
    ]
