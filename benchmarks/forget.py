"""The time to forget 100 people, against that of writing the store's files and snapshot anew."""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from measure import Took, alone, ratio, say, side_by_side, timed, verdict, write_report
from worlds import deliver, world_of

FORGET, REWRITE = "forget 100", "rewrite"
MOST = 2.0
MEMORY = 2**30
GONE = 100


def main() -> int:
    """Run the benchmark; the exit code is 1 if the ratio misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 200,000 customers")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="followsuit-") as name:
        folder = Path(name)
        alone(partial(_load, chosen.scale, folder))
        contestants = {
            REWRITE: partial(_rewrite, folder),
            FORGET: partial(_forget, chosen.scale, folder),
        }
        runs = side_by_side(contestants, chosen.rounds)
    times = ratio(runs, FORGET, REWRITE)
    say(f"{FORGET}: {times:.2f} times as long, at most {MOST:g}: {verdict(times <= MOST)}")
    write_report(chosen.json, ratio=times)
    return 0 if times <= MOST else 1


def _load(scale: float, folder: Path) -> None:
    import followsuit

    deliver(scale, folder / "shop")
    with followsuit.open(str(folder / "store.lbug")) as shop:
        shop.load(folder / "shop")


def _rewrite(folder: Path) -> Took:
    import followsuit
    from followsuit.graph.views.snapshot import forget_snapshots, take_snapshot

    with followsuit.open(str(folder / "store.lbug")) as shop, timed() as took:
        shop.store.rewrite()
        forget_snapshots(shop.store)
        take_snapshot(shop.store, memory=MEMORY)
    return took


def _forget(scale: float, folder: Path) -> Took:
    import followsuit

    customers = world_of(scale).customers
    with followsuit.open(str(folder / "store.lbug")) as shop:
        ids = shop.cypher("MATCH (c:Customer) RETURN c.customer_id AS id ORDER BY id").id.tolist()
        ids = ids[:: max(1, customers // GONE)][:GONE]
        with timed() as took:
            shop.forget(ids)
    return took


if __name__ == "__main__":
    sys.exit(main())
