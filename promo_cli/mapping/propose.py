"""From what a shop's tables hold to a proposal for each table of the contract, with a reason for every column.

For a table of the contract every table of the shop may be the base: one row of it is one row of the contract's. A column is taken
from the base, or from what its rows point at. The base that fills the required columns most surely wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from promo_cli.connectors.readability import FRACTIONS, text_value
from promo_cli.contract import TEXT_TYPES, Table
from promo_cli.mapping import expressions
from promo_cli.mapping.hints import Hint, Hints, entity, name_fit, read_hints, value_fit
from promo_cli.mapping.keys import LEAST_FOUND_UNNAMED, Link, links_of, paths_from, told_share
from promo_cli.mapping.profile import Column, Shop, plain_or_quoted
from promo_cli.mapping.proposal import Field, Filter, Proposal
from promo_cli.mapping.source import plain_name
from promo_cli.warehouse import quoted_name, quoted_text

LEAST_FIT = 0.5
"""A column fits less than that: it isn't proposed."""

HOP = 0.94
"""What a column counts that a row points at, against one of its own; once for each link."""

LEAST_FILLED_DOWN = 0.8
"""Share of a column's blanks that its group fills, of one column at least, where an export fills a group's first row alone."""

LEAST_DIFFERENT = 0.5
"""Share of a column's values that are different ones, where it is a row's own key: logs have some rows twice."""

GUESTS = 10
"""So many times as often as others the user 0 buys who is all guests together."""

_BY_CONTENT = frozenset({"users", "products", "order_lines", "events", "reviews", "consents"})
"""Tables that are known by what they hold. Another is only what is called so: what its columns hold could be anything."""

# What stands in for a required column that no column is; the rest is asked for.
_MAY_LACK = {
    "order_lines": {"order_id", "line_number", "quantity", "list_price", "paid_price"},
    "products": {"category"},
    "reviews": {"review_id", "product_id"},
    "consents": {"purpose", "changed_at", "granted"},
    "campaign_sends": {"treated"},
    "coupons": {"kind"},
    "coupon_redemptions": {"redemption_id"},
    "returns": {"line_number", "quantity"},
}

_OWN = {
    "order_lines": {"line_number", "quantity", "list_price", "paid_price", "discount", "+line_total", "+shelf_total"},
    "events": {"price", "quantity", "brand", "category", "query", "dwell_seconds"},
}
"""What a row has of its own or not at all: what its order or product has is another thing, an order's discount, today's price."""

_OF_ORDERS = {"order_id", "ordered_at", "+order_discount", "+status", "+cancelled_at", "+currency"}
"""What only an order has: a product's state, or the day on which a customer signed up, is none of it."""

_OF_PEOPLE = {"email", "signed_up_at", "birth_date", "region", "country", "gender", "age_band", "phone", "zip", "first_name"}


@dataclass(frozen=True)
class Picked:
    """A column of the shop's for one of the contract's, how well it fits, and the links to its table."""

    column: Column
    fit: float
    path: tuple[Link, ...]


@dataclass(frozen=True)
class Draft:
    """A base for a table of the contract with the columns found for it."""

    base: str
    picked: dict[str, Picked]
    score: float


