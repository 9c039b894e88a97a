"""A training set of a share of the users: their rows as beside everybody, statistics of everybody."""

import shutil
from datetime import date
from pathlib import Path

from models_onnx.tasks import TASKS, task
from promo_cli import training_set
from promo_cli.training_set import Shop, TrainingSet, dbt_vars

DATES = [date(2025, 4, 1), date(2025, 5, 1)]
SHARE = 0.4
SAMPLED = f"hash(user_id) % 1000000 < {round(SHARE * 1_000_000)}"


def tell(*_: object) -> None:
    """Nobody listens."""


def tables_of(learned: TrainingSet) -> dict[str, tuple[bool, list[dict[str, object]]]]:
    """What was built beyond staging: whether it tells of users, and its rows in an order."""
    names = learned.rows(
        "select schema_name || '.' || table_name as name from duckdb_tables() where schema_name in ('features', 'scores')"
    )["name"]
    found = {}
    for name in sorted(names.to_pylist()):
        rows = learned.rows(f"from {name} order by all")
        found[name] = ("user_id" in rows.column_names, rows.to_pylist())
    return found


def test_rows_of_a_share_of_the_users_are_what_they_are_beside_everybody(small_warehouse: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(small_warehouse, database)
    models = list(dict.fromkeys(model for name in TASKS for model in task(name).feature_models))
    with training_set.training_set(database, 1, tell) as learned:
        learned.build_models(models, DATES, tell)
        whole = tables_of(learned)
        learned.build_models(models, DATES, tell, SHARE)
        cut = tables_of(learned)
        share_of = {
            name: learned.rows(f"select count(*) as rows, count(*) filter ({SAMPLED}) as sampled from {name}").to_pylist()[0]
            for name, (of_users, _) in cut.items()
            if of_users
        }
    assert cut.keys() == whole.keys()
    sampled = dbt_vars()["learned_models"]
    assert set(sampled) <= {name.partition(".")[2] for name in cut}
    thinner = set()
    for name, (of_users, rows) in cut.items():
        model = name.partition(".")[2]
        if model in sampled:
            assert of_users
            assert share_of[name]["rows"] == share_of[name]["sampled"], name
            thinner |= {model} if len(rows) < len(whole[name][1]) else set()
            users = {row["user_id"] for row in rows}
            assert rows == [row for row in whole[name][1] if row["user_id"] in users], name
        else:
            assert rows == whole[name][1], name
    assert {"candidate_products", "user_product_features", "purchase_intent_labels", "churn_features"} <= thinner


def test_a_large_shop_is_learned_from_a_share_of_its_users() -> None:
    def shop(buyers: int, users: int) -> Shop:
        return Shop("files", buyers, users, date(2024, 1, 1), date(2025, 1, 1))

    assert shop(2_469, 2_469).learned_share == shop(10_000, 50_000).learned_share == 1
    assert shop(100_000, 110_000).learned_share == 0.1
    assert shop(20_000, 1_000_000).learned_share == 0.05
    assert shop(2_469, 2_469).told == "files: 2469 buyers, 2024-01-01 to 2025-01-01 (exclusive)"
    assert shop(100_000, 110_000).told.endswith(", rows of 10.0% of the users")
