"""Options that verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from promo_cli.paths import DEFAULT_DATABASE

Database = Annotated[
    Path | None,
    typer.Option("--database", metavar="PATH", help=f"Working database [default: $OFFERHOUSE_DB or {DEFAULT_DATABASE}]."),
]
