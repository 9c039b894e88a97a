"""The trial uplift_trial: a randomised e-mail campaign on a file, columns as Hillstrom's MineThatData challenge has them.

Column `segment` is the arm drawn by lot (one arm begins with "No": nothing was sent), `visit` and `spend` are the outcomes; every
further column but those of NO_FEATURE is a feature. Scores are cross-fitted: nobody is scored by a model that saw them. A file
with a column `part` of train and test is trained on the one and measured on the other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from models_onnx.task import Finding
from models_onnx.uplift.learners import (
    MEAN,
    PROBABILITY,
    Rows,
    TreeSettings,
    fit_anchored,
    fit_s,
    fit_t,
    fit_trees,
    fit_x,
)
from models_onnx.uplift.measures import auuc, auuc_of_steps, policy_value, qini, qini_of_steps, steps_of

ARM, PART = "segment", "part"
OUTCOMES = {"visit": PROBABILITY, "spend": MEAN}
NO_FEATURE = ("customer_id", "history_segment", "conversion", ARM, PART, *OUTCOMES)
"""Key, outcomes, and what only repeats another column (history_segment are classes of history)."""
FOLDS = 5
SEEDS = 3
DRAWS = 100
MAILED_SHARE = 0.3
FEWEST_IN_ARM = 500
MOST_KINDS = 1_000
"""Each value of a text is a column of its own: one a customer (addresses, ids) is no feature, and fits no memory."""
UPLIFT, RESPONSE = "uplift", "response model"

TREES = TreeSettings(rounds=100, eta=0.05, max_depth=2, min_child_weight=50, reg_lambda=10, threads=2)
"""Shallow and cautious: effects are a few percent of the outcome's own spread."""
CHANGE = replace(TREES, rounds=30, min_child_weight=100)
OF_AMOUNTS = {"rounds": 50, "min_child_weight": 400}
"""Hardly one customer in a hundred spends anything, so leaves of amounts need more rows."""

Scores = dict[str, NDArray[np.float32]]
Tell = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Trial:
    """The file's rows. Text became columns of 0 and 1, one a value."""

    features: NDArray[np.float32]
    arms: NDArray[Any]
    control: str
    outcomes: dict[str, NDArray[np.float32]]
    is_test: NDArray[np.bool_] | None
    """Rows to measure on; None: all, cross-fitted."""

    @property
    def treatments(self) -> list[str]:
        """Arms but the control, in order."""
        return sorted(set(self.arms.tolist()) - {self.control})


@dataclass(frozen=True)
class UpliftTrial:
    """Qini, AUUC and policy values against random and against response modelling."""

    name: str = "uplift_trial"
    title: str = "what an e-mail changes, on a trial drawn by lot"

    def evaluate_file(self, path: Path, seed: int, progress: Tell) -> list[Finding]:
        """Findings by outcome and arm; means over SEEDS fits. ValueError, one line, when the file is no such trial."""
        trial = read_trial(path)
        findings: list[Finding] = []
        for place, (outcome, objective) in enumerate(OUTCOMES.items()):
            by_seed: list[dict[str, Scores]] = []
            for turn in range(SEEDS):
                progress(f"{outcome}, seed {seed + turn}", SEEDS * place + turn, SEEDS * len(OUTCOMES))
                by_seed.append(_scored(trial, outcome, objective, seed + turn))
            for arm in trial.treatments:
                findings += _by_arm(trial, outcome, arm, [scores[arm] for scores in by_seed])
            findings += _policies(trial, outcome, by_seed)
        return findings


