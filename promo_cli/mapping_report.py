"""What `promo init` tells: the mapping with its reasons, what is covered, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from promo_cli.layout import Upgrade
from promo_cli.mapping.review import numbered
from promo_cli.tables import columns

if TYPE_CHECKING:
    from promo_cli.initialising import Outcome
    from promo_cli.mapping.proposal import Proposal


WIDTH_OF_FILES = 160
"""Characters of a line where nothing is a terminal: reasons are sentences."""


def print_proposals(proposals: dict[str, Proposal]) -> None:
    """Every line of the mapping: its number, the contract's column, where it is from, and why."""
    cells = [
        [str(line.number), f"{line.table}.{line.field.column}", line.field.source, line.field.reason]
        for line in numbered(proposals)
    ]
    typer.echo(columns(["", "contract", "from", "why"], cells, right={0}))
    for name, proposal in proposals.items():
        for filter_ in proposal.filters:
            typer.echo(f"{name} leaves rows out: {filter_.reason}")


def print_mapping(outcome: Outcome, as_json: bool, show_lines: bool) -> None:
    """The mapping (`show_lines`: its lines too), the rows that it makes, and the coverage; nothing when it is told as JSON."""
    if as_json or outcome.proposals is None or outcome.tried is None:
        return
    if show_lines:
        print_proposals(outcome.proposals)
        typer.echo()
    rows = []
    for name, proposal in outcome.proposals.items():
        tried = outcome.tried[name]
        blanks = ", ".join(f"{column} {_percent(share)}" for column, share in tried.blanks.items())
        rows.append([name, proposal.base, f"{tried.rows:,}", f"{tried.left_out:,}" if tried.left_out else "", blanks])
    typer.echo(columns(["table", "from", "rows", "left out", "required and blank"], rows, right={2, 3}))
    if any(tried.blanks for tried in outcome.tried.values()):
        typer.echo("Rows with a blank in a required column will stand in audits.rejected_rows.")
    if outcome.unused:
        typer.echo(f"Not used: {', '.join(outcome.unused)}")
    typer.echo()
    covered = [
        [
            capability.id,
            capability.name,
            capability.state,
            "; ".join(f"{say} (bring {bring})" for say, bring in zip(capability.lacks, capability.bring, strict=True)),
        ]
        for capability in outcome.covered
    ]
    typer.echo(columns(["", "capability", "", "what is missing, and what switches it on"], covered, right=set()))
    typer.echo()


def print_written(outcome: Outcome, as_json: bool, dry_run: bool = False) -> None:
    """What was written, and the commands that come next; with `dry_run` that nothing was."""
    if as_json:
        typer.echo(json.dumps(_told(outcome) | {"written": not dry_run}, indent=2, ensure_ascii=False))
        return
    if dry_run:
        typer.echo(f"Nothing was written; without --dry-run the project and its mapping go to {outcome.folder}")
        return
    if outcome.is_new:
        typer.echo(f"{outcome.folder}: dbt_project/ (models and policies, yours to change), profiles.yml, .gitignore, README.md")
    if outcome.by_vars:
        typer.echo(
            "dbt_project/dbt_project.yml: names alone differ, so vars map your tables where they stand; "
            "models/sources/shop_tables.yml tells of them"
        )
    elif outcome.proposals:
        typer.echo(
            f"mapping/: {', '.join(f'{name}.sql' for name in outcome.proposals)} and source.yml; edit them, then load again"
        )
    for line in outcome.policies:
        typer.echo(line)
    typer.echo("Next:")
    for command in next_commands(outcome):
        typer.echo(f"  {command}")


def print_upgrade(folder: Path, done: Upgrade, as_json: bool, dry_run: bool = False) -> None:
    """What an upgrade did; with `dry_run` what it would do."""
    if as_json:
        typer.echo(json.dumps(vars(done), indent=2))
        return
    for names, what in (
        (done.replaced, "brought up to date"),
        (done.added, "new"),
        (done.removed, "removed, for it ships no more"),
        (done.kept, "yours, and ships no more: kept"),
        (done.conflicts, "changed by you and in the package: the package's lies beside as .new; merge it, then delete it"),
    ):
        for name in names:
            typer.echo(f"{name}: {what}")
    changed = len(done.replaced) + len(done.added) + len(done.removed) + len(done.conflicts)
    project = folder / "dbt_project"
    if not changed:
        typer.echo(f"{project} is up to date")
    elif dry_run:
        typer.echo(f"{project}: {changed} files would change; nothing was written")
    else:
        typer.echo(f"{project}: {changed} files changed")


