"""The SQL functions that score: one line each. `duckdb_functions` registers them, `served_models` finds their models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class SqlFunction(NamedTuple):
    """One SQL function with a model behind it."""

    name: str
    arguments: tuple[str, ...]
    """SQL types of the arguments, each a list: what `Scorer.dense_batch` gets, in this order."""
    result: str = "FLOAT"
    """FLOAT, INTEGER or FLOAT[]: `Scorer.score` then returns float32 [rows], int32 [rows] or float32 [rows, M]."""
    models: Mapping[str, str] | None = None
    """Where configuration chooses: {choice: registered model}, the first being the default. None: the model of this name."""

    def model(self, choice: str | None = None) -> str:
        """The registered model behind the function; raises ValueError for a choice there isn't."""
        if self.models is None:
            return self.name
        if choice is None:
            choice = next(iter(self.models))
        if choice not in self.models:
            raise ValueError(f"{self.name}: must be {' or '.join(self.models)}, not {choice!r}")
        return self.models[choice]

    @property
    def has_reasons(self) -> bool:
        """A score has reasons: contributions to its margin. Classes and lists of shares have none."""
        return self.result == "FLOAT"

    @property
    def reasons(self) -> dict[str, bool]:
        """Its reasons' SQL functions, same arguments, FLOAT[]: the exact one, and the one that may approximate (true)."""
        return {f"{self.name}_reasons": False, f"{self.name}_reasons_fast": True} if self.has_reasons else {}


FEATURES = ("FLOAT[]",)
TOKENS = ("INTEGER[]",)

SQL_FUNCTIONS = (
    SqlFunction("purchase_intent", TOKENS),
    SqlFunction("purchase_intent_blend", (*TOKENS, *FEATURES)),
    SqlFunction("interest", FEATURES, models={"xgboost": "interest", "linear": "interest_linear"}),
    SqlFunction("subcategory_interest", FEATURES),
    SqlFunction("category_interest", FEATURES),
    SqlFunction("promo_effect", FEATURES, models={"uplift": "promo_effect", "linear": "promo_effect_linear"}),
    SqlFunction("campaign_redemption", FEATURES),
    SqlFunction("coupon_redemption", FEATURES),
    SqlFunction("churn_risk", FEATURES),
    SqlFunction("churn_risk_56d", FEATURES),
    SqlFunction("topics", ("VARCHAR[]", "FLOAT[]"), "FLOAT[]"),
    SqlFunction("behaviour_cluster", FEATURES, "INTEGER"),
)
"""All of them; the keys of the plugin's config are those with a choice."""


def sql_function(name: str) -> SqlFunction:
    """The function `name`; raises ValueError for one that no model serves."""
    for function in SQL_FUNCTIONS:
        if function.name == name:
            return function
    names = ", ".join(function.name for function in SQL_FUNCTIONS)
    raise ValueError(f"{name}: no model serves such a function; there are {names}")
