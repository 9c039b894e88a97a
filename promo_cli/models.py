"""`promo models`: which versions of the models there are, and which of them serve."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promo_cli.command_line import Verbs
from promo_cli.completion import model_names
from promo_cli.options import AsJson, DryRun, ModelsFolder
from promo_cli.paths import models_path
from promo_cli.tables import columns

if TYPE_CHECKING:
    from models_onnx.versions import Line

app = typer.Typer(
    cls=Verbs,
    help="List the models' versions, promote one, roll back.",
    epilog="Example: promo models list",
    no_args_is_help=True,
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A model, as `promo models list` names it.", autocompletion=model_names)
]


@app.command("list", epilog="Example: promo models list --json")
def list_models(models_folder: ModelsFolder = None, as_json: AsJson = False) -> None:
    """Every version of every model: status, what it reached on the test window, and the last day of that window.

    --json tells kind, whole data window, parent and when it was trained, too.
    """
    import json

    records = model_records(models_path(models_folder))
    if as_json:
        typer.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    rows = []
    for record in records:
        measure = (record["measure"] or "").replace("_", " ")
        value = "" if record["value"] is None else f"{record['value']:.4f}"
        rows.append([record["model"], record["version"], record["status"], measure, value, (record["window_last"] or "")[:10]])
    typer.echo(columns(["model", "version", "status", "measure", "on test", "data until"], rows, right={4}))
    for record in records:
        if record["fault"]:
            typer.echo(record["fault"], err=True)


@app.command(epilog="Example: promo models promote purchase_intent 7055df57bd27")
def promote(
    name: Name,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Its version, or the first digits of it.")],
    models_folder: ModelsFolder = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Let a version serve, whatever the gate said; the next build scores with it."""
    changed = _changed(models_path(models_folder), name, lambda versions: versions.promote(name, version), dry_run)
    _print(name, *changed, as_json, dry_run)


@app.command(epilog="Example: promo models rollback interest")
def rollback(name: Name, models_folder: ModelsFolder = None, as_json: AsJson = False, dry_run: DryRun = False) -> None:
    """Back to the version, or the rule, that served before; the version that serves now becomes a challenger."""
    changed = _changed(models_path(models_folder), name, lambda versions: versions.rollback(name), dry_run)
    _print(name, *changed, as_json, dry_run)


def model_records(folder: Path) -> list[dict[str, Any]]:
    """One record a version. Raises PromoError when there is no registry, ModelRefused when it can't be read."""
    from models_onnx.versions import Versions
    from promo_cli.errors import DATA_FAULT, PromoError
    from udfs.model_registry import ModelRefused

    versions = Versions(folder)
    entries = versions.read()
    if not entries:
        raise PromoError(f"{folder} holds no registry.json; promo train --models-folder {folder} makes one", DATA_FAULT)
    records = []
    for name, lines in entries.items():
        for line in lines:
            card: dict[str, Any] = {}
            fault = None
            try:
                versions.check(name, line)
                card = versions.card(name, line)
            except ModelRefused as refused:
                fault = str(refused)
            records.append(_record(name, line, card, fault))
    return records


def _record(name: str, line: "Line", card: dict[str, Any], fault: str | None) -> dict[str, Any]:
    split = card.get("split") or {}
    measure = card.get("measure")
    test = ((card.get("metrics") or {}).get(name) or {}).get("test") or {}
    return {
        "model": name,
        "version": line["version"],
        "status": "unusable" if fault else line["status"],
        "kind": line["kind"],
        "trained_on": card.get("data"),
        "window_first": (split.get("train") or {}).get("first"),
        "window_last": (split.get("test") or {}).get("last"),
        "measure": measure,
        "value": test.get(measure) if measure else None,
        "trained_at": line["trained_at"],
        "parent": line["parent"],
        "fault": fault,
    }


def _changed(folder: Path, name: str, change: Any, dry_run: bool) -> "tuple[Line | None, Line]":
    """What served before and what serves now; under the lock that training holds. Raises PromoError, ModelRefused."""
    from models_onnx.versions import Versions
    from promo_cli.connectors.near_match import did_you_mean
    from promo_cli.errors import DATA_FAULT, PromoError, shown
    from promo_cli.lock import training_lock

    versions = Versions(folder)
    known = versions.read()
    if not known:
        raise PromoError(f"{folder} holds no registry.json; promo train --models-folder {folder} makes one", DATA_FAULT)
    if name not in known:
        meant = did_you_mean(name, known)
        raise PromoError(f"{shown(name)} is no model{meant}; there are: {', '.join(known)}", DATA_FAULT)
    if dry_run:
        foretold: tuple[Line | None, Line] = change(Versions(folder, read_only=True))
        return foretold
    with training_lock(folder / ".training.lock"):
        changed: tuple[Line | None, Line] = change(versions)
    return changed


def _print(name: str, before: "Line | None", now: "Line", as_json: bool, dry_run: bool) -> None:
    if as_json:
        import json

        was = None if before is None else before["version"]
        typer.echo(json.dumps({"model": name, "serves": now["version"], "served_before": was, "changed": not dry_run}))
        return
    if before is not None and before["version"] == now["version"]:
        typer.echo(f"{name}: {_named(now)} serves already")
    elif dry_run:
        typer.echo(f"{name}: {_named(now)} would serve in place of {_named(before)}; nothing was changed")
    else:
        typer.echo(f"{name}: {_named(now)} serves, {_named(before)} did before; the next build scores with it")


def _named(line: "Line | None") -> str:
    return "nothing" if line is None else "the rule" if line["kind"] == "rule" else f"version {line['version']}"
