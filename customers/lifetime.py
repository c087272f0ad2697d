"""How likely a customer is still active, and how much they will buy: the BG/NBD model.

Fader, Hardie and Lee (2005), "Counting your customers" the easy way: an alternative to the
Pareto/NBD model, Marketing Science 24(2), 275-284. While active, a customer buys at a constant
rate. After each repeat purchase they leave for good with a constant probability. Rates are gamma
distributed among customers (shape `r`, scale 1 / `alpha`), and the probabilities of leaving are
beta distributed (`a`, `b`). Equations are named as in the paper.

Three limits of the model:

- Nobody leaves before their first repeat purchase, so who never bought again counts as alive.
- Rates don't change, so it knows no seasons and no offers.
- A history must begin with the customer's first purchase. Where the data begins later, ages are
  too short.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize
from scipy.special import betaincinv, betaln, expit, gammaln, hyp2f1, psi
from scipy.stats import norm

from followsuit.core.errors import FollowsuitError
from followsuit.core.threads import one_thread
from followsuit.graph.views.view import SharedView, View

Doubles = NDArray[np.float64]

FEWEST = 10
"""A fit needs this many customers with a repeat purchase."""
NAMES = ("r", "alpha", "a", "b")
"""The parameters."""

_FARTHEST = 1_000_000
"""Days; no purchase is as long ago."""
_WEEK = timedelta(days=7)
_RANGE = 7.0
"""Each parameter stays within a factor of e^7 (1,097) of its start."""
_STEP = 1e-4
"""Step of log parameters for the second derivatives."""
_NEAR = 1e-5
"""Equation 10 is 0 / 0 where a or a + b is 1: `a` is moved when nearer than this."""
_TINY = 1e-300
_nodes, _weights = np.polynomial.legendre.leggauss(400)
_QUANTILES, _WEIGHTS = (_nodes + 1) / 2, _weights / 2


class BadHistory(FollowsuitError):
    """Frequencies, recencies and ages that no purchases can have."""


class TooFewRepeats(FollowsuitError):
    """Too few customers bought again to fit the model."""


@dataclass(frozen=True)
class PurchaseHistory:
    """The purchases of each customer in three numbers, as of an instant.

    Purchases on one day count once.

    Attributes:
        customers: (customers,) ids.
        frequency: (customers,) number of repeat purchases: days with a purchase after the first.
        recency: (customers,) weeks from the first to the last purchase; 0 without a repeat.
        age: (customers,) weeks from the first purchase to the instant.

    Raises:
        BadHistory: the lengths differ, a number is missing or out of range, or they contradict
            each other.
    """

    customers: np.ndarray
    frequency: Doubles
    recency: Doubles
    age: Doubles

    def __post_init__(self) -> None:
        columns = (self.frequency, self.recency, self.age)
        if any(np.shape(column) != (len(self.customers),) for column in columns):
            raise BadHistory(
                f"{len(self.customers)} customers need as many frequencies, recencies and ages, "
                f"but there are {', '.join(str(np.size(column)) for column in columns)}."
            )
        wrong = np.flatnonzero(~self._consistent())
        if len(wrong):
            row = wrong[0]
            raise BadHistory(
                f"Customer {self.customers[row]} has frequency {self.frequency[row]:g}, recency "
                f"{self.recency[row]:g} and age {self.age[row]:g}. Give a whole frequency of 0 or "
                "more, and a recency between 0 and the age that is 0 only without a repeat."
            )

    def __len__(self) -> int:
        return len(self.customers)

    def _consistent(self) -> np.ndarray:
        x, recency, age = self.frequency, self.recency, self.age
        finite = np.isfinite(x) & np.isfinite(recency) & np.isfinite(age)
        whole = (x >= 0) & (np.floor(x) == x)
        ordered = (recency >= 0) & (recency <= age) & ((recency > 0) == (x > 0))
        consistent: np.ndarray = finite & whole & ordered
        return consistent


def purchase_history(view: View) -> PurchaseHistory:
    """The histories of the customers of a view who have bought something, sorted by id.

    A day is 24 hours, counted back from the view's instant. Returns, and what is sensitive, aren't
    in a view; a purchase that was returned later is.
    """
    rows = view.purchase_arrays().only_used()
    ago = -rows.days_until(int(view.as_of.timestamp()))
    # Sorted by customer, the last day first.
    key = np.sort(rows.customer.astype(np.int64) * _FARTHEST + ago)
    customer, ago = np.divmod(key[np.flatnonzero(np.diff(key, prepend=-1))], _FARTHEST)
    start = np.flatnonzero(np.diff(customer, prepend=-1))
    end = np.append(start, len(ago))[1:] - 1
    last, first = ago[start], ago[end]
    return PurchaseHistory(
        customers=rows.customers.ids,
        frequency=(end - start).astype(np.float64),
        recency=(first - last) / 7,
        age=first / 7,
    )


@dataclass(frozen=True)
class Lifetime:
    """A BG/NBD model with its parameters; time is in weeks.

    Attributes:
        r: shape of the gamma distribution of purchase rates.
        alpha: rate of the same, in weeks; the mean purchase rate is `r / alpha` per week.
        a: first parameter of the beta distribution of the probability of leaving.
        b: second parameter of the same; the mean probability is `a / (a + b)`.
    """

    r: float
    alpha: float
    a: float
    b: float

    def probability_alive(self, history: PurchaseHistory) -> Doubles:
        """The probability that each customer is still active, (customers,).

        It is 1 without a repeat purchase. Fader, Hardie and Lee (2008), Computing P(alive) using
        the BG/NBD model, equation 1.
        """
        alive: Doubles = expit(-self._log_odds_of_leaving(history))
        return alive

    def expected_purchases(self, history: PurchaseHistory, horizon: timedelta) -> Doubles:
        """The expected number of repeat purchases of each customer within a horizon, (customers,).

        Equation 10. Euler's transformation 2F1(A, B; C; z) = (1 - z)^(C - A - B)
        2F1(C - A, C - B; C; z) takes the frequency out of the powers, which would overflow.

        Args:
            history: the histories as of the instant at which the horizon begins.
            horizon: its length.
        """
        return self.expected_if_alive(history, horizon) * self.probability_alive(history)

    def expected_if_alive(self, history: PurchaseHistory, horizon: timedelta) -> Doubles:
        """The same if each customer is still active: equation 10 over P(alive), (customers,)."""
        weeks = horizon / _WEEK
        expected = self._if_alive(history, weeks)
        missing = ~np.isfinite(expected)
        for frequency in np.unique(history.frequency[missing]):
            rows = np.flatnonzero(missing & (history.frequency == frequency))
            expected[rows] = self._by_quadrature(float(frequency), history.age[rows], weeks)
        return expected

    def days_until_unlikely(self, history: PurchaseHistory) -> Doubles:
        """After how many days without a purchase each customer has probably left, (customers,).

        It is the time from the last purchase until P(alive) is 1/2; 0 if it is less at once, and
        infinite without a repeat purchase.
        """
        x = history.frequency
        with np.errstate(over="ignore"):
            odds = (np.log(self.b + np.maximum(x, 1) - 1) - np.log(self.a)) / (self.r + x)
            weeks = (self.alpha + history.recency) * np.expm1(odds)
        days: Doubles = np.where(x > 0, np.maximum(weeks, 0) * 7, np.inf)
        return days

    def _if_alive(self, history: PurchaseHistory, weeks: float) -> Doubles:
        """The expected purchases within some weeks of customers who are active.

        Where SciPy's hypergeometric function overflows, it isn't finite.
        """
        a = self.a if min(abs(self.a - 1), abs(self.a + self.b - 1)) > _NEAR else self.a + 2 * _NEAR
        passed = self.alpha + history.age
        c = a + self.b + history.frequency - 1
        share = passed / (passed + weeks)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            series = hyp2f1(a + self.b - 1 - self.r, a - 1, c, weeks / (passed + weeks))
            expected: Doubles = c / (a - 1) * (1 - share ** (a - 1) * series)
        return expected

    def _by_quadrature(self, frequency: float, age: Doubles, weeks: float) -> Doubles:
        """The same of customers with one frequency, at quantiles of the probability of leaving.

        The mean over the purchase rate is known: (1 - (1 + p t / (alpha + T))^-(r + x)) / p.
        """
        leaving = np.maximum(betaincinv(self.a, self.b + frequency, _QUANTILES), _TINY)
        expected = np.zeros(len(age))
        for p, weight in zip(leaving, _WEIGHTS, strict=True):
            grown = np.log1p(p * weeks / (self.alpha + age))
            expected -= weight * np.expm1(-(self.r + frequency) * grown) / p
        return expected

    def _log_odds_of_leaving(self, history: PurchaseHistory) -> Doubles:
        """The log-odds that a customer has left; -inf without a repeat purchase."""
        x = history.frequency
        waited = np.log((self.alpha + history.age) / (self.alpha + history.recency))
        left = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1) + (self.r + x) * waited
        odds: Doubles = np.where(x > 0, left, -np.inf)
        return odds


@dataclass(frozen=True)
class FittedLifetime(Lifetime):
    """The BG/NBD model of maximum likelihood.

    Attributes:
        log_likelihood: the logarithm of the likelihood, summed over customers.
        customers: the number of customers that it was fitted to.
        at_bound: parameters that ended at the bound of their search: customers differ too little,
            or too few have left, to tell them. Predictions remain valid; intervals don't exist.
        covariance: (4, 4) covariance of the logarithms of r, alpha, a and b; None if `at_bound`
            has a parameter, or the likelihood is flat.
    """

    log_likelihood: float
    customers: int
    at_bound: tuple[str, ...]
    covariance: Doubles | None

    def interval(self, level: float = 0.95) -> dict[str, tuple[float, float]] | None:
        """The interval of each parameter by name, from the curvature of the log-likelihood.

        None if `covariance` is None.
        """
        if self.covariance is None:
            return None
        margin = norm.ppf((1 + level) / 2) * np.sqrt(np.diag(self.covariance))
        values = np.array([getattr(self, name) for name in NAMES])
        low, high = values * np.exp(-margin), values * np.exp(margin)
        return {name: (float(low[i]), float(high[i])) for i, name in enumerate(NAMES)}


def learn_lifetime(view: SharedView) -> FittedLifetime:
    """Fit the model to the customers of a view who share their activity.

    Raises:
        TooFewRepeats: see `fit_lifetime`.
    """
    return fit_lifetime(purchase_history(view))


@one_thread()
def fit_lifetime(history: PurchaseHistory) -> FittedLifetime:
    """Fit the model by maximum likelihood, on the logarithms of its parameters.

    Raises:
        TooFewRepeats: fewer than `FEWEST` customers have a repeat purchase.
    """
    repeated = int((history.frequency > 0).sum())
    if repeated < FEWEST:
        raise TooFewRepeats(
            f"{repeated} of {len(history)} customers who share their activity bought on a second "
            f"day. The model of lifetimes needs {FEWEST}: choose a later day, or load a longer "
            "history."
        )
    likelihood = _Likelihood(history)
    start = np.array([0.0, np.log(history.age.mean()), 0.0, 0.0])
    minimum = minimize(
        likelihood.loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(start - _RANGE, start + _RANGE),
        options={"maxiter": 2_000, "maxfun": 5_000, "ftol": 1e-15, "gtol": 1e-10},
    )
    at_bound = np.abs(minimum.x - start) > _RANGE - 0.01
    r, alpha, a, b = np.exp(minimum.x)
    return FittedLifetime(
        r=float(r),
        alpha=float(alpha),
        a=float(a),
        b=float(b),
        log_likelihood=-float(minimum.fun) * len(history),
        customers=len(history),
        at_bound=tuple(name for name, ended in zip(NAMES, at_bound, strict=True) if ended),
        covariance=None if at_bound.any() else likelihood.covariance(minimum.x),
    )


class _Likelihood:
    """The log-likelihood of histories (equation 6) with its gradient.

    Equal histories are counted, because many customers have the same.
    """

    def __init__(self, history: PurchaseHistory) -> None:
        rows = np.stack([history.frequency, history.recency, history.age], axis=1)
        distinct, count = np.unique(rows, axis=0, return_counts=True)
        self._x, self._recency, self._age = distinct.T
        self._weight = count / count.sum()
        self._customers = int(count.sum())

    @cached_property
    def _repeated(self) -> np.ndarray:
        repeated: np.ndarray = self._x > 0
        return repeated

    def loss(self, logs: Doubles) -> tuple[float, Doubles]:
        """Minus the mean log-likelihood per customer, and its gradient, (4,)."""
        r, alpha, a, b = np.exp(logs)
        x, shape = self._x, r + self._x
        later = np.maximum(x, 1) - 1
        rate = gammaln(shape) - gammaln(r) + r * logs[1] + betaln(a, b + x) - betaln(a, b)
        stayed = -shape * np.log(alpha + self._age)
        left = logs[2] - np.log(b + later) - shape * np.log(alpha + self._recency)
        left = np.where(self._repeated, left, -np.inf)
        both = np.logaddexp(stayed, left)
        gone = np.exp(left - both)

        waited = (1 - gone) * np.log(alpha + self._age) + gone * np.log(alpha + self._recency)
        inverse = (1 - gone) / (alpha + self._age) + gone / (alpha + self._recency)
        total = psi(a + b) - psi(a + b + x)
        slopes = np.stack(
            [
                r * (psi(shape) - psi(r) + logs[1] - waited),
                r - alpha * shape * inverse,
                a * total + gone,
                b * (total + psi(b + x) - psi(b) - gone / (b + later)),
            ]
        )
        return -float(self._weight @ (rate + both)), -(slopes @ self._weight)

    def covariance(self, logs: Doubles) -> Doubles | None:
        """The inverse of the observed information, (4, 4); None if the likelihood is flat."""
        steps = np.eye(len(logs)) * _STEP
        rows = [self.loss(logs + step)[1] - self.loss(logs - step)[1] for step in steps]
        information = np.stack(rows) / (2 * _STEP) * self._customers
        information = (information + information.T) / 2
        if np.linalg.eigvalsh(information).min() <= 0:
            return None
        return np.asarray(np.linalg.inv(information), dtype=np.float64)
