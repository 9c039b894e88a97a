"""How well clusters of the same users agree in two half-years, and the rules they are held against."""

from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from models_onnx.judges import DRAWS, LEVEL

UNNAMED = "none"
"""Stands for the segment of who is in none."""


class AriJudge:
    """Adjusted Rand index (Hubert and Arabie, 1985) between the clusters of U users in two periods; intervals draw users.

    A vector holds the clusters of all users in the first period, then of the same users in the second: [2 U] whole numbers.
    """

    measure = "ari"

    def __init__(self, users: int, draws: int = DRAWS, seed: int = 0) -> None:
        """Raises ValueError without users."""
        if users < 1:
            raise ValueError("no user has a cluster in both periods")
        self._users = users
        random = np.random.default_rng(seed)
        self._drawn_users = [random.integers(0, users, users) for _ in range(draws)]

    def value(self, scores: NDArray[Any]) -> float:
        """The index of clusters [2 U]: 1 where all agree, about 0 by chance, 0 where one cluster holds everyone."""
        return _index(*self._periods(scores))

    def interval(self, scores: NDArray[Any]) -> tuple[float, float]:
        """Percentile bootstrap interval over users, 95 %."""
        return self._quantiles(self._drawn(scores))

    def gain(self, new: NDArray[Any], old: NDArray[Any]) -> tuple[float, float, float]:
        """Gain of `new` on `old`, and its interval on the same draws."""
        lower, upper = self._quantiles(self._drawn(new) - self._drawn(old))
        return self.value(new) - self.value(old), lower, upper

    def _periods(self, scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        if np.shape(scores) != (2 * self._users,):
            raise ValueError(f"clusters must be {2 * self._users}: of each user in the first period, then in the second")
        return scores[: self._users], scores[self._users :]

    def _drawn(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        first, second = self._periods(scores)
        return np.array([_index(first[drawn], second[drawn]) for drawn in self._drawn_users])

    def _quantiles(self, draws: NDArray[np.float64]) -> tuple[float, float]:
        tail = (1 - LEVEL) / 2
        lower, upper = np.quantile(draws, [tail, 1 - tail])
        return float(lower), float(upper)


def same_share(scores: NDArray[Any]) -> float:
    """Share of users in the same cluster in both periods, of clusters [2 U]; nan where there is but one to be in."""
    first, second = np.split(np.asarray(scores), 2)
    return float("nan") if _holds_everyone(first) and _holds_everyone(second) else float((first == second).mean())


def _index(first: NDArray[Any], second: NDArray[Any]) -> float:
    """scikit-learn calls two partitions of one cluster each equal, 1.0; they tell nobody from anybody."""
    if _holds_everyone(first) and _holds_everyone(second):
        return 0.0
    return float(adjusted_rand_score(first, second))


def _holds_everyone(clusters: NDArray[Any]) -> bool:
    return bool((clusters == clusters[0]).all())


def named_segments(connection: duckdb.DuckDBPyConnection) -> dict[tuple[Any, str], tuple[str, str]]:
    """{(as-of date, user): (life cycle, value tier)} by the rules of policies.segment_rules, as in promotions.user_segments.

    Everyone is in it: where no rule of a dimension holds, the segment is `UNNAMED`. audits.policy_faults tells of such rules.
    """
    rows = connection.execute(
        """
        select
            users.as_of_date,
            users.user_id,
            min_by(rules.segment, rules.priority) filter (where rules.dimension = 'life_cycle') as life_cycle,
            min_by(rules.segment, rules.priority) filter (where rules.dimension = 'value_tier') as value_tier
        from features.user_features as users
        left join policies.segment_rules as rules
            on (rules.recency_min is null or users.recency_days >= rules.recency_min)
            and (rules.recency_max is null or users.recency_days <= rules.recency_max)
            and (rules.first_purchase_max is null or users.days_since_first_purchase <= rules.first_purchase_max)
            and (rules.value_percentile_min is null or users.value_percentile >= rules.value_percentile_min)
            and rules.intent_min is null
        group by users.as_of_date, users.user_id
        """
    ).fetchall()
    return {(day, user): (life_cycle or UNNAMED, value_tier or UNNAMED) for day, user, life_cycle, value_tier in rows}
