"""The shop's own tables as a dbt source, as a person would have described them: for `dbt docs`, and for freshness."""

from typing import Any

import yaml

from promo_cli.mapping.profile import Column
from promo_cli.mapping.proposal import Proposal


def source_yaml(schema: str, proposals: dict[str, Proposal], columns: dict[str, list[Column]]) -> str:
    """A dbt sources file of the tables that `proposals` read, with what each column becomes."""
    becomes: dict[str, dict[str, list[str]]] = {}
    for name, proposal in proposals.items():
        for field in proposal.fields:
            becomes.setdefault(proposal.base, {}).setdefault(field.source.partition(".")[2], []).append(
                f"{name}.{field.column} ({field.reason})"
            )
    tables: list[dict[str, Any]] = []
    for table, used in becomes.items():
        roles = [name for name, proposal in proposals.items() if proposal.base == table]
        tables.append({
            "name": table,
            "description": f"The shop's own table; the contract's {' and '.join(roles)}.",
            "columns": [
                {
                    "name": column.name,
                    "data_type": column.data_type.lower(),
                    "description": f"Becomes {'; '.join(used[column.name])}." if column.name in used else "Not read.",
                }
                for column in columns[table]
            ],
        })  # fmt: skip
    source = {
        "name": "shop_tables",
        "description": "The shop's tables as they stand in the working database.",
        "schema": schema,
        "tables": tables,
    }
    head = (
        "# Written by promo init. The vars shop_schema, shop_identifiers and shop_columns in dbt_project.yml map these tables to "
        "the contract.\n"
    )
    return head + yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False, allow_unicode=True, width=120)
