"""`promo export`: who is in a campaign's file, its bytes, and where it may be written."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import IO, Any

import duckdb
import pytest

from promo_cli import campaign_formats, export, exported_files, private_files
from promo_cli.campaign_formats import FileFormat
from promo_cli.errors import PromoError
from promo_cli.export import Export, export_campaign
from promo_cli.paths import published_path
from promo_cli.provenance import policy_version
from promo_cli.warehouse_reader import open_for_export

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "marketer.md"
Promo = Callable[..., tuple[int, str, str]]

BUILT = """
create schema staging; create schema features; create schema scores; create schema policies; create schema promotions;
create schema shop; create schema private;

create table promotions.campaign_audience (
    as_of_date date, campaign_id varchar, campaign_name varchar, user_id varchar, life_cycle varchar,
    value_tier varchar, intent varchar, offers integer, offer_ids varchar, offer_names varchar, reasons varchar,
    valid_from timestamp, valid_to timestamp, expected_margin double
);
create table promotions.promotion_terms (promotion_id varchar, campaign_id varchar);
insert into promotions.promotion_terms values ('p0', null), ('p1', 'welcome'), ('p2', 'nobody'), ('p3', 'crowded_out');
create table promotions.coupon_eligibility (
    user_id varchar, campaign_id varchar, is_eligible boolean, reject_reasons varchar[]
);
insert into promotions.coupon_eligibility values
    ('u1', 'nobody', false, ['HOLDOUT', 'NO_CONSENT']), ('u2', 'nobody', false, ['NO_CONSENT']),
    ('u1', 'crowded_out', true, []), ('u2', 'crowded_out', false, ['HOLDOUT']);

create table private.user_keys (shop_user_id varchar, user_id varchar, is_erased boolean);
create view private.people as
select distinct user_id as shop_user_id, user_id from promotions.campaign_audience;
create table shop.consents (user_id varchar, purpose varchar, changed_at timestamp, granted boolean);
create view staging.base_consents as from shop.consents;
-- what the build accepted: the as-of date is 2024-03-05
create view staging.stg_consents as from shop.consents where changed_at < '2024-03-05';
create table features.user_permissions (as_of_date date, user_id varchar, is_holdout boolean);

create table scores.interest_scores (user_id varchar, model_name varchar, model_version varchar);
insert into scores.interest_scores values ('u2', 'interest', 'bbb'), ('u1', 'interest', 'bbb');
create table scores.purchase_intent_scores (user_id varchar, model_name varchar, model_version varchar);
insert into scores.purchase_intent_scores values ('u1', 'purchase_intent', 'aaa');
create table scores.coupon_interest (user_id varchar);
create table scores.side_by_side (user_id varchar, model_version varchar);
insert into scores.side_by_side values ('u1', 'bbb');
create table policies.policy_values (policy varchar, value double);
insert into policies.policy_values values ('holdout_percent', 5), ('max_offers_per_user', 3);
create table policies.reject_codes (code varchar);
insert into policies.reject_codes values ('HOLDOUT');
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built database with the campaign welcome: u2 and u1, in that order in the table."""
    path = tmp_path_factory.mktemp("built") / "warehouse.duckdb"
    run(path, BUILT)
    add_person(path, "u2", margin=12.5)
    add_person(path, "u1", margin=0.1 + 0.2)
    return path


@pytest.fixture
def database(built: Path, tmp_path: Path) -> Path:
    """A copy of the built database, to change at will."""
    return Path(shutil.copy(built, tmp_path))


def add_person(
    database: Path,
    user_id: str,
    campaign_id: str = "welcome",
    offer_name: str = "5 off",
    margin: float | None = 1.0,
    is_holdout: bool | None = False,
) -> None:
    """One more row of a campaign's audience; `is_holdout` None leaves the user without permissions."""
    run(
        database,
        "insert into promotions.campaign_audience values ('2024-03-05', ?, 'Welcome', ?, 'new', 'low_value', null, 1, "
        "'a1', ?, 'Ranked 1.', '2024-03-05 05:00:00', '2024-03-19 05:00:00', ?)",
        [campaign_id, user_id, offer_name, margin],
    )
    if is_holdout is not None:
        run(database, "insert into features.user_permissions values ('2024-03-05', ?, ?)", [user_id, is_holdout])


