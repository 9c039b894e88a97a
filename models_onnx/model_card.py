"""A trained model takes its place: file, card and registry entry, each written whole or not at all."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, flush it to disk, and rename. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def fingerprint(path: Path) -> dict[str, Any]:
    """SHA-256 (hex) and size in bytes of a model's file, as its card and the registry state them."""
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def register(models_folder: Path, name: str, file: str, kind: str) -> str:
    """Enter `file` (a path inside `models_folder`) into registry.json as model `name`; returns its SHA-256.

    From then on this file alone is served under that name.
    """
    registry_file = models_folder / "registry.json"
    registry = json.loads(registry_file.read_text()) if registry_file.is_file() else {}
    sha256 = fingerprint(models_folder / file)["sha256"]
    registry[name] = {"file": file, "sha256": sha256, "kind": kind}
    write_whole(registry_file, as_json(registry))
    return sha256


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write a model's card as JSON; metrics are rounded to six digits, days are ISO 8601."""
    write_whole(path, as_json(card))


def as_json(value: Any) -> bytes:
    """Cards and the registry as they are written: floats rounded to six digits, days ISO 8601, what is no number null."""
    return (json.dumps(_rounded(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "tolist"):
        value = value.tolist()
        if isinstance(value, list):
            return _rounded(value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
