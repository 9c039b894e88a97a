"""What a trial is to `promo evaluate NAME --file PATH`: an experiment on a data file that stands outside the shop.

Say, a randomised trial of another shop, or a click-stream. A trial trains what it compares itself, registers nothing, and
nothing in the shop's scores comes from it. Its module ends in `TRIAL = ...`, and `models_onnx/tasks.py` lists it under TRIALS.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from models_onnx.task import Finding


class Trial(Protocol):
    """One experiment on one file."""

    name: str
    """As the command knows it."""
    title: str
    """What is tried, for people."""

    def evaluate_file(self, path: Path, seed: int, progress: Callable[[str, int, int | None], None]) -> list[Finding]:
        """Findings on the file's own test part. ValueError, one line, when the file is not what the trial reads.

        `progress` is told of each step: what, how many are done, how many there are (None: unknown).
        """
        ...
