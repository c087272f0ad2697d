"""The posterior of an edge's probability: mean, interval, and a test against 0.

Given the other edges' learned probabilities, the likelihood of an edge's probability p is

    (1 - p)^missed  x  product over its links of (1 + p slope)

Here `missed` is the number of complete exposures that no action followed. The slope,
f(d) / rest - F(d), says how much better the edge explains an action than the rest (background and
other friends) does. The prior is a beta distribution (empirical Bayes). Its mean is the edges'
mean, and its strength maximises the marginal likelihood. Integrals are sums over cells of p.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import betaincinv, betaln

from followsuit.core.compiled import compiled
from followsuit.core.progress import Progress, silent
from followsuit.core.threads import one_thread
from followsuit.influence.log.arrays import Flags, Floats, Ints, Shorts
from followsuit.influence.log.exposures import Links
from followsuit.influence.probabilities.em import MOST, Delays

LEVEL = 0.9
SURE = 2.71
"""Critical value of the one-sided likelihood ratio test against p = 0, at the 5 % level."""

_BOUNDS = np.concatenate([[0.0], np.geomspace(1e-5, 0.05, 50), np.linspace(0.06, 1.0, 64)])
_MIDDLES = (_BOUNDS[1:] + _BOUNDS[:-1]) / 2
_LOG_P, _LOG_Q = np.log(_MIDDLES[1:]), np.log1p(-_MIDDLES[1:])
_LOG_WIDTH = np.log(np.diff(_BOUNDS)[1:])
_LEARN_FROM = 5_000
"""Largest number of edges with links that the prior's strength is learned from."""
_CHUNK = 50_000
_WEAKEST, _STRONGEST = 0.3, 3e4


class Evidence(NamedTuple):
    """The evidence for each edge (or for each edge within a category).

    Attributes:
        mean: (n) mean of the prior.
        missed: (n) number of complete exposures that no action followed within the window.
        pointer: (n + 1) bounds of each edge's links.
        slope: (links) slope of each link.
    """

    mean: Floats
    missed: Floats
    pointer: Ints
    slope: Floats


class Posterior(NamedTuple):
    """(n) posterior mean of each probability, and the ends of its 90 % interval."""

    mean: Floats
    low: Floats
    high: Floats


class LinkValues(NamedTuple):
    """The links that get credit, in their order.

    Attributes:
        edge: (links) number of the edge.
        category: (links) code of the item's category.
        slope: (links) slope, relative to the edge's mean probability over its exposures.
        expected: (links) probability that the exposure was, or would have been, followed.
    """

    edge: Shorts
    category: Shorts
    slope: Floats
    expected: Floats


def link_values(
    links: Links,
    category: Shorts,
    background: Floats,
    factor: Floats,
    p: Floats,
    relative: Floats,
    delay: Delays,
    wanted: Flags,
) -> LinkValues:
    """The evidence of each link of the wanted edges.

    Args:
        links: parent links.
        category: (items) codes of the categories.
        background: (followed) background rate per window at each action with parents.
        factor: (categories) factor of an edge's probability.
        p: (edges) probabilities if the factor is 1.
        relative: (edges) mean factor of the edge's exposures.
        delay: distribution of delays.
        wanted: (edges) whether to include the edge's links.
    """
    return LinkValues(
        *_link_values(links, category, background, factor, p, relative, delay, wanted)
    )


@compiled
def _link_values(
    links: Links,
    category: Shorts,
    background: Floats,
    factor: Floats,
    p: Floats,
    relative: Floats,
    delay: Delays,
    wanted: Flags,
) -> tuple[Shorts, Shorts, Floats, Floats]:
    count = 0
    for k in range(len(links.edge)):
        count += links.edge[k] >= 0 and wanted[links.edge[k]]
    edge, kind = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
    slope, expected = np.empty(count), np.empty(count)
    n = 0
    for a in range(len(links.action)):
        c = category[links.item[a]]
        total = background[a]
        for k in range(links.pointer[a], links.pointer[a + 1]):
            e, d = links.edge[k], links.delay[k]
            q = min(factor[c] * p[e if e >= 0 else -1 - e], MOST)
            total += q * delay.density[d] / (1 - q * delay.before[d])
        for k in range(links.pointer[a], links.pointer[a + 1]):
            e, d = links.edge[k], links.delay[k]
            if e < 0 or not wanted[e]:
                continue
            q = min(factor[c] * p[e], MOST)
            hazard = q * delay.density[d] / (1 - q * delay.before[d])
            rest = max(total - hazard, background[a])
            edge[n], kind[n] = e, c
            slope[n] = factor[c] / relative[e] * (delay.density[d] / rest - delay.before[d])
            later = q * (1 - delay.before[d]) / (1 - q * delay.before[d])
            expected[n] = hazard / total + (1 - hazard / total) * later
            n += 1
    return edge, kind, slope, expected


