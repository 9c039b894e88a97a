"""A file of user × brand actions as a shop's event log, and the features of buying within a week over it.

The features are the dbt models' own: the file is loaded as `promo load files` loads a shop, in a temporary database.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from models_onnx.purchase_intent.examples import FEATURE_MODELS
from models_onnx.task import TrainingContext
from models_onnx.time_split import ThinData, TimeSplit

if TYPE_CHECKING:
    from promo_cli.training_set import TrainingSet

COLUMNS = ("user_id", "brand_id", "action", "action_date", "file_row")
HISTORY_DAYS = 28
TEST_WEEKS, VALIDATION_WEEKS, FEWEST_TRAINING_WEEKS = 4, 2, 4
HORIZON_DAYS = 7

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class ClickStreamModels:
    """What `TrainingSet.build` wants to know of a task: its name and its dbt models."""

    name: str = "click_intent"
    feature_models: tuple[str, ...] = tuple(FEATURE_MODELS)


def click_split(first_day: date, data_until: date) -> TimeSplit:
    """Weekly as-of dates back from `data_until`: 4 for test, 2 for validation, the rest for training, after 28 days of history.

    Raises ThinData when fewer than 4 are left to train on.
    """
    first = first_day + timedelta(days=HISTORY_DAYS)
    weeks: list[date] = []
    while (day := data_until - timedelta(days=HORIZON_DAYS + 7 * len(weeks))) >= first:
        weeks.append(day)
    held_out = TEST_WEEKS + VALIDATION_WEEKS
    if len(weeks) < held_out + FEWEST_TRAINING_WEEKS:
        needed = HISTORY_DAYS + 7 * (held_out + FEWEST_TRAINING_WEEKS)
        raise ThinData(f"the file spans {(data_until - first_day).days} days from its first purchase on; {needed} are needed")
    return TimeSplit(
        train=sorted(weeks[held_out:]), validation=sorted(weeks[TEST_WEEKS:held_out]), test=sorted(weeks[:TEST_WEEKS])
    )


@contextmanager
def click_stream_context(path: Path, seed: int, progress: Progress) -> Iterator[TrainingContext]:
    """The features over the file's weeks, in a database that is gone at the end.

    Raises ValueError (one line) for a file that is none, ThinData for one that is too short.
    """
    # The command's own loader and feature builder: there is no second definition of a feature.
    from promo_cli.connectors import files
    from promo_cli.errors import PromoError
    from promo_cli.training_set import training_set
    from promo_cli.warehouse import open_warehouse

    with TemporaryDirectory(prefix="click_intent_") as folder:
        shop = Path(folder) / "files"
        shop.mkdir()
        write_events(path, shop / "events.parquet")
        database = Path(folder) / "click_stream.duckdb"
        try:
            with open_warehouse(database) as connection:
                files.load(connection, files.find_shop_files(shop))
            with training_set(database, seed, progress, plain_ids=True) as learned:
                refuse_rejected(learned, path.name)
                split = click_split(learned.shop.first_day, learned.shop.data_until)
                learned.build(split, [ClickStreamModels()], progress)  # type: ignore[list-item]
                with learned.context(split, progress) as context:
                    yield context
        except PromoError as error:
            raise ValueError(str(error)) from error


def refuse_rejected(learned: "TrainingSet", name: str) -> None:
    """Raises ValueError where the contract refused actions of the file `name`: the trial would be measured on what is left."""
    refused = learned.rows(
        "select reject_reasons[1] as code, count(*) as actions from staging.checked_events "
        "where len(reject_reasons) > 0 group by code order by actions desc, code"
    ).to_pylist()
    if refused:
        told = ", ".join(f"{row['code']} {row['actions']:,}" for row in refused)
        raise ValueError(f"{name}: {sum(row['actions'] for row in refused):,} rows are no actions of a shop ({told})")


def write_events(path: Path, events: Path) -> None:
    """The file's rows as an event log: brand for product, file order for the order within a day, which nobody knows.

    Actions keep their words; the seed event_type_synonyms reads them (click, buy, favourite, cart). Raises ValueError for a
    file that can't be read as Parquet, lacks a column, or whose rows are no actions: one without a value, a file_row that comes
    twice, an action_date that is no date. Of an action_date with a time of day the day counts (in UTC).
    """
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            rows = connection.read_parquet(str(path))
        except duckdb.Error as error:
            raise ValueError(f"{path.name} is no Parquet file ({str(error).splitlines()[0]})") from error
        missing = [name for name in COLUMNS if name not in rows.columns]
        if missing:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}")
        counts = ", ".join(
            ["count(*)", "count(distinct file_row)", *(f"count(nullif(trim(cast({name} as varchar)), ''))" for name in COLUMNS)]
        )
        ((total, different, *filled),) = connection.sql(f"select {counts} from rows").fetchall()
        for name, count in zip(COLUMNS, filled, strict=True):
            if count < total:
                raise ValueError(f"{path.name}: column {name} is empty in {total - count} of {total} rows")
        if different < total:
            raise ValueError(f"{path.name}: column file_row numbers the rows, and {total - different} of {total} repeat a number")
        try:
            connection.sql(
                """
                select
                    cast(file_row as varchar) as event_id,
                    cast(user_id as varchar) as user_id,
                    cast(brand_id as varchar) as product_id,
                    cast(action as varchar) as event_type,
                    acted_on + to_seconds(
                        row_number() over (
                            partition by user_id, acted_on order by try_cast(file_row as double), file_row
                        ) % 86400
                    ) as event_at
                from (
                    select
                        user_id, brand_id, action, file_row,
                        date_trunc('day', cast(cast(action_date as timestamptz) as timestamp)) as acted_on
                    from rows
                ) as placed
                """
            ).write_parquet(str(events))
        except duckdb.ConversionException as error:
            raise ValueError(f"{path.name}: column action_date must hold dates, as 2014-04-15") from error