def add_consent(database: Path, user_id: str, changed_at: str | None, granted: bool, purpose: str = "marketing") -> None:
    run(database, "insert into shop.consents values (?, ?, ?, ?)", [user_id, purpose, changed_at, granted])


def run(database: Path, sql: str, values: list[Any] | None = None) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql, values or [])


def users(done: Export) -> list[str]:
    """User ids of a JSON-lines export, as they stand in the file."""
    return [json.loads(line)["user_id"] for line in done.path.read_text().splitlines()]


def as_lines(database: Path, tmp_path: Path, campaign_id: str = "welcome") -> Export:
    return export_campaign(database, campaign_id, FileFormat.JSONL, tmp_path / "exports")


# What is in the file


def test_csv_bytes(database: Path, tmp_path: Path) -> None:
    done = export_campaign(database, "welcome", output=tmp_path / "exports")
    assert done.path == tmp_path / "exports" / "welcome_2024-03-05.csv"
    assert done.path.read_bytes() == (
        b"as_of_date,campaign_id,campaign_name,user_id,life_cycle,value_tier,intent,offers,offer_ids,offer_names,reasons,"
        b"valid_from,valid_to,expected_margin\n"
        b'2024-03-05,"welcome","Welcome","u1","new","low_value",,1,"a1","5 off","Ranked 1.",'
        b'"2024-03-05T05:00:00Z","2024-03-19T05:00:00Z",0.30\n'
        b'2024-03-05,"welcome","Welcome","u2","new","low_value",,1,"a1","5 off","Ranked 1.",'
        b'"2024-03-05T05:00:00Z","2024-03-19T05:00:00Z",12.50\n'
    )


def test_json_lines_bytes(database: Path, tmp_path: Path) -> None:
    run(database, "delete from promotions.campaign_audience")
    add_person(database, 'ünë\n"x"', offer_name="=1+1", margin=float("nan"))
    done = as_lines(database, tmp_path)
    assert done.path.read_bytes().decode() == (
        '{"as_of_date":"2024-03-05","campaign_id":"welcome","campaign_name":"Welcome","user_id":"ünë\\n\\"x\\"",'
        '"life_cycle":"new","value_tier":"low_value","intent":null,"offers":1,"offer_ids":"a1","offer_names":"=1+1",'
        '"reasons":"Ranked 1.","valid_from":"2024-03-05T05:00:00Z","valid_to":"2024-03-19T05:00:00Z",'
        '"expected_margin":null}\n'
    )


def test_parquet_keeps_types_and_text(database: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    add_person(database, "=cmd()", margin=2.0)
    done = export_campaign(database, "welcome", FileFormat.PARQUET, tmp_path / "exports")
    table = parquet.read_table(done.path)
    assert table.column("user_id").to_pylist() == ["=cmd()", "u1", "u2"]
    assert table.schema.names == done.manifest["columns"]
    kinds = {name: str(table.schema.field(name).type) for name in ("as_of_date", "offers", "valid_to", "expected_margin")}
    assert kinds == {
        "as_of_date": "date32[day]",
        "offers": "int32",
        "valid_to": "timestamp[us]",
        "expected_margin": "decimal128(18, 2)",
    }


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_csv_text_that_begins_like_a_formula_is_made_safe(database: Path, tmp_path: Path, start: str) -> None:
    import csv

    add_person(database, f"{start}1", offer_name=f'{start}cmd|"x",\n2', margin=-7.0)
    add_person(database, f"a{start}1", offer_name=f"x {start}1")
    path = export_campaign(database, "welcome", output=tmp_path / "exports").path
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row["user_id"]: row for row in csv.DictReader(file)}
    assert set(rows) == {f"'{start}1", f"a{start}1", "u1", "u2"}
    assert rows[f"'{start}1"]["offer_names"] == f'\'{start}cmd|"x",\n2'
    assert rows[f"'{start}1"]["expected_margin"] == "-7.00"
    assert rows[f"a{start}1"]["offer_names"] == f"x {start}1"


