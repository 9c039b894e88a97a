"""One thread pool for the whole process, sized to the cores.

DuckDB gives small tables, joins and sorts one thread; onnxruntime and xgboost let go of the interpreter lock,
so cutting a batch into pieces and scoring them side by side keeps all cores busy whatever the engine does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def core_count() -> int:
    """Cores this process may use (containers and `taskset` may grant fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(core_count(), thread_name_prefix="scorer")


def map_pieces(score: Callable[[NDArray[Any]], NDArray[Any]], batch: NDArray[Any], piece_rows: int) -> NDArray[Any]:
    """Score `batch` [N, width] in pieces of at most `piece_rows` rows; returns the scores, [N] or [N, M], in row order.

    Whatever `score` raises is raised here. `score` must not call `map_pieces`: the pool would wait for itself.
    """
    if len(batch) <= piece_rows:
        return score(batch)
    pieces = [batch[start : start + piece_rows] for start in range(0, len(batch), piece_rows)]
    return np.concatenate(list(_pool().map(score, pieces)))
