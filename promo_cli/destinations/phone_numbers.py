"""Telephone numbers as E.164, in SQL, by the seed country_calling_codes: no library, whose tables are 21 MB of Python."""

# 1512345678.0: a column with blanks as pandas writes it. Dots between groups of digits are separators.
_FLOAT = "^([+]?[0-9]+)[.]0+$"
_LONG = 11
"""Digits of a number that, beginning with its country's calling code, is read as one with it."""
_SEPARATORS = r"[\s\p{Z}\p{Pd}\p{Cf}./()]+"


def e164(source: str, target: str) -> str:
    """CTEs from `source` to `target`, which has `phone` instead of the columns of the user's country.

    `source` has written_phone, trimmed, and calling_code, international_prefix, trunk_prefix, shortest and longest (null where
    the country isn't known). `phone` is + and up to 15 digits, or null: something other than digits and separators, a calling
    code that there isn't, a length that it doesn't have, or no country to read a number without calling code by.
    """
    home = "calling_code, international_prefix, trunk_prefix, shortest, longest"
    has_calling_code = (
        "starts_with(typed_number, calling_code) and length(typed_number) - length(calling_code) between shortest and longest"
    )
    return f"""
calling_codes as (
    select
        calling_code as code,
        min(shortest) as code_shortest,
        max(longest) as code_longest,
        bool_and(coalesce(trunk_prefix, '') = '0') as has_trunk_zero
    from policies.country_calling_codes
    group by calling_code
),
whole as (select *, regexp_replace(written_phone, '{_FLOAT}', '\\1') as whole_number from {source}),
typed as (
    -- +44 (0)20 …: the zero in brackets is for callers from within
    select
        * exclude (whole_number),
        regexp_replace(
            case when regexp_matches(whole_number, '^([+]|00)') then replace(whole_number, '(0)', '') else whole_number end,
            '{_SEPARATORS}', '', 'g'
        ) as typed_number
    from whole
),
dialled as (
    select
        * exclude (typed_number, {home}),
        case
            when not regexp_matches(typed_number, '^[+]?[0-9]+$') then null
            when starts_with(typed_number, '+') then substr(typed_number, 2)
            when starts_with(typed_number, international_prefix) then substr(typed_number, length(international_prefix) + 1)
            when starts_with(typed_number, '00') then substr(typed_number, 3)
            when
                starts_with(typed_number, trunk_prefix)
                and length(typed_number) - length(trunk_prefix) between shortest and longest
                then calling_code || substr(typed_number, length(trunk_prefix) + 1)
            -- 49 171 1234567: without its plus; so long, one within the country hardly begins with the calling code
            when length(typed_number) >= {_LONG} and {has_calling_code} then typed_number
            when length(typed_number) between shortest and longest then calling_code || typed_number
            when {has_calling_code} then typed_number
        end as digits
    from typed
),
coded as (
    -- no calling code begins another, so at most one of the three is there
    select
        dialled.*,
        coalesce(one.code, two.code, three.code) as code,
        coalesce(one.code_shortest, two.code_shortest, three.code_shortest) as code_shortest,
        coalesce(one.code_longest, two.code_longest, three.code_longest) as code_longest,
        coalesce(one.has_trunk_zero, two.has_trunk_zero, three.has_trunk_zero) as has_trunk_zero
    from dialled
    left join calling_codes as one on left(dialled.digits, 1) = one.code
    left join calling_codes as two on left(dialled.digits, 2) = two.code
    left join calling_codes as three on left(dialled.digits, 3) = three.code
),
rest as (
    -- +49 0171 …: a trunk zero that was left in
    select *, regexp_replace(substr(digits, length(code) + 1), case when has_trunk_zero then '^0' else '^$' end, '') as own_number
    from coded
),
{target} as (
    select
        * exclude (digits, code, code_shortest, code_longest, has_trunk_zero, own_number),
        case
            when length(own_number) between code_shortest and code_longest and length(code) + length(own_number) <= 15
                then '+' || code || own_number
        end as phone
    from rest
)"""
