"""Hostile and broken input: 10,000 cases made by Hypothesis; nothing may crash, get lost or get out.

python benchmarks/reliability/fuzz.py [--cases 10000] [--seed 1]

A case is a shop of hostile files (loaded and staged by the models' own SQL, every row accounted for), an export of hostile
people to a hostile folder, a hostile command line, hostile dbt vars, a spoilt policy or a spoilt model. Needs the extra dev.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from hostile_trials import Trials

LARGEST_REPORT = 10


class Tally:
    """Outcomes and broken promises of many cases."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.broken: dict[str, tuple[int, str]] = {}

    def take(self, kind: str, trial: Callable[[Any, Path], str], case: Any) -> None:
        """Run one case in a folder of its own."""
        sandbox = Path(tempfile.mkdtemp())
        try:
            self.outcomes[kind, trial(case, sandbox)] += 1
        except Exception as error:
            fault = f"{kind}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            self.broken[fault] = (self.broken.get(fault, (0, ""))[0] + 1, repr(case)[:2_000])
            self.outcomes[kind, "BROKEN"] += 1
        finally:
            shutil.rmtree(sandbox, ignore_errors=True)

    def broken_promises(self) -> dict[str, int]:
        """How many cases of each kind of fault there were."""
        counted = {"tracebacks": 0, "lost rows": 0, "escapes": 0}
        for fault, (count, _) in self.broken.items():
            escaped = any(word in fault for word in ("touched", "injected", "wrote to", "changed the database"))
            counted["escapes" if escaped else "lost rows" if "lost" in fault else "tracebacks"] += count
        return counted


def run(tally: Tally, kind: str, cases: int, chosen_seed: int, strategy: SearchStrategy[Any], trial: Any) -> None:
    """`cases` cases of one kind."""

    @seed(chosen_seed)
    @settings(max_examples=cases, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def one(case: Any) -> None:
        tally.take(kind, trial, case)

    one()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--kind", help="this kind alone")
    chosen = options.parse_args()
    tally = Tally()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for kind, (share, strategy, trial) in Trials(Path(folder)).kinds.items():
            if chosen.kind in (None, kind):
                run(tally, kind, chosen.cases if chosen.kind else round(chosen.cases * share), chosen.seed, strategy, trial)
                for (of, outcome), count in sorted(tally.outcomes.items()):
                    if of == kind:
                        print(f"  {kind:8} {outcome:18} {count:6,}", flush=True)
    print(f"{sum(tally.outcomes.values()):,} cases in {time.monotonic() - began:,.0f} s, seed {chosen.seed}: ", end="")
    print(", ".join(f"{count} {name}" for name, count in tally.broken_promises().items()))
    for fault, (count, case) in sorted(tally.broken.items(), key=lambda item: -item[1][0])[:LARGEST_REPORT]:
        print(f"\n{count} × {fault}\n    {case}")
    raise SystemExit(1 if tally.broken else 0)


if __name__ == "__main__":
    main()
