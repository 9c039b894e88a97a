"""Who is in a campaign's file at the moment of export."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from promo_cli.campaign_columns import COLUMNS
from promo_cli.connectors.near_match import did_you_mean
from promo_cli.errors import DATA_FAULT, PromoError, shown

# The build's audience, with what has changed since. stg_consents holds what the build accepted, which is nothing dated
# after its as-of date; the view withdrawals (promo_cli/withdrawals.py) holds those of all that is loaded now. A withdrawal
# counts from the moment it is loaded, unreadable date or not, and for every purpose where nobody knows which is meant; a grant
# counts from the next build on. Of two rows of one moment the withdrawal holds.
_WITHDRAWN = """
with said as (
    select user_id, purpose, changed_at, granted from staging.stg_consents where purpose in ('marketing', 'ads')
    union all
    select withdrawals.user_id, told.purpose, coalesce(withdrawals.changed_at, timestamp 'infinity'), false
    from withdrawals
    cross join (values ('marketing'), ('ads')) as told (purpose)
    where withdrawals.purpose = told.purpose
        or coalesce(withdrawals.purpose not in ('marketing', 'personalisation', 'ads'), true)
),
withdrawn as (
    select user_id, purpose
    from said
    group by user_id, purpose
    having max(changed_at) filter (where not granted)
        >= coalesce(max(changed_at) filter (where granted), timestamp '-infinity')
)"""
# The build lets nobody into an audience who has not agreed to marketing, but it asks nobody about ads.
_NO_ADS = "coalesce(not permissions.ads_consent, true) or ads.user_id is not null"
_FOUND = "found_audience"
"""A temporary table: the audience is put together once, which takes longer than to write it."""
_STAYS = "not has_withdrawn and not is_held_out and not lacks_ads_consent"


def _judged(needs_ads: bool) -> str:
    """CTEs that end in `judged`: every row of the build's audiences (COLUMNS), with what speaks against it now."""
    return f"""{_WITHDRAWN},
judged as (
    select
        {", ".join(f"try_cast({_table_of(name)} as {kind}) as {name}" for name, kind in COLUMNS.items())},
        marketing.user_id is not null as has_withdrawn,
        coalesce(permissions.is_holdout, true) as is_held_out,
        {_NO_ADS if needs_ads else "false"} as lacks_ads_consent
    from promotions.campaign_audience as audience
    inner join people on audience.user_id = people.user_id
    left join features.user_permissions as permissions
        on audience.as_of_date = permissions.as_of_date and audience.user_id = permissions.user_id
    left join withdrawn as marketing on audience.user_id = marketing.user_id and marketing.purpose = 'marketing'
    left join withdrawn as ads on audience.user_id = ads.user_id and ads.purpose = 'ads'
)"""


def _table_of(column: str) -> str:
    """A column of the audience; people are named as the shop names them."""
    return "people.shop_user_id" if column == "user_id" else f"audience.{column}"


def staying_people() -> str:
    """A CTE `staying`: who of the audience that was found last may be reached now (columns: COLUMNS)."""
    return f"with staying as (\n    select {', '.join(COLUMNS)} from {_FOUND} where {_STAYS}\n)"


@dataclass(frozen=True)
class Audience:
    """A campaign with people in it, and how many of the build's audience are left out of it by now."""

    campaign_id: str
    campaign_name: str
    as_of_date: date
    withdrawn: int
    held_out: int
    without_ads_consent: int = 0
    staying: int = 0
    """People who are in the file."""


def find_audience(connection: duckdb.DuckDBPyConnection, campaign_id: str, needs_ads: bool = False) -> Audience:
    """The audience of `campaign_id`; with `needs_ads`, those of it who have agreed to ads too. It is kept for `staying_people`.

    Raises PromoError (exit code 1) when the campaign is unknown or has nobody in it.
    """
    # A command line that is no UTF-8 arrives with halves of characters, which no database can hold.
    campaign_id = re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", campaign_id)
    connection.execute(
        f"create or replace temp table {_FOUND} as {_judged(needs_ads)} select * from judged where campaign_id = $1",
        [campaign_id],
    )
    row = connection.execute(
        f"""
        select
            max(campaign_name), max(as_of_date), count(*), count(*) filter (where {_STAYS}),
            count(*) filter (where has_withdrawn), count(*) filter (where is_held_out and not has_withdrawn),
            count(*) filter (where lacks_ads_consent and not is_held_out and not has_withdrawn)
        from {_FOUND}
        """
    ).fetchall()[0]
    name, as_of_date, listed, staying, withdrawn, held_out, no_ads = row
    if not listed:
        raise _nobody(connection, campaign_id)
    if not staying:
        raise PromoError(
            f"campaign {shown(campaign_id)}: all {listed:,} of its audience are left out ({withdrawn:,} have withdrawn "
            f"consent, {held_out:,} are in the control group{f', {no_ads:,} have not agreed to ads' if needs_ads else ''}); "
            "nothing was written",
            DATA_FAULT,
        )
    return Audience(campaign_id, name or campaign_id, as_of_date, withdrawn, held_out, no_ads, staying)


def read_audience(connection: duckdb.DuckDBPyConnection, select: str) -> Any:
    """A stream of Arrow record batches of the audience found last: `select` over `audience` (COLUMNS), in order of user_id.

    `select` is a select list of this project's own, never a person's words.
    """
    query = f"{staying_people()} select {select} from staying as audience order by user_id"
    return connection.sql(query).to_arrow_reader(65_536)


def _nobody(connection: duckdb.DuckDBPyConnection, campaign_id: str) -> PromoError:
    """Why a campaign has nobody in it: it isn't known, or nobody was offered anything of it."""
    sizes = dict(
        connection.execute(
            f"""{_judged(needs_ads=False)}
            select campaign_id, sum(person) as people
            from (
                select campaign_id, 1 as person from judged where {_STAYS}
                union all
                select campaign_id, 0 as person from promotions.promotion_terms
            )
            where campaign_id is not null
            group by campaign_id
            order by people desc, campaign_id
            """
        ).fetchall()
    )
    if campaign_id in sizes:
        return PromoError(f"campaign {shown(campaign_id)} has no audience: {_why_no_offers(connection, campaign_id)}")
    known = [f"{shown(campaign)} ({people:,})" for campaign, people in list(sizes.items())[:8]]
    more = f" and {len(sizes) - 8} more" if len(sizes) > 8 else ""
    return PromoError(
        f"campaign {shown(campaign_id)} is not known"
        + did_you_mean(campaign_id, sizes)
        + (f"; known, with people: {', '.join(known)}{more}" if known else "; the last build knows no campaign")
    )


def _why_no_offers(connection: duckdb.DuckDBPyConnection, campaign_id: str) -> str:
    eligible, considered = connection.execute(
        "select count(distinct user_id) filter (where is_eligible), count(distinct user_id) "
        "from promotions.coupon_eligibility where campaign_id = ?",
        [campaign_id],
    ).fetchall()[0]
    if eligible:
        return f"{eligible:,} people are eligible, but other offers or a budget came first; see promotions.allocation"
    reasons = connection.execute(
        """
        select code, count(distinct user_id) as people
        from (
            select user_id, unnest(reject_reasons) as code from promotions.coupon_eligibility where campaign_id = ?
        )
        group by code
        order by people desc, code
        limit 5
        """,
        [campaign_id],
    ).fetchall()
    told = ", ".join(f"{code} {people:,}" for code, people in reasons)
    return f"none of {considered:,} people is eligible ({told or 'no reasons'}); see promotions.coupon_eligibility"
