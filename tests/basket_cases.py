"""Worked cases of what baskets pay, by name."""

from dataclasses import replace
from decimal import Decimal

from basket_shop import Line, Offer


def money(text: str) -> Decimal:
    return Decimal(text)


FLASH = Offer("FLASH20", "flash_discount", percent_off=20, product_id="pot", priority=10)
SPEND = Offer("SPEND300", "spend_threshold", amount_off=money("50"), min_spend=money("300"), priority=30)
SPEND150 = Offer("SPEND150", "spend_threshold", amount_off=money("20"), min_spend=money("150"), priority=31)
FIVE = Offer("FIVE", amount_off=money("5.00"), priority=20)
TEN = Offer("TEN", amount_off=money("10.00"), priority=20)
POTS = Line("pot", Decimal(3))
CAKE = Line("cake")
SAME_40, SAME_70 = (
    Offer(f"SAME{percent}", "birthday", percent_off=percent, product_id="sticker", priority=10) for percent in (40, 70)
)


def of_group(offer: Offer, expected_margin: float, group_winner: str | None = None) -> Offer:
    return replace(offer, exclusive_group="g", expected_margin=expected_margin, group_winner=group_winner)


Case = tuple[list[Line], list[Offer], str, dict[str, tuple[str, str]]]
"""Lines, offers, what is paid, and each promotion's code and discount."""