class Proposer:
    """Makes the proposals for one shop. `local_zone`: times without a zone are in it; None: they are UTC."""

    def __init__(self, shop: Shop, contract: dict[str, Table], synonyms: dict[str, str], local_zone: str | None = None) -> None:
        self._shop, self._contract, self._synonyms, self._zone = shop, contract, synonyms, local_zone
        self._links = links_of(shop)
        self._hints = read_hints().with_contract(
            {name: [column.name for column in table.columns] for name, table in contract.items()}
        )
        self._identity: dict[str, Column] = {}
        self._base_of_lines: str | None = None

    def proposals(self) -> dict[str, Proposal]:
        """By table, in the order of the contract; tables for which nothing was found are left out."""
        events = self._draft("events")
        lines = self._draft("order_lines")
        if lines and events and lines.base == events.base:
            lines = None  # an event log whose purchases stand in for order lines
        drafts = {"order_lines": lines, "events": events}
        self._base_of_lines = lines.base if lines else None
        for draft in (lines, events):
            if draft:
                for name in ("user_id", "product_id"):
                    if name in draft.picked and name not in self._identity:
                        self._identity[name] = draft.picked[name].column
        drafts["events"] = self._draft("events") if events else None
        drafts["products"] = self._draft("products", but=events.base if events and not lines else None)
        for name in self._contract:
            if name not in drafts:
                drafts[name] = self._draft(name)
        if lines and not drafts["products"]:
            drafts["products"] = Draft(lines.base, {"product_id": lines.picked["product_id"]}, 0)
        made = {name: self._proposal(name, draft) for name, draft in drafts.items() if draft}
        return {name: made[name] for name in self._contract if name in made}

    def _draft(self, table: str, but: str | None = None) -> Draft | None:
        drafts = [draft for base in self._shop.columns if base != but and (draft := self._draft_on(table, base))]
        return max(drafts, key=lambda draft: (draft.score, draft.base), default=None)

    def _with_lines_own_discount(self, draft: Draft) -> Draft:
        """A discount that differs within an order is the line's, though it is called what others call the order's."""
        off, order = draft.picked.get("+order_discount"), draft.picked.get("order_id")
        if off is None or order is None or "discount" in draft.picked or not off.column.table == order.column.table == draft.base:
            return draft
        if _is_one_in_group(self._shop, draft.base, off.column, order.column):
            return draft
        others = {name: picked for name, picked in draft.picked.items() if name != "+order_discount"}
        return replace(draft, picked=others | {"discount": off})

    def _draft_on(self, table: str, base: str) -> Draft | None:
        columns, required = self._hints.columns[table], self._contract[table].required_columns
        named = name_fit(base, self._hints.tables[table])
        if self._shop.rows[base] == 0 or (table not in _BY_CONTENT and named < 0.5):
            return None
        paths = paths_from(base, self._links)
        picked: dict[str, Picked] = {}
        taken: set[tuple[str, str]] = set()
        ranked = sorted(
            ((name, candidate) for name, hint in columns.items() for candidate in self._candidates(table, name, hint, paths)),
            key=lambda entry: entry[1].fit,
            reverse=True,
        )
        for name, candidate in ranked:
            key = (candidate.column.table, candidate.column.name)
            if name not in picked and key not in taken:
                picked[name] = candidate
                taken.add(key)
        if table in ("users", "products") and base == self._base_of_lines:  # its moments are the orders'
            picked = {name: found for name, found in picked.items() if columns[name].kind not in ("moment", "day")}
        for name in required:
            if name not in picked and columns[name].kind == "moment" and (only := self._only_moment(base)):
                picked[name] = Picked(only, LEAST_FIT, ())
        lacking = set(required) - set(picked) - _MAY_LACK.get(table, set())
        if lacking or not self._is_plausible(table, base, picked, named):
            return None
        score = sum(picked[name].fit if name in picked else 0.2 for name in required) / max(1, len(required))
        score += 0.04 * sum(candidate.fit for name, candidate in picked.items() if name not in required)
        if table == "consents" and "+marketing" in picked:
            named = max(named, name_fit(base, self._hints.tables["users"]))
        score += 0.3 * named + (0.15 if self._has_key(table, base, picked) else 0)
        return Draft(base, picked, score)

    def _only_moment(self, base: str) -> Column | None:
        """The one column of a table that holds moments, whatever it is called."""
        found = [column for column in self._shop.columns[base] if column.moments > 0.9 or column.odd_format is not None]
        return found[0] if len(found) == 1 else None

    def _has_key(self, table: str, base: str, picked: dict[str, Picked]) -> bool:
        keys = [column.name for column in self._contract[table].columns if column.key]
        if len(keys) != 1 or keys[0] not in picked:
            return False
        column = picked[keys[0]].column
        return column.table == base and self._shop.is_key(base, column.name)

    def _is_plausible(self, table: str, base: str, picked: dict[str, Picked], named: float) -> bool:
        """What the columns together have to be, beside each of them."""
        of_base = {name for name, candidate in picked.items() if candidate.column.table == base}
        match table:
            case "order_lines":
                money = {"list_price", "paid_price", "+line_total", "+shelf_total"} & set(picked)
                is_known_line = "order_id" in picked or named > 0.3
                return "product_id" in of_base and bool(money & of_base) and is_known_line
            case "products":
                return "product_id" in of_base and bool({"product_name", "category", "brand", "list_price"} & of_base)
            case "users":
                return "user_id" in of_base and bool(_OF_PEOPLE & of_base) and (named > 0.5 or self._has_key(table, base, picked))
            case "events":
                words = picked["event_type"].column
                return "event_type" in of_base and expressions.understood_events(words, self._synonyms) >= 0.5
            case "reviews":
                rating = picked["rating"].column
                return "rating" in of_base and rating.least >= 0 and rating.greatest <= 10 and rating.distinct <= 20
            case "consents":
                return "+marketing" in of_base or (named > 0.5 and {"purpose", "changed_at", "granted"} <= set(picked))
            case _:
                return True

    def _candidates(self, table: str, name: str, hint: Hint, paths: dict[str, tuple[Link, ...]]) -> list[Picked]:
        found = []
        for place, path in paths.items():
            for column in self._shop.columns[place]:
                if (path and name in _OWN.get(table, ())) or ("total" in name and _is_orders_total(column)):
                    continue
                if table == "order_lines" and _is_anothers(name, path):
                    continue
                named = max(name_fit(column.name, hint.names, place), self._by_values(table, name, column))
                fit = named * value_fit(hint.kind, column) * HOP ** len(path)
                for link in path:
                    fit *= link.found
                at, way = column, path
                while way and way[-1].parent == at:  # a key's values stand in what points at it, and need no join
                    at, way = way[-1].child, way[:-1]
                fit *= self._as_identity(table, name, at)
                if fit >= LEAST_FIT:
                    found.append(Picked(at, fit, way))
        return found

    def _by_values(self, table: str, name: str, column: Column) -> float:
        """How surely a column of another name is the key of users or products: those of the order lines are in it."""
        known = self._identity.get(name)
        home = {"consents": "users"}.get(table, table)  # consent is a column of a table of people
        if known is None or known == column or home not in ("users", "products"):
            return 0
        if name_fit(column.table, self._hints.tables[home]) < 0.5 or not self._shop.is_key(column.table, column.name):
            return 0
        return 0.8 if self._shop.found_in(known, column) > LEAST_FOUND_UNNAMED else 0

    def _as_identity(self, table: str, name: str, column: Column) -> float:
        """Users and products have to be the same ones in every table; a key that is new with every order names no person."""
        if name in ("event_id", "review_id", "redemption_id") and column.distinct < LEAST_DIFFERENT * column.values:
            return 0  # a user's id, say, would make one event of all that the user did
        if name == "event_type":
            return 0.3 + 0.7 * expressions.understood_events(column, self._synonyms)
        if name not in ("user_id", "product_id"):
            return 1
        known = self._identity.get(name)
        if known is not None and known != column:
            return 0.55 + 0.6 * max(self._shop.found_in(column, known), self._shop.found_in(known, column))
        if known is None and name == "user_id" and table in ("order_lines", "reviews") and self._names_orders(column):
            return 0.6
        return 1.15 if known == column else 1

    def _names_orders(self, column: Column) -> bool:
        """Whether every row has another one, in a table that isn't of people and as long as what points at it."""
        is_of_people = name_fit(column.table, self._hints.tables["users"]) > 0.75
        if column.values < 50 or not self._shop.is_key(column.table, column.name):
            return False
        if not is_of_people:
            return True
        return any(
            link.parent == column and self._shop.is_key(table, link.child.name)
            for table, links in self._links.items()
            for link in links
        )

    def _proposal(self, table: str, draft: Draft) -> Proposal:
        """The draft as fields with reasons, and what the tables of a shop ask for beside renaming."""
        if table == "order_lines":
            draft = self._with_lines_own_discount(draft)
        lines = _Lines(self._shop, draft, self._zone)
        names = [column.name for column in self._contract[table].columns]
        fields = {name: self._field(table, name, draft) for name in names if name in draft.picked}
        joins: list[tuple[str, str]] = []
        filters: list[Filter] = []
        if table == "order_lines":
            fields |= lines.prices() | lines.keys(fields)
            filters = lines.filters(self._hints)
        elif table == "products" and "category" not in fields:
            fields["category"] = Field(
                "category", "cast(null as varchar)", "nothing", "no column is a category: all products are 'unknown'"
            )
        elif table == "consents" and "+marketing" in draft.picked:
            fields |= self._marketing(draft, fields["user_id"].sql)
        elif table == "reviews":
            joins = self._reviews_own(draft, fields)
        elif table == "campaign_sends" and "treated" not in fields:
            fields["treated"] = Field("treated", "true", "constant", "no column says who was held out: all count as sent")
        elif table == "coupons" and "kind" not in fields:
            fields["kind"] = Field("kind", "'shop'", "constant", "no column says the kind")
        elif table == "coupon_redemptions" and "redemption_id" not in fields:
            fields["redemption_id"] = Field(
                "redemption_id", f"md5({plain_or_quoted(draft.base)}::varchar)", "the row", "no key: the row's own content"
            )
        elif table == "returns":
            fields |= self._returns_own(fields)
        for column in self._shop.columns[draft.base]:
            if column.name.lower().startswith("x_"):
                fields[column.name] = Field(column.name, column.sql, column.shown, "the shop's own column travels along", True)
        one_row_by = self._one_row_by(table, draft, fields)
        if one_row_by is None:  # of several rows of one key, the fullest is taken
            fields = self._filled(draft, fields, lines.group)
        if "discount" in fields:  # paid_price may reckon with it, and SQL wants it before
            names = ["discount" if name == "paid_price" else "paid_price" if name == "discount" else name for name in names]
        ordered = [*(name for name in names if name in fields), *(name for name in fields if name not in names)]
        links = _links_used(draft, fields, filters, joins)
        return Proposal(
            table, draft.base, tuple(fields[name] for name in ordered), links, tuple(joins), tuple(filters),
            one_row_by,
        )  # fmt: skip

    def _field(self, table: str, name: str, draft: Draft) -> Field:
        picked = draft.picked[name]
        column = picked.column
        sql, done = column.sql, None
        match self._hints.columns[table][name].kind:
            case "moment" | "day":
                sql, done = expressions.moment(column, self._zone)
            case "money":
                sql, done = expressions.money(column)
            case "flag":
                sql, done = expressions.flag(column)
        is_text = next(known.data_type in TEXT_TYPES for known in self._contract[table].columns if known.name == name)
        if is_text and sql == column.sql and column.data_type.startswith(FRACTIONS):
            sql, done = text_value(sql, column.data_type), "stored as a fraction: 25, not 25.0"
        if name == "event_type":
            sql, done = expressions.event_type(column, self._synonyms)
        if name == "user_id" and column.emails > 0.8:
            sql, done = f"lower(trim({column.sql}))", "an address is the same however it is written"
        if name == "user_id" and self._has_guests(column):
            sql = f"nullif({sql}, {'0' if sql == column.sql and not column.is_text else quoted_text('0')})"
            done = "0 is nobody but all who bought as guests: rejected"
        reason = self._reason(table, name, picked) + (f"; {done}" if done else "")
        return Field(name, sql, column.shown, reason, sql == column.sql)

    def _has_guests(self, column: Column) -> bool:
        """Whether a user 0 stands for many: shops write so who bought without an account."""
        if column.least != 0 or column.whole < 0.99:
            return False
        zeros = self._shop.connection.execute(
            f"select count(*) from looked_at.{quoted_name(column.table)} where try_cast({quoted_name(column.name)} as double) = 0"
        ).fetchall()[0][0]
        return bool(zeros > GUESTS * column.values / column.distinct)

    def _reason(self, table: str, name: str, picked: Picked) -> str:
        column, known = picked.column, self._identity.get(name)
        if name == "user_id" and any(
            link.parent.table == column.table and self._names_orders(link.child) for link in picked.path
        ):
            return f"the person behind {picked.path[-1].child.name}, of which every order has another"
        if known is not None and known != column:
            found = max(self._shop.found_in(column, known), self._shop.found_in(known, column))
            return f"same values as {known.shown}: {told_share(found)} found"
        if picked.path:
            link = picked.path[-1]
            return f"named {column.name}, of the {column.table} behind {link.child.name} ({told_share(link.found)} found)"
        if name == column.name.lower():
            return "the same name"
        kind = self._hints.columns[table][name].kind
        held = {
            "moment": "moments",
            "day": "days",
            "money": "amounts",
            "number": "numbers",
            "whole": "whole numbers",
            "email": "addresses",
        }
        if kind in held:
            return f"named {column.name}; holds {held[kind]}"
        return f"named {column.name}" + (f"; {column.distinct} different values" if 1 < column.distinct <= 60 else "")

    def _marketing(self, draft: Draft, user: str) -> dict[str, Field]:
        """Consent as a column of a table of people, or of orders: who denied it once on one of several rows has denied it."""
        column = draft.picked["+marketing"].column
        said, done = expressions.flag(column)
        if not self._shop.is_key(draft.base, draft.picked["user_id"].column.name):
            said = f"bool_and({said}) over (partition by {user})"
        return {
            "purpose": Field("purpose", "'marketing'", "constant", f"{column.shown} is consent to marketing"),
            "changed_at": Field(
                "changed_at", "timestamp '1970-01-01'", "constant", "the table has today's state alone: it holds for all days"
            ),
            "granted": Field("granted", said, column.shown, f"named {column.name}" + (f"; {done}" if done else "")),
        }

    def _reviews_own(self, draft: Draft, fields: dict[str, Field]) -> list[tuple[str, str]]:
        """A review of an order is one of its product where the order has a single one."""
        joins: list[tuple[str, str]] = []
        base = plain_or_quoted(draft.base)
        if "review_id" not in fields:
            fields["review_id"] = Field("review_id", f"md5({base}::varchar)", "the row", "no key: the row's own content")
        rating = draft.picked["rating"].column
        if rating.greatest > 5:
            fields["rating"] = Field(
                "rating", f"{expressions.number(rating)} / 2", rating.shown, f"named {rating.name}; from ten stars to five"
            )
        product = self._identity.get("product_id")
        if "product_id" in fields or product is None:
            return joins
        order = self._order_shared(draft.base, product.table)
        if order is None:
            fields["product_id"] = Field(
                "product_id", "cast(null as varchar)", "nothing", "no column says which product: rejected"
            )
            return joins
        here, there = order
        inner = f"select {quoted_name(there.name)} as order_key, min({quoted_name(product.name)}) as product_key"
        joins.append((
            f"left join (\n    {inner}\n    from source.{plain_or_quoted(there.table)}\n    group by order_key\n"
            f"    having count(distinct {quoted_name(product.name)}) = 1\n) as single_products\n"
            f"    on {here.sql} = single_products.order_key",
            "a review of an order is one of its product where the order has a single one; others name none and are rejected",
        ))  # fmt: skip
        fields["product_id"] = Field(
            "product_id", "single_products.product_key", product.shown, f"the order's product, over {here.shown}"
        )
        return joins

    def _order_shared(self, base: str, other: str) -> tuple[Column, Column] | None:
        for here in self._shop.columns[base]:
            there = self._shop.column(other, here.name)
            if (
                there
                and name_fit(here.name, ("order_id", "order_number", "order_no")) > 0.8
                and self._shop.found_in(here, there) > 0.5
            ):
                return here, there
        return None

    def _returns_own(self, fields: dict[str, Field]) -> dict[str, Field]:
        own: dict[str, Field] = {}
        if "line_number" not in fields:
            own["line_number"] = Field("line_number", "1", "constant", "no column says which line: the first")
        if "quantity" not in fields:
            own["quantity"] = Field("quantity", "1", "constant", "no column says how many: one")
        return own

    def _one_row_by(self, table: str, draft: Draft, fields: dict[str, Field]) -> str | None:
        """The key by which rows of a person or a product become one, where the base has several."""
        key = {"users": "user_id", "products": "product_id", "consents": "user_id"}.get(table)
        if key is None or key not in fields or (table == "consents" and "+marketing" not in draft.picked):
            return None
        column = draft.picked[key].column
        return None if column.table == draft.base and self._shop.is_key(draft.base, column.name) else key

    def _filled(self, draft: Draft, fields: dict[str, Field], group: Column | None) -> dict[str, Field]:
        """Exports that write what is the same for a group of rows on its first row alone: every row of the group gets it."""
        columns = self._shop.columns[draft.base]
        for candidate in [group] if group else columns[:3]:
            if (
                candidate is None
                or candidate.table != draft.base
                or candidate.filled < 1
                or candidate.distinct >= candidate.values
            ):
                continue
            if candidate.distinct < candidate.values / 50:
                continue
            spread = [
                column
                for column in columns
                if column.filled < 0.995 and column != candidate and _is_first_of_group(self._shop, draft.base, column, candidate)
            ]
            if not any(_filled_by(self._shop, draft.base, column, candidate) > LEAST_FILLED_DOWN for column in spread):
                continue
            for name, field in fields.items():
                picked = draft.picked.get(name)
                of_base = picked and (picked.path[0].child if picked.path else picked.column)
                if of_base in spread and "over (" not in field.sql:
                    fields[name] = replace(
                        field,
                        sql=f"max({field.sql}) over (partition by {candidate.sql})",
                        reason=f"{field.reason}; stands on the first row of each {candidate.name} alone, so it is filled down",
                        is_plain=False,
                    )
        return fields


