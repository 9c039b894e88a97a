"""Queries of the dbt project as an analyst's client runs them: names of dbt become names in the published database."""

import re
from pathlib import Path

from rendered_sql import PROJECT

_REF = re.compile(r"{{ ref\('(\w+)'\) }}")
_LAYERS = ("staging", "features", "scores", "promotions", "audits")


def _relations() -> dict[str, str]:
    """schema.name of every model and seed by its name."""
    found = {path.stem: "policies" for path in (PROJECT / "seeds").glob("*.csv")}
    for layer in _LAYERS:
        found |= {path.stem: layer for path in (PROJECT / "models" / layer).rglob("*.sql")}
    return {name: f"{schema}.{name}" for name, schema in found.items()}


def published_sql(file: Path) -> str:
    """The query of `file`, which may have no Jinja but plain ref()."""
    relations = _relations()
    text = _REF.sub(lambda found: relations[found.group(1)], file.read_text())
    assert "{{" not in text, f"{file}: an analysis has no Jinja but ref(), so that people can read it"
    assert "{%" not in text, f"{file}: an analysis has no Jinja but ref(), so that people can read it"
    return text
