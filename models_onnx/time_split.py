"""As-of dates for training, validation and test, in the order of time."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import ArrayLike

FEWEST_BUYERS = 500
FEWEST_DAYS = 180
FEWEST_TRAINING_POSITIVES = 100
FEWEST_TEST_POSITIVES = 30
"""With less than any of these nothing is trained: a rule that is known to be crude beats a model that only looks learned."""


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
    """Too little to train on; one line that says how much there is and how much is needed."""


def check_history(buyers: int, first_day: date, data_until: date) -> None:
    """Raises ThinData when the shop has too few buyers or days to train anything on."""
    days = (data_until - first_day).days
    if buyers < FEWEST_BUYERS or days < FEWEST_DAYS:
        raise ThinData(f"the shop has {buyers} buyers over {days} days; training needs {FEWEST_BUYERS} over {FEWEST_DAYS}")


def check_labels(train: ArrayLike, validation: ArrayLike, test: ArrayLike) -> None:
    """Raises ThinData when labels (0 and 1) are constant somewhere or too few are positive to learn from or to judge by."""
    for name, labels, fewest in (
        ("training", train, FEWEST_TRAINING_POSITIVES),
        ("validation", validation, 1),
        ("test", test, FEWEST_TEST_POSITIVES),
    ):
        found = np.asarray(labels)
        positives = int((found == 1).sum())
        if positives in (0, len(found)):
            kind = "no rows" if not len(found) else f"one class only (all {'positive' if positives else 'negative'})"
            raise ThinData(f"the {name} window holds {kind}; training needs both outcomes")
        if positives < fewest:
            raise ThinData(f"the {name} window holds {positives} positive rows; training needs {fewest}")


def weekly_split(first_day: date, data_until: date, horizon_days: int, history_days: int = 56) -> TimeSplit:
    """Weekly as-of dates back from `data_until`: 8 for test, 5 for validation, at most 31 before them for training.

    Every label window of `horizon_days` is over by `data_until`, and the oldest training date has `history_days` of
    history. Longer horizons than a week leave out the weeks between two parts, so that no label window of one part reaches
    past the first date of the next. Raises ThinData when fewer than 4 weeks would be left to train on.
    """
    gap = (horizon_days - 1) // 7
    weeks = [data_until - timedelta(days=horizon_days + 7 * week) for week in range(44 + 2 * gap)]
    weeks = [week for week in weeks if week >= first_day + timedelta(days=history_days)]
    if len(weeks) < 17 + 2 * gap:
        needed = horizon_days + 7 * (16 + 2 * gap) + history_days
        raise ThinData(f"the shop's history is {(data_until - first_day).days} days long and training needs {needed}")
    return TimeSplit(train=sorted(weeks[13 + 2 * gap :]), validation=sorted(weeks[8 + gap : 13 + gap]), test=sorted(weeks[:8]))


def window_split(
    first_day: date, data_until: date, horizon_days: int, history_days: int = 56, training_step_days: int | None = None
) -> TimeSplit:
    """As-of dates one label window apart: the newest for test, the one before for validation, up to 3 before for training.

    With `training_step_days` there are further training dates between the oldest and the newest of these, so many days apart;
    their label windows overlap. Raises ThinData when there is none left to train on.
    """
    days = [data_until - timedelta(days=horizon_days * window) for window in range(1, 6)]
    days = [day for day in days if day >= first_day + timedelta(days=history_days)]
    if len(days) < 3:
        raise ThinData(
            f"the shop's history is {(data_until - first_day).days} days long and training needs "
            f"{3 * horizon_days + history_days}"
        )
    newest, oldest = days[2], days[-1]
    step = training_step_days or horizon_days
    train = [newest - timedelta(days=back) for back in range(0, (newest - oldest).days + 1, step)]
    return TimeSplit(train=sorted(train), validation=days[1:2], test=days[:1])
