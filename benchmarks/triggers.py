"""The time that all shipped triggers take, over 5M purchases and 5M events.

The shop is drawn at random: 200k customers with 2M friendships, a year of purchases, visits and
events of the kinds that the triggers need.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import worlds
from measure import Took, alone, median, say, table, timed, verdict, write_report

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

MOST_CPU = {"conditions": 10.0, "statistics": 50.0}
"""The limits of all shipped triggers that have conditions, and of those that name a statistic."""
MOST_MEMORY = 2 * 2**30
NOW = datetime(2025, 7, 1, tzinfo=UTC)
EVENTS, VISITS = 5_000_000, 1_000_000

# Each column is drawn by a hash of the row's number and its own name, so that runs are alike.
_DRAWN = "CAST(hash(concat(n, ':{name}:{{table}}')) % {many} AS BIGINT)"
_YEAR = 365 * 86_400 * 10**6
_AGO = f"CAST(hash(concat(n, ':at:{{table}}')) % {_YEAR} AS BIGINT) / 1e6"
_AT = f"to_timestamp({NOW.timestamp()} - {_AGO})"
_SQL = {
    "customers": "format('c{{:06d}}', n) AS customer_id, DATE '1950-01-01' + CAST({born} AS INT) "
    "AS birth_date, format('City {{}}', {city}) AS city, {at} AS joined_at, "
    "['Europe/Berlin', 'Europe/London', NULL][1 + {zone}] AS timezone",
    "products": "format('p{{:05d}}', n) AS product_id, 'Kind ' || {category} AS category",
    "stores": "format('s{{:03d}}', n) AS store_id, format('City {{}}', n % {cities}) AS city, "
    "45 + CAST(hash(concat(n % {cities}, ':up')) % 100 AS BIGINT) / 10.0 AS latitude, "
    "5 + CAST(hash(concat(n % {cities}, ':along')) % 100 AS BIGINT) / 10.0 AS longitude",
    "friendships": "format('c{{:06d}}', least({one}, {other})) AS customer_id, "
    "format('c{{:06d}}', greatest({one}, {other})) AS friend_id, "
    "CAST({closeness} AS DOUBLE) AS interactions",
    "purchases": "format('b{{:07d}}', n) AS purchase_id, "
    "format('c{{:06d}}', {one}) AS customer_id, "
    "format('p{{:05d}}', CASE WHEN {kind} < 50 THEN ({one} * 31 + {kind} % 5) % {products} "
    "ELSE {product} END) AS product_id, {at} AS at, 100 + 10 * {price} * {price} AS amount",
    "visits": "format('v{{:07d}}', n) AS visit_id, format('c{{:06d}}', {one}) AS customer_id, "
    "format('s{{:03d}}', {store}) AS store_id, {at} AS at",
    "events": "format('e{{:07d}}', n) AS event_id, format('c{{:06d}}', {one}) AS customer_id, "
    "['view', 'search', 'basket', 'location', 'moved'][1 + least({kind} // 20, 4)] AS kind, "
    "{at} AS at, CASE WHEN {kind} < 60 THEN format('p{{:05d}}', {product}) END AS product_id, "
    "CASE WHEN {kind} >= 80 THEN format('City {{}}', {city}) END AS city, "
    "45 + {up} / 10.0 AS latitude, 5 + {along} / 10.0 AS longitude",
}
"""The columns of each table; the kinds of events are equally frequent.

Half of a customer's purchases are of five products of their own.
"""


def make_snapshot(scale: float, folder: Path) -> None:
    """Draw the shop, and write it as a snapshot."""
    import duckdb
    import pyarrow as pa
    from support.snapshots import write_snapshot

    from followsuit.graph.tables import NODE_TABLES, TABLES

    world = worlds.world_of(scale)
    sizes = {
        "customers": world.customers,
        "products": world.products,
        "stores": world.stores,
        "friendships": world.friendships,
        "purchases": world.purchases,
        "visits": max(100, round(VISITS * scale)),
        "events": max(500, round(EVENTS * scale)),
    }
    cities = max(2, world.stores // 3)
    many = {
        **{"one": world.customers, "other": world.customers, "product": world.products},
        **{"store": world.stores, "city": cities, "born": 20_000, "zone": 3, "category": 50},
        **{"up": 100, "along": 100, "closeness": 40, "kind": 100, "price": 100},
    }
    drawn = {name: _DRAWN.format(name=name, many=most) for name, most in many.items()}
    tables = {}
    for name, columns in _SQL.items():
        schema = TABLES[name].arrow_schema()
        selected = columns.format(at=_AT, cities=cities, products=world.products, **drawn).replace(
            "{table}", name
        )
        sql = f"SELECT {selected} FROM range({sizes[name]}) r(n)"
        if name == "friendships":
            sql = f"SELECT DISTINCT ON (customer_id, friend_id) * FROM ({sql})"
        rows = duckdb.sql(sql).to_arrow_table()
        for field in schema:
            if field.name not in rows.column_names:
                rows = rows.append_column(field, pa.nulls(len(rows), field.type))
        tables[name] = rows.select(schema.names).cast(schema)
    write_snapshot(folder, tables, NODE_TABLES, assume_consent=True)


def find(folder: Path, names: list[str]) -> Took:
    """Time some triggers; the result is the number of reasons."""
    from followsuit.graph.views.snapshot import Snapshot
    from followsuit.graph.views.view import View
    from followsuit.triggers.defined import triggers_of
    from followsuit.triggers.definitions.definition_file import chosen, shipped_definitions
    from followsuit.triggers.tie_weights import tie_weights
    from followsuit.triggers.trigger import reasons_of

    with timed() as took:
        view = View(Snapshot(folder, memory=2**30), NOW)
        definitions = chosen(shipped_definitions(), names)
        reasons = reasons_of(triggers_of(definitions, tie_weights(view)), view)
    took.result = reasons.count().execute()
    return took


def main() -> None:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="1 is 5M purchases and 5M events (default)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument("--folder", type=Path, help="where files go meanwhile")
    parser.add_argument("--each", action="store_true", help="each trigger alone too")
    options = parser.parse_args()
    from followsuit.triggers.definitions.definition_file import shipped_definitions

    with tempfile.TemporaryDirectory(prefix="followsuit-", dir=options.folder) as home:
        say(f"Shipped triggers, scale {options.scale:g}: a shop is drawn.")
        snapshot = Path(home) / "snapshot"
        alone(partial(make_snapshot, options.scale, snapshot))
        shipped = shipped_definitions()
        groups = {
            "conditions": [name for name, each in shipped.items() if each.statistic is None],
            "statistics": [name for name, each in shipped.items() if each.statistic is not None],
        }
        if options.each:
            groups |= {name: [name] for name in shipped}
        runs = {
            group: [alone(partial(find, snapshot, names)) for _ in range(options.rounds)]
            for group, names in groups.items()
        }
    rows = [
        (
            name,
            f"{median(taken):.2f}",
            f"{median(taken, 'cpu'):.2f}",
            f"{median(taken, 'peak') / 2**30:.2f}",
            f"{taken[0].result:,}",
        )
        for name, taken in runs.items()
    ]
    table(("median", "seconds", "CPU seconds", "GiB", "reasons"), rows)
    for group, most in MOST_CPU.items():
        cpu, peak = median(runs[group], "cpu"), median(runs[group], "peak")
        fits = cpu <= most and peak < MOST_MEMORY
        say(f"{group}, at most {most:g} s of CPU and 2 GiB: {verdict(fits)}")
    write_report(options.json, scale=options.scale, rounds=options.rounds, triggers=runs)


if __name__ == "__main__":
    main()
