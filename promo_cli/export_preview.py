"""`promo export --dry-run`: the file that would be written, and who would be in it."""

import json
from pathlib import Path
from typing import Any

import typer

from promo_cli.campaign_audience import find_audience
from promo_cli.campaign_columns import COLUMNS
from promo_cli.campaign_formats import FileFormat
from promo_cli.destination_export import nobody_left
from promo_cli.destinations import Destination
from promo_cli.destinations.people import count_people
from promo_cli.destinations.registry import DESTINATIONS
from promo_cli.private_files import file_stem
from promo_cli.sealed_files import Recipients
from promo_cli.warehouse_reader import open_for_export


def foretell(
    database: Path, campaign: str, to: Destination | None, file_format: FileFormat, output: Path, recipients: Recipients
) -> dict[str, Any]:
    """What an export would write: path (of its first part), whether a file of that name is there, people and columns.

    Raises PromoError as the export does where the campaign is unknown or nobody is left in it; writes nothing.
    """
    accepted = None if to is None else DESTINATIONS[to]
    with open_for_export(database) as connection:
        audience = find_audience(connection, campaign, accepted is not None and accepted.needs_ads)
        if accepted is None:
            columns, people, left_out = list(COLUMNS), audience.staying, {}
        else:
            found = count_people(connection, accepted)
            columns = list(accepted.columns if found.with_email else accepted.columns_without_email or accepted.columns)
            people = found.rows
            if not people:
                raise nobody_left(audience, found, accepted)
            left_out = {"unreachable": found.unreachable, "bad_ids": found.bad_ids, "duplicates": found.duplicates}
    ending = str(file_format) if to is None else f"{to}.csv"
    path = output / f"{file_stem(audience.campaign_id, audience.as_of_date)}.{ending}{recipients.ending}"
    left_out |= {"withdrawn": audience.withdrawn, "held_out": audience.held_out}
    if accepted is not None and accepted.needs_ads:
        left_out["without_ads_consent"] = audience.without_ads_consent
    return {
        "path": str(path),
        "replaces": path.is_file(),
        "campaign_id": audience.campaign_id,
        "as_of_date": audience.as_of_date.isoformat(),
        "rows": people,
        "columns": columns,
        "left_out": left_out,
    }


def print_foretold(
    database: Path,
    campaign: str,
    to: Destination | None,
    file_format: FileFormat,
    output: Path,
    recipients: Recipients,
    as_json: bool,
) -> None:
    """Print what `foretell` finds, for people or (`as_json`) for machines."""
    told = foretell(database, campaign, to, file_format, output, recipients)
    if as_json:
        typer.echo(json.dumps(told))
        return
    left_out = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in told["left_out"].items() if count)
    typer.echo(f"Would write {told['rows']:,} rows of {len(told['columns'])} columns: {told['path']}")
    if told["replaces"]:
        typer.echo("It would replace the file of that name.")
    typer.echo(f"Left out: {left_out or 'nobody'}")