def next_commands(outcome: Outcome) -> list[str]:
    """The commands that lead from here to offers."""
    cd = [] if outcome.folder.resolve() == Path.cwd() else [f"cd {outcome.folder}"]
    if outcome.database is not None:
        cd.append(f"export OFFERHOUSE_DB={outcome.database.resolve()}")
    if outcome.proposals is None:
        return [
            *cd,
            "promo init --files YOUR_FOLDER    (or --duckdb FILE: maps your tables)",
            "promo demo                        (or look at the demo shop first)",
        ]
    return [*cd, *([] if outcome.by_vars else ["promo load mapped"]), "promo build", "promo status"]


def readme(outcome: Outcome) -> str:
    """The README of a laid-out project."""
    if outcome.by_vars:
        load = """1. The shop's tables stand in the working database; the vars in `dbt_project/dbt_project.yml` map their names.
   Nothing is loaded."""
    elif outcome.proposals:
        load = """1. `promo load mapped` reads the shop's tables by the SQL in `mapping/`, one file a table of the contract;
   `source.yml` says where they are. What looks wrong there is yours to edit."""
    else:
        load = """1. `promo init --files FOLDER` (or `--duckdb FILE`, `--postgres VARIABLE`) looks at your tables and writes a
   mapping; `promo load mapped` then loads them."""
    return f"""# Promotions of this shop

{load}
2. `promo build` builds segments, prices and offers, tests them, and publishes `warehouse/published/offerhouse.duckdb`.
   `dbt build --project-dir dbt_project` from this folder does the same.
3. `promo sql 'from audits.rejected_rows limit 20'`: rows that broke the contract, each with its reason.
4. `dbt_project/seeds/` holds the policies: `pricing_policy.csv` has your categories, `promotion_catalogue.csv` your promotions.
   They are defaults: read them before anything is sent, then `promo build` again.
5. The shipped models learned from a grocery shop. `pip install "offerhouse[train]"`, then `promo train`, learns from yours.
6. `promo plan` tells what a campaign would do; `promo export CAMPAIGN` writes its file. `promo doctor` says what is wrong.

`dbt_project/` is a copy of what offerhouse ships, yours to change. After an update of the package, `promo init --upgrade` brings
the files up to date that you left alone, and puts the new version of the others beside them as `.new`.

Keep in version control: `dbt_project/`, `mapping/`, `profiles.yml`. Never: `warehouse/`, `exports/`, `*.key` (`.gitignore` sees
to it). Keep a copy of the key file elsewhere: the pseudonyms of your users are made with it.
"""


def _told(outcome: Outcome) -> dict[str, Any]:
    tables = []
    for name, proposal in (outcome.proposals or {}).items():
        tried = outcome.tried[name] if outcome.tried else None
        tables.append({
            "table": name,
            "from": proposal.base,
            "rows": tried.rows if tried else None,
            "left_out": tried.left_out if tried else None,
            "blank_share": tried.blanks if tried else {},
            "columns": [
                {"column": field.column, "from": field.source, "sql": field.sql, "reason": field.reason}
                for field in proposal.fields
            ],
            "filters": [filter_.reason for filter_ in proposal.filters],
        })  # fmt: skip
    return {
        "folder": str(outcome.folder),
        "mapped_by": None if outcome.proposals is None else "vars" if outcome.by_vars else "mapping",
        "timezone": outcome.timezone,
        "currency": outcome.currency,
        "tables": tables,
        "unused": list(outcome.unused),
        "coverage": [
            {"id": item.id, "name": item.name, "state": item.state, "lacks": list(item.lacks), "bring": list(item.bring)}
            for item in outcome.covered
        ],
        "policies": list(outcome.policies),
        "next": next_commands(outcome),
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "under .1 %"
