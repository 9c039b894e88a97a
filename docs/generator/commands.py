"""Reference of the command line: every verb with its arguments, options and example, from the commands themselves."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from generator.markdown import ROOT, code, generated_from, table, text
from promo_cli.main import app

Command = Any
"""A command of Click; Typer may carry a copy of Click of its own, so its classes are not named."""


def commands() -> Iterator[tuple[str, Command]]:
    """Every command with what is typed for it after `promo`, in the order of `promo --help`; groups before their members."""

    def below(name: str, command: Command) -> Iterator[tuple[str, Command]]:
        if name:
            yield name, command
        for member, inner in getattr(command, "commands", {}).items():
            yield from below(f"{name} {member}".strip(), inner)

    yield from below("", get_command(app))


def is_group(command: Command) -> bool:
    """Whether other commands stand below it."""
    return hasattr(command, "commands")


def is_argument(parameter: Any) -> bool:
    """Whether it is given by its place and not by a name."""
    return parameter.param_type_name == "argument"


def commands_page() -> str:
    """Every verb."""
    known = list(commands())
    root = get_command(app)
    parts = [
        "# Commands\n",
        f"{text(root.help)} `promo VERB --help` says the same in the terminal.\n",
        generated_from(ROOT / "promo_cli" / "main.py"),
        table(
            ["Command", "What it does"],
            ([f"[{code('promo ' + name)}](#{_anchor(name)})", text(_first_sentence(command))] for name, command in known),
        ),
        "## Before the verb\n",
        _parameters(root, options=True),
    ]
    for name, command in known:
        parts.append(f"## `promo {name}` {{ #{_anchor(name)} }}\n")
        parts += [text(paragraph) + "\n" for paragraph in (command.help or command.short_help or "").split("\n\n")]
        parts += [_parameters(command, options=False), _parameters(command, options=True)]
        if command.epilog and "Example: " in command.epilog:
            parts.append(f"```bash\n{command.epilog.partition('Example: ')[2]}\n```\n")
    return "\n".join(part for part in parts if part)


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _first_sentence(command: Command) -> str:
    words = " ".join((command.help or command.short_help or "").split("\n\n")[0].split())
    return words[:1].upper() + words[1:]


def _parameters(command: Command, options: bool) -> str:
    """A table of the options, or of the arguments, in the words of the help page."""
    context = command.context_class(command, resilient_parsing=True)
    told = [parameter.get_help_record(context) for parameter in command.params if is_argument(parameter) != options]
    return table(
        ["Option" if options else "Argument", "Meaning"], ([code(names), text(words)] for names, words in filter(None, told))
    )


def pages() -> dict[str, str]:
    """The page of commands by path."""
    return {"reference/commands.md": commands_page()}
