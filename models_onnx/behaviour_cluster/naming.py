"""Names of clusters: what sets each apart most, in words."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

CLEAR = 0.25
"""Robust deviations from the mean of all users, below which a difference is not worth a word."""
MOST_WORDS = 3


class Phrase(NamedTuple):
    """How one feature is spoken of. Features of one theme say nearly the same, so a name takes one of them."""

    theme: str
    high: str
    low: str


PHRASES = {
    "visit_days": Phrase("frequency", "frequent", "seldom"),
    "order_value": Phrase("basket", "large baskets", "small baskets"),
    "median_order_value": Phrase("basket", "large baskets", "small baskets"),
    "lines_per_order": Phrase("basket", "full baskets", "few items at a time"),
    "categories_per_order": Phrase("basket", "mixed baskets", "one-purpose baskets"),
    "categories": Phrase("variety", "many categories", "few categories"),
    "new_product_share": Phrase("habit", "seldom the same product twice", "buys the same again"),
    "discount_share": Phrase("discount", "high discount use", "low discount use"),
    "reduced_share": Phrase("discount", "mostly reduced goods", "mostly at the regular price"),
    "price_level": Phrase("price", "dearer products", "cheaper products"),
    "top_brand_share": Phrase("brand", "one kind of brand", "mixed brands"),
    "main_store_share": Phrase("store", "one store", "several stores"),
}


class Named(NamedTuple):
    """A cluster's name and the differences it was made of."""

    name: str
    differences: dict[str, float]
    """Feature: mean of the cluster less mean of all users, in robust deviations."""


def name_clusters(scaled: NDArray[Any], clusters: NDArray[Any], features: Sequence[str]) -> list[Named]:
    """One name a cluster, in order, no two alike: scaled features [N, K], clusters [N] from 1, names of the features [K]."""
    overall = scaled.mean(axis=0)
    named: list[Named] = []
    for number in range(1, int(clusters.max()) + 1):
        means = scaled[clusters == number].mean(axis=0) - overall if (clusters == number).any() else 0 * overall
        differences = {feature: float(value) for feature, value in zip(features, means, strict=True)}
        words = list(_words(differences))
        taken = {other.name for other in named}
        name = next(
            (text for count in range(MOST_WORDS, len(words) + 1) if (text := ", ".join(words[:count])) not in taken),
            ", ".join(words[:MOST_WORDS]) or "much like everyone",
        )
        named.append(Named(name if name not in taken else f"{name} ({number})", differences))
    return named


def _words(differences: dict[str, float]) -> list[str]:
    """Phrases of the clear differences, the largest first, one a theme."""
    words, themes = [], set()
    for feature, difference in sorted(differences.items(), key=lambda item: (-abs(item[1]), item[0])):
        plain = feature.replace("_", " ")
        phrase = PHRASES.get(feature, Phrase(feature, f"high {plain}", f"low {plain}"))
        if abs(difference) >= CLEAR and phrase.theme not in themes:
            themes.add(phrase.theme)
            words.append(phrase.high if difference > 0 else phrase.low)
    return words