class _Lines:
    """What order lines need beside names: prices of a unit from totals and discounts, keys, no cancelled order."""

    def __init__(self, shop: Shop, draft: Draft, zone: str | None) -> None:
        self._shop, self._draft, self._zone = shop, draft, zone
        self._picked = draft.picked
        order = self._picked.get("order_id")
        self.group = order.column if order and order.column.table == draft.base else None

    def _number(self, name: str) -> str | None:
        return expressions.number(self._picked[name].column) if name in self._picked else None

    def _name(self, name: str) -> str:
        return self._picked[name].column.shown

    def prices(self) -> dict[str, Field]:
        """quantity, list_price, paid_price and discount; empty for what needs nothing but its name."""
        own: dict[str, Field] = {}
        quantity = self._number("quantity")
        if quantity is None:
            quantity = "1"
            own["quantity"] = Field("quantity", "1", "constant", "no column says how many: every row is one unit")
        listed, paid, off = self._number("list_price"), self._number("paid_price"), self._number("discount")
        reason_off = f"{self._name('discount')} is money off the line" if off else ""
        has_total = "+line_total" in self._picked and not (listed and off and self._is_before_discount(listed, quantity, off))
        base_price = listed or (
            f"{self._number('+shelf_total')} / nullif({quantity}, 0)" if "+shelf_total" in self._picked else None
        )
        if base_price and not listed:
            own["list_price"] = Field("list_price", base_price, self._name("+shelf_total"), "the line's total by its units")
        if off and base_price and self._is_share("discount"):
            off = f"{off} * {base_price} * {quantity}"
            reason_off = f"{self._name('discount')} is a share of the price"
            own["discount"] = Field("discount", off, self._name("discount"), reason_off)
        if has_total and "+shelf_total" in self._picked and not off:
            off = f"{self._number('+shelf_total')} - {self._number('+line_total')}"
            own["discount"] = Field(
                "discount", off, self._name("+shelf_total"), "the line's total before discounts less that after"
            )
        if paid is None and not has_total and (spread := self._order_discount(base_price, quantity)):
            off = f"coalesce({off}, 0) + {spread}" if off else spread
            reason_off = f"{self._name('+order_discount')} is spread over the order's lines by what they cost"
            own["discount"] = Field("discount", f"cast({off} as decimal(18, 2))", self._name("+order_discount"), reason_off)
        if paid is None and has_total:
            paid = f"{self._number('+line_total')} / nullif({quantity}, 0)"
            own["paid_price"] = Field("paid_price", paid, self._name("+line_total"), "the line's total by its units")
        elif paid is None and base_price and off:
            if "discount" in own and not self._has_column("discount"):
                off, reason_off = "discount", "see there"
            sql = f"{base_price} - coalesce({off}, 0) / nullif({quantity}, 0)"
            own["paid_price"] = Field(
                "paid_price", sql, self._name("list_price"), f"the list price less the discount: {reason_off}"
            )
        elif paid is None and base_price:
            name = "list_price" if listed else "+shelf_total"
            own["paid_price"] = Field(
                "paid_price", base_price, self._name(name), "no discount is known: what is paid is the price",
                base_price == self._picked[name].column.sql,
            )  # fmt: skip
        if base_price is None and paid:
            sql = f"{paid} + coalesce({off}, 0) / nullif({quantity}, 0)" if off else paid
            reason = (
                f"what was paid and the discount: {reason_off}" if off else "no shelf price is known: the price that was paid"
            )
            own["list_price"] = Field(
                "list_price", sql, own["paid_price"].source if "paid_price" in own else self._name("paid_price"), reason
            )
        return own

    def _has_column(self, name: str) -> bool:
        """Whether a table in reach has such a column, before which SQL would prefer a name that the select gives."""
        places = {self._draft.base, *(picked.column.table for picked in self._picked.values())}
        return any(self._shop.column(place, name) for place in places)

    def _is_before_discount(self, price: str, quantity: str, off: str) -> bool:
        """Whether a line's total is price by units where something was taken off: then it isn't what was paid."""
        base, total = self._draft.base, self._number("+line_total")
        share = self._shop.connection.execute(
            f"select avg(case when abs({total} - {price} * {quantity}) < 0.01 then 1.0 else 0 end) "
            f"from looked_at.{quoted_name(base)} as {plain_or_quoted(base)} where {off} > 0"
        ).fetchall()[0][0]
        return bool(share and share > 0.9)

    def _is_share(self, name: str) -> bool:
        column = self._picked[name].column
        return 0 < column.greatest <= 1 and column.whole < 0.99

    def _order_discount(self, price: str | None, quantity: str) -> str | None:
        """An order's discount by the lines' share of what they cost, where the lines don't bear it already."""
        if "+order_discount" not in self._picked or self.group is None or price is None:
            return None
        column = self._picked["+order_discount"].column
        if column.greatest <= 0 or (
            column.table == self.group.table and not _is_one_in_group(self._shop, self.group.table, column, self.group)
        ):
            return None
        over = f"over (partition by {self.group.sql})"
        amount = expressions.number(column)
        return f"coalesce(max({amount}) {over}, 0) * {price} * {quantity} / nullif(sum({price} * {quantity}) {over}, 0)"

    def keys(self, fields: dict[str, Field]) -> dict[str, Field]:
        """An order's id and its line's number, where no column has them; a product's name where its key is blank."""
        own: dict[str, Field] = {}
        user, at = fields["user_id"].sql, fields["ordered_at"].sql
        order = fields["order_id"].sql if "order_id" in fields else f"md5(concat_ws('|', {user}, {at}))"
        if "order_id" not in fields:
            own["order_id"] = Field("order_id", order, f"{fields['user_id'].source}, {fields['ordered_at'].source}",
                                    "no column is an order's: what a user bought at one moment is one order")  # fmt: skip
        product = self._picked["product_id"].column
        names = ("product_name", "item_name", "product_title", "name", "description")
        others = [column for column in self._shop.columns[product.table] if column not in (self.group, product)]
        named = next((column for column in others if name_fit(column.name, names) > 0.8 and column.filled > product.filled), None)
        if product.filled < 1 and named is not None:
            sql = f"coalesce(nullif(trim({product.sql}), ''), {named.sql})"
            own["product_id"] = Field("product_id", sql, product.shown,
                                      f"{fields['product_id'].reason}; {named.shown} where it is blank "
                                      f"({told_share(1 - product.filled)})")  # fmt: skip
        if "line_number" not in fields or not self._is_line_number():
            key = own.get("product_id", fields["product_id"]).sql
            row = f"{plain_or_quoted(self._draft.base)}::varchar"
            own["line_number"] = Field(
                "line_number", f"row_number() over (partition by {order} order by {key}, {row})",
                "the row",
                "no column numbers the lines: counted within the order",
            )  # fmt: skip
        return own

    def _is_line_number(self) -> bool:
        """Whether order and line are a key, but for a few rows."""
        if "line_number" not in self._picked or self.group is None:
            return False
        line = self._picked["line_number"].column
        if line.table != self._draft.base:
            return False
        relation = f"looked_at.{quoted_name(self._draft.base)}"
        share = self._shop.connection.execute(
            f"select count(distinct ({quoted_name(self.group.name)}, {quoted_name(line.name)})) / greatest(count(*), 1) "
            f"from {relation}"
        ).fetchall()[0][0]
        return bool(share > 0.9)

    def filters(self, hints: Hints) -> list[Filter]:
        """Cancelled orders were not bought; of several currencies the most frequent is the shop's."""
        found = []
        for column in self._states():
            states = hints.cancelled_states(column.words)
            if states and len(states) < len(column.words):
                told = ", ".join(quoted_text(state.lower()) for state in states)
                sql, over = self._of_order(column, f"lower({column.sql})")
                found.append(
                    Filter(f"coalesce({sql}, '') not in ({told})", f"{column.shown}: {', '.join(states)} is no purchase", over)
                )
        if "+cancelled_at" in self._picked and self._picked["+cancelled_at"].column.filled < 0.5:
            column = self._picked["+cancelled_at"].column
            sql, over = self._of_order(column, column.sql)
            found.append(
                Filter(f"nullif(cast({sql} as varchar), '') is null", f"{column.shown} is filled: the order was cancelled", over)
            )
        if "+currency" in self._picked and len(self._picked["+currency"].column.words) > 1:
            column = self._picked["+currency"].column
            sql, over = self._of_order(column, column.sql)
            most = column.words[0]
            found.append(
                Filter(
                    f"coalesce({sql}, {quoted_text(most)}) = {quoted_text(most)}",
                    f"all money is in one currency, {most} here",
                    over,
                )
            )
        return found

    def _states(self) -> list[Column]:
        """The order's state and others beside it: what was delivered may have been refunded."""
        if "+status" not in self._picked:
            return []
        first, names = self._picked["+status"].column, read_hints().columns["order_lines"]["+status"].names
        others = [column for column in self._shop.columns[first.table] if column != first and name_fit(column.name, names) > 0.9]
        return [first, *others]

    def _of_order(self, column: Column, sql: str) -> tuple[str, bool]:
        """A value of the order where it stands on the order's first row alone, and whether that looks at other rows."""
        if (
            self.group
            and column.table == self.group.table
            and column.filled < 0.995
            and _is_first_of_group(self._shop, column.table, column, self.group)
        ):
            return f"max({sql}) over (partition by {self.group.sql})", True
        return sql, False


