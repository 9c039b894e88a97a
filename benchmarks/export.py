"""How long a campaign's audience takes to CSV and Parquet, beside DuckDB's own COPY of the same rows.

    promo export    what the verb calls: consents as they are now, the shop's own user ids, order by user, cells that are safe in
                    spreadsheets, SHA-256, manifest, both files on disk for good
    COPY            of the rows that the file holds, by a connection of its own: from the published view, under the shop's ids

A built shop is blown up as in benchmarks/lookups.py until its largest audience has the rows, and stands as a published one with
its people beside it. Runs are in turn; a ratio is the median over neighbours.

python benchmarks/export.py warehouse/published/offerhouse.duckdb [--rows 100000] [--repeats 5] [--keep FOLDER]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from explain import policies
from lookups import make

from promo_cli.campaign_columns import COLUMNS
from promo_cli.campaign_formats import FileFormat
from promo_cli.export import export_campaign
from promo_cli.people_file import people_file, private_folder

LARGEST_RATIO = 1.5
VIEWS = ["promotions.campaign_audience", "staging.stg_consents"]
TABLES = ["features.user_permissions", "audits.publication"]


def largest_campaign(database: Path) -> tuple[str, int, int]:
    """The campaign with the largest audience, its people, and all users."""
    with duckdb.connect(str(database), read_only=True) as connection:
        campaign, people, users = connection.execute(
            "select campaign_id, count(*), (select count(*) from features.user_permissions) "
            "from promotions.campaign_audience group by campaign_id order by 2 desc, 1 limit 1"
        ).fetchall()[0]
    return campaign, people, users


def stand(source: Path, folder: Path, rows: int) -> Path:
    """A published shop in `folder` whose largest audience has `rows` people or a few more; the working database's path."""
    database = folder / "shop.duckdb"
    published = folder / "published" / database.name
    if published.exists():
        return database
    published.parent.mkdir(parents=True)
    _, people, users = largest_campaign(source)
    more = [*TABLES, *policies(source)]
    make(source, published, -(-rows // people) * users, 50, 20, VIEWS, more)
    with duckdb.connect(str(published)) as connection:
        ((build,),) = connection.execute("select max(build_id) from audits.publication").fetchall()
        private_folder(published).mkdir()
        connection.execute(f"attach '{people_file(published, build)}' as people")
        connection.execute("create table people.people as select cast(rowid as varchar) as shop_user_id, user_id from everybody")
        connection.execute("create table people.withdrawals (user_id varchar, purpose varchar, changed_at timestamp)")
    return database


def copied(database: Path, campaign: str, target: Path, file_format: FileFormat) -> None:
    """The audience as the view has it, its users under the shop's ids, by DuckDB alone."""
    published = database.parent / "published" / database.name
    (people,) = private_folder(published).glob("*.people-*")
    columns = ", ".join(f"audience.{column}" for column in COLUMNS if column != "user_id")
    with duckdb.connect(str(published), read_only=True) as connection:
        connection.execute(f"attach '{people}' as people (read_only)")
        connection.execute(
            f"copy (select people.shop_user_id as user_id, {columns} from promotions.campaign_audience as audience "
            f"inner join people.main.people as people using (user_id) where campaign_id = '{campaign}') "
            f"to '{target}' (format {file_format})"
        )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Print the table; leaves with 1 when a ratio is over the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--keep", type=Path, help="keep the blown-up shop there; one that stands there already is measured as it is"
    )
    chosen = parser.parse_args()
    broken = False
    with tempfile.TemporaryDirectory() as folder:
        database = stand(chosen.database, chosen.keep or Path(folder), chosen.rows)
        campaign, people, _ = largest_campaign(database.parent / "published" / database.name)
        print(f"\n{people:,} people, {chosen.repeats} runs each in turn after one that doesn't count; seconds, medians")
        print(f"{'':10} {'promo export':>13} {'COPY':>8} {'ratio':>7}")
        for file_format in (FileFormat.CSV, FileFormat.PARQUET):
            exports, target = Path(folder) / "exports", Path(folder) / f"copied.{file_format}"
            pairs = []
            for _ in range(chosen.repeats + 1):
                ours = seconds(lambda: export_campaign(database, campaign, file_format, exports))  # noqa: B023
                pairs.append((ours, seconds(lambda: copied(database, campaign, target, file_format))))  # noqa: B023
            ratio = statistics.median(ours / copy for ours, copy in pairs[1:])
            ours, copy = (statistics.median(side) for side in zip(*pairs[1:], strict=True))
            kept = ratio <= LARGEST_RATIO
            print(f"{file_format:10} {ours:13.2f} {copy:8.2f} {ratio:7.2f}   <= {LARGEST_RATIO} {'kept' if kept else 'BROKEN'}")
            broken = broken or not kept
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
