"""promo_effect on a made-up shop whose promotions work on some products and not on others."""

import json
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from models_onnx.promo_effect.effects import effects_of, fit_nuisance
from models_onnx.promo_effect.task import INTEREST, LINEAR, TASK
from models_onnx.task import TrainingContext
from models_onnx.time_split import ThinData
from models_onnx.uplift.learners import Rows
from udfs.scorer_kinds import scorer_from

FIRST_DAY, DATA_UNTIL = date(2024, 1, 1), date(2024, 8, 5)
SPLIT = TASK.split(FIRST_DAY, DATA_UNTIL)
DATES = sorted({*SPLIT.all(), *(SPLIT.train[0] - timedelta(days=14 * week) for week in range(1, 5))})
USERS, PRODUCTS = 10, 240


def shop(effect: float = 0.4) -> duckdb.DuckDBPyConnection:
    """Half of the products answer to promotions; interest knows how often a product is bought, not whether it answers."""
    random = np.random.default_rng(0)
    popular, answers = random.random(PRODUCTS), np.arange(PRODUCTS) % 2
    connection = duckdb.connect()
    connection.execute("create schema features; create schema scores")
    connection.execute("create table features.promo_effect_dates (as_of_date date)")
    connection.executemany("insert into features.promo_effect_dates values (?)", [(day,) for day in DATES])
    rows = []
    for day in DATES:
        promoted, later = random.random(PRODUCTS) < 0.3, random.random(PRODUCTS) < 0.3
        for user in range(USERS):
            bought = random.random(PRODUCTS) < 0.05 + 0.3 * popular + effect * promoted * answers
            for product in range(PRODUCTS):
                interest = None if day < SPLIT.train[0] else float(popular[product])
                features = [interest, float(answers[product]), float(popular[product])]
                truth = (bool(promoted[product]), bool(later[product]), bool(bought[product]))
                rows.append((day, f"u{user:02}", f"p{product:03}", features, *truth))
    frame = dict(zip(("day", "u", "p", "f", "w", "l", "y"), map(list, zip(*rows, strict=True)), strict=True))
    connection.register("made_up", pa.table(frame))
    connection.execute(
        "create table features.promo_effect_labels as select day as as_of_date, u as user_id, p as product_id, "
        "w as is_promoted, l as is_promoted_later, y as is_bought from made_up"
    )
    connection.execute(
        "create table scores.promo_effect_inputs as select day as as_of_date, u as user_id, p as product_id, "
        "f::float[] as features from made_up"
    )
    return connection


def context_of(connection: duckdb.DuckDBPyConnection) -> TrainingContext:
    return TrainingContext(
        connection=connection,
        split=SPLIT,
        dbt_vars={"promo_effect_product": ["product_answers"], "promo_effect_features": ["own_days"]},
        seed=1,
        source="made up",
        progress=lambda *_: None,
    )


@pytest.fixture(scope="module")
def context():
    return context_of(shop())


@pytest.fixture(scope="module")
def trained(context):
    return TASK.train(context)


def test_the_windows_do_not_overlap_and_a_short_history_is_refused():
    assert [len(SPLIT.train), len(SPLIT.validation), len(SPLIT.test)] == [1, 3, 4]
    assert max(SPLIT.test) + timedelta(days=7) == DATA_UNTIL
    assert SPLIT.train[0] + timedelta(days=7) < SPLIT.validation[0]
    with pytest.raises(ThinData, match="is 100 days long and training needs 119"):
        TASK.split(DATA_UNTIL - timedelta(days=100), DATA_UNTIL)


def test_the_model_orders_by_who_answers_and_not_by_who_buys(trained):
    found = trained.metrics["promo_effect"]["test"]
    # the best order puts the half that gains .4 before the half that gains nothing: mean gain of a prefix minus .2
    assert found["mean_effect"] == pytest.approx(0.2, abs=0.03)
    assert found["autoc"] > 0.1 > trained.metrics[INTEREST]["test"]["autoc"] + 0.05
    gain, lower, _ = trained.judge.gain(trained.test_scores, trained.baseline_scores[INTEREST])
    assert gain > lower > 0
    assert trained.refusal is None
    assert found["placebo_autoc_interval_95"][0] <= 0 <= found["placebo_autoc_interval_95"][1]


