"""Learning edge probabilities: EM against a plain loop over the same parent links.

Customers are on a ring and have friends nearby. Each item is taken in one segment of the ring, so
that actions have about three parents each.
"""

from functools import partial
from typing import Any

from measure import Took, alone, median, ratio, say, table, timed, verdict

CUSTOMERS, EDGES, ACTIONS = 200_000, 4_000_000, 10_000_000
DAYS = 30
ROUNDS = 10
SLOWEST = 1.5
GROWTH = 12
EM, WALK = "EM, 10 iterations", "plain walk, 10 times"


def log_of(scale: float, actions: float) -> Any:
    """A log of `actions` acts on a network of the scale."""
    from datetime import UTC, datetime

    import numpy as np

    from followsuit.influence.log.arrays import DAY, LONG_AGO, Actions, Log, network

    rng = np.random.default_rng(3)
    customers, edges = max(2_000, round(CUSTOMERS * scale)), max(20_000, round(EDGES * scale))
    source = rng.integers(0, customers, edges)
    target = (source + rng.integers(1, 500, edges) * rng.choice([-1, 1], edges)) % customers
    pairs = np.unique(source * customers + target)
    made = network(customers, pairs // customers, pairs % customers, np.full(len(pairs), LONG_AGO))
    count = round(actions)
    items = max(1, count // 500)
    item = np.sort(rng.integers(0, items, count))
    customer = (item * 7_919 + rng.integers(0, 1_000, count)) % customers
    keys, first = np.unique(item * customers + customer, return_index=True)
    time = -rng.integers(0, DAYS * DAY, count)[first]
    order = np.lexsort((keys % customers, time, keys // customers))
    item, customer, time = (keys // customers)[order], (keys % customers)[order], time[order]
    bounds = np.searchsorted(item, np.arange(items + 1))
    return Log(
        as_of=datetime(2025, 1, 1, tzinfo=UTC),
        customers=np.arange(customers).astype(str).astype(object),
        items=np.arange(items),
        category=np.sort(np.arange(items) % 10).astype(np.int32),
        categories=np.array([*"abcdefghij", None], dtype=object),
        actions=Actions(customer.astype(np.int32), time.astype(np.int32), bounds),
        network=made,
    )


def iterate(scale: float, plain: bool) -> Took:
    """The ten iterations, or ten walks; the result is how many links there are."""
    import numba
    import numpy as np

    from followsuit.influence.log.exposures import count_exposures, find_links
    from followsuit.influence.probabilities.learn import _Fit

    window = 14 * 86_400

    @numba.njit
    def walk(pointer: Any, edge: Any, p: Any) -> float:
        found = 0.0
        for a in range(len(pointer) - 1):
            for k in range(pointer[a], pointer[a + 1]):
                e = edge[k]
                found += p[e if e >= 0 else -1 - e]
        return found

    def prepared(actions: float, scale: float) -> Any:
        log = log_of(scale, actions)
        exposures, _ = count_exposures(log, window, np.ones(len(log.categories)))
        links = find_links(log, window)
        fit = _Fit(log, window, links, exposures, 0)
        fit.level = 0.01
        return fit, links, exposures

    fit, links, exposures = prepared(20_000, 0.01)
    fit.by_edge(lambda _: None)
    walk(links.pointer, links.edge, np.ones(len(exposures)))
    fit, links, exposures = prepared(ACTIONS * scale, scale)
    with timed() as took:
        if plain:
            for _ in range(ROUNDS):
                walk(links.pointer, links.edge, fit.p)
        else:
            fit.by_edge(lambda _: None)
    took.result = len(links.edge)
    return took


def learned(scale: float, actions: float) -> Took:
    """All of learning; the result is how many exposures there were."""
    from datetime import timedelta

    from followsuit.influence.probabilities.learn import learn

    learn(log_of(0.01, 20_000), timedelta(days=14))
    log = log_of(scale, actions)
    with timed() as took:
        found = learn(log, timedelta(days=14))
    took.result = found.completed
    return took


def against_walk(scale: float, rounds: int) -> dict[str, list[Took]]:
    """EM and the plain walk, in turn, each in a process of its own."""
    say(f"Learning, scale {scale:g}")
    runs: dict[str, list[Took]] = {EM: [], WALK: []}
    for _ in range(rounds):
        for name in runs:
            runs[name].append(alone(partial(iterate, scale, name == WALK)))
    rows = [
        (name, f"{median(t):.2f}", f"{median(t, 'cpu'):.2f}", f"{t[0].result:,}")
        for name, t in runs.items()
    ]
    table(("median", "seconds", "CPU seconds", "links"), rows)
    factor = ratio(runs, EM, WALK, "cpu")
    say(f"EM / walk, of CPU: {factor:.2f}, at most {SLOWEST}: {verdict(factor <= SLOWEST)}")
    return runs


def growth(scale: float) -> dict[str, Took]:
    """All of learning, with a tenth of the actions and with all."""
    found = {
        name: alone(partial(learned, scale, actions * scale))
        for name, actions in (("a tenth", ACTIONS / 10), ("all", ACTIONS))
    }
    rows = [
        (name, f"{t.seconds:.1f}", f"{t.cpu:.1f}", f"{t.peak / 2**30:.2f}", f"{t.result:,}")
        for name, t in found.items()
    ]
    table(("actions", "seconds", "CPU seconds", "memory GB", "exposures"), rows)
    factor = found["all"].cpu / found["a tenth"].cpu
    say(f"all / a tenth: {factor:.1f}, at most {GROWTH}: {verdict(factor <= GROWTH)}")
    return found
