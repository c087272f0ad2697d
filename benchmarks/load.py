"""The time of `followsuit load`, against loading the same files by hand.

Embedded: against LadybugDB's own COPY of the same Parquet into the same tables. Neo4j, on a tenth
of the data: against one writer that sends batches of 10,000 rows to UNWIND ... MERGE. Every
contestant runs in its own process, in turn; figures are medians.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import plain_ladybug
import plain_neo4j
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
from worlds import deliver

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools" / "neo4j"))

SLOWEST = 1.5
"""Embedded: at most this many times what COPY takes."""
MOST = 3 * 10**9
"""Bytes of memory, at most."""
FASTEST = 1.5
"""Neo4j: at least this many times as fast as the plain batches."""

OURS, THEIRS = "followsuit", "by hand"


def load_embedded(world: Path, store: Path) -> Took:
    """`followsuit load` into a file; the result is what it holds."""
    import followsuit

    with followsuit.open(store) as shop, timed() as took:
        shop.load(world)
    took.result = plain_ladybug.contents(store)
    return took


def load_neo4j(world: Path, state: Path) -> Took:
    """`followsuit load` into a server of its own; the result is what that holds."""
    import neo4j
    import neo4j_server

    import followsuit

    with neo4j_server.running() as (uri, _):
        with followsuit.open(uri, state=state) as shop, timed() as took:
            shop.load(world)
        with neo4j.GraphDatabase.driver(uri) as driver:
            took.result = plain_neo4j.contents(driver)
    return took


def in_new_folder(work, home: Path, name: str) -> Took:  # type: ignore[no-untyped-def]
    """Run where nothing lies yet, and clear up."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        took: Took = work(Path(folder) / name)
        return took


def embedded(scale: float, rounds: int, home: Path) -> dict[str, list[Took]]:
    """The embedded engine, side by side."""
    say(f"Embedded, scale {scale:g}: a world is simulated.")
    world = home / "world"
    say(f"  {sum(alone(partial(deliver, scale, world)).values()):,} rows delivered")
    works = {OURS: load_embedded, THEIRS: plain_ladybug.copy}
    runs = side_by_side(
        {
            n: partial(in_new_folder, partial(w, world), home, "store.lbug")
            for n, w in works.items()
        },
        rounds,
    )
    factor, peak = ratio(runs, OURS, THEIRS), max(t.peak for t in runs[OURS])
    _table(runs)
    say(f"followsuit / by hand: {factor:.2f}, at most {SLOWEST}: {verdict(factor <= SLOWEST)}")
    say(f"Most memory: {peak / 1e9:.2f} GB, below {MOST / 1e9:g}: {verdict(peak < MOST)}")
    return runs


def neo4j(scale: float, rounds: int, home: Path) -> dict[str, list[Took]]:
    """Neo4j, side by side, a new server for each run."""
    say(f"Neo4j, scale {scale:g}: a world is simulated.")
    world = home / "world-neo4j"
    alone(partial(deliver, scale, world))
    ours = partial(in_new_folder, partial(load_neo4j, world), home, "state")
    runs = side_by_side({OURS: ours, THEIRS: partial(plain_neo4j.merge, world)}, rounds)
    factor = 1 / ratio(runs, OURS, THEIRS)
    _table(runs)
    say(
        f"followsuit is {factor:.2f} times as fast as by hand, at least {FASTEST}: "
        f"{verdict(factor >= FASTEST)}"
    )
    return runs


def _table(runs: dict[str, list[Took]]) -> None:
    head = ("median", "seconds", "CPU seconds", "memory GB", "relationships/s")
    rows = []
    for name, taken in runs.items():
        # Labels are Words, relationship types SHOUT.
        links = sum(n for kind, n in taken[0].result.items() if kind.isupper())
        seconds = median(taken)
        peak = max(took.peak for took in taken) / 1e9
        figures = f"{seconds:.1f}", f"{median(taken, 'cpu'):.1f}", f"{peak:.2f}"
        rows.append((name, *figures, f"{links / seconds:,.0f}"))
    table(head, rows)


def main() -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="1 is 200k customers, 2M friendships, 5M purchases (default); Neo4j gets a tenth",
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant (default 3)")
    parser.add_argument("--only", choices=("embedded", "neo4j"), help="one engine (default: both)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument(
        "--folder", type=Path, help="where files go for the while (default: the system's)"
    )
    options = parser.parse_args()
    report = {}
    with tempfile.TemporaryDirectory(prefix="followsuit-", dir=options.folder) as folder:
        home = Path(folder)
        if options.only != "neo4j":
            report["embedded"] = embedded(options.scale, options.rounds, home)
        if options.only != "embedded":
            import neo4j_server

            if lacks := neo4j_server.missing():
                say(f"Neo4j is left out: {lacks}.")
            else:
                report["neo4j"] = neo4j(options.scale / 10, options.rounds, home)
    write_report(options.json, scale=options.scale, rounds=options.rounds, load=report)


if __name__ == "__main__":
    main()
