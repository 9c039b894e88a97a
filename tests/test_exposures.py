"""What the dbt project says of who reads what (models/exposures.yml) is what the code of the verbs asks for."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from published_sql import relations
from rendered_sql import PROJECT

CLI = Path(__file__).resolve().parents[1] / "promo_cli"
EXPOSURES: dict[str, dict[str, Any]] = {
    exposure["name"]: exposure for exposure in yaml.safe_load((PROJECT / "models/exposures.yml").read_text())["exposures"]
}
MODULES = {
    "promo_plan": ["plan.py"],
    "campaign_export": ["campaign_audience.py", "export.py", "warehouse_reader.py", "destinations/*.py"],
    "promo_explain": ["explanation.py", "phrases.py"],
    "promo_trace": ["trace.py"],
    "promo_audit": ["audit.py"],
    "promo_status": ["status.py"],
    "promo_report": ["report*.py", "report/*.py"],
}
RECORDS = ("audits.builds", "audits.build_nodes", "audits.publication")
# Withdrawals of consent since the build, of which no model knows.
BESIDE = {"staging.base_consents"}


def exposed(name: str) -> set[str]:
    """schema.name of what the exposure depends on."""
    found = set()
    for entry in EXPOSURES[name]["depends_on"]:
        kind, *names = re.findall(r"\w+", entry)
        found.add(relations()[names[0]] if kind == "ref" else f"audits.{names[1]}")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_exposure_lists_what_the_verb_reads(name: str) -> None:
    files = [file for pattern in MODULES[name] for file in CLI.glob(pattern)]
    if not files:
        pytest.skip(f"promo_cli has none of {', '.join(MODULES[name])}")
    words = {word for file in files for word in re.findall(r"\b[a-z]+\.[a-z_0-9]+\b", file.read_text())}
    assert words & {*relations().values(), *RECORDS} - BESIDE == exposed(name)


def test_the_published_database_exposes_what_the_readme_asks() -> None:
    readme = (CLI.parent / "README.md").read_text()
    asked = set(re.findall(r"^\| `(\w+\.\w+)` \|", readme, re.MULTILINE))
    assert len(asked) > 20
    assert asked <= exposed("published_database")


def test_exposures_are_told() -> None:
    for name, exposure in EXPOSURES.items():
        assert exposure["description"].strip(), name
        assert exposure["owner"]["name"], name
        assert exposure["maturity"] in ("low", "medium", "high"), name
