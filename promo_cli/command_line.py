"""The command line's manners: verbs in the order of a working day, and a wrong call as one line with the right spelling."""

import re
from typing import Any

import typer
from typer.core import TyperGroup

from promo_cli.connectors.near_match import did_you_mean, listed
from promo_cli.errors import USAGE_FAULT, PromoError, shown

PANELS = {
    "Begin": ("demo", "init", "load"),
    "Every day": ("build", "publish", "train", "evaluate", "plan", "export"),
    "Understand": ("explain", "trace", "audit", "report", "status", "sql"),
    "Look after": ("models", "erase", "subject-access", "doctor"),
}
"""Verbs by the part of `promo --help` they stand in, and in its order."""

_SHORT_LIST = 0.5
"""How like a choice has to be to be meant: of four short words `cvs` can mean but one."""

# Typer brings click along in later versions and imports it in earlier ones; this is the one that it raises.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class Verbs(TyperGroup):
    """`promo`, or a verb with verbs of its own."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Raises PromoError (exit code 2) for a verb that there is none, naming the one that was meant."""
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            raise PromoError(
                f"{ctx.command_path} has no verb {shown(args[0])}{did_you_mean(args[0], known)}; it has: {listed(known)}",
                USAGE_FAULT,
            )
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """Those of PANELS in their order, then all others as they were added."""
        order = [name for names in PANELS.values() for name in names]
        return sorted(self.commands, key=lambda name: order.index(name) if name in order else len(order))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Verbs under the headings of PANELS; under one heading where a verb has verbs of its own."""
        names = self.list_commands(ctx)
        panels = {heading: [name for name in names if name in verbs] for heading, verbs in PANELS.items()}
        panels["Verbs"] = [name for name in names if not any(name in verbs for verbs in PANELS.values())]
        for heading, verbs in panels.items():
            if verbs:
                with formatter.section(heading):
                    formatter.write_dl([(name, _first_sentence(self.commands[name])) for name in verbs])


def as_one_line(error: Exception) -> PromoError:
    """A UsageError of the parser as a PromoError (exit code 2): what is wrong, the right spelling, and where the help is."""
    context = getattr(error, "ctx", None)
    message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")  # type: ignore[attr-defined]
    if context is None:
        return PromoError(f"{message[:1].lower()}{message[1:]}", USAGE_FAULT)
    option = getattr(error, "option_name", None)
    if option is not None and message.startswith("No such option"):
        message = _no_such_option(context, option)
    else:
        message = f"{message[:1].lower()}{message[1:]}"
        value, _, choices = message.partition(" is not one of ")
        if choices:
            given = re.findall("'([^']*)'", value)[-1:]
            message += "".join(did_you_mean(name, re.findall("'([^']*)'", choices), _SHORT_LIST) for name in given)
    _, _, example = (context.command.epilog or "").partition("Example: ")
    way_on = f"e.g. {example}" if message.startswith("missing ") and example else f"see {context.command_path} --help"
    return PromoError(f"{message}; {way_on}", USAGE_FAULT)


def _no_such_option(context: Any, option: str) -> str:
    own = _options_of(context)
    if option not in own and option in _options_of(context.find_root()):
        return f"{option} stands before the verb: promo {option} {context.command_path.partition(' ')[2]} …"
    return f"there is no option {shown(option)}{did_you_mean(option, own)}"


def _options_of(context: Any) -> list[str]:
    return [name for parameter in context.command.get_params(context) for name in parameter.opts if name.startswith("--")]


def _first_sentence(command: Any) -> str:
    return command.short_help or re.split(r"(?<=[.;:]) |\n\n", command.help or "")[0].rstrip(".;:")
