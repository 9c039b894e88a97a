"""The fitted clusters as an ONNX graph: fill, scale, clip, distances, ArgMin."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from models_onnx.behaviour_cluster.clusters import FARTHEST, Clusters
from udfs.behaviour_cluster import Cluster


def to_onnx(clusters: Clusters, named: Sequence[Cluster]) -> bytes:
    """float32 features [rows, K], NaN where missing -> int32 cluster [rows], from 1; the names are in its metadata.

    The nearest centre c of x minimises |c|² - 2 x·c, for |x|² is the same for all centres.
    """
    width = clusters.median.shape[0]
    constants: dict[str, Any] = {
        "median": clusters.median,
        "inverse_scale": clusters.inverse_scale,
        "lowest": np.float32(-FARTHEST),
        "highest": np.float32(FARTHEST),
        "directions": np.ascontiguousarray(-2 * clusters.centres.T),
        "lengths": (clusters.centres**2).sum(axis=1),
        "one": np.int64(1),
    }
    nodes = [
        helper.make_node("IsNaN", ["features"], ["is_missing"]),
        helper.make_node("Where", ["is_missing", "median", "features"], ["filled"]),
        helper.make_node("Sub", ["filled", "median"], ["centred"]),
        helper.make_node("Mul", ["centred", "inverse_scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "lowest", "highest"], ["kept"]),
        helper.make_node("MatMul", ["kept", "directions"], ["products"]),
        helper.make_node("Add", ["products", "lengths"], ["distances"]),
        helper.make_node("ArgMin", ["distances"], ["place"], axis=1, keepdims=0),
        helper.make_node("Add", ["place", "one"], ["number"]),
        helper.make_node("Cast", ["number"], ["cluster"], to=TensorProto.INT32),
    ]
    graph = helper.make_graph(
        nodes,
        "behaviour_cluster",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info("cluster", TensorProto.INT32, ["rows"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    entry = model.metadata_props.add()
    entry.key, entry.value = "clusters", json.dumps([one._asdict() for one in named], ensure_ascii=False)
    checker.check_model(model)
    return bytes(model.SerializeToString())
