"""Ranking metrics over users: pure functions over arrays."""

import numpy as np
from numpy.typing import NDArray


def recall_and_ndcg(
    users: NDArray[np.int64],
    labels: NDArray[np.float32],
    scores: NDArray[np.float32],
    wanted: NDArray[np.int64],
    k: int = 10,
) -> dict[str, float]:
    """Mean recall@k and NDCG@k over the users who bought anything.

    users [N]: row of each candidate's user in `wanted`; labels [N]: 1 where the candidate was bought; scores [N];
    wanted [U]: products each user bought, candidates or not (> 0). Recall divides by min(k, wanted), NDCG by the best
    that could be had with all wanted products at the top (Järvelin and Kekäläinen, 2002). Ties keep the rows' order.
    """
    order = np.lexsort((-scores, users))
    users, labels = users[order], labels[order]
    starts = np.searchsorted(users, np.arange(len(wanted)))
    place = np.arange(len(users)) - starts[users]
    top = place < k
    hits = np.bincount(users[top], weights=labels[top], minlength=len(wanted))
    gain = np.bincount(users[top], weights=labels[top] / np.log2(place[top] + 2.0), minlength=len(wanted))
    ideal = np.cumsum(1.0 / np.log2(np.arange(k) + 2.0))
    reachable = np.minimum(wanted, k)
    return {
        f"recall@{k}": float(np.mean(hits / reachable)),
        f"ndcg@{k}": float(np.mean(gain / ideal[reachable - 1])),
        "users": len(wanted),
    }