WORKED: dict[str, Case] = {
    "spend 300 save 50, after a flash item": (
        [POTS, CAKE],
        [FLASH, SPEND],
        "255.50",
        {"FLASH20": ("APPLIED", "20.00"), "SPEND300": ("APPLIED", "50.00")},
    ),
    "a flash item takes the order below 300": (
        [POTS],
        [FLASH, SPEND],
        "280.00",
        {"FLASH20": ("APPLIED", "20.00"), "SPEND300": ("MIN_SPEND_NOT_REACHED", "0.00")},
    ),
    "the threshold counts its category alone": (
        [Line("pot", Decimal(2)), Line("cake", Decimal(10))],
        [replace(SPEND, categories="tea")],
        "455.00",
        {"SPEND300": ("MIN_SPEND_NOT_REACHED", "0.00")},
    ),
    "a coupon is for its products alone": (
        [POTS, CAKE],
        [Offer("CAKE10", percent_off=10, products=("cake",))],
        "322.95",
        {"CAKE10": ("APPLIED", "2.55")},
    ),
    "the shop's own coupon is one whatever the shop calls it": (
        [POTS],
        [SPEND, Offer("OURS", "flash_discount", True, percent_off=10, product_id="pot")],
        "225.00",
        {"SPEND300": ("APPLIED", "50.00"), "OURS": ("APPLIED", "25.00")},
    ),
    "what can't be promoted neither counts nor gets anything": (
        [Line("gas", Decimal(200)), CAKE],
        [SPEND, TEN],
        "317.85",
        {"SPEND300": ("MIN_SPEND_NOT_REACHED", "0.00"), "TEN": ("APPLIED_TO_FLOOR", "7.65")},
    ),
    "40 % and 70 % of one priority are not free": (
        [Line("sticker")],
        [SAME_40, SAME_70],
        "1.80",
        {"SAME40": ("APPLIED", "2.98"), "SAME70": ("APPLIED", "5.22")},
    ),
    "40 % before 70 % works on what is left": (
        [Line("sticker")],
        [SAME_40, replace(SAME_70, priority=20)],
        "1.80",
        {"SAME40": ("APPLIED", "4.00"), "SAME70": ("APPLIED", "4.20")},
    ),
    "40 % and 70 % stop at the margin floor": (
        [Line("tea")],
        [replace(SAME_40, product_id="tea"), replace(SAME_70, product_id="tea")],
        "4.20",
        {"SAME40": ("APPLIED_TO_FLOOR", "2.11"), "SAME70": ("APPLIED_TO_FLOOR", "3.69")},
    ),
    "a promotion's own margin is above the policy's": (
        [Line("tea")],
        [replace(TEN, min_margin=0.5)],
        "6.00",
        {"TEN": ("APPLIED_TO_FLOOR", "4.00")},
    ),
    "two coupons on one order": ([Line("pot")], [FIVE, TEN], "85.00", {"FIVE": ("APPLIED", "5.00"), "TEN": ("APPLIED", "10.00")}),
    "the second of two coupons reaches the minimum that the first one would have spoilt": (
        [Line("sticker", Decimal(6))],
        [replace(TEN, min_spend=money("60")), replace(FIVE, min_spend=money("60"), priority=30)],
        "45.00",
        {"TEN": ("APPLIED", "10.00"), "FIVE": ("APPLIED", "5.00")},
    ),
    "thresholds come before coupons, whatever their priorities": (
        [POTS],
        [replace(TEN, percent_off=10, amount_off=None, priority=1), SPEND],
        "225.00",
        {"SPEND300": ("APPLIED", "50.00"), "TEN": ("APPLIED", "25.00")},
    ),
    "an item promotion is for one unit": (
        [Line("pot", Decimal(2)), Line("pot", Decimal(1), money("90.00"))],
        [FLASH],
        "270.00",
        {"FLASH20": ("APPLIED", "20.00")},
    ),
    "a benefit for the basket is a coupon, whatever its occasion": (
        [POTS],
        [SPEND, replace(TEN, kind="birthday")],
        "240.00",
        {"SPEND300": ("APPLIED", "50.00"), "TEN": ("APPLIED", "10.00")},
    ),
    "of a group the best expected margin wins": (
        [POTS],
        [of_group(TEN, 1), of_group(FIVE, 2)],
        "295.00",
        {"TEN": ("GROUP_LOST", "0.00"), "FIVE": ("APPLIED", "5.00")},
    ),
    "of a group the customer's best wins where the policy says so": (
        [POTS],
        [of_group(TEN, 1, "best_for_customer"), of_group(FIVE, 2)],
        "290.00",
        {"TEN": ("APPLIED", "10.00"), "FIVE": ("GROUP_LOST", "0.00")},
    ),
    "a winner that doesn't apply leaves the group to the next": (
        [POTS],
        [FLASH, of_group(SPEND, 9), of_group(SPEND150, 1)],
        "260.00",
        {"FLASH20": ("APPLIED", "20.00"), "SPEND300": ("MIN_SPEND_NOT_REACHED", "0.00"), "SPEND150": ("APPLIED", "20.00")},
    ),
    "an item promotion and a coupon of one group": (
        [POTS],
        [of_group(FLASH, 2), of_group(TEN, 1)],
        "280.00",
        {"FLASH20": ("APPLIED", "20.00"), "TEN": ("GROUP_LOST", "0.00")},
    ),
    "a coupon that is worth more than the item promotion of its group": (
        [POTS],
        [of_group(FLASH, 1), of_group(TEN, 2)],
        "290.00",
        {"FLASH20": ("GROUP_LOST", "0.00"), "TEN": ("APPLIED", "10.00")},
    ),
    "what can't be combined stands alone where it brings more": (
        [POTS],
        [FLASH, FIVE, replace(TEN, is_stackable=False, expected_margin=3)],
        "290.00",
        {"FLASH20": ("NOT_STACKABLE", "0.00"), "FIVE": ("NOT_STACKABLE", "0.00"), "TEN": ("APPLIED", "10.00")},
    ),
    "what can't be combined gives way where the others bring as much": (
        [POTS],
        [FLASH, FIVE, replace(TEN, is_stackable=False, expected_margin=2)],
        "275.00",
        {"FLASH20": ("APPLIED", "20.00"), "FIVE": ("APPLIED", "5.00"), "TEN": ("NOT_STACKABLE", "0.00")},
    ),
    "nothing is for this basket": ([CAKE], [FLASH], "25.50", {"FLASH20": ("NO_MATCHING_LINE", "0.00")}),
    "a price at its floor": ([Line("tea", unit_price=money("4.00"))], [TEN], "4.00", {"TEN": ("FLOOR_REACHED", "0.00")}),
    "points change no price": (
        [POTS],
        [TEN, Offer("DOUBLE", "points_multiplier", points_multiplier=2)],
        "290.00",
        {"TEN": ("APPLIED", "10.00"), "DOUBLE": ("APPLIED", "0.00")},
    ),
    "not yet and no longer": (
        [POTS],
        [replace(TEN, valid_from="2025-03-02"), replace(FIVE, valid_to="2025-03-01")],
        "300.00",
        {"TEN": ("NOT_YET_VALID", "0.00")},
    ),
    "the customer's own choice of coupons": (
        [replace(POTS, coupon_ids="TEN|TEN| GONE "), replace(CAKE, coupon_ids="OLD")],
        [TEN, FIVE, SPEND, replace(FIVE, promotion_id="OLD", valid_to="2025-03-01")],
        "265.50",
        {
            "TEN": ("APPLIED", "10.00"),
            "FIVE": ("NOT_ENTERED", "0.00"),
            "SPEND300": ("APPLIED", "50.00"),
            "OLD": ("EXPIRED", "0.00"),
            "GONE": ("NOT_HELD", "0.00"),
        },
    ),
    "a product that the shop doesn't know": (
        [Line("unheard of", Decimal(2), money("3.00"))],
        [TEN],
        "6.00",
        {"TEN": ("NO_MATCHING_LINE", "0.00")},
    ),
    "nothing at all": ([Line("pot", Decimal(0))], [TEN], "0.00", {"TEN": ("NO_MATCHING_LINE", "0.00")}),
}
