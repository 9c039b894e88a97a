"""The models' cards as records for SQL: what is registered, what it was measured at, its curves, its inputs in training.

A card is `card.json` as training wrote it; registry.json says which card belongs to which version of a model. A card counts
only if it names the SHA-256 of that version's file. The SQL functions return lists of structs, one a record.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa

from udfs.model_registry import ModelRefused, ModelRegistry

EVERY_MODEL = "*"
INTERVAL = "_interval_95"
"""`auc_interval_95` beside `auc` in a card's metrics is [lower, upper]."""

Record = dict[str, Any]


class RegisteredVersion(NamedTuple):
    """One version of one model, with its card when there is one that matches."""

    model: str
    version: str
    entry: Mapping[str, Any]
    status: str
    """champion, challenger, former or rule."""
    card: Mapping[str, Any]
    """Empty where the registry names no card, for a rule, and where `fault` says why."""
    fault: str | None


class ModelRecords:
    """Records of the models of one folder, through its registry. Thread-safe: nothing is kept."""

    def __init__(self, registry: ModelRegistry) -> None:
        """The cards lie in the registry's folder."""
        self._registry, self._folder = registry, registry.folder

    def versions(self, name: str = EVERY_MODEL) -> list[RegisteredVersion]:
        """All versions of model `name`, or of every model, each model's champion first.

        The card of a model that serves has to match, and ModelRefused says so in one line when it doesn't; the fault of a
        challenger or a former champion stands in `fault`, for nothing depends on it.
        """
        entries = self._registry.entries()
        if name != EVERY_MODEL and name not in entries:
            self._registry.model(name)
        return [version for model in entries if name in (EVERY_MODEL, model) for version in self._versions_of(model)]

    def registered(self, name: str = EVERY_MODEL) -> list[Record]:
        """One record a version; fields as in `RECORD_TYPES`."""
        return [_registered(version) for version in self.versions(name)]

    def metrics(self, name: str = EVERY_MODEL) -> list[Record]:
        """One record a version, model or baseline compared, window, measure and class."""
        return [record for version in self.versions(name) for record in _told(version, _metrics)]

    def curves(self, name: str = EVERY_MODEL) -> list[Record]:
        """One record a version, curve, series and point."""
        return [record for version in self.versions(name) for record in _told(version, curve_points)]

    def profiles(self, name: str = EVERY_MODEL) -> list[Record]:
        """One record an input and bin of the models that serve; bin 0 holds the missing."""
        serving = [version for version in self.versions(name) if version.status == "champion"]
        return [record for version in serving for record in _told(version, _profile_bins)]

    def _versions_of(self, model: str) -> Iterator[RegisteredVersion]:
        entry: dict[str, Any] = dict(self._registry.entries()[model])  # type: ignore[call-overload]
        others = [line for line in entry.get("versions") or [] if isinstance(line, dict)]
        if others and not entry.get("file"):  # nothing serves: challengers alone
            yield from (self._version(model, line, str(line.get("status") or "former")) for line in others)
            return
        served = self._registry.model(model)
        own = next((line for line in others if line.get("sha256") == served.sha256), {})
        first = {**own, **{key: value for key, value in entry.items() if key != "versions"}}
        yield self._version(model, first, "rule" if served.kind == "rule" else "champion")
        for line in others:
            if line.get("sha256") != served.sha256:
                yield self._version(model, line, str(line.get("status") or "former"))

    def _version(self, model: str, entry: Mapping[str, Any], status: str) -> RegisteredVersion:
        version = str(entry.get("version") or entry.get("sha256", ""))[:12]
        bare = RegisteredVersion(model, version, entry, status, {}, None)
        if not entry.get("card") or status == "rule":
            return bare
        try:
            found = bare._replace(card=read_card(self._folder, model, entry))
            _check_shape(found)
        except ModelRefused as refused:
            if status == "champion":
                raise
            return bare._replace(fault=str(refused))
        return found


