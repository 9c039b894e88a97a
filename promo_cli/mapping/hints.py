"""What shops call things, read from hints.yml, and how well a name and what a column holds fit a column of the contract."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml

from promo_cli.mapping.profile import Column
from promo_cli.mapping.source import plain_name

EPOCHS = {1: (1e8, 5e9), 1_000: (1e11, 5e12), 1_000_000: (1e14, 5e15)}
"""Units a second, and the whole numbers between which a column counts time since 1970 in them."""

_ENTITIES = {"user_id": "users", "product_id": "products", "order_id": None, "coupon_id": "coupons", "campaign_id": "campaigns"}


@dataclass(frozen=True)
class Hint:
    """A column of the contract, or a helper of it (+name): the kind of its values and what shops call it, the surest first."""

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Hints:
    """hints.yml."""

    tables: dict[str, tuple[str, ...]]
    columns: dict[str, dict[str, Hint]]
    strangers: frozenset[str]
    fillers: frozenset[str]
    cancelled: tuple[str, ...]
    cancelled_beside: dict[str, str]
    event_words: tuple[tuple[tuple[str, ...], str | None], ...]

    def cancelled_states(self, words: tuple[str, ...]) -> list[str]:
        """Of the `words` of an order's state those that say that nothing was bought."""
        plain = {word: {plain_name(word), plain_name(word).removeprefix("wc_")} for word in words}
        every = set().union(*plain.values())
        none = {*self.cancelled, *(state for state, other in self.cancelled_beside.items() if other in every)}
        return [word for word, names in plain.items() if names & none]

    def with_contract(self, contract: dict[str, list[str]]) -> "Hints":
        """With every table and column of the contract that no hint is about, by its own name."""
        tables = {name: self.tables.get(name, (name,)) for name in contract}
        columns = {
            name: {column: self.columns.get(name, {}).get(column, Hint("any", (column,))) for column in names}
            | {helper: hint for helper, hint in self.columns.get(name, {}).items() if helper.startswith("+")}
            for name, names in contract.items()
        }
        return replace(self, tables=tables, columns=columns)


@cache
def read_hints() -> Hints:
    """The hints that ship."""
    told = yaml.safe_load(Path(__file__).with_name("hints.yml").read_text(encoding="utf-8"))
    shared = ("strangers", "fillers", "cancelled", "cancelled_beside", "event_words")
    tables = {name: entry for name, entry in told.items() if name not in shared}
    return Hints(
        {name: tuple(entry["tables"]) for name, entry in tables.items()},
        {
            name: {column: Hint(hint["kind"], tuple(map(str, hint["names"]))) for column, hint in entry["columns"].items()}
            for name, entry in tables.items()
        },
        frozenset(told["strangers"]),
        frozenset(told["fillers"]),
        tuple(told["cancelled"]),
        told["cancelled_beside"],
        tuple((tuple(map(str, rule["has"])), rule["type"]) for rule in told["event_words"]),
    )


@cache
def name_fit(name: str, known: tuple[str, ...], table: str = "") -> float:
    """0..1: how surely `name` is one of the `known` names. 1 is the first of them, word for word."""
    plain = plain_name(name)
    tokens = plain.split("_")
    words = plain_name(table).split("_")
    about_table = {*words, *(word.removesuffix("s") for word in words)}
    return max((_fit_of(plain, tokens, alias, at, about_table) for at, alias in enumerate(known)), default=0.0)


def _fit_of(plain: str, tokens: list[str], alias: str, place: int, about_table: set[str]) -> float:
    if plain == alias or plain.replace("_", "") == alias.replace("_", ""):
        return 1 - 0.01 * place
    wanted = alias.split("_")
    starts = [at for at in range(len(tokens) - len(wanted) + 1) if tokens[at : at + len(wanted)] == wanted]
    if not starts:
        return 0
    fit = 0.9 - 0.01 * place
    hints = read_hints()
    for token in tokens[: starts[0]] + tokens[starts[0] + len(wanted) :]:
        if token in about_table or token in hints.fillers:
            fit -= 0.05
        elif token in hints.strangers:
            fit *= 0.2
        else:
            fit -= 0.45
    return max(0.0, fit)


def value_fit(kind: str, column: Column) -> float:
    """0..1: how well what a column holds fits a kind of value."""
    if not column.values or column.data_type.endswith("]") or column.data_type.startswith(("STRUCT", "MAP", "BLOB")):
        return 0
    is_number = column.numbers > 0.9 or column.decimal_comma or column.money_signs
    is_moment = column.moments > 0.9 or column.odd_format is not None
    fits = {
        "id": 0 if (is_moment and not column.whole > 0.9) or column.whole < 0.9 < column.numbers else 1,
        "word": 1 if column.distinct <= 60 and not is_moment else 0,
        "number": 1 if is_number else 0,
        "whole": 1 if column.whole > 0.95 else 0,
        "money": 1 if is_number and not epoch_units(column) else 0,
        "moment": 1 if is_moment or epoch_units(column) else 0,
        "day": 1 if is_moment or epoch_units(column) else 0,
        "flag": 1 if column.booleans > 0.9 or column.data_type == "BOOLEAN" or column.distinct <= 4 else 0,
        "email": 1 if column.emails > 0.8 else 0,
        "country": 1 if column.words and all(len(word) in (2, 3) and word.isalpha() for word in column.words) else 0,
        "text": 0.3 if is_moment else 1,
        "name": 0 if is_moment or is_number else 1,
        "any": 1,
    }
    return fits[kind] * (0.75 + 0.25 * column.filled)


def epoch_units(column: Column) -> int | None:
    """Units a second in which a column of whole numbers counts time since 1970, None when it doesn't look like one."""
    if column.whole < 0.95 or column.odd_format:
        return None
    return next((units for units, (least, most) in EPOCHS.items() if least <= column.least and column.greatest <= most), None)


@cache
def entity(column: Column) -> str | None:
    """Whom a column names by its name: user_id, product_id, order_id, coupon_id or campaign_id; None for anything else."""
    hints = read_hints()
    best, found = 0.75, None
    for name, home in _ENTITIES.items():
        known = [alias for table in hints.columns.values() if name in table for alias in table[name].names]
        vague = {"id", "name", "code", "handle", "order", "item", "user"}
        if home and name_fit(column.table, hints.tables[home]) > 0.75:
            vague = {"name", "code"} if home != "coupons" else {"name"}
        fit = max((name_fit(column.name, (alias,), column.table) for alias in known if alias not in vague), default=0.0)
        if fit > best:
            best, found = fit, name
    return found
