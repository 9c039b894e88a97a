"""`promo export`: a campaign's audience as a file for other tools."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from promo_cli.campaign_formats import FORMATS, FileFormat
from promo_cli.completion import campaigns
from promo_cli.console import messages, progress
from promo_cli.destinations import Destination
from promo_cli.errors import USAGE_FAULT, PromoError
from promo_cli.options import AsJson, Database, DryRun, Quiet, path_told
from promo_cli.paths import database_path

if TYPE_CHECKING:
    import duckdb

    from promo_cli.campaign_audience import Audience
    from promo_cli.sealed_files import Recipients

DEFAULT_OUTPUT = Path("exports")


@dataclass(frozen=True)
class Export:
    """A campaign file: where it is, and its manifest."""

    path: Path
    manifest_path: Path
    manifest: dict[str, Any]


def export(
    campaign: Annotated[
        str,
        typer.Argument(metavar="CAMPAIGN", help="A campaign_id, as `promo plan` lists them.", autocompletion=campaigns),
    ],
    to: Annotated[
        Destination | None,
        typer.Option("--to", help="The tool the file is for; it then holds e-mail addresses and phone numbers, hashed or not."),
    ] = None,
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="Kind of a file that is for no tool of --to [default: csv].")
    ] = None,
    encrypt_to: Annotated[
        list[str] | None,
        typer.Option(
            "--encrypt-to",
            metavar="KEY",
            help="Encrypt for who has the secret key: age1…, ssh-ed25519 …, or a file of such keys.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", parser=path_told, help="Folder of the file; made, for you alone, if need be."
        ),
    ] = DEFAULT_OUTPUT,
    database: Database = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Write a campaign's audience, with its offers and reasons, to a file that other tools read.

    Left out are the control group and who has withdrawn consent, even since the build. The file holds the shop's own user
    ids, no e-mail address and no phone number; only you may read it. It is UTF-8 with LF line ends, and times are UTC. In CSV,
    text that a spreadsheet would run as a formula begins with a single quote. The manifest beside the file tells its
    rows, SHA-256, model and policy versions. The same data give the same bytes.

    With --to it is the CSV that Google Customer Match, Meta custom audiences, Klaviyo or Braze take. google and meta get
    SHA-256 hashes, and nobody who has not agreed to ads; klaviyo and braze get addresses and numbers as they are. Who has
    no usable e-mail address and no usable phone number is left out. What is too large for the tool comes in parts.

    With --encrypt-to, which may be repeated, the file ends in .age and is never on disk in plain; `age -d` decrypts it. A plain
    file of an earlier export of the same name goes. Encryption gives other bytes every time.
    """
    from promo_cli.sealed_files import Recipients
    from promo_cli.warehouse_reader import tell_if_unpublished

    recipients = Recipients(encrypt_to or ())
    if to is not None and file_format is not None:
        raise PromoError(f"--to {to} has a format of its own; leave out --format", USAGE_FAULT)
    if dry_run:
        from promo_cli.export_preview import print_foretold

        tell_if_unpublished(database_path(database), quiet)
        print_foretold(database_path(database), campaign, to, file_format or FileFormat.CSV, output, recipients, as_json)
        return
    if to is not None:
        from promo_cli.destination_export import export_to, notes, warnings

        with _working(campaign, quiet):
            sent = export_to(database_path(database), campaign, to, output, recipients)
        for note in notes(sent):
            messages(quiet).print(f"note: {note}")
        for warning in warnings(sent, to):
            messages().print(f"warning: {warning}")
        tell_if_unpublished(database_path(database), quiet)
        if as_json:
            named = {"paths": [str(path) for path in sent.paths], "manifest_path": str(sent.manifest_path)}
            typer.echo(json.dumps(sent.manifest | named))
        else:
            files = ", ".join(str(path) for path in sent.paths)
            typer.echo(f"{sent.manifest['rows']:,} rows: {files} (manifest: {sent.manifest_path})")
        return
    with _working(campaign, quiet):
        done = export_campaign(database_path(database), campaign, file_format or FileFormat.CSV, output, recipients)
    left_out = done.manifest["left_out_since_build"]
    if any(left_out.values()):
        messages(quiet).print(
            f"note: left out since the build: {left_out['withdrawn']:,} have withdrawn consent, "
            f"{left_out['held_out']:,} are in the control group"
        )
    tell_if_unpublished(database_path(database), quiet)
    if as_json:
        paths = {"path": str(done.path), "manifest_path": str(done.manifest_path)}
        typer.echo(json.dumps(done.manifest | paths))
    else:
        typer.echo(f"{done.manifest['rows']:,} rows: {done.path} (manifest: {done.manifest_path})")


