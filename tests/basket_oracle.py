"""The rules of baskets once more, in plain Python with exact fractions and one basket at a time: what the SQL is held against."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from basket_shop import ITEM_KINDS, MAX_DISCOUNT, MIN_MARGIN, PRODUCTS, Basket, Offer, Product

K = TypeVar("K", bound=Hashable)


@dataclass
class Item:
    """Units of one product at one price. Money in cents."""

    product: Product
    price: Decimal
    quantity: Fraction = Fraction(0)
    left: int = 0
    amount: int = 0
    floor: int = 0


@dataclass
class Answer:
    paid: int
    floor: int
    discounts: dict[str, int] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def step(offer: Offer) -> int:
    if offer.is_shops:
        return 3
    if offer.kind == "points_multiplier":
        return 4
    if offer.kind == "spend_threshold":
        return 2
    return 1 if offer.kind in (*ITEM_KINDS, "festival") and offer.product_id else 3


def answer(basket: Basket) -> Answer:
    items = _items(basket)
    played = _Basket(items, list(basket.offers))
    codes = played.choose()
    discounts = dict.fromkeys((offer.promotion_id for offer in basket.offers), 0)
    for level in played.levels(step_is_item=True) + played.levels(step_is_item=False):
        for promotion_id, cents in played.play(level).items():
            discounts[promotion_id] += cents
    for offer in basket.offers:
        if codes[offer.promotion_id] == "APPLIED" and step(offer) < 4 and discounts[offer.promotion_id] == 0:
            codes[offer.promotion_id] = "FLOOR_REACHED"
    return Answer(sum(item.left for item in items), sum(item.floor for item in items), discounts, codes)


def _items(basket: Basket) -> list[Item]:
    products = {product.product_id: product for product in PRODUCTS}
    items: dict[tuple[str, Decimal], Item] = {}
    for line in basket.lines:
        product = products[line.product_id]
        price = product.list_price if line.unit_price is None else line.unit_price
        items.setdefault((line.product_id, price), Item(product, price)).quantity += Fraction(line.quantity)
    for item in items.values():
        item.amount = item.left = half_up(item.quantity * Fraction(item.price) * 100)
        item.floor = _floor(item, MIN_MARGIN)
    return [items[key] for key in sorted(items)]


def _floor(item: Item, margin: Decimal) -> int:
    if item.product.unit_cost is not None:
        unit = Fraction(item.product.unit_cost) * (1 + Fraction(margin))
    else:
        unit = Fraction(item.product.list_price) * (1 - Fraction(MAX_DISCOUNT))
    return min(item.amount, math.ceil(min(unit, Fraction(item.price)) * item.quantity * 100))


class _Basket:
    def __init__(self, items: list[Item], offers: list[Offer]) -> None:
        self.items = items
        self.offers = offers
        self.chosen: list[Offer] = []

    def covered(self, offer: Offer) -> dict[int, Fraction]:
        """Share of each item that the offer covers; an item promotion is for one unit of its product, the dearest first."""
        places = [
            place
            for place, item in enumerate(self.items)
            if item.product.category != "fuel"
            and item.amount > 0
            and (offer.categories is None or item.product.category in offer.categories.split("|"))
            and (step(offer) == 1 or not offer.products or item.product.product_id in offer.products)
        ]
        if step(offer) > 1:
            return dict.fromkeys(places, Fraction(1))
        shares = {}
        unit = Fraction(1)
        for place in sorted(places, key=lambda place: -self.items[place].price):
            used = min(unit, self.items[place].quantity)
            if self.items[place].product.product_id == offer.product_id and used:
                unit -= used
                shares[place] = used / self.items[place].quantity
        return shares

    def floor(self, offer: Offer, item: Item) -> int:
        if offer.min_margin is None or item.product.unit_cost is None:
            return item.floor
        return max(item.floor, _floor(item, Decimal(str(offer.min_margin))))

    def wishes(self, offer: Offer) -> dict[int, Fraction]:
        covered = self.covered(offer)
        rooms = {
            place: max(0, self.items[place].left - self.floor(offer, self.items[place])) * share
            for place, share in covered.items()
        }
        if offer.percent_off is not None:
            percent = Fraction(str(offer.percent_off)) / 100
            return {place: min(rooms[place], percent * self.items[place].left * share) for place, share in covered.items()}
        if offer.amount_off is not None:
            total = sum(rooms.values())
            amount = min(Fraction(offer.amount_off) * 100, Fraction(total))
            return {place: amount * room / total if total else Fraction(0) for place, room in rooms.items()}
        return dict.fromkeys(covered, Fraction(0))

    def _compounded(self, offer: Offer, level: list[Offer]) -> dict[int, Fraction]:
        """wishes(), percentages of a level on what they leave of one another."""
        if offer.percent_off is None:
            return self.wishes(offer)
        wishes = {}
        for place, share in self.covered(offer).items():
            percents = [
                Fraction(str(other.percent_off)) / 100 * self.covered(other)[place]
                for other in level
                if other.percent_off is not None and place in self.covered(other)
            ]
            joint = 1 - math.prod(1 - percent for percent in percents)
            part = Fraction(str(offer.percent_off)) / 100 * share * joint / sum(percents)
            room = max(0, self.items[place].left - self.floor(offer, self.items[place])) * share
            wishes[place] = min(room, part * self.items[place].left)
        return wishes

    def spend(self, offer: Offer) -> int:
        return sum(self.items[place].left for place in self.covered(offer))

    def refusal(self, offer: Offer) -> str | None:
        """Why it would take off nothing at the prices as they are, were it the only one."""
        if not self.covered(offer):
            return "NO_MATCHING_LINE"
        if offer.min_spend is not None and self.spend(offer) < offer.min_spend * 100:
            return "MIN_SPEND_NOT_REACHED"
        if step(offer) < 4 and half_up(sum(self.wishes(offer).values(), Fraction(0))) == 0:
            return "FLOOR_REACHED"
        return None

    def choose(self) -> dict[str, str]:
        codes = {offer.promotion_id: self.refusal(offer) for offer in self.offers}
        alone = {offer.promotion_id: half_up(sum(self.wishes(offer).values(), Fraction(0))) for offer in self.offers}
        open_ones = [offer for offer in self.offers if codes[offer.promotion_id] is None]

        def value(offer: Offer, for_customer: bool) -> Fraction:
            return Fraction(alone[offer.promotion_id]) if for_customer else Fraction(str(offer.expected_margin))

        def best(offers: list[Offer], for_customer: bool) -> Offer:
            return min(
                offers,
                key=lambda o: (-value(o, for_customer), -alone[o.promotion_id], -o.expected_margin, o.priority, o.promotion_id),
            )

        def group_policy(group: str | None) -> bool:
            return any(o.exclusive_group == group and o.group_winner == "best_for_customer" for o in self.offers)

        stackable = [offer for offer in open_ones if offer.is_stackable]
        sure = [offer for offer in stackable if self._is_sure(offer, stackable)]
        heads = {
            group: best([o for o in sure if o.exclusive_group == group], group_policy(group))
            for group in {o.exclusive_group for o in sure} - {None}
        }
        lone_ones = [offer for offer in open_ones if not offer.is_stackable]
        if lone_ones:
            for_customer = any(o.group_winner == "best_for_customer" and not o.is_stackable for o in self.offers)
            lone = best(lone_ones, for_customer)
            joint = [o for o in sure if o.exclusive_group is None or heads[o.exclusive_group] is o]
            if not joint or value(lone, for_customer) > sum(value(o, for_customer) for o in joint):
                for offer in open_ones:
                    if offer is not lone:
                        codes[offer.promotion_id] = "NOT_STACKABLE"
            else:
                for offer in lone_ones:
                    codes[offer.promotion_id] = "NOT_STACKABLE"
        for offer in stackable:
            head = heads.get(offer.exclusive_group) if offer.exclusive_group else None
            is_item_matter = step(offer) == 1 or (head is not None and step(head) == 1)
            if codes[offer.promotion_id] is None and offer.exclusive_group and head is not offer and is_item_matter:
                codes[offer.promotion_id] = "GROUP_LOST"

        # item promotions are settled; what is left is judged at the prices they leave
        self.chosen = [o for o in self.offers if codes[o.promotion_id] is None and step(o) == 1]
        before = [item.left for item in self.items]
        for level in self.levels(step_is_item=True):
            self.play(level)
        later = [o for o in self.offers if codes[o.promotion_id] is None and step(o) > 1]
        for offer in later:
            codes[offer.promotion_id] = self.refusal(offer)
            alone[offer.promotion_id] = half_up(sum(self.wishes(offer).values(), Fraction(0)))
        standing = defaultdict(list)
        for offer in later:
            if codes[offer.promotion_id] is None and offer.exclusive_group:
                standing[offer.exclusive_group].append(offer)
        for group, rivals in standing.items():
            winner = best(rivals, group_policy(group))
            for offer in rivals:
                if offer is not winner:
                    codes[offer.promotion_id] = "GROUP_LOST"
        for item, left in zip(self.items, before, strict=True):
            item.left = left
        self.chosen = [o for o in self.offers if codes[o.promotion_id] is None and step(o) < 4]
        return {promotion_id: code or "APPLIED" for promotion_id, code in codes.items()}

    def _is_sure(self, offer: Offer, stackable: list[Offer]) -> bool:
        """Is its minimum reached whatever item promotions of other groups apply?"""
        if step(offer) == 1 or offer.min_spend is None:
            return True
        cut = Fraction(0)
        for rival in stackable:
            is_of_group = rival.exclusive_group is not None and rival.exclusive_group == offer.exclusive_group
            if step(rival) == 1 and not is_of_group:
                wishes = self.wishes(rival)
                cut += sum((wish for place, wish in wishes.items() if place in self.covered(offer)), Fraction(0))
        return self.spend(offer) - half_up(cut) >= offer.min_spend * 100

    def levels(self, step_is_item: bool) -> list[list[Offer]]:
        of_step = [offer for offer in self.chosen if (step(offer) == 1) == step_is_item]
        keys = sorted({(step(offer), offer.priority) for offer in of_step})
        return [[offer for offer in of_step if (step(offer), offer.priority) == key] for key in keys]

    def play(self, level: list[Offer]) -> dict[str, int]:
        """Takes the level's discounts off the items; returns them by promotion."""
        taken = {offer.promotion_id: self._compounded(offer, level) for offer in level}
        for place, item in enumerate(self.items):
            floors = {offer.promotion_id: self.floor(offer, item) for offer in level}
            wishes = {promotion_id: wish.get(place, Fraction(0)) for promotion_id, wish in taken.items()}
            scales = {}
            for floor in set(floors.values()):
                together = sum((wish for p, wish in wishes.items() if floors[p] >= floor), Fraction(0))
                scales[floor] = min(Fraction(1), max(0, item.left - floor) / together) if together else Fraction(1)
            for promotion_id in wishes:
                if place in taken[promotion_id]:
                    scale = min(s for floor, s in scales.items() if floor <= floors[promotion_id])
                    taken[promotion_id][place] = wishes[promotion_id] * scale
        discounts: dict[str, int] = dict.fromkeys(taken, 0)
        places = range(len(self.items))
        of_product = defaultdict(list)  # the order is one sum of money, a product a price of its own
        for place in places:
            of_product[self.items[place].product.product_id if step(level[0]) == 1 else ""].append(place)
        for rounded in of_product.values():
            by_item = {p: sum((t.get(p, Fraction(0)) for t in taken.values()), Fraction(0)) for p in rounded}
            cents = half_up(sum(by_item.values(), Fraction(0)))
            for place, share in _largest_remainder(by_item, cents, lambda place: (-self.items[place].left, place)).items():
                self.items[place].left -= share
            by_offer = {
                promotion_id: sum((t.get(place, Fraction(0)) for place in rounded), Fraction(0))
                for promotion_id, t in taken.items()
            }
            for promotion_id, share in _largest_remainder(by_offer, cents, lambda key: key).items():
                discounts[promotion_id] += share
        return discounts


def _largest_remainder(parts: dict[K, Fraction], total: int, tie_breaker: Callable[[K], Any]) -> dict[K, int]:
    whole = {key: math.floor(part) for key, part in parts.items()}
    order = sorted(parts, key=lambda key: (-(parts[key] - whole[key]), tie_breaker(key)))
    for key in order[: total - sum(whole.values())]:
        whole[key] += 1
    return whole
