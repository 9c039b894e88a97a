"""As-of dates for training, validation and test, in the order of time."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class TimeSplit:
    """As-of dates; every label window of `train` ends before `validation` begins to be judged, and so on to `test`."""

    train: list[date]
    validation: list[date]
    test: list[date]

    def all(self) -> list[date]:
        """Every as-of date, oldest first."""
        return sorted([*self.train, *self.validation, *self.test])


class ThinData(ValueError):  # noqa: N818 - it names what is wrong, not that something is
    """Too little history to train on; one line that says how much there is and how much is needed."""


def weekly_split(first_day: date, data_until: date, horizon_days: int, history_days: int = 56) -> TimeSplit:
    """Weekly as-of dates back from `data_until`: 8 for test, 5 for validation, at most 31 before them for training.

    Every label window of `horizon_days` is over by `data_until`, and the oldest training date has `history_days` of
    history. With a horizon of a week, no label window of one part reaches into the next.
    Raises ThinData when fewer than 4 weeks would be left to train on.
    """
    weeks = [data_until - timedelta(days=horizon_days + 7 * week) for week in range(44)]
    weeks = [week for week in weeks if week >= first_day + timedelta(days=history_days)]
    if len(weeks) < 17:
        needed = horizon_days + 7 * 16 + history_days
        raise ThinData(
            f"the shop's history is {(data_until - first_day).days} days long and training needs {needed}; "
            "keep the shipped model until then"
        )
    return TimeSplit(train=sorted(weeks[13:]), validation=sorted(weeks[8:13]), test=sorted(weeks[:8]))


def window_split(first_day: date, data_until: date, horizon_days: int, history_days: int = 56) -> TimeSplit:
    """As-of dates one label window apart: the newest for test, the one before for validation, up to 3 before for training.

    Raises ThinData when there is none left to train on.
    """
    days = [data_until - timedelta(days=horizon_days * window) for window in range(1, 6)]
    days = [day for day in days if day >= first_day + timedelta(days=history_days)]
    if len(days) < 3:
        raise ThinData(
            f"the shop's history is {(data_until - first_day).days} days long and training needs "
            f"{3 * horizon_days + history_days}; keep the shipped model until then"
        )
    return TimeSplit(train=sorted(days[2:]), validation=days[1:2], test=days[:1])
