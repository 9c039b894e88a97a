"""`promo train`: the models, from the same dbt features that scoring reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promo_cli.completion import model_names
from promo_cli.console import Bars, messages, progress
from promo_cli.forecast import Even
from promo_cli.options import AsJson, Database, DryRun, ModelsFolder, Quiet, Seed
from promo_cli.paths import database_path, models_path
from promo_cli.tables import columns

if TYPE_CHECKING:
    from models_onnx.task import Task
    from models_onnx.time_split import TimeSplit
    from models_onnx.versions import Versions
    from promo_cli.training_outcome import Outcome
    from promo_cli.training_set import Tell, TrainingSet


def train(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="Which models [default: all].", autocompletion=model_names)
    ] = None,
    seed: Seed = 1,
    database: Database = None,
    models_folder: ModelsFolder = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Train models on the loaded shop; each serves only if it beats the champion and every baseline beyond noise.

    Otherwise it is kept as a challenger (see `promo models`). A new models folder starts with the shipped models. A shop with
    too little data is refused in one line, and a rule serves in the model's place. Needs the extra `train`: pip install
    'offerhouse[train]'.
    """
    from promo_cli.errors import DATA_FAULT, PromoError

    tasks = chosen_tasks(models)
    if dry_run:
        _print_foretold(foretell(tasks, database_path(database), models_path(models_folder)), as_json)
        return
    outcomes = train_models(tasks, database_path(database), models_path(models_folder), seed, quiet)
    print_outcomes(outcomes, as_json)
    refused = [outcome.model for outcome in outcomes if outcome.is_refusal]
    if refused:
        raise PromoError(f"not trained: {', '.join(refused)}; the table says why", DATA_FAULT)


def foretell(tasks: "Sequence[Task]", database: Path, models_folder: Path) -> list[dict[str, str | None]]:
    """What a training of `tasks` would set out to do: each model with the version that serves now.

    Whether a new one will serve only its figures can tell. Raises PromoError: no shop, or the folder can't be written;
    ModelRefused when the registry can't be read.
    """
    from models_onnx.versions import Versions
    from promo_cli.next_step import must_be_there
    from udfs.model_registry import MODELS_FOLDER

    must_be_there(database)
    _refuse_unwritable(models_folder)
    known = Versions(models_folder if (models_folder / "registry.json").is_file() else MODELS_FOLDER)
    serving = {task.name: known.serving(task.name) for task in tasks}
    return [
        {
            "model": name,
            "serves_now": None if line is None else line["version"],
            "status": None if line is None else line["status"],
            "models_folder": str(models_folder),
        }
        for name, line in serving.items()
    ]


def _print_foretold(told: list[dict[str, str | None]], as_json: bool) -> None:
    import json

    if as_json:
        typer.echo(json.dumps(told))
        return
    rows = [[line["model"] or "", line["serves_now"] or "nothing", line["status"] or ""] for line in told]
    typer.echo(columns(["would train", "serves now", "status"], rows, right=set()))
    typer.echo(f"A new version goes to {told[0]['models_folder']}, and serves if it beats what serves now and every baseline.")


def chosen_tasks(names: Sequence[str] | None) -> "list[Task]":
    """The tasks of these names, all for none, in the order of training.

    Raises PromoError: a name that is no model's (exit code 2), or the extra `train` is missing (3).
    """
    from models_onnx.tasks import ALIASES, TASKS, task
    from promo_cli.connectors.near_match import did_you_mean
    from promo_cli.errors import ENVIRONMENT_FAULT, USAGE_FAULT, PromoError, shown

    chosen = {ALIASES.get(name, name) for name in names or TASKS}
    for name in sorted(chosen - set(TASKS)):
        meant = did_you_mean(name, [*TASKS, *ALIASES])
        raise PromoError(f"{shown(name)} is no model{meant}; there are: {', '.join(TASKS)}", USAGE_FAULT)
    try:
        import onnx  # noqa: F401
        import sklearn  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise PromoError(
            f"{error.name} is not installed; training needs it: pip install 'offerhouse[train]'", ENVIRONMENT_FAULT
        ) from error
    return [task(name) for name in TASKS if name in chosen]


