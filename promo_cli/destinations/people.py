"""A destination's people at the moment of export: how many, and their lines of CSV."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from promo_cli.campaign_audience import staying_people
from promo_cli.destinations.accepted import Accepted
from promo_cli.destinations.contacts import contacts


@dataclass(frozen=True)
class People:
    """Numbers of people: written, left out (unreachable, bad ids, duplicates), with an e-mail address; and of bad values."""

    rows: int
    unreachable: int
    bad_ids: int
    duplicates: int
    with_email: int
    bad_emails: int
    bad_phones: int


def count_people(connection: duckdb.DuckDBPyConnection, accepted: Accepted) -> People:
    """The people of the audience found last that `accepted` lets through."""
    row = connection.execute(
        f"""{_lines(accepted, accepted.columns)},
        counted as (
            select
                count(*) as people,
                count(*) filter (where email is null and phone is null) as unreachable,
                count(*) filter (where has_bad_id and (email is not null or phone is not null)) as bad_ids,
                count(*) filter (where has_bad_email) as bad_emails,
                count(*) filter (where has_bad_phone) as bad_phones
            from contacts
        ),
        written_lines as (select count(*) as rows, count(*) filter (where has_email) as with_email from lines)
        select people, rows, unreachable, bad_ids, with_email, bad_emails, bad_phones from counted cross join written_lines
        """
    ).fetchall()[0]
    people, rows, unreachable, bad_ids, with_email, bad_emails, bad_phones = row
    duplicates = people - unreachable - bad_ids - rows
    return People(rows, unreachable, bad_ids, duplicates, with_email, bad_emails, bad_phones)


def read_lines(connection: duckdb.DuckDBPyConnection, accepted: Accepted, columns: dict[str, str]) -> Iterator[bytes]:
    """Their lines, LF included, in order of user_id; `columns` are those of `accepted` for this audience."""
    query = f"{_lines(accepted, columns)} select line from lines order by user_id"
    for batch in connection.sql(query).to_arrow_reader(65_536):
        for line in batch.column(0).to_pylist():
            yield f"{line}\n".encode()


def header_line(columns: dict[str, str]) -> bytes:
    """The first line of each file."""
    return (",".join(columns) + "\n").encode()


def _lines(accepted: Accepted, columns: dict[str, str]) -> str:
    """CTEs that end in `lines`: one a person, equal ones once."""
    # in two steps: quoting names each cell four times, and hashing it once is enough
    cells = ", ".join(f'{expression} as "{header}"' for header, expression in columns.items())
    line = ", ".join(f"""coalesce({_quoted(f'"{header}"')}, '')""" for header in columns)
    return f"""{staying_people()},
{contacts(accepted.writes_id)},
chosen as ({accepted.chosen}),
cells as (select user_id as person, email is not null as has_email, {cells} from chosen),
lines as (
    select min(person) as user_id, bool_or(has_email) as has_email, line
    from (select person, has_email, concat_ws(',', {line}) as line from cells)
    group by line
)"""


def _quoted(text: str) -> str:
    """RFC 4180: quotes around what holds a comma, a quote or a line end; null stays null, which is an empty cell."""
    return f"case when regexp_matches({text}, '[\",\\r\\n]') then '\"' || replace({text}, '\"', '\"\"') || '\"' else {text} end"
