"""Lifts with 95 % intervals, bootstrapped by customer, by item and by community.

The variance of the log lift is two-way clustered (Cameron, Gelbach and Miller 2011): resampling
customers, plus resampling items, minus resampling single (customer, item) pairs, which the first
two both count. (Owen's pigeonhole bootstrap, which resamples both at once, counts pairs three
times.) The variance is at least that of pairs. If resampling friends' communities gives a larger
variance, that is used. The interval uses Student's t, with degrees of freedom one less than the
number of customers or items (Cameron and Miller 2015, section VI.D), so it is wider if there are
few.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from followsuit.core.threads import one_thread
from followsuit.influence.effects.doubly_robust import Adjusted
from followsuit.influence.effects.matching import Sample
from followsuit.influence.log.arrays import Flags, Floats, Ints
from followsuit.influence.log.triples import Triples

ENOUGH = 5
"""Exposed customers who must act before there is a lift, and as many unexposed ones."""
_RESAMPLES = 400
_CHUNK = 50
_LEVEL = 0.95
_COMMUNITIES = 20
"""Resampling fewer communities than this is unreliable."""


@dataclass(frozen=True)
class Lift:
    """Risk ratio of exposed to unexposed customers, with its 95 % interval.

    Attributes:
        lift: the risk ratio; None if there is too little evidence.
        low: lower end of the interval, or None.
        high: upper end of the interval, or None.
        n: number of exposed triples.
    """

    lift: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def off(self) -> bool:
        """Whether the interval excludes 1."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high

    def as_dict(self) -> dict[str, float | int | None]:
        """The lift as JSON values."""
        return {"lift": self.lift, "low": self.low, "high": self.high, "n": self.n}


class Sums(NamedTuple):
    """The two sums whose ratio is a lift, as one term per customer and item.

    Attributes:
        customer: (terms) code of the customer.
        item: (terms) code of the item, ascending.
        acted: (terms) addends of the numerator.
        expected: (terms) addends of the denominator.
        exposed: (terms) whether the term is of an exposed customer; if not, of a control.
        unexposed_acted: (terms) whether the term counts interactions of unexposed customers.
    """

    customer: Ints
    item: Ints
    acted: Floats
    expected: Floats
    exposed: Flags
    unexposed_acted: Flags

    def between(self, first: int, last: int) -> "Sums":
        """The terms of items `first` to `last - 1`."""
        begin, end = np.searchsorted(self.item, [first, last])
        return Sums(
            self.customer[begin:end],
            self.item[begin:end],
            self.acted[begin:end],
            self.expected[begin:end],
            self.exposed[begin:end],
            self.unexposed_acted[begin:end],
        )


def observed_sums(triples: Triples) -> Sums:
    """The sums for exposed against all unexposed customers, same time and item."""
    return Sums(
        triples.customer.astype(np.int64),
        triples.item.astype(np.int64),
        triples.acted.astype(float),
        triples.popularity,
        np.ones(len(triples.customer), dtype=bool),
        triples.popularity > 0,
    )


def adjusted_sums(sample: Sample, adjusted: Adjusted) -> Sums:
    """The sums for exposed against matched unexposed customers."""
    triples = sample.triples
    exposed = np.zeros(len(sample.customer), dtype=bool)
    exposed[sample.pointer[:-1]] = True
    expected = adjusted.residual.copy()
    expected[exposed] = adjusted.smooth
    return Sums(
        sample.customer.astype(np.int64),
        np.repeat(triples.item, np.diff(sample.pointer)).astype(np.int64),
        (sample.acted & exposed).astype(float),
        expected,
        exposed,
        sample.acted & ~exposed,
    )


def lift_of(sums: Sums, communities: Ints, seed: int) -> Lift:
    """The ratio of two sums, with its interval.

    Args:
        sums: numerator and denominator.
        communities: (customers) code of each customer's community.
        seed: random seed of the resamples.
    """
    acted, expected = sums.acted.sum(), sums.expected.sum()
    n = int(sums.exposed.sum())
    if acted < ENOUGH or sums.unexposed_acted.sum() < ENOUGH or expected <= 0:
        return Lift(None, None, None, n)
    lift = float(acted / expected)
    half = _width(sums) * float(np.sqrt(_variance(sums, communities, seed)))
    low, high = lift * np.exp(-half), lift * np.exp(half)
    return Lift(round(lift, 9), round(float(low), 9), round(float(high), 9), n)


def _width(sums: Sums) -> float:
    """Half the width of the interval, in standard errors."""
    counted = (sums.acted != 0) | sums.unexposed_acted
    clusters = min(len(np.unique(sums.customer[counted])), len(np.unique(sums.item[counted])))
    return float(t.ppf(1 - (1 - _LEVEL) / 2, max(clusters - 1, 1)))


def _variance(sums: Sums, communities: Ints, seed: int) -> float:
    """The variance of the log lift."""
    by_customer = _resampled(sums, sums.customer, seed)
    by_item = _resampled(sums, sums.item, seed + 1)
    by_pair = _by_pair(sums)
    two_way = max(by_customer + by_item - by_pair, by_pair)
    community = communities[sums.customer]
    if len(np.unique(community)) < _COMMUNITIES:
        return two_way
    return max(two_way, _resampled(sums, community, seed + 2))


def _by_pair(sums: Sums) -> float:
    """The variance from resampling single pairs, by the infinitesimal jackknife."""
    added = sums.acted / sums.acted.sum() - sums.expected / sums.expected.sum()
    counted = added != 0
    pair = np.unique(
        sums.customer[counted] * (sums.item.max() + 1) + sums.item[counted], return_inverse=True
    )[1]
    return float((np.bincount(pair, added[counted]) ** 2).sum())


@one_thread()
def _resampled(sums: Sums, cluster: Ints, seed: int) -> float:
    """Variance of the log lift over resamples of clusters.

    Each cluster is drawn Poisson(1) times. Resamples without an interaction are left out.
    """
    both = np.stack([np.bincount(cluster, sums.acted), np.bincount(cluster, sums.expected)])
    both = both[:, both.any(axis=0)]
    rng = np.random.default_rng(seed)
    draws = [
        rng.poisson(1.0, (_CHUNK, both.shape[1])) @ both.T for _ in range(_RESAMPLES // _CHUNK)
    ]
    drawn = np.concatenate(draws)
    drawn = drawn[(drawn > 0).all(axis=1)]
    return float(np.var(np.log(drawn[:, 0] / drawn[:, 1]))) if len(drawn) > 1 else np.inf
