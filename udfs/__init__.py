"""SQL functions in Python: one scorer a file, one model registry, one thin registration per engine.

Scorers (`purchase_intent`, `interest`) know Arrow, numpy and their model, never the SQL engine;
`duckdb_functions` puts them behind DuckDB and `dbt_plugin` behind dbt-duckdb.
"""

import os

# Unless told not to, onnxruntime reports its use to its maker and keeps a device id in the home folder. It is asked at import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
