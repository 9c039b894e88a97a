"""What every verb of `promo` keeps to: an example that runs, options of one spelling, JSON for machines, manners in a pipe."""

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from small_shop import SECRET
from typer.main import get_command

from promo_cli import dbt_runner, demo_report, errors, train
from promo_cli.command_line import PANELS
from promo_cli.main import app
from promo_cli.tables import columns, facts

Promo = Callable[..., tuple[int, str, str]]

WRITES = {
    "init",
    "load complete-journey",
    "load files",
    "load mapped",
    "load simulated",
    "build",
    "publish",
    "train",
    "export",
    "models promote",
    "models rollback",
    "erase",
}
"""Verbs with --dry-run. These write, too, and have none: `demo`, whose three steps have theirs; `audit --scores`, whose sums no
reader sees before the next build; `subject-access --output`, which without --output prints what it would write; `report`, which
writes one page that nothing reads."""

SILENT = {"status", "subject-access", "models list", "models promote", "models rollback"}
"""Verbs without --quiet: all that they tell is their result."""

SHARED = {"--database", "--models-folder", "--json", "--quiet", "--dry-run", "--wait", "--exports", "--seed"}
"""Options that mean the same in all verbs, and say it in the same words."""


def leaves() -> Iterator[tuple[str, Any]]:
    """`load files` and its like: every verb that does something, with its command."""
    root = get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {child}", found) for child, found in inner.items())


VERBS = dict(leaves())


def options_of(command: Any) -> dict[str, Any]:
    """Options by their long name."""
    return {name: option for option in command.params for name in option.opts if name.startswith("--")}


def test_the_help_lists_verbs_in_the_order_of_a_working_day(promo: Promo) -> None:
    code, out, _ = promo("--help")
    order = [name for names in PANELS.values() for name in names]
    told = [found for line in out.splitlines() for found in re.findall("^  ([a-z-]+) ", line) if found in order]
    assert code == 0
    assert told == [name for name in order if name in told]
    assert set(told) == {verb.split()[0] for verb in VERBS}  # a new verb has its place in PANELS


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_an_example_that_can_be_called(verb: str) -> None:
    command = VERBS[verb]
    head, _, example = (command.epilog or "").partition("Example: ")
    words = shlex.split(example)
    assert (head, words[: 1 + len(verb.split())]) == ("", ["promo", *verb.split()])
    command.make_context(verb, words[1 + len(verb.split()) :])  # raises when it can't


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_the_shared_options(verb: str) -> None:
    options = options_of(VERBS[verb])
    assert "--json" in options
    assert ("--dry-run" in options) == (verb in WRITES)
    assert ("--quiet" in options) == (verb not in SILENT)
    assert all(option.help for option in options.values())
    assert VERBS[verb].help or VERBS[verb].short_help


def test_an_option_is_spelt_one_way_and_means_one_thing() -> None:
    flags: dict[str, set[tuple[str, ...]]] = {}
    words: dict[str, set[str]] = {}
    shorts: dict[str, set[str]] = {}
    for command in VERBS.values():
        for name, option in options_of(command).items():
            flags.setdefault(name, set()).add(tuple(sorted(option.opts)))
            words.setdefault(name, set()).add(option.help)
            for short in set(option.opts) - {name}:
                shorts.setdefault(short, set()).add(name)
    assert {name: found for name, found in flags.items() if len(found) > 1} == {}
    assert {short: found for short, found in shorts.items() if len(found) > 1} == {}
    assert {name: found for name, found in words.items() if name in SHARED and len(found) > 1} == {}


PATHS = [
    (verb, name)
    for verb, command in VERBS.items()
    for name, option in options_of(command).items()
    if option.metavar in ("DIR", "FILE", "PATH")
]


@pytest.mark.parametrize(("verb", "option"), PATHS)
def test_no_path_may_be_empty(promo: Promo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, option: str) -> None:
    """`promo train --models-folder "$UNSET"` would begin a registry in the working directory."""
    monkeypatch.chdir(tmp_path)
    code, _, err = promo(*verb.split(), option, "")
    assert (code, "it is empty; name a path" in err, list(tmp_path.iterdir())) == (2, True, [])


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_80_columns_and_says_nothing_twice(promo: Promo, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = promo(*verb.split(), "--help")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if len(line) > 80] == []
    assert out.rstrip().splitlines()[-1].strip()


