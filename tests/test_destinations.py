"""`promo export --to`: the bytes that Google, Meta, Klaviyo and Braze get, who is in them, and in how many files."""

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rendered_sql import PROJECT
from test_export import BUILT, add_consent, run
from test_export import add_person as add_to_audience

from promo_cli import private_files
from promo_cli.destination_export import DestinationExport, export_to
from promo_cli.destinations import Destination
from promo_cli.destinations.registry import DESTINATIONS
from promo_cli.errors import PromoError

Promo = Callable[..., tuple[int, str, str]]

CONTACTS = f"""
create or replace table features.user_permissions (as_of_date date, user_id varchar, is_holdout boolean, ads_consent boolean);
create table staging.stg_users (
    user_id varchar, email varchar, phone varchar, country varchar, first_name varchar, last_name varchar, zip varchar,
    madid varchar
);
create or replace view private.people as
select audience.user_id as shop_user_id, audience.user_id, email, phone, first_name, last_name, zip, madid
from (select distinct user_id from promotions.campaign_audience) as audience
left join staging.stg_users as users on audience.user_id = users.user_id;
create table policies.country_calling_codes as
select * replace (cast(shortest as integer) as shortest, cast(longest as integer) as longest)
from read_csv('{PROJECT}/seeds/country_calling_codes.csv', all_varchar = true);
"""
OFFER = "welcome,a1,5 off,2024-03-19T05:00:00Z"
"""What stands of the offer at the end of each line for Klaviyo and Braze."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built database with the campaign welcome, of nobody as yet."""
    path = tmp_path_factory.mktemp("built") / "warehouse.duckdb"
    run(path, BUILT + CONTACTS)
    return path


@pytest.fixture
def database(built: Path, tmp_path: Path) -> Path:
    """A copy of the built database, to change at will."""
    return Path(shutil.copy(built, tmp_path))


def add_person(
    database: Path,
    user_id: str,
    ads_consent: bool | None = True,
    is_holdout: bool = False,
    offer_name: str = "5 off",
    **contact: str,
) -> None:
    """One more person of the campaign welcome; `contact`: columns of stg_users."""
    add_to_audience(database, user_id, offer_name=offer_name, is_holdout=None)
    run(database, "insert into features.user_permissions values ('2024-03-05', ?, ?, ?)", [user_id, is_holdout, ads_consent])
    values = {"user_id": user_id, **contact}
    columns, places = ", ".join(values), ", ".join("?" * len(values))
    run(database, f"insert into staging.stg_users ({columns}) values ({places})", list(values.values()))


def to(destination: str, database: Path, tmp_path: Path) -> DestinationExport:
    return export_to(database, "welcome", Destination(destination), tmp_path / "exports")


def text(done: DestinationExport) -> str:
    """The only file's text."""
    (path,) = done.paths
    return path.read_bytes().decode()


def column(done: DestinationExport, name: str) -> list[str]:
    """One column of all files."""
    cells = []
    for path in done.paths:
        with path.open(newline="", encoding="utf-8") as file:
            cells += [row[name] for row in csv.DictReader(file)]
    return cells


