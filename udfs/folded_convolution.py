"""A convolution over embedded tokens, folded exactly into look-up tables: the same network in two thirds of the time.

Embedding and convolution are linear, and a token is one of a few thousand: what token v adds at offset k of the kernel is row v
of a table T_k = E · W_k (V × F), made once when the model is loaded. The convolution of a step is then a sum of K rows, in the
place of K · C · F products. Scores differ by float32's rounding of another order of sums (2e-7 and less).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHAIN = ("Gather", "Transpose", "Conv", "Relu", "MaxPool")
_AXES_ARE_AN_INPUT = 18
"""The opset from which ReduceMax takes its axes as an input."""


def fold_convolution(content: bytes) -> bytes:
    """The ONNX graph in `content` with Gather → Transpose → Conv → Relu → MaxPool over its input replaced by look-ups and sums.

    Given back as it is when it is no ONNX graph (onnxruntime says so better) or its first layers are others, when the convolution
    is strided, dilated, grouped or changes the number of steps, or when pooling overlaps or leaves steps out.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_from_string(content)
    except DecodeError:
        return content
    chain = _chain(model.graph)
    elsewhere = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)
    if chain is None or elsewhere:  # weights in other files were not hashed: onnxruntime refuses them, and nobody opens them here
        return content
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    steps = _steps(model.graph, chain, weights)
    if steps is None:
        return content
    opset = next(imported.version for imported in model.opset_import if imported.domain in ("", "ai.onnx"))
    made = _look_ups(model.graph, chain, weights, steps, opset)
    folded = {link.output[0] for link in chain}
    kept = [node for node in model.graph.node if node.output[0] not in folded]
    del model.graph.node[:]
    model.graph.node.extend([*made, *kept])  # those made read the tokens and weights alone
    read = {name for node in model.graph.node for name in node.input}
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in read]:
        model.graph.initializer.remove(tensor)
    return model.SerializeToString()


def _chain(graph: Any) -> list[Any] | None:
    """The five nodes, each the only reader of the one before it."""
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {value.name for value in graph.output}
    chain: list[Any] = []
    if len(graph.input) != 1:
        return None
    name = graph.input[0].name
    for operator in _CHAIN:
        reading = readers.get(name, [])
        if len(reading) != 1 or reading[0].op_type != operator or (chain and name in outputs):
            return None
        chain.append(reading[0])
        name = reading[0].output[0]
    return chain


def _steps(graph: Any, chain: list[Any], weights: dict[str, NDArray[Any]]) -> tuple[int, int] | None:
    """Number of steps of a sequence and of those that pooling takes together, when all of it can be folded."""
    gather, transpose, convolution, _, pooling = chain
    length = graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    kernel = weights.get(convolution.input[1])
    if kernel is None or kernel.ndim != 3 or not {gather.input[0], *convolution.input[1:]} <= weights.keys():
        return None
    width = kernel.shape[2]
    folded = (
        _attributes(gather).get("axis", 0) == 0
        and gather.input[1] == graph.input[0].name
        and _attributes(transpose).get("perm") == [0, 2, 1]
        and _is(convolution, group=1, strides=[1], dilations=[1], pads=[width // 2, width - 1 - width // 2], auto_pad=b"NOTSET")
        and _is(pooling, pads=[0, 0], dilations=[1], ceil_mode=0, auto_pad=b"NOTSET", storage_order=0)
        and _attributes(pooling).get("strides") == _attributes(pooling)["kernel_shape"]
    )
    (pooled,) = _attributes(pooling)["kernel_shape"]
    return (length, pooled) if folded and length and length % pooled == 0 else None


def _is(node: Any, **expected: Any) -> bool:
    """Whether every attribute that the node names has the expected value; those it doesn't name have it by ONNX's default."""
    stated = _attributes(node)
    return all(stated.get(name, value) == value for name, value in expected.items()) and (
        "pads" not in expected or "pads" in stated or not any(expected["pads"])
    )


def _attributes(node: Any) -> dict[str, Any]:
    import onnx

    read = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    return {name: list(value) if isinstance(value, (list, tuple)) else value for name, value in read.items()}


def _look_ups(graph: Any, chain: list[Any], weights: dict[str, NDArray[Any]], steps: tuple[int, int], opset: int) -> list[Any]:
    """Nodes that make the pooling's output from the tokens; their tables become weights of the graph."""
    import onnx

    length, pooled = steps
    embedding, kernel = weights[chain[0].input[0]], weights[chain[2].input[1]]
    filters, _, width = kernel.shape
    outside = len(embedding)  # a row of zeros, for the steps before the first and after the last
    tables = np.zeros((width, outside + 1, filters))
    for offset in range(width):
        tables[offset, :-1] = embedding.astype(np.float64) @ kernel[:, :, offset].T.astype(np.float64)
    if len(chain[2].input) > 2:
        tables[width // 2] += weights[chain[2].input[2]]  # the step itself is never outside
    tokens = graph.input[0]
    token_type = onnx.helper.tensor_dtype_to_np_dtype(tokens.type.tensor_type.elem_type)
    nodes: list[Any] = []

    def constant(name: str, value: NDArray[Any]) -> str:
        graph.initializer.append(onnx.numpy_helper.from_array(value, f"folded/{name}"))
        return f"folded/{name}"

    def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(onnx.helper.make_node(operator, inputs, [output], **attributes))
        return output

    def whole(name: str, *numbers: int) -> str:
        return constant(name, np.array(numbers, dtype=np.int64))

    # Steps first, so that a slice of steps is one piece of memory.
    turned = node("Transpose", [tokens.name], "folded/turned", perm=[1, 0])
    pads = whole("pads", width // 2, 0, width - 1 - width // 2, 0)
    padded = node("Pad", [turned, pads, constant("outside", np.array(outside, dtype=token_type))], "folded/padded")
    axis = whole("axis", 0)
    added = []
    for offset in range(width):
        ends = [whole(f"from_{offset}", offset), whole(f"to_{offset}", offset + length), axis]
        seen = node("Slice", [padded, *ends], f"folded/seen_{offset}")
        table = constant(f"table_{offset}", tables[offset].astype(np.float32))
        added.append(node("Gather", [table, seen], f"folded/added_{offset}"))
    convolved = node("Sum", added, "folded/convolved")
    shape = whole("shape", length // pooled, pooled, -1, filters)
    split = node("Reshape", [convolved, shape], "folded/split")
    if opset < _AXES_ARE_AN_INPUT:
        highest = node("ReduceMax", [split], "folded/highest", axes=[1], keepdims=0)
    else:
        highest = node("ReduceMax", [split, whole("pooled", 1)], "folded/highest", keepdims=0)
    positive = node("Relu", [highest], "folded/positive")  # the highest of positive parts is the positive part of the highest
    node("Transpose", [positive], chain[-1].output[0], perm=[1, 2, 0])
    return nodes
