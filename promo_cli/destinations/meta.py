"""Meta custom audiences from a customer list: everything hashed but the mobile advertiser id.

https://www.facebook.com/business/help/2082575038703844 names the headers and advises against lists of fewer than 100 people;
https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/customer-information-parameters the
normalising: phones are digits with the country code, names lower case without punctuation, accents kept.
"""

from promo_cli.destinations.accepted import Accepted
from promo_cli.destinations.contacts import one_line


def _name(column: str) -> str:
    bare = f"regexp_replace(lower({column}), '[\\p{{P}}\\p{{S}}]+', '', 'g')"
    return f"nullif({one_line(bare)}, '')"


META = Accepted(
    title="Meta",
    columns={
        "email": "sha256(email)",
        "phone": "sha256(substr(phone, 2))",
        "fn": f"sha256({_name('first_name')})",
        "ln": f"sha256({_name('last_name')})",
        "madid": "madid",
        "country": "sha256(lower(country))",
    },
    needs_ads=True,
    fewest_people=100,
)
