"""Reasons of scores: contributions sum to the margin for every kind of model, and mean what they say."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import tiny_models
import xgboost
import yaml
from numpy.typing import NDArray
from onnx import TensorProto
from rendered_sql import ENGINE_PREFIX, PROJECT, SETTINGS, Renderer, Setting, read_contract

from models_onnx.tabular.logistic import Logistic, logistic_onnx
from udfs.duckdb_functions import register_functions
from udfs.log_odds import logit, sigmoid
from udfs.model_registry import MODELS_FOLDER, ModelRefused, ModelRegistry
from udfs.reasons import explain_column, explainer, in_two_orders
from udfs.scorer_kinds import scorer_from
from udfs.served_models import load_scorer
from udfs.sql_functions import SQL_FUNCTIONS

SUM_WITHIN = 1e-4
RANDOM = np.random.default_rng(11)


def features(width: int, rows: int = 200) -> NDArray[np.float32]:
    """Features of both signs, a tenth of them missing."""
    values = RANDOM.normal(size=(rows, width)).astype(np.float32)
    values[RANDOM.random(size=values.shape) < 0.1] = np.nan
    return values


def tokens(rows: int = 60) -> NDArray[np.int32]:
    """Sequences of 1 to 50 tokens, pads at the left."""
    found = RANDOM.integers(1, 10_000, size=(rows, 50)).astype(np.int32)
    found[np.arange(50) < RANDOM.integers(0, 50, size=rows)[:, None]] = 0
    return found


LOGISTIC = Logistic(
    pressed=np.array([False, True, False]),
    mean=np.array([1.0, 0.5, -0.5], dtype=np.float32),
    scale=np.array([2.0, 1.0, 0.5], dtype=np.float32),
    gaps=np.array([0]),
    weights=np.array([1.0, -1.0, 0.5, 3.0], dtype=np.float32),
    bias=0.25,
)
LINEAR_EFFECT = {"weights": [2.0, -1.0], "bias": 0.5, "inputs": [0, 2], "missing": [0.25, 1.0], "feature_count": 3}
RULE = {"feature": "x", "index": 1, "feature_count": 3, "points": [[-1, 0.1], [1, 0.7]], "missing": 0.5}
EVENT_RULE = {"input": "tokens", "feature": "events", "points": [[1, 0.2], [50, 0.9]], "missing": 0.5}


def encoded(content: object) -> bytes:
    return json.dumps(content).encode()


def pinned(content: bytes, kind: str, **more: object) -> dict[str, object]:
    return {"file": kind, "sha256": hashlib.sha256(content).hexdigest(), "kind": kind, **more}


def small_booster(width: int, seed: int) -> bytes:
    drawn = np.random.default_rng(seed)
    rows = drawn.normal(size=(400, width)).astype(np.float32)
    labels = (rows[:, 0] * rows[:, -1] + drawn.normal(size=400) > 0).astype(np.float32)
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": seed}
    return bytes(xgboost.train(settings, xgboost.DMatrix(rows, labels), 12).save_raw("ubj"))


TREES, MORE_TREES, OUTCOME = small_booster(3, 1), small_booster(3, 2), small_booster(4, 3)
NETWORK = tiny_models.intent_model(TensorProto.INT32)
BLEND = {
    "members": [pinned(TREES, "xgboost", weight=0.7), pinned(logistic_onnx(LOGISTIC), "onnx_features", weight=0.4)],
    "slope": 1.3,
    "intercept": -0.4,
}
WIDE_BLEND = {
    "members": [pinned(NETWORK, "onnx", weight=0.5), pinned(TREES, "xgboost", weight=0.5, argument=1)],
    "slope": 0.9,
    "intercept": 0.2,
}
UPLIFT = {"members": {"treated": pinned(TREES, "a"), "control": pinned(MORE_TREES, "b"), "outcome": pinned(OUTCOME, "c")}}
for _member in UPLIFT["members"].values():
    _member["kind"] = "xgboost"
FILES = {"xgboost": TREES, "onnx_features": logistic_onnx(LOGISTIC), "onnx": NETWORK, "a": TREES, "b": MORE_TREES, "c": OUTCOME}

CASES = {
    "trees": ("xgboost", TREES, features(3), "exact", "approximate"),
    "network": ("onnx", NETWORK, tokens(), "occlusion", "occlusion"),
    "logistic": ("onnx_features", logistic_onnx(LOGISTIC), features(3), "occlusion", "occlusion"),
    "linear": ("linear", tiny_models.linear_model(), features(7), "exact", "exact"),
    "linear effect": ("linear_effect", encoded(LINEAR_EFFECT), features(3), "exact", "exact"),
    "rule": ("rule", encoded(RULE), features(3), "exact", "exact"),
    "rule of events": ("rule", encoded(EVENT_RULE), tokens(), "exact", "exact"),
    "blend": ("blend", encoded(BLEND), features(3), "occlusion", "approximate"),
    "blend of two arguments": (
        "blend", encoded(WIDE_BLEND), np.column_stack([tokens(200), features(3)]).astype(np.float32), "occlusion", "approximate",
    ),
    "uplift": ("uplift", encoded(UPLIFT), features(3), "rescaled", "approximate"),
}  # fmt: skip


@pytest.mark.parametrize("fast", [False, True], ids=["exact", "fast"])
@pytest.mark.parametrize("case", CASES)
def test_contributions_sum_to_the_margin(case: str, fast: bool) -> None:
    kind, content, batch, attribution, fast_attribution = CASES[case]
    scorer = explainer(scorer_from("model", kind, content, FILES))
    scores = scorer.score(batch).astype(np.float64)
    contributions = scorer.explain(batch, fast)
    margins = scores if kind == "uplift" else logit(scores)
    assert contributions.shape == (len(batch), batch.shape[1] + (2 if kind == "uplift" else 1))
    np.testing.assert_allclose(contributions.sum(axis=1), margins, atol=SUM_WITHIN)
    assert scorer.attribution(fast) == (fast_attribution if fast else attribution)
    np.testing.assert_array_equal(scorer.explain(batch, fast), contributions)  # the same reasons every time
    if kind not in ("uplift", "rule"):  # elsewhere the base value is the model's, whoever is asked about
        assert np.ptp(contributions[:, -1]) < 1e-6


@pytest.fixture(scope="module")
def functions() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        register_functions(connection)
        yield connection


def test_every_registered_score_tells_reasons_that_sum_to_its_margin(functions: duckdb.DuckDBPyConnection) -> None:
    registry = ModelRegistry(MODELS_FOLDER)
    for function in SQL_FUNCTIONS:
        if not function.has_reasons:
            continue
        scorer = explainer(load_scorer(registry, function.model()))
        widths = {"INTEGER[]": [50], "FLOAT[]": [scorer.feature_count]}[function.arguments[0]]  # type: ignore[attr-defined]
        if len(function.arguments) == 2:
            widths = [50, 62]
        arguments = ", ".join(
            f"[hash(i, {place}, j) % {1000 if kind == 'INTEGER[]' else 9} + 1 for j in range({width})]::{kind}"
            for place, (kind, width) in enumerate(zip(function.arguments, widths, strict=True))
        )
        names = ", ".join("ab"[: len(widths)])
        rows = f"(select {arguments} from range(40) as t(i)) as t({names})"
        for reasons, fast in function.reasons.items():
            told = f"{reasons}({names})"
            score, total, length = (
                functions.execute(f"select {function.name}({names}), list_sum({told}), len({told}) from {rows}")
                .fetchnumpy()
                .values()
            )
            is_difference = function.name == "promo_effect"
            np.testing.assert_allclose(total, score if is_difference else logit(score), atol=SUM_WITHIN)
            assert set(length) == {sum(widths) + 1 + is_difference}
            (method,) = functions.execute("select reasons_method(?)", [reasons]).fetchall()[0]
            assert method == scorer.attribution(fast)


def test_reasons_are_null_where_the_score_is(functions: duckdb.DuckDBPyConnection) -> None:
    row = functions.execute("select churn_risk_reasons(null), churn_risk_reasons([1, 2]), reasons_method(null)").fetchall()
    assert row == [(None, None, None)]


def test_what_tells_no_reasons_is_refused_by_name(functions: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="topics_reasons: no such function tells reasons"):
        functions.execute("select reasons_method('topics_reasons')")
    scorer = load_scorer(ModelRegistry(MODELS_FOLDER), "topics")
    with pytest.raises(ModelRefused, match="topics: TopicScorer tells no reasons"):
        explain_column(scorer, False, pa.array([["a"]]), pa.array([[1.0]]))


def test_tree_shap_is_xgboosts_own() -> None:
    batch = features(3)
    booster = xgboost.Booster()
    booster.load_model(bytearray(TREES))
    expected = booster.predict(xgboost.DMatrix(batch, missing=np.nan), pred_contribs=True)
    scorer = explainer(scorer_from("model", "xgboost", TREES))
    np.testing.assert_allclose(scorer.explain(batch, fast=False), expected, atol=1e-6)


def test_a_linear_pair_shares_its_product() -> None:
    scorer = explainer(scorer_from("model", "linear", tiny_models.linear_model(weights=[2.0, -1.0, 0.5], bias=-0.25)))
    found = scorer.explain(np.array([[0.8, 0.2, 0.1, 0.9, 0.1, 0.2, 7.0]], dtype=np.float32), fast=False)
    np.testing.assert_allclose(found, [[0.72, -0.01, 0.005, 0.72, -0.01, 0.005, 0, -0.25]], atol=1e-6)


def test_a_logistic_regression_tells_coefficient_times_centred_value() -> None:
    scorer = explainer(scorer_from("model", "onnx_features", logistic_onnx(LOGISTIC)))
    found = scorer.explain(np.array([[3.0, 0.0, np.nan]], dtype=np.float32), fast=False)
    # (3 - 1) / 2 · 1 less the weight of not knowing it; (0 - 0.5) · -1; unknown is the mean; bias and the weight of not knowing
    np.testing.assert_allclose(found, [[1.0 - 3.0, 0.5, 0.0, 0.25 + 3.0]], atol=1e-5)


def test_occlusion_is_the_mean_of_both_orders() -> None:
    def margins(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        known = np.nan_to_num(rows.astype(np.float64))
        return known[:, 0] * known[:, 1] + known[:, 2] + 1

    found = in_two_orders(margins, np.array([[2.0, 3.0, 5.0]], dtype=np.float32), np.nan)
    np.testing.assert_allclose(found, [[3.0, 3.0, 5.0, 1.0]])  # the product of 6 is shared, the sum is not


def test_an_event_counts_what_it_adds_to_newer_and_to_older_ones() -> None:
    scorer = explainer(scorer_from("model", "onnx", NETWORK))
    sequence = np.zeros((1, 50), dtype=np.int32)
    sequence[0, -2:] = [5, 9_999]

    def margin(*events: int) -> float:
        return float(logit(tiny_models.intent_answer([0] * (50 - len(events)) + list(events))))

    older = ((margin(5, 9_999) - margin(9_999)) + (margin(5) - margin())) / 2
    newer = ((margin(9_999) - margin()) + (margin(5, 9_999) - margin(5))) / 2
    found = scorer.explain(sequence, fast=False)[0]
    np.testing.assert_allclose(found[-3:], [older, newer, margin()], atol=1e-5)
    assert not found[:-3].any()  # a pad is no event


def test_a_blends_base_value_carries_its_calibration() -> None:
    batch = features(3)
    plain = {**BLEND, "slope": 1.0, "intercept": 0.0}
    calibrated = explainer(scorer_from("model", "blend", encoded(BLEND), FILES)).explain(batch, fast=False)
    raw = explainer(scorer_from("model", "blend", encoded(plain), FILES)).explain(batch, fast=False)
    np.testing.assert_allclose(calibrated[:, :-1], 1.3 * raw[:, :-1])
    np.testing.assert_allclose(calibrated[:, -1], 1.3 * raw[:, -1] - 0.4)


def test_a_blend_sums_to_its_margin_where_a_member_is_all_but_sure() -> None:
    sure = {**RULE, "points": [[-1, 0.0], [1, 1.0]], "feature_count": 3}
    content = encoded(sure)
    blend = {"members": [pinned(content, "rule", weight=1.0)], "slope": 1.0, "intercept": 0.5}
    scorer = explainer(scorer_from("model", "blend", encoded(blend), {"rule": content}))
    batch = np.array([[0, 1, 0], [0, -1, 0]], dtype=np.float32)
    np.testing.assert_allclose(sigmoid(scorer.explain(batch, fast=False).sum(axis=1)), scorer.score(batch), atol=1e-6)


def test_a_difference_of_probabilities_is_told_in_probabilities() -> None:
    one_model = {"members": {"outcome": {**pinned(OUTCOME, "c"), "kind": "xgboost"}}}
    scorer = explainer(scorer_from("model", "uplift", encoded(one_model), FILES))
    found = scorer.explain(features(3), fast=False)
    assert abs(found[:, -1]).max() < 1e-9  # one model asked twice begins both times at the same place
    assert abs(found).max() < 1
    assert abs(found[:, 0]).max() > 0  # the treatment's own


SEEDS = PROJECT / "seeds"
RENDERER = Renderer(SETTINGS[0])
PROTECTED = {
    name
    for table in read_contract().values()
    for name, entry in table["columns"].items()
    if entry["config"]["meta"].get("protected")
}
PROTECTED_WORDS = re.compile(
    r"\b(age|aged|old(er)?|income|gender|sex|women?|men|household|famil(y|ies)|child(ren)?|region|religion|health)\b"
    r"|年龄|收入|性别|家庭|孩子|地区|宗教|健康",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def inputs() -> set[tuple[str, str]]:
    """(score, feature) of every entry that a model with reasons reads: those that are kept, and those of all other functions."""
    variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    others = ("campaign_redemption", "subcategory_interest", "category_interest")
    told = {(score, name) for score in others for name in variables[f"{score}_features"]}
    told |= {("churn_risk_56d", name) for name in variables["churn_features"]}
    (statement,) = RENDERER.model(PROJECT / "models/features/score_inputs.sql")
    return told | set(duckdb.sql(f"select score, feature from ({statement}) where feature not like 'token%'").fetchall())


def rows_of(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_entry_that_a_model_reads_has_a_phrase_of_its_own(inputs: set[tuple[str, str]]) -> None:
    assert {score for score, _ in inputs} == {
        function.name.removesuffix("_blend") for function in SQL_FUNCTIONS if function.has_reasons
    }
    phrases: dict[tuple[str, str], set[str]] = {}
    for row in rows_of("reason_phrases"):
        phrases.setdefault((row["score"], row["feature"]), set()).add(row["direction"])
    for score, feature in sorted(inputs):
        found = phrases.get((score, feature)) or phrases.get(("*", feature))
        if found is None and re.fullmatch(r"weekday_\d_rate", feature):
            found = phrases["*", "weekday_%_rate"]
        assert found is not None, f"seeds/reason_phrases.csv has no phrase for {feature} of {score}"
        assert {"up", "down"} <= found, f"seeds/reason_phrases.csv: {feature} of {score} needs up and down"
    kinds = {"purchase", "view", "cart", "uncart", "wishlist", "search", "share", "unknown"}
    assert {f"event_{kind}" for kind in kinds} <= {feature for _, feature in phrases}


def test_no_model_with_reasons_reads_a_protected_attribute_and_no_phrase_names_one(inputs: set[tuple[str, str]]) -> None:
    assert {"age_band", "income_band", "gender", "household"} <= PROTECTED
    assert not {feature for _, feature in inputs} & PROTECTED
    for row in rows_of("reason_phrases") + rows_of("refusal_phrases"):
        assert not PROTECTED_WORDS.search(f"{row['en']} {row['zh']}"), row


def test_a_protected_attribute_among_the_inputs_would_be_marked() -> None:
    setting = Setting("a fault", {"churn_features": ["recency_days", "gender"]}, incremental=False, shop_tables=None)
    (statement,) = Renderer(setting).model(PROJECT / "models/features/score_inputs.sql")
    assert duckdb.sql(f"select score, feature from ({statement}) where is_protected").fetchall() == [("churn_risk", "gender")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("update reject_codes set sentence = 'Said otherwise.'", []),
        ("delete from reject_codes where code = 'NO_CONSENT'", [("NO_CONSENT", None)]),
        ("update reject_codes set bit = null where code = 'EXPIRED'", [("EXPIRED", None)]),
        ("update reject_codes set bit = 12 - bit where bit in (4, 8)", [("HIDDEN", 4), ("NO_CONSENT", 8)]),
    ],
)
def test_a_rule_without_its_bit_stops_the_build(change: str, told: list[tuple[str, int | None]]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table reject_codes as from read_csv($1)", [str(PROJECT / "seeds/reject_codes.csv")])
        connection.execute(change)
        (test,) = Renderer(SETTINGS[0]).model(PROJECT / "tests/codes_of_rules_have_their_bits.sql")
        assert connection.sql(f"select code, bit_of_seed from ({test}) order by code").fetchall() == told


def test_every_refusal_and_every_change_has_a_phrase_in_every_language() -> None:
    codes = {row["code"] for row in rows_of("reject_codes")}
    phrases = rows_of("refusal_phrases")
    said = {row["code"] for row in phrases if row["about"] == "refusal" and row["zh"]}
    assert said == codes
    changes = {row["code"] for row in phrases if row["about"] == "change" and row["en"] and row["zh"] and row["brought_by"]}
    assert {change.partition("/")[0] for change in changes} == codes
    # every code of a change that the view can give
    view = (PROJECT / "models/promotions/refusals.sql").read_text()
    told = set(re.findall(r"then '([A-Z_]+/\w+)'", view)) | {"NOT_IN_SEGMENT/value_tier", "NOT_IN_SEGMENT/intent"}
    told |= {f"{code}/allocation" for code in ("EXCLUSIVE_GROUP", "OFFER_LIMIT")}
    assert told <= changes


def test_placeholders_of_phrases_are_those_that_are_filled() -> None:
    filled = {"reason_phrases": {"value", "days", "percent", "times", "money"}}
    filled["refusal_phrases"] = {"now", "needed", "lacks", "date", "now_words", "needed_words"}
    for seed, known in filled.items():
        for row in rows_of(seed):
            assert set(re.findall(r"\{(\w*)\}", f"{row['en']} {row['zh']}")) <= known, row


def test_event_words_read_the_tokens_of_event_sequences(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        f"create macro {ENGINE_PREFIX}hash_bucket(word, buckets) as "
        "cast(cast('0x' || substr(md5(word), 1, 8) as bigint) % buckets as integer)"
    )
    (statement,) = RENDERER.model(PROJECT / "models/features/event_words.sql")
    words = {token: (kind, days) for token, kind, days in connection.execute(statement).fetchall()}

    def token(word: str) -> int:
        return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest()[:8], 16) % 9_999 + 1

    assert words[token("purchase|3")] == ("purchase", 3)
    assert words[token("view|182")] == ("view", 182)
    assert words[token("cart|older")] == ("cart", None)
    assert len(words) == 7 * 28


REASONS = """
create table as_of_dates as select date '2024-03-01' as as_of_date, date '2024-03-01' as data_until;
create table event_words as from (values (7, 'purchase', 3), (8, 'view', null)) as words (token, event_type, days);
create table score_inputs as
    from (values ('purchase_intent', 'token_1', 4), ('purchase_intent', 'token_2', 3), ('purchase_intent', 'token_3', 2),
        ('purchase_intent', 'visits', 1), ('interest', 'b', 2), ('interest', 'a', 1)) as inputs (score, feature, from_end);
