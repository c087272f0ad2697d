"""How likely a customer buys a product again within some days.

A gap says when a purchase is usual, not whether it comes: most pairs that are overdue are lost. So
the probability is learned from earlier days, on which it is known who bought. A logistic model
reads how long ago the last purchase was, the expected gap (see `gaps`), and the number of gaps.
Time since the last purchase enters as piecewise linear logarithms with few knots, at quantiles of
the training set, and counts no further than its 95 % quantile. It is a discrete-time hazard model
(Singer and Willett 1993, It's about time, Journal of Educational Statistics 18, equation 6).

It knows no seasons and no offers. Pairs with a single purchase have no gap, and no probability.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from followsuit.core.errors import FollowsuitError
from followsuit.core.threads import one_thread
from followsuit.customers.gaps import (
    Doubles,
    Gaps,
    Pairs,
    PurchaseDays,
    fit_gaps,
    pairs_at,
    purchase_days,
)
from followsuit.graph.views.view import SharedView, View

FEWEST = 50
"""The training set needs this many pairs that were bought again in time, and that were not."""
CUTOFFS = 8
"""Number of earlier cutoffs in the training set, a week apart."""
FEWEST_CUTOFFS = 3
"""A shop with many pairs has fewer cutoffs, as far apart as they can be."""
MOST = 1_000_000
"""The training set needs no more pairs than these. What is more is thinned evenly."""

_DAY = timedelta(days=1)
_ELAPSED = (0.1, 0.35, 0.65)
"""Quantiles of the time since the last purchase at which its slope may change."""
_RELATIVE = tuple(np.log([0.4, 0.75, 1.0, 1.33, 2.5]))
"""Logarithms of the time since the last purchase, in expected gaps, at which its slope may change.

They are fixed: quantiles would lie far beyond 1 where most pairs are lost.
"""
_FARTHEST = 0.95
"""Quantile of the time since the last purchase beyond which it counts no further."""
_RIDGE = 1e-3
_DIGITS = 9


class TooFewRefills(FollowsuitError):
    """Too few products were bought again to learn when the next purchase comes."""


@dataclass(frozen=True)
class Knots:
    """Where slopes of the logistic model may change.

    Attributes:
        farthest: days since the last purchase beyond which they count no further.
        elapsed: knots of the logarithm of these days.
        expected: knot of the logarithm of the expected gap.
    """

    farthest: float
    elapsed: Doubles
    expected: float


@dataclass(frozen=True)
class Refills:
    """When customers buy products again.

    Attributes:
        days: the horizon, in days.
        gaps: the expected gaps, as of the instant of the training set.
        cutoffs: days before that instant at which the cutoffs of the training set were.
        rows: the number of pairs in the training set.
        knots: where slopes may change.
        weights: (features,) of the logistic model.
        intercept: its intercept.
    """

    days: int
    gaps: Gaps
    cutoffs: tuple[int, ...]
    rows: int
    knots: Knots
    weights: Doubles
    intercept: float

    def due(self, view: View, only: Sequence[str] | None = None) -> pd.DataFrame:
        """The pairs of a view that have a gap, sorted by customer and product.

        Args:
            view: the view.
            only: ids of customers; None for all.

        Returns:
            `customer_id`, `product_id`, `purchases` (days with a purchase), `elapsed_days` since
            the last, `gap_days` (expected days from it to the next), and `probability` of the next
            purchase within the horizon.
        """
        days = purchase_days(view, only)
        pairs = days.pairs
        expected = self.gaps.expected(days, pairs)
        return pd.DataFrame(
            {
                "customer_id": days.customers.ids[pairs.customer],
                "product_id": days.products.ids[pairs.product],
                "purchases": pairs.gaps + 1,
                "elapsed_days": -pairs.last,
                "gap_days": np.exp(expected).round(_DIGITS),
                "probability": self.probability(expected, -pairs.last, pairs.gaps).round(_DIGITS),
            }
        )

    def probability(self, expected: Doubles, elapsed: np.ndarray, gaps: np.ndarray) -> Doubles:
        """The probability of a purchase within the horizon, (pairs,).

        Args:
            expected: (pairs,) logarithm of the expected gap in days.
            elapsed: (pairs,) whole days since the last purchase.
            gaps: (pairs,) number of gaps, at least 1.
        """
        logits = _features(expected, elapsed, gaps, self.knots) @ self.weights + self.intercept
        probability: Doubles = 1 / (1 + np.exp(-logits))
        return probability


_LEARNED: WeakKeyDictionary[SharedView, dict[int, Refills]] = WeakKeyDictionary()
"""What was learned from a view, by horizon in days."""


def learn_refills(
    view: SharedView, horizon: timedelta, days: PurchaseDays | None = None
) -> Refills:
    """Learn from the customers of a view who share their activity, once for each view and horizon.

    Args:
        view: the view; the horizon of every cutoff has passed by its instant.
        horizon: a purchase counts within this time, rounded up to whole days.
        days: the purchases of the view, if they have been read.

    Raises:
        TooFewRefills: see `fit_refills`.
    """
    known = _LEARNED.setdefault(view, {})
    length = _whole_days(horizon)
    if length not in known:
        known[length] = fit_refills(purchase_days(view) if days is None else days, horizon)
    return known[length]


def _whole_days(horizon: timedelta) -> int:
    return max(1, math.ceil(horizon / _DAY))


@one_thread()
def fit_refills(days: PurchaseDays, horizon: timedelta) -> Refills:
    """Fit expected gaps and the logistic model.

    Args:
        days: the purchases.
        horizon: a purchase counts within this time, rounded up to whole days.

    Raises:
        TooFewRefills: fewer than `FEWEST` pairs of the training set were bought again within the
            horizon, or fewer than that were not.
    """
    length = _whole_days(horizon)
    by_cutoff = _pairs_by_cutoff(days, length)
    by_cutoff = {cutoff: pairs for cutoff, pairs in by_cutoff.items() if len(pairs)}
    step = -(-sum(map(len, by_cutoff.values())) // MOST)
    sets = [_training_set(days, cutoff, pairs, length, step) for cutoff, pairs in by_cutoff.items()]
    again = int(sum(y.sum() for *_, y in sets))
    rows = sum(len(y) for *_, y in sets)
    if min(again, rows - again) < FEWEST:
        raise TooFewRefills(
            f"Of {rows} pairs of customer and product at {len(sets)} earlier days, {again} were "
            f"bought again within {length} days. Learning when refills are due needs {FEWEST} that "
            f"were and {FEWEST} that were not: choose a later day or another horizon, or load a "
            "longer history."
        )
    expected, elapsed, gaps, y = (np.concatenate(column) for column in zip(*sets, strict=True))
    knots = _knots(expected, elapsed)
    weights, intercept = _logistic(_features(expected, elapsed, gaps, knots), y)
    return Refills(
        days=length,
        gaps=fit_gaps(days, days.pairs),
        cutoffs=tuple(-cutoff for cutoff in by_cutoff),
        rows=rows,
        knots=knots,
        weights=weights,
        intercept=intercept,
    )


def _pairs_by_cutoff(days: PurchaseDays, length: int) -> dict[int, Pairs]:
    """The pairs by the end of each cutoff's day, the latest first."""
    latest = pairs_at(days, -length)
    enough = math.ceil(MOST / max(len(latest), 1))
    count = min(max(enough, FEWEST_CUTOFFS), CUTOFFS)
    weeks = np.linspace(0, CUTOFFS - 1, count).round().astype(int).tolist()
    earlier = {-length - 7 * week: pairs_at(days, -length - 7 * week) for week in weeks[1:]}
    return {-length: latest, **earlier}


