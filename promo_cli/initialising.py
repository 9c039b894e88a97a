"""What `promo init` does: look at a shop first, then write. Nothing is written before the mapping has been tried."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import typer

from promo_cli import encryption, layout
from promo_cli.connectors.csv_header import check_encoding
from promo_cli.connectors.files import check_currency, check_timezone
from promo_cli.contract import Table, read_contract
from promo_cli.errors import USAGE_FAULT, PromoError
from promo_cli.mapping.artefact import SOURCE_FILE, source_text
from promo_cli.mapping.coverage import Capability, coverage
from promo_cli.mapping.hints import name_fit, read_hints
from promo_cli.mapping.policies import POLICIES, ShopFigures, figures, write_policies
from promo_cli.mapping.profile import Shop, look
from promo_cli.mapping.proposal import Proposal
from promo_cli.mapping.propose import Proposer
from promo_cli.mapping.review import Tried, changed, try_out
from promo_cli.mapping.source import Source, attach
from promo_cli.mapping.source_yaml import source_yaml
from promo_cli.mapping_report import print_mapping, print_proposals, print_written, readme
from promo_cli.paths import database_path, dbt_project_path, is_offerhouse_project, shipped_project
from promo_cli.warehouse import quoted_name, set_limits

MAPPING_FOLDER = "mapping"


@dataclass(frozen=True)
class Wishes:
    """What `promo init` was told."""

    folder: Path
    source: Source | None = None
    timezone: str | None = None
    currency: str | None = None
    local_times: bool = False
    changes: tuple[str, ...] = ()
    database: Path | None = None

    @property
    def working_database(self) -> Path:
        """The working database of the project."""
        return database_path(self.database, self.folder)


@dataclass(frozen=True)
class Outcome:
    """What was found and written."""

    folder: Path
    is_new: bool
    source: Source | None = None
    timezone: str = "UTC"
    currency: str | None = None
    proposals: dict[str, Proposal] | None = None
    tried: dict[str, Tried] | None = None
    covered: tuple[Capability, ...] = ()
    policies: tuple[str, ...] = ()
    by_vars: bool = False
    unused: tuple[str, ...] = ()
    database: Path | None = None
    """The working database where it isn't the project's own one."""


def initialise(
    wishes: Wishes,
    is_asked: bool,
    takes_proposals: bool,
    as_json: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Lay out the project and map the shop; asks at the terminal when `is_asked`, prints what was done.

    With `dry_run` nothing is written; `quiet` leaves out the lines of the proposal.

    Raises PromoError when a source can't be read, nothing in it is a shop, there is no terminal to ask at and the proposals
    weren't taken unseen, or the folder has a mapping already.
    """
    if is_asked:
        wishes = _ask_where(wishes)
    elif wishes.source and not takes_proposals:
        raise PromoError(
            "there is no terminal to ask at; say --yes to take the proposals, --change LINE=WHAT to change some", USAGE_FAULT
        )
    project = wishes.folder / "dbt_project"
    is_new = not is_offerhouse_project(project)
    if wishes.source is None:
        outcome = Outcome(wishes.folder, is_new)
        if not dry_run:
            layout.lay_out(wishes.folder)
            _write_readme(outcome)
        print_written(outcome, as_json, dry_run)
        return outcome
    if (wishes.folder / MAPPING_FOLDER).exists():
        raise PromoError(
            f"{wishes.folder / MAPPING_FOLDER} is there, and may be edited; move it away, and promo init proposes anew",
            USAGE_FAULT,
        )
    check_currency(wishes.currency)
    check_encoding(wishes.source.encoding)
    contract = read_contract(_contract_of(project))
    with _looked_at(wishes) as shop:
        source = wishes.source
        if source.kind == "duckdb" and _same_file(Path(source.place), wishes.working_database):
            source = replace(source, kind="warehouse", schema=next(iter(shop.tables.values())).schema)
        zone = wishes.timezone or (_asked_zone(shop.connection) if is_asked else "UTC")
        check_timezone(shop.connection, zone)
        currency = wishes.currency or _currency_of(shop)
        if is_asked and not wishes.currency:
            currency = _asked_currency(currency)
        proposals = Proposer(shop, contract, _synonyms(), zone if wishes.local_times else None).proposals()
        _refuse_no_shop(proposals, shop)
        for told in wishes.changes:
            proposals = changed(proposals, told, shop, contract)
        if is_asked:
            proposals = _reviewed(proposals, shop, contract)
        tried = try_out(proposals, shop, contract)
        tables = {name: f"from mapped.{quoted_name(name)}" for name in proposals}
        known = figures(shop.connection, tables)
        named = {proposal.base for proposal in proposals.values()} | {
            table
            for proposal in proposals.values()
            for table in shop.tables
            if f"source.{table}" in proposal.sql or f'source."{table}"' in proposal.sql
        }
        unused = tuple(table for table in shop.tables if table not in named)
        schemas = {name: table.schema for name, table in shop.tables.items()}
    covered = coverage({name: proposal.columns for name, proposal in proposals.items()})
    by_vars = source.kind == "warehouse" and all(proposal.is_renames for proposal in proposals.values())
    outcome = Outcome(
        wishes.folder, is_new, source, zone, currency, proposals, tried, tuple(covered),
        by_vars=by_vars, unused=unused, database=wishes.database,
    )  # fmt: skip
    if not dry_run:
        if is_new:
            layout.lay_out(wishes.folder)
        if by_vars:
            _write_vars(wishes, project, source, zone, currency, proposals, schemas, shop)
        else:
            _write_mapping(wishes.folder / MAPPING_FOLDER, source, zone, currency, proposals)
        untouched = all(layout.is_untouched(project, f"seeds/{name}") for name in POLICIES)
        told_policies = write_policies(project / "seeds", known, currency) if untouched else _policies_kept(known)
        outcome = replace(outcome, policies=tuple(told_policies))
        _write_readme(outcome)
    print_mapping(outcome, as_json, show_lines=not (is_asked or quiet))
    print_written(outcome, as_json, dry_run)
    return outcome


