"""A person of the shop: all that finds what is held on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from promo_cli.campaign_columns import COLUMNS
from promo_cli.warehouse import quoted_name
from promo_cli.withdrawals import is_there

_IDENTIFYING = ("email", "email address", "phone", "phone number", "madid")


@dataclass(frozen=True)
class Person:
    """A person by the shop's own id, by the warehouse's keys (one, or with privacy off the id), and by how they are reached."""

    shop_user_id: str
    keys: tuple[str, ...]
    emails: tuple[str, ...] = ()
    addresses: tuple[str, ...] = field(default=())
    """E-mail address, telephone number and advertiser id as campaign files write them, hashed or not."""


def find_people(connection: duckdb.DuckDBPyConnection, people: str, users: list[str]) -> list[Person]:
    """Those of `users` (the shop's own ids or the warehouse's keys) who stand in the relation `people`, given as SQL.

    `connection` reads the database of that build.
    """
    rows = connection.execute(
        f"select shop_user_id, user_id, email, phone, madid from {people} where shop_user_id in $users or user_id in $users "
        "order by shop_user_id",
        {"users": users},
    ).fetchall()
    return [
        Person(
            shop_user_id,
            (key,),
            tuple(filter(None, [email])),
            _written_addresses(connection, people, shop_user_id) if email or phone or madid else (),
        )
        for shop_user_id, key, email, phone, madid in rows
    ]


def is_identifying(header: str) -> bool:
    """Whether the cells under this header of a campaign file are one person's alone."""
    return header.lower().replace("_", " ") in _IDENTIFYING


def merged(people: list[Person]) -> list[Person]:
    """One of each id: what several databases know of them."""
    found: dict[str, Person] = {}
    for person in people:
        known = found.get(person.shop_user_id, Person(person.shop_user_id, ()))
        found[person.shop_user_id] = Person(
            person.shop_user_id,
            tuple(dict.fromkeys((*known.keys, *person.keys))),
            tuple(dict.fromkeys((*known.emails, *person.emails))),
            tuple(dict.fromkeys((*known.addresses, *person.addresses))),
        )
    return list(found.values())


def _written_addresses(connection: duckdb.DuckDBPyConnection, people: str, shop_user_id: str) -> tuple[str, ...]:
    """By the rules of destinations/contacts.py, so that what an export wrote is found again."""
    from promo_cli.destinations.contacts import contacts
    from promo_cli.destinations.registry import DESTINATIONS

    if not is_there(connection, "policies", "country_calling_codes") or not is_there(connection, "staging", "stg_users"):
        return ()
    # Every cell by which a destination would know a person again: hashed or not, each in that tool's own way of writing it.
    cells = ", ".join(
        dict.fromkeys(
            expression
            for accepted in DESTINATIONS.values()
            for header, expression in {**accepted.columns, **accepted.columns_without_email}.items()
            if is_identifying(header)
        )
    )
    columns = ", ".join(
        f"cast({'people.shop_user_id' if name == 'user_id' else 'null'} as {kind}) as {quoted_name(name)}"
        for name, kind in COLUMNS.items()
    )
    row = connection.execute(
        f"""
        with people as (from {people}),
        staying as (select {columns} from people where shop_user_id = $1),
        {contacts(writes_id=False)}
        select {cells} from contacts
        """,
        [shop_user_id],
    ).fetchone()
    return tuple(filter(None, row or ()))
