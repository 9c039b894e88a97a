"""dbt in a process of its own that tells what happens as JSON lines: `python -m promo_cli.dbt_process ARGUMENTS`, dbt's own.

dbt's JSON log would say the same, but makes a line of every event, each statement's SQL among them, before it looks whether
anybody reads it: a sixth of a small shop's build.
"""

import atexit
import os
import signal
import sys
import threading
import time
from typing import Any, NoReturn

from dbt.cli.main import dbtRunner
from dbt_common.events.base_types import BaseEvent, EventLevel, EventMsg
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager
from dbt_common.events.functions import env_scrubber, msg_to_json

_POLL_SECONDS = 0.2
_SILENT = (EventLevel.DEBUG, EventLevel.TEST)


class _ToldEvents(EventManager):
    """dbt's own, but makes no message of an event that nobody is told. `loggers` has dbt.log, where it is asked for."""

    def fire_event(self, e: BaseEvent, level: EventLevel | None = None, *rest: Any, **named: Any) -> None:
        if self.loggers or (level or e.level_tag()) not in _SILENT:
            super().fire_event(e, level, *rest, **named)


def tell(event: EventMsg) -> None:
    """A line for what dbt would tell on a terminal."""
    if event.info.level not in _SILENT:
        print(env_scrubber(msg_to_json(event)), flush=True)


def main() -> None:
    """Leaves with 0 when all that dbt was asked for went well, with 1 when something of it failed, with 2 when dbt itself did."""
    _end_with_parent()
    events = _ToldEvents()
    events.loggers = get_event_manager().loggers  # which tell of arguments that can't be read, until dbt has set up its own
    ctx_set_event_manager(events)
    result = dbtRunner(callbacks=[tell]).invoke(["--log-level", "none", *sys.argv[1:]])
    if result.exception is not None:
        print(env_scrubber(str(result.exception)))
    _leave(0 if result.success else 1 if result.exception is None else 2)


def _leave(code: int) -> NoReturn:
    """As at any exit the database is closed and passing files go, but dbt's objects aren't taken apart, which takes a second."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


def _end_with_parent() -> None:
    """`promo build` that is killed takes its dbt along: nobody waits for a build that would read the project, wait for the
    database for as long as it was told to, or keep it locked.
    """
    parent = os.environ.get("OFFERHOUSE_PARENT")
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(_POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
