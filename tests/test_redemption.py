"""Rolling origin over campaigns: what a fit may see, how drawn negatives and the level are put right, what ships."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("sklearn")

from models_onnx.redemption.recipe import Recipe, fit, mixed
from models_onnx.redemption.rolling import choose, over_by, walk
from models_onnx.redemption.task import campaign_split
from models_onnx.tabular.examples import Part
from models_onnx.tabular.fit import scores_of
from models_onnx.time_split import ThinData
from udfs.log_odds import sigmoid
from udfs.scorer_kinds import scorer_from

FIRST = date(2024, 1, 1)
STARTS = [FIRST + timedelta(days=30 * number) for number in range(5)]
RECIPE = Recipe(rounds=10)
RECEIVERS = 400


def campaigns() -> Part:
    """Five campaigns of 20 days, a month apart; the first feature tells who redeems, the second nothing."""
    random = np.random.default_rng(1)
    features = random.normal(size=(len(STARTS) * RECEIVERS, 2)).astype(np.float32)
    number = np.repeat(np.arange(len(STARTS)), RECEIVERS)
    chance = sigmoid(1.5 * features[:, 0] - 2)
    days = np.array(STARTS, dtype="datetime64[D]")[number]
    return Part(
        features=features,
        labels=(random.random(len(number)) < chance).astype(np.float32),
        groups=np.tile(np.arange(RECEIVERS), len(STARTS)),
        columns={"as_of_date": days, "ends_on": days + np.timedelta64(20, "D")},
    )


def test_a_campaign_is_scored_by_those_that_were_over_before_it_began() -> None:
    part = campaigns()
    walked = walk(part, STARTS, RECIPE, seed=1)
    # the first has no campaign before it
    assert walked.tested.tolist() == (part.columns["as_of_date"] > np.datetime64(FIRST)).tolist()
    assert walked.fits == 4
    assert np.isnan(walked.logits["xgboost"][~walked.tested]).all()
    assert part.labels[walked.tested][np.argsort(-walked.logits["xgboost"][walked.tested])[:100]].mean() > 0.3
    # whatever becomes of a campaign and of later ones, its scores stand
    third = part.columns["as_of_date"] == np.datetime64(STARTS[2])
    turned = np.where(part.columns["as_of_date"] >= np.datetime64(STARTS[2]), 1 - part.labels, part.labels)
    altered = Part(part.features, turned, part.groups, part.columns)
    again = walk(altered, STARTS, RECIPE, seed=1)
    for member, logits in walked.logits.items():
        np.testing.assert_array_equal(again.logits[member][third], logits[third])
    weights = {"logistic": 0.5, "xgboost": 0.5}
    day = np.datetime64(STARTS[2])
    assert again.shift(altered, weights, day) == walked.shift(part, weights, day)


def test_a_campaign_that_still_runs_is_no_past() -> None:
    part = campaigns()
    on = part.columns["as_of_date"]
    ends = STARTS[0] + timedelta(days=20)
    assert over_by(part, ends).sum() == RECEIVERS
    assert over_by(part, ends - timedelta(days=1)).sum() == 0
    endless = Part(part.features, part.labels, part.groups, {"as_of_date": on, "ends_on": on + np.timedelta64(200, "D")})
    assert not walk(endless, STARTS, RECIPE, seed=1).tested.any()


def test_the_level_of_past_campaigns_is_what_scores_are_moved_to() -> None:
    part = campaigns()
    walked = walk(part, STARTS, RECIPE, seed=1)
    weights = {"xgboost": 1.0}
    assert walked.shift(part, weights, np.datetime64(STARTS[1])) == 0.0  # nothing was tested before
    last = np.datetime64(STARTS[-1])
    known = walked.tested & (part.columns["ends_on"] <= last)
    shift = walked.shift(part, weights, last)
    assert sigmoid(walked.logits["xgboost"][known] + shift).mean() == pytest.approx(part.labels[known].mean(), abs=1e-6)
    scores = walked.scores(part, weights)
    rows = part.columns["as_of_date"] == last
    np.testing.assert_allclose(scores[rows], sigmoid(walked.logits["xgboost"][rows] + shift))
    assert np.isnan(scores[~walked.tested]).all()


def test_drawing_negatives_leaves_the_level_of_the_scores() -> None:
    part = campaigns()
    whole = fit(part.features, part.labels, RECIPE, seed=1)
    drawn = fit(part.features, part.labels, Recipe(rounds=10, negatives_per_positive=2), seed=1)
    assert whole.offset == 0.0
    assert drawn.offset == pytest.approx(np.log(2 * part.labels.sum() / (part.labels == 0).sum()))
    assert (drawn.rows, drawn.positives) == (len(part.labels), int(part.labels.sum()))
    level = sigmoid(drawn.logits(part.features)["logistic"]).mean()
    assert level == pytest.approx(part.labels.mean(), rel=0.1)
    with pytest.raises(ValueError, match="both classes"):
        fit(part.features, np.zeros_like(part.labels), RECIPE, seed=1)


def test_what_ships_scores_as_the_fit_does() -> None:
    part = campaigns()
    fitted = fit(part.features, part.labels, Recipe(rounds=10, negatives_per_positive=2), seed=1)
    weights = {"logistic": 0.3, "xgboost": 0.7}
    file, files = fitted.files(weights, 0.2, ["tells", "tells nothing"])
    served = scores_of(scorer_from("coupon_redemption", "blend", files[file], files), part.features)
    np.testing.assert_allclose(served, sigmoid(mixed(fitted.logits(part.features), weights) + 0.2), atol=1e-6)


def test_a_blend_takes_the_place_of_the_better_member_only_beyond_noise() -> None:
    part = campaigns()
    walked = walk(part, STARTS, RECIPE, seed=1)
    random = np.random.default_rng(2)
    truth = walked.logits["logistic"].copy()
    walked.logits["xgboost"][:] = random.normal(size=len(truth))
    weights, card = choose(part, walked, walked.tested, "auc")
    assert weights == {"logistic": 1.0}
    assert card["candidate"] == "logistic"
    # two members that err apart are better together
    walked.logits["logistic"][:] = truth + random.normal(size=len(truth))
    walked.logits["xgboost"][:] = truth + random.normal(size=len(truth))
    weights, card = choose(part, walked, walked.tested, "auc")
    assert card["candidate"] == "blend"
    assert sum(weights.values()) == pytest.approx(1.0)
    assert card["blend_gain_on_validation"]["interval_95"][0] > 0


def test_campaign_starts_are_split_in_the_order_of_time() -> None:
    starts = [FIRST + timedelta(days=30 * number) for number in range(1, 13)]
    # one a week after the first day of purchases, one on the day on which the data end: neither has what it needs
    split = campaign_split(FIRST, starts[-1] + timedelta(days=9), [*reversed(starts), FIRST + timedelta(days=7)])
    assert [*split.train, *split.validation, *split.test] == starts
    assert [len(part) for part in (split.train, split.validation, split.test)] == [5, 2, 5]
    assert all(max(older) < min(newer) for older, newer in pairwise((split.train, split.validation, split.test)))
    assert campaign_split(FIRST, starts[-1], starts).test[-1] == starts[-2]
    with pytest.raises(ThinData, match="9 days"):
        campaign_split(FIRST, starts[-1], starts[:9])
