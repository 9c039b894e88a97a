"""BG/NBD: purchases as a Poisson process that may end after each of them, the yardstick for who is still a customer.

Fader, Hardie and Lee, "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model, Marketing Science 24
(2005). Rates vary over customers as Gamma(r, alpha), the chance to leave after a purchase as Beta(a, b). A customer is seen
through x (repeat purchases), t_x (from the first purchase to the last) and T (from the first purchase to now), all in one
unit of time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

_FARTHEST = 12.0
"""Bound on the logarithms of the parameters: beyond e^12 a distribution is a point."""

Column = NDArray[np.float64]


class BgNbd(NamedTuple):
    """Fitted parameters, all positive; alpha is in units of time."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Column:
        """P(still a customer | x, t_x, T = age), [N]; 1 for who never came back."""
        count, last, end = _checked(x, t_x, age)
        repeated = np.maximum(count, 1)
        odds = (
            np.log(self.a)
            - np.log(self.b + repeated - 1)
            + (self.r + count) * (np.log(self.alpha + end) - np.log(self.alpha + last))
        )
        # 1 / (1 + e^odds), which can't overflow in this form
        return np.where(count > 0, 0.5 - 0.5 * np.tanh(0.5 * odds), 1.0)

    def no_purchase(self, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, ahead: float) -> Column:
        """P(no purchase in the next `ahead` units of time | x, t_x, T = age), [N].

        Who is gone buys nothing; who is alive stays so until the next purchase, and the rate, given that, is
        Gamma(r + x, alpha + T): P = 1 - P(alive) · (1 - ((alpha + T) / (alpha + T + ahead))^(r + x)).
        """
        count, last, end = _checked(x, t_x, age)
        pause = np.exp((self.r + count) * (np.log(self.alpha + end) - np.log(self.alpha + end + ahead)))
        return np.asarray(1 - self.alive(count, last, end) * (1 - pause))


def log_likelihood(model: BgNbd, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> float:
    """Sum over customers of ln L(r, alpha, a, b | x, t_x, T) (eq. 6 of 2005)."""
    count, last, end = _checked(x, t_x, age)
    r, alpha, a, b = model
    common = betaln(a, b + count) - betaln(a, b) + gammaln(r + count) - gammaln(r) + r * np.log(alpha)
    stays = -(r + count) * np.log(alpha + end)
    leaves = np.log(a) - np.log(b + np.maximum(count, 1) - 1) - (r + count) * np.log(alpha + last)
    return float(np.sum(common + np.where(count > 0, np.logaddexp(stays, leaves), stays)))


def fit_bg_nbd(x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> BgNbd:
    """Maximum-likelihood fit to customers [N] by L-BFGS-B over the logarithms of the parameters.

    Raises ValueError when there are none, when x, t_x and T contradict each other, or when nobody came back.
    """
    count, last, end = _checked(x, t_x, age)
    if not len(count) or not count.any():
        raise ValueError("BG/NBD needs customers who came back; there are none")
    # In units of a hundredth of the longest age the parameters are of one order.
    unit = float(end.max()) / 100

    def loss(logarithms: Column) -> float:
        return -log_likelihood(BgNbd(*np.exp(logarithms)), count, last / unit, end / unit) / len(count)

    found = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(-_FARTHEST, _FARTHEST)] * 4)
    r, alpha, a, b = np.exp(found.x)
    return BgNbd(float(r), float(alpha * unit), float(a), float(b))


def _checked(x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> tuple[Column, Column, Column]:
    count, last, end = (np.asarray(column, dtype=np.float64) for column in (x, t_x, age))
    if not (count.shape == last.shape == end.shape):
        raise ValueError("x, t_x and T must be equally long")
    if not ((count >= 0) & (last >= 0) & (last <= end)).all():
        raise ValueError("x and t_x must not be negative, nor t_x longer than T")
    return count, last, end
