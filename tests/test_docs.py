"""The documentation: every model, policy, function and verb is in the reference, every command exists, every query runs.

Links and anchors are checked by `mkdocs build --strict` (.ci/run).
"""

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from documentation import PAGES, ROOT, Block, blocks

from promo_cli.paths import published_path

sys.path.append(str(ROOT / "docs"))

from generator import commands, functions, measurements, relations, settings

BLOCKS = [block for page in PAGES for block in blocks(page)]
QUERIES = [block for block in BLOCKS if block.language == "sql"]
PROJECT = ROOT / "dbt_project"
INTERNAL = {"OFFERHOUSE_CHANGES", "OFFERHOUSE_CODE", "OFFERHOUSE_COMMAND", "OFFERHOUSE_PARENT"}
"""Environment variables by which `promo` speaks to the dbt process it starts."""

EMPTY_ON_THE_SMALL_SHOP = (
    "audits.rejected_rows",
    "audits.fairness",
    "promotions.segment_migration",
    "where is_personalised",
)
"""It breaks no rule of the contract, is judged by too few people, was built on one day, and no personal cut pays there."""

VERBS = dict(commands.commands())


def by_place(block: Block) -> str:
    return block.place.replace(", line ", ":")


def shell_lines(text: str) -> list[list[str]]:
    """The words of each command of a shell block, without comments; quoted text may go over lines."""
    found: list[list[str]] = []
    for part in re.split(r"\n(?=\S)", text.replace("\\\n", " ")):
        if words := shlex.split(part, comments=True):
            found.append(words)
    return found


def verb_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that `promo WORDS` runs, and what is given to it; AssertionError where there is none."""
    place = 0
    while place < len(words) and words[place].startswith("-"):  # options before the verb
        place += 2 if words[place] == "--log-format" else 1
    name = words[place] if place < len(words) else ""
    assert name in VERBS, f"promo has no verb {name!r}"
    rest = words[place + 1 :]
    if commands.is_group(VERBS[name]) and rest and f"{name} {rest[0]}" in VERBS:
        name, rest = f"{name} {rest[0]}", rest[1:]
    return VERBS[name], rest


# --- the reference is whole -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    """The generated pages by path."""
    return {
        path: content
        for made in (relations, functions, commands, settings, measurements)
        for path, content in made.pages().items()
    }


def test_every_model_is_on_the_page_of_its_layer(reference: dict[str, str]) -> None:
    models = sorted((PROJECT / "models").rglob("*.sql"))
    assert len(models) > 200
    for model in models:
        layer = model.relative_to(PROJECT / "models").parts[0]
        page = reference[f"reference/{layer}.md"]
        assert f"{{ #{model.stem} }}" in page, f"{model.stem} is missing"
        entry = relations.entries("models")[model.stem][1]
        section = page.split(f"{{ #{model.stem} }}")[1].split("\n## ")[0]
        for column in entry["columns"]:
            assert f"| `{column['name']}` |" in section, f"{model.stem}.{column['name']} is missing"


def test_every_published_relation_is_described(reference: dict[str, str], small_warehouse: Path) -> None:
    with duckdb.connect(str(published_path(small_warehouse)), read_only=True) as connection:
        published = connection.execute(
            "select schema_name, table_name from duckdb_tables() union all "
            "select schema_name, view_name from duckdb_views() where not internal"
        ).fetchall()
    assert len(published) > 200
    for schema, relation in published:
        page = reference["reference/policies.md" if schema == "policies" else f"reference/{schema}.md"]
        assert f"{{ #{relation} }}" in page, f"{schema}.{relation} is in the published file and on no page"


def test_every_table_and_column_of_the_contract_is_described(reference: dict[str, str]) -> None:
    page = reference["reference/contract.md"]
    contract = yaml.safe_load((PROJECT / "models" / "staging" / "shop.yml").read_text())["sources"][0]["tables"]
    for table in contract:
        section = page.split(f"{{ #{table['name']} }}")[1].split("\n## ")[0]
        assert ("Required." in section) == table["config"]["meta"]["required"]
        for column in table["columns"]:
            assert f"| `{column['name']}` | {column['data_type'].replace('[', chr(92) + '[')}" in section, column["name"]


def test_every_policy_is_described(reference: dict[str, str]) -> None:
    seeds = {path.stem for path in (PROJECT / "seeds").glob("*.csv")}
    assert seeds
    for seed in seeds:
        assert f"## `{seed}.csv` {{ #{seed} }}" in reference["reference/policies.md"], seed
    values = (PROJECT / "seeds" / "policy_values.csv").read_text().splitlines()[1:]
    for line in values:
        assert f"| `{line.split(',')[0]}` |" in reference["reference/policies.md"]


def test_every_function_is_described(reference: dict[str, str]) -> None:
    registered = functions.signatures()
    assert {"purchase_intent", "interest_reasons", "pseudonym", "registered_models"} <= set(registered)
    for name, (arguments, _) in registered.items():
        assert f"`{name}({', '.join(arguments)})`" in reference["reference/functions.md"], name
    linear = reference["reference/functions.md"].split("Model `interest_linear`")[1].split("\n")[0]
    assert "sigmoid(W . (u \\* p) + b)" in linear, "the formula of the linear interest is not told"


def test_every_verb_and_option_is_described(reference: dict[str, str]) -> None:
    page = reference["reference/commands.md"]
    assert {"build", "export", "models promote", "load files"} <= set(VERBS)
    for name, command in VERBS.items():
        section = page.split(f"## `promo {name}` {{")[1].split("\n## ")[0]
        for parameter in command.params:
            words = (parameter.metavar or parameter.name.upper()) if commands.is_argument(parameter) else parameter.opts[-1]
            assert words in section, f"promo {name}: {words} is missing"


def test_exit_codes_and_settings_are_described(reference: dict[str, str]) -> None:
    page = reference["reference/settings.md"]
    assert list(settings.exit_codes()) == ["0", "1", "2", "3", "4"]
    assert settings.variables_read() - INTERNAL == set(settings.environment()) - {"NO_COLOR"}, (
        "docs/environment.yml has to describe the environment variables that the code reads, and no other"
    )
    shipped = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    told = {name: words for name, _, words in settings.dbt_vars()}
    assert set(told) == set(shipped)
    assert "pseudonyms" in told["privacy"]
    assert "opt-in" not in told["as_of_date"]
    for name in [*shipped, *settings.environment()]:
        assert f"| `{name}` |" in page


def test_figures_are_those_of_the_benchmarks(reference: dict[str, str]) -> None:
    figures = [line for line in (ROOT / "benchmarks" / "README.md").read_text().splitlines() if line.startswith("| ")]
    assert len(figures) > 5
    assert all(line in reference["explanation/scale.md"] for line in figures)


def test_every_example_is_shown_on_a_page() -> None:
    """A snippet's mark that is written in any other way stands on the page as it is, and MkDocs finds nothing wrong with it."""
    lines = [(page.name, line.strip()) for page in PAGES for line in page.read_text().splitlines()]
    marks = {(page, line): re.fullmatch(r'--8<-- "(.+)"', line) for page, line in lines if re.match(r"[-\s]*8\s*<", line)}
    broken = [place for place, mark in marks.items() if mark is None]
    assert not broken
    shown = {mark[1] for mark in marks.values() if mark}
    assert shown == {str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "examples").iterdir() if path.is_file()}


