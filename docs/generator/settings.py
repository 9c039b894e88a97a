"""Reference of what is set from outside: exit codes, environment variables, vars of the dbt project."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from generator.markdown import PROJECT, ROOT, code, generated_from, table, text
from promo_cli import errors

ENVIRONMENT = ROOT / "docs" / "environment.yml"


def exit_codes() -> dict[str, str]:
    """Meaning by exit code, from the docstring that defines them."""
    return dict(re.findall(r"^ {4}(\d)  (.+)$", errors.__doc__ or "", re.MULTILINE))


def environment() -> dict[str, dict[str, str]]:
    """What each environment variable means and its default, by name."""
    return yaml.safe_load(ENVIRONMENT.read_text())  # type: ignore[no-any-return]


def variables_read() -> set[str]:
    """The environment variables that the project's own code names."""
    sources = [ROOT / "profiles.yml"]
    for folder in ("promo_cli", "udfs", "models_onnx", "dbt_project/macros", "dbt_project/models"):
        sources += [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".sql", ".yml")]
    return {name for path in sources for name in re.findall(r"OFFERHOUSE_[A-Z_]+", path.read_text())}


def dbt_vars() -> Iterator[tuple[str, Any, str]]:
    """Name, value and comment of each var of dbt_project.yml; a comment speaks of the vars below it, up to a blank line."""
    file = PROJECT / "dbt_project.yml"
    values = yaml.safe_load(file.read_text())["vars"]
    block, before = file.read_text().split("\nvars:\n")[1].split("\nmodels:\n")[0], ""
    in_comment = False
    for line in block.splitlines():
        if not line.strip():
            before, in_comment = "", False
        elif line.startswith("  #"):
            before = f"{before} {line.strip('# ')}" if in_comment else line.strip("# ")
            in_comment = True
        elif found := re.match(r"  (\w+):[^#]*(?:#\s*(.*))?", line):
            in_comment = False
            yield found[1], values[found[1]], " ".join(words for words in (found[2] or "", before) if words)


def settings_page() -> str:
    """Exit codes, environment, vars."""
    parts = [
        "# Exit codes and settings\n",
        generated_from(Path(inspect.getsourcefile(errors) or ""), ENVIRONMENT, PROJECT / "dbt_project.yml"),
        "## Exit codes {#exit-codes}\n",
        table(["Code", "Meaning"], ([code(number), text(meaning)] for number, meaning in exit_codes().items())),
        "An error is one line on stderr: what is wrong, where, and what to do. `promo --debug VERB …` shows the traceback, "
        "`promo --log-format json VERB …` one JSON object a line.\n",
        "Whoever reads standard output may leave early, as `promo sql … | head -1` does: a verb that still had something to tell "
        f"then ends with {code(str(errors.READER_GONE))}, as programs in a pipe do. Stopped by Ctrl-C it ends with "
        f"{code(str(errors.INTERRUPTED))} and by SIGTERM with {code(str(errors.TERMINATED))}; nothing is left half-written.\n",
        "## Environment variables {#environment}\n",
        table(
            ["Variable", "Default", "Meaning"],
            ([code(name), text(told["default"]), text(told["meaning"])] for name, told in environment().items()),
        ),
        "## Vars of the dbt project {#vars}\n",
        "In `dbt_project/dbt_project.yml`, or `--vars` of a plain `dbt build`. Models were trained on the lists of features: "
        "a changed list asks for a new training.\n",
        table(["Var", "As shipped", "Meaning"], ([code(name), _value(value), text(said)] for name, value, said in dbt_vars())),
    ]
    return "\n".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, list | dict) and len(value) > 4:
        return f"{len(value)} entries"
    if isinstance(value, dict) and value:
        return ", ".join(f"{code(name)}: {len(entries)} entries" for name, entries in value.items())
    return code("null" if value is None else str(value).lower() if isinstance(value, bool) else value)


def pages() -> dict[str, str]:
    """The page of settings by path."""
    return {"reference/settings.md": settings_page()}