def evidence(mean: Floats, exposures: Floats, of: np.ndarray, slope: Floats) -> Evidence:
    """Group the links by edge.

    Args:
        mean: (n) mean of the prior.
        exposures: (n) number of complete exposures.
        of: (links) position of each link's edge, 0 to n - 1.
        slope: (links) slope of each link.
    """
    order = np.argsort(of, kind="stable")
    count = np.bincount(of, minlength=len(mean))
    pointer = np.concatenate([[0], np.cumsum(count)])
    return Evidence(mean, np.maximum(exposures - count, 0), pointer, slope[order])


def prior_strength(
    known: Evidence,
    seed: int,
    *,
    cap: Floats | None = None,
    acted_for: float = 1.0,
    silent_for: float = 1.0,
) -> Floats:
    """The beta prior's strength (sum of its parameters) that maximises the marginal likelihood.

    Args:
        known: evidence of each edge.
        seed: random seed of the sample of edges.
        cap: (n) strength of the evidence for the prior's mean; strengths s become
            1 / (1/s + 1/cap).
        acted_for: number of edges that each one with links represents.
        silent_for: number of edges that each one without links represents.

    Returns:
        (n) strengths; they differ only by the cap.
    """
    count = np.diff(known.pointer)
    acted, silent = np.flatnonzero(count), np.flatnonzero((count == 0) & (known.missed > 0))
    rng = np.random.default_rng([seed, len(acted)])
    drawn, quiet = draw(rng, acted), draw(rng, silent)
    likelihood = np.exp(np.minimum(_log_likelihood(known, drawn), 600))
    limit = np.full(len(count), np.inf) if cap is None else cap

    def surprise(log_strength: float) -> float:
        strength = 1 / (np.exp(-log_strength) + 1 / limit)
        a = strength[quiet] * known.mean[quiet]
        b = strength[quiet] - a
        nothing = (betaln(a, b + known.missed[quiet]) - betaln(a, b)).sum()
        prior = _prior(known.mean[drawn], strength[drawn])
        something = np.log((prior * likelihood).sum(axis=1) + 1e-300).sum()
        return float(
            -nothing * silent_for * len(silent) / max(len(quiet), 1)
            - something * acted_for * len(acted) / max(len(drawn), 1)
        )

    bounds = (np.log(_WEAKEST), np.log(_STRONGEST))
    least = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 0.05})
    strength: Floats = 1 / (np.exp(-least.x) + 1 / limit)
    return strength


def draw(rng: np.random.Generator, of: Ints) -> Ints:
    """A random sample of at most 5,000, in order."""
    return of if len(of) <= _LEARN_FROM else np.sort(rng.choice(of, _LEARN_FROM, replace=False))


@one_thread()
def posterior(known: Evidence, strength: Floats, progress: Progress = silent) -> Posterior:
    """Posterior means and 90 % intervals.

    If the likelihood ratio against p = 0 is under 2.71, `low` is 0 and `high` the 90 % quantile.
    Otherwise each tail holds 5 %. `high` is never below the mean.

    Args:
        known: evidence of each edge.
        strength: (n) strength of the prior.
        progress: progress callback, in edges.
    """
    mean = _silent_mean(known, strength)
    judged = Posterior(mean, np.zeros(len(mean)), _silent_high(known, strength, mean))
    acted = np.flatnonzero(np.diff(known.pointer))
    with progress("computing intervals", len(acted)) as advance:
        for rows in _chunks(acted):
            like, weight = _mass(known, strength, rows)
            judged.mean[rows] = weight @ _MIDDLES
            reach = np.cumsum(weight, axis=1)
            sure = 2 * like.max(axis=1) >= SURE
            tail = (1 - LEVEL) / 2
            low = _quantile(reach, np.full(len(rows), tail))
            judged.low[rows] = np.where(sure, low, 0.0)
            high = _quantile(reach, np.where(sure, 1 - tail, LEVEL))
            judged.high[rows] = np.maximum(high, judged.mean[rows])
            advance(len(rows))
    return judged


