"""Uplift: measures against slow computations of their definitions, learners on planted effects, the trial on a made-up file."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from models_onnx.uplift.judge import AutocJudge
from models_onnx.uplift.learners import Rows, TreeSettings, fit_anchored, fit_s, fit_t, fit_x
from models_onnx.uplift.measures import autoc, auuc, doubly_robust, policy_value, qini
from models_onnx.uplift.trial import TRIAL, read_trial

SMALL = TreeSettings(rounds=40, max_depth=3, min_child_weight=20, threads=1)


def made_rows(count: int, seed: int = 0) -> tuple[Rows, np.ndarray]:
    """Rows whose effect is .3 where the first feature is positive and none elsewhere, and the effect [N]."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 3)).astype(np.float32)
    treated = (random.random(count) < 0.5).astype(np.float32)
    effect = np.where(features[:, 0] > 0, 0.3, 0.0)
    chance = 0.2 + 0.1 * (features[:, 1] > 0) + effect * treated
    return Rows(features, treated, (random.random(count) < chance).astype(np.float32)), effect


def slow_curves(outcomes: np.ndarray, treated: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Qini and AUUC by their definitions, a loop over the rows; scores without ties."""
    order = np.argsort(-scores)
    gains, uplifts = [0.0], [0.0]
    for count in range(1, len(order) + 1):
        top = order[:count]
        of_treated, of_control = outcomes[top][treated[top] == 1], outcomes[top][treated[top] == 0]
        ratio = len(of_treated) / len(of_control) if len(of_control) else 0.0
        gains.append((of_treated.sum() - of_control.sum() * ratio) / treated.sum())
        both = len(of_treated) and len(of_control)
        uplifts.append(count / len(order) * (of_treated.mean() - of_control.mean()) if both else 0.0)
    share = np.arange(len(order) + 1) / len(order)
    return np.trapezoid(gains, share) - gains[-1] / 2, np.trapezoid(uplifts, share)


def test_qini_and_auuc_are_their_definitions() -> None:
    rows, _ = made_rows(300)
    scores = np.random.default_rng(1).normal(size=300)
    slow_qini, slow_auuc = slow_curves(rows.outcomes, rows.treated, scores)
    assert qini(rows.outcomes, rows.treated, scores) == pytest.approx(slow_qini)
    assert auuc(rows.outcomes, rows.treated, scores) == pytest.approx(slow_auuc)


def test_a_row_of_weight_two_is_two_rows() -> None:
    rows, _ = made_rows(200)
    scores = np.random.default_rng(2).normal(size=200)
    weights = np.random.default_rng(3).integers(0, 3, 200)
    again = np.repeat(np.arange(200), weights)
    for measure in (qini, auuc):
        weighted = measure(rows.outcomes, rows.treated, scores, weights)
        assert weighted == pytest.approx(measure(rows.outcomes[again], rows.treated[again], scores[again]))


def test_equal_scores_are_no_order() -> None:
    rows, _ = made_rows(400)
    assert qini(rows.outcomes, rows.treated, np.ones(400)) == pytest.approx(0)
    average = rows.outcomes[rows.treated == 1].mean() - rows.outcomes[rows.treated == 0].mean()
    assert auuc(rows.outcomes, rows.treated, np.ones(400)) == pytest.approx(average / 2)


def test_autoc_is_the_mean_gain_of_the_highest_scores() -> None:
    effects, scores = np.array([4.0, 0.0, 2.0, -2.0]), np.array([3.0, 1.0, 2.0, 0.0])
    # means of the highest one, two, three and four, less the mean of all
    assert autoc(effects, scores) == pytest.approx(np.mean([4, 3, 2, 1]) - 1)
    assert autoc(effects, np.zeros(4)) == pytest.approx(0)


def test_doubly_robust_effects_are_right_when_the_outcome_models_are_wrong() -> None:
    rows, effect = made_rows(40_000)
    wrong = np.full(40_000, 0.5)
    found = doubly_robust(rows.outcomes, rows.treated, wrong, wrong, np.full(40_000, 0.5))
    assert found.mean() == pytest.approx(effect.mean(), abs=0.02)
    with pytest.raises(ValueError, match="within"):
        doubly_robust(rows.outcomes, rows.treated, wrong, wrong, np.ones(40_000))


def test_the_value_of_a_policy_is_that_of_an_arm_where_all_get_it() -> None:
    arms = np.array(["a", "a", "b", "b", "none", "none"])
    outcomes = np.array([1.0, 3.0, 5.0, 5.0, 0.0, 1.0])
    assert policy_value(outcomes, arms, np.full(6, "a")) == pytest.approx(2)
    assert policy_value(outcomes, arms, arms) == pytest.approx(outcomes.mean())
    assert np.isnan(policy_value(outcomes, arms, np.full(6, "c")))


@pytest.mark.parametrize("learner", [fit_s, fit_t, fit_x])
def test_learners_find_who_answers(learner) -> None:  # type: ignore[no-untyped-def]
    train, _ = made_rows(6_000)
    asked, effect = made_rows(3_000, seed=9)
    found = learner(train, SMALL, 1).effect(asked.features)
    assert found[effect > 0].mean() - found[effect == 0].mean() > 0.15
    assert np.array_equal(found, learner(train, SMALL, 1).effect(asked.features))


def test_the_anchored_learner_finds_who_answers_and_is_seeded() -> None:
    train, _ = made_rows(6_000)
    asked, effect = made_rows(3_000, seed=9)
    found = fit_anchored(train, SMALL, SMALL, 1).effect(asked.features)
    assert found[effect > 0].mean() - found[effect == 0].mean() > 0.15
    assert np.array_equal(found, fit_anchored(train, SMALL, SMALL, 1).effect(asked.features))


def test_the_judge_knows_the_better_order_beyond_noise() -> None:
    rows, effect = made_rows(20_000)
    robust = doubly_robust(rows.outcomes, rows.treated, np.full(20_000, 0.3), np.full(20_000, 0.3), np.full(20_000, 0.5))
    judge = AutocJudge(robust, np.arange(20_000) // 10, draws=50)
    random = np.random.default_rng(5).normal(size=20_000)
    mean, lower, _ = judge.gain(effect, random)
    assert mean > lower > 0
    assert judge.interval(random)[0] < 0 < judge.interval(random)[1]


def trial_file(path: Path, rows: int = 6_000) -> Path:
    """A trial whose first mail works on those with a long history and whose second works on nobody."""
    duckdb.sql(
        f"""
        copy (
            with drawn as (
                select
                    i as customer_id,
                    ['First E-Mail', 'Second E-Mail', 'No E-Mail'][1 + i % 3] as segment,
                    (hash(i) % 1000) / 1000.0 as history,
                    (hash(i + 1000000) % 1000) / 1000.0 as luck,
                    ['Web', 'Phone'][1 + (hash(i + 2000000) % 2)::integer] as channel
                from range({rows}) as t(i)
            )
            select
                *, (luck < 0.1 + case when segment like 'First%' and history > 0.5 then 0.25 else 0 end)::int as visit,
                visit * 10 * history as spend, 0 as conversion
            from drawn
        ) to '{path}'
        """
    )
    return path


def test_the_trial_tells_a_mail_that_works_on_some_from_one_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models_onnx.uplift.trial.DRAWS", 20)
    monkeypatch.setattr("models_onnx.uplift.trial.SEEDS", 1)
    found = {
        finding.measure: finding for finding in TRIAL.evaluate_file(trial_file(tmp_path / "trial.parquet"), 1, lambda *_: None)
    }
    works, does_not = found["qini, visit, First E-Mail"], found["qini, visit, Second E-Mail"]
    assert works.interval is not None
    assert does_not.interval is not None
    assert works.interval[0] > 0.01
    assert does_not.interval[0] < 0 < does_not.interval[1] < works.interval[0]
    policy = found["policy value, visit"]
    assert policy.baselines["everybody No E-Mail"] < policy.baselines["everybody First E-Mail"]
    assert all(np.isfinite(finding.reached) for finding in found.values())


def test_columns_may_be_written_in_any_case(tmp_path: Path) -> None:
    """What is no feature, too: a Conversion would foretell the visit."""
    file, other = trial_file(tmp_path / "trial.parquet"), tmp_path / "other.parquet"
    renamed = duckdb.sql(f"select column_name from (describe from '{file}')").fetchall()
    upper = ", ".join(f'"{name}" as "{name.title()}"' for (name,) in renamed)
    duckdb.sql(f"copy (select {upper} from '{file}') to '{other}'")
    np.testing.assert_array_equal(read_trial(other).features, read_trial(file).features)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("* exclude (spend)", "no column spend"),
        ("* replace ('x' as segment)", "needs one arm that begins with No"),
        ("* replace (2 as visit)", "visit must hold 0 or 1"),
        ("* replace ('yes' as visit)", r"^other\.parquet: column visit must hold 0 or 1$"),
        ("* replace (date '2025-01-01' as spend)", r"^other\.parquet: column spend must hold numbers$"),
        ("customer_id, segment, visit, spend", "has no features"),
        ("* replace (nullif(segment, 'No E-Mail') as segment)", r"column segment is empty in 600 of 1800 rows"),
        ("*, date '2025-01-01' as signed_up", r"column signed_up holds date, where features are numbers or text"),
        ("*, [history] as visits", r"column visits holds list, where"),
        ("*, 'customer ' || customer_id as who", r"column who holds 1800 different texts; a feature has 1000 at most"),
    ],
)
def test_a_file_that_is_no_trial_is_told_in_one_line(tmp_path: Path, change: str, told: str) -> None:
    whole, other = trial_file(tmp_path / "trial.parquet", 1_800), tmp_path / "other.parquet"
    duckdb.sql(f"copy (select {change} from '{whole}') to '{other}'")
    with pytest.raises(ValueError, match=told) as refusal:
        TRIAL.evaluate_file(other, 1, lambda *_: None)
    assert "\n" not in str(refusal.value)


def test_an_infinite_feature_counts_as_missing(tmp_path: Path) -> None:
    whole, other = trial_file(tmp_path / "trial.parquet", 1_800), tmp_path / "other.parquet"
    duckdb.sql(
        f"""
        copy (
            select *, case customer_id % 3 when 0 then 'inf'::double when 1 then 1e300 else 7 end as ratio from '{whole}'
        ) to '{other}'
        """
    )
    ratio = read_trial(other).features[:, -1]
    assert np.isnan(ratio).sum() == 1_200
    assert set(ratio[np.isfinite(ratio)].tolist()) == {7.0}
