"""The campaign files of earlier exports: where they lie, which rows of them are a person's, and the files without those rows.

What cannot be read as `promo export` writes it is told, not guessed at. What was sealed to a recipient (--encrypt-to) nobody here
can look into: an erasure removes it as a whole.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from promo_cli.errors import PromoError
from promo_cli.paths import make_private_folder, published_path
from promo_cli.people_file import private_folder
from promo_cli.person import Person, is_identifying
from promo_cli.private_files import put_in_place, remove_abandoned, sync_to_disk, unfinished_file

_IDS = ("user_id", "external_id")
_MANIFEST = ".manifest.json"


@dataclass(frozen=True)
class Known:
    """By what campaign files name people: their ids as cells, their addresses as cells in lower case."""

    ids: frozenset[str]
    addresses: frozenset[str]

    @staticmethod
    def of(people: Iterable[Person]) -> Known:
        """All ways in which a file may name one of them."""
        people = list(people)
        ids = {name for person in people for name in (person.shop_user_id, *person.keys)}
        ids |= {f"'{name}" for name in ids}  # what looks like a formula has a quote before it
        addresses = {address.lower() for person in people for address in (*person.addresses, *person.emails)}
        return Known(frozenset(ids), frozenset(addresses))

    def is_in(self, row: dict[str, Any]) -> bool:
        """Whether a row, cells by header, names one of them: by its id alone, where it has one, for people share addresses."""
        if ids := [row[header] for header in _IDS if row.get(header)]:
            return any(cell in self.ids for cell in ids)
        return any(is_identifying(header) and str(cell or "").lower() in self.addresses for header, cell in row.items())


def remember_folder(database: Path, folder: Path) -> None:
    """Notes that `folder` has campaign files of what is published from `database`, for who erases a person later on."""
    ledger = _ledger(database)
    if not published_path(database).parent.is_dir():
        return
    known = _remembered(database)
    if folder.resolve() in known:
        return
    make_private_folder(ledger.parent)
    with unfinished_file(ledger.parent) as file:
        file.write(json.dumps([str(path) for path in sorted({*known, folder.resolve()})]).encode())
        put_in_place({ledger: file})


def folders_of(database: Path, told: Sequence[Path]) -> list[Path]:
    """Folders with campaign files: those told, those remembered, and ./exports; each once, and there."""
    from promo_cli.export import DEFAULT_OUTPUT

    folders = {folder.resolve() for folder in (*told, *_remembered(database), DEFAULT_OUTPUT)}
    return sorted(folder for folder in folders if folder.is_dir())


def rows_of(folder: Path, known: Known) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """Files of `folder` with the rows that name one of the people. Raises PromoError (exit code 1) where one can't be read."""
    for path in _campaign_files(folder):
        found = [row for row, _ in _rows(path) if row is not None and known.is_in(row)]
        if found:
            yield path, found


