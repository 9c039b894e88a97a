"""The ranking tasks: measures by hand, and a training on a made-up shop's feature tables."""

import itertools
import json
from datetime import date, timedelta

import duckdb
import numpy as np
import pytest

from models_onnx.category_interest.task import category_split
from models_onnx.interest.ranked import TIFU, RankedTask, standard_errors
from models_onnx.interest.ranking import recall_and_ndcg
from models_onnx.interest.task import linear_form
from models_onnx.task import TrainingContext
from models_onnx.time_split import ThinData, TimeSplit
from udfs.scorer_kinds import scorer_from

NAMES = ["user_affinity", "item_share", "own_purchase_days", "own_affinity", "item_buyers"]
TRAIN, VALIDATION, TEST = date(2024, 5, 1), date(2024, 5, 29), date(2024, 6, 26)


def test_recall_divides_by_all_that_was_wanted_and_ndcg_by_the_best_order():
    users = np.array([0, 0, 0, 1, 1, 2])
    labels = np.array([1, 0, 1, 0, 1, 0], dtype=np.float32)
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.1, 0.5])
    # user 0 wanted 4 and finds 1 of them in the first 2 places; user 1 finds what it wanted in the second; user 2 wanted nothing
    recall, ndcg = recall_and_ndcg(users, labels, scores, np.array([4, 1, 0]), k=2)
    second = 1 / np.log2(3)
    assert recall == pytest.approx([1 / 4, 1])
    assert ndcg == pytest.approx([1 / (1 + second), second])


def test_equal_scores_keep_the_order_of_the_rows():
    recall, _ = recall_and_ndcg(np.zeros(2, dtype=np.int64), np.array([0, 1], dtype=np.float32), np.zeros(2), np.array([1]), k=1)
    assert recall.tolist() == [0]


def test_standard_errors_of_a_gain():
    assert standard_errors(0.3, 0.3 - 0.1959964, 0.3 + 0.1959964) == pytest.approx(3)


def test_category_split_leaves_no_label_window_that_overlaps_another():
    split = category_split(date(2024, 1, 1), date(2025, 1, 1))
    days = split.all()
    assert [len(split.train), len(split.validation), len(split.test)] == [8, 2, 2]
    assert all(later - earlier == timedelta(days=14) for earlier, later in itertools.pairwise(days))
    assert days[-1] == date(2024, 12, 18)
    assert max(split.train) < min(split.validation)
    assert max(split.validation) < min(split.test)


def test_category_split_refuses_a_short_history():
    with pytest.raises(ThinData, match="is 125 days long and training needs 126"):
        category_split(date(2024, 1, 1), date(2024, 1, 1) + timedelta(days=125))
    assert len(category_split(date(2024, 1, 1), date(2024, 1, 1) + timedelta(days=126)).train) == 1


@pytest.fixture(scope="module")
def shop():
    """40 users and 12 products: a user buys again, every week, what was bought before; product x is no choice."""
    random = np.random.default_rng(0)
    favourites = {f"u{number:02}": random.choice(12, 5, replace=False) for number in range(40)}
    lines, features, labels = [], [], []
    for user, liked in favourites.items():
        for week in range(18):
            day = date(2024, 3, 27) + timedelta(days=7 * week)
            kept = [product for product in liked if random.random() < 0.6]
            lines += [(user, f"{user}-{week}", f"p{product:02}", day, 1.0) for product in kept]
            lines.append((user, f"{user}-{week}", "x", day, 1.0))
    for day in (TRAIN, VALIDATION, TEST):
        for user in favourites:
            for product in range(12):
                item = f"p{product:02}"
                days = [line[3] for line in lines if line[0] == user and line[2] == item]
                past = float(sum(one < day for one in days))
                bought = any(day <= one < day + timedelta(days=28) for one in days)
                features.append((day, user, item, [past, 1.0, past, past, float(product)]))
                labels.append((day, user, item, bought))
    connection = duckdb.connect()
    for schema in ("staging", "features"):
        connection.execute(f"create schema {schema}")
    for table, columns, rows in (
        ("staging.stg_order_lines", "user_id text, order_id text, product_id text, ordered_on date, quantity double", lines),
        ("staging.as_of_dates", "as_of_date date", [(day,) for day in (TRAIN, VALIDATION, TEST)]),
        ("staging.stg_products", "product_id text, category text", [(f"p{n:02}", "A") for n in range(12)] + [("x", "FUEL")]),
        ("features.item_features", "as_of_date date, user_id text, product_id text, features float[]", features),
        ("features.item_labels", "as_of_date date, user_id text, product_id text, is_bought boolean", labels),
    ):
        connection.execute(f"create table {table} ({columns})")
        connection.executemany(f"insert into {table} values ({', '.join('?' for _ in rows[0])})", rows)
    return connection


