"""One thread pool for the whole process, sized to the cores.

DuckDB gives small tables, joins and sorts one thread; onnxruntime and xgboost let go of the interpreter lock,
so cutting a batch into pieces and scoring them side by side keeps all cores busy whatever the engine does. Where the
engine's own threads keep them busy, each scores its batch itself: handing pieces over would only cost time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_ROWS = 512
"""A batch is cut to fill idle cores, into pieces no smaller than this: smaller ones spend their time on the call."""


def core_count() -> int:
    """Cores this process may use (containers and `taskset` may grant fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(core_count(), thread_name_prefix="scorer")


_calls = 0
_calls_lock = threading.Lock()


@contextmanager
def _idle_cores() -> Iterator[int]:
    """Cores that no other call of `map_pieces` takes, this call's own among them; at least 1."""
    global _calls
    with _calls_lock:
        _calls += 1
        idle = max(1, core_count() - _calls + 1)
    try:
        yield idle
    finally:
        with _calls_lock:
            _calls -= 1


def map_pieces(score: Callable[[NDArray[Any]], NDArray[Any]], batch: NDArray[Any], piece_rows: int) -> NDArray[Any]:
    """Score `batch` [N, width] in pieces of at most `piece_rows` rows; returns the scores, [N] or [N, M], in row order.

    Whatever `score` raises is raised here. `score` must not call `map_pieces`: the pool would wait for itself.
    """
    with _idle_cores() as idle:
        rows = min(piece_rows, max(LEAST_ROWS, -(-len(batch) // idle)))
        if len(batch) <= rows:
            return score(batch)
        pieces = [batch[start : start + rows] for start in range(0, len(batch), rows)]
        return np.concatenate(list(map(score, pieces) if idle == 1 else _pool().map(score, pieces)))
