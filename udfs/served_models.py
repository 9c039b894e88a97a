"""Which registered model serves which SQL function, each loaded once and kept; no engine in sight."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from udfs.model_records import read_card
from udfs.model_registry import RULE_MARK, ModelRegistry
from udfs.scorer import Scorer
from udfs.scorer_kinds import build_scorer
from udfs.sql_functions import SQL_FUNCTIONS, sql_function


def load_scorer(registry: ModelRegistry, name: str) -> Scorer:
    """Load the registered model `name`.

    Raises ModelRefused when the registry refuses its file, its card is another model's, the file doesn't load, or no scorer
    is of its kind.
    """
    kind = registry.model(name).kind
    entry = registry.entries()[name]
    if isinstance(entry, dict) and entry.get("card"):
        read_card(registry.folder, name, entry)

    def read(file: str, sha256: str) -> bytes:
        return registry.read_beside(name, file, sha256)

    return build_scorer(name, kind, registry.read(name), read)


class ServedModels:
    """The models behind the SQL functions of one connection, each loaded at its first use. Thread-safe."""

    def __init__(self, registry: ModelRegistry, choices: Mapping[str, str] | None = None) -> None:
        """`choices` names the model of functions that have several (see `sql_functions`); ValueError if there is none such."""
        choices = choices or {}
        self._models = {function.name: function.model(choices.get(function.name)) for function in SQL_FUNCTIONS}
        self._registry = registry
        self._scorers: dict[str, Scorer] = {}
        self._versions: dict[str, str] = {}
        self._lock = threading.Lock()

    def scorer(self, function: str) -> Scorer:
        """The scorer behind a SQL function; raises ModelRefused when its model is refused."""
        name = self._model(function)
        # Held while loading, so that two engine threads don't load one model twice.
        with self._lock:
            if name not in self._scorers:
                self._scorers[name] = load_scorer(self._registry, name)
            return self._scorers[name]

    def serving_model(self, function: str) -> str:
        """Name of the registered model behind a SQL function, `<name> (rule)` where a rule serves in its place.

        Raises ValueError for a function that has none, and ModelRefused when the registry can't be read.
        """
        name = self._model(function)
        return name + RULE_MARK if self._registry.model(name).kind == "rule" else name

    def model_version(self, name: str) -> str:
        """First 12 hex digits of the model's SHA-256, once its file has proved to be the registered one.

        Raises ModelRefused for a model that is unknown, absent or altered.
        """
        name = name.removesuffix(RULE_MARK)
        with self._lock:
            if name not in self._versions:
                self._registry.read(name)
                self._versions[name] = self._registry.model_version(name)
            return self._versions[name]

    def _model(self, function: str) -> str:
        sql_function(function)
        return self._models[function]
