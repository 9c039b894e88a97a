"""Logistic regression over features with gaps and long tails, as one ONNX graph that needs nothing prepared.

Per column: a long tail is pressed by sign(x) · log(1 + |x|), a missing value becomes the training mean and lights an
indicator (where training rows had gaps), values are standardised and kept within ±8 standard deviations of training.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

INPUT_NAME = "features"
OUTPUT_NAME = "probability"
OPSET = 17
IR_VERSION = 9
LONG_TAIL = 3.0
"""Skewness (third standardised moment, either sign) beyond which a column is pressed."""
FARTHEST = 8.0
"""Standard deviations beyond which a value counts as this far: another shop's extremes must not run away with the score."""


@dataclass(frozen=True)
class Logistic:
    """A fitted model: score = σ(z · weights + indicators · gap_weights + bias), z the standardised columns."""

    pressed: NDArray[np.bool_]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    gaps: NDArray[np.int64]
    """Columns that have an indicator."""
    weights: NDArray[np.float32]
    """[K + G]: columns, then indicators."""
    bias: float


def fit_logistic(features: NDArray[np.float32], labels: NDArray[np.float32], strength: float = 1.0) -> Logistic:
    """Fit on features [N, K] (NaN missing) and labels [N]; `strength` is scikit-learn's C (higher: less regularised).

    A column that is always missing or constant gets no weight. Raises ValueError when the labels are of one class.
    """
    if len(np.unique(labels)) < 2:
        raise ValueError("labels must hold both classes")
    pressed = np.abs(_skewness(features)) > LONG_TAIL
    values = np.where(pressed, _press(features), features)
    missing = np.isnan(values)
    known = ~missing
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0, dtype=np.float64) / counts
    variance = (np.where(known, values - mean, 0).astype(np.float64) ** 2).sum(axis=0) / counts
    scale = np.sqrt(variance)
    scale[scale < 1e-12] = 1.0
    gaps = np.flatnonzero(missing.any(axis=0) & known.any(axis=0))
    inputs = _inputs(values, mean, scale, gaps)
    model = LogisticRegression(C=strength, max_iter=500).fit(inputs, labels)
    return Logistic(
        pressed=pressed,
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        gaps=gaps,
        weights=model.coef_[0].astype(np.float32),
        bias=float(model.intercept_[0]),
    )


def logistic_onnx(model: Logistic) -> bytes:
    """The model as ONNX: input `features` float32 [N, K], NaN allowed; output `probability` float32 [N, 1].

    Raises onnx's ValidationError when the graph is none.
    """
    width = len(model.mean)
    constants = {
        "zero": np.float32(0),
        "one": np.float32(1),
        "lowest": np.float32(-FARTHEST),
        "highest": np.float32(FARTHEST),
        "pressed": model.pressed,
        "mean": model.mean,
        "scale": model.scale,
        "gaps": model.gaps.astype(np.int64),
        "weights": model.weights.reshape(-1, 1),
        "bias": np.array([model.bias], dtype=np.float32),
    }
    nodes = [
        helper.make_node("IsNaN", [INPUT_NAME], ["missing"]),
        helper.make_node("Where", ["missing", "zero", INPUT_NAME], ["known"]),
        helper.make_node("Abs", ["known"], ["size"]),
        helper.make_node("Add", ["size", "one"], ["size_and_one"]),
        helper.make_node("Log", ["size_and_one"], ["logarithm"]),
        helper.make_node("Sign", ["known"], ["sign"]),
        helper.make_node("Mul", ["sign", "logarithm"], ["pressed_values"]),
        helper.make_node("Where", ["pressed", "pressed_values", "known"], ["values"]),
        helper.make_node("Where", ["missing", "mean", "values"], ["imputed"]),
        helper.make_node("Sub", ["imputed", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["standardised"]),
        helper.make_node("Clip", ["standardised", "lowest", "highest"], ["bounded"]),
        helper.make_node("Cast", ["missing"], ["indicators"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["indicators", "gaps"], ["gap_indicators"], axis=1),
        helper.make_node("Concat", ["bounded", "gap_indicators"], ["inputs"], axis=1),
        helper.make_node("Gemm", ["inputs", "weights", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], [OUTPUT_NAME]),
    ]
    graph = helper.make_graph(
        nodes,
        "logistic",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    exported = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(exported, full_check=True)
    return bytes(exported.SerializeToString(deterministic=True))


def _inputs(
    values: NDArray[np.float32], mean: NDArray[np.float64], scale: NDArray[np.float64], gaps: NDArray[np.int64]
) -> NDArray[np.float32]:
    missing = np.isnan(values)
    standardised = np.clip((np.where(missing, mean, values) - mean) / scale, -FARTHEST, FARTHEST)
    return np.column_stack([standardised, missing[:, gaps]]).astype(np.float32)


def _press(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.sign(features) * np.log1p(np.abs(features))


def _skewness(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Third standardised moment a column, 0 where it is constant or always missing."""
    known = ~np.isnan(features)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0).sum(axis=0, dtype=np.float64) / counts
    centred = np.where(known, features - mean, 0).astype(np.float64)
    deviation = np.sqrt((centred**2).sum(axis=0) / counts)
    return np.divide((centred**3).sum(axis=0) / counts, deviation**3, out=np.zeros(len(mean)), where=deviation > 1e-12)