def read_card(folder: Path, model: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The card that `entry` (of registry.json: file, sha256, card) names, a path inside `folder`.

    Raises ModelRefused, one line, when it is absent, unreadable, or the card of another file than the registered one.
    """
    file, sha256 = PurePosixPath(str(entry["card"])), str(entry.get("sha256"))
    shown = f"{folder.name}/{file}"
    remedy = f"run `promo train {model}` or restore the card"
    path = (folder / file).resolve()
    if file.is_absolute() or ".." in file.parts or not path.is_relative_to(folder.resolve()):
        raise ModelRefused(f"{model}: the card {file} must be a plain path inside {folder.name}; {remedy}")
    try:
        card = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelRefused(f"{model}: can't read the card {shown} ({error.strerror}); {remedy}") from error
    except ValueError as error:
        raise ModelRefused(f"{model}: the card {shown} is not valid JSON ({error}); {remedy}") from error
    if not isinstance(card, dict):
        raise ModelRefused(f"{model}: the card {shown} must be a JSON object; {remedy}")
    if sha256 not in _fingerprints(card):
        raise ModelRefused(
            f"{model}: the card {shown} doesn't describe the registered model ({sha256[:12]}…) but another file; {remedy}"
        )
    return card


def curve_points(card: Mapping[str, Any]) -> list[Record]:
    """The points of a card's `curves`, {curve: [point]}: records {curve, series, point, x, y, rows, lower, upper}.

    A point is {"x", "y"[, "series", "rows", "lower", "upper"]}; a line of `epochs` may also be {"epoch": 1, "train_loss": ...},
    one point for each number beside the epoch. `point` counts from 1 within its series. ValueError for anything else.
    """
    records: list[Record] = []
    counted: dict[tuple[str, str], int] = {}
    for curve, points in (card.get("curves") or {}).items():
        for line in points:
            for series, point in _points_of(curve, line):
                counted[curve, series] = counted.get((curve, series), 0) + 1
                records.append({"curve": curve, "series": series, "point": counted[curve, series], **point})
    return records


def _points_of(curve: str, line: Any) -> Iterator[tuple[str, Record]]:
    if not isinstance(line, dict) or not ({"x", "y"} <= set(line) or "epoch" in line):
        raise ValueError(f"a point of the curve {curve} needs x and y, or an epoch")
    if "epoch" in line:
        for name, value in line.items():
            if name != "epoch":
                yield name, _point(line["epoch"], value)
    else:
        yield (
            str(line.get("series") or "test"),
            _point(line["x"], line["y"], line.get("rows"), line.get("lower"), line.get("upper")),
        )


def _point(x: Any, y: Any, rows: Any = None, lower: Any = None, upper: Any = None) -> Record:
    return {"x": _number(x), "y": _number(y), "rows": rows, "lower": _number(lower), "upper": _number(upper)}


def _registered(version: RegisteredVersion) -> Record:
    card, entry = version.card, version.entry
    split = card.get("split") or {}
    train = split.get("train") or {}
    measure = card.get("measure")
    test = ((card.get("metrics") or {}).get(version.model) or {}).get("test") or {}
    return {
        "model_name": version.model,
        "model_version": version.version,
        "sha256": str(entry.get("sha256") or ""),
        "status": version.status,
        "kind": str(entry.get("kind") or ""),
        "task": card.get("task"),
        "trained_on": card.get("data"),
        "window_first": _date(train.get("first")),
        "window_last": _date((split.get("test") or {}).get("last") or train.get("last")),
        "train_rows": train.get("rows"),
        "measure": measure,
        "value": _number(test.get(measure)),
        "parent_version": entry.get("parent") or card.get("parent"),
        "trained_at": _moment(entry.get("trained_at") or card.get("trained_at")),
        "card_fault": version.fault,
    }


def _metrics(card: Mapping[str, Any]) -> Iterator[Record]:
    for compared, windows in (card.get("metrics") or {}).items():
        for window, measures in windows.items():
            for measure, label, value in _measured(measures):
                lower, upper = measures.get(measure + INTERVAL) or (None, None) if label is None else (None, None)
                yield {
                    "compared": compared,
                    "data_window": window,
                    "measure": measure,
                    "class_label": label,
                    "value": value,
                    "lower": _number(lower),
                    "upper": _number(upper),
                }


def _measured(measures: Mapping[str, Any]) -> Iterator[tuple[str, str | None, float]]:
    """(measure, class, value): plain numbers, {class: number}, and scikit-learn's report, {class: {measure: number}}."""
    for measure, value in measures.items():
        if isinstance(value, dict):
            for label, inner in value.items():
                found = inner.items() if isinstance(inner, dict) else [(measure, inner)]
                for name, number in found:
                    # "accuracy" stands inside the report too, where it belongs to no class.
                    if _number(number) is not None and name != "report":
                        yield name, label, float(number)
        elif (number := _number(value)) is not None:
            yield measure, None, number


def _profile_bins(card: Mapping[str, Any]) -> Iterator[Record]:
    for entry in card.get("profile") or []:
        edges = [None, *entry["edges"], None]
        common = {"input": entry["input"], "position": entry["position"], "rows_then": int(entry["rows"])}
        yield {**common, "bin": 0, "lower_edge": None, "upper_edge": None, "expected": float(entry["missing"])}
        for place, (share, lower, upper) in enumerate(zip(entry["expected"], edges[:-1], edges[1:], strict=True)):
            yield {**common, "bin": place + 1, "lower_edge": lower, "upper_edge": upper, "expected": float(share)}


def _told(version: RegisteredVersion, records_of: Callable[[Mapping[str, Any]], Iterable[Record]]) -> list[Record]:
    """The records of a version's card, each with the version's name."""
    named = {"model_name": version.model, "model_version": version.version}
    return [{**named, **record} for record in records_of(version.card)]


def _check_shape(version: RegisteredVersion) -> None:
    """Raises ModelRefused, one line, for a card that no records can be made of."""
    try:
        _registered(version)
        for records_of in (_metrics, curve_points, _profile_bins):
            list(records_of(version.card))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelRefused(
            f"{version.model}: the card {version.entry['card']} can't be read ({type(error).__name__}: {error}); "
            f"run `promo train {version.model}` or restore the card"
        ) from error


def _fingerprints(card: Mapping[str, Any]) -> set[str]:
    """SHA-256 of all files that the card describes."""
    files = card.get("files") or {}
    described = [card.get("file"), *(files.values() if isinstance(files, dict) else [])]
    return {str(item.get("sha256")) for item in described if isinstance(item, dict)} | {str(card.get("sha256"))}


def _number(value: Any) -> float | None:
    """A finite number, else None; truth values are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _date(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None


def _moment(value: Any) -> datetime | None:
    """ISO 8601 as UTC without a zone, which is how SQL keeps moments."""
    if not isinstance(value, str):
        return None
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


_TYPES = {
    "VARCHAR": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}  # fmt: skip
_VERSION = {"model_name": "VARCHAR", "model_version": "VARCHAR"}

RECORD_TYPES: dict[str, dict[str, str]] = {
    "registered_models": _VERSION | {
        "sha256": "VARCHAR", "status": "VARCHAR", "kind": "VARCHAR", "task": "VARCHAR", "trained_on": "VARCHAR",
        "window_first": "DATE", "window_last": "DATE", "train_rows": "BIGINT", "measure": "VARCHAR",
        "value": "DOUBLE", "parent_version": "VARCHAR", "trained_at": "TIMESTAMP", "card_fault": "VARCHAR",
    },
    "model_metric_records": _VERSION | {
        "compared": "VARCHAR", "data_window": "VARCHAR", "measure": "VARCHAR", "class_label": "VARCHAR", "value": "DOUBLE",
        "lower": "DOUBLE", "upper": "DOUBLE",
    },
    "model_curve_records": _VERSION | {
        "curve": "VARCHAR", "series": "VARCHAR", "point": "INTEGER", "x": "DOUBLE", "y": "DOUBLE", "rows": "BIGINT",
        "lower": "DOUBLE", "upper": "DOUBLE",
    },
    "model_profile_records": _VERSION | {
        "input": "VARCHAR", "position": "INTEGER", "bin": "INTEGER", "lower_edge": "DOUBLE", "upper_edge": "DOUBLE",
        "expected": "DOUBLE", "rows_then": "BIGINT",
    },
}  # fmt: skip
"""SQL function -> fields of its records and their SQL types."""


class RecordFunction(NamedTuple):
    """A SQL function from the name of a model (`*`: every one) to a list of records."""

    name: str
    apply: Callable[[pa.ChunkedArray], pa.Array]
    """Arrow column of N names -> N lists of structs; a NULL name gives NULL."""
    result: str
    """Its SQL type."""


def record_functions(records: ModelRecords) -> list[RecordFunction]:
    """The SQL functions over `records`."""
    sources = (records.registered, records.metrics, records.curves, records.profiles)
    return [
        RecordFunction(
            name,
            _per_name(source, pa.list_(pa.struct([(field, _TYPES[kind]) for field, kind in fields.items()]))),
            "STRUCT(" + ", ".join(f'"{field}" {kind}' for field, kind in fields.items()) + ")[]",
        )
        for source, (name, fields) in zip(sources, RECORD_TYPES.items(), strict=True)
    ]


def _per_name(source: Callable[[str], list[Record]], result: pa.DataType) -> Callable[[pa.ChunkedArray], pa.Array]:
    def apply(column: pa.ChunkedArray) -> pa.Array:
        names = column.to_pylist()
        found = {name: source(name) for name in set(names) - {None}}
        return pa.array([found.get(name) for name in names], type=result)

    return apply
