"""What `promo evaluate` prints: findings beside baselines and, where there are any, the targets; as a table or as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import typer

from promo_cli.tables import columns
from promo_cli.targets import Bar, Target, shown

if TYPE_CHECKING:
    from models_onnx.task import Finding

HEADINGS = ["model or baseline", "measure", "reached", "95 % interval", "must reach", "stretch", "verdict"]


@dataclass
class Evaluated:
    """All findings of one run."""

    shop: str
    """What was measured on, in a line."""
    targets: Mapping[tuple[str, str], Target]
    """By task and measure; empty on a shop that nothing was asked of."""
    tasks: Sequence[str]
    """What was to be evaluated."""
    lines: list[tuple["Finding", tuple[date, date] | None, str]] = field(default_factory=list)
    """Finding, first and last as-of date of its test window, remarks."""
    refused: dict[str, str] = field(default_factory=dict)
    """Task -> why it could not be evaluated."""

    def add(self, findings: "Sequence[Finding]", window: tuple[date, date] | None, remarks: str) -> None:
        """Take in the findings of one task."""
        self.lines += [(finding, window, "; ".join(filter(None, (finding.note, remarks)))) for finding in findings]

    def unmeasured(self) -> list[Target]:
        """Targets of the tasks asked for that no finding answers."""
        measured = {(finding.task, finding.measure) for finding, _, _ in self.lines}
        return [target for key, target in self.targets.items() if key not in measured and target.task in self.tasks]

    def records(self) -> list[dict[str, Any]]:
        """For --json: one record a finding, then one a target without any."""
        found = []
        for finding, window, note in self.lines:
            target = self.targets.get((finding.task, finding.measure))
            found.append(
                {
                    "task": finding.task,
                    "measure": finding.measure,
                    "reached": _number(finding.reached),
                    "interval": list(finding.interval) if finding.interval else None,
                    "baselines": {name: _number(value) for name, value in finding.baselines.items()},
                    "rows": finding.rows,
                    "test_window": [day.isoformat() for day in window] if window else None,
                    **_bars(target, finding.baselines),
                    "verdict": target.verdict(finding.reached, finding.baselines) if target else None,
                    "note": note,
                }
            )
        for target in self.unmeasured():
            found.append(
                {"task": target.task, "measure": target.measure, "reached": None, **_bars(target, {}), "verdict": "not measured"}
            )
        return found


def print_evaluated(found: Evaluated, as_json: bool = False) -> None:
    """Print the table (each baseline in a row below its finding) and the remarks, or the records as JSON, on stdout."""
    if as_json:
        typer.echo(json.dumps({"shop": found.shop, "findings": found.records(), "refused": found.refused}, indent=2))
        return
    typer.echo(found.shop)
    rows: list[list[str]] = []
    for finding, _, _ in found.lines:
        target = found.targets.get((finding.task, finding.measure))
        rows.append([finding.task, finding.measure, *_cells(finding), *_target_cells(target, finding)])
        rows += [[f"  {name}", "", _figure(value), "", "", "", ""] for name, value in finding.baselines.items()]
    for target in found.unmeasured():
        bars = [_bar(target.must_reach, {}), _bar(target.stretch, {})]
        rows.append([target.task, target.measure, "", "", *bars, "not measured"])
    if not found.targets:
        rows = [row[:4] for row in rows]
    if rows:
        typer.echo(columns(HEADINGS if found.targets else HEADINGS[:4], rows))
    for line in _remarks(found):
        typer.echo(line)


def _remarks(found: Evaluated) -> list[str]:
    """One line a task: its test window, rows and notes; then the tasks that could not be evaluated."""
    told: dict[str, list[str]] = {}
    for finding, window, note in found.lines:
        days = f"test window {window[0].isoformat()} to {window[1].isoformat()}, " if window else ""
        parts = told.setdefault(f"{finding.task}: {days}{finding.rows:,} rows", [])
        if note and f"{finding.measure}: {note}" not in parts:
            parts.append(f"{finding.measure}: {note}")
    lines = ["; ".join([head, *parts]) for head, parts in told.items()]
    return [*lines, *(f"{task}: {reason}" for task, reason in found.refused.items())]


def _cells(finding: "Finding") -> list[str]:
    interval = f"{_figure(finding.interval[0])} to {_figure(finding.interval[1])}" if finding.interval else ""
    return [_figure(finding.reached), interval]


def _target_cells(target: Target | None, finding: "Finding") -> list[str]:
    if target is None:
        return ["", "", ""]
    bars = [_bar(target.must_reach, finding.baselines), _bar(target.stretch, finding.baselines)]
    return [*bars, target.verdict(finding.reached, finding.baselines)]


def _bar(bar: Bar | None, baselines: Mapping[str, float]) -> str:
    if bar is None:
        return ""
    value = bar.value(baselines)
    return f"{bar.times:g} × {bar.baseline}" if value is None else shown(value)


def _bars(target: Target | None, baselines: Mapping[str, float]) -> dict[str, float | None]:
    if target is None:
        return {"must_reach": None, "stretch": None}
    return {
        "must_reach": target.must_reach.value(baselines),
        "stretch": target.stretch.value(baselines) if target.stretch else None,
    }


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
