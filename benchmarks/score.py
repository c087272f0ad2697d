"""The time of each step of `score`, against a pipeline written by hand.

By hand: DuckDB joins friendships with their friends' purchases of the last two weeks, `implicit`
learns ALS with 64 factors from all purchases, and every customer with a trigger gets the ten best
items. Both start from a loaded store, each in its own process, in turn; figures are medians.

`score` runs as on a first night (`--learn always`) and as on the next night (`--learn auto`).
Then `explain` says why a customer is offered an item, why not an outranked one, and why not an item
that nobody considered. Verdicts compare CPU seconds, which other work on the machine changes least.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
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
from worlds import deliver, world_of

ALWAYS, AUTO, HAND = "score --learn always", "score --learn auto, next day", "by hand"
MOST = {ALWAYS: 6.0, AUTO: 2.0}
"""Times the CPU seconds of the pipeline by hand."""
MEMORY = 6 * 10**9
EXPLAINED = 1.0
"""Seconds that an explanation may take."""
FACTORS = 64
LENGTH = timedelta(days=14)
_LONG = 1.0
"""Seconds from which a step is printed as it ends."""


class Steps:
    """A progress callback that keeps the time, CPU time, units and peak memory of each step.

    It prints long steps as they end, so that a run that was stopped shows where its time went.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, float]] = {}

    @contextmanager
    def __call__(self, name: str, total: int | None = None) -> Iterator[Any]:
        """Time a step."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield lambda _units: None
        row = self.rows.setdefault(name, {"times": 0, "units": 0, "seconds": 0.0, "cpu": 0.0})
        row["times"] += 1
        row["units"] += total or 0
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        row["seconds"] += wall
        row["cpu"] += cpu
        row["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if wall >= _LONG:
            peak = row["peak"] / 1e9
            say(f"    {name}: {wall:.1f} s ({cpu:.1f} s of CPU), peak {peak:.2f} GB")


def load(folder: Path, store: Path) -> None:
    """Load a world, with consent assumed."""
    import followsuit

    followsuit.open(store).load(folder, assume_consent=True)


def snapshot(store: Path, as_of: datetime) -> None:
    """Take the snapshot that all read."""
    import followsuit

    followsuit.open(store).snapshot(as_of)


def score(store: Path, as_of: datetime, learn: str, affinity: str) -> Took:
    """One night, activated."""
    import followsuit

    steps = Steps()
    shop = followsuit.open(store, progress=steps)
    shop.snapshot(as_of)
    with timed() as took:
        report = shop.score(
            as_of, datetime.now(UTC), learn=learn, affinity=affinity, max_age="400d"
        )
    took.result = None
    took.extra = {"steps": steps.rows, "offers": report.offers, "customers": report.customers}
    return took


def by_hand(store: Path, as_of: datetime) -> Took:
    """The same job in forty lines, without consent, calibration, reasons or a run."""
    import duckdb
    import implicit
    import numpy as np
    from scipy import sparse

    folder = sorted(store.with_name(f"{store.name}.state").glob("snapshots/*"))[-1]
    with timed() as took:
        db = duckdb.connect()
        for name in ("purchases", "friendships"):
            db.read_parquet(str(folder / f"{name}.parquet")).create_view(name)
        since = as_of - LENGTH
        live = db.execute(
            "WITH recent AS (SELECT DISTINCT customer_id, product_id FROM purchases "
            'WHERE "at" > $since AND "at" <= $now), both_ways AS (SELECT customer_id, friend_id '
            "FROM friendships UNION SELECT friend_id, customer_id FROM friendships), "
            "brought_up AS ("
            "SELECT f.customer_id, product_id, count(*) AS friends FROM both_ways f JOIN recent r "
            "ON f.friend_id = r.customer_id GROUP BY ALL) SELECT DISTINCT customer_id FROM "
            "brought_up ANTI JOIN (SELECT DISTINCT customer_id, product_id FROM purchases WHERE "
            '"at" <= $now) USING (customer_id, product_id)',
            {"since": since, "now": as_of},
        ).df()
        pairs = db.execute(
            'SELECT DISTINCT customer_id, product_id FROM purchases WHERE "at" <= $now',
            {"now": as_of},
        ).df()
        users, items = pairs.customer_id.astype("category"), pairs.product_id.astype("category")
        shape = (len(users.cat.categories), len(items.cat.categories))
        ones = np.ones(len(pairs), dtype=np.float32)
        seen = sparse.csr_matrix((ones, (users.cat.codes, items.cat.codes)), shape)
        model = implicit.als.AlternatingLeastSquares(factors=FACTORS, random_state=0)
        model.fit(seen, show_progress=False)
        asked = users.cat.categories.get_indexer(live.customer_id)
        asked = asked[asked >= 0]
        model.recommend(asked, seen[asked], N=10)
    return took


def targets(store: Path) -> dict[str, tuple[str, str]]:
    """Questions about a customer in the middle of the active run: the customer and an item."""
    import pyarrow.parquet as pq

    import followsuit
    from followsuit.graph import schema as g
    from followsuit.graph.results.runs import DECISIONS, active_run, run_folder

    shop = followsuit.open(store)
    path = run_folder(shop.store, active_run(shop.store).run_id) / DECISIONS
    columns = ["customer_id", "item_id", "decision"]
    with pq.ParquetFile(path) as file:
        # Rows that need no prediction come first.
        rows = file.read_row_group(file.num_row_groups * 3 // 4, columns=columns).to_pandas()
    kinds = rows.groupby("customer_id").decision.agg(set)
    customer = kinds.index[kinds.map({"offered", "outranked"}.issubset)][0]
    own = rows[rows.customer_id == customer]
    products = shop.store.read(g.PRODUCT)["product_id"].to_pylist()
    items = {
        "why": own[own.decision == "offered"].item_id.iloc[0],
        "why-not, outranked": own[own.decision == "outranked"].item_id.iloc[-1],
        "why-not, no candidate": next(p for p in products if p not in set(own.item_id)),
    }
    return {name: (customer, item) for name, item in items.items()}


def explain(store: Path, customer: str, item: str) -> Took:
    """One explanation, with the time to import followsuit and to open the store."""
    with timed() as took:
        import followsuit

        followsuit.open(store).explain(customer, item)
    return took


def _row(step: str, row: dict[str, float]) -> tuple[str, ...]:
    times, units = f"{row['times']:.0f}", f"{row['units']:,.0f}"
    seconds, cpu = f"{row['seconds']:.1f}", f"{row['cpu']:.1f}"
    return step, times, units, seconds, cpu, f"{row['peak'] / 1e9:.2f}"


def main() -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of 200k customers and so on")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--affinity", default="linear")
    parser.add_argument("--store", type=Path, help="a loaded store of the same world")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = options.store or Path(folder) / "shop.lbug"
        if not store.exists():
            say(f"loading {deliver(options.scale, Path(folder) / 'shop')}")
            alone(partial(load, Path(folder) / "shop", store))
        world = world_of(options.scale)
        end = datetime.combine(world.start, datetime.min.time(), UTC) + timedelta(days=world.days)
        alone(partial(snapshot, store, end))
        contestants = {
            HAND: partial(by_hand, store, end),
            ALWAYS: partial(score, store, end - timedelta(days=1), "always", options.affinity),
            AUTO: partial(score, store, end, "auto", options.affinity),
        }
        runs = side_by_side(contestants, options.rounds)
        for name in (ALWAYS, AUTO):
            extra = runs[name][-1].extra
            say(f"\n{name}: {extra['offers']:,} offers to {extra['customers']:,} customers")
            head = ("step", "times", "units", "s", "s of CPU", "peak GB")
            table(head, [_row(step, row) for step, row in extra["steps"].items()])
        say("")
        table(
            ("", "s", "s of CPU", "peak GB"),
            [
                (
                    name,
                    f"{median(taken):.1f}",
                    f"{median(taken, 'cpu'):.1f}",
                    f"{median(taken, 'peak') / 1e9:.2f}",
                )
                for name, taken in runs.items()
            ],
        )
        met = []
        for name, most in MOST.items():
            times = ratio(runs, name, HAND, "cpu")
            met.append(times <= most)
            say(
                f"{name}: {times:.2f} times the CPU by hand (time {ratio(runs, name, HAND):.2f}), "
                f"at most {most}: {verdict(met[-1])}"
            )
            peak = median(runs[name], "peak")
            met.append(peak <= MEMORY)
            say(f"{name}: peak {peak / 1e9:.2f} GB, at most 6: {verdict(met[-1])}")
        for name, target in alone(partial(targets, store)).items():
            took = alone(partial(explain, store, *target))
            met.append(took.seconds <= EXPLAINED)
            seconds = f"{took.seconds:.2f} s ({took.cpu:.2f} s of CPU)"
            say(f"{name}: {seconds}, at most {EXPLAINED}: {verdict(met[-1])}")
        write_report(options.json, scale=options.scale, runs=runs)
        sys.exit(0 if all(met) or options.scale < 1 else 1)


if __name__ == "__main__":
    main()
