"""Profiles of inputs, and how far today's rows lie from them."""

import json
from pathlib import Path

import duckdb
import numpy as np
import pytest
from rendered_sql import PROJECT, SETTINGS, Renderer

from models_onnx.drift import profile, psi
from promo_cli import dbt_runner
from promo_cli.build import build_warehouse
from udfs.model_records import ModelRecords
from udfs.model_registry import ModelRegistry

RANDOM = np.random.default_rng(1)
ROWS = 5000


def entry_of(values: object, name: str = "x") -> dict[str, object]:
    column = np.asarray(values, dtype=np.float32).reshape(-1, 1)
    return profile(column, [name], np.zeros(len(column)))[0]


def test_a_profile_has_deciles_and_shares_that_add_up() -> None:
    entry = entry_of(RANDOM.normal(size=ROWS))
    assert len(entry["edges"]) == 9  # type: ignore[arg-type]
    assert entry["expected"] == pytest.approx([0.1] * 10, abs=1e-3)
    assert entry["missing"] == 0
    assert (entry["input"], entry["position"], entry["rows"]) == ("x", 1, ROWS)


def test_the_missing_have_a_share_of_their_own() -> None:
    values = RANDOM.normal(size=ROWS)
    values[:500] = np.nan
    values[500:1000] = np.inf
    entry = entry_of(values)
    assert entry["missing"] == pytest.approx(0.2)
    assert sum(entry["expected"]) + entry["missing"] == pytest.approx(1.0)  # type: ignore[arg-type, operator]
    assert psi(entry, np.zeros(100)) > 1


def test_the_score_comes_last_and_may_come_alone() -> None:
    entries = profile(RANDOM.normal(size=(ROWS, 2)), ["a", "b"], RANDOM.random(ROWS))
    assert [(entry["input"], entry["position"]) for entry in entries] == [("a", 1), ("b", 2), ("score", None)]
    assert [entry["input"] for entry in profile(np.empty((10, 0)), [], np.zeros(10))] == ["score"]


def test_what_stays_alike_has_a_psi_near_none_and_what_moves_has_not() -> None:
    then = RANDOM.normal(size=ROWS).astype(np.float32)
    entry = entry_of(then)
    assert psi(entry, then) == pytest.approx(0.0, abs=1e-6)
    assert psi(entry, RANDOM.normal(size=ROWS)) < 0.02
    assert 0.1 < psi(entry, RANDOM.normal(size=ROWS) + 0.4) < 0.25
    assert psi(entry, RANDOM.normal(size=ROWS) + 1) > 0.25


def test_psi_by_hand() -> None:
    entry = {"edges": [1.0], "expected": [0.5, 0.5], "missing": 0.0}
    assert psi(entry, [0.5, 2, 2, 2]) == pytest.approx(-0.25 * np.log(0.5) + 0.25 * np.log(1.5))


@pytest.mark.parametrize("constant", [0.0, 1 / 3, -7.5, 1e6])
def test_a_constant_feature_that_moves_either_way_is_seen(constant: float) -> None:
    entry = entry_of(np.full(ROWS, constant))
    assert psi(entry, np.full(100, np.float32(constant))) == pytest.approx(0.0)
    for moved in (constant - 1, constant + 1):
        assert psi(entry, np.full(100, moved)) > 1


def test_counts_with_few_values_are_binned_by_value() -> None:
    counts = RANDOM.poisson(0.3, ROWS)
    entry = entry_of(counts)
    assert len(entry["edges"]) <= 10  # type: ignore[arg-type]
    assert psi(entry, RANDOM.poisson(0.3, ROWS)) < 0.02
    assert psi(entry, RANDOM.poisson(2.0, ROWS)) > 0.25


def test_a_feature_that_was_never_there_is_seen_when_it_comes() -> None:
    entry = entry_of(np.full(ROWS, np.nan))
    assert entry["edges"] == []
    assert psi(entry, np.full(10, np.nan)) == pytest.approx(0.0)
    assert psi(entry, np.ones(10)) > 1


def test_a_profile_survives_the_card() -> None:
    entry = entry_of(RANDOM.normal(size=ROWS) / 3)
    assert json.loads(json.dumps(entry)) == entry
    assert [round(edge, 6) for edge in entry["edges"]] == entry["edges"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("features", "names", "scores"),
    [
        (np.zeros((2, 1)), ["a", "b"], [0, 0]),
        (np.zeros((2, 1)), ["a"], [0]),
        (np.zeros((0, 1)), ["a"], []),
        (np.zeros(2), [], [0, 0]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(features: object, names: list[str], scores: list[float]) -> None:
    with pytest.raises(ValueError, match="features must be"):
        profile(features, names, scores)  # type: ignore[arg-type]


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        psi(entry_of([1.0, 2.0]), [])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("select 1", []),
        (
            "update model_profiles set position = 3 - position where model_name = 'churn_risk' and position < 3",
            ["churn_risk"] * 2,
        ),
        ("update model_profiles set input = 'gone' where model_name = 'interest' and position = 9", ["interest"]),
        ("delete from model_profiles where model_name = 'promo_effect' and position = 20", ["promo_effect"]),
        ("delete from model_profiles where model_name = 'interest'", []),  # a rule serves
    ],
)
def test_a_vector_that_is_not_the_one_learned_from_stops_the_build(
    connection: duckdb.DuckDBPyConnection, change: str, told: list[str]
) -> None:
    shipped = ModelRecords(ModelRegistry()).profiles()
    columns = [[record[name] for record in shipped] for name in ("model_name", "input", "position")]
    connection.execute(
        "create table model_profiles as select unnest($1) as model_name, unnest($2) as input, unnest($3) as position", columns
    )
    connection.execute(change)
    (test,) = Renderer(SETTINGS[0]).model(PROJECT / "tests/models_read_the_vectors_they_learned.sql")
    assert [row[0] for row in connection.execute(test).fetchall()] == told


def test_the_build_tells_what_drifts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = [("model.offerhouse.score_drift", "success", None), ("test.offerhouse.score_drift_stays.1f", "warn", 3)]
    results = {
        "results": [
            {"unique_id": node, "status": status, "failures": rows, "execution_time": 0.1} for node, status, rows in outcome
        ]
    }
    file = tmp_path / "run_results.json"
    file.write_text(json.dumps(results))
    database = tmp_path / "a.duckdb"
    database.touch()
    monkeypatch.setattr(dbt_runner, "run_dbt", lambda *_, **__: dbt_runner._result(file))
    build_warehouse(database)
    assert "warning: score_drift_stays: 3 rows; they are: dbt show --select score_drift_stays" in capsys.readouterr().err
