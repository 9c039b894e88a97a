"""Purchase intent: the probability that a user buys soon, from the last 50 events; an ONNX network."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
from numpy.typing import NDArray

from udfs.model_registry import ModelRefused
from udfs.sequence_batches import SEQUENCE_LENGTH, sequence_batch

_TOKEN_TYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}


class PurchaseIntentScorer:
    """Runs the registered network: tokens [rows, 50] in, probability [rows] or [rows, 1] out, 0..1.

    The network is the founding article's (Embedding -> Conv1D -> MaxPool -> LSTM -> sigmoid) or the alternative
    that validation data chose; any ONNX graph with one input of those shapes will do.
    """

    # 16 to 128 rows of this network's activations fit the cache; bigger batches are slower.
    piece_rows = 128

    def __init__(self, name: str, content: bytes) -> None:
        """Load the ONNX model from `content`, the registered file's bytes.

        Raises ModelRefused when onnxruntime can't read them or the input is not int32 or int64 [rows, 50].
        """
        self.name = name
        options = ort.SessionOptions()
        # The pool supplies the parallelism. A second ORT thread would fight it for the cores, and spin while idle.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            reason = str(error).splitlines()[0]
            raise ModelRefused(f"{name}: onnxruntime can't load the model ({reason}); train it again") from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in _TOKEN_TYPES or inputs[0].shape[1:] != [SEQUENCE_LENGTH]:
            found = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
            raise ModelRefused(
                f"{name}: the model must have one input, int32 or int64 [rows, {SEQUENCE_LENGTH}], but has {found}; "
                "export it again"
            )
        self._input = inputs[0].name
        self._token_type = _TOKEN_TYPES[inputs[0].type]

    def dense_batch(self, column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Tokens [N, 50] and the mask [N] of rows to score; see `sequence_batch` for the rules."""
        return sequence_batch(column)

    def score(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Score tokens [rows, 50], each 0..9999; returns probabilities [rows] in 0..1."""
        if not len(batch):
            return np.empty(0, dtype=np.float32)
        (scores,) = self._session.run(None, {self._input: batch.astype(self._token_type, copy=False)})
        return np.asarray(scores, dtype=np.float32).reshape(len(batch))
