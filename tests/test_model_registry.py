"""No model is loaded that the registry can't vouch for, and every refusal names the model and the way out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import tiny_models

from udfs.model_registry import ModelRefused, ModelRegistry
from udfs.served_models import ServedModels, load_scorer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "models_onnx"
    path.mkdir()
    return tiny_models.write_models(path)


def change_entry(folder: Path, **changes: object) -> None:
    registry = json.loads((folder / "registry.json").read_text())
    registry["purchase_intent"] |= changes
    (folder / "registry.json").write_text(json.dumps(registry))


def refusal(folder: Path, name: str = "purchase_intent") -> str:
    with pytest.raises(ModelRefused) as refused:
        ModelRegistry(folder).read(name)
    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    return message


def test_a_registered_model_is_read_and_versioned(folder: Path) -> None:
    registry = ModelRegistry(folder)
    assert registry.read("purchase_intent") == tiny_models.intent_model()
    entry = registry.model("purchase_intent")
    assert entry.kind == "onnx"
    assert registry.model_version("purchase_intent") == entry.sha256[:12]


def test_an_altered_file_is_refused(folder: Path) -> None:
    file = folder / "purchase_intent/model.onnx"
    registered = json.loads((folder / "registry.json").read_text())["purchase_intent"]["sha256"]
    file.write_bytes(file.read_bytes() + b" ")
    message = refusal(folder)
    assert "models_onnx/purchase_intent/model.onnx has SHA-256 " in message
    assert f"but {registered[:12]}… is registered; run `promo train purchase_intent` or restore the file" in message


def test_an_absent_file_is_refused(folder: Path) -> None:
    (folder / "purchase_intent/model.onnx").unlink()
    assert "can't read models_onnx/purchase_intent/model.onnx (No such file" in refusal(folder)


def test_an_unknown_name_is_refused_and_the_known_ones_named(folder: Path) -> None:
    message = refusal(folder, "churn_risk")
    assert "registered: interest, interest_linear, purchase_intent" in message


def test_an_absent_registry_is_refused(tmp_path: Path) -> None:
    assert "registry.json (No such file" in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", '{"purchase_intent": ', "\xff\xfe"])
def test_a_corrupt_registry_is_refused(folder: Path, text: str) -> None:
    (folder / "registry.json").write_bytes(text.encode("latin-1"))
    assert "models_onnx/registry.json is not valid JSON" in refusal(folder)


def test_a_registry_that_is_no_object_is_refused(folder: Path) -> None:
    (folder / "registry.json").write_text("[]")
    assert "must be a JSON object" in refusal(folder)


@pytest.mark.parametrize("changes", [{"file": ""}, {"kind": ""}, {"sha256": "ab12"}, {"sha256": None}])
def test_a_broken_entry_is_refused_and_the_others_still_serve(folder: Path, changes: dict[str, object]) -> None:
    change_entry(folder, **changes)
    assert "its entry in models_onnx/registry.json needs a file" in refusal(folder)
    assert ModelRegistry(folder).read("interest")


def test_an_entry_that_is_no_object_is_refused(folder: Path) -> None:
    (folder / "registry.json").write_text('{"purchase_intent": "model.onnx"}')
    assert "needs a file" in refusal(folder)


def test_a_path_outside_the_folder_is_refused(folder: Path) -> None:
    outside = folder.parent / "model.onnx"
    outside.write_bytes(tiny_models.intent_model())
    inside = folder / "purchase_intent/model.onnx"
    for path in ("../model.onnx", str(outside), str(inside), "interest/../purchase_intent/model.onnx"):
        change_entry(folder, file=path)
        assert "must be a plain path inside models_onnx" in refusal(folder)


def test_a_symlink_may_point_inside_the_folder_but_not_out_of_it(folder: Path) -> None:
    outside = folder.parent / "model.onnx"
    outside.write_bytes(tiny_models.intent_model())
    for target, link in ((outside, "out.onnx"), (folder / "purchase_intent/model.onnx", "in.onnx")):
        os.symlink(target, folder / link)
    os.symlink(folder.parent, folder / "up")
    for path in ("out.onnx", "up/model.onnx"):
        change_entry(folder, file=path)
        assert "must be a plain path inside models_onnx" in refusal(folder)
    change_entry(folder, file="in.onnx")
    assert ModelRegistry(folder).read("purchase_intent") == tiny_models.intent_model()


def test_the_registry_stands_once_read(folder: Path) -> None:
    registry = ModelRegistry(folder)
    version = registry.model_version("purchase_intent")
    change_entry(folder, **tiny_models.entry(folder, "purchase_intent/model.onnx", "onnx", b"trained anew"))
    assert registry.model_version("purchase_intent") == version
    with pytest.raises(ModelRefused, match="is registered"):
        registry.read("purchase_intent")
    assert ModelRegistry(folder).read("purchase_intent") == b"trained anew"


def test_a_registry_that_was_absent_is_looked_for_again(folder: Path) -> None:
    hidden = folder.rename(folder.parent / "hidden")
    registry = ModelRegistry(folder)
    with pytest.raises(ModelRefused):
        registry.read("purchase_intent")
    hidden.rename(folder)
    assert registry.read("purchase_intent")


def test_a_kind_without_scorer_is_refused(folder: Path) -> None:
    change_entry(folder, kind="lightgbm")
    with pytest.raises(ModelRefused, match=r"^purchase_intent: registered with kind lightgbm, but"):
        load_scorer(ModelRegistry(folder), "purchase_intent")


def test_a_model_is_loaded_once(folder: Path) -> None:
    models = ServedModels(ModelRegistry(folder), {"interest": "xgboost"})
    scorer = models.scorer("purchase_intent")
    (folder / "purchase_intent/model.onnx").unlink()
    assert models.scorer("purchase_intent") is scorer


def test_the_configured_interest_model_serves(folder: Path) -> None:
    for choice, name in (("xgboost", "interest"), ("linear", "interest_linear")):
        models = ServedModels(ModelRegistry(folder), {"interest": choice})
        assert models.serving_model("interest") == name
        assert models.scorer("interest").name == name
    with pytest.raises(ValueError, match="interest: must be xgboost or linear, not 'trees'"):
        ServedModels(ModelRegistry(folder), {"interest": "trees"})
