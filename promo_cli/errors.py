"""Errors for people: one line that says what is wrong, where, and what to do.

Exit codes of `promo`, which `promo --help` tells in these words:

    0  done
    1  the data or the policy is at fault
    2  the command was called wrongly
    3  the environment is at fault: a missing extra, disk, memory, permission, a locked database
    4  a dbt build failed

And what shells say of any program that a signal ends, which is nobody's fault: READER_GONE, INTERRUPTED, TERMINATED.
"""

import errno
import re

DATA_FAULT = 1
USAGE_FAULT = 2
ENVIRONMENT_FAULT = 3
BUILD_FAULT = 4
READER_GONE = 141
"""Who read standard output left before all was told, as `| head` does."""
INTERRUPTED = 130
"""Stopped at the keyboard, by Ctrl-C."""
TERMINATED = 143
"""Told to end by SIGTERM, as orchestrators, containers and a machine that shuts down do."""


LONGEST_MESSAGE = 2_000  # characters
_VALUE = re.compile(r"""(convert string|input string|string|value|field) (["'])(.{0,400}?)\2""", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@'\"<>(),;:/]{1,64}@[^\s@'\"<>(),;:/]{1,255}\.[^\s@'\"<>(),;:/]{1,63}")
_OS_ERROR = re.compile(r"\[Errno (\d+)\] ([^:\[\]]+): '([^']+)'")
_TELEPHONE = re.compile(r"\+\d[\d ().-]{6,20}\d")


class PromoError(Exception):
    """An error told in one line; `exit_code` is one of this module's codes.

    The line is fit for a terminal and a log: no control characters, no e-mail address, no telephone number, 2,000 characters
    at most.
    """

    def __init__(self, message: str, exit_code: int = DATA_FAULT) -> None:
        self.message = fit_for_terminals(message)
        super().__init__(self.message)
        self.exit_code = exit_code


def as_promo_error(error: Exception) -> PromoError:
    """Any exception as a PromoError; raises nothing. What is not known is called unexpected."""
    import duckdb

    from udfs.model_registry import ModelRefused

    if isinstance(error, PromoError):
        return error
    if isinstance(error, ModelRefused):
        return PromoError(str(error), DATA_FAULT)
    if isinstance(error, OSError):
        return _from_os_error(error)
    if isinstance(error, duckdb.Error):
        return _from_duckdb_error(error)
    if isinstance(error, ValueError) and "null byte" in str(error):
        return PromoError("a path holds a NUL character, which no file's name can; take it out", USAGE_FAULT)
    if isinstance(error, MemoryError):
        return PromoError("this machine's memory is used up; free some and run again", ENVIRONMENT_FAULT)
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
    if lacking := resource_fault(text):
        return lacking
    if isinstance(error, duckdb.IOException | duckdb.FatalException):
        return PromoError(duckdb_reason(error), ENVIRONMENT_FAULT)
    return PromoError(f"unexpected {type(error).__name__}: {_first_line(error)}; run again with --debug and report it")


def resource_fault(text: str) -> PromoError | None:
    """What to tell where the words of DuckDB or dbt say that disk, memory or rights are lacking; None for anything else."""
    if "No space left" in text or "max_temp_directory_size" in text or "File too large" in text:
        return PromoError(
            "no disk space left for the database or its spill files; free some or raise OFFERHOUSE_SPILL",
            ENVIRONMENT_FAULT,
        )
    if "Out of Memory" in text:
        return PromoError("DuckDB ran out of memory; raise OFFERHOUSE_MEMORY, e.g. OFFERHOUSE_MEMORY=8GB", ENVIRONMENT_FAULT)
    denied = _OS_ERROR.search(text)
    if denied and int(denied[1]) in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _from_os_error(OSError(int(denied[1]), denied[2], denied[3]))
    return None


def shape(text: str) -> str:
    """How a value is written, and nothing of what it says: letters as a, digits as 9."""
    return repr(re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", text)))


def fit_for_terminals(message: str) -> str:
    """One printable line without personal data: what engines quote from a shop's rows may be anybody's address."""
    line = " ".join(message.splitlines())
    if len(line) > LONGEST_MESSAGE:
        line = f"{line[: LONGEST_MESSAGE // 2]} … {line[-LONGEST_MESSAGE // 2 :]}"
    line = _VALUE.sub(lambda found: f"{found[1]} {shape(found[3])}", line)
    line = _TELEPHONE.sub("[telephone number]", _EMAIL.sub("[e-mail address]", line))
    return printable(line)


def shown(text: str) -> str:
    """`text` fit for a terminal's line: no control characters, no more than 60 characters."""
    plain = printable(text)
    return plain if len(plain) <= 60 else f"{plain[:59]}…"


def storable(text: str) -> str:
    """A command line that is no UTF-8 arrives with halves of characters, which no database can hold."""
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def printable(text: str) -> str:
    """`text` in one line, without anything that a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def duckdb_reason(error: Exception) -> str:
    """First line of a DuckDB error without its `IO Error: ` like label."""
    label, separator, rest = _first_line(error).partition(" Error: ")
    return rest if separator else label


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0]