# Consent and control


@pytest.mark.parametrize(
    ("consents", "stays"),
    [
        ([], True),
        ([("2024-03-01", True)], True),
        ([("2024-03-01", False)], False),
        ([("2024-03-01", True), ("2024-03-02", False)], False),
        ([("2024-03-01", False), ("2024-03-02", True)], True),
        # withdrawn after the as-of date: the build has rejected the row, it counts all the same
        ([("2024-03-01", True), ("2024-03-06", False)], False),
        ([("2999-01-01", False)], False),
        # a grant that the build has rejected waits for the next build
        ([("2024-03-06", False), ("2024-03-07", True)], False),
        ([("2024-03-02", False), ("2024-03-02", True)], False),
        ([(None, False), ("2024-03-02", True)], False),
    ],
)
def test_consent_of_the_moment(database: Path, tmp_path: Path, consents: list[tuple[str | None, bool]], stays: bool) -> None:
    for changed_at, granted in consents:
        add_consent(database, "u1", changed_at, granted)
    done = as_lines(database, tmp_path)
    assert users(done) == (["u1", "u2"] if stays else ["u2"])
    assert done.manifest["left_out_since_build"] == {"withdrawn": 0 if stays else 1, "held_out": 0}
    assert done.manifest["rows"] == (2 if stays else 1)


def test_consent_to_other_purposes_says_nothing(database: Path, tmp_path: Path) -> None:
    add_consent(database, "u1", "2024-03-01", granted=False, purpose="ads")
    add_consent(database, "u2", "2024-03-06", granted=False, purpose="personalisation")
    assert users(as_lines(database, tmp_path)) == ["u1", "u2"]


@pytest.mark.parametrize(
    ("purpose", "granted_later", "stays"),
    [
        ("Marketing", False, False),
        (" marketing ", False, False),
        ("Personalisation ", False, True),
        ("personalization", False, True),
        # nobody knows what is refused: everything, until marketing is agreed to
        ("newsletter", False, False),
        (None, False, False),
        ("newsletter", True, True),
    ],
)
def test_a_withdrawal_counts_however_its_purpose_is_written(
    database: Path, tmp_path: Path, purpose: str | None, granted_later: bool, stays: bool
) -> None:
    add_consent(database, "u1", "2024-03-01", granted=True)
    run(database, "insert into shop.consents values ('u1', ?, '2024-03-02', false)", [purpose])
    if granted_later:
        add_consent(database, "u1", "2024-03-03", granted=True)
    assert users(as_lines(database, tmp_path)) == (["u1", "u2"] if stays else ["u2"])


def test_control_group_is_left_out_whatever_the_view_says(database: Path, tmp_path: Path) -> None:
    add_person(database, "held", is_holdout=True)
    add_person(database, "without_permissions", is_holdout=None)
    done = as_lines(database, tmp_path)
    assert users(done) == ["u1", "u2"]
    assert done.manifest["left_out_since_build"] == {"withdrawn": 0, "held_out": 2}


def test_consents_that_the_build_could_not_see_stop_the_export(database: Path, tmp_path: Path) -> None:
    run(
        database,
        "create or replace view staging.base_consents as select * from shop.consents where false;"
        "insert into shop.consents values ('u1', 'marketing', '2024-03-01', false)",
    )
    with pytest.raises(PromoError, match=r"shop\.consents was loaded after the last build") as refused:
        as_lines(database, tmp_path)
    assert refused.value.exit_code == 1


def test_a_view_that_no_longer_fits_stops_the_export(database: Path, tmp_path: Path) -> None:
    run(database, "drop table shop.consents")
    with pytest.raises(PromoError, match=r"the build doesn't fit what is loaded now .*; run promo build") as refused:
        as_lines(database, tmp_path)
    assert refused.value.exit_code == 1


# Manifest


