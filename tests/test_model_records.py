"""Cards as records for SQL: only a card that names its model's file counts, and a broken one is told in one line."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import tiny_models

from models_onnx.curves import card_curves, epoch_points
from models_onnx.drift import profile
from udfs.duckdb_functions import register_functions
from udfs.model_records import RECORD_TYPES, ModelRecords, curve_points
from udfs.model_registry import ModelRefused, ModelRegistry

LABELS, SCORES = [0, 1, 0, 1], [0.1, 0.6, 0.4, 0.9]


def card_of(sha256: str, **changes: Any) -> dict[str, Any]:
    card = {
        "model": "interest",
        "task": "a product is bought",
        "data": "a shop: 10 buyers",
        "measure": "auc",
        "split": {"train": {"first": "2024-01-01", "last": "2024-02-01", "rows": 4}, "test": {"last": "2024-03-08"}},
        "trained_at": "2024-04-01T12:00:00+02:00",
        "metrics": {
            "interest": {
                "validation": {"auc": 0.7, "rows": 4},
                "test": {
                    "auc": 0.8,
                    "auc_interval_95": [0.7, 0.9],
                    "report": {"0": {"precision": 0.5}, "1": {"precision": 1.0}, "accuracy": 0.75},
                    "value_by_arm": {"mens": 0.2, "none": 0.1},
                    "ndcg@10": None,
                },
            },
            "rule: best sellers": {"test": {"auc": 0.6}},
        },
        "curves": card_curves(LABELS, SCORES) | {"epochs": epoch_points([{"epoch": 1, "train_loss": 0.5}])},
        "profile": profile([[0.5], [None], [1.0], [2.0]], ["age_days"], SCORES),
        "file": {"name": "model.ubj", "sha256": sha256, "bytes": 1},
    }  # fmt: skip
    return card | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tiny models, of which interest has a card, a former version and a challenger without a card file."""
    (tmp_path / "models_onnx").mkdir()
    path = tiny_models.write_models(tmp_path / "models_onnx")
    registry = json.loads((path / "registry.json").read_text())
    served = registry["interest"]
    former = tiny_models.entry(path, "interest/aaa/model.json", "linear", tiny_models.linear_model())
    challenger = tiny_models.entry(path, "interest/bbb/model.json", "linear", tiny_models.linear_model(bias=1.0))
    (path / "interest/card.json").write_text(json.dumps(card_of(served["sha256"])))
    (path / "interest/aaa/card.json").write_text(json.dumps(card_of(former["sha256"])))
    versions = [
        version_line(former, "former", "interest/aaa/card.json"),
        version_line(challenger, "challenger", "interest/bbb/card.json"),
        version_line(served, "champion", "interest/card.json") | {"parent": former["sha256"][:12]},
    ]
    registry["interest"] |= {"card": "interest/card.json", "versions": versions}
    (path / "registry.json").write_text(json.dumps(registry))
    return path


def version_line(entry: dict[str, str], status: str, card: str) -> dict[str, Any]:
    return {**entry, "version": entry["sha256"][:12], "status": status, "card": card, "parent": None, "trained_at": None}


def records(folder: Path) -> ModelRecords:
    return ModelRecords(ModelRegistry(folder))


