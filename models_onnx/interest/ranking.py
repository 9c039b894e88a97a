"""Ranking metrics over users: pure functions over arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def recall_and_ndcg(
    users: NDArray[np.int64],
    labels: NDArray[np.float32],
    scores: NDArray[np.floating[Any]],
    wanted: NDArray[np.int64],
    k: int = 10,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """recall@k and NDCG@k of each user who bought anything, [V] both, in the order of `wanted`.

    users [N]: row of each candidate's user in `wanted`; labels [N]: 1 where the candidate was bought; scores [N];
    wanted [U]: items each user bought, candidates or not; users with 0 are left out. Recall divides by `wanted`, so it can't
    reach 1 for who bought more than k; NDCG divides by the best that could be had with all wanted items at the top (Järvelin
    and Kekäläinen, 2002). Ties keep the rows' order.
    """
    order = np.lexsort((-np.asarray(scores, dtype=np.float64), users))
    users, labels = users[order], labels[order]
    starts = np.searchsorted(users, np.arange(len(wanted)))
    place = np.arange(len(users)) - starts[users]
    top = place < k
    hits = np.bincount(users[top], weights=labels[top], minlength=len(wanted))
    gain = np.bincount(users[top], weights=labels[top] / np.log2(place[top] + 2.0), minlength=len(wanted))
    ideal = np.cumsum(1.0 / np.log2(np.arange(k) + 2.0))
    bought = wanted > 0
    return hits[bought] / wanted[bought], gain[bought] / ideal[np.minimum(wanted[bought], k) - 1]
