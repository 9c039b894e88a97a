"""Trains interest from the feature tables: the linear form and xgboost on the same rows, files and cards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models_onnx.evaluation import binary_metrics
from models_onnx.interest.ranking import recall_and_ndcg
from models_onnx.model_card import fingerprint, register, write_card, write_whole
from models_onnx.time_split import TimeSplit

FEATURE_MODELS = ["candidate_products", "user_product_features", "interest_labels"]
"""The dbt models whose rows it learns from; the same that scoring reads."""

PARAMETERS = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    "max_depth": 6,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "min_child_weight": 20,
    "nthread": 2,
}
MOST_ROUNDS = 300
MOST_TRAINING_ROWS = 1_500_000
"""Beyond this a sample of users stands for all; the sample is drawn by hash, so it is the same every time."""


def train(
    connection: duckdb.DuckDBPyConnection,
    split: TimeSplit,
    models_folder: Path,
    pairs: int,
    names: list[str],
    seed: int,
    command: str,
    source: str,
    on_round: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Train both forms of `interest`, write model.ubj, linear.json, card.json and the registry entries; returns the card.

    `names` are the features in their order, the first 2 · `pairs` of them the pairs of the linear form.
    xgboost takes its place only if it ranks better than the user's own past purchases do on validation (NDCG@10).
    Raises ValueError when it doesn't, or when a part holds no purchase.
    """
    parts = {
        "train": _read(connection, split.train, MOST_TRAINING_ROWS),
        "validation": _read(connection, split.validation),
        "test": _read(connection, split.test),
    }
    for name, part in parts.items():
        if not 0 < part.labels.sum() < len(part.labels):
            raise ValueError(f"interest: no candidate was bought in the {name} window, or all were; it can't be trained")
    weights, bias = _fit_linear(parts["train"], pairs)
    booster = _fit_boosted(parts["train"], parts["validation"], names, seed, on_round)
    own, popularity = names.index("own_purchase_days"), names.index("product_buyers_28d")

    scorers: dict[str, Callable[[_Part], NDArray[np.float32]]] = {
        "xgboost": lambda part: booster.inplace_predict(
            part.features, iteration_range=(0, booster.best_iteration + 1), missing=np.nan
        ),
        "linear form": lambda part: _linear_scores(part, weights, bias),
        "rule: own purchase days": lambda part: part.features[:, own] + 1e-6 * np.nan_to_num(part.features[:, popularity]),
        "rule: best sellers": lambda part: np.nan_to_num(part.features[:, popularity]),
    }
    metrics = {
        name: {window: _metrics(parts[window], score(parts[window])) for window in ("validation", "test")}
        for name, score in scorers.items()
    }
    reached, rule = (metrics[name]["validation"]["ndcg@10"] for name in ("xgboost", "rule: own purchase days"))
    if reached <= rule:
        raise ValueError(
            f"interest reaches NDCG@10 {reached:.3f} on validation and the user's own purchases {rule:.3f}; "
            "the registered model stays"
        )
    folder = models_folder / "interest"
    write_whole(folder / "model.ubj", bytes(booster.save_raw("ubj")))
    linear = {"weights": weights.tolist(), "bias": bias, "pairs": pairs, "feature_count": len(names)}
    write_whole(folder / "linear.json", (json.dumps(linear, indent=2) + "\n").encode())
    card = {
        "model": "interest",
        "task": "a candidate product is bought in the 28 days from the as-of date on",
        "forms": {
            "interest": "xgboost over all features; it scores about three times as fast as the same trees in onnxruntime",
            "interest_linear": "I(u, p) = σ(W · (u ∘ p) + b) over the first pairs of features (the article's form)",
        },
        "features": names,
        "pairs": pairs,
        "data": source,
        "split": {
            name: {"as_of_dates": dates, "rows": len(parts[name].labels)}
            for name, dates in (("train", split.train), ("validation", split.validation), ("test", split.test))
        },
        "seed": seed,
        "settings": PARAMETERS | {"trees": booster.best_iteration + 1},
        "metrics": metrics,
        "ranking": (
            "recall@10 and NDCG@10 over all products a user bought in the window, among candidates or not, repeats included"
        ),
        "training_command": command,
        "files": {name: fingerprint(folder / name) for name in ("model.ubj", "linear.json")},
    }
    write_card(folder / "card.json", card)
    register(models_folder, "interest", "interest/model.ubj", "xgboost")
    register(models_folder, "interest_linear", "interest/linear.json", "linear")
    return card


class _Part(NamedTuple):
    """Candidates of one part of the split, ordered by as-of date, user and product."""

    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    users: NDArray[np.int64]
    """Row of each candidate's (as-of date, user) in `wanted`; -1 where that user bought nothing."""
    wanted: NDArray[np.int64]


