"""Purchase intent: the probability that a user buys soon, from the last 50 events; an ONNX network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.folded_convolution import fold_convolution
from udfs.log_odds import logit
from udfs.model_registry import ModelRefused
from udfs.onnx_session import describe_inputs, open_session
from udfs.sequence_batches import SEQUENCE_LENGTH, sequence_batch

_TOKEN_TYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}


class PurchaseIntentScorer:
    """Runs the registered network: tokens [rows, 50] in, probability [rows] or [rows, 1] out, 0..1.

    The network is the founding article's (Embedding -> Conv1D -> MaxPool -> LSTM -> sigmoid) or the alternative
    that validation data chose; any ONNX graph with one input of those shapes will do. What can be folded of it is
    (`udfs/folded_convolution.py`).
    """

    # 16 to 128 rows of this network's activations fit the cache; bigger batches are slower.
    piece_rows = 128
    feature_count = SEQUENCE_LENGTH

    def __init__(self, name: str, content: bytes) -> None:
        """Load the ONNX model from `content`, the registered file's bytes.

        Raises ModelRefused when onnxruntime can't read them or the input is not int32 or int64 [rows, 50].
        """
        self.name = name
        self._session = open_session(name, fold_convolution(content))
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in _TOKEN_TYPES or inputs[0].shape[1:] != [SEQUENCE_LENGTH]:
            raise ModelRefused(
                f"{name}: the model must have one input, int32 or int64 [rows, {SEQUENCE_LENGTH}], but has "
                f"{describe_inputs(self._session)}; export it again"
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

    def attribution(self, fast: bool) -> str:
        """Events are taken away; see `udfs/reasons.py`."""
        return "occlusion"

    def explain(self, batch: NDArray[Any], fast: bool) -> NDArray[np.float64]:
        """Contributions [rows, 51] of tokens [rows, 50] to the log-odds; the base value is that of a user without any event.

        Each event's is the mean of what it adds to the newer events and of what it adds to the older ones: every sequence that
        the network is asked about is one that a user could have had. Integrated gradients would need torch at hand.
        """
        rows, width = batch.shape
        if not rows:
            return np.empty((0, width + 1))
        first = np.where(batch.any(axis=1), (batch != 0).argmax(axis=1), width)
        row = np.repeat(np.arange(rows), width - first)
        kept = np.arange(len(row)) - np.searchsorted(row, row) + 1  # 1 .. number of the row's events
        column = np.arange(width)
        filled = column >= width - kept[:, None]
        newest = np.where(filled, batch[row], 0)
        shifted = np.clip(column - (width - kept[:, None]) + first[row, None], 0, width - 1)
        oldest = np.where(filled, batch[row[:, None], shifted], 0)
        base = float(logit(self.score(np.zeros((1, width), dtype=batch.dtype)))[0])
        contributions = np.zeros((rows, width + 1))
        for sequences, places in ((newest, width - kept), (oldest, first[row] + kept - 1)):
            margins = logit(self.score(sequences))
            before = np.where(kept == 1, base, np.roll(margins, 1))
            contributions[row, places] += (margins - before) / 2
        contributions[:, -1] = base
        return contributions
