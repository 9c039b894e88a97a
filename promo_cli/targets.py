"""What the models were asked to reach (models_onnx/targets.yml), and the verdict on a figure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TARGETS_FILE = Path(__file__).resolve().parents[1] / "models_onnx" / "targets.yml"


@dataclass(frozen=True)
class Bar:
    """A figure to reach: plain, or so many times what a baseline reaches in the same run."""

    figure: float | None
    times: float | None = None
    baseline: str | None = None

    def value(self, baselines: Mapping[str, float]) -> float | None:
        """The figure; None where the baseline that it hangs on was not measured."""
        if self.baseline is None:
            return self.figure
        return None if self.baseline not in baselines else float(self.times or 1) * baselines[self.baseline]


@dataclass(frozen=True)
class Target:
    """What one measure of one task was asked to reach on one shop."""

    task: str
    measure: str
    must_reach: Bar
    stretch: Bar | None = None
    lower_is_better: bool = False
    beforehand: Mapping[str, float] = field(default_factory=dict)

    def verdict(self, reached: float, baselines: Mapping[str, float]) -> str:
        """`reached`, `stretch`, `short of .830`, or why there is no saying. Figures are compared as they are, unrounded."""
        if math.isnan(reached):
            return "not measured"
        must = self.must_reach.value(baselines)
        if must is None:
            return f"no figure for {self.must_reach.baseline}"
        stretch = self.stretch.value(baselines) if self.stretch else None
        if stretch is not None and self._passes(reached, stretch):
            return "stretch"
        return "reached" if self._passes(reached, must) else f"short of {shown(must)}"

    def _passes(self, reached: float, bar: float) -> bool:
        return reached <= bar if self.lower_is_better else reached >= bar


def targets_for(source: str, file: Path = TARGETS_FILE) -> dict[tuple[str, str], Target]:
    """The targets by (task, measure) on the shop that `promo load` calls `source`; none on any other shop.

    Raises ValueError when the file holds anything else.
    """
    import yaml

    content = yaml.safe_load(file.read_text())
    if content["shop"] != source:
        return {}
    found = [_target(entry) for entry in content["targets"]]
    by_name = {(target.task, target.measure): target for target in found}
    if len(by_name) != len(found):
        raise ValueError(f"{file.name} names a task and measure twice")
    return by_name


def shown(figure: float) -> str:
    """A figure of a target as people write it: .830, .0085, 46."""
    if float(figure).is_integer():
        return str(int(figure))
    three, four = f"{figure:.3f}", f"{figure:.4f}"
    text = three if float(three) == float(four) else four
    return text.replace("0.", ".", 1)


def _target(entry: Mapping[str, Any]) -> Target:
    unknown = set(entry) - {"task", "measure", "must_reach", "stretch", "better", "beforehand"}
    if unknown or entry.get("better", "higher") not in ("higher", "lower"):
        raise ValueError(f"a target of {entry.get('task')} has {', '.join(sorted(unknown)) or 'a better that is none'}")
    return Target(
        task=entry["task"],
        measure=entry["measure"],
        must_reach=_bar(entry["must_reach"]),
        stretch=_bar(entry["stretch"]) if "stretch" in entry else None,
        lower_is_better=entry.get("better") == "lower",
        beforehand=entry.get("beforehand") or {},
    )


def _bar(value: Any) -> Bar:
    if isinstance(value, dict):
        return Bar(None, float(value["times"]), str(value["baseline"]))
    return Bar(float(value))
