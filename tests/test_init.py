"""`promo init`: a project of one's own, where it is found, how it is brought up to date, and the mapping as people meet it."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from staging_sql import StagingBuild

from promo_cli import layout, paths
from promo_cli.contract import read_contract
from promo_cli.errors import PromoError
from promo_cli.initialising import Wishes, initialise
from promo_cli.mapping import source
from promo_cli.mapping.hints import name_fit, read_hints
from promo_cli.mapping.policies import ShopFigures, write_policies
from promo_cli.mapping.profile import Shop, look
from promo_cli.mapping.propose import Proposer
from promo_cli.mapping.review import changed
from promo_cli.mapping.source import Source, attach
from promo_cli.policies import check_policies

Promo = Callable[..., tuple[int, str, str]]

BOUGHT = """
    select 'o' || i as order_no, 1 as line_no, 'c' || i % 40 as client, 'art-' || i % 25 as article, 1 + i % 2 as qty,
        timestamp '2025-01-01' + to_hours(i::integer) as placed_at, 10 + i % 25 as unit_price
    from range(400) as t(i)
"""
ARTICLES = """
    select 'art-' || i as article_number, 'Thing ' || i as title, ['Lamps', 'Chairs'][1 + (i % 2)::integer] as department,
        10 + i as price
    from range(25) as t(i)
"""
CLIENTS = "select 'c' || i as client_id, ['North', 'South'][1 + (i % 2)::integer] as region from range(40) as t(i)"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A laid-out project that no test changes."""
    folder = tmp_path_factory.mktemp("laid out")
    layout.lay_out(folder)
    return folder


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder of CSV files whose names are none of the contract's, one of them in an empty project folder's reach."""
    folder = tmp_path / "export"
    folder.mkdir()
    with duckdb.connect() as connection:
        for name, sql in (("sales", BOUGHT), ("articles", ARTICLES), ("clients", CLIENTS)):
            connection.execute(f"copy ({sql}) to '{folder}/{name}.csv' (header)")
    return folder


def columns_of(sql_by_table: dict[str, str], zone: str | None = None) -> dict[str, dict[str, tuple[str, str]]]:
    """What is proposed for tables made by SQL: source and SQL by column and table."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        shop = _shop(connection, sql_by_table)
        found = Proposer(shop, read_contract(), {"view": "view"}, zone).proposals()
        return {
            table: {field.column: (field.source, field.sql) for field in proposal.fields} for table, proposal in found.items()
        }


def _shop(connection: duckdb.DuckDBPyConnection, sql_by_table: dict[str, str]) -> Shop:
    connection.execute("create schema raw")
    for name, sql in sql_by_table.items():
        connection.execute(f'create table raw."{name}" as {sql}')
    return look(connection, attach(connection, Source("warehouse", "", "raw")))


def test_a_laid_out_project_is_the_shipped_one_and_found_from_its_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {
        path.relative_to(paths.shipped_project()) for path in paths.shipped_project().rglob("*.sql") if "target" not in path.parts
    }
    assert shipped <= {path.relative_to(project / "dbt_project") for path in (project / "dbt_project").rglob("*.sql")}
    assert not (project / "dbt_project" / "target").exists()
    monkeypatch.chdir(project)
    assert paths.dbt_project_path() == (project / "dbt_project").resolve()
    assert paths.profiles_path() == project.resolve()
    assert paths.contract_path().is_relative_to(project.resolve())
    ignored = (project / ".gitignore").read_text().split()
    assert {"warehouse/", "exports/", "*.key"} <= set(ignored)


