"""Options that verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from promo_cli.paths import DEFAULT_DATABASE

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
    typer.Option("--database", metavar="PATH", help=f"Working database [default: $OFFERHOUSE_DB or {DEFAULT_DATABASE}]."),
]
