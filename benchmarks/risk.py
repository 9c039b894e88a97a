"""Precision and recall of the risk flags on shops with planted abuse and honest look-alikes.

Run: python benchmarks/risk.py [--hundreds 20] [--first-seed 4] [--seeds 3]

A quiet ring (one address, coupons on different days) looks like a dormitory, so the shipped rules let both alone; small rings
by payment or device are told from families by the coupons that three of them share. The rules were set on seeds 1 to 3.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from risk_shop import ABUSIVE, write_risk_shop

from promo_cli.connectors import files
from promo_cli.dbt_runner import run_dbt
from promo_cli.warehouse import open_warehouse

LEAST_PRECISION = 0.95
LEAST_RECALL = 0.80


def flagged_users(folder: Path, hundreds: float, seed: int) -> tuple[dict[str, str], set[str]]:
    """Make a shop, judge it by the shipped rules: what each user is, and who is flagged."""
    kinds = write_risk_shop(folder / "shop", hundreds, seed)
    database = folder / "offerhouse.duckdb"
    with open_warehouse(database) as connection:
        files.load(connection, files.find_shop_files(folder / "shop", "utf-8"), "UTC", "EUR", None)
    # users are looked up by the shop's own ids
    run_dbt(["build", "--select", "+risk_flags", "--exclude-resource-type", "test", "unit_test"], database, {"privacy": "off"})
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute("select user_id from scores.risk_scores where is_flagged").fetchall()
    return kinds, {user for (user,) in found}


def main() -> None:
    """Prints the table; leaves with 1 when precision or recall is below its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hundreds", type=float, default=20)
    parser.add_argument("--first-seed", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    there: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            kinds, flagged = flagged_users(Path(folder), options.hundreds, seed)
        there += Counter(kinds.values())
        caught += Counter(kinds[user] for user in flagged)
    print(f"{'who':<18} {'users':>7} {'flagged':>8}")
    for kind in sorted(there, key=lambda kind: (kind not in ABUSIVE, kind)):
        print(f"{kind:<18} {there[kind]:>7} {caught[kind]:>8}{'' if kind in ABUSIVE else '   honest'}")
    right = sum(caught[kind] for kind in ABUSIVE)
    precision = right / max(sum(caught.values()), 1)
    recall = right / sum(there[kind] for kind in ABUSIVE)
    kept = precision >= LEAST_PRECISION and recall >= LEAST_RECALL
    print(f"precision {precision:.3f} (limit {LEAST_PRECISION}), recall {recall:.3f} (limit {LEAST_RECALL})")
    honest = sum(there.values()) - sum(there[kind] for kind in ABUSIVE)
    wrong = sum(caught.values()) - right
    print(f"false positives: {wrong} of {honest} honest users, {wrong / honest:.2%}")
    raise SystemExit(0 if kept else 1)


if __name__ == "__main__":
    main()
