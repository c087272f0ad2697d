"""How well refills are foretold, beside simple rivals: by cutoff, from earlier purchases alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from followsuit.customers.gaps import NEVER, Pairs, PurchaseDays, pairs_at, purchase_days
from followsuit.customers.refills import fit_refills
from followsuit.graph.views.view import View

RIVALS = ("own mean", "product's mean", "own geometric mean", "product's geometric mean")
"""Of the expected gap."""


@dataclass(frozen=True)
class GapErrors:
    """Absolute errors of log gaps, (gaps,) each, and whose gaps they are."""

    customer: np.ndarray
    errors: dict[str, np.ndarray]

    def less(self, rival: str) -> float:
        """How much smaller the mean error is than a rival's, as a share of it."""
        return float(1 - self.errors["shrunk"].mean() / self.errors[rival].mean())


@dataclass(frozen=True)
class DueFigures:
    """Who was expected to buy within the horizon, (pairs,) each, and who did.

    `poisson` is what a gamma-Poisson model expects.
    """

    customer: np.ndarray
    bought: np.ndarray
    probability: np.ndarray
    poisson: np.ndarray

    @property
    def ratio(self) -> float:
        """Observed over expected."""
        return float(self.bought.sum() / self.probability.sum())

    @property
    def tenths(self) -> list[float]:
        """The same in each tenth of the pairs by probability, the smallest first."""
        order = np.argsort(self.probability, kind="stable")
        parts = np.array_split(order, 10)
        return [float(self.bought[p].sum() / self.probability[p].sum()) for p in parts]

    def log_loss(self, probability: np.ndarray) -> float:
        """The mean log-loss of some probabilities."""
        y, p = self.bought, np.clip(probability, 1e-12, 1 - 1e-12)
        return float(-np.where(y, np.log(p), np.log1p(-p)).mean())


class Refilled:
    """Purchases of a year, seen from cutoffs within it.

    Args:
        view: the view as of the end.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._all = purchase_days(view)

    def gap_errors(
        self, at: datetime, *, window: int = 28, gaps: tuple[int, int] = (2, 10_000)
    ) -> dict[str, GapErrors]:
        """Errors of the expected gap, by which gaps they are of.

        - `next`: gaps that begin in the window after the cutoff and have ended.
        - `all`: these, and those that are still open, with the least error that they can have.
        - `open`: gaps that were open at the cutoff, and have ended.

        Args:
            at: the cutoff.
            window: its length in days.
            gaps: fewest and most gaps of a pair by the cutoff.
        """
        cutoff, days = self._day(at), self._all
        pairs = pairs_at(days, cutoff)
        learned = fit_refills(purchase_days(self._view.at(at).shared), timedelta(days=7)).gaps
        guesses = {"shrunk": learned.expected(days, pairs), **_rivals(days, pairs, cutoff)}
        enough = (pairs.gaps >= gaps[0]) & (pairs.gaps <= gaps[1])
        place = _places(days, pairs, enough)
        begins = (days.day > cutoff) & (days.day <= cutoff + window)
        ended = days.following < NEVER
        found = {}
        for name, rows in {
            "next": begins & ended,
            "all": begins & (ended | (days.day < 0)),
            "open": (days.day <= cutoff) & (days.following > cutoff) & ended,
        }.items():
            row = np.flatnonzero(rows & (place >= 0))
            gap = np.log(np.where(ended[row], days.following[row], 0) - days.day[row])
            found[name] = GapErrors(
                days.customer[row],
                {
                    guess: _errors(gap, log[place[row]], ended[row])
                    for guess, log in guesses.items()
                },
            )
        return found

    def due(self, at: datetime, horizon: timedelta, *, least: int = 1) -> DueFigures:
        """Who bought within the horizon, and how likely it was.

        Args:
            at: the cutoff.
            horizon: the horizon.
            least: fewest gaps of a pair by the cutoff.
        """
        cutoff, days = self._day(at), self._all
        learned = fit_refills(purchase_days(self._view.at(at).shared), horizon)
        pairs = pairs_at(days, cutoff)
        expected = learned.gaps.expected(days, pairs)
        probability = learned.probability(expected, cutoff - pairs.last, pairs.gaps)
        kept = pairs.gaps >= least
        return DueFigures(
            pairs.customer[kept],
            (pairs.following <= cutoff + horizon.days)[kept],
            probability[kept],
            _gamma_poisson(days, pairs, cutoff, horizon.days)[kept],
        )

    def _day(self, at: datetime) -> int:
        return -((self._view.as_of - at) // timedelta(days=1))


def _errors(gap: np.ndarray, guess: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """Of a gap that hasn't ended, how much it is longer by now than it was expected to be."""
    return np.where(ended, np.abs(gap - guess), np.maximum(gap - guess, 0))


def _places(days: PurchaseDays, pairs: Pairs, kept: np.ndarray) -> np.ndarray:
    """The number among `pairs` of each row's pair; -1 if it has none or isn't kept."""
    count = len(days.products)
    keys, wanted = pairs.customer * count + pairs.product, days.customer * count + days.product
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where((keys[place] == wanted) & kept[place], place, -1)


def _rivals(days: PurchaseDays, pairs: Pairs, cutoff: int) -> dict[str, np.ndarray]:
    closed = days.following <= cutoff
    product, gap = days.product[closed], (days.following - days.day)[closed]
    n = np.bincount(product, minlength=len(days.products))
    means = [
        np.bincount(product, values, len(n)) / np.maximum(n, 1) for values in (gap, np.log(gap))
    ]
    own = (np.log(pairs.mean_days), pairs.mean_log)
    of_products = (np.log(np.maximum(means[0], 1)), means[1])
    return dict(
        zip(
            RIVALS,
            (own[0], of_products[0][pairs.product], own[1], of_products[1][pairs.product]),
            strict=True,
        )
    )


def _gamma_poisson(days: PurchaseDays, pairs: Pairs, cutoff: int, length: int) -> np.ndarray:
    """The probability of a purchase if pairs buy at constant rates, gamma distributed.

    Fitted by maximum likelihood to the repeat purchases of all pairs.
    """
    known = days.day <= cutoff
    count = np.bincount(days.pair[known])
    here = np.flatnonzero(count)
    first = np.full(len(count), cutoff)
    np.minimum.at(first, days.pair[known], days.day[known])
    x, time = count[here] - 1, cutoff - first[here] + 0.5

    def loss(logs: np.ndarray) -> float:
        r, a = np.exp(logs)
        log = gammaln(r + x) - gammaln(r) + r * np.log(a) - (r + x) * np.log(a + time)
        return -float(log.mean())

    r, a = np.exp(minimize(loss, np.array([0.0, 4.0]), method="Nelder-Mead").x)
    rows = np.flatnonzero(known & (days.following > cutoff))
    place = _places(days, pairs, np.ones(len(pairs), dtype=bool))[rows]
    rows, place = rows[place >= 0], place[place >= 0]
    waited = np.empty(len(pairs))
    waited[place] = cutoff - first[days.pair[rows]] + 0.5
    return 1 - ((a + waited) / (a + waited + length)) ** (r + pairs.gaps)