def train_models(tasks: "Sequence[Task]", database: Path, models_folder: Path, seed: int, quiet: bool = False) -> "list[Outcome]":
    """Train `tasks` on the shop in `database` and settle each in `models_folder`; one that is refused stops no other.

    Raises PromoError (no shop, a dbt failure, another training at work) and OSError (a model can't be written). What serves
    is then as it was, apart from tasks that were settled before.
    """
    from models_onnx.versions import Versions
    from promo_cli.lock import training_lock
    from promo_cli.training_outcome import refuse_thin
    from promo_cli.training_set import training_set

    versions = Versions(models_folder)
    outcomes: dict[str, Outcome] = {}
    with progress(messages(quiet)) as bar:
        _make_writable(models_folder)
        with (
            training_lock(models_folder / ".training.lock"),
            training_set(database, seed, teller(bar, "the shop"), models_folder) as learned,
        ):
            versions.clean()
            versions.seed()
            groups, thin = learned.plan(tasks)
            for name, error in thin.items():
                outcomes |= {one.model: one for one in refuse_thin(versions, name, error, learned.shop)}
            for split, alike in groups:
                learned.build(split, alike, teller(bar, ", ".join(task.name for task in alike)))
                for task in alike:
                    tell = teller(bar, task.name)
                    outcomes |= _train_one(task, split, learned, versions, seed, tell)
                    tell("done", 1, 1)
    order = [task.name for task in tasks]
    return sorted(outcomes.values(), key=lambda one: order.index(one.model) if one.model in order else len(order))


def _make_writable(folder: Path) -> None:
    """Make the models' folder; raises PromoError (exit code 3) when this user may not write there."""
    _refuse_unwritable(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _refuse_unwritable(folder: Path) -> None:
    import os

    from promo_cli.errors import ENVIRONMENT_FAULT, PromoError

    nearest = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise PromoError(f"{folder} can't be written; choose a folder of your own: --models-folder DIR", ENVIRONMENT_FAULT)


def _train_one(
    task: "Task", split: "TimeSplit", learned: "TrainingSet", versions: "Versions", seed: int, tell: "Tell"
) -> "dict[str, Outcome]":
    """Outcomes of one task by model: a task may train further models beside its own."""
    from models_onnx.time_split import ThinData
    from promo_cli.training_outcome import Outcome, refuse_thin, settle

    try:
        with learned.context(split, tell) as context:
            trained = task.train(context)
    except ThinData as error:
        return {one.model: one for one in refuse_thin(versions, task.name, error, learned.shop)}
    except ValueError as error:
        reason = f"{' '.join(str(error).splitlines())}; what serves stays"
        return {task.name: Outcome(task.name, "refused", reason, is_refusal=True)}
    command = f"promo train {task.name} --seed {seed}"
    models = {task.name: trained, **trained.also}
    return {name: settle(versions, name, one, learned.shop, seed, command) for name, one in models.items()}


def print_outcomes(outcomes: "Sequence[Outcome]", as_json: bool = False) -> None:
    """The table on stdout: what was reached on the test window, the best baseline there, and the verdict with its reason."""
    import json

    if as_json:
        typer.echo(json.dumps([outcome.record() for outcome in outcomes], indent=2, ensure_ascii=False))
        return
    rows = []
    for one in outcomes:
        reached = "" if one.reached is None else f"{one.reached:.4f}"
        if one.interval is not None:
            reached += f" ({one.interval[0]:.4f} to {one.interval[1]:.4f})"
        baseline = "" if one.baseline_reached is None else f"{one.baseline_reached:.4f} {one.best_baseline}"
        rows.append([one.model, one.verdict, one.measure or "", reached, baseline, one.version or ""])
    typer.echo(columns(["model", "verdict", "measure", "on test", "best baseline", "version"], rows))
    for one in outcomes:
        kept = "kept as challenger, " if one.verdict == "challenger" else ""
        typer.echo(f"{one.model}: {kept}{one.reason}")


def teller(bar: Bars, name: str) -> "Tell":
    """A line of the progress for `name`: told what is being done, how far it is, and of how much."""
    line, pace = bar.add_task(name, total=None, outcome=""), Even()

    def tell(what: str, done: int, total: int | None) -> None:
        # features come by dbt model, of which none is like the other; rounds of training are
        speed = f"{done:,} of {total:,}" if what.startswith("features: ") and total else pace.told(done, total)
        bar.update(line, completed=done, total=total, outcome=what, pace=speed if done != total else "")

    return tell
