"""dbt in a process of its own that tells what happens as JSON lines: `python -m promo_cli.dbt_process ARGUMENTS`, dbt's own.

dbt's JSON log would say the same, but makes a line of every event, each statement's SQL among them, before it looks whether
anybody reads it: a sixth of a small shop's build.
"""

import sys

from dbt.cli.main import dbtRunner
from dbt_common.events.base_types import EventMsg
from dbt_common.events.functions import env_scrubber, msg_to_json

_SILENT = ("debug", "test")


def tell(event: EventMsg) -> None:
    """A line for what dbt would tell on a terminal."""
    if event.info.level not in _SILENT:
        print(env_scrubber(msg_to_json(event)), flush=True)


def main() -> None:
    """Leaves with 0 when all that dbt was asked for went well, with 1 when something of it failed, with 2 when dbt itself did."""
    result = dbtRunner(callbacks=[tell]).invoke(["--log-level", "none", *sys.argv[1:]])
    if result.exception is not None:
        print(env_scrubber(str(result.exception)))
    raise SystemExit(0 if result.success else 1 if result.exception is None else 2)


if __name__ == "__main__":
    main()
