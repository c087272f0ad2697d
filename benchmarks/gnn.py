"""Models of taste: EASE against LAPACK, full ranking against a loop, training against PyG.

`--data` names a folder of splits (`lastfm`, `douban_book`, ...). Without it, the parts that train
on real data are skipped.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

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

PARTS = ("ease", "grid", "ranking", "pyg", "epochs", "growth")
ITEMS, USERS, WIDTH = 22_000, 20_000, 64
GRID = (200_000, 20_000, 5_000_000)
"""Customers, products and purchases."""
GRID_CPU, GRID_PEAK = 60.0, 1.5
"""Seconds and GB that a grid search and a fit of the linear model may take."""
EASE_SLOWEST, LOOP_FASTER, PYG_FASTER = 1.2, 5.0, 10.0
OURS, BY_HAND = "followsuit", "by hand"
STOCK = "PyG's LightGCN, BPR, batches of 2,048"
MOST_EPOCHS = 1_000
_PATIENCE = 20
GROWN = ("lightgcn", "social")


def world(users: int, items: int, cells: int) -> Any:
    """A random data set with popular and unpopular items."""
    import numpy as np

    from followsuit.gnn.data.dataset import Dataset, pairs

    random = np.random.default_rng(1)
    column = (items * random.random(cells) ** 2).astype(np.int64)
    taken = pairs(random.integers(0, users, cells), column, (users, items))
    friends = random.integers(0, users, (2, users * 5))
    friends = friends[:, friends[0] != friends[1]]
    return Dataset(
        np.arange(users).astype(str).astype(object),
        np.arange(items).astype(str).astype(object),
        taken,
        pairs(*friends, (users, users)),
    )


def ease(scale: float, by_hand: bool) -> Took:
    """Fit EASE, or only factor and invert a matrix of its size; the result is the size."""
    import numpy as np
    from scipy.linalg import lapack

    from followsuit.gnn.models.ease import Ease

    items = round(ITEMS * scale)
    if by_hand:
        random = np.random.default_rng(1)
        diagonal = random.random(items, dtype=np.float32) + np.float32(items)
        gram = np.asfortranarray(random.random((items, items), dtype=np.float32))
        gram[np.diag_indices(items)] += diagonal
        with timed() as took:
            factor, _ = lapack.spotrf(gram, lower=1, overwrite_a=1, clean=0)
            lapack.spotri(factor, lower=1, overwrite_c=1)
    else:
        data = world(items * 2, items, items * 20)
        model = Ease()
        with timed() as took:
            model.fit(data)
    took.result = items
    return took


def grid(scale: float) -> Took:
    """A grid search of the linear model on validation and one fit; the result is its sizes."""
    from followsuit.gnn.data.dataset import hold_back
    from followsuit.gnn.models.ease import DampedEase
    from followsuit.gnn.training.grid_search import search_grid

    customers, products, purchases = (round(size * scale) for size in GRID)
    data = world(customers, products, purchases)
    train, validation = hold_back(data.seen, 0.1, 0)
    with timed() as took:
        searched = search_grid(DampedEase(), data.with_seen(train), validation).model
        settings = searched.settings()
        del searched
        DampedEase(**settings).fit(data)
    took.result = f"{customers:,} customers, {products:,} products, {data.seen.nnz:,} purchases"
    return took


def ranking(scale: float, by_hand: bool) -> Took:
    """Every user's top 20 items by a network's vectors, and their metrics.

    The result is the number of hits and the mean NDCG@20.
    """
    import numpy as np

    from followsuit.gnn.data.dataset import pairs
    from followsuit.gnn.evaluation.evaluate import FIGURES, list_metrics
    from followsuit.gnn.models.lightgcn import LightGCN

    users, items = round(USERS * scale), round(ITEMS * scale)
    data = world(users, items, users * 20)
    random = np.random.default_rng(2)
    wanted = pairs(
        np.repeat(np.arange(users), 5), random.integers(0, items, users * 5), (users, items)
    )
    # Whole numbers, so sums are exact in any order.
    of_users, of_items = (
        random.integers(-300, 300, (n, WIDTH)).astype(np.float32) for n in (users, items)
    )
    everybody = np.arange(users)
    if by_hand:
        with timed() as took:
            found = [
                _one(of_items @ of_users[u], data.seen[u].indices, wanted[u].indices)
                for u in everybody
            ]
        took.result = sum(hits for hits, _ in found), round(sum(n for _, n in found) / users, 9)
        return took
    curve = {name: np.zeros(0) for name in ("curve_loss", "curve_ndcg")} | {"curve_best": 0}
    model = LightGCN().restore({"users": of_users, "items": of_items, **curve}, data)
    list_metrics(model.recommend(everybody[:10], 20), wanted, everybody[:10])  # compiled by now
    with timed() as took:
        values = list_metrics(model.recommend(everybody, 20), wanted, everybody)
    recall, ndcg = (values[:, list(FIGURES).index(key)] for key in ("recall@20", "ndcg@20"))
    took.result = round((recall * np.diff(wanted.indptr)).sum()), round(float(ndcg.mean()), 9)
    return took


def _one(scores: Any, barred: Any, wanted: Any) -> tuple[int, float]:
    """One user's hits and NDCG@20."""
    import numpy as np

    scores[barred] = -np.inf
    best = np.sort(np.argpartition(-scores, 20)[:20])
    best = best[np.argsort(-scores[best], kind="stable")]
    hit = np.isin(best, wanted)
    gain = 1 / np.log2(np.arange(2, 22))
    return int(hit.sum()), float((hit * gain).sum() / gain[: min(20, len(wanted))].sum())


