"""Ten reader processes through builds and publications: no error, no mixed read.

Each reader opens the published database again and again and holds, in separate queries, the rows and content of three relations
against the record of the build that made it: all have to be of one publication. Meanwhile the shop's two days are loaded and
built in turn. Readers give way to the builds (nice), or ten of them would hold two cores for hours.

python benchmarks/reliability/readers.py [--readers 10] [--builds 5]
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
from small_warehouse import SmallWarehouse, content_hash

READ = ("promotions.offers", "promotions.coupon_eligibility", "promotions.user_segments")


def read_on(published: Path, ended: Any, counts: Any) -> None:
    """Read until `ended`, or the parent is gone; puts (reads, errors, mixed reads, publications seen) into the queue `counts`."""
    os.nice(10)
    reads, faults, mixed = 0, [], 0
    seen = set()
    parent = multiprocessing.parent_process()
    while not ended.is_set() and parent is not None and parent.is_alive():
        try:
            with duckdb.connect(str(published), read_only=True) as connection:
                build = connection.execute("select any_value(build_id) from audits.publication").fetchall()[0][0]
                for relation in READ:
                    record = "select build_id, row_count, content_hash from audits.publication where relation = ?"
                    recorded = connection.execute(record, [relation]).fetchall()[0]
                    rows = connection.execute(f"select count(*) from {relation}").fetchall()[0][0]
                    mixed += recorded != (build, rows, content_hash(connection, relation))
            seen.add(build)
            reads += 1
        except duckdb.Error as error:
            faults.append(str(error).splitlines()[0])
        time.sleep(0.05)
    counts.put((reads, faults, mixed, seen))


def main() -> None:
    """Print what the readers met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--builds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        warehouse = SmallWarehouse(Path(folder))
        warehouse.make()
        warehouse.must(warehouse.load("shop_1"))
        warehouse.must(warehouse.command("build", "-q"))
        context = multiprocessing.get_context("spawn")
        ended, counts = context.Event(), context.Queue()
        readers = [context.Process(target=read_on, args=(warehouse.published, ended, counts)) for _ in range(arguments.readers)]
        for reader in readers:
            reader.start()
        for number in range(arguments.builds):
            warehouse.must(warehouse.load("shop_2" if number % 2 == 0 else "shop_1"))
            warehouse.must(warehouse.command("build", "-q"))
        ended.set()
        found = [counts.get(timeout=120) for _ in readers]
        for reader in readers:
            reader.join()
    faults = [fault for _, of_reader, _, _ in found for fault in of_reader]
    mixed = sum(of_reader for _, _, of_reader, _ in found)
    publications = set().union(*(seen for *_, seen in found))
    print(
        f"{arguments.readers} readers, {arguments.builds} builds and publications: {sum(count for count, *_ in found)} reads of "
        f"{len(publications)} publications, {len(faults)} errors, {mixed} mixed reads"
    )
    for fault in sorted(set(faults)):
        print(f"  {fault}")
    if faults or mixed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
