"""Versions of models on disk: written whole or not at all, with registry.json as the only pointer to what serves.

    registry.json                   {name: {file, sha256, kind, card, versions: [...]}}; the outer file is what serves
    <name>/<version>/...            a trained version: its files and card.json; the version is 12 hex digits of the SHA-256
    <name>/...                      where the shipped champion lies, and rule.json, which serves where data are too thin

A version's status is champion (it serves), challenger (it was never good enough), former (it served once) or rule (a rule
serves in the model's place). Files that a killed run left behind are never pointed at and go at the next training.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from models_onnx.model_card import as_json, write_whole
from udfs.model_records import read_card
from udfs.model_registry import MODELS_FOLDER, REGISTRY_FILE, ModelRefused

CARD_FILE = "card.json"
RULE_FILE = "rule.json"
DRAWINGS = (".svg", ".png")
LINE_FIELDS = ("version", "file", "sha256", "kind", "card", "status", "parent", "trained_at")
NEEDED = ("version", "file", "sha256", "kind", "status")

Line = dict[str, Any]
"""One version: LINE_FIELDS."""

_VERSION = re.compile(r"[0-9a-f]{12}")


class Versions:
    """The versions in one models folder. Not for two writers at once: `promo train` holds a lock."""

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        """`folder` need not exist before the first write. With `read_only` registry.json stays as it is, whatever is asked."""
        self.folder, self._read_only = folder, read_only

    def read(self) -> dict[str, list[Line]]:
        """{name: versions, oldest first}, what serves being the one with status champion or rule.

        A registry without versions (as first shipped) counts as one champion each. No registry: {}. Raises ModelRefused when
        it can't be read, one line.
        """
        path = self.folder / REGISTRY_FILE
        if not path.is_file():
            return {}
        try:
            entries = json.loads(path.read_bytes())
            return {name: self._lines(name, entry) for name, entry in entries.items()}
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            raise ModelRefused(
                f"{self.folder.name}/{REGISTRY_FILE} can't be read ({type(error).__name__}: {error}); restore the file"
            ) from error

    def lines(self, name: str) -> list[Line]:
        """The versions of `name`, [] when there is none. Raises ModelRefused like `read`."""
        return self.read().get(name, [])

    def serving(self, name: str) -> Line | None:
        """The version that serves: champion or rule."""
        return next((line for line in self.lines(name) if line["status"] in ("champion", "rule")), None)

    def card(self, name: str, line: Line) -> dict[str, Any]:
        """The card of a version, {} when it has none. Raises ModelRefused when it doesn't match the model."""
        return read_card(self.folder, name, line) if line.get("card") else {}

    def store(self, name: str, kind: str, file: str, files: Mapping[str, bytes], card: Mapping[str, Any]) -> Line:
        """Write a version's files and card whole; returns its line, not yet registered.

        `files` holds the main `file` too; the card gets their fingerprints. A version that is there already keeps the files
        it has, unless they are damaged. Raises OSError; then nothing of it is left.
        """
        digest = sha256(files[file]).hexdigest()
        version = digest[:12]
        target = self.folder / name / version
        line = _line(version, f"{name}/{version}/{file}", digest, kind, f"{name}/{version}/{CARD_FILE}")
        line |= {"parent": card.get("parent"), "trained_at": card.get("trained_at")}
        known = next((other for other in self.lines(name) if other["version"] == version), None)
        if known is not None and target.is_dir() and self.is_whole(name, known):
            return line
        fingerprints = {
            plain: {"sha256": sha256(content).hexdigest(), "bytes": len(content)} for plain, content in sorted(files.items())
        }
        content = as_json({**card, "version": version, "file": {"name": file, **fingerprints[file]}, "files": fingerprints})
        temporary = target.with_name(f".{version}.{os.getpid()}.tmp")
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for plain, bytes_of_file in {**files, CARD_FILE: content}.items():
                _write_synced(temporary / plain, bytes_of_file)
            _sync_folder(temporary)
            if target.exists():  # damaged, or a whole version that a killed run never registered
                shutil.rmtree(target)
            temporary.rename(target)
            _sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return line

    def register(self, name: str, line: Line, serve: bool) -> None:
        """Enter a stored version, as champion when it is to `serve`, else as challenger; registry.json changes at once.

        A version that is known already keeps its place in the list unless it is to serve now; its files are where they were
        stored last.
        """
        entries = self.read()
        lines = entries.setdefault(name, [])
        known = next((other for other in lines if other["version"] == line["version"]), None)
        if known is None:
            known = {**line, "status": "challenger"}
            lines.append(known)
        known |= {field: line[field] for field in ("file", "sha256", "kind", "card")}
        if serve:
            _serve(lines, known)
        self.write(entries)

    def promote(self, name: str, version: str) -> tuple[Line | None, Line]:
        """Make `version` (its first digits are enough) the champion; returns what served before, and it.

        Raises ModelRefused, one line: no such model or version, several that begin so, its files are not the registered ones.
        """
        entries = self.read()
        lines = self._of(entries, name)
        if not version:  # every version begins so, and of a single one it would be taken for its digits
            raise ModelRefused(f"{name}: name a version, or the first digits of one")
        found = [line for line in lines if line["version"].startswith(version.lower()) and line["kind"] != "rule"]
        if len(found) != 1:
            known = ", ".join(line["version"] for line in lines if line["kind"] != "rule")
            raise ModelRefused(f"{name} has {'several versions' if found else 'no version'} {version}…; there are {known}")
        before = next((line for line in lines if line["status"] in ("champion", "rule")), None)
        self.check(name, found[0])
        before = dict(before) if before else None
        _serve(lines, found[0])
        self.write(entries)
        return before, found[0]

    def rollback(self, name: str) -> tuple[Line | None, Line]:
        """Back to the version, or the rule, that served before; what serves now becomes a challenger, a rule goes.

        Raises ModelRefused.
        """
        entries = self.read()
        lines = self._of(entries, name)
        former = [line for line in lines if line["status"] == "former"]
        if not former:
            raise ModelRefused(f"{name} has no former champion to go back to")
        self.check(name, former[-1])
        present = next((line for line in lines if line["status"] in ("champion", "rule")), None)
        before = dict(present) if present else None
        _serve(lines, former[-1])
        if present is not None and present["kind"] == "rule":
            lines.remove(present)
        elif present is not None:
            present["status"] = "challenger"
        self.write(entries)
        return before, former[-1]

    def serve_rule(self, name: str, rule_of: str | None = None) -> Line | None:
        """Let `<rule_of or name>/rule.json` serve in the model's place; returns its line, or None when there is no such rule."""
        file = f"{rule_of or name}/{RULE_FILE}"
        path, shipped = self.folder / file, MODELS_FOLDER / file
        if not path.is_file():
            if not shipped.is_file():
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, shipped.read_bytes())
        digest = sha256(path.read_bytes()).hexdigest()
        entries = self.read()
        lines = entries.setdefault(name, [])
        line = _line(digest[:12], file, digest, "rule", None)
        lines[:] = [other for other in lines if other["kind"] != "rule"]
        lines.append(line)
        _serve(lines, line)
        self.write(entries)
        return line

    def check(self, name: str, line: Line) -> None:
        """Raises ModelRefused unless the version's file, its card and the files its card lists are the registered ones.

        Drawings and the rule, which no scorer of the version reads, may be gone or newer.
        """
        self._check_file(name, line["file"], line["sha256"])
        listed = self.card(name, line).get("files")
        for plain, known in listed.items() if isinstance(listed, dict) else ():
            if isinstance(known, dict) and "sha256" in known and plain != RULE_FILE and not plain.endswith(DRAWINGS):
                self._check_file(name, (PurePosixPath(line["file"]).parent / plain).as_posix(), known["sha256"])

    def is_whole(self, name: str, line: Line) -> bool:
        """False where `check` would refuse the version."""
        try:
            self.check(name, line)
        except ModelRefused:
            return False
        return True

    def _check_file(self, name: str, file: str, registered: str) -> None:
        try:
            digest = sha256((self.folder / file).read_bytes()).hexdigest()
        except OSError as error:
            raise ModelRefused(f"{name}: can't read {file} ({error.strerror}); train it again") from error
        if digest != registered:
            raise ModelRefused(f"{name}: {file} has SHA-256 {digest[:12]}…, not the registered one; train it again")

    def clean(self) -> list[Path]:
        """Remove what a killed run left: temporary folders and files, and versions that were never registered."""
        if not self.folder.is_dir():
            return []
        entries = self.read()
        named = {f"{name}/{line['version']}" for name, lines in entries.items() for line in lines}
        left = [*self.folder.glob(".*.tmp"), *self.folder.glob("*/.*.tmp")]
        left += [
            path
            for path in self.folder.glob("*/*")
            if path.is_dir() and _VERSION.fullmatch(path.name) and f"{path.parent.name}/{path.name}" not in named
        ]
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return left

    def seed(self, source: Path = MODELS_FOLDER) -> None:
        """Fill a folder of one's own that has no registry yet with the models of `source` that serve there.

        registry.json comes last, so that a folder filled halfway is filled again. Raises OSError.
        """
        if (self.folder / REGISTRY_FILE).is_file() or self.folder.resolve() == source.resolve():
            return
        shipped = Versions(source)
        entries: dict[str, list[Line]] = {}
        for name in shipped.read():
            line = shipped.serving(name)
            if line is None:
                continue
            for path in shipped.files(name, line):
                target = self.folder / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, path.read_bytes())
            entries[name] = [line]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write(entries)

    def files(self, name: str, line: Line) -> list[Path]:
        """All files of a version that are there: the main one, its card, what the card lists, and the model's rule."""
        main = self.folder / line["file"]
        listed = [main.parent / plain for plain in self.card(name, line).get("files") or {}]
        card = [self.folder / line["card"]] if line.get("card") else []
        rule = self.folder / name / RULE_FILE
        return [path for path in dict.fromkeys([main, *listed, *card, rule]) if path.is_file()]

    def _lines(self, name: str, entry: Mapping[str, Any]) -> list[Line]:
        if "versions" in entry:
            lines = [{field: line.get(field) for field in LINE_FIELDS} for line in entry["versions"]]
            for line in lines:
                if lacking := [field for field in NEEDED if not isinstance(line[field], str)]:
                    raise ValueError(f"a version of {name} has no {', '.join(lacking)}")
            return lines
        card = entry.get("card")
        line = _line(entry["sha256"][:12], entry["file"], entry["sha256"], entry["kind"], card)
        return [{**line, "status": "rule" if entry["kind"] == "rule" else "champion"}]

    def _of(self, entries: dict[str, list[Line]], name: str) -> list[Line]:
        if name not in entries:
            raise ModelRefused(f"{name}: no such model in {self.folder.name}/{REGISTRY_FILE}; there are {', '.join(entries)}")
        return entries[name]

    def write(self, entries: dict[str, list[Line]]) -> None:
        """Write registry.json whole; each model is served by its champion or rule."""
        if self._read_only:
            return
        registry = {}
        for name, lines in entries.items():
            serving = next((line for line in lines if line["status"] in ("champion", "rule")), None)
            outer = {field: serving[field] for field in ("file", "sha256", "kind", "card")} if serving else {}
            registry[name] = {**{key: value for key, value in outer.items() if value is not None}, "versions": lines}
        write_whole(self.folder / REGISTRY_FILE, as_json(registry))


def now() -> str:
    """The moment as cards and the registry state it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(version: str, file: str, digest: str, kind: str, card: str | None) -> Line:
    line: Line = dict.fromkeys(LINE_FIELDS)
    return line | {"version": version, "file": file, "sha256": digest, "kind": kind, "card": card, "status": "challenger"}


def _serve(lines: list[Line], line: Line) -> None:
    """Give `line` the place; the champion or rule before it becomes the newest former one."""
    for other in list(lines):
        if other is not line and other["status"] in ("champion", "rule"):
            other["status"] = "former"
            lines.remove(other)
            lines.append(other)
    line["status"] = "rule" if line["kind"] == "rule" else "champion"


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder can't be opened, and its entries need no fsync
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
