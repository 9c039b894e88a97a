"""The judge of effect scores: AUTOC over rows whose effects are estimated, with intervals that draw whole clusters."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models_onnx.uplift.measures import autoc_of_steps, steps_of

DRAWS = 200
_TAILS = (0.025, 0.975)
Scores = NDArray[np.floating[Any]]


class AutocJudge:
    """Scores of the same rows, compared by AUTOC; clusters [N] are drawn whole (cluster bootstrap).

    A cluster is what got the treatment together: rows of one promoted product are no independent evidence of its effect.
    """

    measure = "autoc"

    def __init__(self, effects: ArrayLike, clusters: ArrayLike, draws: int = DRAWS, seed: int = 0) -> None:
        """`effects` [N] as `doubly_robust` gives them. Raises ValueError when the two differ in length or N is 0."""
        self._effects = np.asarray(effects, dtype=np.float64)
        self._clusters = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
        if self._effects.ndim != 1 or self._clusters.shape != self._effects.shape or not len(self._effects):
            raise ValueError("effects and clusters must be equally long, at least one")
        self._draws, self._seed = draws, seed

    def value(self, scores: Scores) -> float:
        """AUTOC of `scores` [N], in the outcome's unit; 0 is no better than random."""
        return autoc_of_steps(*self._steps(scores), self._effects, np.ones(len(self._effects)))

    def interval(self, scores: Scores) -> tuple[float, float]:
        """Percentile bootstrap interval, 95 %."""
        lower, upper = np.quantile(self._drawn(scores), _TAILS)
        return float(lower), float(upper)

    def gain(self, new: Scores, old: Scores) -> tuple[float, float, float]:
        """Gain of `new` on `old` over all rows, and its paired 95 % interval."""
        lower, upper = np.quantile(self._drawn(new) - self._drawn(old), _TAILS)
        return self.value(new) - self.value(old), float(lower), float(upper)

    def _drawn(self, scores: Scores) -> NDArray[np.float64]:
        order, steps = self._steps(scores)
        random = np.random.default_rng(self._seed)
        clusters = int(self._clusters.max()) + 1
        found = np.empty(self._draws)
        for draw in range(self._draws):
            weights = np.bincount(random.integers(0, clusters, clusters), minlength=clusters).astype(np.float64)
            found[draw] = autoc_of_steps(order, steps, self._effects, weights[self._clusters])
        return found

    def _steps(self, scores: Scores) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if np.shape(scores) != self._effects.shape:
            raise ValueError(f"scores must be {len(self._effects)} numbers, not {np.shape(scores)}")
        return steps_of(scores)
