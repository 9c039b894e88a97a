"""The notebook for analysts runs from end to end on the published database, and says something."""

import importlib.util
from pathlib import Path

import pytest

from promo_cli.paths import published_path

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks/promotions.py"
TABLES = ("segments", "campaigns", "refusals", "discounts", "calibration", "columns")
CHARTS = ("segments_chart", "discounts_chart", "calibration_chart")


def test_the_notebook_answers_its_questions(small_warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("marimo", reason='marimo is not installed: pip install "offerhouse[notebook]"')
    pytest.importorskip("altair", reason='altair is not installed: pip install "offerhouse[notebook]"')
    monkeypatch.setenv("OFFERHOUSE_DB", str(small_warehouse))
    spec = importlib.util.spec_from_file_location("promotions_notebook", NOTEBOOK)
    assert spec is not None
    assert spec.loader is not None
    notebook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(notebook)
    _, defined = notebook.app.run()  # raises what a cell raises
    assert Path(defined["published"]) == published_path(small_warehouse)
    try:
        for table in TABLES:
            assert len(defined[table].fetchall()) > 0, table
        for chart in CHARTS:
            drawn = defined[chart].to_dict()
            assert any(drawn["datasets"].values()), chart
        meanings = {name: meaning for name, _, meaning in defined["columns"].fetchall()}
        assert meanings["face_value"] == "What the user gains, shop currency."
    finally:
        defined["warehouse"].close()
