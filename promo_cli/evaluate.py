"""`promo evaluate`: what the registered models reach on the test window of the loaded shop, with baselines and intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promo_cli.completion import model_names
from promo_cli.console import messages, progress
from promo_cli.options import AsJson, Database, ModelsFolder, Quiet, Seed, path_told
from promo_cli.paths import database_path, models_path

if TYPE_CHECKING:
    from models_onnx.task import Finding, Task
    from promo_cli.evaluation_table import Evaluated
    from promo_cli.training_set import TrainingSet
    from udfs.scorer import Scorer


def evaluate(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="Which models [default: all].", autocompletion=model_names)
    ] = None,
    seed: Seed = 1,
    database: Database = None,
    models_folder: ModelsFolder = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="PATH", parser=path_told, help="Data of a trial that stands outside the shop; name the trial."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure the registered models on the test window of the loaded shop, beside naive baselines, with 95 % intervals.

    On Complete Journey each figure is held against what was asked of it. Nothing is trained or changed. A trial
    (see `promo evaluate NAME --file PATH`) is measured on a file of its own. Needs the extra `train`.
    """
    from promo_cli.errors import DATA_FAULT, PromoError
    from promo_cli.evaluation_table import print_evaluated

    names, trials = _told_apart(models, file)
    if trials:
        found = _evaluate_trial(trials[0], file or Path(), seed, quiet)
    else:
        found = evaluate_models(names, database_path(database), models_path(models_folder), seed, quiet)
    print_evaluated(found, as_json)
    if found.refused:
        raise PromoError(f"not evaluated: {', '.join(found.refused)}; the lines above say why", DATA_FAULT)


def evaluate_models(
    names: Sequence[str] | None, database: Path, models_folder: Path, seed: int, quiet: bool = False
) -> "Evaluated":
    """Findings of the tasks `names`, of all for none; one that can't be evaluated stops no other.

    Raises PromoError: an unknown name, no shop, a dbt failure, and a registered model whose file or card is not the one that
    was registered.
    """
    from promo_cli.evaluation_table import Evaluated
    from promo_cli.targets import targets_for
    from promo_cli.train import chosen_tasks, teller
    from promo_cli.training_set import training_set

    tasks = chosen_tasks(names)
    # Before the long part: a model that can't be vouched for is told at once.
    champions = {task.name: champion(task.name, models_folder) for task in tasks}
    with progress(messages(quiet)) as bar:
        lines: dict[str, Any] = {}

        def tell(name: str) -> Any:
            if name not in lines:
                lines[name] = teller(bar, name)
            return lines[name]

        with training_set(database, seed, tell("the shop"), models_folder) as learned:
            targets = targets_for(learned.shop.source)
            asked = [task.name for task in tasks] if names else [task for task, _ in targets]
            found = Evaluated(learned.shop.told, targets, asked)
            groups, thin = learned.plan(tasks)
            for name, error in thin.items():
                found.refused[name] = str(error)
            for split, alike in groups:
                learned.build(split, alike, tell(", ".join(task.name for task in alike)))
                for task in alike:
                    scorer, card = champions[task.name]
                    window = (min(split.test), max(split.test))
                    try:
                        findings = _evaluate_one(task, split, learned, scorer, tell(task.name))
                    except ValueError as error:
                        found.refused[task.name] = " ".join(str(error).splitlines())
                        continue
                    found.add(findings, window, _remarks(card, learned.shop.identity, split, task.horizon_days, scorer))
                    tell(task.name)("done", 1, 1)
    return found


def champion(name: str, models_folder: Path) -> "tuple[Scorer | None, dict[str, Any]]":
    """What serves as `name` in `models_folder` and its card ({} for a rule); None when nothing does.

    Raises ModelRefused, one line, when its file or its card is not the registered one.
    """
    from udfs.model_records import ModelRecords
    from udfs.model_registry import ModelRegistry
    from udfs.served_models import load_scorer

    registry = ModelRegistry(models_folder)
    if name not in registry.entries():
        return None, {}
    version = ModelRecords(registry).versions(name)[0]
    if version.status not in ("champion", "rule"):  # challengers alone are left
        return None, {}
    return load_scorer(registry, name), dict(version.card)


def _told_apart(models: Sequence[str] | None, file: Path | None) -> tuple[Sequence[str] | None, list[str]]:
    """Names of tasks and of trials. A trial is measured alone, and only with its file. Raises PromoError (exit code 2)."""
    from models_onnx.tasks import TRIALS
    from promo_cli.errors import USAGE_FAULT, PromoError

    trials = [name for name in models or () if name in TRIALS]
    if file is not None and (len(trials) != 1 or len(models or ()) != 1):
        known = ", ".join(TRIALS) or "none"
        raise PromoError(f"--file goes with the name of one trial; there are: {known}", USAGE_FAULT)
    if file is None and trials:
        raise PromoError(f"{trials[0]} is a trial on a file of its own: promo evaluate {trials[0]} --file PATH", USAGE_FAULT)
    return models, trials


def _evaluate_one(task: "Task", split: Any, learned: "TrainingSet", scorer: "Scorer | None", tell: Any) -> "list[Finding]":
    with learned.context(split, tell) as context:
        return task.evaluate(context, scorer)


def _evaluate_trial(name: str, file: Path, seed: int, quiet: bool) -> "Evaluated":
    """Findings of one trial. Raises PromoError: the file is absent, or is not what the trial reads."""
    from models_onnx.tasks import trial
    from promo_cli.errors import DATA_FAULT, PromoError
    from promo_cli.evaluation_table import Evaluated

    if not file.is_file():
        raise PromoError(f"{file} is not there; --file names the trial's data", DATA_FAULT)
    found = Evaluated(f"{name}: {file.name}", {}, [name])
    with progress(messages(quiet)) as bar:
        line = bar.add_task(name, total=None, outcome="")

        def tell(what: str, done: int, total: int | None) -> None:
            bar.update(line, completed=done, total=total, outcome=what)

        try:
            found.add(trial(name).evaluate_file(file, seed, tell), None, "")
        except ValueError as error:
            raise PromoError(f"{name}: {' '.join(str(error).splitlines())}", DATA_FAULT) from error
    return found


def _remarks(card: dict[str, Any], shop: dict[str, str], split: Any, horizon_days: int, scorer: "Scorer | None") -> str:
    """What a reader has to know of the champion: a rule serves, or it has seen the test window."""
    from datetime import date, timedelta

    if scorer is not None and not card:
        return "no card: a rule, or a model of another making"
    last = ((card.get("split") or {}).get("train") or {}).get("last")
    if last and card.get("shop") == shop and date.fromisoformat(last) + timedelta(days=horizon_days) > min(split.test):
        return "trained on part of this window"
    return ""
