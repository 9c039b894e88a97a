"""The tabular learner: what it fits is what serves, whatever the features hold; and the judges that compare scores."""

import json
from datetime import date, timedelta

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from models_onnx import time_split
from models_onnx.evaluation import log_loss
from models_onnx.judges import AucJudge, AveragePrecisionJudge, PerUserJudge
from models_onnx.tabular.blend import blended, platt
from models_onnx.tabular.examples import Part, feature_matrix, read_part
from models_onnx.tabular.fit import TabularModel, TabularSettings, fit_tabular
from models_onnx.tabular.logistic import fit_logistic, logistic_onnx
from models_onnx.tabular.rule import fitted_rule
from models_onnx.tabular.task import TabularTask, known_order
from models_onnx.task import TrainingContext
from models_onnx.time_split import ThinData, TimeSplit, weekly_split, window_split
from udfs.model_registry import ModelRefused
from udfs.scorer_kinds import scorer_from

NAMES = ["recency", "spend", "sign", "value", "always_missing", "constant"]
QUICK = TabularSettings(threads=1, rounds=40, eta=0.2, min_child_weight=5)


def made(rows: int, seed: int, interaction: float = 2.0) -> Part:
    """Rows whose label depends on a long tail, on gaps and (by `interaction`) on what no linear model can see."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 6)).astype(np.float32)
    features[:, 1] = np.exp(2 * features[:, 1])
    logits = features[:, 0] + 0.5 * np.log1p(features[:, 1]) - 1 + interaction * features[:, 3] * np.sign(features[:, 2])
    labels = (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    features[random.random(features.shape) < 0.1] = np.nan
    features[:, 4] = np.nan
    features[:, 5] = 7
    return Part(features, labels, np.arange(rows) // 3)


@pytest.fixture(scope="module")
def parts() -> tuple[Part, Part]:
    return made(4000, 1), made(2000, 2)


@pytest.fixture(scope="module")
def model(parts: tuple[Part, Part]) -> TabularModel:
    return fit_tabular(*parts, NAMES, seed=1, settings=QUICK)


def odd_rows() -> NDArray[np.float32]:
    """What training never held: nothing known, extremes, gaps where there were none."""
    return np.array(
        [[np.nan] * 6, [3e38] * 6, [-3e38] * 6, [0, 0, 0, 0, 5, np.nan], [1e-38, -1, 0, 1e9, np.nan, -7]], dtype=np.float32
    )


def test_logistic_onnx_answers_as_the_fitted_formula(parts: tuple[Part, Part]) -> None:
    train = parts[0]
    fitted = fit_logistic(train.features, train.labels)
    scorer = scorer_from("churn_risk", "onnx_features", logistic_onnx(fitted))
    values = np.where(fitted.pressed, np.sign(train.features) * np.log1p(np.abs(train.features)), train.features)
    missing = np.isnan(values)
    standardised = np.clip((np.where(missing, fitted.mean, values) - fitted.mean) / fitted.scale, -8, 8)
    logits = np.column_stack([standardised, missing[:, fitted.gaps]]) @ fitted.weights + fitted.bias
    np.testing.assert_allclose(scorer.score(train.features), 1 / (1 + np.exp(-logits)), atol=1e-5)
    assert fitted.pressed.tolist() == [False, True, False, False, False, False]
    assert fitted.gaps.tolist() == [0, 1, 2, 3]  # a column that is always missing needs no indicator
    whole = np.nan_to_num(train.features)
    without_gaps = scorer_from("churn_risk", "onnx_features", logistic_onnx(fit_logistic(whole, train.labels)))
    assert np.isfinite(without_gaps.score(train.features)).all()


def test_what_training_never_held_gets_a_probability(model: TabularModel, parts: tuple[Part, Part]) -> None:
    logistic = scorer_from("x", "onnx_features", logistic_onnx(fit_logistic(parts[0].features, parts[0].labels)))
    for scores in (model.predict(odd_rows()), logistic.score(odd_rows())):
        assert np.isfinite(scores).all()
        assert ((scores >= 0) & (scores <= 1)).all()


def test_trees_win_where_features_interact_and_the_logistic_where_not(model: TabularModel) -> None:
    assert model.card["candidate"] in ("xgboost", "blend")
    found = model.card["candidates"]
    assert found["xgboost"]["auc"] > found["logistic"]["auc"] + 0.05
    plain = fit_tabular(made(600, 3, interaction=0), made(600, 4, interaction=0), NAMES, seed=1, settings=QUICK)
    assert plain.card["candidates"]["logistic"]["auc"] > plain.card["candidates"]["xgboost"]["auc"]
    # No blend takes the place without a gain beyond noise.
    gain = plain.card["blend_gain_on_validation"]
    assert (plain.card["candidate"] == "blend") == (gain["interval_95"][0] > 0)


def test_same_inputs_and_seed_give_the_same_model(model: TabularModel, parts: tuple[Part, Part]) -> None:
    again = fit_tabular(*parts, NAMES, seed=1, settings=QUICK)
    np.testing.assert_allclose(again.predict(parts[1].features), model.predict(parts[1].features), atol=1e-6)
    for candidate, measured in model.card["candidates"].items():
        assert again.card["candidates"][candidate] == pytest.approx(measured, abs=1e-3)


def test_one_class_or_another_width_is_refused_in_one_line(parts: tuple[Part, Part]) -> None:
    train, validation = parts
    constant = Part(train.features, np.zeros_like(train.labels), train.groups)
    with pytest.raises(ValueError, match="the training rows hold one class only"):
        fit_tabular(constant, validation, NAMES, seed=1, settings=QUICK)
    with pytest.raises(ValueError, match="the validation rows hold one class only"):
        fit_tabular(train, constant, NAMES, seed=1, settings=QUICK)
    with pytest.raises(ValueError, match="training rows have 6 features where 5 are named"):
        fit_tabular(train, validation, NAMES[:5], seed=1, settings=QUICK)


def test_infinite_features_are_missing_in_training_as_in_serving() -> None:
    part = Part(np.array([[np.inf, 1], [-np.inf, np.nan]], dtype=np.float32), np.array([0, 1]), np.array([0, 1]))
    assert np.isnan(part.features).tolist() == [[True, False], [True, True]]
    with pytest.raises(ValueError, match="labels must be 0 or 1"):
        Part(part.features, np.array([0, 2]), part.groups)


def test_a_blend_is_calibrated_and_pins_its_members(parts: tuple[Part, Part]) -> None:
    train, validation = parts
    # Labels of another base rate on validation: the scores need moving.
    rare = Part(validation.features, validation.labels * (np.arange(2000) % 3 == 0), validation.groups)
    model = fit_tabular(train, rare, NAMES, seed=1, settings=QUICK)
    assert (model.kind, model.file) == ("blend", "blend.json")
    blend = json.loads(model.files["blend.json"])
    assert blend["intercept"] < -0.5
    assert {line["file"] for line in blend["members"]} == set(model.files) - {"blend.json"}
    assert blend["features"] == NAMES
    assert abs(float(model.predict(rare.features).mean()) - float(rare.labels.mean())) < 0.005
    member = blend["members"][0]["file"]
    with pytest.raises(ModelRefused, match=rf"churn_risk: {member} is not the file that was pinned"):
        scorer_from("churn_risk", "blend", model.files["blend.json"], model.files | {member: b"altered"})


def test_platt_moves_only_what_needs_it() -> None:
    random = np.random.default_rng(5)
    scores = random.uniform(0.05, 0.95, 5000)
    labels = (random.random(5000) < scores).astype(float)
    assert platt(labels, scores) == (1.0, 0.0)
    boasting = blended([scores], [1.0], slope=3.0, intercept=1.0)
    slope, intercept = platt(labels, boasting)
    assert (slope, intercept) == pytest.approx((1 / 3, -1 / 3), abs=0.05)
    assert log_loss(labels, blended([boasting], [1.0], slope, intercept)) < log_loss(labels, boasting)
    assert platt(labels, 1 - scores) == (1.0, 0.0)  # never turns an order round


@pytest.mark.parametrize(("judge_of", "measure"), [(AucJudge, roc_auc_score), (AveragePrecisionJudge, average_precision_score)])
def test_judges_measure_as_scikit_learn_and_pair_their_draws(judge_of: type, measure: object) -> None:
    random = np.random.default_rng(6)
    labels = random.integers(0, 2, 900)
    good = labels + random.normal(size=900)
    better = labels * 1.3 + 0.9 * (good - labels)
    tied = np.round(good, 1)
    judge = judge_of(labels, np.arange(900) // 3)
    for scores in (good, tied, np.zeros(900)):
        assert judge.value(scores) == pytest.approx(measure(labels, scores))  # type: ignore[operator]
    lower, upper = judge.interval(good)
    assert lower < judge.value(good) < upper
    assert judge.gain(good, good) == (0, 0, 0)
    gain, gain_lower, gain_upper = judge.gain(better, good)
    assert 0 < gain_lower < gain < gain_upper
    assert gain_upper - gain_lower < (upper - lower) / 2  # pairing takes most of the noise out
    noise = [judge.gain(random.normal(size=900), random.normal(size=900)) for _ in range(10)]
    assert sum(lower < 0 < upper for _, lower, upper in noise) >= 8


def test_judges_refuse_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="both classes"):
        AucJudge(np.ones(5), np.arange(5))
    with pytest.raises(ValueError, match="equally long"):
        AucJudge([0, 1], [1])
    with pytest.raises(ValueError, match="2 finite numbers"):
        AucJudge([0, 1], [1, 2]).value(np.array([0.1, np.nan]))


def test_a_judge_over_users_takes_the_mean_of_their_values() -> None:
    judge = PerUserJudge("recall@10", lambda scores: scores.reshape(-1, 2).mean(axis=1))
    assert judge.value(np.array([0.0, 1, 1, 1])) == 0.75
    gain, lower, upper = judge.gain(np.array([0.0, 1, 1, 1]), np.zeros(4))
    assert gain == 0.75
    assert (lower, upper) == pytest.approx((0.75 - 0.49, 0.75 + 0.49), abs=1e-3)


def test_a_rule_learned_from_rows_serves_as_a_scorer(parts: tuple[Part, Part]) -> None:
    train = parts[0]
    scorer = scorer_from("churn_risk", "rule", fitted_rule(train.features, train.labels, NAMES, "recency"))
    scores = scorer.score(train.features)
    assert roc_auc_score(train.labels, scores) > 0.6
    assert scores.min() > 0
    assert scores.max() < 1
    assert float(scores.mean()) == pytest.approx(float(train.labels.mean()), abs=0.02)
    flat = scorer_from("x", "rule", fitted_rule(train.features, train.labels, NAMES, "always_missing"))
    assert np.unique(flat.score(odd_rows())).tolist() == pytest.approx([float(train.labels.mean())], abs=0.01)


def test_rules_put_what_they_do_not_know_last() -> None:
    assert known_order(np.array([np.nan, 3.0, -1.0])).tolist() == [-2.0, 3.0, -1.0]
    assert known_order(np.array([np.nan, np.nan])).tolist() == [-1.0, -1.0]


# A task over a table: rows are read, checked, fitted and measured as `promo train` does it.

FIRST = date(2024, 1, 1)


def database(labels: str = "x1 + x2 > 0 and random() < 0.9 or random() < 0.05") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("select setseed(0.5)")
    connection.execute(f"""
        create table examples as
        with drawn as (
            select date '{FIRST}' + 7 * week::integer as as_of_date, 'u' || u as user_id, u % 50 / 25.0 - 1 as x1,
                case when u % 7 > 0 then random() * 2 - 1 end as x2
            from range(20) as weeks(week), range(150) as users(u)
        )
        select as_of_date, user_id, coalesce({labels}, false) as label, [x1, x2, null]::float[] as features, x1 as recency
        from drawn
    """)
    return connection


def task(**changes: object) -> TabularTask:
    declared = {
        "name": "churn_risk",
        "title": "no purchase in the next 28 days",
        "horizon_days": 7,
        "feature_models": ["user_features"],
        "features_var": ["x1", "x2", "nothing"],
        "examples_sql": "select * from examples",
        "rules": {"rule: recency": lambda part: part.columns["recency"]},
        "split": weekly_split,
        "settings": QUICK,
        "rule_feature": "x1",
    }
    return TabularTask(**(declared | changes))  # type: ignore[arg-type]


def context(connection: duckdb.DuckDBPyConnection) -> TrainingContext:
    weeks = [FIRST + timedelta(days=7 * week) for week in range(20)]
    split = TimeSplit(train=weeks[:12], validation=weeks[12:15], test=weeks[15:])
    return TrainingContext(connection, split, {}, 1, "a small shop", lambda what, done, total: None)


def test_a_task_trains_measures_and_evaluates() -> None:
    connection = database()
    trained = task().train(context(connection))
    test = trained.metrics["churn_risk"]["test"]
    assert test["rows"] == 5 * 150 == len(trained.test_scores)
    assert test["auc"] > trained.metrics["rule: recency"]["test"]["auc"] > 0.6
    assert trained.judge is not None
    assert trained.judge.gain(trained.test_scores, trained.baseline_scores["rule: recency"])[1] > 0
    assert set(trained.curves) == {"epochs", "reliability", "gains"}
    assert [entry["input"] for entry in trained.profile] == ["x1", "x2", "nothing", "score"]
    scorer = scorer_from("churn_risk", trained.kind, trained.files[trained.file], trained.files)
    np.testing.assert_array_equal(scorer.score(trained.test_inputs), trained.test_scores)
    findings = {finding.measure: finding for finding in task().evaluate(context(connection), scorer)}
    assert findings["auc"].reached == pytest.approx(test["auc"])
    assert findings["auc"].baselines["rule: recency"] == pytest.approx(trained.metrics["rule: recency"]["test"]["auc"])
    assert findings["ece"].reached == pytest.approx(test["ece"])
    nothing = task().evaluate(context(connection), None)[0]
    assert np.isnan(nothing.reached)
    assert nothing.note == "no champion is registered"
    narrow = scorer_from("churn_risk", "rule", fitted_rule(trained.test_inputs[:, :2], np.zeros(750) == 0, ["a", "b"], "a"))
    assert task().evaluate(context(connection), narrow)[0].note == "the champion reads 2 features, the shop has 3"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("true", r"the training window holds one class only \(all positive\)"),
        ("false", r"the training window holds one class only \(all negative\)"),
        ("x1 > 0.9 and user_id < 'u2'", "the training window holds .* positive rows; training needs 100"),
        (f"as_of_date < date '{FIRST}' + 105 and random() < 0.5", r"the test window holds one class only \(all negative\)"),
        (
            f"random() < case when as_of_date < date '{FIRST}' + 105 then 0.5 else 0.01 end",
            "the test window holds . positive rows; training needs 30",
        ),
    ],
)
def test_too_little_to_learn_from_is_refused_in_one_line(labels: str, message: str) -> None:
    with pytest.raises(ThinData, match=message) as refusal:
        task().train(context(database(labels)))
    assert "\n" not in str(refusal.value)


def test_a_shop_too_small_or_too_young_is_refused() -> None:
    with pytest.raises(ThinData, match="499 buyers over 200 days; training needs 500 over 180"):
        time_split.check_history(499, FIRST, FIRST + timedelta(days=200))
    with pytest.raises(ThinData, match="900 buyers over 179 days"):
        time_split.check_history(900, FIRST, FIRST + timedelta(days=179))
    time_split.check_history(500, FIRST, FIRST + timedelta(days=180))


def test_longer_horizons_leave_the_weeks_between_parts_out() -> None:
    until = FIRST + timedelta(days=364)
    for horizon in (7, 28, 56):
        split = weekly_split(FIRST, until, horizon)
        assert max(split.train) + timedelta(days=horizon) <= min(split.validation)
        assert max(split.validation) + timedelta(days=horizon) <= min(split.test)
        assert max(split.test) + timedelta(days=horizon) <= until


def test_closer_training_dates_lie_between_the_oldest_and_the_newest_and_look_at_no_later_day() -> None:
    until = FIRST + timedelta(days=364)
    apart, closer = window_split(FIRST, until, 28), window_split(FIRST, until, 28, training_step_days=14)
    newest = until - timedelta(days=84)
    assert apart.train == [newest - timedelta(days=days) for days in (56, 28, 0)]
    assert closer.train == [newest - timedelta(days=days) for days in (56, 42, 28, 14, 0)]
    assert (closer.validation, closer.test) == (apart.validation, apart.test)
    assert max(closer.train) + timedelta(days=28) <= min(closer.validation)


def test_rows_are_read_in_one_order_and_sampled_by_user() -> None:
    connection = database()
    dates = context(connection).split.train
    whole = read_part(connection, "select * from examples", dates)
    mixed = read_part(connection, "select * from examples order by hash(user_id)", dates)
    np.testing.assert_array_equal(whole.features, mixed.features)
    np.testing.assert_array_equal(whole.labels, mixed.labels)
    assert len(np.unique(whole.groups)) == 150
    some = read_part(connection, "select * from examples", dates, most_rows=900)
    again = read_part(connection, "select * from examples", dates, most_rows=900)
    np.testing.assert_array_equal(some.features, again.features)
    users = len(np.unique(some.groups))
    assert 40 < users < 110
    assert len(some.labels) == 12 * users  # whole users, with every row of theirs


def test_feature_lists_must_be_of_one_width() -> None:
    with duckdb.connect() as connection:
        for values in ("([1.0, 2]), ([1])", "([1.0]), (null)"):
            table = connection.sql(f"select * from (values {values}) as t(features)").to_arrow_table()
            with pytest.raises(ValueError, match="lists of one width, none of them null"):
                feature_matrix(table["features"])
        gaps = connection.sql("select [1.0, null]::float[] as features").to_arrow_table()
        assert np.isnan(feature_matrix(gaps["features"])).tolist() == [[False, True]]
