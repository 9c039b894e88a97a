"""Phrases of the policy seeds with their placeholders filled, as macros/told_amounts.sql does for promotions.offer_reasons."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any


def told_reason(phrase: str, value: float | None, currency: str | None) -> str:
    """A phrase of reason_phrases.csv for a feature of this value."""
    number = told_number(value)
    return filled(
        phrase,
        {
            "value": number,
            "days": "?" if value is None else f"{number} day{'' if value == 1 else 's'}",
            "percent": told_number(None if value is None else 100 * value),
            "times": number,
            "money": told_money(value, currency),
        },
    )


def told_refusal(phrase: str, refusal: Mapping[str, Any], currency: str | None) -> str:
    """A phrase of refusal_phrases.csv for a row of promotions.refusals."""
    amounts: dict[str, str] = {}
    for placeholder, column in (("now", "standing"), ("needed", "has_to_be"), ("lacks", "lacks")):
        value: float | None = refusal[column]
        if refusal["unit"] == "money":
            amounts[placeholder] = told_money(value, currency)
        elif refusal["unit"] == "share" and value is not None:
            amounts[placeholder] = told_number(100 * value)
        else:
            amounts[placeholder] = told_number(value)
    changes_on: date | None = refusal["changes_on"]
    words = {name: refusal[name] or "?" for name in ("now_words", "needed_words")}
    return filled(phrase, amounts | words | {"date": "?" if changes_on is None else changes_on.isoformat()})


def filled(phrase: str, values: Mapping[str, str]) -> str:
    """`phrase` with each {name} replaced; a brace of any other kind stays as it is."""
    for name, value in values.items():
        phrase = phrase.replace(f"{{{name}}}", value)
    return phrase


def told_number(value: float | None) -> str:
    """A whole number where it is one, else one decimal."""
    if value is None:
        return "?"
    if abs(value) >= 1e15:
        return "very many"
    whole = _rounded(value, "1")
    return str(int(whole)) if abs(value - float(whole)) < 0.05 else str(_rounded(value, "0.1"))


def told_money(value: float | Decimal | None, currency: str | None) -> str:
    """An amount with two decimals and the currency where it is known."""
    if value is None:
        return "?"
    amount = "very much" if abs(float(value)) >= 1e15 else str(_rounded(value, "0.01"))
    return f"{amount} {currency}" if currency else amount


def _rounded(value: float | Decimal, to: str) -> Decimal:
    """Half away from zero, as the engines round."""
    return Decimal(repr(value) if isinstance(value, float) else value).quantize(Decimal(to), ROUND_HALF_UP)
