"""Reference of tables: the source contract, every model by layer, every policy file."""

import re
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from generator.markdown import PROJECT, code, generated_from, table, text

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same as yaml.safe_load's, in C where PyYAML was built with it: 300 files take seconds otherwise."""

LAYERS = {
    "promotions": "What is decided: segments, prices, verdicts, offers, campaigns. Analysts and exports start here.",
    "audits": "What was rejected, whether sums add up, lineage, fairness, compliance, model records, builds.",
    "scores": "What the SQL functions say, with model and version. A row is scored again when its input or its model changed.",
    "features": "What scores read, by as-of date; the same SQL makes training sets.",
    "staging": "The shop's tables, typed (`base_`, not published), checked (`checked_`) and accepted (`stg_`).",
    "private": "Who users are. Only in the working database and the private file of a publication; exports alone read it.",
}


@cache
def entries(kind: str) -> dict[str, tuple[Path, dict[str, Any]]]:
    """YAML file and entry of each of the project's models or seeds, by name."""
    return {
        entry["name"]: (file, entry)
        for file in sorted((PROJECT / kind).rglob("*.yml"))
        for entry in (yaml.load(file.read_text(), LOADER) or {}).get(kind, [])  # noqa: S506, a safe loader
    }


def tables_of(source: Path) -> dict[str, dict[str, Any]]:
    """Entry of each table of a sources file: the contract's, or those that hooks write and no model."""
    (listed,) = yaml.load(source.read_text(), LOADER)["sources"]  # noqa: S506, a safe loader
    return {entry["name"]: entry for entry in listed["tables"]}


def records() -> dict[str, dict[str, Any]]:
    """The relations of schema audits that hooks write (macros/engine)."""
    return tables_of(PROJECT / "models" / "audits" / "records.yml")


@cache
def layer_defaults() -> dict[str, Any]:
    """How the models of each layer are kept where they don't say otherwise."""
    return yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["models"]["offerhouse"]


def kept_as(model: Path, entry: dict[str, Any]) -> str:
    """view or table, as the model's own config or its layer says, and whether the published database has it."""
    config = entry.get("config") or {}
    said = re.search(r"materialized\s*=\s*'(\w+)'", model.read_text())
    layer = layer_defaults()[model.relative_to(PROJECT / "models").parts[0]]
    kind = config.get("materialized") or (said.group(1) if said else layer["+materialized"])
    kept = "table, added to" if kind == "incremental" else kind
    return kept if (config.get("meta") or {}).get("published", True) else f"{kept}, not published"


def columns(entry: dict[str, Any], types: dict[str, str] | None = None) -> str:
    """The columns of a relation with type and meaning."""
    never_null = {
        name
        for test in entry.get("data_tests", [])
        if isinstance(test, dict) and "not_null_columns" in test
        for name in test["not_null_columns"]["arguments"]["columns"]
    }
    return table(
        ["Column", "Type", "Meaning"],
        (
            [
                code(column["name"]),
                text(column.get("data_type") or (types or {}).get(column["name"], "")),
                text(column.get("description", "")) + _facts(column, never_null),
            ]
            for column in entry.get("columns", [])
        ),
    )


def _facts(column: dict[str, Any], never_null: Set[str]) -> str:
    """What must hold of a column, as far as its contract and its data tests say so in a word."""
    meta = (column.get("config") or {}).get("meta") or {}
    facts = ["key"] if meta.get("key") else []
    facts += [name for name in ("required", "protected", "audited", "personal") if meta.get(name)]
    if column["name"] in never_null or {"type": "not_null"} in column.get("constraints", []):
        facts.append("never null")
    for test in column.get("data_tests", []):
        if isinstance(test, dict) and (accepted := test.get("accepted_values")):
            values = accepted["arguments"]["values"]
            facts.append("one of " + ", ".join(code(value) for value in values))
    for constraint in column.get("constraints", []):
        if accepted := re.fullmatch(r"\w+ in \((.*)\)", constraint.get("expression", "")):
            facts.append("one of " + ", ".join(code(value.strip("' ")) for value in accepted[1].split(",")))
    return f" *({'; '.join(facts)})*" if facts else ""