def _training_set(
    days: PurchaseDays, cutoff: int, pairs: Pairs, length: int, step: int
) -> tuple[Doubles, np.ndarray, np.ndarray, np.ndarray]:
    """What `Refills.probability` reads at a cutoff, and whether the purchase came in time."""
    expected = fit_gaps(days, pairs).expected(days, pairs)[::step]
    kept = pairs.every(step)
    return expected, cutoff - kept.last, kept.gaps, kept.following <= cutoff + length


def _knots(expected: Doubles, elapsed: np.ndarray) -> Knots:
    logs = np.log(elapsed + 0.5)
    return Knots(
        farthest=float(np.quantile(elapsed, _FARTHEST)),
        elapsed=np.quantile(logs, _ELAPSED),
        expected=float(np.median(expected)),
    )


def _features(expected: Doubles, elapsed: np.ndarray, gaps: np.ndarray, knots: Knots) -> Doubles:
    """The features of the logistic model, (pairs, features)."""
    logs = np.log(np.minimum(elapsed, knots.farthest) + 0.5)
    relative, evidence = logs - expected, np.log(gaps)
    columns = [
        *_hinges(logs, knots.elapsed),
        *_hinges(relative, _RELATIVE),
        np.maximum(expected - knots.expected, 0),
        evidence,
        evidence * relative,
    ]
    return np.stack(columns, axis=1)


def _hinges(values: Doubles, knots: Iterable[float]) -> list[Doubles]:
    return [values, *(np.maximum(values - knot, 0) for knot in knots)]


def _logistic(x: Doubles, y: np.ndarray) -> tuple[Doubles, float]:
    """Weights and intercept of a logistic regression, fitted on features of unit variance."""
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    model = LogisticRegression(C=1 / _RIDGE, solver="newton-cholesky", max_iter=200)
    model.fit((x - mean) / scale, y)
    weights = model.coef_[0] / scale
    return weights, float(model.intercept_[0] - weights @ mean)
