"""The demo beside one hand-written script that does the same job: time, peak memory, and whether both say the same.

    offerhouse    promo load complete-journey, promo build (with the publication), promo export: the three steps of `promo demo`
    script        benchmarks/notebook_script.py: pandas, numpy, scipy, xgboost and onnxruntime on the same files

Both start with nothing and run in turn. What the script writes is compared row by row with the published file: equal keys,
numbers within 1e-6 (of their size, above 1), equal decisions. What the pipeline does beside the job is in its time and not in
the script's: the table says what. Beneath it stands where the build's time goes.

python benchmarks/demo_against_script.py [--repeats 1] [--dearest 5] [--keep FOLDER]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
from peak import Peak, resident_bytes

LEAST_SPEED, LARGEST_MEMORY = 3.0, 1 / 3
LARGEST_DIFFERENCE = 1e-6
CAMPAIGN = "weekly_thanks"
SCRIPT = Path(__file__).with_name("notebook_script.py")

NOT_IN_THE_SCRIPT = [
    "contract checks of every table, and rejected rows with reasons",
    "data tests and policy faults: the tests counted below",
    "pseudonyms (HMAC) and a file of people apart",
    "reasons of scores and of refusals in two languages, least changes",
    "lineage of offers: inputs, policies, models by SHA-256",
    "fairness, compliance, drift, row accounting, feedback effect",
    "risk flags, loyalty ledger, topics, user price sensitivity, plans",
    "category and subcategory interest, campaign redemption",
    "basket quotes, segment migration, cluster profiles",
    "publication by one rename, with content hashes and a rollback",
    "input hashes: the next build scores what changed alone",
]


@dataclass(frozen=True)
class Compared:
    """One output of both: SQL over the published file (`u` gives the shop's user ids) and over the script's file."""

    name: str
    keys: Sequence[str]
    ours: str
    script: str


PRICES = "list_price, demand_factor, market_price, price_floor, discount_response, response_floor, prior_price, last_price"
USERS = "inner join known.main.people as u using (user_id)"
OUTPUTS = [
    Compared(
        "purchase_intent_scores",
        ["user_id"],
        f"select u.shop_user_id as user_id, purchase_intent from scores.purchase_intent_scores {USERS}",
        "select user_id, purchase_intent from script",
    ),
    Compared(
        "churn_scores",
        ["user_id"],
        f"select u.shop_user_id as user_id, churn_risk, churn_risk_56d from scores.churn_scores {USERS}",
        "select user_id, churn_risk, churn_risk_56d from script",
    ),
    Compared(
        "interest_scores",
        ["user_id", "product_id"],
        f"select u.shop_user_id as user_id, product_id, interest from scores.interest_scores {USERS}",
        "select user_id, product_id, interest from script",
    ),
    Compared(
        "user_segments",
        ["user_id"],
        f"select s.* exclude (user_id, as_of_date), u.shop_user_id as user_id from promotions.user_segments as s {USERS}",
        "from script",
    ),
    Compared(
        "market_prices",
        ["product_id"],
        f"select product_id, reduction_began_on, {PRICES} from promotions.market_prices",
        f"select product_id, date '{{today}}' - cast(reduction_ago as integer) as reduction_began_on, {PRICES} from script",
    ),
    Compared(
        "dynamic_prices",
        ["user_id", "product_id"],
        "select u.shop_user_id as user_id, product_id, interest, relative_interest, formula_price, binding_guardrail, "
        f"guarded_price, personal_price, non_personal_price from promotions.dynamic_prices {USERS}",
        "from script",
    ),
    Compared(
        "recommendations",
        ["user_id", "recommendation_rank"],
        "select u.shop_user_id as user_id, recommendation_rank, product_id, interest, relevance "
        f"from promotions.recommendations {USERS}",
        "from script",
    ),
    Compared(
        "coupon_eligibility",
        ["user_id", "promotion_id"],
        "select u.shop_user_id as user_id, promotion_id, is_eligible, reason, face_value, product_id, redemption_score, cost, "
        "expected_margin, array_to_string(list_sort(reject_reasons), '|') as reject_reasons "
        f"from promotions.coupon_eligibility {USERS}",
        "select *, array_to_string(list_sort(string_split(codes, '|')), '|') as reject_reasons "
        "from (select * rename (reject_reasons as codes) from script)",
    ),
    Compared(
        "allocation",
        ["user_id", "promotion_id"],
        "select u.shop_user_id as user_id, promotion_id, user_rank, efficiency, decision from promotions.allocation " + USERS,
        "from script",
    ),
    Compared(
        "offers",
        ["user_id", "promotion_id"],
        "select u.shop_user_id as user_id, promotion_id, product_id, face_value, reserved_budget as cost, redemption_score, "
        f"expected_margin, user_rank from promotions.offers {USERS}",
        "from script",
    ),
    Compared(
        "the campaign's file",
        ["user_id"],
        "select * exclude (as_of_date, campaign_id, campaign_name, offer_ids) from ours",
        "from script",
    ),
]


@dataclass(frozen=True)
class Run:
    """One run of a side."""

    seconds: float
    peak_mib: float
    steps: dict[str, float]


def timed(commands: dict[str, list[str]]) -> Run:
    """Runs the commands one after the other; leaves when one fails."""
    steps, most = {}, 0.0
    for step, command in commands.items():
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        memory = Peak(partial(resident_bytes, process.pid))
        if process.wait():
            raise SystemExit(f"{step} failed: {' '.join(command)}")
        steps[step] = time.monotonic() - began
        most = max(most, memory.stop() / 2**20)
    return Run(sum(steps.values()), most, steps)


def ours(folder: Path) -> Run:
    """Load, build and export into `folder`."""
    promo = [sys.executable, "-m", "promo_cli.main"]
    database = ["--database", str(folder / "demo.duckdb"), "--quiet"]
    return timed(
        {
            "load": [*promo, "load", "complete-journey", *database],
            "build": [*promo, "build", *database],
            "export": [*promo, "export", CAMPAIGN, "--output", str(folder / "exports"), *database],
        }
    )


def script(folder: Path) -> Run:
    """The script, into `folder`/script."""
    return timed({"script": [sys.executable, str(SCRIPT), str(folder / "script")]})


def compare(folder: Path) -> list[tuple[str, int, int, str]]:
    """Of each output its name, the pipeline's rows, how many of them the script has alike, and what differs."""
    (campaign,) = (folder / "exports").glob("*.csv")
    (people,) = (folder / "published" / "private").glob("*.people-*.duckdb")
    told = []
    with duckdb.connect(config={"python_enable_replacements": False}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{people}' as known (read_only)")
        connection.execute(f"attach '{folder / 'published' / 'demo.duckdb'}' as published (read_only)")
        connection.execute("use published")
        ((today,),) = connection.execute("select max(as_of_date) from staging.as_of_dates").fetchall()
        connection.execute(f"create temp view ours as from read_csv('{campaign}', all_varchar = true)")
        for output in OUTPUTS:
            is_file = output.name == "the campaign's file"
            written = next((folder / "script").glob("*.csv")) if is_file else folder / "script" / f"{output.name}.parquet"
            reader = f"read_csv('{written}', all_varchar = true)" if is_file else f"read_parquet('{written}')"
            connection.execute(f"create or replace temp view script as from {reader}")
            connection.execute(f"create or replace temp table a as {output.ours}")
            connection.execute(f"create or replace temp table b as {output.script.format(today=today)}")
            told.append((output.name, *_compare_tables(connection, output)))
    return told


def _compare_tables(connection: duckdb.DuckDBPyConnection, output: Compared) -> tuple[int, int, str]:
    kinds = dict(connection.execute("select column_name, column_type from (describe a)").fetchall())
    same = {}
    for column, kind in kinds.items():
        if column in output.keys:
            continue
        if kind in ("FLOAT", "DOUBLE") or kind.startswith("DECIMAL"):
            first, second = f"a.{column}::double", f"b.{column}::double"
            bound = f"{LARGEST_DIFFERENCE} * greatest(1, abs({first}))"
            unknown = f"a.{column} is null and coalesce(isnan({second}), true)"
            same[column] = f"(({unknown}) or coalesce(abs({first} - {second}) <= {bound}, false))"
        else:
            same[column] = f"a.{column}::varchar is not distinct from b.{column}::varchar"
    keys = " and ".join(f"a.{key}::varchar = b.{key}::varchar" for key in output.keys)
    differing = ", ".join(f"count(*) filter (where not {test})" for test in same.values())
    both, alike, *counts = connection.execute(
        f"select count(*), count(*) filter (where {' and '.join(same.values())}), {differing} from a inner join b on {keys}"
    ).fetchall()[0]
    rows, others = connection.execute("select (select count(*) from a), (select count(*) from b)").fetchall()[0]
    told = {**dict(zip(same, counts, strict=True)), "not in the script": rows - both, "in the script alone": others - both}
    return rows, alike, ", ".join(f"{name} {count:,}" for name, count in told.items() if count)


def print_where_it_goes(folder: Path, dearest: int) -> None:
    """Seconds of the last build by kind of dbt node, of the models beneath the compared outputs, and of its dearest parts."""
    artefacts = folder / "dbt" / "warehouse"
    told = json.loads((artefacts / "run_results.json").read_text())
    took = {result["unique_id"]: result["execution_time"] for result in told["results"]}
    kinds: dict[str, list[float]] = defaultdict(list)
    for node, seconds in took.items():
        kinds[node.split(".")[0]].append(seconds)
    print(f"\ndbt: {told['elapsed_time']:.0f} s for {len(took):,} nodes on 2 threads; seconds of threads by kind:")
    for kind, each in sorted(kinds.items(), key=lambda item: -sum(item[1])):
        print(f"  {sum(each):7.1f} s  {len(each):5,}  {kind}")
    needed = beneath(json.loads((artefacts / "manifest.json").read_text())["parent_map"])
    seconds = sum(took.get(node, 0) for node in needed)
    print(f"  {seconds:7.1f} s  {len(needed):5,}  of the models: what the compared outputs rest on")
    for node, seconds in sorted(took.items(), key=lambda item: -item[1])[:dearest]:
        print(f"  {seconds:7.2f} s         {node}")


def beneath(parents: dict[str, list[str]]) -> set[str]:
    """The models of the compared outputs, and all that they read."""
    found = {f"model.offerhouse.{output.name}" for output in OUTPUTS} & parents.keys() | {"model.offerhouse.campaign_audience"}
    waiting = list(found)
    while waiting:
        new = {parent for parent in parents[waiting.pop()] if parent.startswith("model.")} - found
        found |= new
        waiting += new
    return found


def main() -> None:
    """Print the tables; leaves with 1 when a bar is broken or an output differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--dearest", type=int, default=5, metavar="N", help="parts of the build to name")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="what both wrote in the last run stays there")
    chosen = parser.parse_args()
    pairs = []
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(chosen.repeats):
            folder = Path(temporary) / str(number)
            if chosen.keep and number == chosen.repeats - 1:
                folder = chosen.keep
            folder.mkdir(parents=True, exist_ok=True)
            pairs.append((ours(folder), script(folder)))
        compared = compare(folder)
        print_table(pairs)
        print(f"\n{'output':24} {'rows':>9} {'alike':>9}   differs in (numbers by more than {LARGEST_DIFFERENCE})")
        for name, rows, alike, differing in compared:
            print(f"{name:24} {rows:9,} {alike:9,}   {differing}")
        print("\nin the pipeline's time and not in the script's:")
        for part in NOT_IN_THE_SCRIPT:
            print(f"  {part}")
        print_where_it_goes(folder, chosen.dearest)
    speed = statistics.median(other.seconds / own.seconds for own, other in pairs)
    memory = statistics.median(own.peak_mib / other.peak_mib for own, other in pairs)
    kept = {True: "kept", False: "BROKEN"}
    print(f"\n{'as fast as the script':48} {speed:6.2f} x   >= {LEAST_SPEED:.2f}   {kept[speed >= LEAST_SPEED]}")
    print(f"{'peak memory beside the script':48} {memory:6.2f} x   <= {LARGEST_MEMORY:.2f}   {kept[memory <= LARGEST_MEMORY]}")
    if speed < LEAST_SPEED or memory > LARGEST_MEMORY or any(rows != alike or differs for _, rows, alike, differs in compared):
        raise SystemExit(1)


def print_table(pairs: list[tuple[Run, Run]]) -> None:
    """Medians of both sides by step."""
    print(f"{'':24} {'seconds':>9} {'peak MiB':>9}   ({len(pairs)} runs each, in turn; medians)")
    for name, runs in zip(("offerhouse", "script"), zip(*pairs, strict=True), strict=True):
        seconds = statistics.median(run.seconds for run in runs)
        print(f"{name:24} {seconds:9.1f} {statistics.median(run.peak_mib for run in runs):9.0f}")
        if len(runs[0].steps) > 1:
            for step in runs[0].steps:
                print(f"{'  ' + step:24} {statistics.median(run.steps[step] for run in runs):9.1f}")


if __name__ == "__main__":
    main()
