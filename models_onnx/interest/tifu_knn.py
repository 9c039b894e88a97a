"""TIFU-KNN, the yardstick of next-basket recommendation: a user's own frequencies, faded by time, and those of neighbours.

Hu, He, Gao and Zhang, Modeling Personalized Item Frequency Information for Next-basket Recommendation, SIGIR 2020.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class TifuSettings:
    """Hyperparameters, named as in the paper; the defaults are the authors' for groceries."""

    groups: int = 7
    """m: baskets of a user fall into so many groups of equal size, the newest first."""
    within: float = 0.9
    """r_b: fading from one basket of a group to the next older one."""
    between: float = 0.7
    """r_g: fading from one group to the next older one."""
    neighbours: int = 300
    """k."""
    own: float = 0.7
    """alpha: weight of the user's own vector, the rest is the neighbours' mean."""


def user_vectors(
    users: NDArray[np.int64], baskets: NDArray[np.int64], items: NDArray[np.int64], shape: tuple[int, int], settings: TifuSettings
) -> sparse.csr_matrix:
    """Temporal item frequencies [U, I] of purchases: user, basket and item of each, [N] numbers from 0 on.

    Baskets are numbered in the order of time over the whole shop; a user's baskets are told apart by that number.
    """
    lines = np.unique(np.stack([users, baskets, items], axis=1), axis=0)
    if not len(lines):
        return sparse.csr_matrix(shape)
    own, line_basket = np.unique(lines[:, :2], axis=0, return_inverse=True)
    line_basket = line_basket.reshape(-1)
    starts = np.flatnonzero(np.concatenate(([True], np.diff(own[:, 0]) != 0)))
    counts = np.diff(np.concatenate((starts, [len(own)])))
    count = np.repeat(counts, counts)
    age = count - 1 - (np.arange(len(own)) - np.repeat(starts, counts))
    size = np.ceil(count / settings.groups).astype(np.int64)
    group, inside = np.divmod(age, size)
    in_group = np.minimum(size, count - group * size)
    weight = settings.between**group * settings.within**inside / in_group / np.ceil(count / size)
    vectors = sparse.csr_matrix((weight[line_basket], (lines[:, 0], lines[:, 2])), shape)
    vectors.sum_duplicates()
    return vectors


def neighbour_means(vectors: sparse.csr_matrix, neighbours: int, piece: int = 512) -> sparse.csr_matrix:
    """Mean vector [U, I] of each user's nearest users by Euclidean distance, the user left out."""
    count = vectors.shape[0]
    nearest = min(neighbours, count - 1)
    if nearest < 1:
        return sparse.csr_matrix(vectors.shape)
    squares = np.asarray(vectors.multiply(vectors).sum(axis=1)).reshape(-1)
    pieces = []
    for start in range(0, count, piece):
        closeness = 2 * (vectors[start : start + piece] @ vectors.T).toarray() - squares
        rows = len(closeness)
        closeness[np.arange(rows), np.arange(start, start + rows)] = -np.inf
        found = np.argpartition(-closeness, nearest - 1, axis=1)[:, :nearest]
        weights = np.full(found.size, 1.0 / nearest)
        pieces.append(sparse.csr_matrix((weights, (np.repeat(np.arange(rows), nearest), found.reshape(-1))), (rows, count)))
    return (sparse.vstack(pieces) @ vectors).tocsr()


def tifu_knn(vectors: sparse.csr_matrix, means: sparse.csr_matrix, own: float) -> sparse.csr_matrix:
    """Scores [U, I]: own · vector + (1 - own) · the neighbours' mean."""
    return (own * vectors + (1 - own) * means).tocsr()
