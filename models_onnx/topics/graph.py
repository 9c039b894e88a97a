"""The inference of a topic model as ONNX: the variational E-step of Hoffman, Blei and Bach (2010), a fixed number of rounds.

For counts n [V] of one user, with E = exp(E[ln β]) [K, V] of the trained topics and the prior α:

    γ ← α + e ∘ ((n / (e E)) Eᵀ)   with   e = exp(ψ(γ))          (ψ: digamma)

from γ = 1 on; the shares are γ / Σγ. The factor exp(-ψ(Σγ)) of the paper cancels out. ONNX has no digamma: it is taken at
γ + 6 by its asymptotic series and brought back by ψ(x) = ψ(x + 1) - 1 / x (Abramowitz and Stegun, 6.3.5 and 6.3.18), whose
error is below 1e-8, less than single precision sees. scikit-learn stops where its rounds change little, looking at
one user at a time; here every user gets the same rounds, so that a row's shares never depend on the rows beside it.
"""

import json
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models_onnx.topics.model import TopicModel
from udfs.topics import SHARES, WORD_PROBABILITIES

ROUNDS = 40
"""After these, the shares of half of Complete Journey's users lie within .013 of where they come to rest, and of 99 in a
hundred within .09 (scikit-learn's own stopping rule: .001 and .05); the figures of the card are those of these rounds."""

OPSET = 17
IR_VERSION = 8
_SHIFT = 6
_SERIES = ((2, -1 / 12), (4, 1 / 120), (6, -1 / 252))


def to_onnx(model: TopicModel, rounds: int = ROUNDS) -> bytes:
    """The model's graph with its words in the metadata; the same model gives the same bytes."""
    topics, words = model.expected_log_words.shape
    body = helper.make_graph(
        [*_exp_digamma("gamma_in", "e"), *_update()],
        "round",
        [
            helper.make_tensor_value_info("round_number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("gamma_in", TensorProto.FLOAT, ["rows", topics]),
        ],
        [
            helper.make_tensor_value_info("go_on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("gamma_out", TensorProto.FLOAT, ["rows", topics]),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["counts", "last_axis"], ["length"], keepdims=1),
            helper.make_node("Mul", ["length", "zero"], ["zeros"]),
            helper.make_node("Add", ["zeros", "ones"], ["gamma_0"]),
            helper.make_node("Loop", ["rounds", "", "gamma_0"], ["gamma"], body=body),
            helper.make_node("ReduceSum", ["gamma", "last_axis"], ["gamma_sum"], keepdims=1),
            helper.make_node("Div", ["gamma", "gamma_sum"], [SHARES]),
            helper.make_node("MatMul", [SHARES, "word_shares"], [WORD_PROBABILITIES]),
        ],
        "topics",
        [helper.make_tensor_value_info("counts", TensorProto.FLOAT, ["rows", words])],
        [
            helper.make_tensor_value_info(SHARES, TensorProto.FLOAT, ["rows", topics]),
            helper.make_tensor_value_info(WORD_PROBABILITIES, TensorProto.FLOAT, ["rows", words]),
        ],
        initializer=[
            _constant("expected", np.exp(model.expected_log_words)),
            _constant("expected_transposed", np.exp(model.expected_log_words).T),
            _constant("word_shares", model.word_shares),
            _constant("alpha", model.prior),
            _constant("zero", 0.0),
            _constant("ones", np.ones(topics)),
            _constant("half", 0.5),
            _constant("smallest", 1e-30),
            _constant("shift", _SHIFT),
            *(_constant(f"step_{step}", step) for step in range(1, _SHIFT)),
            *(_constant(f"power_{power}", power) for power, _ in _SERIES),
            *(_constant(f"term_{power}", factor) for power, factor in _SERIES),
            numpy_helper.from_array(np.array(rounds, dtype=np.int64), "rounds"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "last_axis"),
        ],
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="offerhouse"
    )
    helper.set_model_props(
        made,
        {
            "words": json.dumps(model.words, ensure_ascii=False),
            "top_words": json.dumps([word._asdict() for word in model.top_words()], ensure_ascii=False),
        },
    )
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


def _update() -> list[Any]:
    return [
        helper.make_node("MatMul", ["e", "expected"], ["probable"]),
        helper.make_node("Max", ["probable", "smallest"], ["probable_safe"]),
        helper.make_node("Div", ["counts", "probable_safe"], ["ratio"]),
        helper.make_node("MatMul", ["ratio", "expected_transposed"], ["pulled"]),
        helper.make_node("Mul", ["e", "pulled"], ["assigned"]),
        helper.make_node("Add", ["assigned", "alpha"], ["gamma_out"]),
        helper.make_node("Identity", ["go_on"], ["go_on_out"]),
    ]


def _exp_digamma(source: str, result: str) -> list[Any]:
    nodes = [
        helper.make_node("Add", [source, "shift"], ["far"]),
        helper.make_node("Log", ["far"], ["sum_0"]),
        helper.make_node("Reciprocal", ["far"], ["inverse"]),
        helper.make_node("Mul", ["inverse", "half"], ["half_inverse"]),
        helper.make_node("Sub", ["sum_0", "half_inverse"], ["sum_1"]),
    ]
    current = "sum_1"
    for power, _ in _SERIES:
        nodes += [
            helper.make_node("Pow", ["inverse", f"power_{power}"], [f"inverse_{power}"]),
            helper.make_node("Mul", [f"inverse_{power}", f"term_{power}"], [f"scaled_{power}"]),
            helper.make_node("Add", [current, f"scaled_{power}"], [f"series_{power}"]),
        ]
        current = f"series_{power}"
    for step in range(_SHIFT):
        if step:
            nodes.append(helper.make_node("Add", [source, f"step_{step}"], [f"moved_{step}"]))
        nodes += [
            helper.make_node("Reciprocal", [f"moved_{step}" if step else source], [f"back_{step}"]),
            helper.make_node("Sub", [current, f"back_{step}"], [f"near_{step}"]),
        ]
        current = f"near_{step}"
    return [*nodes, helper.make_node("Exp", [current], [result])]


def _constant(name: str, value: NDArray[Any] | float) -> Any:
    return numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)