# --- commands and queries of the pages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "bash"], ids=by_place)
def test_commands_are_called_as_they_can_be(block: Block) -> None:
    for words in shell_lines(block.text):
        if words[0] != "promo":
            continue
        command, given = verb_of(words[1:])
        try:
            command.make_context("promo", given)
        except Exception as error:  # Typer may bring a copy of Click, whose errors are classes of their own
            pytest.fail(f"{block.place}: {' '.join(words)}: {getattr(error, 'message', error)}")


def test_keys_in_commands_are_keys() -> None:
    pyrage = pytest.importorskip("pyrage")
    for block in BLOCKS:
        for key in re.findall(r"\bage1\w+", block.text) if block.language == "bash" else []:
            try:
                pyrage.x25519.Recipient.from_str(key)
            except pyrage.RecipientError as error:
                pytest.fail(f"{block.place}: promo takes no such key: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "docs")))
def test_commands_in_sentences_exist(page: Path) -> None:
    prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.M | re.S)
    for told in re.findall(r"`promo ([^`]+)`", prose):
        if told.split()[0].isupper():  # promo VERB
            continue
        command, given = verb_of([word for word in told.split() if not re.fullmatch(r"[A-Z]+|…", word)])
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
        for word in given:
            assert not word.startswith("-") or word in known, f"{page.name}: promo {told}: no option {word}"


@pytest.mark.parametrize("block", QUERIES, ids=by_place)
def test_queries_run_on_the_published_file(block: Block, small_warehouse: Path) -> None:
    with duckdb.connect(str(published_path(small_warehouse)), read_only=True) as connection:
        rows = connection.execute(block.text).fetchall()
    assert rows or any(relation in block.text for relation in EMPTY_ON_THE_SMALL_SHOP), f"{block.place}: no rows"


def test_commands_that_are_none_are_found() -> None:
    with pytest.raises(AssertionError, match="no verb 'exprot'"):
        verb_of(["exprot", "welcome"])
    command, given = verb_of(["export", "welcome", "--tp", "klaviyo"])
    with pytest.raises(Exception, match="--tp"):
        command.make_context("promo", given)
