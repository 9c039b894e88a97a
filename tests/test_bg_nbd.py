"""BG/NBD against its own definition: what the closed forms say, integrated by hand over the rates and the chances to leave."""

from datetime import date

import duckdb
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, gamma

from models_onnx.churn.bg_nbd import BgNbd, fit_bg_nbd, log_likelihood
from models_onnx.churn.declaration import churn_task
from models_onnx.task import TrainingContext
from models_onnx.time_split import TimeSplit

# Fader, Hardie and Lee (2005), table 2: fitted to the CDNOW customers, in weeks.
CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
CUSTOMERS = [(2, 30.43, 38.86), (1, 1.71, 38.86), (7, 29.43, 38.86), (0, 0.0, 38.86)]


def histories(model: BgNbd, x: float, t_x: float, age: float, pause: float = 0.0) -> tuple[float, float]:
    """How likely (x, t_x, T) and then `pause` without a purchase are: still a customer, and gone after the last purchase."""
    rate = gamma(model.r, scale=1 / model.alpha)
    leaving = beta(model.a, model.b)

    def over_rates(until: float) -> float:
        found = quad(lambda rate_: rate_**x * np.exp(-rate_ * until) * rate.pdf(rate_), 0, np.inf, limit=500)
        return float(found[0])

    stays = quad(lambda chance: (1 - chance) ** x * leaving.pdf(chance), 0, 1, limit=500)[0]
    leaves = quad(lambda chance: chance * (1 - chance) ** (x - 1) * leaving.pdf(chance), 0, 1, limit=500)[0] if x else 0.0
    return stays * over_rates(age + pause), leaves * over_rates(t_x)


@pytest.mark.parametrize(("x", "t_x", "age"), CUSTOMERS)
def test_the_closed_forms_are_the_integrals_they_stand_for(x: int, t_x: float, age: float) -> None:
    here, gone = histories(CDNOW, x, t_x, age)
    assert log_likelihood(CDNOW, [x], [t_x], [age]) == pytest.approx(np.log(here + gone), rel=1e-5)
    assert CDNOW.alive([x], [t_x], [age])[0] == pytest.approx(here / (here + gone), rel=1e-5)
    for ahead in (4.0, 8.0):
        silent, _ = histories(CDNOW, x, t_x, age, ahead)
        assert CDNOW.no_purchase([x], [t_x], [age], ahead)[0] == pytest.approx((silent + gone) / (here + gone), rel=1e-5)


def test_who_pauses_longer_than_usual_is_more_likely_gone() -> None:
    lately, long_ago = CDNOW.alive([7, 7], [38.0, 10.0], [38.86, 38.86])
    assert lately > 0.9 > 0.1 > long_ago
    now, later = CDNOW.no_purchase([7], [38.0], [38.86], 0.0)[0], CDNOW.no_purchase([7], [38.0], [38.86], 1e9)[0]
    assert now == pytest.approx(1.0)
    assert later == pytest.approx(1 - lately)  # in the end all who are still customers buy again


def test_a_fit_finds_the_parameters_that_made_the_customers() -> None:
    made, count, age = BgNbd(r=0.8, alpha=10.0, a=0.7, b=3.0), 6000, 200.0
    random = np.random.default_rng(5)
    rates, chances = random.gamma(made.r, 1 / made.alpha, count), random.beta(made.a, made.b, count)
    lifetimes = random.geometric(np.maximum(chances, 1e-9))[:, None]  # the purchase after which a customer leaves
    times = np.cumsum(random.exponential(1 / rates[:, None], (count, 400)), axis=1)
    seen = (times < age) & (np.arange(1, 401) <= lifetimes)
    x, t_x = seen.sum(axis=1), np.where(seen, times, 0).max(axis=1)
    ages = np.full(count, age)
    found = fit_bg_nbd(x, t_x, ages)
    assert found == pytest.approx(made, rel=0.25)
    assert log_likelihood(found, x, t_x, ages) >= log_likelihood(made, x, t_x, ages)
    # another unit of time is another alpha and nothing else
    in_weeks = fit_bg_nbd(x, t_x / 7, ages / 7)
    assert in_weeks == pytest.approx(found._replace(alpha=found.alpha / 7), rel=0.01)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (([0, 0], [0, 0], [5, 9]), "came back"),
        (([], [], []), "came back"),
        (([1], [6], [5]), "longer than T"),
        (([-1], [0], [5]), "negative"),
        (([1, 2], [3], [5]), "equally long"),
    ],
)
def test_customers_that_tell_nothing_or_contradict_themselves_are_refused(columns: tuple[list[int], ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        fit_bg_nbd(*columns)


def test_a_shop_where_nobody_had_come_back_on_the_first_training_day_has_its_yardstick() -> None:
    days = {name: date(2024, month, 1) for name, month in (("train", 6), ("validation", 7), ("test", 8))}
    too_early = date(2024, 3, 1)
    connection = duckdb.connect()
    connection.execute(
        """
        create schema features;
        create table features.user_activity_days as
        select 'u' || number as user_id, cast(bought as date) as activity_date, 'purchase' as event_type
        from range(40) as users(number), range(timestamp '2024-02-15', timestamp '2024-08-01', interval 1 month) as months(bought)
        """
    )
    connection.execute(
        """
        create table features.churn_features as
        select as_of_date, user_id, [1.0] as features
        from (select unnest($days) as as_of_date), (select distinct user_id from features.user_activity_days)
        """,
        {"days": list(days.values())},
    )
    connection.execute(
        "create table features.churn_labels as "
        "select as_of_date, user_id, user_id < 'u2' as is_gone_28d from features.churn_features"
    )
    split = TimeSplit([too_early, days["train"]], [days["validation"]], [days["test"]])
    context = TrainingContext(connection, split, {}, 1, "a shop of monthly boxes", lambda what, done, total: None)
    parts = churn_task("churn_risk", 28).parts(context)
    assert {name: len(part.columns["bg_nbd"]) for name, part in parts.items()} == dict.fromkeys(days, 40)
    assert all(((part.columns["bg_nbd"] > 0) & (part.columns["bg_nbd"] < 1)).all() for part in parts.values())
    connection.execute("delete from features.churn_labels where as_of_date = $day", {"day": days["validation"]})
    assert not len(churn_task("churn_risk", 28).parts(context)["validation"].columns["bg_nbd"])
