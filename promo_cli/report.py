"""`promo report`: one HTML page about what will be sent, to whom, and whether it may be trusted."""

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from promo_cli.options import AsJson, Database, Quiet, path_told
from promo_cli.paths import database_path

DEFAULT_FOLDER = Path("exports")


class Language(StrEnum):
    """What the page is written in."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True)
class Written:
    """A report on disk."""

    path: Path
    size: int
    as_of_date: date
    build_id: str
    charts: int


def report(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            parser=path_told,
            help=f"The page [default: {DEFAULT_FOLDER}/report_<as-of date>_<language>.html].",
        ),
    ] = None,
    language: Annotated[Language, typer.Option("--language", help="en (English) or zh (Chinese).")] = Language.EN,
    database: Database = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write one HTML page for a browser, on screen or paper: campaigns and offers, segments, prices, coupons, models, audits.

    It reads the published database, and builds may go on meanwhile. The page is one file that needs no network; under each
    chart stand its figures and the query they come from. It names no user, and only you may read it until you pass it on.
    An earlier report of the same name is replaced; any other file is left alone.
    """
    from promo_cli.warehouse_reader import tell_if_unpublished

    path = database_path(database)
    written = write_report(path, output, language, quiet)
    tell_if_unpublished(path, quiet)
    if as_json:
        told = vars(written) | {"path": str(written.path), "as_of_date": written.as_of_date.isoformat()}
        typer.echo(json.dumps(told | {"language": str(language)}, ensure_ascii=False))
    else:
        typer.echo(f"{written.path}: {written.charts} charts, {written.size / 1e6:.1f} MB, as of {written.as_of_date}")


def write_report(database: Path, output: Path | None = None, language: Language = Language.EN, quiet: bool = True) -> Written:
    """Writes the page about what is published from `database` to `output`, whole or not at all, mode 0600.

    Raises PromoError when there is no built database (exit code 1), `output` is there and no report (2), or the database is
    locked, the extra `report` is missing or `output` can't be written (3); OSError when the disk is full.
    """
    import duckdb

    from promo_cli.console import messages, progress
    from promo_cli.errors import DATA_FAULT, PromoError, duckdb_reason
    from promo_cli.private_files import prepare_folder, put_in_place, unfinished_file
    from promo_cli.report_page.page import page, refuse_without_extra
    from promo_cli.report_page.read import query_names, read_figures
    from promo_cli.warehouse_reader import open_read_only, readable_database

    refuse_without_extra()
    if output is not None:
        _refuse_foreign(output)
    path = readable_database(database)
    with progress(messages(quiet)) as bar, open_read_only(path) as connection:
        line = bar.add_task("report", total=len(query_names()) + 1, outcome="")
        try:
            figures = read_figures(connection, lambda name: bar.update(line, advance=1, outcome=name))
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise PromoError(
                f"{path} is not built, or by another version ({duckdb_reason(error)}); run promo build", DATA_FAULT
            ) from error
        (shop,) = figures["shop"]
        if shop["as_of_date"] is None:
            raise PromoError(f"{path} has no publication on record; run promo build, which publishes", DATA_FAULT)
        if output is None:
            output = DEFAULT_FOLDER / f"report_{shop['as_of_date']}_{language}.html"
            _refuse_foreign(output)
        bar.update(line, advance=1, outcome="charts")
        text = page(figures, language, _tool()).encode()
    prepare_folder(output.parent)
    with unfinished_file(output.parent) as file:
        file.write(text)
        put_in_place({output: file})
    return Written(output, len(text), shop["as_of_date"], shop["build_id"], text.count(b" data-chart="))


def _refuse_foreign(output: Path) -> None:
    """Raises PromoError when the name belongs to something that isn't a report of ours."""
    from promo_cli.private_files import refuse_foreign
    from promo_cli.report_page.page import GENERATOR

    refuse_foreign(output, lambda beginning: GENERATOR.encode() in beginning, "is no report")


def _tool() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"promo {version('offerhouse')}"
    except PackageNotFoundError:
        return "promo"
