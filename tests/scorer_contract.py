"""What every scorer promises, tested once: a test class inherits `ScorerContract` and supplies a `case`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from udfs.scorer import Scorer, score_column

# One suite for several classes is the point here.
_shared_suite = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors])


@dataclass
class ScorerCase:
    """A scorer and SQL values to try it on."""

    scorer: Scorer
    examples: pa.Array
    """Hundreds of different values that can be scored."""
    unscorable: pa.Array
    """Values whose score is NULL, of the same Arrow type."""
    known: list[tuple[list[float | None], float]] = field(default_factory=list)
    """Values and the scores worked out for them elsewhere."""
    lowest: float = 0.0
    """-1 where the score is a difference of probabilities."""


class ScorerContract:
    """Inherit, and define a fixture `case` returning a ScorerCase."""

    def test_known_answers(self, case: ScorerCase) -> None:
        values = pa.array([value for value, _ in case.known], type=case.examples.type)
        expected = [answer for _, answer in case.known]
        np.testing.assert_allclose(_scores(case.scorer, values), expected, atol=1e-6)

    def test_scores_are_float32_probabilities(self, case: ScorerCase) -> None:
        scores = score_column(case.scorer, case.examples)
        assert scores.type == pa.float32()
        assert len(scores) == len(case.examples)
        assert scores.null_count == 0
        values = scores.to_numpy()
        assert np.isfinite(values).all()
        assert ((values >= case.lowest) & (values <= 1)).all()
        batch, _ = case.scorer.dense_batch(case.examples)
        assert case.scorer.score(batch).dtype == np.float32

    @_shared_suite
    @given(cuts=st.lists(st.integers(0, 1_000), max_size=6))
    def test_any_split_into_batches_gives_the_same_scores(self, case: ScorerCase, cuts: list[int]) -> None:
        batch, _ = case.scorer.dense_batch(case.examples)
        whole = case.scorer.score(batch)
        parts = [case.scorer.score(part) for part in np.split(batch, sorted(cut % len(batch) for cut in cuts))]
        np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)

    @_shared_suite
    @given(seed=st.integers(0, 10_000))
    def test_permuted_rows_get_permuted_scores(self, case: ScorerCase, seed: int) -> None:
        order = np.random.default_rng(seed).permutation(len(case.examples))
        permuted = _scores(case.scorer, case.examples.take(pa.array(order)))
        np.testing.assert_allclose(permuted, _scores(case.scorer, case.examples)[order], atol=1e-6)

    def test_unscorable_rows_are_null_and_touch_no_other(self, case: ScorerCase) -> None:
        assert score_column(case.scorer, case.unscorable).null_count == len(case.unscorable)
        middle = len(case.examples) // 2
        around = [case.examples[:middle], case.unscorable, case.examples[middle:]]
        scores = score_column(case.scorer, pa.concat_arrays(around)).to_numpy(zero_copy_only=False)
        unscorable = slice(middle, middle + len(case.unscorable))
        assert np.isnan(scores[unscorable]).all()
        np.testing.assert_allclose(np.delete(scores, unscorable), _scores(case.scorer, case.examples), atol=1e-6)

    def test_empty_input(self, case: ScorerCase) -> None:
        scores = score_column(case.scorer, case.examples[:0])
        assert len(scores) == 0
        assert scores.type == pa.float32()
        assert len(score_column(case.scorer, pa.chunked_array([], type=case.examples.type))) == 0

    def test_earlier_scores_survive_later_calls(self, case: ScorerCase) -> None:
        batch, _ = case.scorer.dense_batch(case.examples)
        first = case.scorer.score(batch[:20])
        kept = first.copy()
        case.scorer.score(batch[20:40])
        np.testing.assert_array_equal(first, kept)

    def test_many_threads_get_the_same_answers(self, case: ScorerCase) -> None:
        batch, _ = case.scorer.dense_batch(case.examples)
        expected = case.scorer.score(batch)
        starts = [(7 * call) % (len(batch) - 20) for call in range(200)]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda start: case.scorer.score(batch[start : start + 20]), starts))
        for start, answer in zip(starts, answers, strict=True):
            np.testing.assert_allclose(answer, expected[start : start + 20], atol=1e-6)


def _scores(scorer: Scorer, column: pa.Array) -> NDArray[np.float32]:
    return score_column(scorer, column).to_numpy()
