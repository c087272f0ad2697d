"""The network analysis, each part against a simpler implementation.

- `learning`: EM against a plain loop over the same links, and growth with the number of actions.
- `seeds`: OPIM-C against CELF (Leskovec et al. 2007) with 100 simulations per evaluation, by our
  compiled cascade; then time and certificate on the large network.
- `networkit`: PageRank and Leiden against calling NetworKit directly.

Networks are random: 20 followers on average, far more for some, each with a probability of 0 to
0.04. Every figure comes from its own process; rivals run in turn.
"""

import argparse
import heapq
from functools import partial
from pathlib import Path
from typing import Any

import influence_learning
from measure import (
    Took,
    alone,
    median,
    ratio,
    say,
    side_by_side,
    table,
    timed,
    verdict,
    write_report,
)

CUSTOMERS, EDGES = 200_000, 4_000_000
MEAN = 0.02
BUDGET = 200
CELF_CUSTOMERS, CELF_EDGES, CELF_BUDGET = 5_000, 100_000, 50
SIMULATIONS = 100
"""Simulations of each evaluation in CELF."""
JUDGED_BY = 10_000
"""Simulations that evaluate both choices, independent of those that made them."""

FASTER = 100
CLOSE = 0.99
SLOWEST = 1.1

PARTS = ("learning", "seeds", "networkit")
OURS, CELF, BY_HAND = "followsuit", "CELF", "NetworKit by hand"


def influence(customers: int, edges: int) -> Any:
    """A random network, some followed by far more than others."""
    import numpy as np

    from followsuit.influence.log.arrays import network

    rng = np.random.default_rng(1)
    source = (customers * rng.random(edges) ** 2).astype(np.int64)
    target = rng.integers(0, customers, edges)
    pairs = np.unique(source * customers + target)
    source, target = pairs // customers, pairs % customers
    apart = source != target
    source, target = source[apart], target[apart]
    made = network(customers, source, target, np.zeros(len(source), dtype=np.int64))
    return made, 2 * MEAN * rng.random(len(source))


def sizes(scale: float, customers: int, edges: int) -> tuple[int, int]:
    """Customers and edges at a scale, no fewer than make sense."""
    return max(100, round(customers * scale)), max(400, round(edges * scale))