"""
TOLD = """
create table {score}_reasons as
    select 'u' as user_id, '{item}' as item_id, date '2024-03-01' as as_of_date, 0.6::float as score,
        {values}::float[] as input_values, {contributions}::float[] as contributions, true as is_exact, 'exact' as method,
        '{model}' as model_name, 'v' as model_version
"""


def test_reasons_are_named_ranked_and_events_told_by_what_they_were(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(REASONS)
    for score in ("category_interest", "coupon_redemption", "churn_risk", "promo_effect"):
        connection.execute(TOLD.format(score=score, item="", values="[]", contributions="[0.5]", model="m") + " limit 0")
    # two entries weigh the same: the place decides; a rule reads the last vector alone; a pad adds nothing
    connection.execute(
        TOLD.format(score="interest", item="p", values="[1, null]", contributions="[-0.5, 0.5, 0.1]", model="interest")
    )
    connection.execute(
        TOLD.format(
            score="purchase_intent", item="", values="[0, 7, 8, 5]", contributions="[0, 0.25, -0.5, 1, -2]", model="blend"
        )
    )
    connection.execute(f"create macro {ENGINE_PREFIX}element_of(value, place) as value[place]")
    connection.execute(f"create macro {ENGINE_PREFIX}array_size(value) as len(value)")
    connection.execute(f"create macro {ENGINE_PREFIX}without_last(value) as value[:-2]")
    connection.execute(
        f"create macro {ENGINE_PREFIX}ranks_by_size(value) as list_grade_up(list_grade_up([-abs(item) for item in value]))"
    )
    (statement,) = RENDERER.model(PROJECT / "models/promotions/score_reasons.sql")
    told = (
        "select score_name, reason_rank, feature, feature_value, contribution, direction, base_value, scale "
        f"from ({statement}) order by score_name, reason_rank"
    )
    assert connection.execute(told).fetchall() == [
        ("interest", 1, "b", 1.0, -0.5, "down", pytest.approx(0.1), "log_odds"),
        ("interest", 2, "a", None, 0.5, "up", pytest.approx(0.1), "log_odds"),
        ("purchase_intent", 1, "visits", 5.0, 1.0, "up", -2.0, "log_odds"),
        ("purchase_intent", 2, "event_view", None, -0.5, "down", -2.0, "log_odds"),
        ("purchase_intent", 3, "event_purchase", 3.0, 0.25, "up", -2.0, "log_odds"),
    ]
    connection.execute("update purchase_intent_reasons set contributions = [1, -2], model_name = 'purchase_intent_blend (rule)'")
    assert [row[2] for row in connection.execute(told).fetchall()] == ["b", "a", "visits"]
