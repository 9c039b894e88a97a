"""A build of what changed makes what a build of everything makes."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from promo_cli.paths import shipped_project

pytestmark = pytest.mark.usefixtures("pseudonyms")

VARIABLES = yaml.safe_load((shipped_project() / "dbt_project.yml").read_text())["vars"]
SOME = {
    "a third of them": "(select user_id from private.user_keys where hash(user_id) % 3 = 0)",
    # whose rows can't tell that others were sent a campaign
    "one who was sent nothing": "(select min(user_id) from promotions.considered_promotions where user_id not in "
    "(select user_id from staging.stg_campaign_sends))",
}


@pytest.mark.parametrize("some", SOME.values(), ids=SOME)
def test_models_by_user_make_of_the_rows_of_some_users_what_they_make_of_theirs_among_all(
    small_warehouse: Path, tmp_path: Path, some: str
) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(small_warehouse, database)
    artefacts = small_warehouse.parent / "dbt" / "warehouse"
    nodes = json.loads((artefacts / "manifest.json").read_text())["nodes"]
    results = json.loads((artefacts / "run_results.json").read_text())["results"]
    compiled = {result["unique_id"]: result["compiled_code"] for result in results}
    compared = 0
    with duckdb.connect(str(database)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name in VARIABLES["models_by_user"]:
            model = nodes[f"model.offerhouse.{name}"]
            whole = cut = compiled[f"model.offerhouse.{name}"]
            for node in model["depends_on"]["nodes"]:
                if "user_id" in nodes.get(node, {}).get("columns", {}):
                    relation = nodes[node]["relation_name"]
                    cut = cut.replace(relation, f"(select * from {relation} where user_id in {some})")
            assert cut != whole, f"{name} reads no users"
            columns = ", ".join(column for column in model["columns"] if column not in VARIABLES["unhashed_columns"])
            kept = f"select {columns} from {model['relation_name']} where user_id in {some}"
            of_some = f"select {columns} from ({cut})"
            found = connection.execute(
                f"select count(*) from (({kept} except all {of_some}) union all ({of_some} except all {kept}))"
            ).fetchone()
            assert found == (0,), f"{name} makes other rows of some users"
            compared += connection.execute(f"select count(*) > 0 from ({kept})").fetchall()[0][0]
    assert compared > 40
