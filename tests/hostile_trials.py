"""Every kind of hostile case with its share, its strategy and its trial; what they work on is made here."""

from pathlib import Path
from typing import Any

import hostile_call
import hostile_export
import hostile_shop
from hypothesis.strategies import SearchStrategy
from test_destinations import CONTACTS
from test_export import BUILT, run

Kind = tuple[float, SearchStrategy[Any], Any]


class Trials:
    """`kinds`: name to share of all cases (they sum up to 1), strategy and trial. `folder` holds the databases they work on."""

    def __init__(self, folder: Path) -> None:
        built = folder / "built.duckdb"
        run(built, BUILT + CONTACTS)
        self._for_vars = hostile_shop.ShopTrial()
        self._for_vars.load_baseline(folder)
        self.kinds: dict[str, Kind] = {
            "shop": (0.5, hostile_shop.shops(), hostile_shop.ShopTrial()),
            "append": (0.1, hostile_shop.shops(), hostile_shop.AppendTrial()),
            "export": (0.15, hostile_export.audiences(), hostile_export.ExportTrial(built, folder)),
            "call": (0.1, hostile_call.calls(), hostile_call.CallTrial(built)),
            "policy": (0.07, hostile_call.policies(), hostile_call.policy_trial),
            "model": (0.05, hostile_call.spoilt_models, hostile_call.model_trial),
            "vars": (0.03, hostile_call.variables(), self._vars),
        }

    def _vars(self, given: dict[str, Any], sandbox: Path) -> str:
        return hostile_call.vars_trial(self._for_vars, given, sandbox)