def choose(scale: float, celf: bool) -> Took:
    """Choose seed customers in the smaller network; the result is their spread."""
    import numpy as np

    from followsuit.influence.spread.cascade import spread
    from followsuit.influence.spread.seeds import seeds

    made, probability = influence(*sizes(scale, CELF_CUSTOMERS, CELF_EDGES))
    value = np.ones(len(made.pointer) - 1)
    budget = min(CELF_BUDGET, len(value) // 10)
    warm = influence(100, 2_000)
    seeds(*warm, 2)
    with timed() as took:
        if celf:
            chosen = celf_greedy(made, probability, value, budget)
        else:
            chosen = seeds(made, probability, budget).seeds
    judged = spread(made, probability, chosen, value, simulations=JUDGED_BY, seed=99)
    took.result = judged.value
    return took


def celf_greedy(made: Any, probability: Any, value: Any, budget: int) -> Any:
    """Lazy greedy: evaluate again only customers who may still be the best."""
    import numpy as np

    from followsuit.influence.spread.cascade import Room, cascades

    room, runs = Room(len(value)), np.empty(SIMULATIONS)
    rng = np.random.default_rng(2)

    def reach(chosen: list[int]) -> float:
        room.stamp = cascades(
            rng, made.pointer, made.target, probability, value, np.array(chosen), *room.arrays, runs
        )
        return float(runs.mean())

    heap = [(-reach([v]), v, 0) for v in range(len(value))]
    heapq.heapify(heap)
    chosen: list[int] = []
    reached = 0.0
    while len(chosen) < budget:
        gain, v, seen = heapq.heappop(heap)
        if seen == len(chosen):
            chosen.append(v)
            reached -= gain
        else:
            heapq.heappush(heap, (reached - reach([*chosen, v]), v, len(chosen)))
    return np.array(chosen)


def choose_at_size(scale: float) -> Took:
    """Choose seed customers in the large network; the result is their figures."""
    from followsuit.influence.spread.seeds import seeds

    made, probability = influence(*sizes(scale, CUSTOMERS, EDGES))
    seeds(*influence(100, 2_000), 2)
    with timed() as took:
        found = seeds(made, probability, max(2, round(BUDGET * min(1, scale))))
    took.result = {
        "seeds": len(found.seeds),
        "spread": found.spread,
        "low": found.low,
        "high": found.high,
        "certified_ratio": found.certified_ratio,
    }
    return took


def pagerank(scale: float, by_hand: bool) -> Took:
    """PageRank of the large network; the result is the sum of the first thousand, rounded."""
    import networkit
    import numpy as np

    from followsuit.influence.spread.centrality import pagerank

    made, probability = influence(*sizes(scale, CUSTOMERS, EDGES))
    networkit.setNumberOfThreads(1)
    with timed() as took:
        if by_hand:
            ends = made.target.astype(np.uint64), made.source.astype(np.uint64)
            graph = networkit.GraphFromCoo(
                (probability, ends), n=len(made.pointer) - 1, weighted=True, directed=True
            )
            sinks = networkit.centrality.SinkHandling.DistributeSinks
            ranked = networkit.centrality.PageRank(
                graph, damp=0.85, tol=1e-12, distributeSinks=sinks
            )
            ranked.run()
            scores = np.array(ranked.scores())
        else:
            scores = pagerank(made, probability)
    took.result = round(float(scores[:1000].sum()), 6)
    return took


def leiden(scale: float, by_hand: bool) -> Took:
    """Leiden communities of the large network; the result is the modularity, rounded."""
    import networkit
    import numpy as np
    from scipy import sparse

    from followsuit.influence.spread.centrality import communities, symmetrised

    made, probability = influence(*sizes(scale, CUSTOMERS, EDGES))
    customers = len(made.pointer) - 1
    networkit.setNumberOfThreads(1)
    networkit.setSeed(1, True)
    with timed() as took:
        if by_hand:
            one_way = sparse.csr_matrix(
                (probability, (made.source, made.target)), (customers, customers)
            )
            both = sparse.triu(one_way + one_way.T, k=1).tocoo()
            ends = both.row.astype(np.uint64), both.col.astype(np.uint64)
            graph = networkit.GraphFromCoo((both.data, ends), n=customers, weighted=True)
            found = networkit.community.ParallelLeiden(graph, randomize=True)
            found.run()
            of = np.array(found.getPartition().getVector())
        else:
            graph = symmetrised(made, probability)
            of = communities(graph)
    partition = networkit.Partition(customers, of.astype(np.uint64))
    partition.setUpperBound(int(of.max()) + 1)
    quality = networkit.community.Modularity().getQuality(partition, graph)
    took.result = round(quality, 9) if scale >= 1 else None  # small ones: we start several times
    return took


def against_celf(scale: float, rounds: int) -> dict[str, list[Took]]:
    """OPIM-C and CELF side by side; their results differ by chance, and are compared here."""
    say(f"Seeds: {CELF_BUDGET} of {CELF_CUSTOMERS:,} customers, times {scale:g}")
    runs: dict[str, list[Took]] = {OURS: [], CELF: []}
    for _ in range(rounds):
        for name in runs:
            runs[name].append(alone(partial(choose, scale, name == CELF)))
    rows = [
        (name, f"{median(taken):.3f}", f"{median(taken, 'cpu'):.3f}", f"{taken[0].result:.2f}")
        for name, taken in runs.items()
    ]
    table(("median", "seconds", "CPU seconds", "spread"), rows)
    faster = 1 / ratio(runs, OURS, CELF)
    close = runs[OURS][0].result / runs[CELF][0].result
    say(f"faster: {faster:.0f} times, at least {FASTER}: {verdict(faster >= FASTER)}")
    say(f"spread: {close:.4f} of CELF's, at least {CLOSE}: {verdict(close >= CLOSE)}")
    return runs


def at_size(scale: float) -> Took:
    """Time and certificate in the large network."""
    took: Took = alone(partial(choose_at_size, scale))
    found = took.result
    say(
        f"Seeds: {found['seeds']} of {CUSTOMERS * scale:,.0f} customers, {EDGES * scale:,.0f} "
        f"edges: {took.seconds:.1f} s ({took.cpu:.1f} s of CPU, {took.peak / 2**30:.2f} GB), "
        f"spread {found['spread']:.0f} [{found['low']:.0f}, {found['high']:.0f}], certified ratio "
        f"{found['certified_ratio']:.3f}"
    )
    return took


def against_networkit(scale: float, rounds: int) -> dict[str, dict[str, list[Took]]]:
    """PageRank and Leiden, ours and by hand."""
    found = {}
    for name, work in (("PageRank", pagerank), ("Leiden", leiden)):
        say(f"{name}, scale {scale:g}")
        contestants = {OURS: partial(work, scale, False), BY_HAND: partial(work, scale, True)}
        found[name] = side_by_side(contestants, rounds)
    for name, runs in found.items():
        # On one thread, both of them: what they take is seconds of CPU, however busy the machine.
        factor = ratio(runs, OURS, BY_HAND, "cpu")
        say(
            f"{name}, ours / by hand: {ratio(runs, OURS, BY_HAND):.2f}, of CPU {factor:.2f}, "
            f"at most {SLOWEST}: {verdict(factor <= SLOWEST)}"
        )
    return found


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="1 is 200k customers, 4M edges (default)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant (default 3)")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (all by default)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    options = parser.parse_args()
    parts = options.only or PARTS
    figures: dict[str, Any] = {}
    if "learning" in parts:
        figures["learning"] = influence_learning.against_walk(options.scale, options.rounds)
        figures["growth"] = influence_learning.growth(options.scale)
    if "seeds" in parts:
        figures["seeds_against_celf"] = against_celf(min(1, options.scale * 10), options.rounds)
        figures["seeds_at_size"] = at_size(options.scale)
    if "networkit" in parts:
        figures |= against_networkit(options.scale, options.rounds)
    write_report(options.json, scale=options.scale, rounds=options.rounds, **figures)


if __name__ == "__main__":
    main()