def test_manifest(database: Path, tmp_path: Path) -> None:
    done = export_campaign(database, "welcome", output=tmp_path / "exports")
    content = done.path.read_bytes()
    assert done.manifest_path == Path(f"{done.path}.manifest.json")
    assert json.loads(done.manifest_path.read_text()) == done.manifest
    assert done.manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert done.manifest["bytes"] == len(content)
    assert len(done.manifest.pop("policy_version")) == 64
    del done.manifest["sha256"], done.manifest["bytes"], done.manifest["offerhouse_version"]
    assert done.manifest == {
        "campaign_id": "welcome",
        "campaign_name": "Welcome",
        "as_of_date": "2024-03-05",
        "file": "welcome_2024-03-05.csv",
        "format": "csv",
        "columns": content.decode().splitlines()[0].split(","),
        "rows": 2,
        "left_out_since_build": {"withdrawn": 0, "held_out": 0},
        "models": [
            {"model_name": "interest", "model_version": "bbb"},
            {"model_name": "purchase_intent", "model_version": "aaa"},
        ],
    }


def test_policy_version_is_of_the_content_alone(database: Path) -> None:
    def policies() -> str:
        with open_for_export(database) as connection:
            return policy_version(connection)

    first = policies()
    run(
        database,
        "create or replace table policies.policy_values as from policies.policy_values order by value;"
        "alter table policies.reject_codes rename to old; create table policies.reject_codes as from policies.old;"
        "drop table policies.old",
    )
    assert policies() == first
    run(database, "update policies.policy_values set value = 6 where policy = 'holdout_percent'")
    changed = policies()
    assert changed != first
    run(database, "alter table policies.reject_codes rename to z_codes")
    assert policies() not in (first, changed)


