"""`promo erase` and `promo subject-access`: everything on a person is found, and nothing of it is left in any byte."""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyrage
import pytest
from published_faults import published_faults
from pyarrow import parquet
from small_shop import ERASABLE, SECRET, load_folder

from promo_cli import erasing
from promo_cli.campaign_formats import FileFormat
from promo_cli.destination_export import export_to
from promo_cli.destinations import Destination
from promo_cli.erasing import finish_pending
from promo_cli.errors import PromoError
from promo_cli.export import export_campaign
from promo_cli.exported_files import Known, remove_rows, rows_of
from promo_cli.fingerprint import record_again
from promo_cli.lock import training_lock
from promo_cli.paths import published_path
from promo_cli.people import user_key
from promo_cli.person import Person
from promo_cli.publication import publications
from promo_cli.rewriting import rewrite
from promo_cli.sealed_files import Recipients
from promo_cli.training_set import forget_training
from udfs.secret import pseudonym

Promo = Callable[..., tuple[int, str, str]]
KEY = pseudonym(SECRET.encode(), ERASABLE)
SEALED = "weekly_thanks_2025-07-20.csv.age"
EMAIL = f"{ERASABLE}@example.org"
NEEDLES = (ERASABLE.encode(), KEY.encode(), hashlib.sha256(EMAIL.encode()).hexdigest().encode())

pytestmark = pytest.mark.usefixtures("pseudonyms")