@contextmanager
def _looked_at(wishes: Wishes) -> Iterator[Shop]:
    """The shop's tables on a connection in memory, looked at; what doesn't fit into memory is spilled where nobody else reads."""
    if wishes.source is None:
        raise ValueError("nothing to look at")
    with tempfile.TemporaryDirectory(prefix="promo-") as spill, duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set temp_directory = $spill", {"spill": spill})
        if encryption.is_on():
            connection.execute("set temp_file_encryption = true")
        set_limits(connection)
        yield look(connection, attach(connection, wishes.source))


def _contract_of(project: Path) -> Path:
    root = project if is_offerhouse_project(project) else shipped_project()
    return root / "models" / "staging" / "shop.yml"


def _same_file(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _synonyms() -> dict[str, str]:
    import csv

    with (dbt_project_path() / "seeds" / "event_type_synonyms.csv").open(encoding="utf-8", newline="") as file:
        return {row["word"]: row["event_type"] for row in csv.DictReader(file)}


def _currency_of(shop: Shop) -> str | None:
    """The most frequent word of the first column that holds currencies."""
    known = read_hints().columns["order_lines"]["+currency"].names
    for columns in shop.columns.values():
        for column in columns:
            if (
                name_fit(column.name, known) > 0.8
                and column.words
                and all(len(word) == 3 and word.isalpha() for word in column.words)
            ):
                return column.words[0].upper()
    return None


def _refuse_no_shop(proposals: dict[str, Proposal], shop: Shop) -> None:
    if "events" in proposals or {"products", "order_lines"} <= proposals.keys():
        return
    lacking = [name for name in ("products", "order_lines") if name not in proposals]
    seen = "; ".join(
        f"{table} ({', '.join(column.name for column in columns[:12])})" for table, columns in list(shop.columns.items())[:6]
    )
    raise PromoError(
        f"no table looks like {' or '.join(lacking)}, or like an event log: order lines need a user, a product, a time "
        "and a price or total. "
        f"Seen: {seen}. Rename columns, or write mapping/{lacking[0]}.sql by hand (docs: bring your shop)"
    )


def _ask_where(wishes: Wishes) -> Wishes:
    if wishes.source is not None:
        return wishes
    typer.echo(
        "Where are the shop's tables?\n  1  a folder of CSV, Parquet or JSON files\n  2  a DuckDB file\n"
        "  3  Postgres\n  4  nowhere yet"
    )
    chosen = typer.prompt("1-4", default="1", prompt_suffix=": ").strip()
    if chosen == "1":
        return replace(wishes, source=Source("files", typer.prompt("Folder")))
    if chosen == "2":
        return replace(wishes, source=Source("duckdb", typer.prompt("File")))
    if chosen == "3":
        return replace(
            wishes,
            source=Source("postgres", typer.prompt("Environment variable that holds its postgresql:// URL", default="SHOP_URL")),
        )
    return wishes


def _asked_zone(connection: duckdb.DuckDBPyConnection) -> str:
    while True:
        zone = str(typer.prompt("Time zone in which the shop cuts its days", default="UTC"))
        try:
            check_timezone(connection, zone)
        except PromoError as error:
            typer.echo(error.message)
        else:
            return zone


def _asked_currency(found: str | None) -> str | None:
    while True:
        told = str(typer.prompt("Currency of all money (ISO 4217; - for none)", default=found or "-")).strip().upper()
        if told == "-":
            return None
        try:
            check_currency(told)
        except PromoError as error:
            typer.echo(error.message)
        else:
            return told


def _reviewed(proposals: dict[str, Proposal], shop: Shop, contract: dict[str, Table]) -> dict[str, Proposal]:
    """The proposals after a person's changes, one a line, until an empty one."""
    print_proposals(proposals)
    while True:
        told = str(
            typer.prompt(
                "Change a line (12=orders.placed_at, 12='EUR', 12=-, events=-), or Enter to take it",
                default="",
                show_default=False,
            )
        ).strip()
        if not told:
            return proposals
        try:
            proposals = changed(proposals, told, shop, contract)
            _refuse_no_shop(proposals, shop)
        except PromoError as error:
            typer.echo(error.message)
        else:
            print_proposals(proposals)


def _write_mapping(folder: Path, source: Source, zone: str, currency: str | None, proposals: dict[str, Proposal]) -> None:
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name, proposal in proposals.items():
        (unfinished / f"{name}.sql").write_text(proposal.sql, encoding="utf-8")
    (unfinished / SOURCE_FILE).write_text(source_text(source, zone, currency, folder), encoding="utf-8")
    unfinished.replace(folder)


def _write_vars(
    wishes: Wishes,
    project: Path,
    source: Source,
    zone: str,
    currency: str | None,
    proposals: dict[str, Proposal],
    schemas: dict[str, str | None],
    shop: Shop,
) -> None:
    """Names alone differ and the tables stand in the working database: vars say it all, and nothing has to be loaded."""
    from udfs.secret import make_secret

    schema = source.schema or next(iter(schemas.values())) or "main"
    renamed = {
        name: {
            field.column: field.source.partition(".")[2]
            for field in proposal.fields
            if field.source.partition(".")[2].lower() != field.column
        }
        for name, proposal in proposals.items()
    }
    layout.set_vars(
        project,
        {
            "shop_schema": schema,
            "shop_identifiers": {name: proposal.base for name, proposal in proposals.items() if proposal.base != name},
            "shop_columns": {name: columns for name, columns in renamed.items() if columns},
            "shop_timezone": zone,
            "shop_currency": currency,
        },
    )
    folder = project / "models" / "sources"
    folder.mkdir(exist_ok=True)
    (folder / "shop_tables.yml").write_text(source_yaml(schema, proposals, shop.columns), encoding="utf-8")
    make_secret(wishes.working_database.resolve())


def _policies_kept(known: ShopFigures) -> list[str]:
    return [
        f"dbt_project/seeds stay as they are; {len(known.categories)} categories were found: does pricing_policy.csv fit them?"
    ]


def _write_readme(outcome: Outcome) -> None:
    path = outcome.folder / "README.md"
    if not path.exists():
        path.write_text(readme(outcome), encoding="utf-8")