@pytest.mark.parametrize("file_format", list(FileFormat))
def test_same_data_same_bytes_whatever_the_threads(
    database: Path, tmp_path: Path, file_format: FileFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """140,000 people: more than one row group, and DuckDB's batches differ between one and two threads."""
    run(
        database,
        "insert into promotions.campaign_audience select '2024-03-05', 'big', 'Big', 'u' || (range * 7919 % 140000), "
        "'new', 'low_value', 'x', 1, 'a', 'n', 'r', '2024-03-05', '2024-03-06', 1.5 from range(140000);"
        "insert into features.user_permissions select '2024-03-05', 'u' || range, false from range(140000) "
        "where 'u' || range not in ('u1', 'u2')",
    )
    connect = duckdb.connect
    exports = []
    for threads in (1, 2):
        monkeypatch.setattr(
            duckdb,
            "connect",
            lambda *given, threads=threads, **named: connect(
                *given, **named | {"config": named["config"] | {"threads": threads}}
            ),
        )
        done = export_campaign(database, "big", file_format, tmp_path / "exports")
        exports.append((done.path.read_bytes(), done.manifest_path.read_bytes()))
    assert exports[0] == exports[1]
    assert done.manifest["rows"] == 140_000


# Where and how it is written


def test_files_are_for_their_owner_alone(database: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        done = as_lines(database, tmp_path)
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (done.path.parent, done.path, done.manifest_path)]
    assert modes == [0o700, 0o600, 0o600]
    assert sorted(done.path.parent.iterdir()) == [done.path, done.manifest_path]


@pytest.mark.parametrize(
    ("campaign_id", "stem"),
    [
        ("welcome.Back-2_x", "welcome.Back-2_x"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("/etc/passwd", "%2Fetc%2Fpasswd"),
        ("a\\b:c", "a%5Cb%3Ac"),
        ("..", "%2E."),
        ("-rf", "%2Drf"),
        ("a\0b", "a%00b"),
        ("a@b", "a%40b"),
        ("a%2Fb", "a%252Fb"),
        ("~\n ", "%7E%0A%20"),
        ("🎉", "%F0%9F%8E%89"),
        ("", ""),
        ("x" * 120, "x" * 120),
        ("x" * 300, f"{'x' * 120}~{hashlib.sha256(b'x' * 300).hexdigest()[:12]}"),
    ],
)
def test_hostile_campaigns_stay_in_the_folder(database: Path, tmp_path: Path, campaign_id: str, stem: str) -> None:
    add_person(database, "u9", campaign_id=campaign_id)
    before = set(tmp_path.rglob("*"))
    done = as_lines(database, tmp_path, campaign_id)
    assert done.path == tmp_path / "exports" / f"{stem}_2024-03-05.jsonl"
    assert set(tmp_path.rglob("*")) - before == {done.path.parent, done.path, done.manifest_path}
    assert json.loads(done.path.read_text())["campaign_id"] == campaign_id


def test_long_campaigns_with_one_beginning_get_two_names() -> None:
    day = date(2024, 3, 5)
    assert private_files.file_stem("🎉" * 99 + "a", day) != private_files.file_stem("🎉" * 99 + "b", day)


@pytest.mark.parametrize("name", ["welcome_2024-03-05.csv", "welcome_2024-03-05.csv.manifest.json"])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder"])
def test_only_ordinary_files_are_replaced(database: Path, tmp_path: Path, name: str, kind: str) -> None:
    target = tmp_path / "target"
    (tmp_path / "exports").mkdir()
    odd = tmp_path / "exports" / name
    if kind == "folder":
        odd.mkdir()
    else:
        odd.symlink_to(target)
    if kind == "link":
        target.write_text("old")
    with pytest.raises(PromoError, match=f"{name} is a symbolic link or no ordinary file") as refused:
        export_campaign(database, "welcome", output=tmp_path / "exports")
    assert refused.value.exit_code == 3
    assert list((tmp_path / "exports").iterdir()) == [odd]
    assert target.exists() == (kind == "link")
    assert kind != "link" or target.read_text() == "old"


def test_symbolic_link_for_a_folder_is_refused(database: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "exports").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PromoError, match="exports is a symbolic link; name the folder itself") as refused:
        as_lines(database, tmp_path)
    assert refused.value.exit_code == 3
    assert not list((tmp_path / "elsewhere").iterdir())


def test_output_that_is_a_file(database: Path, tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("")
    with pytest.raises(PromoError, match=r"can't write to .*exports: file exists; choose another folder") as refused:
        as_lines(database, tmp_path)
    assert refused.value.exit_code == 3


def test_folder_without_permission(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere/.promo-x.part")

    monkeypatch.setattr(private_files.tempfile, "NamedTemporaryFile", refuse)
    with pytest.raises(PromoError, match=r"can't write to .*exports: permission denied; choose") as refused:
        as_lines(database, tmp_path)
    assert refused.value.exit_code == 3


def failing_write(reader: Any, file: IO[bytes]) -> int:
    file.write(b"half")
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("failure", ["rows", "manifest", "disk"])
def test_failure_midway_leaves_the_old_files(
    database: Path, tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    old = as_lines(database, tmp_path)
    before = {path: path.read_bytes() for path in old.path.parent.iterdir()}
    add_person(database, "u3")
    if failure == "rows":
        half = campaign_formats.Format("user_id", failing_write)
        monkeypatch.setitem(campaign_formats.FORMATS, FileFormat.JSONL, half)
    elif failure == "manifest":
        monkeypatch.setattr(export, "_manifest", fail)
    else:
        monkeypatch.setattr(private_files.os, "fsync", fail)
    code, out, err = promo("export", "welcome", "--format", "jsonl", "--database", database, "--output", tmp_path / "exports")
    assert (code, out) == (3, "")
    assert err == "promo: no space left on the disk; free some and run again\n"
    assert {path: path.read_bytes() for path in old.path.parent.iterdir()} == before


def test_memory_that_ends_while_rows_stream(
    database: Path, promo: Promo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(reader: Any, file: IO[bytes]) -> int:
        raise OSError("Out of Memory Error: failed to pin block\n\nPossible solutions:\n* …")

    monkeypatch.setitem(campaign_formats.FORMATS, FileFormat.CSV, campaign_formats.Format("user_id", end))
    code, _, err = promo("export", "welcome", "--database", database, "--output", tmp_path / "exports")
    assert (code, err) == (3, "promo: DuckDB ran out of memory; raise OFFERHOUSE_MEMORY, e.g. OFFERHOUSE_MEMORY=8GB\n")
    assert not list((tmp_path / "exports").iterdir())


def test_a_new_export_replaces_the_old(database: Path, tmp_path: Path) -> None:
    as_lines(database, tmp_path)
    add_person(database, "u3")
    done = as_lines(database, tmp_path)
    assert users(done) == ["u1", "u2", "u3"]
    assert json.loads(done.manifest_path.read_text())["rows"] == 3


# The command


def test_command_prints_one_line(database: Path, tmp_path: Path, promo: Promo) -> None:
    folder = tmp_path / "exports"
    add_consent(database, "u1", "2024-03-06", granted=False)
    code, out, err = promo("export", "welcome", "--database", database, "--output", folder)
    path = folder / "welcome_2024-03-05.csv"
    assert (code, out) == (0, f"1 rows: {path} (manifest: {path}.manifest.json)\n")
    assert err.splitlines() == [
        "note: left out since the build: 1 have withdrawn consent, 0 are in the control group",
        f"note: nothing is published yet; this reads the working database {database}",
    ]
    assert promo("export", "welcome", "--database", database, "--output", folder, "--quiet")[2] == ""


def test_command_prints_json(database: Path, tmp_path: Path, promo: Promo) -> None:
    folder = tmp_path / "exports"
    code, out, err = promo("export", "welcome", "--format", "parquet", "--json", "--database", database, "-o", folder)
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("note: nothing is published yet; this reads the working database")
    told = json.loads(out)
    assert Path(told.pop("path")).is_file()
    assert told == json.loads(Path(told.pop("manifest_path")).read_text())


def test_help_and_guide_tell_what_is_in_the_file(promo: Promo) -> None:
    """Who passes the file on must know that its ids are no pseudonyms: CAMPAIGN's people are named as the shop names them."""
    code, out, _ = promo("export", "--help")
    assert code == 0
    assert "the shop's own user ids, no e-mail address and no phone number" in " ".join(out.split())
    assert "| no `--to` | The shop's own user ids, no pseudonyms," in GUIDE.read_text(encoding="utf-8")


# Errors


def refusal(promo: Promo, database: Path, campaign_id: str) -> tuple[int, str]:
    """Exit code and the one line of an export that must fail and write nothing."""
    folder = database.parent / "refused"
    code, out, err = promo("export", "--database", database, "--output", folder, "--", campaign_id)
    assert out == ""
    assert err.startswith("promo: ")
    assert err.count("\n") == 1
    assert not folder.exists()
    return code, err.removeprefix("promo: ").strip()


def test_unknown_campaign_names_the_known_ones(database: Path, promo: Promo) -> None:
    assert refusal(promo, database, "welcom") == (
        1,
        "campaign welcom is not known (did you mean welcome?); known, with people: welcome (2), crowded_out (0), nobody (0)",
    )
    for number in range(9):
        add_person(database, f"x{number}", campaign_id=f"c{number}\x1b[31m")
    told = refusal(promo, database, "' or true --")[1]
    assert told.startswith("campaign ' or true -- is not known; known, with people: welcome (2), c0\ufffd[31m (1), c1")
    assert told.endswith(" and 4 more")
    assert refusal(promo, database, "\udcff")[1].startswith("campaign \ufffd is not known")


def test_no_campaign_at_all(database: Path, promo: Promo) -> None:
    run(database, "delete from promotions.campaign_audience; delete from promotions.promotion_terms")
    told = "campaign welcome is not known; the last build knows no campaign"
    assert refusal(promo, database, "welcome") == (1, told)


def test_empty_audience_says_why(database: Path, promo: Promo) -> None:
    add_consent(database, "u1", "2024-03-06", granted=False)
    run(database, "update features.user_permissions set is_holdout = true")
    assert refusal(promo, database, "welcome") == (
        1,
        "campaign welcome: all 2 of its audience are left out (1 have withdrawn consent, 1 are in the control group); "
        "nothing was written",
    )
    assert refusal(promo, database, "nobody") == (
        1,
        "campaign nobody has no audience: none of 2 people is eligible (NO_CONSENT 2, HOLDOUT 1); "
        "see promotions.coupon_eligibility",
    )
    assert refusal(promo, database, "crowded_out") == (
        1,
        "campaign crowded_out has no audience: 1 people are eligible, but other offers or a budget came first; "
        "see promotions.allocation",
    )


def test_missing_database(tmp_path: Path, promo: Promo) -> None:
    path = tmp_path / "none.duckdb"
    told = f"{path} is not there; next: promo demo (a year of real grocery data), or promo load files DIR (your own shop), "
    told += "or name another file with --database"
    assert refusal(promo, path, "welcome") == (1, told)
    assert not path.exists()


def test_database_that_is_none(tmp_path: Path, promo: Promo) -> None:
    path = tmp_path / "users.csv"
    path.write_text("user_id\nu1\n")
    told = f"{path} is no DuckDB database; name another file with --database"
    assert refusal(promo, path, "welcome") == (3, told)


@pytest.mark.parametrize(
    ("sql", "lacks"),
    [
        ("drop schema promotions cascade", "promotions.campaign_audience"),
        ("drop view staging.stg_consents", "staging.stg_consents"),
        ("drop schema policies cascade", "policies"),
    ],
)
def test_not_built_yet(database: Path, promo: Promo, sql: str, lacks: str) -> None:
    run(database, sql)
    told = f"{database} is not built yet, it holds no {lacks}; run promo build"
    assert refusal(promo, database, "welcome") == (1, told)


def test_locked_database(database: Path, promo: Promo) -> None:
    script = f"import duckdb; c = duckdb.connect({str(database)!r}); print(1, flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        code, told = refusal(promo, database, "welcome")
    finally:
        holder.communicate(b"\n")
    assert (code, told) == (
        3,
        f"{database} is being written by another process (PID {holder.pid}); run again when it ends",
    )


def test_reading_gives_no_other_power(database: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n1\n")
    with open_for_export(database) as connection:
        for sql in (
            f"from read_csv('{tmp_path}/other.csv')",
            f"copy promotions.campaign_audience to '{tmp_path}/stolen.csv'",
            f"attach '{tmp_path}/new.duckdb'",
            "delete from promotions.campaign_audience",
            "set enable_external_access = true",
        ):
            with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
                connection.execute(sql)


def test_limit_that_is_no_size(database: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFERHOUSE_MEMORY", "plenty")
    code, told = refusal(promo, database, "welcome")
    assert (code, told.split(";")[0]) == (3, "OFFERHOUSE_MEMORY=plenty is no size")


def test_a_folder_is_remembered_before_anything_is_in_it(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an export leaves that is killed while it writes, an erasure has to find."""
    known: list[set[Path]] = []

    def write(reader: Any, file: IO[bytes]) -> int:
        known.append(exported_files._remembered(database))
        raise KeyboardInterrupt

    published_path(database).parent.mkdir()
    monkeypatch.setitem(campaign_formats.FORMATS, FileFormat.CSV, campaign_formats.Format("user_id", write))
    with pytest.raises(KeyboardInterrupt):
        export_campaign(database, "welcome", output=tmp_path / "elsewhere")
    assert known == [{tmp_path / "elsewhere"}]


def test_exports_at_the_same_time_leave_each_other_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one looks for abandoned files just when a file is made, and just before it gets its name."""
    make, replace, made = private_files.tempfile.NamedTemporaryFile, Path.replace, 0

    def make_and_be_seen(**options: Any) -> Any:
        nonlocal made
        made += 1
        file = make(**options)
        if made == 1:
            private_files.remove_abandoned(tmp_path)
        return file

    def be_seen_and_replace(path: Path, target: Path) -> Path:
        private_files.remove_abandoned(tmp_path)
        return replace(path, target)

    monkeypatch.setattr(private_files.tempfile, "NamedTemporaryFile", make_and_be_seen)
    monkeypatch.setattr(Path, "replace", be_seen_and_replace)
    with private_files.unfinished_file(tmp_path) as file:
        file.write(b"whole")
        private_files.put_in_place({tmp_path / "done.csv": file})
    assert made == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"done.csv": b"whole"}