def read_trial(path: Path) -> Trial:
    """Rows of a Parquet or CSV file, in an order of their own. ValueError: unreadable, a column is missing, no trial in it."""
    reader = "read_csv" if path.suffix.lower() in (".csv", ".tsv") else "read_parquet"
    with duckdb.connect() as connection:
        try:
            found = connection.sql(f"select * from {reader}($path) order by all", params={"path": str(path)}).to_arrow_table()
        except duckdb.Error as error:
            raise ValueError(f"{path.name} can't be read: {str(error).splitlines()[0]}") from error
    found = found.rename_columns([name.lower() for name in found.column_names])  # Conversion is no feature either
    missing = [name for name in (ARM, *OUTCOMES) if name not in found.column_names]
    if missing:
        raise ValueError(f"{path.name} has no column {', '.join(missing)}; a trial needs {ARM} and {', '.join(OUTCOMES)}")
    rows = {name: found[name].to_pylist() for name in found.column_names}
    if empty := sum(value is None for value in rows[ARM]):
        raise ValueError(f"{path.name}: column {ARM} is empty in {empty} of {found.num_rows} rows; nobody knows what they got")
    arms = np.array([str(value) for value in rows[ARM]])
    controls = sorted(arm for arm in set(arms.tolist()) if arm.lower().startswith("no"))
    if len(controls) != 1 or len(set(arms.tolist())) < 2:
        raise ValueError(
            f"{path.name}: column {ARM} needs one arm that begins with No and others, not {sorted(set(arms.tolist()))}"
        )
    outcomes = {}
    for name in OUTCOMES:
        try:
            values = _numbers(rows[name])
        except (TypeError, ValueError):
            values = np.full(found.num_rows, np.nan, dtype=np.float32)
        if not np.isfinite(values).all() or (OUTCOMES[name] == PROBABILITY and not np.isin(values, (0, 1)).all()):
            raise ValueError(f"{path.name}: column {name} must hold {'0 or 1' if OUTCOMES[name] == PROBABILITY else 'numbers'}")
        outcomes[name] = values
    is_test = None
    if PART in rows:
        if set(rows[PART]) != {"train", "test"}:
            raise ValueError(f"{path.name}: column {PART} must hold train and test, not {sorted(map(str, set(rows[PART])))}")
        is_test = np.array([value == "test" for value in rows[PART]])
    for chosen in [np.ones(len(arms), bool)] if is_test is None else [is_test, ~is_test]:
        for arm in sorted(set(arms.tolist())):
            count = int((chosen & (arms == arm)).sum())
            if count < FEWEST_IN_ARM:
                raise ValueError(f"{path.name}: arm {arm} has {count} customers; each needs {FEWEST_IN_ARM}")
    columns = [column for name in found.column_names if name not in NO_FEATURE for column in _columns(path, name, rows[name])]
    if not columns:
        raise ValueError(f"{path.name} has no features beside {', '.join(name for name in NO_FEATURE if name in rows)}")
    return Trial(np.column_stack(columns), arms, controls[0], outcomes, is_test)


def _columns(path: Path, name: str, values: list[Any]) -> list[NDArray[np.float32]]:
    """The features that the file's column `name` makes. ValueError: it holds neither numbers nor text of a few values."""
    if any(isinstance(value, str) for value in values):
        kinds = sorted({str(value) for value in values if value is not None})
        if len(kinds) > MOST_KINDS:
            raise ValueError(
                f"{path.name}: column {name} holds {len(kinds)} different texts; a feature has {MOST_KINDS} at most, leave it out"
            )
        return [np.array([str(value) == kind for value in values], dtype=np.float32) for kind in kinds]
    try:
        numbers = _numbers(values)
    except TypeError as error:
        kind = next(type(value).__name__ for value in values if value is not None)
        raise ValueError(f"{path.name}: column {name} holds {kind}, where features are numbers or text; leave it out") from error
    # As where the shop's own features are read: an infinity is a division by nothing, and counts as missing.
    return [np.where(np.isfinite(numbers), numbers, np.float32(np.nan))]


def _numbers(values: list[Any]) -> NDArray[np.float32]:
    """Values as float32, NaN where missing, infinite where too large. Raises TypeError or ValueError: one is no number."""
    with np.errstate(over="ignore"):
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float32)


def _scored(trial: Trial, outcome: str, objective: str, seed: int) -> dict[str, Scores]:
    """{arm: {learner: scores [N]}}, of every row by models that never saw it (of train rows none, where parts are given)."""
    rows = len(trial.arms)
    if trial.is_test is None:
        fold = np.random.default_rng(seed).permutation(rows) % FOLDS
        parts = [(fold != number, fold == number) for number in range(FOLDS)]
    else:
        parts = [(~trial.is_test, trial.is_test)]
    found: dict[str, Scores] = {}
    for arm in trial.treatments:
        either = (trial.arms == arm) | (trial.arms == trial.control)
        found[arm] = {}
        for known, asked in parts:
            chosen = known & either
            train = Rows(trial.features[chosen], (trial.arms[chosen] == arm).astype(np.float32), trial.outcomes[outcome][chosen])
            for name, predict in _fitted(train, objective, seed).items():
                found[arm].setdefault(name, np.zeros(rows, dtype=np.float32))[asked] = predict(trial.features[asked])
    return found


def _fitted(train: Rows, objective: str, seed: int) -> dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    trees, change = TREES, CHANGE
    if objective == MEAN:
        trees, change = replace(trees, **OF_AMOUNTS), replace(change, min_child_weight=OF_AMOUNTS["min_child_weight"])
    treated = train.of(train.treated == 1)
    two = fit_t(train, trees, seed, objective)
    share = float(train.treated.mean())
    return {
        UPLIFT: fit_anchored(train, trees, change, seed, objective).effect,
        RESPONSE: fit_trees(treated.features, treated.outcomes, trees, seed, objective).predict,
        "S-learner": fit_s(train, trees, seed, objective).effect,
        "T-learner": two.effect,
        "X-learner": fit_x(train, trees, seed, objective, propensity=share, two_models=two).effect,
    }


