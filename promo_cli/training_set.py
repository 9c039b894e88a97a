"""The training database: the shop's features over many as-of dates, from the same dbt models that scoring reads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from promo_cli.errors import DATA_FAULT, PromoError
from promo_cli.next_step import must_be_there
from promo_cli.paths import dbt_project_path, models_path

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from models_onnx.task import Task, TrainingContext
    from models_onnx.time_split import ThinData, TimeSplit

MOST_BUYERS, MOST_USERS = 10_000, 50_000
"""A training set holds rows of no more users than have so many buyers among them, nor of more than so many in all: 300 candidates
each, over eight as-of dates, are 24 million rows as it is."""

Tell = Callable[[str, int, int | None], None]
"""Told of each step: what, how many are done, how many there are (None: unknown)."""


@dataclass(frozen=True)
class Shop:
    """What there is to learn from."""

    source: str
    """What `promo load` recorded; `own tables` for a shop that mapped its own."""
    buyers: int
    users: int
    """Who has bought or done anything else."""
    first_day: date
    """First day of purchases."""
    data_until: date
    """First day without data."""

    @property
    def told(self) -> str:
        """One line, for cards."""
        told = f"{self.source}: {self.buyers} buyers, {self.first_day.isoformat()} to {self.data_until.isoformat()} (exclusive)"
        return told if self.learned_share == 1 else f"{told}, rows of {self.learned_share:.1%} of the users"

    @property
    def learned_share(self) -> float:
        """The share of users whose rows a training set holds; they are drawn by a hash, the same every time."""
        return min(1.0, MOST_BUYERS / self.buyers, MOST_USERS / self.users)

    @property
    def identity(self) -> dict[str, str]:
        """By what a card is known to have learned from this very shop, which grows at its end alone."""
        return {"source": self.source, "first_day": self.first_day.isoformat()}


class TrainingSet:
    """The training database of one shop while it lasts; see `training_set`."""

    def __init__(
        self, database: Path, training_database: Path, seed: int, tell: Tell, models_folder: Path, plain_ids: bool = False
    ) -> None:
        self._database, self._training_database, self._models_folder = database, training_database, models_folder
        self._seed, self._plain_ids = seed, plain_ids
        self._privacy = _privacy(database)
        self._run(["path:models/staging", "path:models/private", "path:seeds", "user_activity_days"], [], tell)
        self.shop = self._look()

    def plan(self, tasks: "Sequence[Task]") -> "tuple[list[tuple[TimeSplit, list[Task]]], dict[str, ThinData]]":
        """Tasks by their split, so that features over the same dates are built once; and the tasks there is too little for."""
        from models_onnx.time_split import ThinData, check_history

        groups: list[tuple[TimeSplit, list[Task]]] = []
        refused: dict[str, ThinData] = {}
        for task in tasks:
            try:
                check_history(self.shop.buyers, self.shop.first_day, self.shop.data_until)
                split = self._split(task)
            except ThinData as error:
                refused[task.name] = error
                continue
            alike = next((others for known, others in groups if known == split), None)
            if alike is None:
                groups.append((split, [task]))
            else:
                alike.append(task)
        return groups, refused

    def build(self, split: "TimeSplit", tasks: "Sequence[Task]", tell: Tell) -> None:
        """Build the feature models of `tasks`, and what they read, over all dates of `split`. Raises PromoError."""
        models = list(dict.fromkeys(model for task in tasks for model in task.feature_models))
        self.build_models(models, split.all(), tell, self.shop.learned_share)

    def build_models(self, models: list[str], dates: list[date], tell: Tell, learned_share: float = 1.0) -> None:
        """Build `models`, and what they read, over `dates`; rows to learn from of that share of the users. Raises PromoError."""
        selection = [*models, *(f"+{model}" for model in models)]
        self._run([*selection, "--exclude", "path:models/staging/*/", "path:seeds"], dates, tell, learned_share)

    def rows(self, sql: str) -> "pa.Table":
        """What `sql` finds in the training database."""
        with _connected(self._training_database) as connection:
            return connection.sql(sql).to_arrow_table()

    @contextmanager
    def context(self, split: "TimeSplit", tell: Tell) -> "Iterator[TrainingContext]":
        """What a task trains or is evaluated on, once its features are built over `split`."""
        from models_onnx.task import TrainingContext

        with _connected(self._training_database) as connection:
            yield TrainingContext(
                connection=connection,
                split=split,
                dbt_vars=dbt_vars(),
                seed=self._seed,
                source=self.shop.told,
                progress=tell,
            )

    def _split(self, task: "Task") -> "TimeSplit":
        dates_of = getattr(task, "dates", None)
        if dates_of is None:
            return task.split(self.shop.first_day, self.shop.data_until)
        with _connected(self._training_database) as connection:
            dates = dates_of(connection)
        return task.split(self.shop.first_day, self.shop.data_until, dates)

    def _look(self) -> Shop:
        with _connected(self._training_database) as connection:
            first_day, buyers, users = connection.execute(
                "select min(activity_date) filter (event_type = 'purchase'), "
                "count(distinct user_id) filter (event_type = 'purchase'), count(distinct user_id) "
                "from features.user_activity_days"
            ).fetchall()[0]
            (data_until,) = connection.execute("select max(data_until) from staging.as_of_dates").fetchall()[0]
        if first_day is None:
            raise PromoError("the shop has no purchases to learn from; the models stay as they are", DATA_FAULT)
        return Shop(_source(self._database), buyers, users, first_day, data_until)

    def _run(self, selection: list[str], dates: list[date], tell: Tell, learned_share: float = 1.0) -> None:
        from promo_cli.dbt_runner import run_dbt
        from promo_cli.key import PRIVACY_OFF

        run_dbt(
            ["build", "--select", *selection, "--exclude-resource-type", "test", "unit_test"],
            self._database,
            {
                "shop_database": "shop_source",
                "as_of_dates": [day.isoformat() for day in dates],
                "learned_share": learned_share,
            }
            | self._privacy,
            target="training",
            environment={
                "OFFERHOUSE_TRAINING_DB": str(self._training_database),
                "OFFERHOUSE_MODELS": str(self._models_folder.resolve()),
            }
            | ({"OFFERHOUSE_PRIVACY": PRIVACY_OFF} if self._plain_ids else {}),
            on_node=lambda node, done, total: tell(f"features: {node[:40]}", done, total),
        )


@contextmanager
def training_set(
    database: Path, seed: int, tell: Tell, models_folder: Path | None = None, plain_ids: bool = False
) -> Iterator[TrainingSet]:
    """The training database beside `database`: staging and policies are built at once, features as asked; gone at the end.

    Scores among the features are of the models in `models_folder` (None: what `models_path` says), read when they are called.
    With `plain_ids` users keep the shop's ids, whatever was said of pseudonyms, so no secret is asked for and rows come in the
    same order everywhere. What a killed run left is removed first. Raises PromoError: no shop, no purchases, a dbt failure,
    a build or another training at work.
    """
    from promo_cli.encryption import refuse_when_on
    from promo_cli.lock import training_lock

    must_be_there(database)
    refuse_when_on("a training set is written in plain")
    training_database = _training_database(database)
    with training_lock(training_database.with_name(".training.lock")):
        _remove(training_database)
        try:
            yield TrainingSet(database, training_database, seed, tell, models_path(models_folder), plain_ids)
        finally:
            _remove(training_database)


def forget_training(database: Path) -> None:
    """Removes what a killed training left beside `database`; one that is at work removes its own at its end."""
    from promo_cli.lock import training_lock

    training_database = _training_database(database)
    with suppress(PromoError), training_lock(training_database.with_name(".training.lock")):
        _remove(training_database)


def dbt_vars() -> dict[str, Any]:
    """The vars of dbt_project.yml: feature lists, horizons."""
    import yaml

    found: dict[str, Any] = yaml.safe_load((dbt_project_path() / "dbt_project.yml").read_text())["vars"]
    return found


def _training_database(database: Path) -> Path:
    return database.resolve().parent / "training.duckdb"


def _remove(training_database: Path) -> None:
    rmtree(f"{training_database}.tmp", ignore_errors=True)
    for path in (training_database, training_database.with_name(f"{training_database.name}.wal")):
        path.unlink(missing_ok=True)


@contextmanager
def _connected(training_database: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    import duckdb

    from promo_cli.warehouse import set_limits

    with duckdb.connect(str(training_database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        set_limits(connection)
        yield connection


def _privacy(database: Path) -> dict[str, str]:
    """What the shop's builds said of pseudonyms, as dbt's vars: a training follows them."""
    from promo_cli.key import PRIVACY_OFF, recorded_secret
    from promo_cli.warehouse_reader import open_read_only

    with open_read_only(database) as connection:
        return {"privacy": PRIVACY_OFF} if recorded_secret(connection) == PRIVACY_OFF else {}


def _source(database: Path) -> str:
    """What `promo load` recorded as the shop's source; a shop that mapped its own tables has no such record."""
    from promo_cli.connectors.shop_schema import recorded_settings
    from promo_cli.warehouse_reader import open_read_only

    with open_read_only(database) as connection:
        return recorded_settings(connection).get("source", "own tables")