def test_exit_codes_are_told_by_the_help(promo: Promo) -> None:
    told = " ".join(promo("--help")[1].split())
    defined = re.findall(r"^ {4}(\d)  (.+)$", errors.__doc__ or "", re.MULTILINE)
    used = (0, errors.DATA_FAULT, errors.USAGE_FAULT, errors.ENVIRONMENT_FAULT, errors.BUILD_FAULT)
    assert [int(code) for code, _ in defined] == list(used)
    for code, words in defined:
        assert f"{code} {words}" in told


def test_alone_it_says_what_to_do_next(promo: Promo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFERHOUSE_DB", str(tmp_path / "new.duckdb"))
    code, out, err = promo()
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith("Next: promo demo")
    (tmp_path / "new.duckdb").touch()
    assert promo()[1].splitlines()[-1].startswith("Next: promo build")


@pytest.mark.parametrize(
    "verb", ["build", "publish", "plan", "export x", "explain 1", "trace 1", "audit", "status", "sql x", "erase x -y"]
)
def test_without_a_database_each_says_what_to_do(promo: Promo, tmp_path: Path, verb: str) -> None:
    code, out, err = promo(*verb.split(), "--database", tmp_path / "none.duckdb")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "next: promo demo" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("bild", "promo has no verb bild (did you mean build?)"),
        ("load file", "promo load has no verb file (did you mean files?)"),
        ("models lst", "promo models has no verb lst (did you mean list?)"),
        ("build --as-of-dat 2024-01-01", "there is no option --as-of-dat (did you mean --as-of-date?)"),
        ("export welcome --format cvs", "(did you mean csv?)"),
        ("export welcome --to klavio", "(did you mean klaviyo?)"),
        ("sql 'select 1' --format jsn", "(did you mean json?)"),
        ("build --debug", "--debug stands before the verb: promo --debug build"),
        ("export", "missing argument 'CAMPAIGN'; e.g. promo export welcome"),
        ("models promote purchase_intend 1", "purchase_intend is no model (did you mean purchase_intent?)"),
        ("train purchase_intend", "purchase_intend is no model (did you mean purchase_intent?)"),
        ("evaluate purchase_intend", "purchase_intend is no model (did you mean purchase_intent?)"),
    ],
)
def test_a_typo_is_one_line_with_the_right_spelling(promo: Promo, arguments: str, words: str) -> None:
    code, out, err = promo(*shlex.split(arguments))
    assert code in (1, 2)
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("promo: ")
    assert words in err


