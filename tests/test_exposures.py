"""What the dbt project says of who reads what (models/exposures.yml) is what their code asks for."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from published_sql import relations
from rendered_sql import PROJECT

ROOT = Path(__file__).resolve().parents[1]
EXPOSURES: dict[str, dict[str, Any]] = {
    exposure["name"]: exposure for exposure in yaml.safe_load((PROJECT / "models/exposures.yml").read_text())["exposures"]
}
FILES = {
    "promo_plan": ["promo_cli/plan.py"],
    "campaign_export": ["promo_cli/campaign_audience.py", "promo_cli/warehouse_reader.py", "promo_cli/destinations/*.py"],
    "promo_explain": ["promo_cli/explanation.py", "promo_cli/phrases.py"],
    "promo_trace": ["promo_cli/trace.py"],
    "promo_audit": ["promo_cli/audit.py"],
    "promo_status": ["promo_cli/status.py"],
    "promo_report": ["promo_cli/report.py", "promo_cli/report_page/*.py", "promo_cli/report_page/queries/*.sql"],
    "promotions_notebook": ["notebooks/promotions.py"],
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


@pytest.mark.parametrize("name", FILES)
def test_exposure_lists_what_is_read(name: str) -> None:
    files = [file for pattern in FILES[name] for file in ROOT.glob(pattern)]
    if not files:
        pytest.skip(f"there is none of {', '.join(FILES[name])}")
    words = {word for file in files for word in re.findall(r"\b[a-z]+\.[a-z_0-9]+\b", file.read_text())}
    assert words & {*relations().values(), *RECORDS} - BESIDE == exposed(name)


def test_the_published_database_exposes_what_the_readme_asks() -> None:
    readme = (ROOT / "README.md").read_text()
    asked = set(re.findall(r"^\| `(\w+\.\w+)` \|", readme, re.MULTILINE))
    assert len(asked) > 20
    assert asked <= exposed("published_database")


def test_exposures_are_told() -> None:
    for name, exposure in EXPOSURES.items():
        assert exposure["description"].strip(), name
        assert exposure["owner"]["name"], name
        assert exposure["maturity"] in ("low", "medium", "high"), name
