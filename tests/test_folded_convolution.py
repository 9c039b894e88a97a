"""Convolutions over tokens become look-ups: the same scores, and graphs of another form stay as they are."""

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from udfs.folded_convolution import fold_convolution
from udfs.model_registry import MODELS_FOLDER, ModelRefused
from udfs.onnx_session import open_session
from udfs.purchase_intent import PurchaseIntentScorer

WORDS, SIZE, FILTERS, LENGTH = 30, 4, 6, 20


def network(
    *, width: int = 5, pooled: int = 5, opset: int = 17, bias: bool = True, pads: list[int] | None = None, **convolution: Any
) -> bytes:
    """Embedding, convolution, ReLU and pooling over 20 tokens, of random weights; the embedding of token 0 is no zero."""
    random = np.random.default_rng(width * pooled)
    weights = {
        "embedding": random.normal(size=(WORDS, SIZE)),
        "kernel": random.normal(size=(FILTERS, SIZE, width)),
        "bias": random.normal(size=FILTERS),
    }
    reshaped = helper.make_node("Flatten", ["pooled"], ["flat"])
    nodes = [
        helper.make_node("Gather", ["embedding", "tokens"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["turned"], perm=[0, 2, 1]),
        helper.make_node(
            "Conv",
            ["turned", "kernel", *(["bias"] if bias else [])],
            ["convolved"],
            pads=pads or [width // 2, width - 1 - width // 2],
            **convolution,
        ),
        helper.make_node("Relu", ["convolved"], ["positive"]),
        helper.make_node("MaxPool", ["positive"], ["pooled"], kernel_shape=[pooled], strides=[pooled]),
        reshaped,
        helper.make_node("ReduceMean", ["flat"], ["score"], keepdims=0, **({"axes": [1]} if opset < 18 else {})),
    ]
    if opset >= 18:
        nodes[-1].input.append("axes")
        weights["axes"] = np.array([1])
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("tokens", TensorProto.INT32, ["rows", LENGTH])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows"])],
        [
            numpy_helper.from_array(value.astype(np.int64 if name == "axes" else np.float32), name)
            for name, value in weights.items()
            if bias or name != "bias"
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def operators(content: bytes) -> set[str]:
    return {node.op_type for node in onnx.load_from_string(content).graph.node}


def scores(content: bytes, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
    return open_session("network", content).run(None, {"tokens": tokens})[0]


@pytest.mark.parametrize(
    "form",
    [{}, {"opset": 18}, {"width": 3}, {"width": 4}, {"width": 1}, {"pooled": 2}, {"bias": False}],
    ids=lambda form: " ".join(f"{name} {value}" for name, value in form.items()) or "the article's",
)
def test_scores_stay(form: dict[str, Any]) -> None:
    plain = network(**form)
    folded = fold_convolution(plain)
    onnx.checker.check_model(onnx.load_from_string(folded), full_check=True)
    assert "Conv" in operators(plain)
    assert "Conv" not in operators(folded)
    tokens = np.random.default_rng(1).integers(0, WORDS, (300, LENGTH), dtype=np.int32)
    tokens[0] = 0
    assert np.abs(scores(folded, tokens) - scores(plain, tokens)).max() < 1e-6
    assert np.ptp(scores(plain, tokens)) > 0.1


@pytest.mark.parametrize(
    "form",
    [
        {"strides": [2]},
        {"dilations": [2], "pads": [4, 4]},
        {"pads": [1, 1]},
        {"pads": [4, 0]},
        {"pooled": 3},
    ],
    ids=["strided", "dilated", "fewer steps", "later steps", "steps left over"],
)
def test_other_forms_stay_as_they_are(form: dict[str, Any]) -> None:
    plain = network(**form)
    assert fold_convolution(plain) is plain


def test_who_also_reads_a_layer_between_keeps_it() -> None:
    model = onnx.load_from_string(network())
    model.graph.output.append(helper.make_tensor_value_info("positive", TensorProto.FLOAT, ["rows", FILTERS, LENGTH]))
    plain = model.SerializeToString()
    assert fold_convolution(plain) is plain


def test_weights_in_other_files_are_not_opened() -> None:
    model = onnx.load_from_string(network())
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "/etc/hostname")
    model.graph.initializer[0].ClearField("raw_data")
    plain = model.SerializeToString()
    assert fold_convolution(plain) is plain


def test_the_shipped_network_scores_as_its_file_says() -> None:
    content = (MODELS_FOLDER / "purchase_intent" / "model.onnx").read_bytes()
    random = np.random.default_rng(2)
    tokens = random.integers(1, 10_000, (500, 50), dtype=np.int32)
    tokens[np.arange(50) < random.integers(0, 51, (500, 1))] = 0  # padding of every length
    served = PurchaseIntentScorer("purchase_intent", content).score(tokens)
    assert "Conv" not in operators(fold_convolution(content))
    assert np.abs(served - scores(content, tokens)).max() < 1e-6


@pytest.mark.parametrize("content", [b"", b"no graph at all"])
def test_bytes_that_are_no_graph_are_left_to_onnxruntime_to_refuse(content: bytes) -> None:
    assert fold_convolution(content) is content
    with pytest.raises(ModelRefused, match=r"^purchase_intent: [^\n]*train it again$"):
        PurchaseIntentScorer("purchase_intent", content)
