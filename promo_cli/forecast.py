"""How far a piece of work is, how fast it goes, and how long it still takes: said where it can be known."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_PRIOR = 0.05
"""How much of the whole the last run's pace counts for, beside what has been seen of this one."""


@dataclass(frozen=True)
class Record:
    """What the last run took: seconds by step, and of the whole; `after`: of what follows the last step."""

    seconds: Mapping[str, float]
    whole: float
    after: float = 0.0


@dataclass
class Forecast:
    """Time left by what each step took last time. Without a record there is only how many steps are done, and how fast.

    Counts are no forecast: on the demo they tell half of the time left, for the short steps come first.
    """

    record: Record | None = None
    clock: Callable[[], float] = time.monotonic
    _seen: float = 0.0
    _done: int = 0
    _started: float = field(default=0.0)

    def start(self) -> None:
        """The first step begins."""
        self._started = self.clock()

    def step(self, name: str) -> None:
        """A step is done."""
        self._done += 1
        if self.record is not None:
            self._seen += self.record.seconds.get(name, 0.0)

    def left(self) -> float | None:
        """Seconds until all is done; None where nothing is on record."""
        if self.record is None:
            return None
        total = sum(self.record.seconds.values())
        if total <= 0 or self.record.whole <= 0:
            return None
        # wall seconds for each second of steps: what it was last time, and what it has been so far
        prior, last = _PRIOR * total, self.record.whole / total
        pace = (self.clock() - self._started + prior * last) / (self._seen + prior)
        return max(0.0, total - self._seen) * pace + self.record.after * pace / last

    def told(self, total: int) -> str:
        """`412 of 1,497, about 1 min 20 s left`, or the rate where nothing is on record."""
        done = f"{self._done:,} of {total:,}"
        left = self.left()
        if left is not None:
            return f"{done}, {told_left(left)}"
        elapsed = self.clock() - self._started
        return f"{done}, {self._done / elapsed:.1f}/s" if self._done and elapsed >= 1 else done


@dataclass
class Even:
    """Time left of work whose steps take equally long: bytes, rows, rounds of training."""

    unit: str = ""
    clock: Callable[[], float] = time.monotonic
    _first: tuple[float, float] | None = None

    def told(self, done: float, total: float | None) -> str:
        """`1,200,000 rows/s, about 12 s left`; nothing before two looks at it are a second apart."""
        now = self.clock()
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        elapsed, gained = now - self._first[0], done - self._first[1]
        if elapsed < 1 or gained <= 0:
            return ""
        rate = gained / elapsed
        speed = f"{rate:,.0f} {self.unit}/s" if self.unit else f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
        return f"{speed}, {told_left((total - done) / rate)}" if total else speed


def told_left(seconds: float) -> str:
    """`about 1 min 20 s left`: to 5 seconds below two minutes, to the minute above."""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 118:
        rounded = 5 * round(seconds / 5)
        return f"about {rounded // 60} min {rounded % 60} s left" if rounded > 60 else f"about {rounded} s left"
    minutes = round(seconds / 60)
    return f"about {minutes // 60} h {minutes % 60} min left" if minutes >= 60 else f"about {minutes} min left"