@pytest.fixture(scope="module")
def prepared(small_warehouse: Path, pseudonyms: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small warehouse and campaign files; the person has an offer, is in a previous publication, too, and in
    texts where nobody looks for them."""
    folder = tmp_path_factory.mktemp("prepared")
    shutil.copytree(small_warehouse.parent, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("dbt"))
    database = folder / small_warehouse.name
    published = published_path(database)
    for file in (database, published):
        with duckdb.connect(str(file)) as connection:
            connection.execute(
                "update promotions.offers set user_id = $1 where offer_id in (select min(offer_id) from promotions.offers "
                "where campaign_id = 'weekly_thanks')",
                [KEY],
            )
            connection.execute(
                "update features.user_permissions set is_holdout = false, ads_consent = true where user_id = $1", [KEY]
            )
    with duckdb.connect(str(published)) as connection:
        record_again(connection, published.stem)
    with duckdb.connect(str(database)) as connection:
        connection.execute("alter table shop.reviews add column review_text varchar")
        connection.execute("update shop.reviews set review_text = 'write to ' || $1 where review_id = 'r1'", [EMAIL.upper()])
        connection.execute(
            "insert into shop.load_rejects values ('users', 'users.csv', 7, 'TOO_MANY_COLUMNS', $1)", [f"{ERASABLE};x;y"]
        )
    (published.parent / "previous").mkdir(exist_ok=True)
    shutil.copy(published, published.parent / "previous" / "000001_20250101T000000Z.duckdb")
    for kind in FileFormat:
        export_campaign(database, "weekly_thanks", kind, folder / "exports")
    for destination in Destination:
        export_to(database, "weekly_thanks", destination, folder / "exports")
    key = str(pyrage.x25519.Identity.generate().to_public())
    sealed = export_campaign(database, "weekly_thanks", output=folder / "sealed", recipients=Recipients([key]))
    for path in (sealed.path, sealed.manifest_path):
        path.rename(folder / "exports" / path.name)
    return database


@pytest.fixture
def database(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it all, from which the person may be erased."""
    shutil.copytree(prepared.parent, tmp_path, dirs_exist_ok=True)
    ledger = tmp_path / "published" / "private" / "exported_to.json"
    ledger.write_text(json.dumps([str(tmp_path / "exports")]))
    monkeypatch.chdir(tmp_path)
    return tmp_path / prepared.name


def files_with(folder: Path, needles: tuple[bytes, ...]) -> set[str]:
    """Files that hold one of the byte strings, the shop's own files aside; databases as they are, and uncompressed."""
    found = set()
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_relative_to(folder / "shop") or path.is_relative_to(folder / "plain"):
            continue
        content = path.read_bytes()
        if path.suffix == ".duckdb":
            content += uncompressed(path, folder / "plain")
        elif path.suffix == ".parquet":
            with duckdb.connect() as connection:
                content += str(connection.execute(f"from '{path}'").fetchall()).encode()
        if any(needle.lower() in content.lower() for needle in needles):
            found.add(path.relative_to(folder).as_posix())
    return found


def uncompressed(database: Path, folder: Path) -> bytes:
    """The bytes of a copy whose texts stand there as they are: DuckDB's compression would hide them."""
    folder.mkdir(exist_ok=True)
    copy = folder / "copy.duckdb"
    copy.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set global force_compression = 'uncompressed'")
        connection.execute(f"attach '{database}' as old (read_only); attach '{copy}' as new")
        connection.execute("copy from database old to new; checkpoint new; detach new")
    return copy.read_bytes()


def test_nothing_of_an_erased_person_is_left_in_any_byte(database: Path, promo: Promo) -> None:
    folder, published = database.parent, published_path(database)
    before = files_with(folder, NEEDLES)
    # The scan can find: every database, the people, every kind of campaign file.
    assert {path.relative_to(folder).as_posix() for path in (database, *publications(published))} <= before
    assert len([name for name in before if name.startswith("exports/")]) == len(FileFormat) + len(Destination)
    assert any(name.startswith("published/private/") for name in before)
    offers = json.loads((folder / "exports/weekly_thanks_2025-07-20.csv.manifest.json").read_text())["rows"]

    code, out, err = promo("erase", ERASABLE, "--yes", "--json", "--database", database)
    assert code == 0, err
    told = json.loads(out)
    assert told["people"] == 1
    assert told["working"]["shop.users"] == told["working"]["private.people"] == 1
    assert told["working"]["shop.load_rejects"] == 1
    assert told["sealed_files"] == [str(folder / "exports" / SEALED)]
    assert [path.name for path in (folder / "exports").iterdir() if SEALED in path.name] == []
    assert ERASABLE not in out
    assert files_with(folder, NEEDLES) == set()
    for file in publications(published):
        assert published_faults(file) == []
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select review_text from shop.reviews where review_id = 'r1'").fetchall() == [
            ("write to [erased]",)
        ]
        assert connection.execute("select count(*) from shop.users").fetchall() == [(79,)]
        assert connection.execute("select is_finished, folders from private.erasures").fetchall() == [(True, [])]
    for manifest_path in (folder / "exports").glob("*.manifest.json"):
        manifest = json.loads(manifest_path.read_text())
        for part in manifest.get("files", [manifest]):
            content = (folder / "exports" / part["file"]).read_bytes()
            assert (part["sha256"], part["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert manifest["erased"] == 1
    with (folder / "exports/weekly_thanks_2025-07-20.csv").open(newline="") as lines:
        assert len(list(csv.DictReader(lines))) == offers - 1

    # Again, and by who asks for them.
    for command in (("erase", "--yes"), ("subject-access",)):
        code, _, err = promo(*command, ERASABLE, "--database", database)
        assert (code, err) == (1, f"promo: user {ERASABLE} was erased: nothing is held on them, and loads leave them out\n")
    with pytest.raises(PromoError, match=f"user {ERASABLE} was erased"):
        user_key(database, ERASABLE)
    with duckdb.connect(str(database)):  # a build holds it
        code, _, err = promo("erase", ERASABLE, "--yes", "--database", database)
        assert code == 3

    # The next load leaves them out and accounts for them.
    load_folder(folder / "shop", database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select count(*) from shop.users").fetchall() == [(79,)]
        left_out = dict(connection.execute("select table_name, row_count from shop.left_out").fetchall())
        assert left_out["users"] == 1
        assert left_out["order_lines"] > 0
        assert connection.execute(f"select count(*) from shop.order_lines where user_id = '{ERASABLE}'").fetchall() == [(0,)]


def records_for_changes(database: Path) -> set[str]:
    """The tables that `promo build --changes` goes on from, of those that are there."""
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'private'").fetchall()
    return {name for (name,) in tables if name in ("last_build", "published_sums") or name.startswith("rows_of_shop_")}


def test_an_erasure_that_dies_is_finished_by_whoever_comes_next(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies when campaign files and all publications are done with, and the people are being written."""
    files, rewritten = 2, 0
    assert records_for_changes(database) >= {"last_build", "published_sums", "rows_of_shop_users"}

    def dying(connection: duckdb.DuckDBPyConnection, old: str, new: str, people: list[Person]) -> dict[str, int]:
        nonlocal rewritten
        removed = rewrite(connection, old, new, people)
        if rewritten == files:
            raise KeyboardInterrupt
        rewritten += 1
        return removed

    with monkeypatch.context() as dies:
        dies.setattr(erasing, "rewrite", dying)
        dies.setattr(erasing, "_forget", lambda _: None)  # a killed process removes nothing
        with pytest.raises(KeyboardInterrupt):
            erasing.erase_people(database, [ERASABLE], [], lambda _: None)
    assert rewritten == files
    assert records_for_changes(database) == set()
    for file in publications(published_path(database)):
        assert published_faults(file) == []
    assert finish_pending(database, lambda _: None) == 1
    assert finish_pending(database, lambda _: None) == 0
    assert files_with(database.parent, NEEDLES) == set()
    assert not list(database.parent.rglob(".unpublished-*"))


def test_a_dry_run_and_an_erasure_that_nobody_confirmed_change_nothing(database: Path, promo: Promo) -> None:
    before = {path: path.read_bytes() for path in database.parent.rglob("*") if path.is_file()}
    code, out, _ = promo("erase", ERASABLE, "--dry-run", "--json", "--database", database)
    told = json.loads(out)
    assert (code, told["erased"], told["people"]) == (0, False, 1)
    assert [Path(path).name for path in told["sealed_files"]] == [SEALED]
    assert len(told["campaign_files"]) == len(FileFormat) + len(Destination)
    assert promo("erase", ERASABLE, "--database", database)[0] == 2
    assert promo("erase", "--database", database)[0] == 2
    code, _, err = promo("erase", ERASABLE, "u700", "--yes", "--database", database)
    assert (code, err) == (1, "promo: user u700 is not known; give the shop's own user id, as it stands in the shop's tables\n")
    assert {path: path.read_bytes() for path in before} == before
    assert promo("erase", "--resume", "--database", database)[1] == "no erasure was interrupted\n"


def test_everything_on_a_person_is_told(database: Path, tmp_path: Path, promo: Promo) -> None:
    target = tmp_path / "told.json"
    assert promo("subject-access", ERASABLE, "--output", target, "--database", database)[0] == 0
    assert promo("subject-access", ERASABLE, "--output", target, "--database", database)[0] == 0  # one of its own is replaced
    for foreign in (database, database.with_name(f"{database.name}.key")):
        before = foreign.read_bytes() if foreign.exists() else b""
        foreign.write_bytes(before or b"a secret")
        code, out, err = promo("subject-access", ERASABLE, "--output", foreign, "--database", database)
        assert (code, out) == (2, "")
        assert err == f"promo: {foreign} is there and holds something else; name another file with --output, or move it away\n"
        assert foreign.read_bytes() == (before or b"a secret")
        if not before:
            foreign.unlink()
    assert target.stat().st_mode & 0o777 == 0o600
    told: dict[str, Any] = json.loads(target.read_text())
    assert (told["user"], told["known_as"]) == (ERASABLE, [KEY])
    assert told["relations"]["private.people"][0]["email"] == EMAIL
    assert {
        "shop.order_lines",
        "shop.events",
        "features.user_features",
        "scores.purchase_intent_scores",
        "promotions.offers",
    } <= set(told["relations"])
    assert len(told["campaign_files"]) == len(FileFormat) + len(Destination)
    assert [Path(path).name for path in told["sealed_files"]] == [SEALED]
    assert "u7@example.org" not in target.read_text()
    # While a build holds the working database, what is published tells.
    with duckdb.connect(str(database)):
        code, out, note = promo("subject-access", KEY, "--database", database)
    again = json.loads(out)
    assert (code, again["user"], again["read_from"]) == (0, ERASABLE, str(published_path(database)))
    assert "this is what is published" in note
    assert again["relations"]["private.people"] == told["relations"]["private.people"]
    assert again["relations"]["promotions.offers"] == told["relations"]["promotions.offers"]


def test_people_who_share_an_address_are_told_apart_by_id(tmp_path: Path) -> None:
    """A row without an id is found by the address, which is all that it has."""
    braze = tmp_path / "weekly.braze.csv"
    u14, u15 = "u14,a@x.org,+491512345678,Ann\n", "u15,B@x.org,+491512345678,Bob\n"
    nameless = ",b@x.org,+491512345679,\n"
    braze.write_text(f"external_id,email,phone,first_name\n{u14}{u15}{nameless}")
    klaviyo = tmp_path / "weekly.klaviyo.csv"
    klaviyo.write_text("Email Address,Phone Number\na@x.org,\n,+491512345678\n")
    known = Known.of([Person("u15", ("k15",), ("B@x.org",), ("+491512345678", "b@x.org"))])
    found = dict(rows_of(tmp_path, known))
    assert [row["external_id"] for row in found[braze]] == ["u15", ""]
    assert [row["Phone Number"] for row in found[klaviyo]] == ["+491512345678"]
    assert remove_rows(tmp_path, known) == {str(braze): 2, str(klaviyo): 1}
    assert braze.read_text() == f"external_id,email,phone,first_name\n{u14}"
    assert klaviyo.read_text() == "Email Address,Phone Number\na@x.org,\n"


def test_a_parquet_file_without_ids_loses_the_rows_that_an_address_finds(tmp_path: Path) -> None:
    file = tmp_path / "addresses.parquet"
    parquet.write_table(pyarrow.table({"email": ["B@x.org", "c@x.org", None]}), file)
    known = Known.of([Person("u15", ("k15",), ("b@x.org",), ("b@x.org",))])
    assert remove_rows(tmp_path, known) == {str(file): 1}
    assert parquet.read_table(file).to_pydict() == {"email": ["c@x.org", None]}


@pytest.mark.parametrize(
    ("name", "content"),
    [("stray.parquet", b"PAR1 it is not"), ("stray.csv", b'user_id\n"' + b"x" * 200_000)],
    ids=["parquet", "csv"],
)
def test_a_file_that_cannot_be_read_is_told_before_an_erasure_begins(
    database: Path, promo: Promo, name: str, content: bytes
) -> None:
    """Begun, it would be finished by the next load or build, each of which would stop at the file."""
    stray = database.parent / "exports" / name
    stray.write_bytes(content)
    for command in (("erase", "--yes"), ("erase", "--dry-run"), ("subject-access",)):
        code, out, err = promo(*command, ERASABLE, "--database", database)
        assert (code, out) == (1, "")
        assert err.startswith(f"promo: {stray} can't be read as a {stray.suffix[1:]} file, so nobody can tell whom it names; ")
    assert finish_pending(database, lambda _: None) == 0
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select count(*) from shop.users").fetchall() == [(80,)]


def test_what_a_killed_export_left_goes_with_an_erasure(tmp_path: Path) -> None:
    """Nothing else in the folder need name the person."""
    left = tmp_path / ".promo-abcd1234.part"
    left.write_text("user_id\nu15\n")
    assert remove_rows(tmp_path, Known.of([Person("u15", ("k15",))])) == {}
    assert list(tmp_path.iterdir()) == []


def test_what_killed_builds_and_trainings_left_goes_with_an_erasure(database: Path) -> None:
    """Nobody reads it, and nobody would have rewritten it."""
    published = published_path(database)
    left = [
        published.with_name(f".unpublished-{published.name}-abcd1234.duckdb"),
        published.with_name(f".unpublished-{published.name}-abcd1234.duckdb.wal"),
        published.parent / "private" / f".unpublished-{published.name}-people.duckdb",
        published.parent / "private" / f".unpublished-{published.stem}.people-abcd.duckdb.rewritten",
        published.parent / "private" / ".promo-abcd1234.part",
        database.with_name("training.duckdb"),
        database.with_name("training.duckdb.wal"),
        database.with_name("training.duckdb.tmp") / "duckdb_temp_1_0_storage_DEFAULT-0.tmp",
        database.with_name(f"{database.name}.tmp") / "duckdb_temp_1_0_storage_DEFAULT-0.tmp",
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text(ERASABLE)
    erasing.erase_people(database, [ERASABLE], [], lambda _: None)
    assert [path for path in left if path.exists()] == []


def test_a_training_at_work_keeps_its_database(database: Path) -> None:
    training = database.with_name("training.duckdb")
    training.write_text(ERASABLE)
    with training_lock(database.with_name(".training.lock")):
        forget_training(database)
    assert training.is_file()
    forget_training(database)
    assert not training.exists()


def test_what_a_killed_process_spilled_stands_in_nobodys_way(tmp_path: Path) -> None:
    """DuckDB lets nobody say whether spilled files are encrypted once there are some."""
    database = tmp_path / "offerhouse.duckdb"
    duckdb.connect(str(database)).close()
    spilled = tmp_path / f"{database.name}.tmp" / "duckdb_temp_1_0_storage_DEFAULT-0.tmp"
    spilled.parent.mkdir(exist_ok=True)
    spilled.write_text("of another process")
    with erasing.attached(database) as connection:
        assert connection.execute("select current_setting('temp_directory')").fetchall() == [(str(spilled.parent),)]


@pytest.mark.parametrize("option", ["--yes", "--dry-run"])
def test_without_a_database_the_next_step_is_told(tmp_path: Path, promo: Promo, option: str) -> None:
    database = tmp_path / "warehouse" / "offerhouse.duckdb"
    code, out, err = promo("erase", "1", option, "--database", database)
    assert (code, out) == (1, "")
    assert err.startswith(f"promo: {database} is not there; next: promo demo")
    assert len(err.splitlines()) == 1
    assert not database.parent.exists()
