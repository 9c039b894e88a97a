"""`promo export --to`: a campaign's people as the files that an advertising or mailing tool takes."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promo_cli.campaign_audience import Audience, find_audience
from promo_cli.destinations import Destination
from promo_cli.destinations.accepted import Accepted
from promo_cli.destinations.parts import Part, outdated_parts, part_names, write_parts
from promo_cli.destinations.people import People, count_people, header_line, read_lines
from promo_cli.destinations.registry import DESTINATIONS
from promo_cli.errors import DATA_FAULT, PromoError, shown
from promo_cli.exported_files import remember_folder
from promo_cli.private_files import file_stem, prepare_folder, put_in_place, refuse_odd_target, unfinished_file
from promo_cli.provenance import versions
from promo_cli.sealed_files import Recipients, settle
from promo_cli.warehouse_reader import open_for_export

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class DestinationExport:
    """A campaign's files for one destination, in order, and their manifest."""

    paths: tuple[Path, ...]
    manifest_path: Path
    manifest: dict[str, Any]


def export_to(
    database: Path, campaign_id: str, destination: Destination, output: Path, recipients: Recipients | None = None
) -> DestinationExport:
    """Writes `<campaign>_<as-of date>.<destination>.csv`, in numbered parts if need be, and `….manifest.json` to `output`.

    Encrypted to `recipients`, the names of the files end in .age. Files of an earlier export stay as they are until the new ones
    are whole; parts it had more, and plain ones of encrypted files, are then removed. Raises PromoError when there is no built
    database, the campaign is unknown, or nobody is left who can be reached (exit code 1), the database is locked or `output`
    can't be written or is a symbolic link (exit code 3); OSError when the disk is full.
    """
    accepted, recipients = DESTINATIONS[destination], recipients or Recipients()
    with open_for_export(database) as connection, ExitStack() as unfinished:
        audience = find_audience(connection, campaign_id, accepted.needs_ads)
        people = count_people(connection, accepted)
        if not people.rows:
            raise nobody_left(audience, people, accepted)
        columns = accepted.columns if people.with_email else accepted.columns_without_email or accepted.columns
        stem = f"{file_stem(audience.campaign_id, audience.as_of_date)}.{destination}"
        manifest_path = output / f"{stem}.csv.manifest.json"
        prepare_folder(output)
        refuse_odd_target(manifest_path)
        remember_folder(database, output)  # before there is anything in it
        parts = write_parts(
            header_line(columns),
            read_lines(connection, accepted, columns),
            accepted.largest_file,
            lambda: unfinished.enter_context(recipients.sealing(unfinished.enter_context(unfinished_file(output)))),
        )
        for part in parts:
            settle(part)
        names = [f"{name}{recipients.ending}" for name in part_names(stem, len(parts))]
        paths = tuple(output / name for name in names)
        outdated = outdated_parts(output, stem, names)
        for path in (*paths, *outdated):
            refuse_odd_target(path)
        manifest = _manifest(connection, audience, destination, columns, people, dict(zip(names, parts, strict=True)))
        manifest |= recipients.told()
        manifest_file = unfinished.enter_context(unfinished_file(output))
        manifest_file.write(json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
        files = {path: part.file for path, part in zip(paths, parts, strict=True)}
        put_in_place(files | {manifest_path: manifest_file}, outdated)
    return DestinationExport(paths, manifest_path, manifest)


def notes(done: DestinationExport) -> Iterator[str]:
    """What people should know of the files: numbers alone, nothing personal."""
    since, left_out, unusable = (done.manifest[name] for name in ("left_out_since_build", "left_out", "unusable"))
    if any(since.values()):
        ads = f", {since['without_ads_consent']:,} have not agreed to ads" if "without_ads_consent" in since else ""
        yield (
            f"left out since the build: {since['withdrawn']:,} have withdrawn consent, "
            f"{since['held_out']:,} are in the control group{ads}"
        )
    if left_out["unreachable"]:
        yield f"left out: {left_out['unreachable']:,} can't be reached, without a usable e-mail address or phone number"
    if left_out["bad_ids"]:
        yield f"left out: {left_out['bad_ids']:,} have a user id that a spreadsheet would run as a formula"
    if left_out["duplicates"]:
        yield f"left out: {left_out['duplicates']:,} are in the file already, by the same e-mail address or phone number"
    if any(unusable.values()):
        yield f"unusable and left out: {unusable['emails']:,} e-mail addresses, {unusable['phones']:,} phone numbers"


def warnings(done: DestinationExport, destination: Destination) -> Iterator[str]:
    """What may make the files useless."""
    accepted, rows = DESTINATIONS[destination], done.manifest["rows"]
    if rows < accepted.fewest_people:
        yield f"{accepted.title} advises against lists of fewer than {accepted.fewest_people:,} people; this one has {rows:,}"


def _manifest(
    connection: "duckdb.DuckDBPyConnection",
    audience: Audience,
    destination: Destination,
    columns: dict[str, str],
    people: People,
    parts: dict[str, Part],
) -> dict[str, Any]:
    """What is in the files and what decided it; nothing that differs from run to run, and nothing personal."""
    ads = {"without_ads_consent": audience.without_ads_consent} if DESTINATIONS[destination].needs_ads else {}
    return {
        "campaign_id": audience.campaign_id,
        "campaign_name": audience.campaign_name,
        "as_of_date": audience.as_of_date.isoformat(),
        "destination": str(destination),
        "columns": list(columns),
        "rows": sum(part.rows for part in parts.values()),
        "files": [
            {"file": name, "rows": part.rows, "bytes": part.size, "sha256": part.hasher.hexdigest()}
            for name, part in parts.items()
        ],
        "left_out_since_build": {"withdrawn": audience.withdrawn, "held_out": audience.held_out} | ads,
        "left_out": {"unreachable": people.unreachable, "bad_ids": people.bad_ids, "duplicates": people.duplicates},
        "unusable": {"emails": people.bad_emails, "phones": people.bad_phones},
        **versions(connection),
    }


def nobody_left(audience: Audience, people: People, accepted: Accepted) -> PromoError:
    """The error of a campaign that the tool can't reach anybody of."""
    bad_ids = f", {people.bad_ids:,} have a user id that would run as a formula" if people.bad_ids else ""
    has_none = people.unreachable and not people.bad_emails + people.bad_phones
    what_to_do = "; bring email or phone in the table users (the demo: promo demo --example-addresses)" if has_none else ""
    return PromoError(
        f"campaign {shown(audience.campaign_id)}: nobody can be reached with {accepted.title} ({people.unreachable:,} have no "
        f"usable e-mail address or phone number{bad_ids}); nothing was written{what_to_do}",
        DATA_FAULT,
    )
