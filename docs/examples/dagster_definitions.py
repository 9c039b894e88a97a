"""Dagster: the night's work as assets, with a check of freshness. Each asset is one verb of `promo`.

SHOP_FILES names the folder of the shop's export, CAMPAIGN the campaign whose file is written; `promo` finds its databases by
OFFERHOUSE_DB. Run it once: dagster job execute -f dagster_definitions.py -j nightly
"""

import json
import os
import subprocess

import dagster as dg

ENVIRONMENT_FAULT = 3
"""Disk, memory, permission, a locked database: all that may pass by itself. Data, policies, calls and builds don't."""

RETRIES = dg.RetryPolicy(max_retries=3, delay=300)


def promo(*arguments: str) -> str:
    """Standard output of `promo ARGUMENTS`; its last words on stderr are the failure's description."""
    done = subprocess.run(["promo", *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    message = (done.stderr.strip().splitlines() or ["no message"])[-1]
    raise dg.Failure(message, allow_retries=done.returncode == ENVIRONMENT_FAULT)


@dg.asset(retry_policy=RETRIES)
def shop_tables() -> dg.MaterializeResult:
    """The shop's export in the working database."""
    loaded = json.loads(promo("load", "files", os.environ["SHOP_FILES"], "--quiet", "--json"))
    return dg.MaterializeResult(metadata={"tables": dg.MetadataValue.json(loaded)})


@dg.asset(deps=[shop_tables], retry_policy=RETRIES)
def publication() -> dg.MaterializeResult:
    """The published database of a build that has passed."""
    promo("build", "--wait", "1800", "--quiet")
    published = json.loads(promo("status", "--json"))["published"]
    told = ("build_id", "as_of_date", "content_hash", "relations", "table_rows")
    return dg.MaterializeResult(metadata={name: published[name] for name in told})


@dg.asset_check(asset=publication, blocking=True)
def publication_is_fresh() -> dg.AssetCheckResult:
    """Published within the hour."""
    hours = json.loads(promo("status", "--json"))["published"]["age_hours"]
    return dg.AssetCheckResult(passed=hours <= 1, metadata={"age_hours": hours})


@dg.asset(deps=[publication], retry_policy=RETRIES)
def campaign_file() -> dg.MaterializeResult:
    """The audience of a campaign, with its manifest beside it."""
    manifest = json.loads(promo("export", os.environ["CAMPAIGN"], "--quiet", "--json"))
    return dg.MaterializeResult(metadata={name: manifest[name] for name in ("path", "rows", "sha256")})


nightly = dg.define_asset_job("nightly")

defs = dg.Definitions(
    assets=[shop_tables, publication, campaign_file],
    asset_checks=[publication_is_fresh],
    jobs=[nightly],
    schedules=[dg.ScheduleDefinition(job=nightly, cron_schedule="15 2 * * *")],
)
