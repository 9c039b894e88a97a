"""What the shell completes beside verbs and options: names that stand in the models folder or the published database.

Completion answers while somebody types: whatever is wrong, it offers nothing and says nothing.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from promo_cli.paths import database_path, models_path

_MOST = 200


def model_names(context: typer.Context, incomplete: str) -> list[str]:
    """Models of the registry."""
    chosen: Any = context.params.get("models_folder")
    try:
        names = json.loads((models_path(Path(chosen) if chosen else None) / "registry.json").read_bytes())
    except (OSError, ValueError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def _published(query: str) -> Callable[[typer.Context, str], list[str]]:
    """Completion by the first column of `query` ($1: how the name begins) on what is published."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        import duckdb

        from promo_cli.errors import PromoError
        from promo_cli.warehouse_reader import open_read_only, readable_database

        chosen: Any = context.params.get("database")
        try:
            with open_read_only(readable_database(database_path(Path(chosen) if chosen else None))) as connection:
                return [str(name) for (name,) in connection.execute(f"{query} limit {_MOST}", [incomplete]).fetchall()]
        except (PromoError, duckdb.Error, OSError):
            return []

    return complete


campaigns = _published(
    "select distinct campaign_id from promotions.promotion_terms where starts_with(campaign_id, $1) order by campaign_id"
)
promotions = _published(
    "select distinct promotion_id from promotions.promotion_terms where starts_with(promotion_id, $1) order by promotion_id"
)
offers = _published("select offer_id from promotions.offers where starts_with(offer_id, $1) order by offer_id")
