"""Progress: time left is told where something is on record, and comes true."""

import pytest

from promo_cli.forecast import Even, Forecast, Record, told_left


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


# Short steps come first, as in a build: half of the steps take a tenth of the time.
STEPS = {f"seed {number}": 1.0 for number in range(10)} | {f"model {number}": 9.0 for number in range(10)}


@pytest.mark.parametrize("slower", [1.0, 0.5, 3.0])
def test_time_left_comes_true_whatever_the_machine(clock: Clock, slower: float) -> None:
    """Two steps run side by side: the whole takes half of their sum. From a quarter on it is within a fifth."""
    forecast = Forecast(Record(STEPS, whole=50.0), clock)
    forecast.start()
    done = 0.0
    for name, seconds in STEPS.items():
        clock.seconds += slower * seconds / 2
        done += seconds
        forecast.step(name)
        truly = slower * (100.0 - done) / 2
        if done >= 25:
            assert forecast.left() == pytest.approx(truly, rel=0.2, abs=slower)
    assert forecast.left() == 0
    assert forecast.told(20) == "20 of 20, a few seconds left"


def test_the_last_run_is_believed_until_this_one_has_shown_its_pace(clock: Clock) -> None:
    forecast = Forecast(Record(STEPS, whole=50.0, after=10.0), clock)
    forecast.start()
    assert forecast.left() == pytest.approx(60.0)


def test_without_a_record_there_is_a_rate_and_no_time_left(clock: Clock) -> None:
    forecast = Forecast(None, clock)
    forecast.start()
    assert forecast.told(1_494) == "0 of 1,494"
    clock.seconds += 10
    for number in range(25):
        forecast.step(str(number))
    assert forecast.left() is None
    assert forecast.told(1_494) == "25 of 1,494, 2.5/s"


def test_even_steps_tell_rate_and_time_left(clock: Clock) -> None:
    pace = Even("MB", clock)
    assert pace.told(0, 800) == ""
    clock.seconds += 2
    assert pace.told(200, 800) == "100 MB/s, about 5 s left"
    assert pace.told(0, 300) == ""  # the next file
    rounds = Even(clock=clock)
    assert rounds.told(0, 10) == ""
    clock.seconds += 30
    assert rounds.told(1, 10) == "30.0 s each, about 4 min left"
    assert rounds.told(1, None) == "30.0 s each"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (12, "about 10 s"),
        (59, "about 60 s"),
        (77, "about 1 min 15 s"),
        (200, "about 3 min"),
        (7_300, "about 2 h 2 min"),
    ],
)
def test_time_left_is_no_more_exact_than_it_can_be(seconds: float, words: str) -> None:
    assert told_left(seconds) == f"{words} left"
