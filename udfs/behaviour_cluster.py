"""Behaviour clusters: which group of users shops alike; an ONNX graph from a feature vector to the nearest centre's number."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.feature_batches import feature_batch
from udfs.model_registry import ModelRefused
from udfs.onnx_session import describe_inputs, open_session


class Cluster(NamedTuple):
    """One cluster, as it was when the model was trained."""

    cluster: int
    """Counted from 1; cluster 1 comes most often."""
    cluster_name: str
    """What sets it apart, in words."""
    user_share: float
    """Share of users, 0..1."""


class BehaviourClusterScorer:
    """Runs the registered graph: features [rows, K] in, NaN where missing; a cluster's number [rows] out, from 1."""

    piece_rows = 4_096

    def __init__(self, name: str, content: bytes) -> None:
        """Load the graph from `content`; it carries its clusters' names in its metadata.

        Raises ModelRefused when it isn't readable, its input isn't float32 [rows, K] or its output no int32 [rows], or the
        names are not those of clusters 1 to M.
        """
        self.name = name
        self._session = open_session(name, content)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 2 or inputs[0].type != "tensor(float)" or not isinstance(shape[1], int):
            raise ModelRefused(
                f"{name}: the model must have one input, float32 [rows, features], but has {describe_inputs(self._session)}; "
                "train it again"
            )
        if len(outputs) != 1 or outputs[0].type != "tensor(int32)" or len(outputs[0].shape) != 1:
            found = ", ".join(f"{output.name} {output.type} {output.shape}" for output in outputs)
            raise ModelRefused(f"{name}: the model must have one output, int32 [rows], but has {found}; train it again")
        self._input = inputs[0].name
        self.feature_count = int(shape[1])
        try:
            self.clusters = [
                Cluster(int(entry["cluster"]), str(entry["cluster_name"]), float(entry["user_share"]))
                for entry in json.loads(self._session.get_modelmeta().custom_metadata_map["clusters"])
            ]
        except (KeyError, ValueError, TypeError) as error:
            raise ModelRefused(
                f"{name}: the model must carry its clusters as JSON ({type(error).__name__}: {error}); train it again"
            ) from error
        if [entry.cluster for entry in self.clusters] != list(range(1, len(self.clusters) + 1)) or not self.clusters:
            raise ModelRefused(f"{name}: the model's clusters must be numbered from 1 without a gap; train it again")

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features [N, K] and the mask [N] of rows to score; see `feature_batch` for the rules."""
        return feature_batch(column, self.feature_count)

    def score(self, batch: NDArray[Any]) -> NDArray[np.int32]:
        """Clusters [rows], 1..M, of features [rows, K]; a missing feature counts as the median."""
        if not len(batch):
            return np.empty(0, dtype=np.int32)
        (found,) = self._session.run(None, {self._input: batch.astype(np.float32, copy=False)})
        return np.asarray(found, dtype=np.int32).reshape(len(batch))


CLUSTER_NAMES_TYPE = "STRUCT(cluster INTEGER, cluster_name VARCHAR, user_share DOUBLE)[]"
_CLUSTER = pa.struct([("cluster", pa.int32()), ("cluster_name", pa.string()), ("user_share", pa.float64())])


def cluster_names(scorer_of: Callable[[str], Any]) -> Callable[[pa.ChunkedArray], pa.Array]:
    """The SQL function `cluster_names(function VARCHAR)`: the clusters of the model behind a SQL function, as structs.

    `scorer_of` gives the scorer behind a function's name. An empty list where that has no clusters (a rule), NULL for NULL.
    """

    def apply(column: pa.ChunkedArray) -> pa.Array:
        names = column.to_pylist()
        found = {name: [entry._asdict() for entry in getattr(scorer_of(name), "clusters", [])] for name in set(names) - {None}}
        return pa.array([found.get(name) for name in names], type=pa.list_(_CLUSTER))

    return apply
