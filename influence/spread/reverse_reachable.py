"""Random reverse-reachable sets: who would have caused a random customer's interaction.

Borgs et al. 2014: draw a random customer, the root. Keep each edge with its probability, and gather
all customers with a kept path to the root. Most such sets contain only their root and carry no
information. So (Nguyen et al. 2017, importance sketching) a root v is drawn in proportion to
value(v) x q(v), where q(v) is the probability that any incoming edge is kept, and at least one is
kept. With Q the sum of value x q, the expected spread of a set of customers S is

    Q x P(S intersects such a set) + sum over S of value x (1 - q).

Incoming edges are visited as in SUBSIM (Guo et al. 2020, section 3). They are sorted by
probability, and the distance to the next candidate is drawn from a geometric distribution, so edges
that aren't kept cost nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.core.progress import Advance
from followsuit.influence.log.arrays import Flags, Floats, Ints, Network, Shorts
from followsuit.influence.spread.inputs import NotEnoughEvidence

_AT_ONCE = 1 << 15
"""Sets between two calls of the progress callback."""


class Incoming(NamedTuple):
    """Edges of probability above 0, by target, then falling probability.

    Attributes:
        pointer: (customers + 1) bounds of each target's edges.
        source: (edges) code of the customer whose interaction may be followed.
        probability: (edges) probability, falling within a target.
        jump: (edges) 1 / log(1 - probability), the scale of the geometric jump.
        some: (edges) probability that this edge or one before it is kept.
        alone: (customers) value x probability that no edge is kept.
        reach: (customers) cumulative sum of value x probability that some edge is kept.
    """

    pointer: Ints
    source: Shorts
    probability: Floats
    jump: Floats
    some: Floats
    alone: Floats
    reach: Floats

    @property
    def total(self) -> float:
        """The sum of value x probability that some edge is kept (Q above)."""
        return float(self.reach[-1])


def incoming(network: Network, probability: Floats, value: Floats) -> Incoming:
    """Prepare the edges for drawing reverse-reachable sets.

    Args:
        network: who may follow whom.
        probability: (edges) probabilities from 0 to 1.
        value: (customers) value of an interaction of each, at least 0.

    Raises:
        NotEnoughEvidence: no customer with a value above 0 follows anybody.
    """
    customers = network.customers
    kept = np.flatnonzero(probability > 0)
    order = kept[np.lexsort((kept, -probability[kept], network.target[kept]))]
    sizes = np.bincount(network.target[kept], minlength=customers)
    chance = probability[order]
    pointer = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    some = _some(pointer, chance)
    any_edge = np.zeros(customers)
    any_edge[sizes > 0] = some[pointer[1:][sizes > 0] - 1]
    if not (value * any_edge).any():
        raise NotEnoughEvidence(
            "not enough evidence: no customer with a value above 0 is known to follow anybody"
        )
    with np.errstate(divide="ignore"):
        jump = 1 / np.log1p(-chance)
    return Incoming(
        pointer=pointer,
        source=network.source[order],
        probability=chance,
        jump=jump,
        some=some,
        alone=value * (1 - any_edge),
        reach=np.cumsum(value * any_edge),
    )


@compiled
def _some(pointer: Ints, probability: Floats) -> Floats:
    """See `Incoming.some`; computed by logarithms, so that small probabilities stay exact."""
    some = np.empty(len(probability))
    for v in range(len(pointer) - 1):
        none = 0.0
        for e in range(pointer[v], pointer[v + 1]):
            none += np.log1p(-probability[e]) if probability[e] < 1 else -np.inf
            some[e] = -np.expm1(none)
    return some


class Sets(NamedTuple):
    """Reverse-reachable sets, concatenated.

    Attributes:
        pointer: (sets + 1) bounds of each set in `member`.
        member: (members) codes of customers, each set's root first.
    """

    pointer: Ints
    member: Shorts


def _joined(some: Sets, more: list[Sets]) -> Sets:
    """Concatenate sets."""
    lots = [some, *more]
    starts = np.cumsum([0, *(len(sets.member) for sets in lots[:-1])])
    pointers = [sets.pointer[1:] + start for sets, start in zip(lots, starts, strict=True)]
    return Sets(
        np.concatenate([[0], *pointers]).astype(np.int64),
        np.concatenate([sets.member for sets in lots]),
    )


NONE = Sets(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32))


class _Room(NamedTuple):
    """Scratch arrays that all draws reuse.

    Attributes:
        stamp: (1) number of the last set.
        mark: (customers) number of the last set that contains each.
        queue: (customers) members of the last set, its root first.
    """

    stamp: Ints
    mark: Ints
    queue: Shorts


class Walker:
    """Draws reverse-reachable sets from its own random stream."""

    def __init__(self, edges: Incoming, seed: np.random.SeedSequence) -> None:
        customers = len(edges.pointer) - 1
        self._edges = edges
        self._rng = np.random.default_rng(seed)
        self._room = _Room(
            np.zeros(1, dtype=np.int64),
            np.zeros(customers, dtype=np.int64),
            np.empty(customers, dtype=np.int32),
        )
        self._nobody = np.zeros(customers, dtype=np.bool_)

    def grown(self, sets: Sets, size: int, advance: Advance) -> Sets:
        """Draw more sets until there are `size`.

        Args:
            sets: the sets so far.
            size: wanted number of sets.
            advance: progress callback, in sets drawn.
        """
        more = []
        for part in _parts(size - len(sets.pointer) + 1, advance):
            sizes = np.empty(part, dtype=np.int64)
            member = _gather(self._rng, self._edges, self._room, self._nobody, sizes)
            more.append(Sets(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), member))
        return _joined(sets, more)

    def met(self, seeds: np.ndarray, count: int, advance: Advance) -> int:
        """Draw sets and count those that contain a seed customer, without keeping the sets.

        Args:
            seeds: codes of the seed customers.
            count: number of sets to draw.
            advance: progress callback, in sets drawn.
        """
        wanted = self._nobody.copy()
        wanted[seeds] = True
        return sum(
            _count_met(self._rng, self._edges, self._room, wanted, part)
            for part in _parts(count, advance)
        )

    def tally(self, count: int, hits: Ints, advance: Advance) -> int:
        """Draw sets and count, for each customer, those that contain it other than as the root.

        Args:
            count: number of sets to draw.
            hits: (customers) counts to add to.
            advance: progress callback, in sets drawn.

        Returns:
            The total number of members.
        """
        return sum(
            _tally(self._rng, self._edges, self._room, self._nobody, part, hits)
            for part in _parts(count, advance)
        )


def _parts(count: int, advance: Advance) -> Iterator[int]:
    """Split `count` into parts, and report each part when it is done."""
    for done in range(0, count, _AT_ONCE):
        part = min(_AT_ONCE, count - done)
        yield part
        advance(part)


@compiled
def _walk(
    rng: np.random.Generator, edges: Incoming, room: _Room, wanted: Flags
) -> tuple[int, bool]:
    """Draw one set into the queue, stopping at a wanted customer; return size and whether found."""
    room.stamp[0] += 1
    stamp, mark, queue = room.stamp[0], room.mark, room.queue
    at = rng.random() * edges.reach[-1]
    root = min(np.searchsorted(edges.reach, at, side="right"), len(queue) - 1)
    mark[root] = stamp
    queue[0] = root
    if wanted[root]:
        return 1, True
    count, done = 1, 0
    while done < count:
        v = queue[done]
        done += 1
        e, end = edges.pointer[v], edges.pointer[v + 1]
        if e == end:
            continue
        # No edge from here on is more probable than `bound`. Each is a candidate with probability
        # `bound`, and a candidate is kept with probability `chance / bound`.
        bound, jump = edges.probability[e], edges.jump[e]
        surely = done == 1  # The root keeps at least one edge: draw the first.
        while e < end:
            if surely:
                first = rng.random() * edges.some[end - 1]
                e += min(np.searchsorted(edges.some[e:end], first, side="right"), end - e - 1)
                bound = edges.probability[e]
                surely = False
            else:
                ahead = np.log(1 - rng.random()) * jump
                if not ahead < end - e:
                    break
                e += int(ahead)
            chance = edges.probability[e]
            u = edges.source[e]
            if (chance == bound or rng.random() * bound < chance) and mark[u] != stamp:
                mark[u] = stamp
                queue[count] = u
                count += 1
                if wanted[u]:
                    return count, True
            bound, jump = chance, edges.jump[e]
            e += 1
    return count, False


@compiled
def _gather(
    rng: np.random.Generator, edges: Incoming, room: _Room, nobody: Flags, sizes: Ints
) -> Shorts:
    """Draw sets, fill `sizes` with their sizes, and return their members."""
    member = np.empty(4 * len(sizes), dtype=np.int32)
    used = 0
    for s in range(len(sizes)):
        size, _ = _walk(rng, edges, room, nobody)
        if used + size > len(member):
            larger = np.empty(2 * (used + size), dtype=np.int32)
            larger[:used] = member[:used]
            member = larger
        member[used : used + size] = room.queue[:size]
        used += size
        sizes[s] = size
    return member[:used].copy()


@compiled
def _count_met(
    rng: np.random.Generator, edges: Incoming, room: _Room, wanted: Flags, sets: int
) -> int:
    met = 0
    for _ in range(sets):
        _, hit = _walk(rng, edges, room, wanted)
        met += hit
    return met


@compiled
def _tally(
    rng: np.random.Generator, edges: Incoming, room: _Room, nobody: Flags, sets: int, hits: Ints
) -> int:
    members = 0
    for _ in range(sets):
        size, _ = _walk(rng, edges, room, nobody)
        for k in range(1, size):
            hits[room.queue[k]] += 1
        members += size
    return members
