"""Lifts with 95 % intervals, bootstrapped by customer, by item and by community.

The variance of the log lift is that of two-way clustering (Cameron, Gelbach and Miller 2011):
resampling customers, plus resampling items, less resampling single (customer, item) pairs, each of
the first two counting what pairs add. (Resampling both at once, Owen's pigeonhole bootstrap, counts
it three times.) Where friends' communities are resampled instead and that varies more, it counts.
"""

from dataclasses import dataclass

import numpy as np

from followsuit.influence.doubly_robust import Adjusted
from followsuit.influence.log import Flags, Floats, Ints
from followsuit.influence.matching import Sample
from followsuit.influence.triples import Triples

ENOUGH = 5
"""Exposed that act, and unexposed that do, without which no lift is told."""
_RESAMPLES = 400
_CHUNK = 50
_WIDE = 1.96
_COMMUNITIES = 12
"""Resampling fewer says little."""


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


@dataclass(frozen=True)
class Sums:
    """The two sums whose ratio is a lift, in parts that belong to a customer and an item.

    Attributes:
        customer: (parts) code.
        item: (parts) code.
        triple: (parts) to which triple it belongs.
        acted: (parts) added to the numerator.
        expected: (parts) added to the denominator.
        n: triples.
        acts: different acts of unexposed customers behind the denominator.
    """

    customer: Ints
    item: Ints
    triple: Ints
    acted: Floats
    expected: Floats
    n: int
    acts: int

    def where(self, triples: Flags, acts: int) -> "Sums":
        """Those of some triples."""
        kept = triples[self.triple]
        parts = (self.customer, self.item, self.triple, self.acted, self.expected)
        return Sums(*(part[kept] for part in parts), int(triples.sum()), acts)


def observed_sums(triples: Triples) -> Sums:
    """Exposed against all unexposed customers at the same time on the same item."""
    n = len(triples.customer)
    return Sums(
        triples.customer.astype(np.int64),
        triples.item.astype(np.int64),
        np.arange(n),
        triples.acted.astype(float),
        triples.popularity,
        n,
        acts=ENOUGH if triples.popularity.any() else 0,
    )


def adjusted_sums(sample: Sample, adjusted: Adjusted) -> Sums:
    """Exposed against matched unexposed customers."""
    triples, size = sample.triples, np.diff(sample.pointer)
    n = len(triples.customer)
    triple = np.repeat(np.arange(n), size)
    controls = np.ones(len(triple), dtype=bool)
    controls[sample.pointer[:-1]] = False
    return Sums(
        np.concatenate([triples.customer, sample.customer[controls]]).astype(np.int64),
        np.concatenate([triples.item, triples.item[triple[controls]]]).astype(np.int64),
        np.concatenate([np.arange(n), triple[controls]]),
        np.concatenate([triples.acted.astype(float), np.zeros(int(controls.sum()))]),
        np.concatenate([adjusted.smooth, adjusted.residual[controls]]),
        n,
        acts=int((sample.acted & controls).sum()),
    )


def lift_of(sums: Sums, communities: Ints, seed: int) -> Lift:
    """The lift of some sums.

    Args:
        sums: of which the ratio is taken.
        communities: (customers) code of each one's community.
        seed: of the resamples.
    """
    acted, expected = sums.acted.sum(), sums.expected.sum()
    if acted < ENOUGH or sums.acts < ENOUGH or expected <= 0:
        return Lift(None, None, None, sums.n)
    lift = float(acted / expected)
    spread = float(np.sqrt(_variance(sums, communities, seed)))
    low, high = lift * np.exp(-_WIDE * spread), lift * np.exp(_WIDE * spread)
    return Lift(round(lift, 9), round(float(low), 9), round(float(high), 9), sums.n)


def _variance(sums: Sums, communities: Ints, seed: int) -> float:
    """Of the log lift."""
    by_customer = _resampled(sums, sums.customer, seed)
    by_item = _resampled(sums, sums.item, seed + 1)
    two_way = max(by_customer + by_item - _by_pair(sums), by_customer, by_item)
    community = communities[sums.customer]
    if len(np.unique(community)) < _COMMUNITIES:
        return two_way
    return max(two_way, _resampled(sums, community, seed + 2))


def _by_pair(sums: Sums) -> float:
    """What resampling single pairs gives, by its first-order form (the infinitesimal jackknife)."""
    added = sums.acted / sums.acted.sum() - sums.expected / sums.expected.sum()
    told = added != 0
    pair = np.unique(
        sums.customer[told] * (sums.item.max() + 1) + sums.item[told], return_inverse=True
    )[1]
    return float((np.bincount(pair, added[told]) ** 2).sum())


def _resampled(sums: Sums, cluster: Ints, seed: int) -> float:
    """Variance of the log lift over resamples of clusters.

    Each is taken a number of times that is Poisson with mean 1; draws without an act are left out.
    """
    place = np.unique(cluster, return_inverse=True)[1]
    both = np.stack([np.bincount(place, sums.acted), np.bincount(place, sums.expected)])
    rng = np.random.default_rng(seed)
    draws = [
        rng.poisson(1.0, (_CHUNK, both.shape[1])) @ both.T for _ in range(_RESAMPLES // _CHUNK)
    ]
    drawn = np.concatenate(draws)
    drawn = drawn[(drawn > 0).all(axis=1)]
    return float(np.var(np.log(drawn[:, 0] / drawn[:, 1]))) if len(drawn) > 1 else np.inf
