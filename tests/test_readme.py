"""The README's marked commands are commands that exist: .ci/run runs the block `tests`, people run both."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from promo_cli.main import app

README = Path(__file__).resolve().parents[1] / "README.md"
PROGRAMS = {"git", "cd", "python", "python3", ".", "source", "pip", "pytest", "promo", "dbt"}


def commands(name: str) -> list[list[str]]:
    """The words of each command in the fenced block right after <!-- command: name -->."""
    found = re.search(rf"^<!-- command: {name} -->\n```bash\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no fenced bash block right after <!-- command: {name} -->"
    lines = found.group(1).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if shlex.split(line, comments=True)]


@pytest.mark.parametrize("name", ["tests", "demo"])
def test_commands_exist(name: str) -> None:
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    for words in commands(name):
        assert words[0] in PROGRAMS, f"README.md, block {name}: {words[0]} is no program a reader has"
        if words[0] == "promo":
            assert words[1] in verbs, f"README.md, block {name}: promo has no verb {words[1]}"


def test_the_tests_block_installs_and_tests() -> None:
    block = commands("tests")
    assert any(words[0] == "pip" and "install" in words for words in block)
    assert block[-1][0] == "pytest"