def models_of(layer: str) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Name, SQL file and YAML entry of each model of a layer, by name."""
    for file in sorted((PROJECT / "models" / layer).rglob("*.sql"), key=lambda path: path.stem):
        yield file.stem, file, entries("models")[file.stem][1]


def layer_page(layer: str) -> str:
    """Every relation of a layer: grain, questions, columns."""
    models = list(models_of(layer))
    parts = [f"# Schema {layer}\n", LAYERS[layer] + "\n", generated_from(PROJECT / "models" / layer)]
    rows = [[f"[{code(name)}](#{name})", kept_as(file, entry), _grain_and_question(entry)] for name, file, entry in models]
    by_hooks = records() if layer == "audits" else {}
    for name, entry in by_hooks.items():
        rows.append([f"[{code(name)}](#{name})", "table, added to", _grain_and_question(entry)])
    parts.append(table(["Relation", "Kept as", "Grain, and what it answers"], rows))
    for name, file, entry in models:
        place = code(file.relative_to(PROJECT.parent))
        parts.append(f"## `{layer}.{name}` {{ #{name} }}\n\n{text(entry['description'])}\n\n{columns(entry)}\n{place}\n")
    for name, entry in by_hooks.items():
        parts.append(f"## `{layer}.{name}` {{ #{name} }}\n\n{text(entry['description'])}\n\n{columns(entry)}")
    return "\n".join(parts)


def _grain(entry: dict[str, Any]) -> str:
    """`user × product` of `Grain: user × product. What …`."""
    return re.split(r"[.:;](?:\s|$)", entry["description"].removeprefix("Grain: ").strip())[0]


def _after_grain(entry: dict[str, Any]) -> str:
    """The description without its grain."""
    return re.split(r"[.:;](?:\s+|$)", entry["description"].removeprefix("Grain: ").strip(), maxsplit=1)[-1]


def _question(entry: dict[str, Any]) -> str:
    """The first question of a description, empty where it asks none."""
    sentences = re.split(r"(?<=[.?])\s+", entry["description"])
    return next((sentence for sentence in sentences if sentence.endswith("?")), "")


def _grain_and_question(entry: dict[str, Any]) -> str:
    return f"{text(_grain(entry))}<br>*{text(_question(entry))}*".removesuffix("<br>**")


def contract_page() -> str:
    """The source contract: what a shop brings."""
    file = PROJECT / "models" / "staging" / "shop.yml"
    tables = tables_of(file)
    parts = [
        "# Source contract\n",
        "What a shop brings, in schema `shop` or wherever the vars `shop_database`, `shop_schema`, `shop_identifiers` and "
        "`shop_columns` say. A table that is not required may be missing; so may a column that is not required. A column that is "
        "`protected` never feeds a price; one that is `personal` is read by exports alone; one that is `audited` joins the "
        "fairness audit. Columns of a shop's own travel along when their names begin with `x_`. A row that breaks the contract "
        "stands in [`audits.rejected_rows`](audits.md#rejected_rows) with its reason.\n",
        generated_from(file),
        table(
            ["Table", "Required", "What it is"],
            (
                [f"[{code(name)}](#{name})", "yes" if _is_required(entry) else "", text(entry["description"])]
                for name, entry in tables.items()
            ),
        ),
    ]
    for name, entry in tables.items():
        need = "Required." if _is_required(entry) else "Optional."
        parts.append(f"## `{name}` {{ #{name} }}\n\n{need} {text(entry['description'])}\n\n{columns(entry)}")
    return "\n".join(parts)


def _is_required(entry: dict[str, Any]) -> bool:
    return bool(entry["config"]["meta"]["required"])


def policies_page() -> str:
    """Every policy file with its columns."""
    seeds = entries("seeds")
    parts = [
        "# Policies\n",
        "CSV files in `dbt_project/seeds/`. Change a row, then `promo build`. A policy that contradicts itself stops the build "
        "with a sentence that names file and row; all of them stand in [`audits.policy_faults`](audits.md#policy_faults).\n",
        generated_from(PROJECT / "seeds"),
        table(
            ["File", "One row a", "What it decides"],
            (
                [f"[{code(name + '.csv')}](#{name})", text(_grain(entry)), text(_after_grain(entry))]
                for name, (_, entry) in seeds.items()
            ),
        ),
    ]
    for name, (_, entry) in seeds.items():
        types = (entry.get("config") or {}).get("column_types") or {}
        parts.append(f"## `{name}.csv` {{ #{name} }}\n\n{text(entry['description'])}\n\n{columns(entry, types)}")
        if name == "policy_values":
            parts.append("The values as shipped:\n\n" + _policy_values())
    return "\n".join(parts)


def _policy_values() -> str:
    import csv

    with (PROJECT / "seeds" / "policy_values.csv").open(newline="") as file:
        headings, *rows = csv.reader(file)
    return table([text(heading) for heading in headings], ([code(row[0]), *(text(cell) for cell in row[1:])] for row in rows))


def pages() -> dict[str, str]:
    """The pages of tables by path."""
    return {
        "reference/contract.md": contract_page(),
        "reference/policies.md": policies_page(),
        **{f"reference/{layer}.md": layer_page(layer) for layer in LAYERS},
    }
