"""Airflow: the night's work as a DAG. Each task is one verb of `promo`; its exit code decides whether a retry can help.

Settings of the DAG are Airflow variables: offerhouse_shop_files (folder of the shop's export) and offerhouse_campaign. Workers
find the databases as `promo` does, by OFFERHOUSE_DB. Tasks that write the database run one at a time: no second DAG run starts
before the first has ended, and `promo build --wait` waits for anybody else.
"""

import json
import subprocess
from datetime import datetime, timedelta

from airflow.sdk import Variable, dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

ENVIRONMENT_FAULT = 3
"""Disk, memory, permission, a locked database: all that may pass by itself. Data, policies, calls and builds don't."""


def promo(*arguments: str) -> str:
    """Standard output of `promo ARGUMENTS`; its last words on stderr are the exception's message."""
    done = subprocess.run(["promo", *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    message = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if done.returncode == ENVIRONMENT_FAULT:
        raise AirflowException(message)  # Airflow tries again
    raise AirflowFailException(message)  # Airflow doesn't


@dag(
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
)
def offerhouse_nightly() -> None:
    """Load, build, check freshness, export."""

    @task
    def load() -> None:
        promo("load", "files", Variable.get("offerhouse_shop_files"), "--quiet")

    @task
    def build() -> None:
        promo("build", "--wait", "1800", "--quiet")

    @task
    def check_freshness() -> None:
        published = json.loads(promo("status", "--json"))["published"]
        if published is None or published["age_hours"] > 1:
            raise AirflowFailException("what is published is not of this run")

    @task
    def export() -> str:
        manifest = json.loads(promo("export", Variable.get("offerhouse_campaign"), "--quiet", "--json"))
        return f"{manifest['rows']} people: {manifest['path']}"

    load() >> build() >> check_freshness() >> export()


offerhouse_nightly()
