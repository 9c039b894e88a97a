"""The source contract stands in models/staging/shop.yml; models, macros and descriptions keep to it."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from rendered_sql import PROJECT, SETTINGS, Renderer, model_files, read_contract

CONTRACT = read_contract()
MODELS = {path.stem: path for path in model_files()}
SEEDS = {path.stem: path for path in (PROJECT / "seeds").glob("*.csv")}


def documented(kind: str) -> dict[str, dict[str, Any]]:
    """Entries of all YAML files under `models` or `seeds`, by name."""
    entries = {}
    for file in sorted((PROJECT / kind).rglob("*.yml")):
        for entry in yaml.safe_load(file.read_text()).get(kind, []):
            assert entry["name"] not in entries, f"{file}: {entry['name']} is described twice"
            entries[entry["name"]] = entry
    return entries


DOCUMENTED = documented("models")


def columns_of(entry: dict[str, Any]) -> dict[str, str]:
    """Type of each column, by name."""
    return {column["name"]: column.get("data_type", "") for column in entry.get("columns", [])}


def data_tests_of(entry: dict[str, Any]) -> list[Any]:
    of_columns = [test for column in entry["columns"] for test in column.get("data_tests", [])]
    return [*entry.get("data_tests", []), *of_columns]


def undescribed(entry: dict[str, Any]) -> Iterator[str]:
    if not entry.get("description", "").startswith("Grain: "):
        yield "its description doesn't begin with 'Grain: '"
    if not entry.get("columns"):
        yield "no column is described"
    for column in entry.get("columns", []):
        if not column.get("description", "").strip():
            yield f"column {column['name']} has no description"


def test_shop_tables_are_the_contract() -> None:
    """refs need literal names at parse time, so the macro repeats tables and keys."""
    tables = Renderer(SETTINGS[0]).macro("shop_tables")
    assert list(tables) == list(CONTRACT)
    for name, keys in tables.items():
        columns = CONTRACT[name]["columns"]
        of_contract = [column for column, entry in columns.items() if entry["config"]["meta"].get("key")]
        assert keys == of_contract, f"macros/staging/shop_tables.sql and shop.yml name different keys of {name}"


@pytest.mark.parametrize("table", CONTRACT)
def test_contract_table_is_described(table: str) -> None:
    described = {**CONTRACT[table], "columns": list(CONTRACT[table]["columns"].values())}
    assert not list(undescribed(described))
    meta = CONTRACT[table]["config"]["meta"]
    assert isinstance(meta["required"], bool)
    for name, column in CONTRACT[table]["columns"].items():
        assert column.get("data_type"), f"shop.yml: {table}.{name} has no data_type"
        assert set(column["config"]["meta"]) <= {"key", "required", "protected", "audited", "personal"}


@pytest.mark.parametrize("stage", ["base", "checked", "stg"])
@pytest.mark.parametrize("table", CONTRACT)
def test_contract_table_has_its_models(table: str, stage: str) -> None:
    model = f"{stage}_{table}"
    assert model in MODELS
    assert MODELS[model].parent.name == table
    described = columns_of(DOCUMENTED[model])
    for name, column in CONTRACT[table]["columns"].items():
        if column["config"]["meta"].get("personal"):
            assert name not in described, f"{model}.{name}: personal columns stand in private.people alone"
            described_people = columns_of(DOCUMENTED["people"])
            assert described_people[name] == column["data_type"], f"people.{name}: its YAML and shop.yml differ in type"
        else:
            assert described.get(name) == column["data_type"], f"{model}.{name}: its YAML and shop.yml differ in type"


@pytest.mark.parametrize("model", MODELS)
def test_model_is_described(model: str) -> None:
    assert model in DOCUMENTED, f"{model} has no entry in any YAML under models/"
    faults = list(undescribed(DOCUMENTED[model]))
    assert not faults, f"{model}: " + "; ".join(faults)


@pytest.mark.parametrize("model", MODELS)
def test_model_is_tested(model: str) -> None:
    assert model in DOCUMENTED, f"{model} has no entry in any YAML under models/"
    entry = DOCUMENTED[model]
    of_columns = [constraint for column in entry["columns"] for constraint in column.get("constraints", [])]
    is_tested = data_tests_of(entry) or entry.get("constraints") or of_columns
    assert is_tested, f"{model} has no data test, and no constraint that a row could break"


def test_every_entry_has_its_model() -> None:
    assert set(DOCUMENTED) <= set(MODELS)


@pytest.mark.parametrize("seed", SEEDS)
def test_seed_is_described(seed: str) -> None:
    entries = documented("seeds")
    assert seed in entries, f"{seed}.csv has no entry in any YAML under seeds/"
    faults = list(undescribed(entries[seed]))
    assert not faults, f"{seed}: " + "; ".join(faults)
    header = SEEDS[seed].read_text().splitlines()[0].split(",")
    assert [column["name"] for column in entries[seed]["columns"]] == header
    assert data_tests_of(entries[seed]), f"{seed} has no data test"
