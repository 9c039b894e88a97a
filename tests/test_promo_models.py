"""`promo models`: what there is, what serves, and how to change it."""

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_models

from models_onnx.tabular.blend import Member, blend_json
from models_onnx.versions import Versions
from udfs.model_registry import ModelRegistry

Promo = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Shipped models, and two more versions of interest: a challenger, then a champion."""
    path = tmp_path / "models_onnx"
    path.mkdir()
    tiny_models.write_models(path)
    held = Versions(path)
    for number, serve in ((1, False), (2, True)):
        card = {
            "task": "bought within four weeks",
            "data": "a small shop: 900 buyers",
            "measure": "auc",
            "metrics": {"interest": {"test": {"auc": 0.8 + number / 100}}},
            "split": {
                "train": {"first": "2025-01-06", "last": "2025-05-05"},
                "test": {"first": "2025-06-02", "last": "2025-06-30"},
            },
            "trained_at": f"2026-01-0{number}T10:00:00Z",
        }
        line = held.store("interest", "linear", "model.json", {"model.json": tiny_models.linear_model(bias=number)}, card)
        held.register("interest", line, serve)
    return path


def versions(folder: Path) -> list[str]:
    """Versions of interest: the challenger, the champion, the former one."""
    return [line["version"] for line in Versions(folder).lines("interest")]


def test_list_tells_every_version(promo: Promo, folder: Path) -> None:
    challenger, champion, former = versions(folder)
    code, out, err = promo("models", "list", "--models-folder", folder)
    assert (code, err) == (0, "")
    lines = {line.split()[1]: line for line in out.splitlines()}
    assert lines[champion].split() == ["interest", champion, "champion", "auc", "0.8200", "2025-06-30"]
    assert "challenger" in lines[challenger]
    assert "former" in lines[former]
    assert out.splitlines()[0].split()[:4] == ["model", "version", "status", "measure"]


def test_list_as_json(promo: Promo, folder: Path) -> None:
    code, out, _ = promo("models", "list", "--json", "--models-folder", folder)
    assert code == 0
    records = {record["version"]: record for record in json.loads(out)}
    assert len(records) == 5
    champion = records[versions(folder)[1]]
    assert (champion["status"], champion["value"], champion["trained_on"]) == ("champion", 0.82, "a small shop: 900 buyers")
    assert champion["fault"] is None


def test_list_names_a_card_that_is_another_models_and_a_file_that_is_gone(promo: Promo, folder: Path) -> None:
    challenger, champion, _ = versions(folder)
    card = folder / "interest" / challenger / "card.json"
    card.write_text(card.read_text().replace(challenger, "0" * 12))
    (folder / "interest" / champion / "model.json").unlink()
    code, out, err = promo("models", "list", "--models-folder", folder)
    assert code == 0
    assert out.count("unusable") == 2
    assert "doesn't describe the registered model" in err
    assert "can't read" in err
    code, _, err = promo("models", "promote", "interest", challenger, "--models-folder", folder)
    assert (code, err.count("\n")) == (1, 1)
    assert "doesn't describe the registered model" in err


@pytest.mark.parametrize("altered", [b"junk", None])
def test_a_version_whose_members_are_not_its_own_is_unusable(promo: Promo, folder: Path, altered: bytes | None) -> None:
    trees = tiny_models.booster()
    files = {"blend.json": blend_json([Member("trees.ubj", "xgboost", trees, 1.0)], list("abcdefgh")), "trees.ubj": trees}
    files |= {"rule.json": b"{}", "gains.svg": b"<svg/>"}
    held = Versions(folder)
    blend = held.store("interest", "blend", "blend.json", files, {})
    held.register("interest", blend, serve=True)
    held.promote("interest", versions(folder)[1])  # so that a rollback would bring the blend back
    place = folder / "interest" / blend["version"]
    for aside in ("rule.json", "gains.svg"):
        (place / aside).unlink()
    assert "unusable" not in promo("models", "list", "--models-folder", folder)[1]
    (place / "trees.ubj").unlink() if altered is None else (place / "trees.ubj").write_bytes(altered)
    before = (folder / "registry.json").read_bytes()
    code, out, err = promo("models", "list", "--models-folder", folder)
    assert (code, out.count("unusable"), err.count("\n")) == (0, 1, 1)
    for arguments in (("promote", "interest", blend["version"]), ("rollback", "interest")):
        code, out, err = promo("models", *arguments, "--models-folder", folder)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert f"interest/{blend['version']}/trees.ubj" in err
    assert (folder / "registry.json").read_bytes() == before


def test_promote_and_rollback_change_what_serves(promo: Promo, folder: Path) -> None:
    challenger, champion, former = versions(folder)
    before = (folder / "registry.json").read_bytes()
    for arguments, serves in ((("promote", "interest", challenger[:6]), challenger), (("rollback", "interest"), former)):
        code, out, err = promo("models", *arguments, "--dry-run", "--models-folder", folder)
        assert (code, err) == (0, "")
        assert out == f"interest: version {serves} would serve in place of version {champion}; nothing was changed\n"
        told = json.loads(promo("models", *arguments, "--dry-run", "--json", "--models-folder", folder)[1])
        assert told == {"model": "interest", "serves": serves, "served_before": champion, "changed": False}
    assert (folder / "registry.json").read_bytes() == before
    code, out, err = promo("models", "promote", "interest", challenger[:6], "--models-folder", folder)
    assert (code, err) == (0, "")
    assert out == f"interest: version {challenger} serves, version {champion} did before; the next build scores with it\n"
    assert ModelRegistry(folder).model_version("interest") == challenger
    assert promo("models", "promote", "interest", challenger, "--models-folder", folder)[1] == (
        f"interest: version {challenger} serves already\n"
    )
    code, out, _ = promo("models", "rollback", "interest", "--models-folder", folder)
    assert (code, ModelRegistry(folder).model_version("interest")) == (0, champion)
    assert promo("models", "rollback", "interest", "--models-folder", folder)[0] == 0
    assert ModelRegistry(folder).model_version("interest") == former
    code, _, err = promo("models", "rollback", "interest", "--models-folder", folder)
    assert (code, err) == (1, "promo: interest has no former champion to go back to\n")
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("promote", "intrest", "ab"), "intrest is no model (did you mean interest?); there are: purchase_intent, interest, "),
        (("promote", "interest", "zz"), "interest has no version zz…; there are "),
        (("promote", "purchase_intent", ""), "purchase_intent: name a version, or the first digits of one"),
        (("rollback", "purchase_intent"), "purchase_intent has no former champion to go back to"),
    ],
)
def test_what_is_not_there_is_one_line(promo: Promo, folder: Path, arguments: tuple[str, ...], words: str) -> None:
    before = (folder / "registry.json").read_bytes()
    code, out, err = promo("models", *arguments, "--models-folder", folder)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"promo: {words}")
    assert (folder / "registry.json").read_bytes() == before


def test_no_registry_or_a_corrupt_one_is_one_line(promo: Promo, folder: Path, tmp_path: Path) -> None:
    for arguments in (("list",), ("rollback", "interest")):
        code, _, err = promo("models", *arguments, "--models-folder", tmp_path / "nowhere")
        assert (code, err.count("\n")) == (1, 1)
        assert "holds no registry.json; promo train --models-folder" in err
    assert not (tmp_path / "nowhere").exists()
    registry = json.loads((folder / "registry.json").read_text())
    del registry["interest"]["versions"][0]["sha256"]
    for text, words in (("{", "JSONDecodeError"), (json.dumps(registry), "a version of interest has no sha256")):
        (folder / "registry.json").write_text(text)
        code, _, err = promo("models", "list", "--models-folder", folder)
        assert (code, err.count("\n")) == (1, 1)
        assert "registry.json can't be read" in err
        assert words in err


def test_the_folder_is_that_of_the_environment(promo: Promo, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFERHOUSE_MODELS", str(folder))
    assert len(json.loads(promo("models", "list", "--json")[1])) == 5
    monkeypatch.setenv("OFFERHOUSE_MODELS", "")
    assert "purchase_intent" in promo("models", "list")[1]


def test_a_change_waits_for_no_training(promo: Promo, folder: Path) -> None:
    import fcntl

    with (folder / ".training.lock").open("w") as held:
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "command": "promo train", "since": int(time.time()) - 130}
        held.write(json.dumps(owner))
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = promo("models", "rollback", "interest", "--models-folder", folder)
    assert code == 3
    assert f"another promo train is at work in {folder} (process {os.getpid()}, for 2 min)" in err