def test_the_files_serve_what_was_measured(trained):
    scorer = scorer_from("promo_effect", trained.kind, trained.files[trained.file], trained.files)
    np.testing.assert_allclose(scorer.score(trained.test_inputs), trained.test_scores, atol=1e-6)
    effect = scorer.score(np.array([[0.5, 1, 0.5], [0.5, 0, 0.5], [np.nan, 1, 0.5]], dtype=np.float32))
    assert effect[0] == pytest.approx(0.4, abs=0.1)
    assert effect[1] == pytest.approx(0.0, abs=0.1)
    # interest isn't among what the trees read, for most of their rows had none
    assert effect[2] == effect[0]
    rule = scorer_from("promo_effect", "rule", trained.files["rule.json"])
    assert rule.score(np.array([[0.0, 1, 1], [1.0, 1, 1]], dtype=np.float32))[0] == 0
    linear = trained.also[LINEAR]
    form = scorer_from(LINEAR, linear.kind, linear.files[linear.file])
    asked = form.score(np.array([[0.1, 1, 0.1], [0.9, 1, 0.9]], dtype=np.float32))
    assert 0 < asked[0] < asked[1] < 1


def test_findings_stand_beside_interest_and_the_placebo(context, trained):
    scorer = scorer_from("promo_effect", trained.kind, trained.files[trained.file], trained.files)
    autoc, placebo = TASK.evaluate(context, scorer)
    assert (autoc.measure, placebo.measure) == ("autoc", "autoc, placebo")
    assert autoc.reached == pytest.approx(trained.metrics["promo_effect"]["test"]["autoc"], abs=1e-6)
    assert set(autoc.baselines) == {INTEREST, "rule: random"}
    assert "within noise" in placebo.note
    (nothing,) = TASK.evaluate(context, None)
    assert np.isnan(nothing.reached)
    assert nothing.note == "no champion is registered"


def test_a_promotion_that_works_on_nobody_does_not_pass_the_gate():
    trained = TASK.train(context_of(shop(effect=0.0)))
    _, lower, _ = trained.judge.gain(trained.test_scores, trained.baseline_scores["rule: random"])
    assert lower < 0


def test_a_shop_without_promotions_is_refused():
    connection = shop()
    connection.execute("update features.promo_effect_labels set is_promoted = false")
    with pytest.raises(ThinData, match=r"^0\.0% of the rows of the train window were promoted"):
        TASK.train(context_of(connection))


def test_without_an_open_placebo_the_training_goes_on():
    """Hardly anything that isn't promoted now is promoted two weeks later, as where promotions run for months."""
    connection = shop()
    connection.execute(
        "update features.promo_effect_labels set is_promoted_later = hash(user_id, product_id, as_of_date) % 50 = 0"
    )
    trained = TASK.train(context_of(connection))
    assert trained.refusal is None
    assert "placebo_autoc" not in trained.metrics["promo_effect"]["test"]
    scorer = scorer_from("promo_effect", trained.kind, trained.files[trained.file], trained.files)
    assert [finding.measure for finding in TASK.evaluate(context_of(connection), scorer)] == ["autoc"]


def test_promoted_rows_of_one_outcome_in_the_test_weeks_leave_the_linear_form_unmeasured():
    connection = shop()
    newest = min(SPLIT.test)
    connection.execute(
        "update features.promo_effect_labels set is_bought = false where is_promoted and as_of_date >= $1", [newest]
    )
    trained = TASK.train(context_of(connection))
    assert set(trained.also[LINEAR].metrics[LINEAR]["test"]) == {"autoc"}


def test_a_second_training_gives_equal_files_and_rows_after_the_test_window_change_nothing(trained):
    connection = shop()
    for table, columns in (
        ("features.promo_effect_labels", "user_id, product_id, not is_promoted, is_promoted_later, not is_bought"),
        ("scores.promo_effect_inputs", "user_id, product_id, features"),
    ):
        connection.execute(f"insert into {table} select as_of_date + 28, {columns} from {table} where as_of_date >= '2024-07-08'")
    assert TASK.train(context_of(connection)).files == trained.files


def test_what_was_certain_to_be_promoted_tells_nothing():
    random = np.random.default_rng(2)
    features = random.random((4_000, 2)).astype(np.float32)
    treated = features[:, 0] = np.round(features[:, 0])
    rows = Rows(features, treated, (random.random(4_000) < 0.2).astype(np.float32))
    with pytest.raises(ValueError, match="no row's chance of being promoted lies between 5% and 95%"):
        effects_of(rows, np.arange(4_000), fit_nuisance(rows, rows, 1))


def test_the_rule_is_right_on_average(trained):
    rule = json.loads(trained.files["rule.json"])
    slope = rule["points"][1][1]
    found = trained.metrics["promo_effect"]["test"]
    assert slope * float(trained.test_inputs[:, 0].mean()) == pytest.approx(found["mean_effect"], abs=1e-3)
