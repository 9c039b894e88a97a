"""Versions on disk: written whole or not at all, promoted and rolled back; shipped; and the gate that decides."""

import errno
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from numpy.typing import NDArray

from models_onnx import model_card, versions
from models_onnx.gate import decide
from models_onnx.judges import AucJudge
from models_onnx.ship import ship
from models_onnx.tabular.blend import Member, blend_json
from models_onnx.task import Trained
from models_onnx.versions import Versions
from udfs.model_registry import ModelRefused, ModelRegistry
from udfs.served_models import ServedModels, load_scorer

NAME = "interest"
FILES = ("model.ubj", "linear.json")


def rule(index: int = 0, feature_count: int = tiny_models.FEATURES) -> bytes:
    points = [[-1.0, 0.25], [1.0, 0.75]]
    return json.dumps({"index": index, "feature_count": feature_count, "points": points, "missing": 0.5}).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Models as first shipped: a registry without versions."""
    path = tmp_path / "models_onnx"
    path.mkdir()
    return tiny_models.write_models(path)


def content(number: int) -> bytes:
    """A linear model; another number, another version."""
    return tiny_models.linear_model(bias=number / 10)


def add(folder: Path, number: int, serve: bool, name: str = NAME) -> str:
    """Store and register version `number`; returns its version."""
    held = Versions(folder)
    card = {"task": "bought within four weeks", "trained_at": f"2026-01-0{number}T00:00:00Z", "parent": None}
    line = held.store(name, "linear", "model.json", {"model.json": content(number), "curve.svg": b"<svg/>"}, card)
    held.register(name, line, serve)
    return str(line["version"])


def statuses(folder: Path, name: str = NAME) -> dict[str, str]:
    return {line["version"]: line["status"] for line in Versions(folder).lines(name)}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file with its content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_registry_without_versions_counts_as_one_champion_each(folder: Path) -> None:
    registered = ModelRegistry(folder).model_version(NAME)
    assert statuses(folder) == {registered: "champion"}


def test_a_challenger_changes_nothing_that_serves_and_a_champion_does(folder: Path) -> None:
    shipped = ModelRegistry(folder).model_version(NAME)
    second = add(folder, 2, serve=False)
    assert ModelRegistry(folder).model_version(NAME) == shipped
    assert statuses(folder) == {shipped: "champion", second: "challenger"}
    third = add(folder, 3, serve=True)
    assert ModelRegistry(folder).model_version(NAME) == third
    assert statuses(folder) == {second: "challenger", third: "champion", shipped: "former"}
    assert load_scorer(ModelRegistry(folder), NAME).name == NAME
    card = Versions(folder).card(NAME, Versions(folder).lines(NAME)[1])
    assert card["files"]["model.json"]["sha256"] == sha256(content(3)).hexdigest()
    assert set(card["files"]) == {"model.json", "curve.svg"}
    # Others stay as they were.
    assert ModelRegistry(folder).read("purchase_intent") == tiny_models.intent_model()


def test_the_same_version_twice_keeps_its_files_and_its_one_line(folder: Path) -> None:
    version = add(folder, 2, serve=False)
    before = tree(folder)
    assert add(folder, 2, serve=False) == version
    assert tree(folder) == before
    add(folder, 2, serve=True)
    assert list(statuses(folder).values()).count("champion") == 1
    assert ModelRegistry(folder).model_version(NAME) == version


def test_promote_and_roll_back(folder: Path) -> None:
    shipped = ModelRegistry(folder).model_version(NAME)
    second, third = add(folder, 2, serve=True), add(folder, 3, serve=False)
    held = Versions(folder)
    before, now = held.promote(NAME, third[:5])
    assert before is not None
    assert (before["version"], now["version"]) == (second, third)
    assert ModelRegistry(folder).model_version(NAME) == third
    # Back, and further back: what is rolled back from is no former champion to come back to.
    assert held.rollback(NAME)[1]["version"] == second
    assert held.rollback(NAME)[1]["version"] == shipped
    assert statuses(folder) == {third: "challenger", second: "challenger", shipped: "champion"}
    with pytest.raises(ModelRefused, match="interest has no former champion to go back to"):
        held.rollback(NAME)


def test_rolling_back_from_the_first_model_returns_to_the_rule(folder: Path) -> None:
    held = Versions(folder)
    rule = held.serve_rule(NAME)
    assert rule is not None
    third = add(folder, 3, serve=False)
    held.promote(NAME, third)
    before, now = held.rollback(NAME)
    assert (before and before["version"], now["version"], now["status"]) == (third, rule["version"], "rule")
    assert ModelRegistry(folder).model(NAME).kind == "rule"
    assert statuses(folder)[third] == "challenger"
    # further back lies the model that served before the rule, which is no place to come back to
    assert held.rollback(NAME)[1]["kind"] != "rule"
    assert "rule" not in statuses(folder).values()


def test_promoting_what_is_not_there_is_refused(folder: Path) -> None:
    second = add(folder, 2, serve=False)
    held = Versions(folder)
    for name, version, message in (
        ("intrest", second, "intrest: no such model in models_onnx/registry.json; there are purchase_intent, interest"),
        (NAME, "zzz", f"interest has no version zzz…; there are .*, {second}"),
        (NAME, "", "interest: name a version, or the first digits of one"),
    ):
        with pytest.raises(ModelRefused, match=message):
            held.promote(name, version)
    (folder / NAME / second / "model.json").write_bytes(b"altered")
    with pytest.raises(ModelRefused, match="not the registered one; train it again"):
        held.promote(NAME, second)
    (folder / NAME / second / "model.json").unlink()
    with pytest.raises(ModelRefused, match=r"can't read interest/.*No such file"):
        held.promote(NAME, second)


def test_a_card_that_is_another_models_is_refused_where_it_matters(folder: Path) -> None:
    version = add(folder, 2, serve=True)
    card_file = folder / NAME / version / "card.json"
    card = json.loads(card_file.read_text())
    card["file"]["sha256"] = card["files"]["model.json"]["sha256"] = "0" * 64
    card_file.write_text(json.dumps(card))
    with pytest.raises(ModelRefused, match="doesn't describe the registered model") as refusal:
        load_scorer(ModelRegistry(folder), NAME)
    assert "\n" not in str(refusal.value)
    with pytest.raises(ModelRefused, match="doesn't describe the registered model"):
        Versions(folder).card(NAME, Versions(folder).serving(NAME) or {})


def test_a_corrupt_registry_is_refused_and_not_written_over(folder: Path) -> None:
    line = {"version": "0" * 12, "file": "interest/model.json", "sha256": "0" * 64, "kind": "linear", "status": "challenger"}
    lacking = [json.dumps({NAME: {"versions": [{**line, field: None}]}}) for field in line]
    for text in ("{", "[]", '{"interest": {"file": "x"}}', '{"interest": 3}', '{"interest": {"versions": [{}]}}', *lacking):
        (folder / "registry.json").write_text(text)
        with pytest.raises(ModelRefused, match=r"registry\.json can't be read"):
            add(folder, 2, serve=True)
        assert (folder / "registry.json").read_text() == text


@pytest.mark.parametrize("fails_at", range(1, 7))
def test_a_full_disk_at_any_moment_leaves_what_serves(folder: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int) -> None:
    """The six moments: three files, their folder, its place, the registry."""
    before = tree(folder)
    calls = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="No space left"):
            add(folder, 2, serve=True)
    Versions(folder).clean()
    assert tree(folder) == before
    assert load_scorer(ModelRegistry(folder), NAME)
    version = add(folder, 2, serve=True)
    assert ModelRegistry(folder).model_version(NAME) == version


def test_what_a_killed_run_left_goes_and_nothing_else(folder: Path) -> None:
    kept = add(folder, 2, serve=False)
    expected = tree(folder)
    (folder / NAME / ".0123456789ab.42.tmp").mkdir()
    (folder / NAME / ".0123456789ab.42.tmp" / "model.json").write_text("half")
    (folder / NAME / "0123456789ab").mkdir()
    (folder / NAME / "0123456789ab" / "model.json").write_text("never registered")
    (folder / "brand_new" / "ba9876543210").mkdir(parents=True)
    (folder / ".registry.json.42.tmp").write_text("{")
    assert len(Versions(folder).clean()) == 4
    assert tree(folder) == expected
    assert (folder / NAME / kept).is_dir()


def test_a_folder_of_ones_own_starts_with_what_is_shipped(folder: Path, tmp_path: Path) -> None:
    add(folder, 2, serve=True)
    add(folder, 3, serve=False)
    (folder / NAME / "rule.json").write_bytes(rule())
    own = Versions(tmp_path / "own")
    own.seed(folder)
    assert [line["status"] for line in own.lines(NAME)] == ["champion"]
    assert ServedModels(ModelRegistry(own.folder)).model_version(NAME) == ModelRegistry(folder).model_version(NAME)
    assert (own.folder / NAME / "rule.json").read_bytes() == rule()
    add(own.folder, 4, serve=True)
    before = tree(own.folder)
    own.seed(folder)  # only once
    assert tree(own.folder) == before


def test_a_rule_serves_in_a_models_place_and_says_so(folder: Path) -> None:
    (folder / NAME / "rule.json").write_bytes(rule())
    shipped = ModelRegistry(folder).model_version(NAME)
    held = Versions(folder)
    line = held.serve_rule(NAME)
    assert line is not None
    models = ServedModels(ModelRegistry(folder))
    assert models.serving_model("interest") == "interest (rule)"
    assert models.model_version("interest (rule)") == sha256(rule()).hexdigest()[:12] == line["version"]
    features = np.array([[0.0] * 8, [5.0] * 8, [np.nan] * 8], dtype=np.float32)
    np.testing.assert_allclose(models.scorer("interest").score(features), [0.5, 0.75, 0.5])
    assert statuses(folder) == {shipped: "former", line["version"]: "rule"}
    # Back to the model: the rule is what served before.
    held.promote(NAME, shipped)
    assert statuses(folder) == {line["version"]: "former", shipped: "champion"}
    assert ServedModels(ModelRegistry(folder)).serving_model("interest") == "interest"
    held.serve_rule(NAME)
    assert held.rollback(NAME)[1]["version"] == shipped
    assert held.serve_rule("unruly") is None


def test_a_blend_is_refused_when_a_member_is_not_the_pinned_one(folder: Path) -> None:
    members = [Member("trees.ubj", "xgboost", tiny_models.booster(), 0.5), Member("rule.json", "rule", rule(), 0.5)]
    blend = blend_json(members, list("abcdefgh"))
    files = {"blend.json": blend, "trees.ubj": tiny_models.booster(), "rule.json": rule()}
    held = Versions(folder)
    line = held.store(NAME, "blend", "blend.json", files, {})
    held.register(NAME, line, serve=True)
    assert load_scorer(ModelRegistry(folder), NAME)
    place = folder / NAME / line["version"]
    (place / "trees.ubj").write_bytes(tiny_models.booster(best_iteration=3))
    with pytest.raises(ModelRefused, match=r"trees\.ubj has SHA-256 .* but .* is registered"):
        load_scorer(ModelRegistry(folder), NAME)
    (place / "trees.ubj").unlink()
    with pytest.raises(ModelRefused, match=r"can't read models_onnx/interest/.*/trees\.ubj"):
        load_scorer(ModelRegistry(folder), NAME)
    for outside in ("../../../secret", "/etc/passwd"):
        bad = json.loads(blend)
        bad["members"][0]["file"] = outside
        other = held.store(NAME, "blend", "blend.json", {"blend.json": json.dumps(bad).encode()}, {})
        held.register(NAME, other, serve=True)
        with pytest.raises(ModelRefused, match="must be a plain path inside models_onnx"):
            load_scorer(ModelRegistry(folder), NAME)


def test_a_challenger_alone_serves_nothing_and_says_what_to_do(folder: Path) -> None:
    version = add(folder, 2, serve=False, name="churn_risk")
    with pytest.raises(ModelRefused, match="no version of it serves; let one: promo models promote churn_risk VERSION"):
        ModelRegistry(folder).model("churn_risk")
    Versions(folder).promote("churn_risk", version)
    assert ModelRegistry(folder).model_version("churn_risk") == version


def test_shipping_moves_champions_to_their_place_and_drops_the_rest(folder: Path) -> None:
    (folder / NAME / "train.py").write_text("# code stays")
    (folder / NAME / "rule.json").write_bytes(rule())
    add(folder, 2, serve=False)
    third = add(folder, 3, serve=True)
    assert ship(folder) == [f"interest: version {third} ships as interest/model.json"]
    assert {path.name for path in (folder / NAME).iterdir()} == {"train.py", "rule.json", "model.json", "curve.svg", "card.json"}
    assert statuses(folder) == {third: "champion"}
    assert ModelRegistry(folder).read(NAME) == content(3)
    assert Versions(folder).card(NAME, Versions(folder).lines(NAME)[0])["task"] == "bought within four weeks"
    shipped = tree(folder)
    assert ship(folder) == []
    assert tree(folder) == shipped
    # The next champion takes the place of the one that shipped.
    fourth = add(folder, 4, serve=True)
    ship(folder)
    assert statuses(folder) == {fourth: "champion"}
    assert ModelRegistry(folder).read(NAME) == content(4)
    assert {path.name for path in (folder / NAME).iterdir()} == {"train.py", "rule.json", "model.json", "curve.svg", "card.json"}


def test_shipping_keeps_a_file_that_another_model_needs(folder: Path) -> None:
    """Both forms of interest were once shipped from one folder, with one card that lists both files."""
    linear = tiny_models.entry(folder, "interest/linear.json", "linear", tiny_models.linear_model())
    entries = json.loads((folder / "registry.json").read_text())
    card = {"files": {plain: {"sha256": sha256((folder / NAME / plain).read_bytes()).hexdigest()} for plain in FILES}}
    (folder / NAME / "card.json").write_text(json.dumps(card))
    entries["interest_linear"] = linear
    entries[NAME]["card"] = "interest/card.json"
    (folder / "registry.json").write_text(json.dumps(entries))
    add(folder, 3, serve=True)
    ship(folder)
    assert ModelRegistry(folder).read("interest_linear") == tiny_models.linear_model()
    assert ModelRegistry(folder).read(NAME) == content(3)
    assert not (folder / NAME / "model.ubj").exists()


def test_cards_hold_no_number_that_json_lacks(tmp_path: Path) -> None:
    model_card.write_card(
        tmp_path / "card.json", {"auc": float("nan"), "lift": np.float32(1.5), "array": np.array([1.0, np.inf])}
    )
    assert json.loads((tmp_path / "card.json").read_text()) == {"auc": None, "lift": 1.5, "array": [1.0, None]}
    assert versions.now().endswith("Z")


# The gate.

RANDOM = np.random.default_rng(8)
LABELS = RANDOM.integers(0, 2, 1200).astype(np.float64)
NOISE = RANDOM.normal(size=1200)
INPUTS = np.column_stack([LABELS + NOISE, RANDOM.normal(size=1200)]).astype(np.float32)


class Champion:
    """Scores rows by a function; reads two features."""

    name, piece_rows, feature_count = NAME, 100, 2

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def dense_batch(self, column: Any) -> Any:
        raise AssertionError("the gate scores dense rows")

    def score(self, batch: NDArray[Any]) -> NDArray[Any]:
        return (self.strength * LABELS + NOISE)[: len(batch)].astype(np.float32)


def trained(strength: float, baselines: dict[str, float] | None = None, **changes: Any) -> Trained:
    fields: dict[str, Any] = {
        "kind": "linear",
        "file": "model.json",
        "files": {"model.json": content(1)},
        "card": {},
        "metrics": {},
        "judge": AucJudge(LABELS, np.arange(1200) // 4),
        "test_inputs": INPUTS,
        "test_scores": strength * LABELS + NOISE,
        "baseline_scores": {name: other * LABELS + NOISE for name, other in (baselines or {}).items()},
    }
    return Trained(**(fields | changes))


def test_the_gate_lets_in_what_is_beyond_noise() -> None:
    verdict = decide(NAME, trained(1.2, {"rule: rate": 0.5}), Champion(1.0))
    assert verdict.serves
    assert verdict.reason.startswith("beyond noise: auc +0.0")
    assert verdict.reason.endswith("against the champion at the least")
    assert verdict.best_baseline is not None
    assert verdict.best_baseline.other == "rule: rate"
    assert verdict.reached == pytest.approx(verdict.comparisons[0].reached + verdict.comparisons[0].gain)


@pytest.mark.parametrize(
    ("new", "champion", "baselines", "against"),
    [
        (1.0, 1.0, {"rule: rate": 0.5}, "against the champion"),
        (1.2, 1.0, {"rule: rate": 0.5, "logistic": 1.2}, "against logistic"),
        (0.8, 1.0, {}, "against the champion"),
    ],
)
def test_the_gate_keeps_out_what_is_not_and_says_against_whom(
    new: float, champion: float, baselines: dict[str, float], against: str
) -> None:
    verdict = decide(NAME, trained(new, baselines), Champion(champion))
    assert not verdict.serves
    assert verdict.reason.startswith("not beyond noise: auc ")
    stays = verdict.comparisons[0].reached
    assert f"{against}; the champion stays, at {stays:.4f}" in verdict.reason


@pytest.mark.parametrize("refusal", [None, "the placebo answers too"])
def test_the_gate_says_when_what_serves_on_is_below_a_baseline(refusal: str | None) -> None:
    verdict = decide(NAME, trained(0.7, {"rule: rate": 0.8, "logistic": 1.2}, refusal=refusal), Champion(0.5))
    assert not verdict.serves
    champion, _, best = (one.reached for one in verdict.comparisons)
    assert verdict.reason.endswith(f"; the champion stays, at {champion:.4f}, below logistic ({best:.4f})")


def test_a_champion_of_another_shape_leaves_the_baselines_to_decide() -> None:
    other = Champion(1.0)
    other.feature_count = 3
    verdict = decide(NAME, trained(1.0, {"rule: rate": 0.5}), other)
    assert verdict.serves
    assert verdict.reason.endswith("the champion can't be compared (it reads 3 values a row, the new one 2)")
    assert not decide(NAME, trained(0.5, {"rule: rate": 0.5}), other).serves
    assert "its feature vector is another" in decide(NAME, trained(1.0), None, "its feature vector is another").reason


def test_a_model_without_a_judge_and_one_that_refused_itself() -> None:
    assert decide(NAME, trained(1, judge=None), None).serves
    refused = decide(NAME, trained(1, judge=None, refusal="its clusters fall apart"), None)
    assert (refused.serves, refused.reason) == (False, "its clusters fall apart")
    assert not decide(NAME, trained(3.0, refusal="the placebo answers too"), Champion(0.1)).serves
