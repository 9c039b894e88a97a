"""Batches fetched ahead: DuckDB makes the next one while the last is being written."""

from collections.abc import Iterable, Iterator
from typing import Any


def read_ahead(batches: Iterable[Any]) -> Iterator[Any]:
    """The `batches` in their order, each fetched by a thread of its own while the one before is worked on.

    What fetching raises is raised here, in its place.
    """
    from concurrent.futures import ThreadPoolExecutor

    source = iter(batches)
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
        waiting = thread.submit(next, source, None)
        while (batch := waiting.result()) is not None:
            waiting = thread.submit(next, source, None)
            yield batch