def change_card(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "interest/card.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


def test_every_version_is_registered_the_serving_one_first(folder: Path) -> None:
    found = {(one["model_name"], one["status"]): one for one in records(folder).registered()}
    assert set(found) == {
        ("purchase_intent", "champion"), ("interest_linear", "champion"),
        ("interest", "champion"), ("interest", "former"), ("interest", "challenger"),
    }  # fmt: skip
    serving = records(folder).registered("interest")[0]
    assert serving["model_version"] == found["interest", "champion"]["model_version"]
    assert serving["sha256"][:12] == serving["model_version"]
    assert len(serving["sha256"]) == 64
    assert (serving["window_first"], serving["window_last"]) == (date(2024, 1, 1), date(2024, 3, 8))
    assert serving["trained_at"] == datetime(2024, 4, 1, 10)
    assert (serving["measure"], serving["value"], serving["train_rows"]) == ("auc", 0.8, 4)
    assert serving["parent_version"] == found["interest", "former"]["model_version"]
    assert serving["card_fault"] is None
    assert found["purchase_intent", "champion"]["task"] is None, "a model without a card has a row without figures"


def test_a_challengers_missing_card_is_its_fault_alone(folder: Path) -> None:
    fault = records(folder).registered("interest")[2]["card_fault"]
    assert fault.startswith("interest: can't read the card models_onnx/interest/bbb/card.json (No such file")


def test_a_former_champions_broken_card_is_its_fault_alone(folder: Path) -> None:
    path = folder / "interest/aaa/card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"curves": {"gains": [1]}}))
    former = records(folder).registered("interest")[1]
    assert "the card interest/aaa/card.json can't be read (ValueError" in former["card_fault"]
    assert {one["model_version"] for one in records(folder).curves("interest")} != {former["model_version"]}


def test_a_rule_needs_no_card(folder: Path) -> None:
    registry = json.loads((folder / "registry.json").read_text())
    rule = tiny_models.entry(folder, "interest/rule.json", "rule", b"{}")
    registry["interest"] |= rule
    (folder / "registry.json").write_text(json.dumps(registry))
    found = records(folder).registered("interest")
    assert [one["status"] for one in found][:1] == ["rule"]
    assert not [one for one in records(folder).metrics("interest") if one["model_version"] == rule["sha256"][:12]]


def test_metrics_by_window_measure_and_class(folder: Path) -> None:
    version = records(folder).registered("interest")[0]["model_version"]
    found = [one for one in records(folder).metrics("interest") if one["model_version"] == version]
    told = {(one["compared"], one["data_window"], one["measure"], one["class_label"]): one for one in found}
    auc = told["interest", "test", "auc", None]
    assert (auc["value"], auc["lower"], auc["upper"]) == (0.8, 0.7, 0.9)
    assert told["interest", "validation", "auc", None]["lower"] is None
    assert told["interest", "test", "precision", "1"]["value"] == 1.0
    assert told["interest", "test", "value_by_arm", "mens"]["value"] == 0.2
    assert told["rule: best sellers", "test", "auc", None]["value"] == 0.6
    assert len(found) == len(told) == 8


def test_curves_are_counted_within_their_series(folder: Path) -> None:
    version = records(folder).registered("interest")[0]["model_version"]
    found = [one for one in records(folder).curves("interest") if one["model_version"] == version]
    gains = [one for one in found if one["curve"] == "gains"]
    assert [one["point"] for one in gains] == list(range(1, 22))
    assert next(one for one in found if one["curve"] == "epochs")["series"] == "train_loss"


def test_only_what_serves_has_a_profile_and_its_shares_add_up(folder: Path) -> None:
    found = records(folder).profiles()
    assert {one["model_version"] for one in found} == {records(folder).registered("interest")[0]["model_version"]}
    for name in ("age_days", "score"):
        assert sum(one["expected"] for one in found if one["input"] == name) == pytest.approx(1.0)
    missing = next(one for one in found if one["input"] == "age_days" and one["bin"] == 0)
    assert (missing["expected"], missing["lower_edge"], missing["upper_edge"]) == (0.25, None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card["file"].update(sha256="0" * 64), "doesn't describe the registered model"),
        (lambda card: card.pop("file"), "doesn't describe the registered model"),
        (lambda card: card.update(curves={"gains": [{"x": 1}]}), "can't be read (ValueError: a point of the curve gains"),
        (lambda card: card.update(metrics=[1]), "can't be read (AttributeError"),
        (lambda card: card.update(profile=[{"input": "x"}]), "can't be read (KeyError: 'edges')"),
        (lambda card: card["profile"][0]["edges"].append(9.0), "can't be read (ValueError"),
        (lambda card: card["split"]["train"].update(first="January"), "can't be read (ValueError"),
    ],
)
def test_a_serving_model_whose_card_is_another_or_broken_is_refused_in_one_line(
    folder: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    change_card(folder, change)
    with pytest.raises(
        ModelRefused, match=r"^interest: the card [^\n]*run `promo train interest` or restore the card$"
    ) as refused:
        records(folder).registered()
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"), [("{", "is not valid JSON"), ("[]", "must be a JSON object"), (None, "can't read the card")]
)
def test_a_card_that_is_none_is_refused(folder: Path, content: str | None, message: str) -> None:
    path = folder / "interest/card.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ModelRefused, match=message):
        records(folder).registered()


def test_a_card_outside_the_folder_is_refused(folder: Path) -> None:
    registry = json.loads((folder / "registry.json").read_text())
    registry["interest"]["card"] = "../card.json"
    (folder / "registry.json").write_text(json.dumps(registry))
    with pytest.raises(ModelRefused, match="must be a plain path inside models_onnx"):
        records(folder).registered()


def test_lines_by_epoch_become_a_series_each() -> None:
    points = curve_points({"curves": {"epochs": [{"epoch": 1, "loss": 0.5, "auc": 0.7}, {"epoch": 2, "loss": 0.4, "auc": None}]}})
    assert [(one["series"], one["point"], one["x"], one["y"]) for one in points] == [
        ("loss", 1, 1.0, 0.5), ("auc", 1, 1.0, 0.7), ("loss", 2, 2.0, 0.4), ("auc", 2, 2.0, None),
    ]  # fmt: skip


def test_sql_gets_lists_of_typed_structs(folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    register_functions(connection, {"models_folder": folder})
    for function, fields in RECORD_TYPES.items():
        rows = connection.sql(f"select unnest({function}('*'), max_depth := 2)")
        assert rows.columns == list(fields)
        assert [str(kind) for kind in rows.types] == list(fields.values())
        assert rows.fetchall()
    assert connection.sql("select registered_models(null)").fetchall() == [(None,)]
    one = connection.sql("select r.value from (select unnest(registered_models('interest')) as r) as t").fetchall()
    assert one[0] == (0.8,)


def test_sql_tells_an_unknown_model_and_an_absent_registry(
    folder: Path, tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    register_functions(connection, {"models_folder": folder})
    with pytest.raises(duckdb.InvalidInputException, match="churn: no such model"):
        connection.sql("select registered_models('churn')").fetchall()
    register_functions(connection, {"models_folder": tmp_path / "nowhere"})
    with pytest.raises(duckdb.InvalidInputException, match=r"every model: can't read nowhere/registry\.json"):
        connection.sql("select registered_models('*')").fetchall()
