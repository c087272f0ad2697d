"""Friendships, and how strongly each side follows the other."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from followsuit.graph.schema import Col
from followsuit.simulator.columns import ids, rows, take, times
from followsuit.simulator.draw import (
    DAY,
    Chance,
    Flags,
    Floats,
    Ints,
    Shorts,
    uneven,
    within,
)
from followsuit.simulator.people.customers import People
from followsuit.simulator.shop.products import Catalogue
from followsuit.simulator.world import World

_WITHIN = 0.85
"""Share of friendships within a community."""
_TAIL = 1.6
"""Exponent of the Pareto tail of how sociable customers are."""
_MOST_SOCIABLE = 30
_BRANCHING = 0.6
"""Purchases by friends that a first purchase causes, at influence 1 and contagion 1."""
_MOST_CAUSED = 0.95
"""Maximum mean number of purchases that one causes, so that cascades die out."""


@dataclass(frozen=True)
class Friendships:
    """Undirected friendships, each once.

    Attributes:
        one: the customer with the smaller id; sorted by `one`, then `other`.
        other: the customer with the larger id.
        since: start, in seconds from the start of the period.
        unknown: whether the retailer doesn't know `since`.
        strength: the tie's strength, with mean 1.
        interactions: the recorded number of contacts between the two.
    """

    one: Shorts
    other: Shorts
    since: Ints
    unknown: Flags
    strength: Floats
    interactions: Ints


class Ties(NamedTuple):
    """The friendships read both ways, for the compiled loops.

    When customer u buys a product of category c for the first time, the friend at position e of
    u's list follows with probability `chance[e] * min(contagion[c], limit[u])`.

    Attributes:
        pointer: (customers + 1) bounds of each customer's list.
        friend: by customer, then friend.
        since: start of the friendship, in seconds from the start of the period.
        chance: relative probability that the friend follows; the lists add up to 1 on average.
        limit: (customers) bound that keeps what one purchase causes below 1.
        contagion: (categories) how contagious; all 0 if the world has no influence.
    """

    pointer: Ints
    friend: Shorts
    since: Shorts
    chance: Floats
    limit: Floats
    contagion: Floats


def build_friendships(world: World, people: People, rng: Chance) -> Friendships:
    """Draw the friend graph: heavy-tailed degrees, most ties within communities."""
    weight = np.minimum(1 + rng.pareto(_TAIL, world.customers), _MOST_SOCIABLE)
    pairs = world.customers * (world.customers - 1) // 2
    if 4 * world.friendships > pairs:
        key = _dense_pairs(world, people.community, weight, rng)
    else:
        key = _sparse_pairs(world, people.community, weight, rng)
    one, other = np.divmod(key, world.customers)
    strength = uneven(rng, 0.6, world.friendships)
    return Friendships(
        one=one.astype(np.int32),
        other=other.astype(np.int32),
        since=_since(world, np.maximum(people.joined[one], people.joined[other]), rng),
        unknown=rng.random(world.friendships) < 0.03,
        strength=strength,
        interactions=rng.poisson(12 * strength**1.2),
    )


def _dense_pairs(world: World, community: Ints, weight: Floats, rng: Chance) -> Ints:
    """Choose among all pairs: for graphs that hold more than a quarter of them."""
    one, other = np.triu_indices(world.customers, 1)
    near = np.where(community[one] == community[other], _WITHIN, 1 - _WITHIN)
    arrival = rng.exponential(1, len(one)) / (weight[one] * weight[other] * near)
    chosen = np.argsort(arrival, kind="stable")[: world.friendships]
    return np.sort(one[chosen] * world.customers + other[chosen])


def _sparse_pairs(world: World, community: Ints, weight: Floats, rng: Chance) -> Ints:
    """Draw ends until there are enough distinct pairs, as sorted keys `one * customers + other`."""
    by_community = np.argsort(community, kind="stable")
    reach = np.cumsum(weight[by_community])
    members = np.searchsorted(community[by_community], np.arange(community.max() + 2))
    bounds = np.concatenate([[0.0], reach])[members]
    pairs = np.empty(0, dtype=np.int64)
    local = _WITHIN
    while len(pairs) < world.friendships:
        size = (world.friendships - len(pairs)) * 5 // 4 + 16
        u = by_community[_reached(reach, rng.random(size) * reach[-1])]
        # Small communities run out of new pairs, so more friends come from elsewhere each time.
        near = rng.random(size) < local
        low = np.where(near, bounds[community[u]], 0)
        high = np.where(near, bounds[community[u] + 1], reach[-1])
        v = by_community[_reached(reach, low + rng.random(size) * (high - low))]
        key = np.minimum(u, v) * world.customers + np.maximum(u, v)
        pairs = _with_new(pairs, key[u != v], world.friendships)
        local *= 0.8
    return np.sort(pairs)


def _reached(reach: Floats, x: Floats) -> Ints:
    return within(np.searchsorted(reach, x, side="right"), len(reach))


def _with_new(pairs: Ints, drawn: Ints, enough: int) -> Ints:
    """Add distinct new pairs, in the order drawn, until there are `enough`."""
    _, place = np.unique(drawn, return_index=True)
    distinct = drawn[np.sort(place)]
    new = distinct[~np.isin(distinct, pairs)]
    return np.concatenate([pairs, new[: enough - len(pairs)]])


def _since(world: World, both_joined: Ints, rng: Chance) -> Ints:
    """Draw start times: most before the period, some within it."""
    end = world.days * DAY
    before = np.minimum(both_joined, 0)
    old = before + rng.random(len(before)) * -before
    new = both_joined + rng.random(len(before)) * (end - both_joined)
    fresh = (both_joined >= 0) | (rng.random(len(before)) < 0.15)
    return np.floor(np.where(fresh, new, old)).astype(np.int64)


def build_ties(world: World, friends: Friendships, catalogue: Catalogue, rng: Chance) -> Ties:
    """Draw how strongly friends follow each other; more friends share a customer's attention."""
    count = world.friendships
    source = np.concatenate([friends.one, friends.other]).astype(np.int64)
    target = np.concatenate([friends.other, friends.one])
    order = np.argsort(source * world.customers + target, kind="stable")
    strength = np.tile(friends.strength, 2) * uneven(rng, 0.4, 2 * count)
    degree = np.bincount(source, minlength=world.customers)
    mean = max(2 * count / world.customers, 1.0)
    chance = strength / np.maximum(degree, mean)[target]
    sums = np.bincount(source, weights=chance, minlength=world.customers)
    scale = sums[sums > 0].mean() if count else 1.0
    with np.errstate(divide="ignore"):
        limit = _MOST_CAUSED * scale / sums
    return Ties(
        pointer=np.concatenate([[0], np.cumsum(degree)]),
        friend=target[order],
        since=np.tile(friends.since, 2)[order].astype(np.int32),
        chance=(chance / scale)[order],
        limit=limit,
        contagion=_BRANCHING * world.influence * np.array([c.kappa for c in catalogue.sold]),
    )


def friendship_table(world: World, friends: Friendships) -> pa.Table:
    """The table `friendships`."""
    names = ids("c", world.customers, least=4)
    return rows(
        "friendships",
        {
            Col.CUSTOMER_ID: take(names, friends.one),
            Col.FRIEND_ID: take(names, friends.other),
            Col.SINCE: times(world, friends.since, friends.unknown),
            Col.INTERACTIONS: pa.array(friends.interactions.astype(np.float64)),
            Col.DIRECTED: pa.array(np.zeros(world.friendships, dtype=np.bool_)),
        },
    )
