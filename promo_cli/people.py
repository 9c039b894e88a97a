"""A user from the command line, as the warehouse knows them."""

from __future__ import annotations

import re
from pathlib import Path

from promo_cli.errors import DATA_FAULT, ENVIRONMENT_FAULT, PromoError, shown

_PSEUDONYM = re.compile("[0-9a-f]{32}")


def user_key(database: Path, user: str) -> str:
    """The key of `user`, the shop's own id or that key itself, in what readers of the working database `database` see.

    The key is computed and then looked up, so it takes no longer on a million users. Raises PromoError: exit code 1 when
    there is no such user, or nobody is known because nothing is built, and when the user was erased; 3 when the secret is
    gone or the database can't be opened.
    """
    from promo_cli.warehouse_reader import open_read_only, readable_database
    from promo_cli.withdrawals import is_there

    path = readable_database(database)
    with open_read_only(path) as connection:
        if not is_there(connection, "features", "user_permissions"):
            raise PromoError(f"{path} knows no users yet; run promo build", DATA_FAULT)
        for key in candidate_keys(database, user):
            if connection.execute("select 1 from features.user_permissions where user_id = $1 limit 1", [key]).fetchall():
                return key
    raise nobody(database, user)


def candidate_keys(database: Path, user: str) -> list[str]:
    """The keys under which `user` may be known: made with the secret; or `user` itself, a key or an id while privacy is off."""
    from promo_cli.key import secret_of
    from udfs.secret import pseudonym

    secret = secret_of(database)
    return [*([pseudonym(secret, user)] if secret else []), user]


def nobody(database: Path, user: str) -> PromoError:
    """Why `user` is not found: erased, unknown, or not to be found without the secret."""
    from promo_cli.erasures import was_erased
    from promo_cli.key import secret_of

    told = shown(user)
    if was_erased(database, user):
        return PromoError(f"user {told} was erased: nothing is held on them, and loads leave them out", DATA_FAULT)
    if secret_of(database) is None and not _PSEUDONYM.fullmatch(user) and _has_pseudonyms(database):
        return PromoError(
            "the secret that users' pseudonyms are made with is gone: bring back OFFERHOUSE_SECRET or the key file beside the "
            "database; without it nobody is found",
            ENVIRONMENT_FAULT,
        )
    return PromoError(f"user {told} is not known; give the shop's own user id, as it stands in the shop's tables", DATA_FAULT)


def _has_pseudonyms(database: Path) -> bool:
    from promo_cli.warehouse_reader import open_read_only, readable_database
    from promo_cli.withdrawals import is_there

    with open_read_only(readable_database(database)) as connection:
        if not is_there(connection, "staging", "stg_users"):
            return False
        keys = connection.execute("select user_id from staging.stg_users limit 5").fetchall()
        return bool(keys) and all(_PSEUDONYM.fullmatch(key) for (key,) in keys)
