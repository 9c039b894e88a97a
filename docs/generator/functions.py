"""Reference of the SQL functions: what is registered, what scores behind it, and the formula with its source."""

import inspect
import json
from importlib import import_module
from typing import Any

from generator.markdown import ROOT, code, generated_from, table, text
from udfs.duckdb_functions import register_functions
from udfs.scorer_kinds import KINDS
from udfs.sql_functions import SQL_FUNCTIONS, SqlFunction

MODELS = ROOT / "models_onnx"


class Registrations:
    """Stands where DuckDB's connection stands when functions are registered, and keeps what they are."""

    def __init__(self) -> None:
        self.signatures: dict[str, tuple[list[str], str]] = {}

    def remove_function(self, name: str) -> None:
        """There is nothing registered yet."""

    def create_function(self, name: str, _function: Any, arguments: list[str], result: str, **_: Any) -> None:
        """One more function."""
        self.signatures[name] = (arguments, str(result))


def signatures() -> dict[str, tuple[list[str], str]]:
    """Arguments' types and result's type of every SQL function that a build registers, by name."""
    registrations = Registrations()
    register_functions(registrations)  # type: ignore[arg-type]
    return registrations.signatures


def functions_page() -> str:
    """Every SQL function."""
    registered = signatures()
    registry = json.loads((MODELS / "registry.json").read_text())
    scoring = {function.name: function for function in SQL_FUNCTIONS}
    reasons = {name for function in SQL_FUNCTIONS for name in function.reasons}
    parts = [
        "# SQL functions\n",
        "A build registers them on its own connection; models in `models/scores` call them and keep the result in tables. A "
        "published file has no function in it and needs no Python. Each takes and returns plain SQL types, looks at one row at "
        "a time, and returns NULL where there is nothing to score. A function serves only a model whose SHA-256 stands in "
        "`models_onnx/registry.json`.\n",
        generated_from(ROOT / "udfs" / "sql_functions.py", ROOT / "udfs" / "duckdb_functions.py", MODELS / "registry.json"),
        "## Scores\n",
        table(
            ["Function", "Tells"],
            (
                [f"[{code(_call(name, registered))}](#{name})", text(_task(function, registry))]
                for name, function in scoring.items()
            ),
        ),
    ]
    parts += [_scoring_function(function, registered, registry) for function in SQL_FUNCTIONS]
    parts.append(
        "## Reasons {#reasons}\n\nContributions of each input to the score's margin (for probabilities: its log-odds), the "
        "base value last; they sum to the margin of the score. `…_reasons` is exact, `…_reasons_fast` may approximate, and "
        "`reasons_method(name)` says how either comes by them.\n"
    )
    parts.append(table(["Function"], ([code(_call(name, registered))] for name in registered if name in reasons)))
    parts.append("## What stands behind the functions {#behind}\n")
    parts.append(inspect.getdoc(register_functions).partition("\n\n")[2].partition("\n\n`config`")[0] + "\n")  # type: ignore[union-attr]
    others = [name for name in registered if name not in reasons and name not in scoring]
    parts.append(table(["Function", "Returns"], ([code(_call(name, registered)), code(registered[name][1])] for name in others)))
    return "\n".join(parts)


def _call(name: str, registered: dict[str, tuple[list[str], str]]) -> str:
    return f"{name}({', '.join(registered[name][0])})"


def _task(function: SqlFunction, registry: dict[str, Any]) -> str:
    return str(_card(function.model(), registry)["task"])


def _card(model: str, registry: dict[str, Any]) -> dict[str, Any]:
    return json.loads((MODELS / registry[model]["card"]).read_text())  # type: ignore[no-any-return]


def _scoring_function(function: SqlFunction, registered: dict[str, tuple[list[str], str]], registry: dict[str, Any]) -> str:
    arguments, result = registered[function.name]
    lines = [
        f"### `{function.name}` {{ #{function.name} }}\n",
        f"{text(_task(function, registry)[:1].upper() + _task(function, registry)[1:])}.\n",
        f"Arguments: {', '.join(map(code, arguments))}. Returns: {code(result)}.\n",
    ]
    for choice, model in (function.models or {"": function.name}).items():
        card, kind = _card(model, registry), registry[model]["kind"]
        module, class_name = KINDS[kind].split(":")
        scorer = getattr(import_module(module), class_name)
        chosen = f" (setting `{function.name}: {choice}`)" if choice else ""
        size = f", vector of {len(card['features'])} entries" if card.get("features") else ""
        lines.append(f"- Model `{model}`{chosen}, kind `{kind}`{size}. {_formula(module, scorer)}{_parts(card)}\n")
    return "\n".join(lines)


def _formula(module: str, scorer: type) -> str:
    """First paragraphs of the scorer's module and class: what it computes, and whose formula that is."""
    said = [inspect.getdoc(import_module(module)), inspect.getdoc(scorer)]
    return " ".join(text((words or "").partition("\n\n")[0]) for words in said)


def _parts(card: dict[str, Any]) -> str:
    """What the card says of the network's form and of a blend's weights."""
    told = f" Network: {code(card['network'])}." if card.get("network") else ""
    if weights := card.get("weights"):
        told += f" Weights: {', '.join(f'{text(name)} {weight:g}' for name, weight in weights.items())}."
    return told


def pages() -> dict[str, str]:
    """The page of functions by path."""
    return {"reference/functions.md": functions_page()}