def _is_anothers(name: str, path: tuple[Link, ...]) -> bool:
    """Whether a line's order, or who bought it, would be sought behind a product, or the order behind a person."""
    over = {entity(column) for link in path for column in (link.child, link.parent)}
    return ("product_id" in over and name in _OF_ORDERS | {"user_id"}) or ("user_id" in over and name in _OF_ORDERS)


def _is_orders_total(column: Column) -> bool:
    """A column of no more name than total is the line's in a table of lines alone; elsewhere it is the whole order's."""
    return plain_name(column.name) in ("total", "subtotal") and re.search("item|line|detail", column.table, re.IGNORECASE) is None


def _is_first_of_group(shop: Shop, table: str, column: Column, group: Column) -> bool:
    """Whether `column` has one value a group at most, and blanks that the group could fill."""
    return _is_one_in_group(shop, table, column, group) and _filled_by(shop, table, column, group) > 0


def _is_one_in_group(shop: Shop, table: str, column: Column, group: Column) -> bool:
    return _group_figures(shop, table, column, group)[0]


def _filled_by(shop: Shop, table: str, column: Column, group: Column) -> float:
    """Share of the column's blanks in whose group there is a value."""
    return _group_figures(shop, table, column, group)[1]


@cache
def _group_figures(shop: Shop, table: str, column: Column, group: Column) -> tuple[bool, float]:
    value = f"nullif(trim(cast({quoted_name(column.name)} as varchar)), '')"
    is_one, filled = shop.connection.execute(
        f"select coalesce(max(kinds), 0) <= 1, coalesce(sum(blanks) filter (where kinds = 1) / nullif(sum(blanks), 0), 0) from ("
        f"select count(distinct {value}) as kinds, count(*) - count({value}) as blanks "
        f"from looked_at.{quoted_name(table)} group by {quoted_name(group.name)})"
    ).fetchall()[0]
    return bool(is_one), float(filled)


def _links_used(draft: Draft, fields: dict[str, Field], filters: list[Filter], joins: list[tuple[str, str]]) -> tuple[Link, ...]:
    """The links to the tables that the SQL names, each after those it rests on."""
    text = "\n".join(
        [*(field.sql for field in fields.values()), *(filter_.sql for filter_ in filters), *(sql for sql, _ in joins)]
    )
    used: list[Link] = []
    for picked in draft.picked.values():
        if f"{plain_or_quoted(picked.column.table)}." in text:
            used += [link for link in picked.path if link not in used]
    return tuple(used)
