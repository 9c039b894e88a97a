"""Measures of an order by uplift: Qini, AUUC and AUTOC, and the value of a policy. Pure functions over arrays.

Everywhere: outcomes [N] of any number, treated [N] of 0 and 1, scores [N], higher first; weights [N] ≥ 0 are how often a row
counts (a bootstrap draw), once each unless told. Rows of equal score count as shuffled: lines are straight across them. Areas
are over the share of rows, 0..1, so they don't grow with the rows.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]


def steps_of(scores: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order of the rows by falling score, and where in it each step of equal scores begins.

    Raises ValueError when a score isn't finite or there is none.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError("scores must be finite numbers, at least one")
    order = np.argsort(-values, kind="stable")
    return order, np.flatnonzero(np.concatenate(([True], np.diff(values[order]) != 0)))


def qini(outcomes: ArrayLike, treated: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Qini coefficient per treated row: area between the Qini curve and the straight line of a random order.

    Q(φ) = (Y_t(φ) - Y_c(φ) · N_t(φ) / N_c(φ)) / N_t over the φ highest scores, where Y are sums of outcomes and N counts of
    treated and control rows (Radcliffe, 2007). 0 is no better than random. ValueError when an arm is empty.
    """
    return qini_of_steps(*steps_of(scores), *_arms(outcomes, treated, weights))


def auuc(outcomes: ArrayLike, treated: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the uplift curve U(φ) = φ · (mean of treated - mean of control) over the φ highest scores.

    U(1) is the average effect, so a random order has half of it (Gutierrez and Gérardy, 2017). While one of the arms is
    still empty U is 0. ValueError when an arm is empty.
    """
    return auuc_of_steps(*steps_of(scores), *_arms(outcomes, treated, weights))


def qini_of_steps(
    order: NDArray[np.int64], steps: NDArray[np.int64], outcomes: Floats, treated: Floats, weights: Floats
) -> float:
    """`qini` over an order that is known already."""
    share, treated_rows, control_rows, treated_sum, control_sum = _cumulated(order, steps, outcomes, treated, weights)
    ratio = np.divide(treated_rows, control_rows, out=np.zeros_like(treated_rows), where=control_rows > 0)
    curve = (treated_sum - control_sum * ratio) / treated_rows[-1]
    return _area(share, curve) - float(curve[-1]) / 2


def auuc_of_steps(
    order: NDArray[np.int64], steps: NDArray[np.int64], outcomes: Floats, treated: Floats, weights: Floats
) -> float:
    """`auuc` over an order that is known already."""
    share, treated_rows, control_rows, treated_sum, control_sum = _cumulated(order, steps, outcomes, treated, weights)
    both = (treated_rows > 0) & (control_rows > 0)
    effect = np.zeros_like(share)
    effect[both] = treated_sum[both] / treated_rows[both] - control_sum[both] / control_rows[both]
    return _area(share, share * effect)


def autoc(effects: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Rank-weighted average treatment effect: mean over φ of (mean effect of the φ highest scores - mean effect of all).

    `effects` [N] are scores of each row's effect whose means are unbiased (see `doubly_robust`), in the outcome's unit. 0 is
    no better than random (Yadlowsky, Fleming, Shah, Brunskill and Wager, 2021).
    """
    gamma = np.asarray(effects, dtype=np.float64)
    weight = np.ones(len(gamma)) if weights is None else np.asarray(weights, dtype=np.float64)
    return autoc_of_steps(*steps_of(scores), gamma, weight)


def autoc_of_steps(order: NDArray[np.int64], steps: NDArray[np.int64], effects: Floats, weights: Floats) -> float:
    """`autoc` over an order that is known already."""
    weight = weights[order]
    rows = np.add.reduceat(weight, steps)
    total = np.add.reduceat(weight * effects[order], steps)
    # Within a step every row has the step's mean, which is what shuffling gives on average.
    size = np.diff(np.append(steps, len(order)))
    mean = np.repeat(np.divide(total, rows, out=np.zeros_like(total), where=rows > 0), size)
    counted = np.cumsum(weight)
    gained = np.cumsum(weight * mean)
    seen = counted > 0
    return float((weight[seen] * gained[seen] / counted[seen]).sum() / counted[-1] - gained[-1] / counted[-1])


def doubly_robust(
    outcomes: Floats, treated: Floats, if_treated: Floats, if_control: Floats, propensity: Floats
) -> NDArray[np.float64]:
    """Augmented inverse-propensity scores of the effect [N] (Robins, Rotnitzky and Zhao, 1994).

    μ₁ - μ₀ + W (Y - μ₁) / e - (1 - W) (Y - μ₀) / (1 - e): their mean is the average effect if the outcome models μ or the
    propensity e are right. Models must not have seen the rows. ValueError when a propensity isn't within (0, 1).
    """
    e = np.asarray(propensity, dtype=np.float64)
    if not ((e > 0) & (e < 1)).all():
        raise ValueError("propensities must lie within (0, 1): rows of certain treatment tell nothing of its effect")
    w, y = np.asarray(treated, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    one, zero = np.asarray(if_treated, dtype=np.float64), np.asarray(if_control, dtype=np.float64)
    return np.asarray(one - zero + w * (y - one) / e - (1 - w) * (y - zero) / (1 - e))


def policy_value(outcomes: ArrayLike, arms: ArrayLike, chosen: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean outcome if everybody got the arm that `chosen` [N] says, from rows whose arms [N] were drawn by lot.

    Σ y / p over Σ 1 / p, of the rows that happened to get what was chosen for them, p being the share of all rows that got that
    arm (inverse-propensity weighting; Hájek, 1971). NaN when nobody got what was chosen for them.
    """
    y, got, wanted = np.asarray(outcomes, dtype=np.float64), np.asarray(arms), np.asarray(chosen)
    weight = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    shares = {arm: weight[got == arm].sum() / weight.sum() for arm in np.unique(got)}
    hit = got == wanted
    by_lot = weight[hit] / np.array([shares[arm] for arm in got[hit]])
    return float((by_lot * y[hit]).sum() / by_lot.sum()) if by_lot.sum() > 0 else float("nan")


def _arms(outcomes: ArrayLike, treated: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    y, w = np.asarray(outcomes, dtype=np.float64), np.asarray(treated, dtype=np.float64)
    weight = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if y.shape != w.shape or weight.shape != y.shape or not np.isin(w, (0, 1)).all():
        raise ValueError("outcomes, treated (0 or 1) and weights must be equally long")
    if not (weight * w).sum() > 0 or not (weight * (1 - w)).sum() > 0:
        raise ValueError("both arms must hold rows")
    return y, w, weight


def _cumulated(
    order: NDArray[np.int64], steps: NDArray[np.int64], outcomes: Floats, treated: Floats, weights: Floats
) -> tuple[NDArray[np.float64], ...]:
    """At 0 and at the end of each step: share of rows, treated rows, control rows, and their sums of outcomes."""

    def up_to(values: Floats) -> NDArray[np.float64]:
        return np.concatenate(([0.0], np.cumsum(np.add.reduceat(values[order], steps))))

    in_treated, in_control = weights * treated, weights * (1 - treated)
    rows = up_to(weights)
    return rows / rows[-1], up_to(in_treated), up_to(in_control), up_to(in_treated * outcomes), up_to(in_control * outcomes)


def _area(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return float(np.trapezoid(y, x))
