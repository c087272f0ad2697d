"""The time of the friend trigger for all customers, against the same join written by hand.

All three start from the same snapshot (Parquet files) at the world's end, and return an Arrow table
of the same rows, which is checked. Each runs in its own process, in turn; figures are medians.
"""

import argparse
import sys
import tempfile
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import trigger_by_hand
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
from worlds import world_of

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

SLOWEST = 1.5
"""At most this many times what the SQL takes."""
WINDOW = timedelta(days=14)

OURS, SQL, POLARS = "followsuit", "DuckDB SQL by hand", "Polars by hand"


def make_snapshot(scale: float, folder: Path) -> datetime:
    """The snapshot of a simulated world, and the instant at which that ends."""
    from support.worlds import view_of_world

    return view_of_world(world_of(scale), folder).as_of


def find_triggers(folder: Path, as_of: datetime) -> Any:
    """The trigger as followsuit finds it: `customer_id, kind, item_id` and what it says of them."""
    from followsuit.graph.views.snapshot import Snapshot
    from followsuit.graph.views.view import View
    from followsuit.offers.candidates.brought_up import brought_up
    from followsuit.policy.rules import ELSEWHERE
    from followsuit.triggers.defined import FRIEND_BOUGHT, FRIEND_VISITED, triggers_of, with_window
    from followsuit.triggers.definitions.definition_file import chosen, shipped_definitions
    from followsuit.triggers.tie_weights import tie_weights
    from followsuit.triggers.trigger import reasons_of

    view = View(Snapshot(folder, memory=2**30), as_of)
    friends = chosen(shipped_definitions(), [FRIEND_BOUGHT, FRIEND_VISITED])
    triggers = triggers_of(with_window(friends, WINDOW), tie_weights(view))
    rows = brought_up(view, reasons_of(triggers, view))
    # By hand no store is left out for its city.
    live = rows.filter(rows.blocked_by.isnull() | (rows.blocked_by == ELSEWHERE))
    return live.select(
        "customer_id",
        kind="item_kind",
        item_id="item_id",
        exposure="strength",
        friends="friends",
        oldest="first_at",
        latest="fired_at",
    ).to_pyarrow()


def contest(find: Any, out: Path) -> Took:
    """Time a contestant; its rows go to a file for the comparison, the result is their number."""
    # What any of them imports, so that it isn't timed.
    import duckdb  # noqa: F401
    import polars  # noqa: F401
    import pyarrow.parquet as pq

    import followsuit.offers.candidates.brought_up
    import followsuit.triggers.defined  # noqa: F401

    with timed() as took:
        rows = find()
    pq.write_table(rows, out)
    took.result = rows.num_rows
    return took


def check(files: list[Path]) -> None:
    """Stop where the files do not hold the same rows."""
    import duckdb

    first, *others = files
    for other in others:
        differing = duckdb.execute(
            "SELECT count(*) FROM read_parquet($a) a FULL JOIN read_parquet($b) b "
            "USING (customer_id, kind, item_id) WHERE a.friends IS DISTINCT FROM b.friends "
            "OR a.oldest IS DISTINCT FROM b.oldest OR a.latest IS DISTINCT FROM b.latest "
            # Each adds up rounded floats of its own exponential function.
            "OR abs(a.exposure - b.exposure) > 1e-8 * a.friends",
            {"a": str(first), "b": str(other)},
        ).fetchall()[0][0]
        if differing:
            sys.exit(f"{first.stem} and {other.stem} differ in {differing:,} rows")


def main() -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="1 is 200k customers, 2M friendships (default)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument(
        "--folder", type=Path, help="where files go for the while (default: the system's)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="followsuit-", dir=options.folder) as home:
        say(f"Friend trigger, scale {options.scale:g}: a world is simulated.")
        snapshot = Path(home) / "snapshot"
        as_of = alone(partial(make_snapshot, options.scale, snapshot))
        finders = {
            OURS: find_triggers,
            SQL: trigger_by_hand.find_by_sql,
            POLARS: trigger_by_hand.find_by_polars,
        }
        files = {name: Path(home) / f"{name}.parquet" for name in finders}
        runs = side_by_side(
            {
                n: partial(contest, partial(f, snapshot, as_of), files[n])
                for n, f in finders.items()
            },
            options.rounds,
        )
        alone(partial(check, list(files.values())))
    factor = ratio(runs, OURS, SQL)
    rows = [
        (name, f"{median(taken):.2f}", f"{median(taken, 'cpu'):.2f}", f"{taken[0].result:,}")
        for name, taken in runs.items()
    ]
    table(("median", "seconds", "CPU seconds", "rows"), rows)
    say(f"followsuit / SQL: {factor:.2f}, at most {SLOWEST}: {verdict(factor <= SLOWEST)}")
    say(f"followsuit / Polars: {ratio(runs, OURS, POLARS):.2f}")
    write_report(options.json, scale=options.scale, rounds=options.rounds, trigger=runs)


if __name__ == "__main__":
    main()
