"""How people can be reached: the SQL that reads the contract's personal columns and normalises them. Nothing else reads them."""

from promo_cli.campaign_formats import looks_like_a_formula
from promo_cli.destinations.phone_numbers import e164

_EDGES = r"^[\s\p{Z}\p{C}]+|[\s\p{Z}\p{C}]+$"
_EMAIL = (
    # ASCII, as mail servers everywhere take. It may not begin with = + -: made safe for spreadsheets, it would be another's.
    r"^[a-z0-9_][a-z0-9.!#$%&''*+/=?^_`{|}~-]{0,63}"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
)
_NO_STRAY_DOTS = "length(written_email) <= 254 and not regexp_matches(written_email, '[.][.@]')"
_MADID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_NO_MADID = "00000000-0000-0000-0000-000000000000"  # what phones give whose owner has forbidden tracking

_ASCII = range(0x21, 0x7F)  # each has a wide twin


def trimmed(text: str) -> str:
    """SQL expression: `text` without space and control characters at its ends, those of Unicode included."""
    return f"regexp_replace({text}, '{_EDGES}', '', 'g')"


def one_line(text: str) -> str:
    """SQL expression: `text` trimmed, every run of white space one space."""
    return f"regexp_replace({trimmed(text)}, '[\\s\\p{{Z}}\\p{{Cc}}]+', ' ', 'g')"


def half_width(text: str) -> str:
    """SQL expression: `text` with the wide digits, letters, signs, dashes and spaces of East Asian keyboards as ASCII."""
    wide = "".join(chr(code + 0xFEE0) for code in _ASCII if chr(code) != "'")
    narrow = "".join(chr(code) for code in _ASCII if chr(code) != "'")
    return f"translate({text}, '{wide}\u2212\u30fc\u3000', '{narrow}-- ')"


def _name(column: str) -> str:
    return f"nullif({one_line(f'nfc_normalize({column})')}, '')"


def _when(text: str, pattern: str, more: str = "true") -> str:
    return f"case when regexp_matches({text}, '{pattern}') and {more} then {text} end"


def contacts(writes_id: bool) -> str:
    """CTEs after `staying`, ending in `contacts` (as many rows) and `reachable` (those with an e-mail address or a phone).

    To the columns of `staying` they add email, phone (E.164), first_name, last_name, country (two capital letters), zip and
    madid, null where there is none or none that can be used; has_bad_email, has_bad_phone, has_bad_id. An id is bad that would
    run as a formula: changed, it would be another's.
    """
    bad_id = looks_like_a_formula("user_id") if writes_id else "false"
    return f"""
country_names as (
    select country as name, * from policies.country_calling_codes
    union all
    select country_alpha3 as name, * from policies.country_calling_codes where country_alpha3 is not null
),
written as (
    select
        staying.*,
        nullif(lower({trimmed("people.email")}), '') as written_email,
        nullif({trimmed(half_width("people.phone"))}, '') as written_phone,
        {_name("people.first_name")} as first_name,
        {_name("people.last_name")} as last_name,
        home.country, home.calling_code, home.international_prefix, home.trunk_prefix, home.shortest, home.longest,
        {trimmed(half_width("people.zip"))} as written_zip,
        lower({trimmed("people.madid")}) as written_madid
    from staying
    left join people on staying.user_id = people.shop_user_id
    left join staging.stg_users as users on people.user_id = users.user_id
    left join country_names as home on upper({trimmed("users.country")}) = home.name
),
{e164("written", "numbered")},
contacts as (
    select
        numbered.* exclude (written_email, written_phone, written_zip, written_madid),
        {_when("written_email", _EMAIL, _NO_STRAY_DOTS)} as email,
        {_when("written_zip", "^[A-Za-z0-9][A-Za-z0-9 -]{0,11}$")} as zip,
        {_when("written_madid", _MADID, f"written_madid <> '{_NO_MADID}'")} as madid,
        written_email is not null and email is null as has_bad_email,
        written_phone is not null and phone is null as has_bad_phone,
        {bad_id} as has_bad_id
    from numbered
),
reachable as (
    select * from contacts where (email is not null or phone is not null) and not has_bad_id
)"""
