"""`promo export --encrypt-to`: files that only their recipient can read, and that the disk never has in plain."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pyrage
import pytest
from test_destinations import CONTACTS, OFFER
from test_destinations import add_person as add_contact
from test_export import BUILT, add_person, run

from promo_cli import private_files
from promo_cli.campaign_formats import FileFormat
from promo_cli.destination_export import export_to
from promo_cli.destinations import Destination
from promo_cli.destinations.registry import DESTINATIONS
from promo_cli.errors import ENVIRONMENT_FAULT, USAGE_FAULT, PromoError
from promo_cli.export import export_campaign
from promo_cli.sealed_files import Recipients, SealedFile

Promo = Callable[..., tuple[int, str, str]]

ALICE, BOB = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
TO_ALICE = str(ALICE.to_public())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A built database with the campaign welcome of u1 and u2."""
    path = tmp_path / "warehouse.duckdb"
    run(path, BUILT)
    for user in ("u1", "u2"):
        add_person(path, user)
    return path


def opened(path: Path, identity: Any = ALICE) -> bytes:
    return pyrage.decrypt(path.read_bytes(), [identity])


@pytest.mark.parametrize("kind", list(FileFormat))
def test_the_recipient_reads_what_the_plain_file_would_hold(database: Path, tmp_path: Path, kind: FileFormat) -> None:
    plain = export_campaign(database, "welcome", kind, tmp_path / "plain").path.read_bytes()
    done = export_campaign(database, "welcome", kind, tmp_path / "sealed", Recipients([TO_ALICE]))
    assert done.path.name == f"welcome_2024-03-05.{kind}.age"
    assert opened(done.path) == plain
    # longer than anything that random bytes hold by chance
    assert b"welcome" in plain
    assert b"welcome" not in done.path.read_bytes()
    with pytest.raises(pyrage.DecryptError):
        opened(done.path, BOB)
    if kind == FileFormat.PARQUET:
        assert pyarrow.parquet.read_table(io.BytesIO(opened(done.path))).num_rows == 2


def test_the_manifest_is_of_what_is_on_disk_and_tells_nothing_of_the_content(database: Path, tmp_path: Path) -> None:
    plain = export_campaign(database, "welcome", output=tmp_path / "plain")
    done = export_campaign(database, "welcome", output=tmp_path / "sealed", recipients=Recipients([TO_ALICE]))
    manifest = json.loads(done.manifest_path.read_text())
    sealed = done.path.read_bytes()
    assert (manifest["sha256"], manifest["bytes"]) == (hashlib.sha256(sealed).hexdigest(), len(sealed))
    assert (manifest["file"], manifest["rows"], manifest["encrypted_to"]) == (done.path.name, 2, [TO_ALICE])
    assert plain.manifest["sha256"] not in done.manifest_path.read_text()
    assert "encrypted_to" not in plain.manifest
    assert done.path.stat().st_mode & 0o777 == 0o600


