"""Trains purchase_intent from the feature tables: network, baselines on the same rows, ONNX file and card."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from models_onnx.evaluation import auc, auc_interval, binary_metrics
from models_onnx.model_card import fingerprint, register, write_card
from models_onnx.purchase_intent.baselines import (
    WindowExamples,
    logistic_scores,
    recent_rate,
    rule_scores,
    xgboost_scores,
)
from models_onnx.purchase_intent.export import export_onnx
from models_onnx.purchase_intent.network import SEQUENCE_LENGTH
from models_onnx.purchase_intent.training import EpochReport, Examples, TrainingSettings, predict, train_network
from models_onnx.time_split import TimeSplit

FEATURE_MODELS = ["user_features", "user_event_sequences", "purchase_intent_labels"]
"""The dbt models whose rows it learns from; the same that scoring reads."""

WINDOW_COLUMNS = [
    "recency_days", "days_since_first_purchase", "visit_days_7d", "visit_days_14d", "visit_days_28d", "visit_days_56d",
    "visit_days_112d", "visit_days_364d", "spend_28d", "spend_112d", "orders_112d", "lines_112d", "mean_order_value_112d",
    "mean_gap_days", "sd_gap_days", "discount_share_364d",
]  # fmt: skip
"""What the xgboost baseline sees, columns of features.user_features."""

SEQUENCE_WORDS = (
    "one token a user × local day × event kind, the newest 50, oldest first, zeros before; word = event kind | days before the "
    "as-of date (1 … 14, then classes up to 17, 21, 24, 28, 35, 42, 49, 56, 70, 84, 112, 140, 182, older); "
    "token = first 8 hex digits of md5(word) % 9999 + 1"
)

OTHER_SCHEMES = {
    "top category of the day alone": (0.8017, 0.7838),
    "gap to the previous event day": (0.8164, 0.8067),
    "gap to previous × gap to as-of × spend": (0.8213, 0.8174),
    "gap to previous × gap to as-of": (0.8248, 0.8216),
    "gap to as-of × weekday": (0.8259, 0.8233),
    "gap to as-of × discount used": (0.8269, 0.8247),
    "gap to as-of × spend": (0.8270, 0.8241),
    "gap to as-of, unpadded convolution": (0.8266, 0.8240),
}
"""AUC on validation and test that other schemes reached when this one was chosen (seed 1, Complete Journey)."""


def train(
    connection: duckdb.DuckDBPyConnection,
    split: TimeSplit,
    models_folder: Path,
    seed: int,
    command: str,
    source: str,
    on_epoch: Callable[[EpochReport], None] | None = None,
    spread_seeds: int = 3,
) -> dict[str, Any]:
    """Train on the features in `connection`, write model.onnx, card.json and the registry entry; returns the card.

    The network of `seed` is the one that stays; the following `spread_seeds` - 1 seeds only show how far luck goes.

    The model takes its place only if it beats the rule (personal rate) on the validation window.
    Raises ValueError when it doesn't, or when a part of the split has one class only.
    """
    parts = {name: _read(connection, getattr(split, name)) for name in ("train", "validation", "test")}
    trained = train_network(parts["train"].examples, parts["validation"].examples, seed, on_epoch)
    scores = {name: predict(trained.network, part.examples.tokens) for name, part in parts.items() if name != "train"}
    baselines = _baselines(parts)
    metrics = {name: binary_metrics(parts[name].examples.labels, scores[name]) for name in scores}
    rule = baselines["rule: personal rate"]["validation"]["auc"]
    if metrics["validation"]["auc"] <= rule:
        raise ValueError(
            f"purchase_intent reaches AUC {metrics['validation']['auc']:.3f} on validation and the rule {rule:.3f}; "
            "the registered model stays"
        )
    metrics["test"]["auc_interval_95"] = auc_interval(parts["test"].examples.labels, scores["test"], groups=parts["test"].users)
    aucs = {seed: {name: metrics[name]["auc"] for name in scores}}
    for other in range(seed + 1, seed + spread_seeds):
        network = train_network(parts["train"].examples, parts["validation"].examples, other, on_epoch).network
        aucs[other] = {name: auc(parts[name].examples.labels, predict(network, parts[name].examples.tokens)) for name in scores}
    folder = models_folder / "purchase_intent"
    export_onnx(trained.network, folder / "model.onnx")
    card = {
        "model": "purchase_intent",
        "task": "any purchase in the 7 days from the as-of date on, for users seen buying before",
        "network": "Embedding(10000, 64) → Conv1D(64, 5, ReLU) → MaxPool(5) → LSTM(100) → sigmoid",
        "token_scheme": SEQUENCE_WORDS,
        "data": source,
        "split": {
            name: {
                "first": dates[0],
                "last": dates[-1],
                "as_of_dates": len(dates),
                "rows": len(parts[name].examples.labels),
            }
            for name, dates in (("train", split.train), ("validation", split.validation), ("test", split.test))
        },
        "seed": seed,
        "settings": vars(TrainingSettings()),
        "best_epoch": trained.best_epoch,
        "metrics": metrics,
        "auc_by_seed": aucs,
        "baselines": baselines,
        "other_token_schemes_auc_validation_test": OTHER_SCHEMES,
        "curves": [vars(epoch) for epoch in trained.curves],
        "training_command": command,
        "file": {"name": "model.onnx", **fingerprint(folder / "model.onnx")},
    }
    write_card(folder / "card.json", card)
    register(models_folder, "purchase_intent", "purchase_intent/model.onnx", "onnx")
    return card


class _Part:
    """Rows of one part of the split, ordered by as-of date and user."""

    def __init__(self, examples: Examples, windows: NDArray[np.float64], users: NDArray[Any]) -> None:
        self.examples = examples
        self.windows = windows
        self.users = users

    def column(self, name: str) -> NDArray[np.float64]:
        return self.windows[:, WINDOW_COLUMNS.index(name)]


def _read(connection: duckdb.DuckDBPyConnection, dates: list[Any]) -> _Part:
    table = connection.sql(
        f"""
        select labels.user_id, cast(labels.is_buyer as float) as label, sequences.tokens,
            {", ".join(f"cast(features.{column} as double) as {column}" for column in WINDOW_COLUMNS)}
        from features.purchase_intent_labels as labels
        inner join features.user_event_sequences as sequences using (as_of_date, user_id)
        inner join features.user_features as features using (as_of_date, user_id)
        where list_contains(cast($dates as date[]), labels.as_of_date)
        order by labels.as_of_date, labels.user_id
        """,
        params={"dates": dates},
    ).to_arrow_table()
    tokens = table["tokens"].combine_chunks().flatten().to_numpy().reshape(-1, SEQUENCE_LENGTH).astype(np.int32)
    windows = np.column_stack([table[column].to_numpy() for column in WINDOW_COLUMNS])
    # Copies, for Arrow's memory is read-only and torch wants to own what it is given.
    return _Part(Examples(tokens, np.array(table["label"])), windows, table["user_id"].to_numpy())


def _baselines(parts: dict[str, _Part]) -> dict[str, Any]:
    """Metrics on validation and test of the rule, the logistic regression and xgboost on windows."""

    def rate(part: _Part) -> NDArray[np.float64]:
        return recent_rate(part.column("visit_days_112d"), part.column("days_since_first_purchase"))

    def logistic(part: _Part) -> NDArray[np.float64]:
        train = parts["train"]
        return logistic_scores(
            train.column("recency_days"),
            rate(train),
            train.examples.labels.astype(np.float64),
            part.column("recency_days"),
            rate(part),
        )

    def boosted(part: _Part) -> NDArray[np.float32]:
        train, validation = (
            WindowExamples(parts[name].windows, parts[name].examples.labels.astype(np.float64))
            for name in ("train", "validation")
        )
        return xgboost_scores(train, validation, part.windows)

    scorers: dict[str, Callable[[_Part], NDArray[Any]]] = {
        "rule: personal rate": lambda part: rule_scores(part.column("visit_days_364d"), part.column("days_since_first_purchase")),
        "logistic: recency × rate": logistic,
        "xgboost on windows": boosted,
    }
    return {
        name: {window: binary_metrics(parts[window].examples.labels, score(parts[window])) for window in ("validation", "test")}
        for name, score in scorers.items()
    }