def _read(connection: duckdb.DuckDBPyConnection, dates: list[Any], most_rows: int | None = None) -> _Part:
    (rows,) = connection.execute(
        "select count(*) from features.interest_labels where list_contains(cast($dates as date[]), as_of_date)",
        {"dates": dates},
    ).fetchall()[0]
    share = min(1.0, most_rows / max(rows, 1)) if most_rows else 1.0
    table = connection.sql(
        """
        with bought as (
            select dates.as_of_date, lines.user_id, count(distinct lines.product_id) as products
            from staging.stg_order_lines as lines
            inner join staging.stg_products as products on lines.product_id = products.product_id
            inner join features.product_policy as policy on lines.product_id = policy.product_id
            inner join (select unnest(cast($dates as date[])) as as_of_date) as dates
                on lines.ordered_on >= dates.as_of_date and lines.ordered_on < dates.as_of_date + 28
            where lines.quantity > 0 and policy.is_promotable
            group by dates.as_of_date, lines.user_id
        )
        select
            features.features,
            cast(labels.is_bought as float) as label,
            coalesce(bought.products, 0) as wanted,
            dense_rank() over (order by labels.as_of_date, labels.user_id) - 1 as user_row
        from features.interest_labels as labels
        inner join features.user_product_features as features using (as_of_date, user_id, product_id)
        left join bought on labels.as_of_date = bought.as_of_date and labels.user_id = bought.user_id
        where list_contains(cast($dates as date[]), labels.as_of_date)
            and cast('0x' || substr(md5(labels.user_id), 1, 8) as bigint) % 10000 < $share * 10000
        order by user_row, labels.product_id
        """,
        params={"dates": dates, "share": share},
    ).to_arrow_table()
    column = table["features"].combine_chunks()
    width = len(column[0]) if len(column) else 0
    features = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, width)
    user_rows, wanted = table["user_row"].to_numpy(), table["wanted"].to_numpy()
    per_user = np.zeros(int(user_rows.max()) + 1 if len(user_rows) else 0, dtype=np.int64)
    per_user[user_rows] = wanted
    buyers = per_user > 0
    renumbered = np.where(buyers, np.cumsum(buyers) - 1, -1)
    return _Part(features, table["label"].to_numpy(), renumbered[user_rows], per_user[buyers])


def _metrics(part: _Part, scores: NDArray[np.float32]) -> dict[str, Any]:
    ranked = part.users >= 0
    found = recall_and_ndcg(part.users[ranked], part.labels[ranked], scores[ranked], part.wanted)
    is_probability = bool(scores.min() >= 0 and scores.max() <= 1)
    # A rule's score is an order, no probability: calibration means nothing for it.
    as_probability = scores if is_probability else scores / max(float(scores.max()), 1.0)
    measured = binary_metrics(part.labels, as_probability)
    kept = ["rows", "base_rate", "auc", "average_precision", *(["log_loss", "brier", "ece"] if is_probability else [])]
    return {name: measured[name] for name in kept} | found


def _fit_linear(part: _Part, pairs: int) -> tuple[NDArray[np.float64], float]:
    """W and b of the article's form, by logistic regression on the element-wise products."""
    products = _products(part, pairs)
    scale = products.std(axis=0)
    scale[scale == 0] = 1
    model = LogisticRegression(max_iter=500).fit(products / scale, part.labels)
    return model.coef_[0] / scale, float(model.intercept_[0])


def _linear_scores(part: _Part, weights: NDArray[np.float64], bias: float) -> NDArray[np.float32]:
    logits = _products(part, len(weights)) @ weights + bias
    return (0.5 + 0.5 * np.tanh(0.5 * logits)).astype(np.float32)


def _products(part: _Part, pairs: int) -> NDArray[np.float64]:
    known = np.nan_to_num(part.features[:, : 2 * pairs].astype(np.float64))
    return known[:, :pairs] * known[:, pairs:]


def _fit_boosted(
    train_part: _Part, validation: _Part, names: list[str], seed: int, on_round: Callable[[int, int], None] | None
) -> xgboost.Booster:
    class Progress(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if on_round:
                on_round(epoch + 1, MOST_ROUNDS)
            return False

    return xgboost.train(
        PARAMETERS | {"seed": seed},
        xgboost.QuantileDMatrix(train_part.features, label=train_part.labels),
        num_boost_round=MOST_ROUNDS,
        evals=[(xgboost.DMatrix(validation.features, label=validation.labels), "validation")],
        early_stopping_rounds=20,
        callbacks=[Progress()],
        verbose_eval=False,
    )
