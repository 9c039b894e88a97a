"""Topics of what a user buys and looks at: shares of a latent Dirichlet allocation (Blei, Ng and Jordan, 2003), from words.

The model file is an ONNX graph that carries its own words: what a word's number is, the model alone knows, and a word it
never saw counts for nothing. So another shop's words never stand for something else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from udfs.arrow_lists import unpack_lists
from udfs.model_registry import ModelRefused
from udfs.onnx_session import describe_inputs, open_session

SHARES, WORD_PROBABILITIES = "shares", "word_probabilities"
"""Outputs of the graph: topic shares [rows, K], and what they say of the next word [rows, V]."""

LEAST_KNOWN_SHARE = 0.5
"""Of a user's word counts; of whose words the model knows less, it has nothing to say."""

MOST_COUNT = 1e6


class TopicWord(NamedTuple):
    """One of the top words of a topic."""

    topic: int
    """Counted from 1; topic 1 holds most of the words that users have."""
    topic_name: str
    topic_share: float
    """Share of all words that the topic held in training, 0..1."""
    word: str
    word_rank: int
    weight: float
    """Probability of the word within the topic, 0..1."""
    lift: float
    """That probability to the word's probability among all users."""


class TopicScorer:
    """Runs the variational inference of a registered topic model: words and counts in, a share of each topic out."""

    # A piece of counts and one of word probabilities, 0.5 MB each at 1,000 words, fit the cache.
    piece_rows = 128

    def __init__(self, name: str, content: bytes) -> None:
        """Load the ONNX model from `content`: counts [rows, V] in, shares and word_probabilities out, words in its metadata.

        Raises ModelRefused when onnxruntime can't read it, or shapes and words disagree.
        """
        self.name = name
        self._session = open_session(name, content)
        inputs = self._session.get_inputs()
        outputs = {output.name: output for output in self._session.get_outputs()}
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or not {SHARES, WORD_PROBABILITIES} <= set(outputs):
            raise ModelRefused(
                f"{name}: a topic model has one input, float [rows, words], and the outputs {SHARES} and {WORD_PROBABILITIES}, "
                f"but this one has {describe_inputs(self._session)} and {', '.join(outputs)}; train it again"
            )
        self._input = inputs[0].name
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            self.words: list[str] = [str(word) for word in json.loads(metadata["words"])]
            self.top_words = [_top_word(entry) for entry in json.loads(metadata["top_words"])]
        except (KeyError, ValueError, TypeError) as error:
            raise ModelRefused(
                f"{name}: the model must carry its words and top_words as JSON ({type(error).__name__}: {error}); train it again"
            ) from error
        self.feature_count = len(self.words)
        self.topic_count = outputs[SHARES].shape[1]
        if inputs[0].shape[1] != len(self.words) or len(set(self.words)) != len(self.words) or not self.words:
            raise ModelRefused(
                f"{name}: the model reads {inputs[0].shape[1]} counts and names {len(set(self.words))} different words; "
                "train it again"
            )
        self._known_words = pa.array(self.words, type=pa.string())

    def dense_batch(
        self, words: pa.Array | pa.ChunkedArray, counts: pa.Array | pa.ChunkedArray
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Counts [N, V] (float32) of the model's words, and the mask [N] of rows to score.

        Not to be scored: a NULL list, lists of two lengths, and a row of whose counts the model knows fewer than half.
        A NULL word and a count that is NULL, negative or no finite number count for nothing; repeated words add up.
        """
        named, counted = unpack_lists(words), unpack_lists(counts)
        valid = named.present & counted.present & (named.lengths == counted.lengths)
        lengths = np.where(valid, named.lengths, 0)
        rows = np.repeat(np.arange(len(valid)), lengths)
        place = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        numbers = _numbers(named.values, self._known_words)[named.starts[rows] + place]
        values = counted.values.to_numpy(zero_copy_only=False).astype(np.float64)[counted.starts[rows] + place]
        values = np.where(np.isfinite(values) & (values > 0), np.minimum(values, MOST_COUNT), 0.0)
        known = numbers >= 0
        shape = len(valid), self.feature_count
        cells = rows[known] * self.feature_count + numbers[known]
        batch = np.bincount(cells, weights=values[known], minlength=shape[0] * shape[1]).reshape(shape).astype(np.float32)
        total = np.bincount(rows, weights=values, minlength=len(valid))
        of_known = np.bincount(rows[known], weights=values[known], minlength=len(valid))
        return batch, valid & (of_known > 0) & (of_known >= LEAST_KNOWN_SHARE * total)

    def score(self, batch: Any) -> NDArray[np.float32]:
        """Topic shares [rows, K], each row adding up to 1, of counts [rows, V].

        A `HeldOutWords` (models_onnx/topics/held_out.py) in the place of counts judges the model instead, so that the gate can
        compare models whose words differ: log-likelihoods [rows].
        """
        if hasattr(batch, "log_likelihood"):
            found: NDArray[np.float32] = batch.log_likelihood(self)
            return found
        return self._run(SHARES, batch, self.topic_count)

    def word_probabilities(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Probability of each of the model's words to come next, [rows, V], given counts [rows, V]."""
        return self._run(WORD_PROBABILITIES, batch, self.feature_count)

    def _run(self, output: str, batch: NDArray[Any], width: int) -> NDArray[np.float32]:
        if not len(batch):
            return np.empty((0, width), dtype=np.float32)
        (found,) = self._session.run([output], {self._input: batch.astype(np.float32, copy=False)})
        return np.asarray(found, dtype=np.float32)


TOPIC_WORDS_TYPE = (
    "STRUCT(topic INTEGER, topic_name VARCHAR, topic_share DOUBLE, word VARCHAR, word_rank INTEGER, weight DOUBLE, lift DOUBLE)[]"
)
_TOP_WORD = pa.struct(
    [
        ("topic", pa.int32()), ("topic_name", pa.string()), ("topic_share", pa.float64()), ("word", pa.string()),
        ("word_rank", pa.int32()), ("weight", pa.float64()), ("lift", pa.float64()),
    ]
)  # fmt: skip


def topic_words(scorer_of: Callable[[str], Any]) -> Callable[[pa.ChunkedArray], pa.Array]:
    """The SQL function `topic_words(function VARCHAR)`: the top words of the topic model behind a SQL function, as structs.

    `scorer_of` gives the scorer behind a function's name. An empty list where that is no topic model, NULL for NULL.
    """

    def apply(column: pa.ChunkedArray) -> pa.Array:
        names = column.to_pylist()
        found = {name: [entry._asdict() for entry in getattr(scorer_of(name), "top_words", [])] for name in set(names) - {None}}
        return pa.array([found.get(name) for name in names], type=pa.list_(_TOP_WORD))

    return apply


def _numbers(words: pa.Array, known: pa.Array) -> NDArray[np.int64]:
    """Place of each word among the known ones, -1 for NULL and for a word that isn't among them."""
    if not pa.types.is_string(words.type):
        words = words.cast(pa.string())
    return pc.fill_null(pc.index_in(words, value_set=known), -1).to_numpy(zero_copy_only=False).astype(np.int64)


def _top_word(entry: dict[str, Any]) -> TopicWord:
    return TopicWord(
        int(entry["topic"]),
        str(entry["topic_name"]),
        float(entry["topic_share"]),
        str(entry["word"]),
        int(entry["word_rank"]),
        float(entry["weight"]),
        float(entry["lift"]),
    )
