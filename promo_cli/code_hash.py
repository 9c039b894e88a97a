"""What builds: one hash of all that decides, beside the shop's data, what a build makes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from promo_cli.layout import project_files
from promo_cli.paths import dbt_project_path, models_path, profiles_path
from promo_cli.provenance import offerhouse_version


def code_hash(variables: dict[str, Any]) -> str:
    """SHA-256, 64 hex digits, of the dbt project with its policies, the models' folder, the SQL functions, and versions.

    Raises PromoError when there is no project, OSError when a file can't be read.
    """
    import duckdb

    digest = hashlib.sha256(json.dumps([variables, offerhouse_version(), duckdb.__version__]).encode())
    functions = Path(__file__).resolve().parents[1] / "udfs"
    for folder in (dbt_project_path(), models_path(), functions):
        for name, file in project_files(folder).items():
            digest.update(f"{name}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    digest.update((profiles_path() / "profiles.yml").read_bytes())
    return digest.hexdigest()
