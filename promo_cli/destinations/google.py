"""Google Ads Customer Match: hashed e-mail address, phone and names; country and zip in clear.

Headers, hashing: https://support.google.com/google-ads/answer/7476159 and .../answer/7474263. Country in lower case, as in
Google's template. E-mail: https://developers.google.com/data-manager/api/devguides/concepts/formatting asks to remove, before
the @ of gmail.com and googlemail.com alone, all dots, and a plus sign with all that follows it.
"""

from promo_cli.destinations.accepted import Accepted

_LOCAL = "replace(regexp_replace(split_part(email, '@', 1), '[+].*$', ''), '.', '')"
_EMAIL = f"""
    case
        when regexp_matches(email, '@(gmail|googlemail)[.]com$') then {_LOCAL} || '@' || split_part(email, '@', 2)
        else email
    end
"""

GOOGLE = Accepted(
    title="Google Customer Match",
    columns={
        "Email": f"sha256({_EMAIL})",
        "Phone": "sha256(phone)",
        "First Name": "sha256(lower(first_name))",
        "Last Name": "sha256(lower(last_name))",
        "Country": "lower(country)",
        "Zip": "zip",
    },
    needs_ads=True,
)
