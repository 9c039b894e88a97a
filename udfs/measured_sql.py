"""A model that is SQL from end to end: the registry holds what was measured of it, and no function calls it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from udfs.model_registry import ModelRefused


class MeasuredSql:
    """The figures of a model that dbt computes. It scores nothing: rows of it are found in its tables."""

    piece_rows = 1

    def __init__(self, name: str, content: bytes) -> None:
        """Read `content`, a JSON object with the list `tables`; raises ModelRefused when it is anything else."""
        self.name = name
        try:
            self.figures: dict[str, Any] = json.loads(content)
            self.tables = [str(table) for table in self.figures["tables"]]
        except (ValueError, TypeError, KeyError) as error:
            raise ModelRefused(
                f"{name}: the figures of a model in SQL must be JSON with its tables ({type(error).__name__}: {error}); "
                "train it again"
            ) from error

    def dense_batch(self, *columns: pa.Array | pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Raises ModelRefused: there is nothing to call."""
        raise ModelRefused(f"{self.name}: computed in SQL; read {', '.join(self.tables)}")

    def score(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Raises ModelRefused: there is nothing to call."""
        raise ModelRefused(f"{self.name}: computed in SQL; read {', '.join(self.tables)}")
