"""Fixtures that rooms share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import settings
from made_once import made_once
from parsed_project import lend_to_all
from small_shop import SECRET, load_folder, write_small_shop

from promo_cli.build import build_warehouse

# The same examples every time, so that a change fails for what it changes; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# Each worker has a core to itself, and threads of OpenMP that wait for one another on it take three times as long as one.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

# Tests name users by the shop's own ids; those of pseudonyms and of the whole way say otherwise (the fixture pseudonyms).
os.environ.setdefault("OFFERHOUSE_PRIVACY", "off")

# Rooms with long tests open first, so that no worker is left with one when the other has done.
LONGEST = ("test_build.py", "test_training.py", "test_event_log_shop.py", "test_risk.py", "test_allocation.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest rooms first; the order within a room stays."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


PRODUCTS = "product_id,product_name,category,list_price\nP1,Tea,DRINKS,3.50\nP2,Bread,BAKERY,2.00\n"
ORDER_LINES = (
    "order_id,line_number,user_id,product_id,ordered_at,quantity,list_price,paid_price,discount\n"
    "O1,1,U1,P1,2024-03-01 10:00:00,2,3.50,3.00,1.00\n"
    "O1,2,U1,P2,2024-03-01 10:00:00,1,2.00,2.00,0.00\n"
    "O2,1,U2,P1,2024-03-02 11:30:00,1,3.50,3.50,0.00\n"
)


@pytest.fixture(scope="module")
def pseudonyms() -> Iterator[None]:
    """Users are known by pseudonyms, made with one secret whatever the run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFFERHOUSE_PRIVACY", "on")
        patch.setenv("OFFERHOUSE_SECRET", SECRET)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session", autouse=True)
def parsed_project(shared: Path) -> Iterator[Path]:
    """dbt reads the project for the first test that runs it, into this folder, and for the others what differs."""
    with pytest.MonkeyPatch.context() as patch:
        lend_to_all(patch, shared / "parsed")
        yield shared / "parsed"


@pytest.fixture(scope="session")
def small_warehouse(shared: Path) -> Path:
    """The working database of the small shop, loaded, built and published with pseudonyms; copy it to change it.

    One for all files that ask for it, whichever worker they run on.
    """
    folder = shared / "small_warehouse"
    database = folder / "offerhouse.duckdb"
    with made_once(folder) as is_missing, pytest.MonkeyPatch.context() as patch:
        if is_missing:
            patch.setenv("OFFERHOUSE_PRIVACY", "on")
            patch.setenv("OFFERHOUSE_SECRET", SECRET)
            write_small_shop(folder / "shop")
            build_warehouse(load_folder(folder / "shop", database), quiet=True, unit_tests=True)
    return database


@pytest.fixture
def shop_folder(tmp_path: Path) -> Path:
    """A small shop as CSV files: two products, three order lines."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "products.csv").write_text(PRODUCTS)
    (folder / "order_lines.csv").write_text(ORDER_LINES)
    return folder


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory, UTC."""
    with duckdb.connect() as opened:
        opened.execute("set TimeZone = 'UTC'")
        yield opened


@pytest.fixture
def promo(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `promo` with arguments: exit code, standard output, standard error."""
    from promo_cli.main import main

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = left.value.code
        return (0 if code is None else int(code)), captured.out, captured.err

    return run
