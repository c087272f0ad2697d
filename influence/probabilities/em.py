"""Independent-cascade EM: how likely each exposure is to be followed.

An exposure is followed with probability p, after a delay within the window whose distribution all
share. So its hazard at delay d is p f(d) / (1 - p F(d)), and an act's credit is shared in
proportion to hazards, the background's among them: the continuous form (Saito et al. 2009,
"Learning continuous-time information diffusion model", eq. 5-9) of the independent-cascade EM
(Saito et al. 2008, eq. 6-8). Exposures that were cut short by an act of another cause would have
been followed later with probability p (1 - F(d)) / (1 - p F(d)), and count by it.

p of an edge for an item of category c is the edge's probability times `factor[c]`.
"""

from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.influence.log.arrays import Floats, Shorts
from followsuit.influence.log.exposures import BINS, Links

MOST = 0.99
"""The highest probability of an exposure."""


class Delays(NamedTuple):
    """The distribution of delays, by part of the window.

    Attributes:
        share: (BINS) of what follows.
        density: (BINS) per window.
        before: (BINS) share up to the middle of the part.
    """

    share: Floats
    density: Floats
    before: Floats


def delays(weight: Floats) -> Delays:
    """The distribution with these weights, with one more act in each part (Laplace)."""
    share = (weight + 1) / (weight + 1).sum()
    return Delays(share, share * BINS, np.cumsum(share) - share / 2)


@compiled
def expect_by_category(
    links: Links,
    category: Shorts,
    background: Floats,
    p: Floats,
    delay: Delays,
    own: Floats,
    followed: Floats,
    late: Floats,
) -> Floats:
    """An E-step with one probability per category.

    Args:
        links: parent links.
        category: (items) codes.
        background: (acts) rate per window at each act with parents.
        p: (categories) probabilities.
        delay: distribution of delays.
        own: (acts) filled with the part that the background explains.
        followed: (BINS) adds up what followed, by delay.
        late: (BINS) adds up what would have followed later than the part.

    Returns:
        (categories) exposures that were followed, or would have been.
    """
    expected = np.zeros(len(p))
    for a in range(len(links.action)):
        c = category[links.item[a]]
        total = background[a]
        for k in range(links.pointer[a], links.pointer[a + 1]):
            d = links.delay[k]
            total += p[c] * delay.density[d] / (1 - p[c] * delay.before[d])
        own[a] = background[a] / total
        for k in range(links.pointer[a], links.pointer[a + 1]):
            if links.edge[k] >= 0:
                d = links.delay[k]
                not_yet = 1 - p[c] * delay.before[d]
                credit = p[c] * delay.density[d] / not_yet / total
                later = (1 - credit) * p[c] * (1 - delay.before[d]) / not_yet
                followed[d] += credit
                late[d] += later
                expected[c] += credit + later
    return expected


@compiled
def expect_by_edge(
    links: Links,
    category: Shorts,
    background: Floats,
    factor: Floats,
    p: Floats,
    delay: Delays,
    own: Floats,
) -> Floats:
    """An E-step with one probability per edge, the distribution of delays being known.

    Args:
        links: parent links.
        category: (items) codes.
        background: (acts) rate per window at each act with parents.
        factor: (categories) of an edge's probability.
        p: (edges) probabilities where the factor is 1.
        delay: distribution of delays.
        own: (acts) filled with the part that the background explains.

    Returns:
        (edges) exposures that were followed, or would have been.
    """
    expected = np.zeros(len(p))
    for a in range(len(links.action)):
        m = factor[category[links.item[a]]]
        total = background[a]
        for k in range(links.pointer[a], links.pointer[a + 1]):
            d, e = links.delay[k], links.edge[k]
            q = min(m * p[e if e >= 0 else -1 - e], MOST)
            total += q * delay.density[d] / (1 - q * delay.before[d])
        share = 1 / total
        own[a] = background[a] * share
        for k in range(links.pointer[a], links.pointer[a + 1]):
            d, e = links.delay[k], links.edge[k]
            if e >= 0:
                q = min(m * p[e], MOST)
                relative = q / (1 - q * delay.before[d])
                credit = relative * delay.density[d] * share
                expected[e] += credit + (1 - credit) * relative * (1 - delay.before[d])
    return expected


def spread_late(delay: Delays, followed: Floats, late: Floats) -> Delays:
    """The distribution of delays after an E-step."""
    weight = followed.copy()
    for b in range(BINS):
        # From the middle of the part on.
        rest = delay.share.copy()
        rest[:b] = 0
        rest[b] /= 2
        weight += late[b] * rest / max(rest.sum(), 1e-12)
    return delays(weight)
