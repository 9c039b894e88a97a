"""Errors for people: one line that says what is wrong, where, and what to do.

Exit codes of `promo`, documented here and nowhere else:

    0  done
    1  the data or the policy is at fault
    2  the command was called wrongly
    3  the environment is at fault: a missing extra, disk, memory, permission, a locked database
    4  a dbt build failed
"""

import errno

DATA_FAULT = 1
USAGE_FAULT = 2
ENVIRONMENT_FAULT = 3
BUILD_FAULT = 4


class PromoError(Exception):
    """An error told in one line; `exit_code` is one of this module's codes."""

    def __init__(self, message: str, exit_code: int = DATA_FAULT) -> None:
        self.message = " ".join(message.splitlines())
        super().__init__(self.message)
        self.exit_code = exit_code


def as_promo_error(error: Exception) -> PromoError:
    """Any exception as a PromoError; raises nothing. What is not known is called unexpected."""
    import duckdb

    if isinstance(error, PromoError):
        return error
    if isinstance(error, OSError):
        return _from_os_error(error)
    if isinstance(error, duckdb.Error):
        return _from_duckdb_error(error)
    return PromoError(f"unexpected {type(error).__name__}: {_first_line(error)}; run again with --debug and report it")


def _from_os_error(error: OSError) -> PromoError:
    place = f": {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return PromoError(f"no space left on the disk{place}; free some and run again", ENVIRONMENT_FAULT)
    if error.errno in (errno.EACCES, errno.EPERM):
        return PromoError(f"permission denied{place}; give this user the right to it", ENVIRONMENT_FAULT)
    return PromoError(f"{(error.strerror or _first_line(error)).lower()}{place}", ENVIRONMENT_FAULT)


def _from_duckdb_error(error: Exception) -> PromoError:
    import duckdb

    text = str(error)
    if "Could not set lock" in text:
        return PromoError("the database is open in another process; close it and run again", ENVIRONMENT_FAULT)
    if "No space left" in text or "max_temp_directory_size" in text:
        return PromoError(
            "no disk space left for the database or its spill files; free some or raise OFFERHOUSE_SPILL",
            ENVIRONMENT_FAULT,
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return PromoError("DuckDB ran out of memory; raise OFFERHOUSE_MEMORY, e.g. OFFERHOUSE_MEMORY=8GB", ENVIRONMENT_FAULT)
    if isinstance(error, duckdb.IOException):
        return PromoError(duckdb_reason(error), ENVIRONMENT_FAULT)
    return PromoError(f"unexpected {type(error).__name__}: {_first_line(error)}; run again with --debug and report it")


def duckdb_reason(error: Exception) -> str:
    """First line of a DuckDB error without its `IO Error: ` like label."""
    label, separator, rest = _first_line(error).partition(" Error: ")
    return rest if separator else label


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0]
