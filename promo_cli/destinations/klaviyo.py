"""Klaviyo list upload: https://help.klaviyo.com/hc/en-us/articles/115005078967.

The first header is `Email Address` or `Phone Number`, a file has at most 50 MB, and no profile comes twice. Phones keep the
plus of E.164: a quote before it would make them no phones, and a spreadsheet that opens the file reads plus and digits as a
number, nothing that does harm. Columns that Klaviyo doesn't know become properties of the profile.
"""

from promo_cli.campaign_formats import formula_safe, iso_time
from promo_cli.destinations.accepted import Accepted

_PHONE_FIRST = {
    "Phone Number": "phone",
    "First Name": formula_safe("first_name"),
    "Last Name": formula_safe("last_name"),
    "Country": "country",
    "Zip Code": "zip",
    "campaign_id": formula_safe("campaign_id"),
    "offer_ids": formula_safe("offer_ids"),
    "offer_names": formula_safe("offer_names"),
    "valid_to": iso_time("valid_to"),
}

KLAVIYO = Accepted(
    title="Klaviyo",
    columns={"Email Address": "email", **_PHONE_FIRST},
    columns_without_email=_PHONE_FIRST,
    # Profiles are one by e-mail address and one by phone: of people who share an address the first stays; a phone stays with
    # the first who has it, before those it is the only way to reach.
    chosen="""
        select *
        from (
            select * replace (
                case when row_number() over (partition by phone order by email is null, user_id) = 1 then phone end as phone
            )
            from (
                select *
                from reachable
                qualify email is null or row_number() over (partition by email order by user_id) = 1
            )
        )
        where email is not null or phone is not null
    """,
    largest_file=50_000_000,
)
