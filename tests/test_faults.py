"""Disk full, no permission, no memory: one clear line, nothing half-written, and the next run is fine."""

import json
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from test_export import BUILT, add_person, run

from promo_cli.dbt_runner import _why_it_failed
from promo_cli.errors import PromoError, as_promo_error, resource_fault
from promo_cli.private_files import prepare_folder, unfinished_file
from promo_cli.warehouse import open_warehouse

Promo = Callable[..., tuple[int, str, str]]


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """A disk on which no file grows beyond `size` bytes."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder that this user may read and not write, whoever runs the tests."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "read-only"
        place.mkdir()
        (Path(folder)).chmod(0o755)
        place.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65_534)
        try:
            yield place
        finally:
            if is_root:
                os.seteuid(0)
            place.chmod(0o755)


@pytest.fixture
def large_shop(shop_folder: Path) -> Path:
    """A shop of 60,000 lines: 6 MB in the database."""
    (shop_folder / "order_lines.csv").unlink()
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                select md5(i::varchar) as order_id, 1 as line_number, md5((i * 7)::varchar) as user_id, 'P1' as product_id,
                    timestamp '2024-03-01' as ordered_at, 1 as quantity, 3.5 as list_price, 3.5 as paid_price
                from range(60000) as t(i)
            ) to '{shop_folder}/order_lines.parquet'
        """)
    return shop_folder


def assert_told(outcome: tuple[int, str, str], words: str) -> None:
    code, _, error = outcome
    assert code == 3, error
    assert error.count("\n") == 1, error
    assert error.startswith("promo: "), error
    assert words in error, error


def lines_in(database: Path) -> int:
    with duckdb.connect(str(database), read_only=True) as connection:
        return int(connection.execute("select count(*) from shop.order_lines").fetchall()[0][0])


def test_disk_full_while_loading(promo: Promo, large_shop: Path, tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    small = tmp_path / "small"
    small.mkdir()
    (small / "products.csv").write_text((large_shop / "products.csv").read_text())
    (small / "order_lines.csv").write_text(
        "order_id,line_number,user_id,product_id,ordered_at,quantity,list_price,paid_price\nO,1,U,P1,2024-03-01,1,1,1\n"
    )
    assert promo("load", "files", small, "--database", database, "--quiet")[0] == 0
    with disk_of(database.stat().st_size + 100_000):
        assert_told(promo("load", "files", large_shop, "--database", database, "--quiet"), "disk")
    assert lines_in(database) == 1, "the shop of before stands"
    assert promo("load", "files", large_shop, "--database", database, "--quiet")[0] == 0
    assert lines_in(database) == 60_000


def test_disk_full_while_exporting(promo: Promo, tmp_path: Path) -> None:
    database, output = tmp_path / "w.duckdb", tmp_path / "out"
    run(database, BUILT)
    add_person(database, "u" * 50_000)
    with disk_of(20_000):
        assert_told(promo("export", "welcome", "--database", database, "--output", output), "file too large")
    assert list(output.iterdir()) == []
    assert promo("export", "welcome", "--database", database, "--output", output)[0] == 0


def test_memory_that_is_too_little_and_spill_that_is_too_small(
    promo: Promo, large_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "w.duckdb"
    monkeypatch.setenv("OFFERHOUSE_MEMORY", "5MB")
    assert_told(promo("load", "files", large_shop, "--database", database, "--quiet"), "raise OFFERHOUSE_MEMORY")
    monkeypatch.delenv("OFFERHOUSE_MEMORY")
    assert promo("load", "files", large_shop, "--database", database, "--quiet")[0] == 0


def test_no_permission_to_write(nobody: Path) -> None:
    for attempt in (
        lambda: open_warehouse(nobody / "w.duckdb").__enter__(),
        lambda: open_warehouse(nobody / "new" / "w.duckdb").__enter__(),
        lambda: prepare_folder(nobody / "exports"),
        lambda: unfinished_file(nobody).__enter__(),
    ):
        with pytest.raises((PromoError, OSError)) as refused:
            attempt()
        told = as_promo_error(refused.value)
        assert told.exit_code == 3
        assert "permission denied" in told.message
    assert list(nobody.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "model m failed: Out of Memory Error: could not allocate block of size 256.0 KiB (9.5 MiB/9.5 MiB used)",
            "OFFERHOUSE_MEMORY",
        ),
        (
            "model m failed: Out of Memory Error: failed to offload data block (9 bytes/9 bytes used). 'max_temp_directory_size'",
            "OFFERHOUSE_SPILL",
        ),
        ("dbt stopped: IO Error: Could not write file: No space left on device", "disk"),
        ("dbt stopped: [Errno 13] Permission denied: '/w/dbt/a.msgpack'", "permission denied: /w/dbt/a.msgpack; give this user"),
        ("dbt stopped: [Errno 30] Read-only file system: '/w/dbt/a.msgpack'", "read-only file system: /w/dbt/a.msgpack"),
    ],
)
def test_a_build_that_runs_out_of_room_says_what_to_raise(words: str, told: str) -> None:
    fault = resource_fault(words)
    assert fault is not None
    assert fault.exit_code == 3
    assert told in fault.message
    assert resource_fault("model m failed: Binder Error: no column x") is None


def test_a_var_that_is_no_day_is_told_in_the_macros_words(tmp_path: Path) -> None:
    complaint = (
        "Encountered an error:\nCompilation Error in model as_of_dates (models/staging/as_of_dates.sql)\n"
        "  the var as_of_date is x: write\n  \n  > in macro day_literal"
    )
    assert _why_it_failed(tmp_path / "none.json", complaint) == "dbt stopped: the var as_of_date is x: write"


def test_a_null_against_a_contract_names_model_and_column(tmp_path: Path) -> None:
    message = "Runtime Error in model m (models/m.sql)\n  Constraint Error: NOT NULL constraint failed: m__dbt_tmp.user_id"
    results = {"results": [{"status": "error", "unique_id": "model.offerhouse.m", "message": message}]}
    (tmp_path / "run_results.json").write_text(json.dumps(results))
    told = "the model m failed: its column user_id is null in some row, which its contract forbids"
    assert _why_it_failed(tmp_path / "run_results.json", "") == told


def test_what_a_function_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    message = (
        "Runtime Error in model interest_scores (models/scores/interest_scores.sql)\n  Invalid Input Error: Python exception "
        "occurred while executing the UDF: ModelRefused: interest v1 has no model.ubj\n  compiled code at m.sql"
    )
    results = {"results": [{"status": "error", "unique_id": "model.offerhouse.interest_scores", "message": message}]}
    (tmp_path / "run_results.json").write_text(json.dumps(results))
    told = "model interest_scores failed: interest v1 has no model.ubj"
    assert _why_it_failed(tmp_path / "run_results.json", "") == told


def test_errors_of_a_build_quote_nobody(tmp_path: Path) -> None:
    complaint = "Conversion Error: Could not convert string 'maria.lopez@example.org' to INT32, call +49 151 2345 6789"
    told = PromoError(_why_it_failed(tmp_path / "none.json", complaint)).message
    assert "maria" not in told
    assert "6789" not in told
    assert "Could not convert string '[e-mail address]' to INT32, call [telephone number]" in told
