"""200 hostile cases of every kind, the same in each run; `benchmarks/reliability/fuzz.py` makes 10,000 others."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hostile_trials import Trials
from hypothesis import HealthCheck, Phase, given, settings

CASES = {"shop": 30, "append": 10, "export": 20, "call": 50, "policy": 60, "model": 15, "vars": 15}


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Trials:
    return Trials(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("kind", CASES)
def test_hostile_cases_are_answered_or_refused_in_one_line(trials: Trials, kind: str) -> None:
    """Accepted, in rejected_rows or one line; no row lost, nothing outside the target touched, no SQL injected."""
    _, strategy, trial = trials.kinds[kind]
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=CASES[kind],
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def one(case: Any) -> None:
        with tempfile.TemporaryDirectory() as sandbox:
            outcomes[trial(case, Path(sandbox))] += 1

    one()
    assert len(outcomes) > 1, f"all cases end alike, so they test little: {outcomes}"


def test_all_kinds_are_tried(trials: Trials) -> None:
    assert CASES.keys() == trials.kinds.keys()
    assert sum(CASES.values()) == 200
    assert sum(share for share, *_ in trials.kinds.values()) == pytest.approx(1)
