"""What runs here tells nobody: onnxruntime and dbt report their use unless they are told not to."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from promo_cli.paths import dbt_project_path, models_path

SCRIPT = """
import sys
from pathlib import Path
from {module} import *
from udfs.onnx_session import open_session
open_session("purchase_intent", Path(sys.argv[1]).read_bytes())
"""


def test_onnxruntime_keeps_no_device_id_and_reports_nothing(tmp_path: Path) -> None:
    """It keeps a device id and what is to be sent in the home folder; there is neither."""
    environment = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")}
    network = models_path() / "purchase_intent" / "model.onnx"
    for module in ("udfs", "models_onnx"):
        script = SCRIPT.format(module=module)
        home = {"HOME": str(tmp_path)}
        subprocess.run([sys.executable, "-c", script, str(network)], check=True, env=environment | home, timeout=60)
        assert list(tmp_path.rglob("*")) == []


def test_dbt_reports_nothing() -> None:
    project = yaml.safe_load((dbt_project_path() / "dbt_project.yml").read_text())
    assert project["flags"]["send_anonymous_usage_stats"] is False
