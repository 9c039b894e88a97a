"""`promo doctor`: every check says ok on a sound shop, and something else when what it looks at is spoilt."""

import json
import os
import platform
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import duckdb
import pytest
from conftest import ORDER_LINES, PRODUCTS
from small_shop import load_folder

from promo_cli import checkup, layout, paths
from promo_cli.checkup import CHECKS, Finding, examine, worst
from promo_cli.lock import write_lock_path, writing
from udfs.secret import fingerprint, key_file, make_secret

Promo = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a loaded shop and its key, as `promo load` leaves it."""
    folder = tmp_path_factory.mktemp("sound")
    folder.chmod(0o700)
    (folder / "shop").mkdir()
    (folder / "shop" / "products.csv").write_text(PRODUCTS)
    (folder / "shop" / "order_lines.csv").write_text(ORDER_LINES)
    make_secret(folder / "offerhouse.duckdb")
    load_folder(folder / "shop", folder / "offerhouse.duckdb").chmod(0o600)
    return folder


@pytest.fixture
def database(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to spoil, privacy on."""
    monkeypatch.setenv("OFFERHOUSE_PRIVACY", "on")
    monkeypatch.delenv("OFFERHOUSE_SECRET", raising=False)
    tmp_path.chmod(0o700)
    for name in ("offerhouse.duckdb", "offerhouse.duckdb.key"):
        shutil.copy2(sound / name, tmp_path / name)
    return tmp_path / "offerhouse.duckdb"


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A laid-out project, at work."""
    project = layout.lay_out(tmp_path / "own")
    monkeypatch.chdir(tmp_path / "own")
    return project


def of(check: str, database: Path) -> list[Finding]:
    """What one check says."""
    patient = checkup.Patient(database)
    try:
        return list(CHECKS[check](patient))
    finally:
        patient.close()


def states(check: str, database: Path) -> list[str]:
    return [finding.state for finding in of(check, database)]


def test_a_sound_shop_has_no_fault(database: Path, promo: Promo) -> None:
    findings = examine(database)
    assert {finding.check for finding in findings} == set(CHECKS)
    assert [finding for finding in findings if finding.state == "fault"] == []
    assert worst(findings) == 0
    assert [finding.check for finding in findings if finding.state == "warning"] == ["published"]
    code, out, _ = promo("doctor", "--database", database)
    assert (code, len(out.splitlines())) == (0, len(findings))
    code, out, _ = promo("doctor", "--database", database, "--quiet")
    assert out.splitlines() == [str(finding) for finding in findings if finding.state != "ok"]


def test_the_exit_code_is_that_of_the_worst_fault(database: Path, promo: Promo, own_project: Path) -> None:
    (own_project / "seeds" / "loyalty_tiers.csv").write_text("tier\n")
    code, out, _ = promo("doctor", "--database", database, "--json")
    told = json.loads(out)
    assert (code, told["exit_code"]) == (1, 1)
    assert [check["check"] for check in told["checks"] if check["state"] == "fault"] == ["policies"]
    assert all(check["mend"] for check in told["checks"] if check["state"] != "ok")
    key_file(database).write_text("short")
    assert promo("doctor", "--database", database)[0] == 3


def test_a_published_shop_is_sound_through_and_through(
    small_warehouse: Path, pseudonyms: None, promo: Promo, tmp_path: Path
) -> None:
    code, out, _ = promo("doctor", "--database", small_warehouse, "--json")
    told = {check["check"]: check["state"] for check in json.loads(out)["checks"]}
    assert (code, told["published"], told["secret"], told["shop"]) == (0, "ok", "ok", "ok")
    published = tmp_path / "published" / "offerhouse.duckdb"
    published.parent.mkdir()
    published.write_bytes(paths.published_path(small_warehouse).read_bytes()[:50_000])
    shutil.copy2(small_warehouse, tmp_path / "offerhouse.duckdb")
    assert states("published", tmp_path / "offerhouse.duckdb") == ["fault"]


def test_python(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.2")
    (finding,) = of("python", database)
    assert (finding.state, finding.exit_code) == ("fault", 3)
    assert "3.9.2" in finding.told


def test_packages(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "1.4.0" if name == "duckdb" else real(name))
    found = of("packages", database)
    assert [finding.mend for finding in found if finding.state == "fault"] == ["pip install 'duckdb<2.1,>=2.0'"]

    def gone(name: str) -> str:
        if name == "dbt-duckdb":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", gone)
    assert [finding.told for finding in of("packages", database) if finding.state == "fault"] == ["dbt-duckdb isn't installed"]


def test_models(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models"
    shutil.copytree(paths.models_path() / "interest_linear", folder / "interest_linear")
    entry = json.loads((paths.models_path() / "registry.json").read_text())["interest_linear"]
    (folder / "registry.json").write_text(json.dumps({"interest_linear": entry}))
    monkeypatch.setenv("OFFERHOUSE_MODELS", str(folder))
    assert states("models", database) == ["ok"]
    with (folder / entry["file"]).open("ab") as file:
        file.write(b" ")
    (finding,) = of("models", database)
    assert (finding.state, "SHA-256" in finding.told) == ("fault", True)
    (folder / "registry.json").unlink()
    assert states("models", database) == ["fault"]


def test_disk(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**8, 10**8))
    assert [(finding.state, finding.exit_code) for finding in of("disk", database)] == [("fault", 3)]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, 2 * 10**9))
    assert states("disk", database) == ["ok"]
    monkeypatch.setattr(checkup, "FREE_A_SIZE", 10_000)
    assert states("disk", database) == ["warning"]


def test_memory(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "machine_memory", lambda: 2 * 10**9)
    assert states("memory", database) == ["warning"]
    monkeypatch.setenv("OFFERHOUSE_MEMORY", "1GB")
    assert states("memory", database) == ["ok"]
    monkeypatch.setenv("OFFERHOUSE_MEMORY", "plenty")
    (finding,) = [finding for finding in examine(database) if finding.check == "memory"]
    assert (finding.state, "OFFERHOUSE_MEMORY=plenty" in finding.told) == ("fault", True)


def test_lock(database: Path, tmp_path: Path) -> None:
    with writing(database, "promo load"):
        (finding,) = of("lock", database)
        assert (finding.state, "promo load (process" in finding.told) == ("warning", True)
    write_lock_path(database).write_text("{}")  # its process was killed
    (finding,) = of("lock", database)
    assert (finding.state, finding.mend) == ("warning", f"rm {write_lock_path(database)}")
    write_lock_path(database).unlink()
    (tmp_path / "broken.duckdb").write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 5_000)
    assert states("lock", tmp_path / "broken.duckdb") == ["fault"]


def test_rights(database: Path) -> None:
    assert states("rights", database) == ["ok"]
    key_file(database).chmod(0o644)
    (finding,) = of("rights", database)
    assert (finding.state, finding.mend) == ("fault", f"chmod 600 {key_file(database)}")
    key_file(database).chmod(0o600)
    database.chmod(0o640)
    assert states("rights", database) == ["ok"]  # nobody else gets into the folder
    database.parent.chmod(0o750)
    assert states("rights", database) == ["warning"]
    database.parent.chmod(0o700)


def test_a_folder_that_may_not_be_written_is_told(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert states("rights", database) == ["fault"]


def test_secret(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert states("secret", database) == ["ok"]
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema private")
        told = fingerprint(key_file(database).read_bytes().strip())
        connection.execute("create table private.secret as select $told as fingerprint", {"told": told})
    assert states("secret", database) == ["ok"]
    monkeypatch.setenv("OFFERHOUSE_SECRET", "quite another secret than that")
    (finding,) = of("secret", database)
    assert (finding.state, "another secret" in str(finding)) == ("fault", False)
    monkeypatch.delenv("OFFERHOUSE_SECRET")
    key_file(database).rename(tmp_path / "moved")
    (finding,) = of("secret", database)
    assert (finding.state, "is gone" in finding.told) == ("fault", True)
    key_file(database).write_text("cut")
    assert states("secret", database) == ["fault"]
    monkeypatch.setenv("OFFERHOUSE_PRIVACY", "off")
    key_file(database).unlink()
    assert states("secret", database) == ["warning"]


def test_encryption(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION", "on")
    monkeypatch.delenv("OFFERHOUSE_ENCRYPTION_KEY", raising=False)
    (finding,) = [finding for finding in examine(database) if finding.check == "encryption"]
    assert (finding.state, "asks for a key" in finding.told) == ("fault", True)
    monkeypatch.setenv("OFFERHOUSE_ENCRYPTION_KEY", "a key of more than sixteen letters")
    from promo_cli.errors import PromoError

    def unwritable(*_: object, **__: object) -> None:
        raise PromoError("httpfs isn't installed", 3)

    monkeypatch.setattr(checkup.encryption, "connect", unwritable)
    (finding,) = of("encryption", database)
    assert (finding.state, "sixteen" in str(finding)) == ("fault", False)


def test_project(database: Path, own_project: Path, tmp_path: Path) -> None:
    assert states("project", database) == ["ok"]
    stamp = json.loads((own_project / layout.STAMP).read_text())
    (own_project / layout.STAMP).write_text(
        json.dumps({"version": "0.0.9", "files": stamp["files"] | {"macros/exact.sql": "other"}})
    )
    (own_project / "macros" / "exact.sql.new").touch()
    found = of("project", database)
    assert [finding.state for finding in found] == ["warning", "warning"]
    assert "0.0.9, 1 files differ" in found[0].told
    (own_project / layout.STAMP).write_text("{")
    assert worst(examine(database)) == 3


def test_profile(database: Path, own_project: Path) -> None:
    assert states("profile", database) == ["ok"]
    file = own_project.parent / "profiles.yml"
    file.write_text(file.read_text().replace("promo_cli.publish_plugin", "promo_cli.another"))
    assert [finding.told.partition("lacks")[2] for finding in of("profile", database)] == [" the plugin promo_cli.publish_plugin"]
    file.write_text("my_shop: {}")
    assert states("profile", database) == ["fault"]


def test_policies(database: Path, own_project: Path) -> None:
    assert states("policies", database) == ["ok"]
    policy = own_project / "seeds" / "pricing_policy.csv"
    policy.write_text(policy.read_text().replace("max_discount", "most_discount"))
    (finding,) = of("policies", database)
    assert (finding.state, finding.exit_code, "most_discount" in finding.told) == ("fault", 1, True)
    policy.unlink()
    assert [finding.exit_code for finding in of("policies", database)] == [1]


def test_prices_that_end_in_cents_the_currency_lacks(database: Path, own_project: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("update shop.settings set value = 'JPY' where key = 'currency'")
    (finding,) = of("policies", database)
    assert (finding.state, "row *: prices end in cents, in which JPY is not paid" in finding.told) == ("warning", True)
    policy = own_project / "seeds" / "pricing_policy.csv"
    policy.write_text(policy.read_text().replace(",0.10,0.09,", ",10,0,"))
    assert states("policies", database) == ["ok"]  # categories without promotions, at steps of 0.01, have no prices here


def test_shop(database: Path, tmp_path: Path, own_project: Path) -> None:
    assert states("shop", tmp_path / "none.duckdb") == ["warning"]
    assert states("shop", database) == ["ok"]
    with duckdb.connect(str(database)) as connection:
        connection.execute("alter table shop.order_lines rename column ordered_at to bought_at")
        connection.execute("update shop.products set list_price = 'dear'")
    found = of("shop", database)
    assert [(finding.state, finding.exit_code) for finding in found] == [("fault", 1), ("fault", 1)]
    assert "no value of column list_price" in found[0].told
    assert "no column ordered_at" in found[1].told
    layout.set_vars(own_project, {"shop_columns": {"order_lines": {"ordered_at": "bought_at"}}})
    assert len(of("shop", database)) == 1
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop table shop.products")
    assert [finding.told for finding in of("shop", database)] == ["no shop.products and no events to stand in for it"]
    mapping = own_project.parent / "mapping"
    mapping.mkdir()
    assert "holds no .sql file" in of("shop", database)[0].told
    (mapping / "products.sql").write_text("select 1 as product_id from source.x")
    (mapping / "source.yml").write_text("kind: files\nplace: ../gone\n")
    assert "isn't there" in of("shop", database)[0].told


def test_a_check_that_breaks_is_a_fault(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Iterator[Finding]:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(CHECKS, "disk", broken)
    (finding,) = [finding for finding in examine(database) if finding.state == "fault"]
    assert (finding.check, finding.exit_code) == ("disk", 3)
