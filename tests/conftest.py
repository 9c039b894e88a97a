"""Fixtures that rooms share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import settings

# The same examples every time, so that a change fails for what it changes; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

PRODUCTS = "product_id,product_name,category,list_price\nP1,Tea,DRINKS,3.50\nP2,Bread,BAKERY,2.00\n"
ORDER_LINES = (
    "order_id,line_number,user_id,product_id,ordered_at,quantity,list_price,paid_price,discount\n"
    "O1,1,U1,P1,2024-03-01 10:00:00,2,3.50,3.00,1.00\n"
    "O1,2,U1,P2,2024-03-01 10:00:00,1,2.00,2.00,0.00\n"
    "O2,1,U2,P1,2024-03-02 11:30:00,1,3.50,3.50,0.00\n"
)


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
