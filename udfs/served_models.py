"""Which registered model serves which SQL function, each loaded once and kept; no engine in sight."""

from __future__ import annotations

import threading
from collections.abc import Callable

from udfs.interest import BoostedInterestScorer, LinearInterestScorer
from udfs.model_registry import ModelRefused, ModelRegistry
from udfs.purchase_intent import PurchaseIntentScorer
from udfs.scorer import Scorer

INTEREST_MODELS = {"xgboost": "interest", "linear": "interest_linear"}
"""Registered model behind `interest()`, by the configured choice."""

_SCORERS: dict[str, Callable[[str, bytes], Scorer]] = {
    "onnx": PurchaseIntentScorer,
    "xgboost": BoostedInterestScorer,
    "linear": LinearInterestScorer,
}


def load_scorer(registry: ModelRegistry, name: str) -> Scorer:
    """Load the registered model `name`.

    Raises ModelRefused when the registry refuses its file, the file doesn't load, or no scorer is of its kind.
    """
    kind = registry.model(name).kind
    if kind not in _SCORERS:
        raise ModelRefused(f"{name}: registered with kind {kind}, but scorers exist for {', '.join(_SCORERS)}")
    return _SCORERS[kind](name, registry.read(name))


class ServedModels:
    """The models behind the SQL functions of one connection, each loaded at its first use. Thread-safe."""

    def __init__(self, registry: ModelRegistry, interest: str) -> None:
        """`interest` is a key of INTEREST_MODELS; raises ValueError if not."""
        if interest not in INTEREST_MODELS:
            raise ValueError(f"interest: must be {' or '.join(INTEREST_MODELS)}, not {interest!r}")
        self._models = {"purchase_intent": "purchase_intent", "interest": INTEREST_MODELS[interest]}
        self._registry = registry
        self._scorers: dict[str, Scorer] = {}
        self._versions: dict[str, str] = {}
        self._lock = threading.Lock()

    def scorer(self, function: str) -> Scorer:
        """The scorer behind a SQL function; raises ModelRefused when its model is refused."""
        name = self.serving_model(function)
        # Held while loading, so that two engine threads don't load one model twice.
        with self._lock:
            if name not in self._scorers:
                self._scorers[name] = load_scorer(self._registry, name)
            return self._scorers[name]

    def serving_model(self, function: str) -> str:
        """Name of the registered model behind a SQL function; raises ValueError for a function that has none."""
        if function not in self._models:
            raise ValueError(f"{function}: no model serves such a function; there are {', '.join(self._models)}")
        return self._models[function]

    def model_version(self, name: str) -> str:
        """First 12 hex digits of the model's SHA-256, once its file has proved to be the registered one.

        Raises ModelRefused for a model that is unknown, absent or altered.
        """
        with self._lock:
            if name not in self._versions:
                self._registry.read(name)
                self._versions[name] = self._registry.model_version(name)
            return self._versions[name]