Curve = list[tuple[float, float]]
"""(seconds of training, NDCG@20 on validation) after each epoch; validation isn't timed."""


class _Clock:
    """Records a network's NDCG@20 after each epoch, and stops it when its time is over."""

    def __init__(self, judge: Callable[[Any], float], most: float) -> None:
        self._judge, self._most, self._off, self._began = judge, most, 0.0, time.perf_counter()
        self.curve: Curve = []

    def __call__(self, network: Any) -> float:
        now = time.perf_counter()
        seconds = now - self._began - self._off
        found = self._judge(network)
        self.curve.append((seconds, found))
        self._off += time.perf_counter() - now
        return found

    @property
    def over(self) -> bool:
        best = max(range(len(self.curve)), key=lambda k: self.curve[k][1])
        waited = len(self.curve) - best > _PATIENCE
        return waited or self.curve[-1][0] > self._most


class _TimeOver(Exception):
    pass


def train_ours(folder: Path, most: float, name: str) -> Took:
    """Train our network until it stops; the result is its curve."""
    from followsuit.gnn.data.interaction_folder import read_split
    from followsuit.gnn.models.registry import model
    from followsuit.gnn.training.loop import train, watch

    split = read_split(folder)
    judge = watch(split.train.seen, split.validation)
    assert judge is not None
    settings: Any = model(name)

    def judged(network: Any) -> float:
        found = clock(network)
        if clock.over:
            raise _TimeOver
        return found

    with timed() as took:
        clock = _Clock(judge, most)
        network = settings.network(split.train, 0)
        with suppress(_TimeOver):
            train(network, settings.plan(network, MOST_EPOCHS), judged)
    took.result = clock.curve
    return took


def train_stock(folder: Path, most: float) -> Took:
    """Train PyG's LightGCN as in its documentation; the result is its curve."""
    import numpy as np
    import torch
    from torch_geometric.nn.models import LightGCN

    from followsuit.gnn.data.interaction_folder import read_split
    from followsuit.gnn.training.loop import watch

    split = read_split(folder)
    judge = watch(split.train.seen, split.validation)
    assert judge is not None
    users, items = split.train.seen.shape
    cells = split.train.seen.tocoo()
    row, column = (torch.from_numpy(x.astype(np.int64)) for x in (cells.row, cells.col))
    edges = torch.stack([torch.cat([row, column + users]), torch.cat([column + users, row])])
    torch.manual_seed(0)
    network = LightGCN(users + items, embedding_dim=64, num_layers=3)
    adam = torch.optim.Adam(network.parameters(), lr=0.001)

    class Vectors:
        def vectors(self) -> Any:
            return network.get_embedding(edges).split([users, items])

    with timed() as took:
        clock = _Clock(lambda _: judge(Vectors()), most)  # type: ignore[arg-type]
        while not clock.curve or not clock.over:
            for batch in torch.randperm(len(row)).split(2_048):
                wrong = torch.randint(0, items, (len(batch),)) + users
                pairs = torch.stack(
                    [row[batch].repeat(2), torch.cat([column[batch] + users, wrong])]
                )
                good, bad = network(edges, pairs).chunk(2)
                loss = network.recommendation_loss(good, bad, node_id=pairs.unique())
                adam.zero_grad()
                loss.backward()
                adam.step()
            clock(None)
    took.result = clock.curve
    return took


def against_pyg(folder: Path, most: float, name: str) -> dict[str, Took]:
    """Compare the time to PyG's best NDCG@20."""
    say(f"{name} against {STOCK}: {folder.name}, {most:.0f} s each at most")
    runs = {
        OURS: alone(partial(train_ours, folder, most, name)),
        STOCK: alone(partial(train_stock, folder, most)),
    }
    rows = []
    for label, took in runs.items():
        seconds, best = max(took.result, key=lambda point: point[1])
        each = took.result[-1][0] / len(took.result)
        rows.append(
            (
                label,
                len(took.result),
                f"{each:.2f}",
                f"{best:.4f}",
                f"{seconds:.0f}",
                f"{took.peak / 2**30:.2f}",
            )
        )
    table(("", "epochs", "seconds each", "best NDCG@20", "after seconds", "memory GB"), rows)
    stock_at, goal = max(runs[STOCK].result, key=lambda point: point[1])
    reached = next((at for at, ndcg in runs[OURS].result if ndcg >= goal), None)
    if reached is None:
        say(f"ours never gets to {goal:.4f}: {verdict(False)}")
    else:
        faster = stock_at / max(reached, 1e-9)
        say(
            f"to {goal:.4f}: {faster:.0f} times faster, at least {PYG_FASTER:.0f}: "
            f"{verdict(faster >= PYG_FASTER)}"
        )
    return runs


