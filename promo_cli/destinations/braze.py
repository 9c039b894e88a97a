"""Braze CSV import of users: https://www.braze.com/docs/user_guide/data/user_data_collection/user_import/csv_import.

`external_id` is the shop's user id. Braze's own attributes are matched by exact case; any other header makes a custom
attribute. A blank cell leaves what Braze has: an unknown value is an empty cell, never "" or a word. A file has at most 500 MB.
"""

from promo_cli.campaign_formats import formula_safe, iso_time
from promo_cli.destinations.accepted import Accepted

BRAZE = Accepted(
    title="Braze",
    columns={
        "external_id": "user_id",
        "email": "email",
        "phone": "phone",
        "first_name": formula_safe("first_name"),
        "last_name": formula_safe("last_name"),
        "country": "country",
        "campaign_id": formula_safe("campaign_id"),
        "offer_ids": formula_safe("offer_ids"),
        "offer_names": formula_safe("offer_names"),
        "valid_to": iso_time("valid_to"),
    },
    writes_id=True,
    largest_file=500_000_000,
)