def _by_arm(trial: Trial, outcome: str, arm: str, by_seed: list[Scores]) -> list[Finding]:
    chosen = (trial.arms == arm) | (trial.arms == trial.control)
    if trial.is_test is not None:
        chosen &= trial.is_test
    treated = (trial.arms[chosen] == arm).astype(np.float64)
    values = trial.outcomes[outcome][chosen].astype(np.float64)
    effect = float(values[treated == 1].mean() - values[treated == 0].mean())
    findings = []
    for measure, of, of_steps, of_random in (
        ("qini", qini, qini_of_steps, 0.0),
        ("auuc", auuc, auuc_of_steps, effect / 2),
    ):
        reached = {name: float(np.mean([of(values, treated, scores[name][chosen]) for scores in by_seed])) for name in by_seed[0]}
        steps = {name: [steps_of(scores[name][chosen]) for scores in by_seed] for name in (UPLIFT, RESPONSE)}

        def drawn(name: str, weights: NDArray[np.float64], of_steps: Any = of_steps, steps: Any = steps) -> float:
            return float(np.mean([of_steps(*one, values, treated, weights) for one in steps[name]]))

        draws = np.array([[drawn(name, weights) for name in (UPLIFT, RESPONSE)] for weights in _draws(len(values))])
        findings.append(
            Finding(
                task=UpliftTrial.name,
                measure=f"{measure}, {outcome}, {arm}",
                reached=reached[UPLIFT],
                interval=_interval(draws[:, 0]),
                baselines={"random": of_random} | {name: value for name, value in reached.items() if name != UPLIFT},
                rows=len(values),
                note=f"against the response model {_told(reached[UPLIFT] - reached[RESPONSE], draws[:, 0] - draws[:, 1])}; "
                f"the e-mail adds {effect:.4g} on average",
            )
        )
    return findings


def _policies(trial: Trial, outcome: str, by_seed: list[dict[str, Scores]]) -> list[Finding]:
    """Mean outcome a customer if all were mailed what a model says, from those who happened to be."""
    chosen = np.ones(len(trial.arms), dtype=bool) if trial.is_test is None else trial.is_test
    arms, values = trial.arms[chosen], trial.outcomes[outcome][chosen].astype(np.float64)
    everybody = {f"everybody {arm}": np.full(len(arms), arm) for arm in [*trial.treatments, trial.control]}
    weights = list(_draws(len(values)))

    def best(scores: dict[str, Scores], name: str, share: float | None) -> NDArray[Any]:
        table = np.column_stack([scores[arm][name][chosen] for arm in trial.treatments])
        arm = np.array(trial.treatments)[table.argmax(axis=1)]
        highest = table.max(axis=1)
        if share is None:
            return np.where(highest > 0, arm, trial.control)
        mailed = np.zeros(len(arm), dtype=bool)
        mailed[np.argsort(-highest, kind="stable")[: round(share * len(arm))]] = True
        return np.where(mailed, arm, trial.control)

    def value(policies: list[NDArray[Any]], draw: NDArray[np.float64] | None = None) -> float:
        return float(np.mean([policy_value(values, arms, policy, draw) for policy in policies]))

    findings = []
    for measure, share, rival in (
        (f"policy value, {outcome}", None, max(everybody, key=lambda name: policy_value(values, arms, everybody[name]))),
        (f"policy value, {outcome}, {MAILED_SHARE:.0%} mailed", MAILED_SHARE, RESPONSE),
    ):
        ours = [best(scores, UPLIFT, share) for scores in by_seed]
        others = [best(scores, RESPONSE, share) for scores in by_seed] if rival == RESPONSE else [everybody[rival]]
        draws = np.array([[value(ours, draw), value(others, draw)] for draw in weights])
        baselines = {name: value([policy]) for name, policy in everybody.items()}
        if rival == RESPONSE:
            mailed = float(np.mean([baselines[f"everybody {arm}"] for arm in trial.treatments]))
            nobody = baselines[f"everybody {trial.control}"]
            baselines = {"random": share * mailed + (1 - share) * nobody, RESPONSE: value(others)}  # type: ignore[operator]
        shares = {arm: float(np.mean([(policy == arm).mean() for policy in ours])) for arm in [*trial.treatments, trial.control]}
        findings.append(
            Finding(
                task=UpliftTrial.name,
                measure=measure,
                reached=value(ours),
                interval=_interval(draws[:, 0]),
                baselines=baselines,
                rows=len(values),
                note=f"against {rival} {_told(value(ours) - value(others), draws[:, 0] - draws[:, 1])}; "
                f"sends {', '.join(f'{arm} to {part:.0%}' for arm, part in shares.items())}",
            )
        )
    return findings


def _draws(rows: int) -> Any:
    """Bootstrap draws of rows, the same ones every time."""
    random = np.random.default_rng(0)
    for _ in range(DRAWS):
        yield np.bincount(random.integers(0, rows, rows), minlength=rows).astype(np.float64)


def _interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    lower, upper = np.quantile(draws, (0.025, 0.975))
    return float(lower), float(upper)


def _told(gain: float, draws: NDArray[np.float64]) -> str:
    lower, upper = _interval(draws)
    return f"{gain:+.4g} ({lower:+.4g} to {upper:+.4g})"


TRIAL = UpliftTrial()