def sha(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()


# The bytes of each


def test_google_bytes(database: Path, tmp_path: Path) -> None:
    name = {"first_name": " ZOE\u0308  Ann ", "last_name": "O'Neill, Jr.", "country": "USA", "zip": " 02134-1001 "}
    same_name = {"first_name": "zo\u00eb ann", "last_name": "o'neill, jr.", "country": "us", "zip": "02134-1001"}
    add_person(database, "u1", email=" Test@Example.COM\t", phone="(212) 555-0123", **name)
    add_person(database, "u2", email="Cloudy.San.Francisco+Shopping@GoogleMail.com", country="gb", zip="=1+1", last_name="=1+1")
    add_person(database, "u3", email="user.name+NYC@Example.com", phone="not known")
    add_person(database, "u4", phone="020 7946 0018", country="GB", first_name="李", zip="SW1A\u30001\uff21A")
    add_person(database, "u5", email="test@example.com", phone="+1 212 555 0123", **same_name)
    done = to("google", database, tmp_path)
    assert done.paths == (tmp_path / "exports" / "welcome_2024-03-05.google.csv",)
    first, last = sha("zo\u00eb ann"), sha("o'neill, jr.")
    assert text(done) == (
        "Email,Phone,First Name,Last Name,Country,Zip\n"
        "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b,"
        f"{sha('+12125550123')},{first},{last},us,02134-1001\n"
        f"{sha('cloudysanfrancisco@googlemail.com')},,,{sha('=1+1')},gb,\n"
        f"{sha('user.name+nyc@example.com')},,,,,\n"
        f",{sha('+442079460018')},{sha('李')},,gb,SW1A 1AA\n"
    )
    assert done.manifest["left_out"] == {"unreachable": 0, "bad_ids": 0, "duplicates": 1}
    assert done.manifest["unusable"] == {"emails": 0, "phones": 1}


def test_meta_bytes(database: Path, tmp_path: Path) -> None:
    name = {"first_name": "Vale\u0301ry", "last_name": " O'Neill-Smith ", "country": "GBR"}
    no_id, french = "00000000-0000-0000-0000-000000000000", sha("val\u00e9ry")
    madid = "AECE52E7-03EE-455A-B3C4-E57283966239"
    add_person(database, "u1", email="Test@Example.com", phone="+44 844 412 4653", madid=madid, **name)
    add_person(database, "u2", email="a.b+c@gmail.com", first_name="...", last_name="정", country="Narnia", madid=no_id)
    add_person(database, "u3", email="a.b+c@gmail.com", last_name="정", madid="=cmd()")
    assert text(to("meta", database, tmp_path)) == (
        "email,phone,fn,ln,madid,country\n"
        f"973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b,{sha('448444124653')},{french},"
        f"{sha('oneillsmith')},aece52e7-03ee-455a-b3c4-e57283966239,{sha('gb')}\n"
        f"{sha('a.b+c@gmail.com')},,,{sha('정')},,\n"
    )


def test_klaviyo_bytes(database: Path, tmp_path: Path) -> None:
    add_person(database, "u1", phone="+44 20 7946 0018")  # u2 has the same phone and an address
    add_person(
        database,
        "u2",
        email="B@x.org",
        phone="020 7946 0018",
        country="GB",
        first_name="=1+1",
        last_name='Zoë "Z", Ünal',
        zip="AB1",
    )
    add_person(database, "u3", email=" b@X.org ", phone="020 7946 0999", country="GB", first_name="Second")
    add_person(database, "u4", email="d@x.org", phone="+442079460018", last_name="@d", offer_name='-1, "now"')
    add_person(database, "u5", phone="07911 123456", country="gb", first_name="line\nend")
    done = to("klaviyo", database, tmp_path)
    assert text(done) == (
        "Email Address,Phone Number,First Name,Last Name,Country,Zip Code,campaign_id,offer_ids,offer_names,valid_to\n"
        f'b@x.org,+442079460018,\'=1+1,"Zoë ""Z"", Ünal",GB,AB1,{OFFER}\n'
        'd@x.org,,,\'@d,,,welcome,a1,"\'-1, ""now""",2024-03-19T05:00:00Z\n'
        f",+447911123456,line end,,GB,,{OFFER}\n"
    )
    assert done.manifest["left_out"] == {"unreachable": 0, "bad_ids": 0, "duplicates": 2}


def test_klaviyo_begins_with_phones_where_there_are_no_addresses(database: Path, tmp_path: Path) -> None:
    add_person(database, "u1", phone="+1 212 555 0123", email="nobody@")
    add_person(database, "u2", phone="0012125550123")
    done = to("klaviyo", database, tmp_path)
    assert text(done) == (
        "Phone Number,First Name,Last Name,Country,Zip Code,campaign_id,offer_ids,offer_names,valid_to\n"
        f"+12125550123,,,,,{OFFER}\n"
    )
    assert done.manifest["columns"][0] == "Phone Number"


def test_braze_bytes(database: Path, tmp_path: Path) -> None:
    """A blank is an empty cell: "" would be a value."""
    add_person(database, "U,1", email="A@x.org", phone="+1 212 555 0123", first_name="Zoe\u0308", last_name="+1", country="US")
    add_person(database, "u2", email="A@x.org", phone="12", first_name="  ", last_name="")
    add_person(database, "u3", email="not an address", phone="+12125550199")
    add_person(database, "=cmd()", email="c@x.org")
    done = to("braze", database, tmp_path)
    assert text(done) == (
        "external_id,email,phone,first_name,last_name,country,campaign_id,offer_ids,offer_names,valid_to\n"
        f'"U,1",a@x.org,+12125550123,Zo\u00eb,\'+1,US,{OFFER}\n'
        f"u2,a@x.org,,,,,{OFFER}\n"
        f"u3,,+12125550199,,,,{OFFER}\n"
    )
    assert done.manifest["left_out"] == {"unreachable": 0, "bad_ids": 1, "duplicates": 0}
    assert done.manifest["unusable"] == {"emails": 1, "phones": 1}


# Addresses and numbers


@pytest.mark.parametrize(
    "email",
    ["plain", "@x.org", "a@x", "a@x..org", "a b@x.org", "a@x.org, b@x.org", "a..b@x.org", "a.@x.org", "a@-x.org", "a@1.2.3.4",
     "=cmd@x.org", "+1@x.org", "-a@x.org", "a@x.org\nb@x.org", "zoë@x.org", f"{'a' * 65}@x.org", f"a@{'x' * 63}.{'y.' * 100}org"],
)  # fmt: skip
def test_addresses_that_are_none(database: Path, tmp_path: Path, promo: Promo, email: str) -> None:
    add_person(database, "u1", email=email, phone="+12125550123")
    add_person(database, "u2", email=email)
    code, out, err = promo("export", "welcome", "--to", "klaviyo", "--database", database, "-o", tmp_path / "exports", "--json")
    manifest = json.loads(out)
    assert (code, manifest["rows"], manifest["unusable"]["emails"]) == (0, 1, 2)
    assert manifest["left_out"]["unreachable"] == 1
    assert err == (
        "note: left out: 1 can't be reached, without a usable e-mail address or phone number\n"
        "note: unusable and left out: 2 e-mail addresses, 0 phone numbers\n"
        f"note: nothing is published yet; this reads the working database {database}\n"
    )
    assert email not in Path(manifest["paths"][0]).read_text()


@pytest.mark.parametrize("email", ["a@x.org", "o'neil@x.org", "_a+b.c@sub.x-y.co.uk", "1/2=3@x.org", "a@xn--bcher-kva.example"])
def test_addresses_that_are_some(database: Path, tmp_path: Path, email: str) -> None:
    add_person(database, "u1", email=f"\u200b {email.upper()}\u00a0")
    assert column(to("klaviyo", database, tmp_path), "Email Address") == [email]


@pytest.mark.parametrize(
    ("country", "written", "e164"),
    [
        ("GB", "+44 (0)20 7946 0018", "+442079460018"),
        ("GB", "0044 20 7946 0018", "+442079460018"),
        ("GB", "44 20 7946 0018", "+442079460018"),
        ("GB", "\u202a020\u00a07946\u20110018\u202c", "+442079460018"),
        ("DE", "+49 0171 1234567", "+491711234567"),
        ("DE", "0171/1234567", "+491711234567"),
        ("IT", "06 6982 1234", "+390669821234"),  # Italy dials no trunk zero: this one is part of the number
        ("DE", "491711234567", "+491711234567"),  # with calling code, but no plus, as a column of numbers has it
        ("NL", "31612345678", "+31612345678"),
        ("IT", "393471234567", "+393471234567"),
        ("IT", "393 123 4567", "+393931234567"),
        ("IL", "972501234567.0", "+972501234567"),
        ("DE", "4917 12345", "+49491712345"),
        ("CN", "75512345678", "+8675512345678"),
        ("RU", "8 (912) 345-67-89", "+79123456789"),
        ("HU", "06 20 123 4567", "+36201234567"),
        ("BY", "8 029 491-19-11", "+375294911911"),
        ("US", "1-212-555-0123", "+12125550123"),
        ("DE", "01512345678.0", "+491512345678"),  # as pandas writes a column with blanks
        ("DE", "1512345678.0", "+491512345678"),
        ("AT", "6641234567.0", "+436641234567"),
        ("IT", "3391234567.00", "+393391234567"),
        ("US", "+491512345678.0", "+491512345678"),
        ("DE", "030.1234.5678", "+493012345678"),
        ("DE", "030.123456.0", "+49301234560"),
        ("US", "212.555.4500", "+12125554500"),
        ("US", "212555.4500", "+12125554500"),
        ("US", "011 44 20 7946 0018", "+442079460018"),
        ("US", "+44 20 7946 0018", "+442079460018"),
        ("JP", "\uff10\uff19\uff10\uff0d\uff11\uff12\uff13\uff14\u2212\uff15\uff16\uff17\uff18", "+819012345678"),  # wide
        ("JP", "\uff0b\uff18\uff11\uff08\uff10\uff093\u30fc1234\u30fc5678", "+81312345678"),
        (None, "+44 20 7946 0018", "+442079460018"),
        (None, "020 7946 0018", None),
        ("US", "555-0123", None),
        ("US", "212 555 0123 ext. 4", None),
        ("US", "+999 555 0123", None),
        ("US", "+1 212 555 01234", None),
        ("US", "=1+1", None),
        ("US", "++12125550123", None),
        ("US", "+", None),
    ],
)
def test_phones(database: Path, tmp_path: Path, country: str | None, written: str, e164: str | None) -> None:
    contact = {"country": country} if country else {}
    add_person(database, "u1", email="a@x.org", phone=written, **contact)
    done = to("klaviyo", database, tmp_path)
    assert column(done, "Phone Number") == [e164 or ""]
    assert done.manifest["unusable"]["phones"] == (e164 is None)


# Consent


@pytest.mark.parametrize("destination", list(Destination))
def test_consent_of_the_moment(database: Path, tmp_path: Path, destination: Destination) -> None:
    """Ads are asked about for Google and Meta alone, marketing and the control group for all."""
    for user_id in ("stays", "said_no", "no_ads_since", "unasked_of_ads", "held", "regrants"):
        add_person(database, user_id, email=f"{user_id}@x.org", is_holdout=user_id == "held")
    add_person(database, "no_ads", ads_consent=False, email="no_ads@x.org")
    add_person(database, "null_ads", ads_consent=None, email="null_ads@x.org")
    add_consent(database, "said_no", "2024-03-06", granted=False)
    add_consent(database, "no_ads_since", "2024-03-01", granted=True, purpose="ads")
    add_consent(database, "no_ads_since", "2024-03-06", granted=False, purpose="ads")
    add_consent(database, "no_ads", "2024-03-06", granted=True, purpose="ads")  # counts from the next build on
    add_consent(database, "regrants", "2024-03-01", granted=False, purpose="ads")
    add_consent(database, "regrants", "2024-03-02", granted=True, purpose="ads")
    done = to(destination, database, tmp_path)
    stay = ["regrants", "stays", "unasked_of_ads"]
    if destination in ("google", "meta"):
        name = "Email" if destination == "google" else "email"
        assert column(done, name) == [sha(f"{user_id}@x.org") for user_id in stay]
        assert done.manifest["left_out_since_build"] == {"withdrawn": 1, "held_out": 1, "without_ads_consent": 3}
    else:
        name = "Email Address" if destination == "klaviyo" else "email"
        assert column(done, name) == [f"{user_id}@x.org" for user_id in sorted([*stay, "no_ads_since", "no_ads", "null_ads"])]
        assert done.manifest["left_out_since_build"] == {"withdrawn": 1, "held_out": 1}


def test_nobody_left(database: Path, promo: Promo) -> None:
    def refusal(destination: str) -> tuple[int, str]:
        folder = database.parent / "refused"
        code, out, err = promo("export", "welcome", "--to", destination, "--database", database, "--output", folder)
        assert (out, folder.exists()) == ("", False)
        return code, err

    add_person(database, "u1", ads_consent=False, email="secret@nowhere")
    assert refusal("meta") == (
        1,
        "promo: campaign welcome: all 1 of its audience are left out (0 have withdrawn consent, 0 are in the control group, "
        "1 have not agreed to ads); nothing was written\n",
    )
    assert refusal("klaviyo") == (
        1,
        "promo: campaign welcome: nobody can be reached with Klaviyo (1 have no usable e-mail address or phone number); "
        "nothing was written\n",
    )
    run(database, "update staging.stg_users set email = null")
    assert refusal("klaviyo")[1].endswith(
        "(1 have no usable e-mail address or phone number); nothing was written; bring email or phone in the table users (the "
        "demo: promo demo --example-addresses)\n"
    )
    run(database, "delete from staging.stg_users")
    assert refusal("braze")[0] == 1


# Files


def add_people(database: Path, number: int) -> None:
    run(
        database,
        f"""
        insert into promotions.campaign_audience
        select '2024-03-05', 'welcome', 'Welcome', 'u' || (range * 7919 % {number}), 'new', 'low_value', 'x', 1, 'a', 'n', 'r',
            '2024-03-05', '2024-03-06', 1.5
        from range({number});
        insert into features.user_permissions select '2024-03-05', 'u' || range, false, true from range({number});
        insert into staging.stg_users
        select 'u' || range, 'u' || range || '@x.org', '0' || (7911000000 + range), 'GB', 'Zoë', '=1+1', 'AB1', null
        from range({number});
        """,
    )


@pytest.mark.parametrize("destination", ["klaviyo", "braze"])
def test_large_files_come_in_parts(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, destination: str) -> None:
    add_people(database, 40)
    whole = to(destination, database, tmp_path)
    header, *lines = text(whole).splitlines(keepends=True)
    limit = len(header.encode()) + sum(len(line.encode()) for line in lines[:9])
    name, accepted = Destination(destination), DESTINATIONS[Destination(destination)]
    monkeypatch.setitem(DESTINATIONS, name, replace(accepted, largest_file=limit))
    done = to(destination, database, tmp_path)
    stem = f"welcome_2024-03-05.{destination}"
    assert [path.name for path in done.paths] == [f"{stem}.{part:03}.csv" for part in range(1, len(done.paths) + 1)]
    assert len(done.paths) >= 5
    contents = [path.read_bytes() for path in done.paths]
    assert len(contents[0]) == limit  # just full
    assert max(map(len, contents)) <= limit
    assert all(content.startswith(header.encode()) for content in contents)
    assert "".join(content.decode().removeprefix(header) for content in contents) == "".join(lines)
    assert done.manifest["files"] == [
        {
            "file": path.name,
            "rows": content.count(b"\n") - 1,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for path, content in zip(done.paths, contents, strict=True)
    ]
    assert sum(part["rows"] for part in done.manifest["files"]) == done.manifest["rows"] == 40
    # the whole file of before is gone, and so are parts that a smaller audience has no more
    folder = tmp_path / "exports"
    assert set(folder.iterdir()) == {*done.paths, done.manifest_path}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    for number in range(30):
        add_consent(database, f"u{number}", "2024-03-06", granted=False)
    fewer = to(destination, database, tmp_path)
    assert len(fewer.paths) < len(done.paths)
    assert set(folder.iterdir()) == {*fewer.paths, fewer.manifest_path}
    assert "u1@" not in "".join(path.read_text() for path in fewer.paths)


def test_limits_are_those_of_the_tools() -> None:
    limits = {str(name): accepted.largest_file for name, accepted in DESTINATIONS.items()}
    assert limits == {"google": 0, "meta": 0, "klaviyo": 50_000_000, "braze": 500_000_000}
    assert set(DESTINATIONS) == set(Destination)


def test_row_larger_than_a_file(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_person(database, "u1", email="secret@x.org")
    monkeypatch.setitem(DESTINATIONS, Destination.BRAZE, replace(DESTINATIONS[Destination.BRAZE], largest_file=120))
    with pytest.raises(PromoError, match="a row is larger than the 120 bytes a file may have") as refused:
        to("braze", database, tmp_path)
    assert refused.value.exit_code == 1
    assert "secret" not in refused.value.message
    assert not list((tmp_path / "exports").iterdir())


@pytest.mark.parametrize("destination", list(Destination))
def test_same_data_same_bytes_whatever_the_threads(
    database: Path, tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_people(database, 140_000)
    accepted = DESTINATIONS[destination]
    monkeypatch.setitem(DESTINATIONS, destination, replace(accepted, largest_file=4_000_000))
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
        done = to(destination, database, tmp_path)
        exports.append([path.read_bytes() for path in (*done.paths, done.manifest_path)])
    assert exports[0] == exports[1]
    assert done.manifest["rows"] == 140_000
    assert len(done.paths) > 1


def test_failure_midway_leaves_the_old_files(
    database: Path, tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    add_person(database, "u1", email="a@x.org")
    old = to("klaviyo", database, tmp_path)
    before = {path: path.read_bytes() for path in old.manifest_path.parent.iterdir()}
    add_person(database, "u2", email="b@x.org")
    monkeypatch.setattr(private_files.os, "fsync", fail)
    code, out, err = promo("export", "welcome", "--to", "klaviyo", "--database", database, "--output", tmp_path / "exports")
    assert (code, out, err) == (3, "", "promo: no space left on the disk; free some and run again\n")
    assert {path: path.read_bytes() for path in old.manifest_path.parent.iterdir()} == before


@pytest.mark.parametrize("name", ["welcome_2024-03-05.braze.csv", "welcome_2024-03-05.braze.csv.manifest.json"])
def test_only_ordinary_files_are_replaced(database: Path, tmp_path: Path, name: str) -> None:
    add_person(database, "u1", email="a@x.org")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / name).symlink_to(tmp_path / "target")
    with pytest.raises(PromoError, match="is a symbolic link or no ordinary file"):
        to("braze", database, tmp_path)
    assert [path.name for path in (tmp_path / "exports").iterdir()] == [name]
    assert not (tmp_path / "target").exists()


def test_files_of_others_stay(database: Path, tmp_path: Path) -> None:
    add_person(database, "u1", email="a@x.org")
    folder = tmp_path / "exports"
    folder.mkdir(mode=0o700)
    names = [
        "welcome_2024-03-05.csv",
        "welcome_2024-03-05.klaviyo.csv",
        "welcome_2024-03-04.braze.001.csv",
        "welcome_2024-03-05.braze.1.csv",
    ]
    for name in names:
        (folder / name).write_text("x")
    to("braze", database, tmp_path)
    assert all((folder / name).read_text() == "x" for name in names)


# Manifest and command


def test_manifest(database: Path, tmp_path: Path) -> None:
    add_person(database, "u1", email="a@x.org")
    add_person(database, "u2")
    done = to("google", database, tmp_path)
    content = done.paths[0].read_bytes()
    assert done.manifest_path == Path(f"{done.paths[0]}.manifest.json")
    manifest: dict[str, Any] = json.loads(done.manifest_path.read_text())
    assert manifest == done.manifest
    assert "a@x.org" not in done.manifest_path.read_text()
    assert len(manifest.pop("policy_version")) == 64
    del manifest["offerhouse_version"]
    sha256 = hashlib.sha256(content).hexdigest()
    assert manifest == {
        "campaign_id": "welcome",
        "campaign_name": "Welcome",
        "as_of_date": "2024-03-05",
        "destination": "google",
        "columns": ["Email", "Phone", "First Name", "Last Name", "Country", "Zip"],
        "rows": 1,
        "files": [{"file": "welcome_2024-03-05.google.csv", "rows": 1, "bytes": len(content), "sha256": sha256}],
        "left_out_since_build": {"withdrawn": 0, "held_out": 0, "without_ads_consent": 0},
        "left_out": {"unreachable": 1, "bad_ids": 0, "duplicates": 0},
        "unusable": {"emails": 0, "phones": 0},
        "models": [
            {"model_name": "interest", "model_version": "bbb"},
            {"model_name": "purchase_intent", "model_version": "aaa"},
        ],
    }


@pytest.mark.parametrize(("people", "warns"), [(99, True), (100, False)])
def test_meta_warns_of_short_lists_even_when_quiet(
    database: Path, tmp_path: Path, promo: Promo, people: int, warns: bool
) -> None:
    add_people(database, people)
    path = tmp_path / "exports" / "welcome_2024-03-05.meta.csv"
    command = ("export", "welcome", "--database", database, "--output", tmp_path / "exports", "--quiet", "--to")
    code, out, err = promo(*command, "meta")
    assert (code, out) == (0, f"{people} rows: {path} (manifest: {path}.manifest.json)\n")
    told = "warning: Meta advises against lists of fewer than 100 people; this one has 99\n"
    assert err == (told if warns else "")
    assert promo(*command, "google")[2] == ""


def test_notes(database: Path, tmp_path: Path, promo: Promo) -> None:
    add_person(database, "u1", email="a@x.org")
    add_person(database, "u2", email="a@x.org")
    add_person(database, "u3", email="a@x", phone="1")
    add_person(database, "u4", ads_consent=False)
    command = ("export", "welcome", "--database", database, "--output", tmp_path / "exports", "--to", "google")
    assert promo(*command)[2] == (
        "note: left out since the build: 0 have withdrawn consent, 0 are in the control group, 1 have not agreed to ads\n"
        "note: left out: 1 can't be reached, without a usable e-mail address or phone number\n"
        "note: left out: 1 are in the file already, by the same e-mail address or phone number\n"
        "note: unusable and left out: 1 e-mail addresses, 1 phone numbers\n"
        f"note: nothing is published yet; this reads the working database {database}\n"
    )


def test_format_and_destination_exclude_each_other(database: Path, promo: Promo) -> None:
    code, _, err = promo("export", "welcome", "--to", "meta", "--format", "csv", "--database", database)
    assert (code, err) == (2, "promo: --to meta has a format of its own; leave out --format\n")


def test_build_of_an_older_version(database: Path, tmp_path: Path) -> None:
    add_person(database, "u1", email="a@x.org")
    run(database, "alter table staging.stg_users drop column madid")
    with pytest.raises(PromoError, match=r"the build doesn't fit what is loaded now .*; run promo build") as refused:
        to("meta", database, tmp_path)
    assert refused.value.exit_code == 1


# Privacy


def test_personal_columns_are_read_by_exports_alone() -> None:
    """No model but private.people names one of them, none reads it, and of Python only what exports and erases does."""
    personal = re.compile(r"\b(email|phone|first_name|last_name|zip|madid)\b")
    for path in sorted((PROJECT / "models").rglob("*.sql")):
        sql = path.read_text()
        if path.stem == "people":
            continue
        assert not personal.search(sql), f"{path} reads a personal column of users"
        assert not re.search(r"ref\('people'\)", sql), f"{path} reads who users are"
    columns = re.compile(r"\bpeople\.(email|phone|first_name|last_name|zip|madid)\b")
    readers = [path for path in (PROJECT.parent / "promo_cli").rglob("*.py") if columns.search(path.read_text())]
    assert [path.name for path in readers] == ["contacts.py"]
