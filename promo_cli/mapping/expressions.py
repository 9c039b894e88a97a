"""How a column of a shop's becomes what the contract asks for, as SQL. What can't be read stays, for staging to reject."""

from promo_cli.mapping.hints import epoch_units, read_hints
from promo_cli.mapping.profile import Column
from promo_cli.mapping.source import plain_name
from promo_cli.warehouse import quoted_text

_TRUE_WORDS = (
    "true",
    "t",
    "yes",
    "y",
    "1",
    "on",
    "active",
    "enabled",
    "published",
    "subscribed",
    "granted",
    "opted_in",
    "single_opt_in",
    *("ja", "oui", "si", "sí", "sì", "sim", "tak"),
)
_FALSE_WORDS = (
    *("false", "f", "no", "n", "0", "off", "inactive", "disabled", "unpublished", "draft", "archived"),
    *("unsubscribed", "not_subscribed", "denied", "opted_out", "nein", "non", "nee", "nej", "não", "nao", "nie"),
)


_CENTS = frozenset({"cents", "cent", "minor", "pence"})


def moment(column: Column, local_zone: str | None) -> tuple[str, str | None]:
    """A moment in UTC, and what was done to it. `local_zone`: times without a zone are the shop's own, in this zone."""
    sql = column.sql
    units = epoch_units(column)
    if units == 1_000_000:
        return f"{_whole(column)} // 1000", "microseconds since 1970"
    if units:
        return sql, f"{'seconds' if units == 1 else 'milliseconds'} since 1970"
    done = None
    if column.bare_offset:
        return rf"regexp_replace({sql}, ' ?([+-][0-9]{{2}})([0-9]{{2}})$', '\1:\2')", "its offset from UTC, written as +01:00"
    read = sql if column.data_type.startswith(("TIMESTAMP", "DATE")) else f"try_cast({sql} as timestamp)"
    if column.odd_format:
        done = f"written as {column.odd_format}"
        read = f"try_strptime({sql}, {quoted_text(column.odd_format)})"
    if local_zone and column.zoned < 0.5 and column.data_type != "DATE":
        done = f"{done + ', ' if done else ''}the shop's own time, to UTC"
        read = f"({read} at time zone {quoted_text(local_zone)}) at time zone 'UTC'"
    elif not column.odd_format:
        return sql, done
    return (f"coalesce(cast({read} as varchar), {sql})" if column.is_text else read), done


def money(column: Column) -> tuple[str, str | None]:
    """An amount as text or number that casts, and what was done to it."""
    if column.decimal_comma:
        cleaned = rf"replace(regexp_replace({column.sql}, '[^0-9,-]', '', 'g'), ',', '.')"
        return cleaned, "written with a decimal comma"
    if column.money_signs:
        return rf"regexp_replace({column.sql}, '[^0-9.-]', '', 'g')", "without signs and thousands separators"
    if _is_cents(column):
        return number(column), "from cents"
    return column.sql, None


def number(column: Column) -> str:
    """A column to reckon with, null where it can't be read."""
    cleaned = money(column)[0] if column.decimal_comma or column.money_signs else column.sql
    read = f"try_cast({cleaned} as decimal(18, 4))" if column.is_text else column.sql
    return f"{read} / 100" if _is_cents(column) else read


def _is_cents(column: Column) -> bool:
    return column.whole > 0.95 and bool(_CENTS & set(plain_name(column.name).split("_")))


def _whole(column: Column) -> str:
    return f"try_cast({column.sql} as bigint)" if column.is_text else column.sql


def flag(column: Column) -> tuple[str, str | None]:
    """True or false, and what was done to it."""
    if column.data_type == "BOOLEAN" or {word.lower() for word in column.words} <= {"true", "false", "0", "1", "t", "f"}:
        return column.sql, None
    said = [word.lower() for word in column.words if word.lower() in _TRUE_WORDS]
    sql = f"lower({column.sql}) in ({', '.join(map(quoted_text, said or _TRUE_WORDS))})"
    if said:
        return sql, f"true for {', '.join(said)}"
    unknown = [word for word in column.words if word.lower() not in _FALSE_WORDS]
    if unknown:
        return sql, f"false for all, because no word is known for yes: {', '.join(unknown[:8])}; give your own in the SQL"
    return sql, "false for all: no word says yes"


def event_type(column: Column, synonyms: dict[str, str]) -> tuple[str, str]:
    """The contract's event types of a shop's words, and in words which; `synonyms` are those that staging knows."""
    told: dict[str, str] = {}
    unknown: list[str] = []
    for word in column.words:
        if (found := synonyms.get(word.lower()) or _guessed_event(word)) is not None:
            told[word] = found
        else:
            unknown.append(word)
    cases = [
        f"        when {quoted_text(word.lower())} then {quoted_text(kind)}"
        for word, kind in told.items()
        if word.lower() != kind
    ]
    reason = ", ".join(f"{word} → {kind}" for word, kind in told.items() if word.lower() != kind) or "the contract's own words"
    if unknown:
        reason += f"; not understood, so rejected: {', '.join(unknown[:8])}"
    if not cases:
        return f"lower({column.sql})", reason
    return "case lower({0})\n{1}\n        else lower({0})\n    end".format(column.sql, "\n".join(cases)), reason


def understood_events(column: Column, synonyms: dict[str, str]) -> float:
    """Share of a column's words that are event types, by the list or by what is in them."""
    if not column.words:
        return 0
    return sum(1 for word in column.words if synonyms.get(word.lower()) or _guessed_event(word)) / len(column.words)


def _guessed_event(word: str) -> str | None:
    plain = plain_name(word)
    return next((kind for has, kind in read_hints().event_words if any(part in plain for part in has)), None)
