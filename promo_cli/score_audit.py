"""How right each score is about each group of people, measured on past days whose outcome is known, for audits.fairness."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from promo_cli.console import messages, progress
from promo_cli.errors import DATA_FAULT, PromoError

MODEL = "score_fairness_sums"
FEWEST_DAYS_BEFORE = 56
"""Days of history that a day needs before it."""


def measure_scores(database: Path, quiet: bool = False) -> dict[str, str]:
    """Score the newest days whose outcome is known and keep the sums by group in the working database; day by score.

    The dbt model scores.score_fairness_sums does it, in a training database over those days. The next build judges the sums and
    publishes them. Raises PromoError: no shop, nothing built yet, too short a history, a dbt failure, another who writes.
    """
    from promo_cli.train import teller
    from promo_cli.training_set import dbt_vars, training_set
    from promo_cli.warehouse import open_warehouse

    _refuse_unbuilt(database)
    with progress(messages(quiet)) as bar:
        tell = teller(bar, "past scores")
        with training_set(database, 1, tell) as learned:
            shop, variables = learned.shop, dbt_vars()
            # one day for each span that a label looks ahead: of a week's label a later day is known than of eight weeks'
            spans = {int(variables["intent_days"]), int(variables["interest_days"]), 28, 56}
            days = sorted(shop.data_until - timedelta(days=span) for span in spans)
            days = [day for day in days if day >= shop.first_day + timedelta(days=FEWEST_DAYS_BEFORE)]
            if not days:
                raise PromoError(
                    f"the shop's history is {(shop.data_until - shop.first_day).days} days long; scores can be audited from "
                    f"{FEWEST_DAYS_BEFORE + min(spans)} days on",
                    DATA_FAULT,
                )
            learned.build_models([MODEL], days, tell)
            sums = learned.rows(f"select * from scores.{MODEL}")
    with open_warehouse(database, "promo audit --scores") as connection:
        connection.register("measured", sums)
        connection.execute("begin")
        connection.execute(f"delete from scores.{MODEL} where decision in (select decision from measured)")
        connection.execute(f"insert into scores.{MODEL} by name select * from measured")
        connection.execute("commit")
        found = connection.execute(
            "select decision, min(as_of_date) from measured group by decision order by decision"
        ).fetchall()
    return {str(decision).removeprefix("score "): str(day) for decision, day in found}


def _refuse_unbuilt(database: Path) -> None:
    from promo_cli.warehouse_reader import open_read_only, relations

    with open_read_only(database) as connection:
        known: Any = relations(connection)
    if ("scores", MODEL) not in known:
        raise PromoError(f"{database} holds no scores.{MODEL} yet; run promo build", DATA_FAULT)