def test_policies_and_contract_are_read_from_the_project_at_work(
    tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    check_policies()
    policy = tmp_path / "dbt_project" / "seeds" / "pricing_policy.csv"
    policy.write_text(policy.read_text().replace(",0.30,", ",a lot,", 1))
    with pytest.raises(PromoError, match="max_discount"):
        check_policies()
    contract = tmp_path / "dbt_project" / "models" / "staging" / "shop.yml"
    contract.write_text(contract.read_text().replace("- name: dwell_seconds", "- name: seconds_there"))
    assert "seconds_there" in {column.name for column in read_contract()["events"].columns}
    monkeypatch.chdir("/")
    assert "dwell_seconds" in {column.name for column in read_contract()["events"].columns}
    monkeypatch.setenv("OFFERHOUSE_PROJECT", str(tmp_path / "dbt_project"))
    assert paths.dbt_project_path() == (tmp_path / "dbt_project").resolve()
    monkeypatch.setenv("OFFERHOUSE_PROJECT", str(tmp_path / "nowhere"))
    assert promo("load", "files", tmp_path)[0] == 3


def test_somebody_elses_dbt_project_is_not_taken_for_ours(tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dbt_project").mkdir()
    (tmp_path / "dbt_project" / "dbt_project.yml").write_text("name: offerhouse_of_cards\nprofile: x\n")
    monkeypatch.chdir(tmp_path)
    assert paths.dbt_project_path() == paths.shipped_project()
    code, _, told = promo("init")
    assert (code, "no project of offerhouse" in told) == (2, True)


def test_init_without_a_shop_lays_out_and_does_it_once(tmp_path: Path, promo: Promo) -> None:
    code, out, _ = promo("init", tmp_path / "shop", "--yes")
    assert (code, "promo init --files" in out) == (0, True)
    assert "Promotions of this shop" in (tmp_path / "shop" / "README.md").read_text()
    code, _, told = promo("init", tmp_path / "shop", "--yes")
    assert (code, "laid out already" in told) == (2, True)


def test_an_upgrade_keeps_what_the_shop_changed(tmp_path: Path, promo: Promo) -> None:
    project = layout.lay_out(tmp_path)
    stamp = json.loads((project / layout.STAMP).read_text())
    assert layout.outdated(layout.read_stamp(project)) == 0  # type: ignore[arg-type]
    untouched, edited = "macros/admits.sql", "models/promotions/offers.sql"
    # as an older package would have laid them out
    (project / untouched).write_text("-- older\n")
    (project / edited).write_text("-- older, and edited\n")
    gone, kept = "macros/gone.sql", "macros/kept.sql"
    (project / gone).write_text("-- shipped once\n")
    (project / kept).write_text("-- shipped once, edited\n")
    new = "macros/exact.sql"
    (project / new).unlink()
    del stamp["files"][new]
    stamp["files"] |= {
        untouched: layout._digest(project / untouched),
        edited: "another",
        gone: layout._digest(project / gone),
        kept: "another",
    }
    (project / layout.STAMP).write_text(json.dumps(stamp))
    assert layout.outdated(layout.read_stamp(project)) == 5  # type: ignore[arg-type]

    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    foretold = json.loads(promo("init", tmp_path, "--upgrade", "--dry-run", "--json")[1])
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before

    code, out, _ = promo("init", tmp_path, "--upgrade", "--json")
    done = json.loads(out)
    assert foretold == done
    assert code == 0
    assert done == {"replaced": [untouched], "added": [new], "conflicts": [edited], "removed": [gone], "kept": [kept]}
    assert (project / untouched).read_bytes() == (paths.shipped_project() / untouched).read_bytes()
    assert (project / edited).read_text() == "-- older, and edited\n"
    assert (project / f"{edited}.new").read_bytes() == (paths.shipped_project() / edited).read_bytes()
    assert layout.outdated(layout.read_stamp(project)) == 0  # type: ignore[arg-type]
    assert promo("init", tmp_path, "--upgrade")[1].endswith("is up to date\n")
    (project / layout.STAMP).unlink()
    assert promo("init", tmp_path, "--upgrade")[0] == 1


def test_without_a_terminal_nothing_is_asked(export: Path, tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.prompt", lambda *_, **__: pytest.fail("asked"))
    code, _, told = promo("init", tmp_path / "p", "--files", export)
    assert (code, "--yes" in told, (tmp_path / "p").exists()) == (2, True, False)
    assert promo("init", tmp_path / "p", "--files", export, "--yes", "--currency", "EUR")[0] == 0
    code, _, told = promo("init", tmp_path / "p", "--files", export, "--yes")
    assert (code, "may be edited" in told) == (2, True)


def test_at_a_terminal_a_person_changes_lines(
    export: Path, tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["1", str(export), "Europe/Nowhere", "Europe/Berlin", "euro", "EUR",
                    "users.country='DE'", "users.region=sales.qty", "products.product_name=-", "order_lines.quantity=-",
                    "order_lines.qty=1", ""])  # fmt: skip
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = promo("init", tmp_path / "p")
    assert code == 0
    assert next(answers, "all were asked for") == "all were asked for"
    for said in ("is not known", "no ISO 4217 code", "nothing in clients points at sales", "is required", "has no column qty"):
        assert said in out
    assert "'DE' as country" in (tmp_path / "p" / "mapping" / "users.sql").read_text()
    assert "product_name" not in (tmp_path / "p" / "mapping" / "products.sql").read_text()
    told = yaml.safe_load((tmp_path / "p" / "mapping" / "source.yml").read_text())
    assert (told["timezone"], told["currency"], told["place"]) == ("Europe/Berlin", "EUR", "../../export")


def test_a_shop_may_come_after_its_project(export: Path, tmp_path: Path, promo: Promo) -> None:
    """Policies are written for it as long as nobody has changed them."""
    for edited in (False, True):
        folder = tmp_path / str(edited)
        assert promo("init", folder, "--yes")[0] == 0
        policy = folder / "dbt_project" / "seeds" / "pricing_policy.csv"
        if edited:
            policy.write_text(policy.read_text() + "\n")
        before = policy.read_text()
        code, out, _ = promo("init", folder, "--files", export, "--yes")
        assert (code, (folder / "mapping" / "order_lines.sql").is_file()) == (0, True)
        assert ("Lamps" in policy.read_text(), policy.read_text() == before, "stay as they are" in out) == (
            not edited,
            edited,
            edited,
        )


def test_init_as_json_tells_lines_rows_and_coverage(export: Path, tmp_path: Path, promo: Promo) -> None:
    code, out, _ = promo("init", tmp_path / "p", "--files", export, "--json", "--change", "users.region=-")
    told = json.loads(out)
    assert (code, told["mapped_by"], len(told["coverage"])) == (0, "mapping", 26)
    tables = {table["table"]: table for table in told["tables"]}
    assert {name: table["rows"] for name, table in tables.items()} == {"users": 40, "products": 25, "order_lines": 400}
    assert "region" not in {column["column"] for column in tables["users"]["columns"]}
    reasons = {column["column"]: column["reason"] for column in tables["products"]["columns"]}
    assert reasons["product_id"] == "same values as sales.article: 100 % found"
    assert told["next"][-3:] == ["promo load mapped", "promo build", "promo status"]


def test_a_dry_run_shows_the_proposal_and_writes_nothing(export: Path, tmp_path: Path, promo: Promo) -> None:
    folder = tmp_path / "promotions"
    code, out, _ = promo("init", folder, "--files", export, "--dry-run")
    assert code == 0
    assert "order_lines.product_id" in out
    assert out.splitlines()[-1] == f"Nothing was written; without --dry-run the project and its mapping go to {folder}"
    assert json.loads(promo("init", folder, "--files", export, "--dry-run", "--json")[1])["written"] is False
    assert not folder.exists()


def test_what_is_no_shop_is_refused_in_one_line(tmp_path: Path, promo: Promo) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "weather.csv").write_text("station,degrees\nA,3\nB,4\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "clicks.json").write_text('{"ts": 1, \n')
    for folder, said, code in (
        ("odd", "no table looks like products or order_lines", 1),
        ("empty", "holds no .csv", 1),
        ("broken", "as JSON", 1),
        ("gone", "no folder", 2),
    ):
        left, _, told = promo("init", tmp_path / "p", "--files", tmp_path / folder, "--yes")
        assert (left, said in told, told.count("\n")) == (code, True, 1), told
    assert promo("init", tmp_path / "p", "--duckdb", tmp_path / "odd" / "weather.csv", "--yes")[0] == 3
    assert promo("init", tmp_path / "p", "--duckdb", tmp_path / "gone.duckdb", "--yes")[0] == 2
    assert not (tmp_path / "p").exists()


def test_parts_of_a_table_may_lie_in_folders_by_month(export: Path, tmp_path: Path, promo: Promo) -> None:
    """They were passed over without a word, and the orders of their months with them."""
    sales = export / "sales.csv"
    header, *lines = sales.read_text().splitlines(keepends=True)
    sales.unlink()
    for month, part in enumerate((lines[:100], lines[100:]), 1):
        folder = export / "sales" / "year=2025" / f"month={month}"
        folder.mkdir(parents=True)
        (folder / "part-0.csv").write_text("".join([header, *part]))
        (folder / "_SUCCESS.csv").touch()
    code, out, _ = promo("init", tmp_path / "mine", "--files", export, "--dry-run", "--json")
    rows = {table["table"]: table["rows"] for table in json.loads(out)["tables"]}
    assert (code, rows["order_lines"]) == (0, 400)


def test_a_folder_of_several_tables_is_no_table(export: Path, tmp_path: Path, promo: Promo) -> None:
    """One folder too high, and orders, articles and clients were heaped into one table."""
    code, _, err = promo("init", tmp_path / "mine", "--files", export.parent, "--dry-run")
    assert (code, "have other columns; give the folder" in err, err.count("\n")) == (2, True, 1)


def test_the_url_of_postgres_is_told_nowhere(tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://promo:hush-hush@127.0.0.1:1/shop"
    asked = ("init", tmp_path / "p", "--postgres")
    assert promo(*asked, url, "--yes")[0] == 2
    assert promo(*asked, "NO_SUCH_URL", "--yes")[0] == 2
    monkeypatch.setenv("SHOP_URL", url)

    def missing(_: duckdb.DuckDBPyConnection) -> None:
        raise duckdb.IOException("Failed to download extension")

    monkeypatch.setattr(source, "_load_postgres", missing)
    code, _, told = promo(*asked, "SHOP_URL", "--yes")
    assert (code, told.count("\n"), "extension postgres can't be loaded" in told) == (3, 1, True)

    class Refused:
        """A connection to a server that quotes the URL in its error."""

        def execute(self, *told: object) -> None:
            raise duckdb.IOException(f"Unable to connect to Postgres at {told}")

    monkeypatch.setattr(source, "_load_postgres", lambda _: None)
    with pytest.raises(PromoError, match="doesn't answer") as refused:
        source._postgres(Refused(), Source("postgres", "SHOP_URL"))  # type: ignore[arg-type]
    assert "hush" not in refused.value.message
    assert refused.value.__cause__ is None  # nor in a traceback of --debug


@pytest.fixture
def own_database(tmp_path: Path) -> Path:
    """A DuckDB file in which a shop's tables stand under names of its own."""
    path = tmp_path / "shop_data.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw")
        for name, sql in (("sales", BOUGHT), ("articles", ARTICLES), ("clients", CLIENTS)):
            connection.execute(f"create table raw.{name} as {sql}")
    return path


def test_tables_in_another_duckdb_file_are_copied_by_sql(
    own_database: Path, tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert promo("init", tmp_path / "p", "--duckdb", own_database, "--yes", "--currency", "EUR")[0] == 0
    monkeypatch.chdir(tmp_path / "p")
    code, out, _ = promo("load", "mapped", "--json")
    assert (code, {table["table"]: table["rows"] for table in json.loads(out)["tables"]}["order_lines"]) == (0, 400)
    with duckdb.connect("warehouse/offerhouse.duckdb", read_only=True) as connection:
        assert ("currency", "EUR") in connection.execute("from shop.settings").fetchall()


def test_tables_in_the_working_database_are_mapped_by_vars(tmp_path: Path, promo: Promo) -> None:
    """What a person would have written: names in vars, and a dbt source; nothing is loaded."""
    database = tmp_path / "p" / "warehouse" / "offerhouse.duckdb"
    database.parent.mkdir(parents=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema raw")
        lines = f"select *, unit_price as price_paid from ({BOUGHT})"
        for name, sql in (("sales", lines), ("articles", ARTICLES), ("clients", CLIENTS)):
            connection.execute(f"create table raw.{name} as {sql}")
    code, out, _ = promo(
        "init", tmp_path / "p", "--duckdb", database, "--yes", "--timezone", "Europe/Berlin", "--currency", "EUR"
    )
    assert (code, "vars map your tables" in out) == (0, True)
    assert not (tmp_path / "p" / "mapping").exists()
    project = tmp_path / "p" / "dbt_project"
    variables = yaml.safe_load((project / "dbt_project.yml").read_text())["vars"]
    assert (variables["shop_schema"], variables["shop_timezone"], variables["shop_currency"]) == ("raw", "Europe/Berlin", "EUR")
    assert variables["shop_identifiers"] == {"users": "clients", "products": "articles", "order_lines": "sales"}
    assert variables["shop_columns"]["order_lines"] == {
        "order_id": "order_no", "line_number": "line_no", "user_id": "client", "product_id": "article", "ordered_at": "placed_at",
        "quantity": "qty", "list_price": "unit_price", "paid_price": "price_paid",
    }  # fmt: skip
    assert "# {order_lines: my_order_items}" in (project / "dbt_project.yml").read_text()  # comments stay
    layout.set_vars(project, {"shop_columns": {"users": {"user_id": "other"}}, "shop_currency": None})  # again
    again = yaml.safe_load((project / "dbt_project.yml").read_text())["vars"]
    assert (again["shop_columns"], again["shop_currency"]) == ({"users": {"user_id": "other"}}, None)
    assert again["shop_identifiers"] == variables["shop_identifiers"]
    source = yaml.safe_load((project / "models" / "sources" / "shop_tables.yml").read_text())["sources"][0]
    told = {column["name"]: column["description"] for table in source["tables"] for column in table["columns"]}
    assert told["placed_at"].startswith("Becomes order_lines.ordered_at")
    assert database.with_name("offerhouse.duckdb.key").stat().st_mode & 0o077 == 0
    # the vars stand in staging: the same rows under the contract's names
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{database}' as theirs (read_only)")
        connection.execute("create schema shop")
        for table in variables["shop_identifiers"].values():
            connection.execute(f"create table shop.{table} as from theirs.raw.{table}")
        StagingBuild(connection, {name: variables[name] for name in ("shop_identifiers", "shop_columns")}).build()
        assert connection.execute("select count(*) from staging.stg_order_lines").fetchall() == [(400,)]


def test_tables_in_the_working_database_that_need_more_than_names_are_copied_within_it(
    tmp_path: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "p" / "warehouse" / "offerhouse.duckdb"
    database.parent.mkdir(parents=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema raw")
        for name, sql in (("sales", f"select * exclude (qty) from ({BOUGHT})"), ("articles", ARTICLES), ("clients", CLIENTS)):
            connection.execute(f"create table raw.{name} as {sql}")
    assert promo("init", tmp_path / "p", "--duckdb", database, "--yes")[0] == 0
    told = yaml.safe_load((tmp_path / "p" / "mapping" / "source.yml").read_text())
    assert (told["kind"], told["schema"]) == ("warehouse", "raw")
    monkeypatch.chdir(tmp_path / "p")
    for _ in range(2):  # again, when schema shop is there
        code, out, _ = promo("load", "mapped", "--json")
        assert (code, {table["table"]: table["rows"] for table in json.loads(out)["tables"]}["order_lines"]) == (0, 400)


def test_the_var_of_the_currency_goes_before_what_a_load_recorded(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema shop")
    connection.execute("create table shop.settings as select 'currency' as key, 'USD' as value")
    staging = StagingBuild(connection)
    staging._shop = staging._look()
    assert str(staging.macro("shop_currency")).strip() == "'USD'"
    staging.set_variables({"shop_currency": "EUR"})
    assert str(staging.macro("shop_currency")).strip() == "'EUR'"
    staging.set_variables({"shop_currency": "euro"})
    with pytest.raises(AssertionError, match="ISO 4217"):
        staging.macro("shop_currency")


def test_columns_of_many_kinds_are_found_and_read() -> None:
    found = columns_of({
        "invoices": """
            select 'I' || i // 2 as "InvoiceNo", strftime(timestamp '2025-03-01' + to_hours(i::integer), '%m/%d/%Y %H:%M')
                    as "InvoiceDate",
                (9000 + i % 30)::varchar as "StockCode", '€ 1.234,' || (10 + i % 80) as "UnitPrice",
                (1 + i % 3)::varchar as "Quantity",
                (100 + i % 50)::varchar as "CustomerID", round((i % 5) * 0.05, 2)::varchar as "Discount", 'EUR' as "Currency"
            from range(600) as t(i)""",
        "Product Catalog": """
            select (9000 + i)::varchar as code, 'Lamp ' || i as title, 'lamps' as "productType", 1234 as price_cents
            from range(30) as t(i)""",
    })  # fmt: skip
    lines = found["order_lines"]
    assert lines["order_id"][0] == "invoices.InvoiceNo"
    assert lines["user_id"][0] == "invoices.CustomerID"
    assert "%m/%d/%Y %H:%M" in lines["ordered_at"][1]
    assert "', '.'" in lines["list_price"][1]  # a decimal comma
    assert "*" in lines["discount"][1]  # a share of the price, of the whole line
    assert lines["line_number"][0] == "the row"
    assert found["products"]["category"][0] == "Product Catalog.productType"


def test_a_shop_of_the_contracts_own_names_is_mapped_to_itself() -> None:
    """Tables and columns without a hint go by their own names; small_shop.py has nearly all of them."""
    from small_shop import TABLES, USER_OF

    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(USER_OF)
        shop = _shop(connection, TABLES)
        found = Proposer(shop, read_contract(), {"view": "view"}).proposals()
    assert found.keys() == TABLES.keys()
    for table, proposal in found.items():
        assert proposal.base == table
        sources = {field.column: field.source for field in proposal.fields}
        wrong = [name for name, source in sources.items() if source not in (f"{table}.{name}", "the row")]
        assert wrong == []
        assert proposal.columns == {column.name for column in shop.columns[table]}


def test_orders_whose_money_stands_in_several_places() -> None:
    """Totals of lines, the order's own discount over a link, today's list price: only what is the line's is the line's."""
    found = columns_of({
        "orders": """
            select 100 + i as id, i % 40 as customer_id, timestamp '2024-01-01' + to_hours(i::integer) as date_created,
                50.0 as total, 5.0 as discount_total
            from range(200) as t(i)""",
        "order_items": """
            select i as id, 100 + i // 2 as order_id, 700 + i % 30 as product_id, 1 + i % 3 as quantity,
                20.0 * (1 + i % 3) as subtotal, 18.0 * (1 + i % 3) as total
            from range(400) as t(i)""",
        "products": "select 700 + i as id, 'Shirt ' || i as name, 20.0 as price, 22.0 as regular_price from range(30) as t(i)",
        "customers": "select i as id, 'a' || i || '@example.com' as email from range(40) as t(i)",
    })  # fmt: skip
    lines = {column: source for column, (source, _) in found["order_lines"].items()}
    assert lines["user_id"] == "orders.customer_id"
    assert lines["ordered_at"] == "orders.date_created"
    assert lines["list_price"] == lines["discount"] == "order_items.subtotal"
    assert lines["paid_price"] == "order_items.total"
    assert found["users"]["user_id"][0] == "customers.id"
    assert found["products"]["product_id"][0] == "products.id"


def test_an_export_of_orders_alone_gives_products_and_consents_too() -> None:
    found = columns_of({
        "orders_export": """
            select '#' || i // 2 as "Name", case when i % 2 = 0 then 'a' || i // 2 % 50 || '@example.com' end as "Email",
                case when i % 2 = 0 then case when i % 3 = 0 then 'no' else 'yes' end end as "Accepts Marketing",
                case when i % 2 = 0 then strftime(timestamp '2024-01-01' + to_hours(i::integer), '%Y-%m-%d %H:%M:%S +0100') end
                    as "Created at",
                1 as "Lineitem quantity", 'Thing ' || i % 20 as "Lineitem name",
                5.5 as "Lineitem price", 'S' || i % 20 as "Lineitem sku"
            from range(600) as t(i)""",
    })  # fmt: skip
    assert found.keys() == {"products", "order_lines", "consents"}
    assert "launched_at" not in found["products"]
    # who said no on one order has said no
    assert found["consents"]["granted"][1].startswith("bool_and(")


@pytest.mark.parametrize(
    ("yes", "no", "agreed", "told"),
    [
        ("ja", "nein", 20, "true for ja"),
        ("Oui", "Non", 20, "true for oui"),
        ("si", "no", 20, "true for si"),
        ("Y", "N", 20, "true for y"),
        ("1", "0", 20, "named newsletter"),
        ("no", "no", 0, "false for all: no word says yes"),
        ("kyllä", "ei", 0, "false for all, because no word is known for yes: ei, kyllä; give your own in the SQL"),
    ],
)
def test_consent_in_a_shops_own_words(yes: str, no: str, agreed: int, told: str) -> None:
    clients = f"select 'c' || i as client_id, 'North' as region, case when i % 2 = 0 then '{yes}' else '{no}' end as newsletter"
    with duckdb.connect() as connection:
        shop = _shop(connection, {"sales": BOUGHT, "clients": f"{clients} from range(40) as t(i)"})
        proposal = Proposer(shop, read_contract(), {"view": "view"}).proposals()["consents"]
        granted = f"select count(*) filter (where cast(granted as boolean)) from ({proposal.sql})"
        assert connection.execute(granted).fetchall() == [(agreed,)]
    assert told in next(field.reason for field in proposal.fields if field.column == "granted")


def test_an_order_is_not_sought_behind_a_product() -> None:
    """Every table of Magento's has an entity_id and a status: equal numbers are no reference, a product's state is no order's."""
    found = columns_of({
        "catalog_product": """
            select 500 + i as entity_id, 'S' || i as sku, 'Shirt ' || i as name, 'shirts' as category, 1 as status
            from range(30) as t(i)""",
        "sales_order": """
            select i as entity_id, i % 40 as customer_id, timestamp '2024-01-01' + to_hours(i::integer) as created_at,
                case when i % 9 = 0 then 'canceled' else 'complete' end as status
            from range(600) as t(i)""",
        "sales_order_item": """
            select i as item_id, i // 2 as order_id, 500 + i % 30 as product_id, 'S' || i % 30 as sku, 20.0 as price,
                2 as qty_ordered,
                timestamp '2024-01-01' + to_hours((i // 2)::integer) as created_at
            from range(1200) as t(i)""",
    })  # fmt: skip
    assert found["order_lines"]["user_id"][0] == "sales_order.customer_id"
    assert found["order_lines"]["quantity"][0] == "sales_order_item.qty_ordered"
    assert found["products"]["product_id"][0] == "catalog_product.entity_id"
    with duckdb.connect() as connection:
        shop = _shop(connection, {
            "orders": """
                select i as id, i % 40 as customer_id, timestamp '2024-01-01' + to_hours(i::integer) as created_at,
                    case when i % 9 = 0 then 'canceled' else 'paid' end as status
                from range(200) as t(i)""",
            "order_items": "select i // 2 as order_id, 'S' || i % 30 as sku, 20.0 as price from range(400) as t(i)",
            "products": """
                select 'S' || i as sku, 'Shirt ' || i as name, 'active' as status, timestamp '2022-01-01' as created_at
                from range(30) as t(i)""",
        })  # fmt: skip
        sql = Proposer(shop, read_contract(), {"view": "view"}).proposals()["order_lines"].sql
    assert "lower(orders.status)" in sql
    assert "orders.created_at as ordered_at" in sql
    assert "products.status" not in sql


def test_orders_that_were_cancelled_or_never_paid_are_none_however_a_shop_writes_it() -> None:
    states = ["wc-completed", "wc-cancelled", "wc-refunded", "wc-pending", "Pending payment", "checkout-draft", "Storniert"]
    with duckdb.connect() as connection:
        shop = _shop(connection, {
            "sales": f"select *, {states}[1 + i % 7] as order_status from ({BOUGHT.replace('select', 'select i,', 1)})",
            "articles": ARTICLES,
        })  # fmt: skip
        sql = Proposer(shop, read_contract(), {"view": "view"}).proposals()["order_lines"].sql
        kept = connection.execute(f"select distinct order_status from raw.sales semi join ({sql}) on order_no = order_id")
        assert kept.fetchall() == [("wc-completed",)]


@pytest.mark.parametrize(("states", "bought"), [
    (["complete", "closed", "processing"], ["complete", "processing"]),  # Magento: closed is paid back
    (["open", "closed"], ["closed", "open"]),
])  # fmt: skip
def test_a_closed_order_is_none_where_others_are_complete(states: list[str], bought: list[str]) -> None:
    sales = f"select *, {states}[1 + i % {len(states)}] as order_status from ({BOUGHT.replace('select', 'select i,', 1)})"
    with duckdb.connect() as connection:
        shop = _shop(connection, {"sales": sales, "articles": ARTICLES})
        sql = Proposer(shop, read_contract(), {"view": "view"}).proposals()["order_lines"].sql
        kept = connection.execute(f"select distinct order_status from raw.sales semi join ({sql}) on order_no = order_id")
        assert sorted(word for (word,) in kept.fetchall()) == bought


def test_ids_stored_as_fractions_are_those_of_other_tables() -> None:
    found = columns_of({
        "orders": """
            select i::double as order_id, (i % 40)::double as customer_id,
                timestamp '2024-01-01' + to_hours(i::integer) as created_at
            from range(200) as t(i)""",
        "order_items": "select i // 2 as order_id, 'S' || i % 30 as sku, 1 as quantity, 20.0 as price from range(400) as t(i)",
        "products": "select 'S' || i as sku, 'Shirt ' || i as name from range(30) as t(i)",
        "customers": "select i as customer_id, 'a' || i || '@example.com' as email from range(40) as t(i)",
    })  # fmt: skip
    assert found["users"]["user_id"][0] == "customers.customer_id"
    source, sql = found["order_lines"]["user_id"]
    assert (source, duckdb.sql(f"select {sql} from (select 25.0::double as customer_id) as orders").fetchall()) == (
        "orders.customer_id", [("25",)],
    )  # fmt: skip


def test_an_order_that_was_delivered_may_have_been_refunded() -> None:
    sales = f"select *, 'delivered' as status, if(hash(order_no) % 4 = 0, 'refunded', 'paid') as payment_status from ({BOUGHT})"
    with duckdb.connect() as connection:
        shop = _shop(connection, {"sales": sales, "articles": ARTICLES})
        sql = Proposer(shop, read_contract(), {"view": "view"}).proposals()["order_lines"].sql
        kept = connection.execute(f"select distinct payment_status from raw.sales semi join ({sql}) on order_no = order_id")
        assert kept.fetchall() == [("paid",)]


def test_cents_are_a_hundredth_in_every_price() -> None:
    cents = "1000 + i % 25 as unit_price_cents, (1000 + i % 25) * (1 + i % 2) * 9 // 10 as line_total_cents"
    sales = BOUGHT.replace("10 + i % 25 as unit_price", cents)
    with duckdb.connect() as connection:
        shop = _shop(connection, {
            "sales": sales, "articles": ARTICLES.replace("10 + i as price", "1000 + i as price_cents"),
        })  # fmt: skip
        found = Proposer(shop, read_contract(), {"view": "view"}).proposals()
        prices = connection.execute(f"select min(list_price), max(list_price), max(paid_price) from ({found['order_lines'].sql})")
        assert [round(float(price), 2) for price in prices.fetchall()[0]] == [10, 10.24, 9.21]
        assert connection.execute(f"select max(list_price) from ({found['products'].sql})").fetchall() == [(10.24,)]


@pytest.mark.parametrize("total", ["unit_price * qty", "unit_price * qty - discount"])
def test_a_lines_total_may_be_before_its_discount_or_after(total: str) -> None:
    sales = f"select *, {total} as row_total from (select *, 1.0 + hash(order_no) % 2 as discount from ({BOUGHT}))"
    with duckdb.connect() as connection:
        shop = _shop(connection, {"sales": sales, "articles": ARTICLES})
        sql = Proposer(shop, read_contract(), {"view": "view"}).proposals()["order_lines"].sql
        (saved, told), *_ = connection.execute(
            f"select sum(quantity * (list_price - paid_price)), (select sum(discount) from raw.sales) from ({sql})"
        ).fetchall()
    assert float(saved) == pytest.approx(float(told))


@pytest.mark.parametrize(("written", "stored"), [("{}", 0), ("({})::varchar", 0), ("({})::double", 0), ("{}", 1)])
def test_guests_are_no_one_customer(written: str, stored: int) -> None:
    """WooCommerce has the customer 0 for all who bought without an account; a customer 0 of few orders is one."""
    user = written.format(f"case when i % 3 = 0 and {stored} = 0 then 0 else i % 40 end")
    sales = f"select 'o' || i as order_no, {user} as customer_id, * exclude (i, order_no, client) from (select i, "
    with duckdb.connect() as connection:
        shop = _shop(connection, {"sales": f"{sales}{BOUGHT.strip().removeprefix('select')})", "articles": ARTICLES})
        sql = Proposer(shop, read_contract(), {"view": "view"}).proposals()["order_lines"].sql
        found = connection.execute(
            f"select count(*) filter (where user_id::varchar in ('0', '0.0')), count(user_id) from ({sql})"
        )
        assert found.fetchall() == [(10, 400) if stored else (0, 260)]


def test_a_discount_that_differs_within_an_order_is_the_lines() -> None:
    """It was taken for the order's, wasn't one, and the price for what had been paid."""
    sales = """
        select 'o' || i // 2 as order_no, 1 + i % 2 as line_no, 'c' || i // 2 % 40 as client, 'art-' || i % 25 as article,
            2 as qty, timestamp '2025-01-01' + to_hours((i // 2)::integer) as placed_at, 10.0 as unit_price,
            1.0 + i % 2 as discount_amount
        from range(400) as t(i)"""
    with duckdb.connect() as connection:
        shop = _shop(connection, {"sales": sales, "articles": ARTICLES})
        sql = Proposer(shop, read_contract(), {"view": "view"}).proposals()["order_lines"].sql
        sums = connection.execute(f"select sum(discount), sum(quantity * (list_price - paid_price)) from ({sql})").fetchall()[0]
    assert [float(amount) for amount in sums] == [600, 600]


def test_a_key_that_many_events_share_is_not_an_events_own() -> None:
    """GA4 has no id of an event, and a user_id that half of them bear: all that a user did would be one event."""
    found = columns_of({
        "events": """
            select epoch_us(timestamp '2025-03-01' + to_minutes(i::integer)) as event_timestamp, 'view_item' as event_name,
                'p' || i % 30 as user_pseudo_id, case when i % 2 = 0 then 'U' || i % 30 end as user_id
            from range(300) as t(i)""",
    })  # fmt: skip
    assert "event_id" not in found["events"]


def test_consent_is_of_the_people_who_buy() -> None:
    """A customer's key is called id alone and an address stands beside it: consents by address would be of nobody."""
    found = columns_of({
        "orders": """
            select i as id, i % 40 as customer_id, timestamp '2024-01-01' + to_hours(i::integer) as created_at
            from range(200) as t(i)""",
        "order_items": "select i // 2 as order_id, 'S' || i % 30 as sku, 1 as quantity, 20.0 as price from range(400) as t(i)",
        "products": "select 'S' || i as sku, 'Shirt ' || i as name from range(30) as t(i)",
        "customers": """
            select i as id, 'a' || i || '@example.com' as email, i % 2 = 0 as accepts_marketing from range(40) as t(i)""",
    })  # fmt: skip
    assert found["users"]["user_id"][0] == "customers.id"
    assert found["consents"]["user_id"][0] == "customers.id"


def test_local_times_and_epochs() -> None:
    log = "select {} as ts, 'u' || i % 30 as uid, 'view' as action, 'p' || i % 9 as item from range(300) as t(i)"
    moment = "timestamp '2025-03-01' + to_minutes(i::integer)"
    micro = columns_of({"log": log.format(f"epoch_us({moment})")})["events"]["event_at"][1]
    assert micro == "log.ts // 1000"
    local = columns_of({"log": log.format(f"strftime({moment}, '%Y-%m-%d %H:%M')")}, "Asia/Tokyo")["events"]["event_at"][1]
    assert "at time zone 'Asia/Tokyo'" in local
    zoned = columns_of({"log": log.format(f"strftime({moment}, '%Y-%m-%dT%H:%M:%SZ')")}, "Asia/Tokyo")["events"]["event_at"][1]
    assert zoned == "log.ts"


def test_names_are_known_by_what_is_in_them() -> None:
    sku = read_hints().columns["order_lines"]["product_id"].names
    assert name_fit("Lineitem sku", sku) > name_fit("freight_sku", sku)
    price = read_hints().columns["order_lines"]["list_price"].names
    assert name_fit("price", price) > 0.8 > 0.5 > name_fit("shipping_price", price)
    assert name_fit("eventType", ("event_type",)) == 1
    for table, columns in read_hints().columns.items():
        known = {column.name for column in read_contract()[table].columns}
        assert {name for name in columns if not name.startswith("+")} <= known


def test_a_change_that_does_not_run_is_refused(export: Path) -> None:
    with duckdb.connect() as connection:
        shop = look(connection, attach(connection, Source("files", str(export))))
        contract = read_contract()
        proposals = Proposer(shop, contract, {}).proposals()
        for told, said in (("99=x", "no line 99"), ("1", "write e.g."), ("nothing=-", "no line and no table"),
                           ("users.region=upper(", "doesn't run"),
                           ("users.region=clients.rgion", "did you mean region")):  # fmt: skip
            with pytest.raises(PromoError, match=said) as refused:
                changed(proposals, told, shop, contract)
            assert refused.value.exit_code == 2
        assert "users" not in changed(proposals, "users=-", shop, contract)
        over_link = changed(proposals, "order_lines.store_id=clients.region", shop, contract)["order_lines"]
        assert "clients.region as store_id" in over_link.sql
        assert "left join source.clients" in over_link.sql
        half = changed(proposals, "order_lines.paid_price=sales.unit_price::double / 2", shop, contract)["order_lines"]
        assert "sales.unit_price::double / 2 as paid_price" in half.sql


def test_a_change_may_name_what_the_proposal_shows() -> None:
    with duckdb.connect() as connection:
        shop = _shop(connection, {"Sales of 2025": BOUGHT.replace("as qty", 'as "How many"'), "articles": ARTICLES})
        contract = read_contract()
        proposals = Proposer(shop, contract, {}).proposals()
        told = changed(proposals, "order_lines.quantity=Sales of 2025.How many", shop, contract)["order_lines"]
    assert '"Sales of 2025"."How many" as quantity' in told.sql


@pytest.mark.parametrize(
    ("currency", "basket", "step", "off"),
    [("JPY", 4000.0, "10", 1500.0), ("EUR", 30.0, "1.00", 10.0), (None, None, "1.00", 10.0)],
)
def test_policies_fit_currency_and_basket(
    project: Path, tmp_path: Path, currency: str | None, basket: float | None, step: str, off: float
) -> None:
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    for path in (project / "dbt_project" / "seeds").iterdir():
        (seeds / path.name).write_bytes(path.read_bytes())
    write_policies(seeds, ShopFigures((("Red Wine", 3), ('Shoes, "best"', 2)), 20.0, basket), currency)
    check_policies(seeds)
    with (seeds / "pricing_policy.csv").open(newline="") as file:
        policy = {row["category"]: row for row in csv.DictReader(file)}
    assert policy["*"]["price_step"] == step
    assert {name: row["is_promotable"] for name, row in policy.items()} == {
        "*": "true",
        "Red Wine": "false",
        'Shoes, "best"': "true",
    }
    with (seeds / "promotion_catalogue.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert float(first["amount_off"]) == off
    assert first["promotion_name"].startswith(f"{off:g} off")


@pytest.mark.slow
def test_the_project_works_as_a_dbt_package(tmp_path: Path) -> None:
    """A root project of one's own with packages.yml: schemas and vars hold, and a seed of the root takes a seed's place."""
    import subprocess
    import sys

    (tmp_path / "macros").mkdir()
    (tmp_path / "seeds").mkdir()
    (tmp_path / "packages.yml").write_text(f"packages:\n  - local: {paths.shipped_project()}\n")
    (tmp_path / "profiles.yml").write_bytes((paths.shipped_profiles() / "profiles.yml").read_bytes())
    (tmp_path / "seeds" / "pricing_policy.csv").write_bytes(
        (paths.shipped_project() / "seeds" / "pricing_policy.csv").read_bytes()
    )
    (tmp_path / "macros" / "generate_schema_name.sql").write_text(
        "{% macro generate_schema_name(custom, node) %}{{ offerhouse.generate_schema_name(custom, node) }}{% endmacro %}"
    )
    (tmp_path / "dbt_project.yml").write_text(
        "name: my_shop\nprofile: offerhouse\nvars: {offerhouse: {shop_schema: raw}}\n"
        "seeds: {my_shop: {+schema: policies}, offerhouse: {pricing_policy: {+enabled: false}}}\n"
    )

    def dbt(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", "--quiet", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    dbt("deps")
    lines = dbt(
        "ls",
        "--select",
        "pricing_policy",
        "offers",
        "--resource-type",
        "model",
        "--resource-type",
        "seed",
        "--output",
        "json",
        "--output-keys",
        "name",
        "schema",
        "package_name",
    )
    told = {entry["name"]: entry for entry in map(json.loads, lines.splitlines()) if "name" in entry}
    assert (told["pricing_policy"]["schema"], told["pricing_policy"]["package_name"]) == ("policies", "my_shop")
    assert (told["offers"]["schema"], told["offers"]["package_name"]) == ("promotions", "offerhouse")
    (tmp_path / "warehouse").mkdir()
    with duckdb.connect(str(tmp_path / "warehouse" / "offerhouse.duckdb")) as connection:
        connection.execute("create schema raw")
        connection.execute(f"create table raw.order_lines as select order_no as order_id from ({BOUGHT})")
    source = dbt("ls", "--select", "source:shop.order_lines", "--output", "json", "--output-keys", "name", "schema")
    assert '"schema": "raw"' in source


def test_help_and_initialise_need_no_shop(promo: Promo, tmp_path: Path) -> None:
    code, out, _ = promo("init", "--help")
    assert (code, "Example: promo init" in out) == (0, True)
    with pytest.raises(PromoError, match="no terminal"):
        initialise(Wishes(tmp_path, Source("files", str(tmp_path))), is_asked=False, takes_proposals=False)