def test_the_disk_never_has_it_in_plain(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of the export is looked at when it is whole, and again when it has its name."""
    seen = []
    put = private_files.put_in_place

    def looked_at(files: Any, *rest: Any) -> None:
        for file in (tmp_path / "exports").iterdir():
            seen.append(file.read_bytes())
        put(files, *rest)

    monkeypatch.setattr("promo_cli.private_files.put_in_place", looked_at)
    export_campaign(database, "welcome", output=tmp_path / "exports", recipients=Recipients([TO_ALICE]))
    assert len(seen) == 2
    assert not [content for content in seen if b"Ranked 1." in content]
    assert sorted(path.name for path in (tmp_path / "exports").iterdir()) == [
        "welcome_2024-03-05.csv.age",
        "welcome_2024-03-05.csv.age.manifest.json",
    ]


def test_a_plain_file_of_the_same_export_goes(database: Path, tmp_path: Path) -> None:
    plain = export_campaign(database, "welcome", output=tmp_path / "exports")
    sealed = export_campaign(database, "welcome", output=tmp_path / "exports", recipients=Recipients([TO_ALICE]))
    assert sorted((tmp_path / "exports").iterdir()) == [sealed.path, sealed.manifest_path]
    assert not plain.path.exists()


def test_parts_for_a_destination_are_sealed_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "warehouse.duckdb"
    run(database, BUILT + CONTACTS)
    for number in range(5):
        add_contact(database, f"u{number}", email=f"u{number}@example.org")
    plain = export_to(database, "welcome", Destination.KLAVIYO, tmp_path / "exports")
    whole = plain.paths[0].read_bytes()
    monkeypatch.setitem(
        DESTINATIONS, Destination.KLAVIYO, replace(DESTINATIONS[Destination.KLAVIYO], largest_file=len(whole) // 2)
    )
    done = export_to(database, "welcome", Destination.KLAVIYO, tmp_path / "exports", Recipients([TO_ALICE]))
    assert len(done.paths) > 1
    assert done.paths[0].name == "welcome_2024-03-05.klaviyo.001.csv.age"
    header, *lines = [line for path in done.paths for line in opened(path).splitlines()]
    assert sorted({header, *lines}) == sorted(set(whole.splitlines()))
    assert OFFER.encode() in lines[0]
    for told, path in zip(done.manifest["files"], done.paths, strict=True):
        assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert told["bytes"] == path.stat().st_size
    assert done.manifest["encrypted_to"] == [TO_ALICE]
    assert sorted((tmp_path / "exports").iterdir()) == sorted([*done.paths, done.manifest_path])


def test_a_file_of_keys_and_more_than_one_recipient(database: Path, tmp_path: Path, promo: Promo) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(f"# the agency\n\n{BOB.to_public()}\n", encoding="utf-8-sig")  # as Windows' editors write it
    arguments = ("--output", tmp_path / "exports", "--database", database, "-q", "--json")
    code, out, _ = promo("export", "welcome", "--encrypt-to", TO_ALICE, "--encrypt-to", keys, *arguments)
    assert code == 0
    path = Path(json.loads(out)["path"])
    assert opened(path, ALICE) == opened(path, BOB)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("age1bad", "age1bad… is no public key: "),
        ("nothing-like-it", "an SSH public key (ssh-ed25519 … or ssh-rsa …) or a file of such keys"),
        ("", "or a file of such keys"),
        ("{bob}", "was given a secret key; give the public one"),
        ("{empty}", "empty.txt holds no key to encrypt to"),
        ("{secret}", "was given a secret key; give the public one"),
    ],
)
def test_what_is_no_key_is_one_line_and_nothing_is_written(
    database: Path, tmp_path: Path, promo: Promo, given: str, told: str
) -> None:
    (tmp_path / "empty.txt").write_text("# none\n")
    (tmp_path / "secret.txt").write_text(f"{BOB}\n")
    given = given.format(empty=tmp_path / "empty.txt", secret=tmp_path / "secret.txt", bob=BOB)
    code, out, err = promo("export", "welcome", "--encrypt-to", given, "--output", tmp_path / "exports", "--database", database)
    assert (code, out, err.count("\n")) == (USAGE_FAULT, "", 1)
    assert told in err
    assert str(BOB) not in err
    assert not (tmp_path / "exports").exists()


def test_without_the_library_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyrage", None)
    with pytest.raises(PromoError, match=r"needs the extra encrypt: pip install 'offerhouse\[encrypt\]'") as refused:
        Recipients([TO_ALICE])
    assert refused.value.exit_code == ENVIRONMENT_FAULT


class FullDisk(io.BytesIO):
    def write(self, content: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_where_the_file_is_written() -> None:
    recipients = [ALICE.to_public()]
    with pytest.raises(OSError, match="No space left"):  # noqa: PT012 -- in whichever write the pipe is full, or at the end
        sealed = SealedFile(FullDisk(), recipients)
        for _ in range(100):
            sealed.write(b"x" * 100_000)
        sealed.close()


def test_an_export_that_fails_leaves_nothing(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "promo_cli.campaign_audience.read_audience",
        lambda *_: (_ for _ in ()).throw(duckdb.OutOfMemoryException("Out of Memory")),
    )
    with pytest.raises(duckdb.OutOfMemoryException):
        export_campaign(database, "welcome", output=tmp_path / "exports", recipients=Recipients([TO_ALICE]))
    assert list((tmp_path / "exports").iterdir()) == []
