"""Independent-cascade EM: how likely each exposure is to be followed.

An exposure is followed with probability p, after a delay within the window. All edges share the
distribution of delays, with density f and distribution function F. So the hazard at delay d is
p f(d) / (1 - p F(d)). The credit for an action is shared in proportion to the hazards, the
background's included. This is the continuous form (Saito et al. 2009, "Learning continuous-time
information diffusion model", eq. 5-9) of the independent-cascade EM (Saito et al. 2008, eq. 6-8).

If another cause makes the customer act first, the exposure would have been followed later with
probability p (1 - F(d)) / (1 - p F(d)), and counts with this probability.

For an item of category c, p is the edge's probability times `factor[c]`.
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
        share: (BINS) share of the delays in each part.
        density: (BINS) density of the delays, per window.
        before: (BINS) share of the delays before the middle of the part.
    """

    share: Floats
    density: Floats
    before: Floats


def delays(weight: Floats) -> Delays:
    """The distribution with these weights, plus one pseudo-count per part (Laplace)."""
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
        category: (items) codes of the categories.
        background: (followed) background rate per window at each action with parents.
        p: (categories) probabilities.
        delay: distribution of delays.
        own: (followed) to be filled with the part of each action that the background explains.
        followed: (BINS) sums to add credit to, by delay.
        late: (BINS) sums to add exposures to that would have been followed later, by delay.

    Returns:
        (categories) expected number of exposures that were, or would have been, followed.
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
    """An E-step with one probability per edge and a known distribution of delays.

    Args:
        links: parent links.
        category: (items) codes of the categories.
        background: (followed) background rate per window at each action with parents.
        factor: (categories) factor of an edge's probability.
        p: (edges) probabilities if the factor is 1.
        delay: distribution of delays.
        own: (followed) to be filled with the part of each action that the background explains.

    Returns:
        (edges) expected number of exposures that were, or would have been, followed.
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
    """The distribution of delays after an E-step.

    Args:
        delay: the distribution before it.
        followed: (BINS) credit by delay.
        late: (BINS) exposures that would have been followed later, by delay.
    """
    weight = followed.copy()
    for b in range(BINS):
        # Later means after the middle of the part.
        rest = delay.share.copy()
        rest[:b] = 0
        rest[b] /= 2
        weight += late[b] * rest / max(rest.sum(), 1e-12)
    return delays(weight)