def remove_rows(folder: Path, known: Known) -> dict[str, int]:
    """Rewrites the files of `folder` without those rows, and their manifests; returns rows removed by file.

    A file that was being written when its process died goes as a whole. Raises OSError when the disk is full.
    """
    remove_abandoned(folder)
    removed = {}
    for path, found in list(rows_of(folder, known)):
        with ExitStack() as unfinished:
            files: dict[Path, IO[bytes]] = {}
            new = unfinished.enter_context(unfinished_file(folder))
            kept = _write_without(path, known, new)
            manifest_path = _manifest_of(path)
            if manifest_path is not None:
                manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
                _correct(manifest, path.name, kept, new, len(found))
                file = unfinished.enter_context(unfinished_file(folder))
                file.write(json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
                # The file comes last: while it has rows to remove, this is done again.
                files[manifest_path] = file
            files[path] = new
            put_in_place(files)
        removed[str(path)] = len(found)
    return removed


def sealed_files(folder: Path) -> list[Path]:
    """Files of `folder` that are encrypted to a recipient, by what their manifests say."""
    return [
        folder / name
        for _, told, names in _manifests(folder)
        if told.get("encrypted_to")
        for name in names
        if (folder / name).is_file()
    ]


def remove_sealed(folder: Path) -> list[str]:
    """Removes those files and then their manifests; returns the files."""
    removed = sealed_files(folder)
    manifests = {manifest for manifest, told, _ in _manifests(folder) if told.get("encrypted_to")}
    for path in [*removed, *sorted(manifests)]:
        path.unlink(missing_ok=True)
    if removed:
        sync_to_disk(folder)
    return [str(path) for path in removed]


def _write_without(path: Path, known: Known, new: IO[bytes]) -> int:
    """The rows of others, byte for byte where the format is text; how many they are."""
    if path.suffix == ".parquet":
        import pyarrow
        from pyarrow import parquet

        table = parquet.read_table(path)
        stays = [not known.is_in(row) for batch in table.to_batches() for row in batch.to_pylist()]
        kept = table.filter(pyarrow.array(stays, pyarrow.bool_()))
        parquet.write_table(kept, new)
        return int(kept.num_rows)
    rows = 0
    for row, content in _rows(path):
        if row is None or not known.is_in(row):
            new.write(content)
            rows += row is not None
    return rows


def _correct(manifest: dict[str, Any], name: str, rows: int, file: IO[bytes], removed: int) -> None:
    file.flush()
    with Path(file.name).open("rb") as written:
        told = {"sha256": hashlib.file_digest(written, "sha256").hexdigest(), "bytes": Path(file.name).stat().st_size}
    for part in manifest.get("files", []):
        if part["file"] == name:
            part.update(told, rows=rows)
    if "files" in manifest:
        manifest["rows"] = sum(part["rows"] for part in manifest["files"])
    else:
        manifest.update(told, rows=rows)
    manifest["erased"] = manifest.get("erased", 0) + removed


def _campaign_files(folder: Path) -> list[Path]:
    """Every file that a manifest of the folder names, and whatever else looks like one."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in _READERS and not path.is_symlink())


def _manifest_of(path: Path) -> Path | None:
    """The manifest that tells of `path`: beside it, or of all parts of its export."""
    return next((manifest for manifest, _, names in _manifests(path.parent) if path.name in names), None)


def _manifests(folder: Path) -> Iterator[tuple[Path, dict[str, Any], list[str]]]:
    """Every manifest of `folder`, what it says, and the files it is of."""
    for manifest in sorted(folder.glob(f"*{_MANIFEST}")):
        try:
            told = json.loads(manifest.read_text(encoding="utf-8"))
            names = [told.get("file"), *(part.get("file") for part in told.get("files", []))]
        except (OSError, ValueError, AttributeError):
            continue
        yield manifest, told, [Path(name).name for name in names if name]


def _rows(path: Path) -> Iterator[tuple[dict[str, Any] | None, bytes]]:
    """Raises PromoError (exit code 1), naming the file, where it isn't what its ending says."""
    try:
        yield from _READERS[path.suffix](path)
    except (ValueError, OSError, csv.Error) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's, not Arrow's of what it reads
            raise
        raise PromoError(
            f"{path} can't be read as a {path.suffix[1:]} file, so nobody can tell whom it names; move it out of the folder, or "
            "remove it, and run again"
        ) from error


def _csv_rows(path: Path) -> Iterator[tuple[dict[str, Any] | None, bytes]]:
    """Each row with its bytes; None for the header."""
    header: list[str] | None = None
    for content in _records(path):
        cells = next(csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")), [])
        if header is None:
            header = cells
            yield None, content
        else:
            yield dict(zip(header, cells, strict=False)), content


def _records(path: Path) -> Iterator[bytes]:
    """Records of a CSV: lines, joined where a line end stands in quotes."""
    record = b""
    with path.open("rb") as file:
        for line in file:
            record += line
            if record.count(b'"') % 2 == 0:
                yield record
                record = b""
    if record:
        yield record


def _json_rows(path: Path) -> Iterator[tuple[dict[str, Any] | None, bytes]]:
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            yield (row if isinstance(row, dict) else None), line


def _parquet_rows(path: Path) -> Iterator[tuple[dict[str, Any] | None, bytes]]:
    from pyarrow import parquet

    for batch in parquet.ParquetFile(path).iter_batches():
        for row in batch.to_pylist():
            yield row, b""


_READERS: dict[str, Callable[[Path], Iterator[tuple[dict[str, Any] | None, bytes]]]] = {
    ".csv": _csv_rows,
    ".jsonl": _json_rows,
    ".parquet": _parquet_rows,
}


def _ledger(database: Path) -> Path:
    return private_folder(published_path(database)) / "exported_to.json"


def _remembered(database: Path) -> set[Path]:
    try:
        return {Path(folder) for folder in json.loads(_ledger(database).read_text(encoding="utf-8"))}
    except (OSError, ValueError):
        return set()
