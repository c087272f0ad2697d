"""Lifts with 95 % intervals, bootstrapped by customer, by item and by community.

The variance of the log lift is that of two-way clustering (Cameron, Gelbach and Miller 2011):
resampling customers, plus resampling items, less resampling single (customer, item) pairs, each of
the first two counting what pairs add. (Resampling both at once, Owen's pigeonhole bootstrap, counts
it three times.) It is at least that of pairs. Where friends' communities are resampled instead and
that varies more, it counts. With few items or customers the interval is wider: it takes Student's t
of their number less 1 (Cameron and Miller 2015, section VI.D).
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
"""Exposed, and unexposed, customers who must act before there is a lift."""
_RESAMPLES = 400
_CHUNK = 50
_LEVEL = 0.95
_COMMUNITIES = 20
"""Resampling fewer than this is unreliable."""


@dataclass(frozen=True)
class Lift:
    """Risk ratio of exposed against unexposed triples, with its 95 % interval.

    Attributes:
        lift: None where there is too little to tell, as are the next two.
        low: lower end.
        high: upper end.
        n: exposed triples.
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
        """As in JSON."""
        return {"lift": self.lift, "low": self.low, "high": self.high, "n": self.n}


class Sums(NamedTuple):
    """The two sums whose ratio is a lift, in parts that belong to a customer and an item.

    Attributes:
        customer: (parts) code.
        item: (parts) code, in order.
        acted: (parts) added to the numerator.
        expected: (parts) added to the denominator.
        exposed: (parts) whether it is an exposed triple's; the others are controls'.
        unexposed_acted: (parts) whether it counts interactions of unexposed customers.
    """

    customer: Ints
    item: Ints
    acted: Floats
    expected: Floats
    exposed: Flags
    unexposed_acted: Flags

    def between(self, first: int, last: int) -> "Sums":
        """Those on the items from `first` to before `last`."""
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
    """Exposed against all unexposed customers at the same time on the same item."""
    return Sums(
        triples.customer.astype(np.int64),
        triples.item.astype(np.int64),
        triples.acted.astype(float),
        triples.popularity,
        np.ones(len(triples.customer), dtype=bool),
        triples.popularity > 0,
    )


def adjusted_sums(sample: Sample, adjusted: Adjusted) -> Sums:
    """Exposed against matched unexposed customers."""
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
    """The lift of some sums.

    Args:
        sums: of which the ratio is taken.
        communities: (customers) code of each one's community.
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
    """How many standard errors the interval reaches to either side."""
    counted = (sums.acted != 0) | sums.unexposed_acted
    clusters = min(len(np.unique(sums.customer[counted])), len(np.unique(sums.item[counted])))
    return float(t.ppf(1 - (1 - _LEVEL) / 2, max(clusters - 1, 1)))


def _variance(sums: Sums, communities: Ints, seed: int) -> float:
    """Of the log lift."""
    by_customer = _resampled(sums, sums.customer, seed)
    by_item = _resampled(sums, sums.item, seed + 1)
    by_pair = _by_pair(sums)
    two_way = max(by_customer + by_item - by_pair, by_pair)
    community = communities[sums.customer]
    if len(np.unique(community)) < _COMMUNITIES:
        return two_way
    return max(two_way, _resampled(sums, community, seed + 2))


def _by_pair(sums: Sums) -> float:
    """What resampling single pairs gives, by its first-order form (the infinitesimal jackknife)."""
    added = sums.acted / sums.acted.sum() - sums.expected / sums.expected.sum()
    counted = added != 0
    pair = np.unique(
        sums.customer[counted] * (sums.item.max() + 1) + sums.item[counted], return_inverse=True
    )[1]
    return float((np.bincount(pair, added[counted]) ** 2).sum())


@one_thread()
def _resampled(sums: Sums, cluster: Ints, seed: int) -> float:
    """Variance of the log lift over resamples of clusters.

    Each is taken a number of times that is Poisson with mean 1; draws without an act are left out.
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