@pytest.fixture(scope="module")
def context(shop):
    return TrainingContext(
        connection=shop,
        split=TimeSplit([TRAIN], [VALIDATION], [TEST]),
        dbt_vars={"unranked_categories": ["FUEL"], "interest_pairs": [["user_affinity", "item_share"]]},
        seed=1,
        source="made up",
        progress=lambda what, done, total: None,
    )


TASK = RankedTask(
    name="interest",
    title="made up",
    key="product_id",
    features_model="item_features",
    labels_model="item_labels",
    further_models=[],
    names=lambda context: NAMES,
    popularity="item_buyers",
    also=linear_form,
)


@pytest.fixture(scope="module")
def trained(context):
    return TASK.train(context)


def test_the_model_and_every_baseline_are_ranked_on_the_same_users(trained):
    for name in ("interest", "rule: own purchase days", "rule: best sellers", TIFU):
        assert trained.metrics[name]["test"]["users"] == 40
    # who buys the same five again is told by the past, not by what sells
    assert trained.metrics["interest"]["test"]["ndcg@10"] > trained.metrics["rule: best sellers"]["test"]["ndcg@10"] + 0.1
    assert trained.metrics[TIFU]["test"]["ndcg@10"] > trained.metrics["rule: best sellers"]["test"]["ndcg@10"] + 0.1
    assert trained.judge.measure == "ndcg@10"
    assert trained.judge.value(trained.test_scores) == trained.metrics["interest"]["test"]["ndcg@10"]


def test_what_is_no_choice_is_not_wanted(context):
    wanted = TASK.parts(context)["test"].columns["wanted"]
    assert wanted.min() >= 1
    assert wanted.max() <= 5


def test_equal_inputs_and_seed_give_equal_files(context, trained):
    assert TASK.train(context).files == trained.files


def test_the_files_serve(trained):
    scorer = scorer_from("interest", trained.kind, trained.files[trained.file], trained.files)
    assert scorer.score(trained.test_inputs) == pytest.approx(trained.test_scores, abs=1e-6)
    assert json.loads(trained.files["rule.json"])["feature"] == "own_affinity"
    linear = trained.also["interest_linear"]
    form = json.loads(linear.files["linear.json"])
    assert (form["pairs"], form["feature_count"]) == (1, 5)
    assert form["weights"][0] > 0


def test_findings_state_the_paired_gain_over_tifu_knn(context, trained):
    scorer = scorer_from("interest", trained.kind, trained.files[trained.file], trained.files)
    findings = TASK.evaluate(context, scorer)
    assert [finding.measure for finding in findings] == ["recall@10", "ndcg@10"]
    assert findings[1].reached == pytest.approx(trained.metrics["interest"]["test"]["ndcg@10"])
    assert all(finding.rows == 40 and "standard errors" in finding.note and TIFU in finding.baselines for finding in findings)


def test_findings_without_a_champion_or_with_one_of_another_width_say_so(context, trained):
    assert {finding.note for finding in TASK.evaluate(context, None)} == {"no champion is registered"}

    class Narrow:
        feature_count = 2

    notes = {finding.note for finding in TASK.evaluate(context, Narrow())}
    assert notes == {"the champion reads 2 features, the shop has 5"}


def test_purchases_after_the_test_date_change_no_baseline(context, shop, trained):
    before = trained.baseline_scores[TIFU]
    shop.execute("begin")
    shop.execute(
        "insert into staging.stg_order_lines select user_id, 'future', 'p00', date '2024-06-26', 9 from staging.stg_order_lines"
    )
    after = TASK.train(context).baseline_scores[TIFU]
    shop.execute("rollback")
    assert (before == after).all()