def growth(scale: float) -> dict[str, Took]:
    """An epoch of the networks in simulated shops with 0.1, 1 and 10 million purchases."""
    found = {}
    for name in GROWN:
        for purchases in (100_000, 1_000_000, 10_000_000):
            sold = round(purchases * scale)
            found[f"{name}, {sold:,}"] = took = alone(partial(_epoch, name, sold))
            say(f"  {name}, {sold:,} purchases: {took.seconds:.1f} s")
    rows = [
        (
            name,
            f"{took.result:,}",
            f"{took.seconds:.1f}",
            f"{took.cpu:.1f}",
            f"{1e6 * took.seconds / took.result:.1f}",
            f"{took.peak / 2**30:.2f}",
        )
        for name, took in found.items()
    ]
    table(
        (
            "network, purchases",
            "edges",
            "seconds of an epoch",
            "CPU seconds",
            "microseconds an edge",
            "memory GB",
        ),
        rows,
    )
    return found


def _epoch(name: str, purchases: int) -> Took:
    """One epoch; the result is the number of edges: purchases and friendships."""
    from typing import cast

    from followsuit.gnn.models.neural import Neural
    from followsuit.gnn.models.registry import model
    from followsuit.gnn.training.loop import train

    data = shop(purchases)
    settings = cast("Neural", model(name))
    network = settings.network(data, 0)
    with timed() as took:
        train(network, settings.plan(network, 1))
    took.result = data.seen.nnz + data.friends.nnz // 2
    return took


def shop(purchases: int) -> Any:
    """A simulated shop: 20 purchases and five friends per customer, 400 purchases per product."""
    import numpy as np
    import pyarrow.compute as pc

    from followsuit.gnn.data.dataset import Dataset, pairs
    from followsuit.simulator import World, tables

    customers = max(50, purchases // 20)
    made = tables(
        World(
            customers=customers,
            products=max(50, purchases // 400),
            stores=50,
            friendships=customers * 5 // 2,
            purchases=purchases,
        )
    ).tables
    users, items = made["customers"]["customer_id"], made["products"]["product_id"]

    def coded(table: str, column: str, ids: Any) -> Any:
        return pc.index_in(made[table][column], value_set=ids).to_numpy()

    one, other = (coded("friendships", end, users) for end in ("customer_id", "friend_id"))
    ends = np.concatenate([one, other]), np.concatenate([other, one])
    return Dataset(
        users.to_numpy(),
        items.to_numpy(),
        pairs(
            coded("purchases", "customer_id", users),
            coded("purchases", "product_id", items),
            (len(users), len(items)),
        ),
        pairs(*ends, (len(users), len(users))),
    )


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 22k items, 20k users")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant (default 3)")
    parser.add_argument("--data", type=Path, help="folder of lastfm/ and douban_book/")
    parser.add_argument("--seconds", type=float, default=1_800, help="of each training, at most")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (all by default)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    options = parser.parse_args()
    parts = options.only or PARTS
    figures: dict[str, Any] = {}
    for name, work, least in (("ease", ease, None), ("ranking", ranking, LOOP_FASTER)):
        if name not in parts:
            continue
        say(f"{name}, scale {options.scale:g}")
        contestants = {who: partial(work, options.scale, who == BY_HAND) for who in (OURS, BY_HAND)}
        figures[name] = side_by_side(contestants, options.rounds)
        factor = ratio(figures[name], OURS, BY_HAND)
        memory = median(figures[name][OURS], "peak") / 2**30
        good = factor <= EASE_SLOWEST if least is None else 1 / factor >= least
        asked = f"at most {EASE_SLOWEST}" if least is None else f"at most 1/{least:.0f}"
        say(f"{name}, ours / by hand: {factor:.2f}, {asked}: {verdict(good)}; {memory:.2f} GB")
    if "grid" in parts:
        figures["grid"] = took = alone(partial(grid, options.scale))
        good = took.cpu <= GRID_CPU and took.peak <= GRID_PEAK * 2**30
        say(
            f"grid search and fit of {took.result}: {took.cpu:.1f} s of CPU, at most "
            f"{GRID_CPU:.0f}; {took.peak / 2**30:.2f} GB, at most {GRID_PEAK}: {verdict(good)}"
        )
    for part, folder, name in (
        ("pyg", "lastfm", "lightgcn"),
        ("epochs", "douban_book", "lightgcn"),
    ):
        if part in parts and options.data is not None:
            figures[part] = against_pyg(options.data / folder, options.seconds, name)
    if "growth" in parts:
        figures["growth"] = growth(options.scale)
    write_report(options.json, scale=options.scale, rounds=options.rounds, **figures)


if __name__ == "__main__":
    main()
