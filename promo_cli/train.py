"""`promo train`: the models, from the same dbt features that scoring reads."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from promo_cli.console import messages, progress
from promo_cli.paths import DEFAULT_DATABASE, database_path, dbt_project_path

MODELS = ("purchase_intent", "interest")
# Trained together with interest, on the same rows.
ALIASES = {"interest_linear": "interest"}


def train(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help=f"Of: {', '.join(MODELS)} [default: all].")
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal inputs and seed give equal metrics.")] = 1,
    database: Annotated[
        Path | None,
        typer.Option("--database", metavar="PATH", help=f"Working database [default: $OFFERHOUSE_DB or {DEFAULT_DATABASE}]."),
    ] = None,
    models_folder: Annotated[
        Path | None,
        typer.Option("--models-folder", metavar="DIR", help="Where models and registry.json go [default: the shipped folder]."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; results and errors are still told.")] = False,
) -> None:
    """Train models on the loaded shop; each takes its place only if it beats its baseline on the validation window.

    Needs the extra `train`: pip install 'offerhouse[train]'.
    """
    from promo_cli.errors import ENVIRONMENT_FAULT, USAGE_FAULT, PromoError
    from udfs.model_registry import MODELS_FOLDER

    chosen = list(dict.fromkeys(ALIASES.get(name, name) for name in models or MODELS))
    for name in chosen:
        if name not in MODELS:
            raise PromoError(f"{name} is no model; train one of: {', '.join(MODELS)}", USAGE_FAULT)
    try:
        import sklearn  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise PromoError(
            f"{error.name} is not installed; training needs it: pip install 'offerhouse[train]'", ENVIRONMENT_FAULT
        ) from error
    folder = models_folder or MODELS_FOLDER
    for name in chosen:
        (folder / name).mkdir(parents=True, exist_ok=True)
        train_model(name, database_path(database), folder, seed, quiet)


def train_model(name: str, database: Path, models_folder: Path, seed: int, quiet: bool = False) -> dict[str, Any]:
    """Build `name`'s features over many as-of dates in a training database, train, write file, card and registry entry.

    Returns the card. Raises PromoError: no shop, a dbt failure, too little history, or a model no better than its
    baseline (the registered model then stays).
    """
    import duckdb

    from models_onnx.time_split import ThinData, weekly_split, window_split
    from promo_cli.dbt_runner import run_dbt
    from promo_cli.errors import DATA_FAULT, PromoError

    if not database.is_file():
        raise PromoError(f"{database} is not there; load a shop first, e.g. promo load complete-journey", DATA_FAULT)
    console = messages(quiet)
    training_database = database.resolve().parent / "training.duckdb"
    training_database.unlink(missing_ok=True)

    with progress(console) as bar:
        task = bar.add_task(f"{name}: features", total=None, outcome="")

        def run(selection: list[str], dates: list[date]) -> None:
            run_dbt(
                ["build", "--select", *selection, "--exclude-resource-type", "test", "unit_test"],
                database,
                {"shop_database": "shop_source", "as_of_dates": [day.isoformat() for day in dates]},
                target="training",
                environment={"OFFERHOUSE_TRAINING_DB": str(training_database)},
                on_node=lambda node, done, total: bar.update(task, completed=done, total=total, outcome=node[:40]),
            )

        try:
            run(["path:models/staging", "path:seeds", "user_activity_days"], [])
            first_day, data_until, source = _extent(training_database, database)
            split = (weekly_split if name == "purchase_intent" else window_split)(first_day, data_until, HORIZON_DAYS[name])
            models = _feature_models(name)
            run([*models, *(f"+{model}" for model in models), "--exclude", "path:models/staging/*/"], split.all())
            with duckdb.connect(str(training_database), read_only=True) as connection:
                bar.update(task, description=f"{name}: training", completed=0, total=None, outcome="")
                card = _TRAINERS[name](connection, split, models_folder, seed, source, bar, task)
        except ThinData as error:
            raise PromoError(f"{name}: {error}", DATA_FAULT) from error
        except ValueError as error:
            raise PromoError(str(error), DATA_FAULT) from error
        finally:
            training_database.unlink(missing_ok=True)
        bar.update(task, outcome="done", completed=1, total=1)
    _print_result(name, card)
    return card


HORIZON_DAYS = {"purchase_intent": 7, "interest": 28}
"""Days a label looks ahead; the dbt vars intent_days and interest_days."""


def _feature_models(name: str) -> list[str]:
    from importlib import import_module

    return list(import_module(f"models_onnx.{name}.train").FEATURE_MODELS)


def _extent(training_database: Path, database: Path) -> tuple[date, date, str]:
    """First day of activity, the day the data end before, and a line about the data."""
    import duckdb

    from promo_cli.errors import DATA_FAULT, PromoError

    with duckdb.connect(str(training_database), read_only=True) as connection:
        first_day, users = connection.execute(
            "select min(activity_date), count(distinct user_id) from features.user_activity_days where event_type = 'purchase'"
        ).fetchall()[0]
        (data_until,) = connection.execute("select max(data_until) from staging.as_of_dates").fetchall()[0]
    if first_day is None:
        raise PromoError("the shop has no purchases to learn from; the shipped models stay", DATA_FAULT)
    return (
        first_day,
        data_until,
        f"{_source(database)}: {users} buyers, {first_day.isoformat()} to {data_until.isoformat()} (exclusive)",
    )


def _source(database: Path) -> str:
    """What `promo load` recorded as the shop's source; a shop that mapped its own tables has no such record."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        try:
            found = connection.execute("select value from shop.settings where key = 'source'").fetchall()
        except duckdb.CatalogException:
            found = []
    return str(found[0][0]) if found else "own tables"


def _train_purchase_intent(
    connection: Any, split: Any, folder: Path, seed: int, source: str, bar: Any, task: Any
) -> dict[str, Any]:
    from models_onnx.purchase_intent.train import train as train_network
    from models_onnx.purchase_intent.training import TrainingSettings

    return train_network(
        connection, split, folder, seed, f"promo train purchase_intent --seed {seed}", source,
        lambda epoch: bar.update(
            task, completed=epoch.epoch, total=TrainingSettings().epochs,
            outcome=f"epoch {epoch.epoch}: validation AUC {epoch.validation_auc:.4f}",
        ),
    )  # fmt: skip


def _train_interest(connection: Any, split: Any, folder: Path, seed: int, source: str, bar: Any, task: Any) -> dict[str, Any]:
    from models_onnx.interest.train import train as train_scorers
    from promo_cli.interest_features import interest_features

    names, pairs = interest_features(dbt_project_path())
    return train_scorers(
        connection, split, folder, pairs, names, seed, f"promo train interest --seed {seed}", source,
        lambda done, total: bar.update(task, completed=done, total=total, outcome=f"tree {done}"),
    )  # fmt: skip


_TRAINERS = {"purchase_intent": _train_purchase_intent, "interest": _train_interest}


def _print_result(name: str, card: dict[str, Any]) -> None:
    rows = {name: card["metrics"], **card["baselines"]} if "baselines" in card else card["metrics"]
    measure = "auc" if "baselines" in card else "ndcg@10"
    typer.echo(f"{name}: {measure} on validation and test")
    for model, metrics in rows.items():
        typer.echo(f"  {model:<28} {metrics['validation'][measure]:.4f}  {metrics['test'][measure]:.4f}")
