"""Small models with known answers, in a folder laid out as `models_onnx` is."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FEATURES = 8
POSITION_WEIGHTS = np.linspace(-0.5, 1.0, 50, dtype=np.float32)
TOKEN_VALUES = np.sin(np.arange(10_000, dtype=np.float32))


def intent_answer(tokens: list[int]) -> float:
    """What the tiny network answers to 50 tokens: sigmoid(sum over t of weight[t] * value[token[t]])."""
    return float(1 / (1 + np.exp(-(POSITION_WEIGHTS @ TOKEN_VALUES[tokens]))))


@cache
def intent_model(token_type: int = TensorProto.INT32, length: int = 50) -> bytes:
    """An ONNX network in which every token and its place count: Gather -> MatMul -> Sigmoid."""
    nodes = [
        helper.make_node("Gather", ["values", "tokens"], ["embedded"]),
        helper.make_node("MatMul", ["embedded", "weights"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny_purchase_intent",
        [helper.make_tensor_value_info("tokens", token_type, ["rows", length])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["rows", 1])],
        [
            numpy_helper.from_array(TOKEN_VALUES, "values"),
            numpy_helper.from_array(POSITION_WEIGHTS[:length, None], "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def booster_examples() -> NDArray[np.float32]:
    """Features [300, 8] (float32), every eleventh missing."""
    features = np.random.default_rng(7).normal(size=(300, FEATURES)).astype(np.float32)
    features.flat[::11] = np.nan
    return features


@cache
def booster(objective: str = "binary:logistic", best_iteration: int | None = None) -> bytes:
    """Twelve small trees on fixed data, as UBJSON."""
    features = booster_examples()
    labels = np.nan_to_num(features[:, 0] * features[:, FEATURES // 2]) > 0
    model = xgboost.train(
        {"objective": objective, "max_depth": 3, "nthread": 1, "seed": 1}, xgboost.DMatrix(features, labels), 12
    )
    if best_iteration is not None:
        model.set_attr(best_iteration=str(best_iteration))
    return bytes(model.save_raw("ubj"))


def linear_model(**changes: object) -> bytes:
    """The article's worked example: W = [1, 1, 1], b = 0, over u and p of three elements and one feature more."""
    model = {"weights": [1.0, 1.0, 1.0], "bias": 0.0, "pairs": 3, "feature_count": 7} | changes
    return json.dumps({key: value for key, value in model.items() if value is not None}).encode()


def entry(folder: Path, file: str, kind: str, content: bytes) -> dict[str, str]:
    """Write one model's file into the folder; returns its entry for the registry."""
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(content)
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "kind": kind}


def write_models(folder: Path) -> Path:
    """Write one tiny model of each kind and their registry; returns the folder."""
    registry = {
        "purchase_intent": entry(folder, "purchase_intent/model.onnx", "onnx", intent_model()),
        "interest": entry(folder, "interest/model.ubj", "xgboost", booster()),
        "interest_linear": entry(folder, "interest_linear/model.json", "linear", linear_model()),
    }
    (folder / "registry.json").write_text(json.dumps(registry))
    return folder
