"""Options that verbs share: the same name, the same short flag and the same meaning everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from promo_cli.paths import DEFAULT_DATABASE


def path_told(text: str | Path) -> Path:
    """A path. Empty, as from a script's variable that is unset, it would be the working directory, which nobody means."""
    if not str(text):
        raise typer.BadParameter("it is empty; name a path, . for the working directory")
    return Path(text)


ExampleAddresses = Annotated[
    bool,
    typer.Option(
        "--example-addresses",
        help="Give each household, of which the data know no e-mail address, one under example.com, which nobody receives, so "
        "that files for Klaviyo and the like can be tried.",
    ),
]
Database = Annotated[
    Path | None,
    typer.Option(
        "--database", metavar="PATH", parser=path_told, help=f"Working database [default: $OFFERHOUSE_DB or {DEFAULT_DATABASE}]."
    ),
]
ModelsFolder = Annotated[
    Path | None,
    typer.Option(
        "--models-folder",
        metavar="DIR",
        parser=path_told,
        help="Folder of the models and registry.json [default: $OFFERHOUSE_MODELS or the shipped one].",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Neither progress nor notes; result and errors are still told.")]
AsJson = Annotated[bool, typer.Option("--json", help="The result as one JSON document on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and change nothing.")]
Wait = Annotated[
    float,
    typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for another who writes the database."),
]
Exports = Annotated[
    list[Path] | None,
    typer.Option(
        "--exports",
        metavar="DIR",
        parser=path_told,
        help="Another folder of campaign files; ./exports and those of earlier exports are known.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="NUMBER", help="Equal inputs and seed give equal results.")]
