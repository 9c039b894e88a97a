"""`promo subject-access`: everything that is held on one person, as JSON (GDPR art. 15)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promo_cli.console import messages
from promo_cli.options import AsJson, Database, Exports, path_told
from promo_cli.paths import database_path, published_path

if TYPE_CHECKING:
    import duckdb

    from promo_cli.person import Person


def subject_access(
    user: Annotated[str, typer.Argument(metavar="USER", help="The shop's own user id, or the warehouse's key.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", parser=path_told, help="Write it there, for you alone, instead of printing it."
        ),
    ] = None,
    exports: Exports = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Print every row that names a person, of every table and campaign file: one JSON document.

    Read from the working database, or, while another process has it, from what is published, which is not everything: a note
    says so. With --output, --json tells where it is and how many rows it has.
    """
    from promo_cli.private_files import put_in_place, refuse_foreign, unfinished_file

    if output is not None:
        refuse_foreign(output, lambda beginning: beginning.startswith(_BEGINNING), "holds something else")
    path = database_path(database)
    found = everything_on(path, user, exports or [])
    if found["read_from"] != str(path):
        messages().print(
            f"note: another process has {path}, so this is what is published: neither the shop's own tables nor what models "
            "alone read; run it again for everything"
        )
    document = json.dumps(found, indent=2, ensure_ascii=False, default=str)
    if output is None:
        typer.echo(document)
        return
    with unfinished_file(output.parent) as file:
        file.write(f"{document}\n".encode())
        put_in_place({output: file})
    rows = sum(map(len, found["relations"].values()))
    if as_json:
        typer.echo(json.dumps({"output": str(output), "tables": len(found["relations"]), "rows": rows}))
    else:
        typer.echo(f"{rows:,} rows of {len(found['relations'])} tables: {output}")


_BEGINNING = b'{\n  "user": '
"""Of every document that --output has written."""


def everything_on(database: Path, user: str, folders: list[Path]) -> dict[str, Any]:
    """All that is held on `user`, fit for JSON: who they are, rows by table, rows by campaign file, and sealed campaign files.

    Whether a sealed one names the user nobody here can tell.

    Raises PromoError: the user is not known or was erased (exit code 1), no database can be opened (3).
    """
    from promo_cli.erasing import attached, look_up
    from promo_cli.errors import ENVIRONMENT_FAULT, PromoError
    from promo_cli.exported_files import Known, folders_of, rows_of, sealed_files
    from promo_cli.people_file import people_of

    read = database
    try:
        (person,) = look_up(database, [user])
    except PromoError as error:
        published = published_path(database)
        if error.exit_code != ENVIRONMENT_FAULT or not published.is_file():
            raise
        read = published  # another process has the working database
        (person,) = look_up(database, [user], read_working=False)
    with attached(read, people=people_of(read, published_path(database))) as connection:
        relations = _relations(connection, person)
    known = folders_of(database, folders)
    files = {str(path): rows for folder in known for path, rows in rows_of(folder, Known.of([person]))}
    return {
        "user": person.shop_user_id,
        "known_as": list(person.keys),
        "read_from": str(read),
        "relations": relations,
        "campaign_files": files,
        "sealed_files": [str(path) for folder in known for path in sealed_files(folder)],
    }


def _relations(connection: "duckdb.DuckDBPyConnection", person: "Person") -> dict[str, list[dict[str, Any]]]:
    """Rows by table, tables in order: first the shop's own, then layer by layer."""
    from promo_cli.rewriting import PeopleIn
    from promo_cli.warehouse_reader import records

    found = {}
    catalogs = {name for (name,) in connection.execute("select database_name from duckdb_databases()").fetchall()}
    for catalog in ("old", "people_file"):
        if catalog not in catalogs:
            continue
        theirs = PeopleIn(connection, catalog, [person])
        for schema, table in sorted(theirs.tables, key=lambda name: (_LAYERS.get(name[0], len(_LAYERS)), name)):
            condition = theirs.theirs(schema, table)
            if condition == "false":
                continue
            rows = records(connection, f"from {theirs.relation(schema, table)} where {condition} order by all")
            if rows:
                found[f"private.{table}" if catalog == "people_file" else f"{schema}.{table}"] = rows
    return found


_LAYERS = {
    schema: place
    for place, schema in enumerate(("shop", "private", "staging", "features", "scores", "promotions", "exports", "audits"))
}