@contextmanager
def _working(campaign: str, quiet: bool) -> Iterator[None]:
    """A pulsing line: how many rows there are is known when they are written."""
    with progress(messages(quiet)) as bars:
        bars.add_task("exporting", outcome=campaign[:40])
        yield


def export_campaign(
    database: Path,
    campaign_id: str,
    file_format: FileFormat = FileFormat.CSV,
    output: Path = DEFAULT_OUTPUT,
    recipients: "Recipients | None" = None,
) -> Export:
    """Writes `<campaign>_<as-of date>.<format>` and `….manifest.json` to `output`, both whole or neither.

    Encrypted to `recipients`, the name ends in .age, and a plain file of that name goes with its manifest.

    Raises PromoError when there is no built database, the campaign is unknown or has nobody left (exit code 1), the
    database is locked or `output` can't be written or is a symbolic link (exit code 3); OSError when the disk is full.
    A file of an earlier export stays as it is then.
    """
    from promo_cli.campaign_audience import find_audience, read_audience
    from promo_cli.exported_files import remember_folder
    from promo_cli.private_files import file_stem, prepare_folder, put_in_place, refuse_odd_target, unfinished_file
    from promo_cli.sealed_files import Recipients
    from promo_cli.warehouse_reader import open_for_export

    recipients = recipients or Recipients()
    chosen = FORMATS[file_format]
    with open_for_export(database) as connection:
        audience = find_audience(connection, campaign_id)
        plain = output / f"{file_stem(audience.campaign_id, audience.as_of_date)}.{file_format}"
        path = plain.with_name(f"{plain.name}{recipients.ending}")
        outdated = [plain, plain.with_name(f"{plain.name}.manifest.json")] if path != plain else []
        manifest_path = path.with_name(f"{path.name}.manifest.json")
        prepare_folder(output)
        for target in (path, manifest_path, *outdated):
            refuse_odd_target(target)
        remember_folder(database, output)  # before there is anything in it
        with unfinished_file(output) as file, unfinished_file(output) as manifest_file:
            # a stream left open keeps the database open
            with read_audience(connection, chosen.select) as reader, recipients.sealing(file) as sink:
                rows = chosen.write(reader, sink)
            manifest = _manifest(connection, audience, file_format, path, rows, file) | recipients.told()
            manifest_file.write(json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
            put_in_place({path: file, manifest_path: manifest_file}, outdated)
    return Export(path, manifest_path, manifest)


def _manifest(
    connection: "duckdb.DuckDBPyConnection",
    audience: "Audience",
    file_format: FileFormat,
    path: Path,
    rows: int,
    file: IO[bytes],
) -> dict[str, Any]:
    """What is in the file and what decided it; nothing that differs from run to run, such as the time."""
    import hashlib

    from promo_cli.campaign_columns import COLUMNS
    from promo_cli.provenance import versions

    file.seek(0)
    return {
        "campaign_id": audience.campaign_id,
        "campaign_name": audience.campaign_name,
        "as_of_date": audience.as_of_date.isoformat(),
        "file": path.name,
        "format": str(file_format),
        "columns": list(COLUMNS),
        "rows": rows,
        "left_out_since_build": {"withdrawn": audience.withdrawn, "held_out": audience.held_out},
        "sha256": hashlib.file_digest(file, "sha256").hexdigest(),  # type: ignore[arg-type]
        "bytes": file.tell(),
        **versions(connection),
    }
