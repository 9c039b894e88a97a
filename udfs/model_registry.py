"""The model registry: which file is which model, and the SHA-256 that proves the file is that model."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from pathlib import Path, PurePosixPath
from typing import NamedTuple

MODELS_FOLDER = Path(__file__).resolve().parents[1] / "models_onnx"
"""The shipped models, which stand beside this package."""

REGISTRY_FILE = "registry.json"

RULE_MARK = " (rule)"
"""Ends the name under which a rule serves in a model's place, so that every score tells which of the two made it."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ModelRefused(ValueError):  # noqa: N818 - people read it before the message: "ModelRefused: interest: ..."
    """A model that can't be vouched for: unknown, absent, altered or unreadable. One line: what, where, what to do."""


class RegisteredModel(NamedTuple):
    """One entry of the registry."""

    name: str
    file: str
    """Path inside the models' folder, with forward slashes."""
    sha256: str
    """64 lower-case hex digits."""
    kind: str
    """What reads the file: onnx, xgboost, linear ..."""


class ModelRegistry:
    """The models of one folder, as `registry.json` there describes them.

    The registry is read once, at first use, and then stands: model versions and scores taken through one
    `ModelRegistry` belong together even if a model is trained anew meanwhile (its new file is refused, being
    another than the registered one). Thread-safe.
    """

    def __init__(self, folder: Path = MODELS_FOLDER) -> None:
        """`folder` holds registry.json and the models' files; it need not exist before the first use."""
        self._folder = folder
        self._lock = threading.Lock()
        self._entries: dict[str, object] | None = None

    def model(self, name: str) -> RegisteredModel:
        """The registry's entry for `name`; raises ModelRefused if there is none or the registry can't be read."""
        with self._lock:
            if self._entries is None:
                self._entries = self._read_entries(name)
        shown = self._shown(REGISTRY_FILE)
        if name not in self._entries:
            known = ", ".join(sorted(self._entries)) or "none"
            raise ModelRefused(f"{name}: no such model in {shown}; registered: {known}")
        entry = self._entries[name]
        fields = entry if isinstance(entry, dict) else {}
        if fields.get("versions") and not fields.get("file"):
            raise ModelRefused(f"{name}: no version of it serves; let one: promo models promote {name} VERSION")
        model = RegisteredModel(name, *(str(fields.get(key, "")) for key in RegisteredModel._fields[1:]))
        if not model.file or not model.kind or not _SHA256.fullmatch(model.sha256):
            raise ModelRefused(
                f"{name}: its entry in {shown} needs a file, a kind and a sha256 of 64 lower-case hex digits; {_remedy(name)}"
            )
        return model

    def entries(self) -> dict[str, object]:
        """All entries as they stand in the registry; raises ModelRefused if it can't be read."""
        with self._lock:
            if self._entries is None:
                self._entries = self._read_entries("every model")
            return dict(self._entries)

    @property
    def folder(self) -> Path:
        """Where registry.json and the models' files lie."""
        return self._folder

    def model_version(self, name: str) -> str:
        """First 12 hex digits of the registered SHA-256. Raises ModelRefused like `model`."""
        return self.model(name).sha256[:12]

    def read(self, name: str) -> bytes:
        """The model file's bytes, which are the ones that were hashed: load the model from these, not from the file.

        Raises ModelRefused if the file is absent, lies outside the folder or is not the registered one.
        """
        model = self.model(name)
        return self._read_file(name, PurePosixPath(model.file), model.sha256)

    def read_beside(self, name: str, file: str, sha256: str) -> bytes:
        """The bytes of `file` in the folder of `name`'s main file, which pins it by `sha256`.

        Raises ModelRefused like `read`, and for anything but a plain file name.
        """
        return self._read_file(name, PurePosixPath(self.model(name).file).parent / file, sha256)

    def _read_file(self, name: str, file: PurePosixPath, expected: str) -> bytes:
        remedy = _remedy(name)
        folder = self._folder.resolve()
        path = (folder / file).resolve()  # follows symlinks
        if file.is_absolute() or ".." in file.parts or not path.is_relative_to(folder):
            raise ModelRefused(f"{name}: {file} must be a plain path inside {self._folder.name}; {remedy}")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelRefused(f"{name}: can't read {self._shown(str(file))} ({error.strerror}); {remedy}") from error
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != expected:
            raise ModelRefused(
                f"{name}: {self._shown(str(file))} has SHA-256 {sha256[:12]}… but {expected[:12]}… is registered; {remedy}"
            )
        return content

    def _read_entries(self, name: str) -> dict[str, object]:
        shown, remedy = self._shown(REGISTRY_FILE), _remedy(name)
        try:
            entries = json.loads((self._folder / REGISTRY_FILE).read_bytes())
        except OSError as error:
            raise ModelRefused(f"{name}: can't read {shown} ({error.strerror}); {remedy}") from error
        except ValueError as error:
            raise ModelRefused(f"{name}: {shown} is not valid JSON ({error}); {remedy}") from error
        if not isinstance(entries, dict):
            raise ModelRefused(f"{name}: {shown} must be a JSON object of models; {remedy}")
        return entries

    def _shown(self, file: str) -> str:
        return f"{self._folder.name}/{file}"


def _remedy(name: str) -> str:
    return f"run `promo train{'' if name == 'every model' else ' ' + name}` or restore the file"