@one_thread()
def posterior_means(known: Evidence, strength: Floats) -> Floats:
    """(n,) the means of `posterior`, without the cost of its intervals."""
    mean = _silent_mean(known, strength)
    for rows in _chunks(np.flatnonzero(np.diff(known.pointer))):
        mean[rows] = _mass(known, strength, rows)[1] @ _MIDDLES
    return mean


def _chunks(rows: Ints) -> Iterator[Ints]:
    for first in range(0, len(rows), _CHUNK):
        yield rows[first : first + _CHUNK]


def _mass(known: Evidence, strength: Floats, rows: Ints) -> tuple[Floats, Floats]:
    """(rows, cells) the log-likelihood, and the posterior's mass."""
    like = _log_likelihood(known, rows)
    mass = _prior(known.mean[rows], strength[rows])
    mass *= np.exp(like - like.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    return like, mass


def _silent_mean(known: Evidence, strength: Floats) -> Floats:
    """(n,) posterior means if no interaction followed: those of beta distributions."""
    a = known.mean * strength
    mean: Floats = a / (a + (strength - a + known.missed))
    return mean


def _silent_high(known: Evidence, strength: Floats, mean: Floats) -> Floats:
    """(n,) the 90 % quantiles of these distributions, few of which differ."""
    distinct, case = _distinct(known.mean, strength, known.missed)
    a = distinct[0] * distinct[1]
    b = distinct[1] - a + distinct[2]
    high: Floats = np.asarray(betaincinv(a, b, LEVEL), dtype=np.float64)[case]
    return np.maximum(high, mean)


def _distinct(*columns: Floats) -> tuple[tuple[Floats, ...], Ints]:
    """The distinct rows of columns, and which of them each row is."""
    order = np.lexsort(columns)
    differs = np.zeros(len(order), dtype=np.bool_)
    for column in columns:
        differs[1:] |= np.diff(column[order]) != 0
    case = np.empty(len(order), dtype=np.int64)
    case[order] = np.cumsum(differs)
    first = order[np.flatnonzero(np.concatenate([[True], differs[1:]])[: len(order)])]
    return tuple(column[first] for column in columns), case


def _log_likelihood(known: Evidence, rows: Ints) -> Floats:
    """(rows, cells) log likelihood relative to p = 0."""
    likelihood: Floats = known.missed[rows][:, None] * np.log1p(-_MIDDLES)
    _add_links(likelihood, known.pointer, known.slope, rows, _MIDDLES)
    return likelihood


@compiled
def _add_links(likelihood: Floats, pointer: Ints, slope: Floats, rows: Ints, p: Floats) -> None:
    product = np.empty(len(p))
    for r in range(len(rows)):
        product[:] = 1.0
        last = pointer[rows[r] + 1]
        for k in range(pointer[rows[r]], last):
            for g in range(len(p)):
                product[g] *= max(1 + p[g] * slope[k], 1e-12)
            # Taking the logarithm every eight links avoids overflow.
            if k + 1 == last or (last - k) % 8 == 0:
                for g in range(len(p)):
                    likelihood[r, g] += np.log(product[g])
                    product[g] = 1.0


def _prior(mean: Floats, strength: Floats) -> Floats:
    """(rows, cells) probability mass of the beta prior."""
    # Many rows share the same prior: compute each once.
    (means, strengths), case = _distinct(mean, strength)
    a = (strengths * means)[:, None]
    b = strengths[:, None] - a
    log_mass = (a - 1) * _LOG_P + (b - 1) * _LOG_Q + _LOG_WIDTH
    # In the first cell the density may be infinite: use its integral.
    first = a * np.log(_BOUNDS[1]) - np.log(a)
    log_mass = np.concatenate([first, log_mass], axis=1)
    mass: Floats = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    return mass[case]


def _quantile(reach: Floats, at: Floats) -> Floats:
    """The quantile `at`, interpolated linearly within the cell."""
    cell = np.minimum((reach < at[:, None]).sum(axis=1), len(_MIDDLES) - 1)
    rows = np.arange(len(reach))
    under = np.where(cell > 0, reach[rows, np.maximum(cell - 1, 0)], 0.0)
    inside = (at - under) / np.maximum(reach[rows, cell] - under, 1e-300)
    width = _BOUNDS[cell + 1] - _BOUNDS[cell]
    quantile: Floats = _BOUNDS[cell] + width * np.clip(inside, 0, 1)
    return quantile
