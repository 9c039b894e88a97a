"""Queries of the dbt project as an analyst's client runs them: names of dbt become names in the published database."""

import re
from functools import cache
from pathlib import Path

from rendered_sql import PROJECT, model_files

_REF = re.compile(r"{{ ref\('(\w+)'\) }}")


@cache
def relations() -> dict[str, str]:
    """schema.name of every model and seed by its name; the schema is the folder."""
    models = {path.stem: path.relative_to(PROJECT / "models").parts[0] for path in model_files()}
    seeds = {path.stem: "policies" for path in (PROJECT / "seeds").glob("*.csv")}
    return {name: f"{schema}.{name}" for name, schema in {**models, **seeds}.items()}


def published_sql(file: Path) -> str:
    """The query of `file`, in which people can read all but its ref()s as it stands."""
    text = _REF.sub(lambda found: relations()[found.group(1)], file.read_text())
    assert "{{" not in text, f"{file}: an analysis has no Jinja but ref()"
    assert "{%" not in text, f"{file}: an analysis has no Jinja but ref()"
    return text