@pytest.fixture(scope="module")
def built(small_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the built small shop."""
    folder = tmp_path_factory.mktemp("built")
    database = folder / small_warehouse.name
    shutil.copy(small_warehouse, database)
    shutil.copytree(small_warehouse.parent / "published", folder / "published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFFERHOUSE_SECRET", SECRET)
        yield database


JSON_VERBS = {
    "plan": [],
    "plan weekly_thanks": [],
    "export weekly_thanks": ["--output", "{folder}"],
    "export weekly_thanks --dry-run": ["--output", "{folder}"],
    "explain u1": [],
    "trace {offer}": [],
    "audit": [],
    "status": [],
    "sql 'from promotions.offers limit 3'": [],
    "sql 'from promotions.offers where false'": [],
    "models list": None,
    "models promote purchase_intent {version} --dry-run": None,
    "erase u3 --dry-run": [],
    "subject-access u1": [],
    "publish --dry-run": [],
    "load simulated --users 20 --days 30 --dry-run": [],
}
"""Calls that --json goes with; None: no database."""


@pytest.mark.parametrize("call", JSON_VERBS)
def test_json_is_one_document_and_nothing_else(promo: Promo, built: Path, tmp_path: Path, call: str) -> None:
    with duckdb.connect(str(built.parent / "published" / built.name), read_only=True) as connection:
        (offer,) = connection.execute("select min(offer_id) from promotions.offers").fetchone() or ("",)
    version = json.loads(promo("models", "list", "--json")[1])[0]["version"]
    given = JSON_VERBS[call]
    more = [] if given is None else [*given, "--database", str(built)]
    arguments = [word.format(folder=tmp_path, offer=offer, version=version) for word in [*shlex.split(call), *more]]
    before = {path: path.stat().st_mtime_ns for path in built.parent.rglob("*")}
    verb = call.split()[0]
    quiet = ["--quiet"] if not any(call.startswith(silent) for silent in SILENT) else []
    code, out, err = promo(*arguments, "--json", *quiet)
    assert code == 0, err
    json.loads(out)
    assert err == ""
    code, text, err = promo(*arguments)
    assert code == 0
    assert "\x1b" not in text + err
    assert not (text.lstrip().startswith("{") and verb != "subject-access")  # people get words
    if "--dry-run" in call:
        assert list(tmp_path.iterdir()) == []
        assert {path: path.stat().st_mtime_ns for path in built.parent.rglob("*") if ".lock" not in path.name} == before


def test_a_misspelt_name_in_the_data_is_told(promo: Promo, built: Path) -> None:
    for arguments, words in {
        ("export", "weekly_thank"): "(did you mean weekly_thanks?)",
        ("plan", "weekly_thank"): "(did you mean weekly_thanks?)",
        ("explain", "u1", "--offer", "TEN_OF"): "(did you mean TEN_OFF?)",
        ("explain", "u1", "--product", "p555"): "nearest are: p55",
        ("sql", "from promotions.offer"): "did you mean",
    }.items():
        code, out, err = promo(*arguments, "--database", built)
        assert (code > 0, out, err.count("\n")) == (True, "", 1)
        assert words.lower() in err.lower(), err


def on_a_terminal(arguments: list[str], **environment: str) -> str:
    """What `promo ARGUMENTS` writes to a terminal of 80 columns."""
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    main, side = pty.openpty()
    told = b""
    with subprocess.Popen(
        [sys.executable, "-m", "promo_cli.main", *arguments],
        stdin=side,
        stdout=side,
        stderr=side,
        env=plain | {"TERM": "xterm-256color"} | environment,
    ) as process:
        os.close(side)
        try:
            while part := os.read(main, 65_536):
                told += part
        except OSError:  # its other end is closed
            pass
        assert process.wait() == 0
    os.close(main)
    return told.decode()


def test_a_terminal_gets_progress_and_colours_unless_they_are_not_wanted(shop_folder: Path, tmp_path: Path) -> None:
    load = ["load", "files", str(shop_folder), "--database", str(tmp_path / "a.duckdb")]
    told = on_a_terminal(load)
    assert "\x1b[?25l" in told  # a bar was drawn
    assert "\x1b[3" in told  # in colours
    told = on_a_terminal(load, NO_COLOR="1")
    assert "\x1b[3" not in told
    assert "3 rows" in told
    assert "\x1b" not in on_a_terminal([*load, "--quiet"])


def test_tables_fit_the_width_or_become_lines() -> None:
    rows = [["a", "1,000", "words and more words"], ["b", "2", ""]]
    assert columns(["name", "rows of it", "told"], rows).splitlines() == [
        "name  rows of it  told",
        "a          1,000  words and more words",
        "b              2",
    ]
    assert columns(["name", "rows of it", "told"], rows, width=28).splitlines() == [
        "       rows",
        "name  of it  told",
        "a     1,000  words and more",
        "             words",
        "b         2",
    ]
    assert columns(["name", "rows of it", "told"], rows, width=16) == (
        "name        a\nrows of it  1,000\ntold        words and\n            more words\n\nname        b\nrows of it  2\ntold"
    )
    assert columns(["name", "note"], [["茶", "a"], ["tea", "b"]]) == "name  note\n茶    a\ntea   b"  # two columns to 茶
    assert facts([("a", "b"), ("long", "c")]) == "a     b\nlong  c"


def test_the_demo_tells_what_came_out(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = built.parent / "published" / built.name
    exported = SimpleNamespace(path=Path("exports") / "a.csv", manifest={"campaign_id": "weekly_thanks", "rows": 23})
    demo_report.print_report(published, exported)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert "Campaign file: exports/a.csv (23 people)" in out
    assert re.search(r"^accepted +[\d,]+  Offers are chosen from these\.$", out, re.MULTILINE)
    told = demo_report.read_report(published, "weekly_thanks")
    assert list(told) == list(demo_report.TABLES)
    assert all(told.values())
    json.dumps(told, default=str)


def test_a_load_can_be_foretold(promo: Promo, shop_folder: Path, tmp_path: Path) -> None:
    """Everything is read and checked, faults too; there is no database afterwards."""
    database = tmp_path / "new" / "a.duckdb"
    code, out, err = promo("load", "files", shop_folder, "--dry-run", "--database", database)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"Nothing was loaded; without --dry-run these replace the shop in {database}"
    assert not database.parent.exists()
    (shop_folder / "products.csv").write_text("product_id,category,list_price\nP1,DRINKS,3;50\n")
    code, out, err = promo("load", "files", shop_folder, "--dry-run", "--database", database)
    assert (code, out, err.count("\n")) == (1, "", 1)
    code, _, err = promo("load", "files", shop_folder, "--dry-run", "--database", tmp_path / "shop.duckdb")
    assert (code, "is a schema" in err) == (errors.USAGE_FAULT, True)


@pytest.fixture
def loaded(tmp_path: Path, shop_folder: Path, promo: Promo) -> Path:
    """A database with a shop and no build."""
    database = tmp_path / "loaded" / "a.duckdb"
    assert promo("load", "files", shop_folder, "--database", database)[0] == 0
    return database


def test_a_build_tells_its_result_on_stdout_and_warnings_beside_it(
    promo: Promo, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For people and for machines; what dbt does is made up."""
    made = dbt_runner.DbtResult({"success": 246, "pass": 1_246, "warn": 1}, {}, {"drift": 23})
    monkeypatch.setattr(dbt_runner, "run_dbt", lambda *_, **__: made)
    published = loaded.parent / "published" / loaded.name
    code, out, err = promo("build", "--database", loaded)
    assert (code, err) == (0, "warning: drift: 23 rows; they are: dbt show --select drift\n")
    assert re.fullmatch(rf"Built 246 models and seeds, 1,246 tests passed, in \d+ s: {loaded}\nPublished: {published}\n", out)
    code, out, err = promo("build", "--json", "--quiet", "--database", loaded)
    told = json.loads(out)
    assert (code, err, told.pop("seconds") >= 0) == (0, "", True)
    assert told == {
        "database": str(loaded),
        "published": str(published),
        "models": 246,
        "tests": 1_246,
        "warnings": {"drift": 23},
    }


def test_a_build_can_be_foretold(promo: Promo, loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What dbt lists is made up here; tests/test_wheel.py asks dbt itself."""
    monkeypatch.setattr(dbt_runner, "list_nodes", lambda *_: {"model": 227, "seed": 19, "test": 1_044, "unit_test": 204})
    code, out, err = promo("build", "--dry-run", "--database", loaded)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"Would build 246 models and seeds and run 1,044 tests: {loaded}",
        f"Would publish: {loaded.parent / 'published' / loaded.name}",
        "No build is on record that says how long it takes",
    ]
    assert "run 1,248 tests" in promo("build", "--dry-run", "--unit-tests", "--database", loaded)[1]
    assert promo("build", "--dry-run", "--as-of-date", "soon", "--database", loaded)[0] == errors.USAGE_FAULT


def test_a_training_can_be_foretold(tmp_path: Path, loaded: Path) -> None:
    """It names what serves now and touches nothing."""
    own = tmp_path / "models"
    (line,) = train.foretell([SimpleNamespace(name="topics")], loaded, own)  # type: ignore[list-item]
    assert (line["model"], line["status"], len(line["serves_now"] or "")) == ("topics", "champion", 12)
    assert not own.exists()


def test_a_publication_can_be_foretold(promo: Promo, built: Path) -> None:
    code, out, err = promo("publish", "--dry-run", "--rollback", "--database", built)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "there is no earlier publication" in err
    code, out, _ = promo("publish", "--dry-run", "--database", built)
    assert (code, out.startswith("Would publish: ")) == (0, True)


def test_what_was_never_built_is_not_published(promo: Promo, loaded: Path) -> None:
    code, out, err = promo("publish", "--database", loaded)
    assert (code, out, err) == (1, "", "promo: no build has passed every model and test yet: run promo build\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_names_are_completed(built: Path, shell: str) -> None:
    """Campaigns come from the published database, models from the registry; what can't be read offers nothing."""

    def offered(line: str) -> str:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_TYPER_COMPLETE_ARGS": line}
        asked = {"_PROMO_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        run = subprocess.run(
            [sys.executable, "-m", "promo_cli.main"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | words | asked | {"OFFERHOUSE_DB": str(built)},
        )
        assert run.stderr == ""
        return run.stdout

    assert "weekly_thanks" in offered("promo export week")
    if shell == "bash":
        assert offered("promo models promote churn").split() == ["churn_risk", "churn_risk_56d"]
        assert offered("promo exp").split() == ["export", "explain"]
        assert offered("promo explain u1 --offer TEN").split() == ["TEN_OFF"]
        assert offered("promo export --database /nowhere week").split() == []
