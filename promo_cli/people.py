"""Who a person named on the command line is in the warehouse."""

from pathlib import Path


def user_key(database: Path, user: str) -> str:
    """The key under which the warehouse of the working database `database` knows the user that the shop calls `user`."""
    return user
