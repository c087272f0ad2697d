"""The contract of a store for tables of any size."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from followsuit.graph import schema as g
from followsuit.graph.engines import cells, embedded_tables, neo4j
from followsuit.graph.schema import Element, NodeType
from followsuit.testing.graph_rows import Content, by_key, key_of, nodes, rows, stored
from followsuit.testing.places import MEMORY, Place

BULK = 700


class LargeContract:
    """Tables larger than what an engine writes at a time."""

    @pytest.fixture
    def small_bulks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Shrink the bulks, so that tables of some thousand rows are treated like millions."""
        monkeypatch.setattr(embedded_tables, "_BYTES_PER_ROW", MEMORY // BULK)
        monkeypatch.setattr(embedded_tables, "_BYTES_PER_ADDED_ROW", 3 * MEMORY // BULK)
        monkeypatch.setattr(cells, "_FEW", BULK)
        monkeypatch.setattr(neo4j, "_BATCH", BULK // 3)
        monkeypatch.setattr(neo4j, "_FETCH", BULK)

    @pytest.mark.usefixtures("small_bulks")
    def test_tables_larger_than_a_bulk_are_written_whole(
        self, place: Place, tmp_path: Path
    ) -> None:
        people = [f"c{number:04}" for number in range(3 * BULK)]
        products = [f"p{number}" for number in range(40)]
        cities = [f"city {number}" for number in range(7)]
        chance = random.Random(1)
        whole: dict[Element, Content] = {element: {} for element in LARGE}
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, parquet(tmp_path, nodes(g.CUSTOMER, *people)))
            store.write(g.PRODUCT, nodes(g.PRODUCT, *products))
            store.write(g.CITY, nodes(g.CITY, *cities))
            # The second delivery overlaps the first: rows that are new, changed, moved, the same.
            for first in (0, 1_200):
                delivery = {
                    g.FRIEND_OF: friendships(chance, people),
                    g.LIVES_IN: homes(chance, people, cities),
                    g.PURCHASED: purchases(chance, people, products, first),
                }
                for element, table in delivery.items():
                    store.write(element, parquet(tmp_path, table))
                    model_write(whole[element], element, table)
                    assert stored(store, element) == whole[element]
            assert stored(store, g.CUSTOMER) == by_key(g.CUSTOMER, nodes(g.CUSTOMER, *people))

    @pytest.mark.usefixtures("small_bulks")
    def test_known_nodes_beyond_a_bulk_are_updated(self, place: Place, tmp_path: Path) -> None:
        people = [f"c{number:04}" for number in range(3 * BULK)]
        named = rows(g.CUSTOMER, *({"customer_id": c, "name": f"name of {c}"} for c in people))
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, *people[::2]))
            store.write(g.CUSTOMER, parquet(tmp_path, named))
            assert stored(store, g.CUSTOMER) == by_key(g.CUSTOMER, named)

    def test_what_has_more_relationships_than_a_bulk_is_deleted_with_them(
        self, place: Place
    ) -> None:
        people = [f"c{number:05}" for number in range(11_000)]
        star = rows(g.FRIEND_OF, *({"source": "c00000", "target": c} for c in people[1:]))
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, *people))
            store.write(g.FRIEND_OF, star)
            store.delete(g.FRIEND_OF, "target", people[1:501])
            assert store.count(g.FRIEND_OF) == len(people) - 501
            store.delete(g.CUSTOMER, "customer_id", people[:501])
            assert store.count(g.FRIEND_OF) == 0
            assert store.count(g.CUSTOMER) == len(people) - 501

    @pytest.mark.usefixtures("small_bulks")
    def test_progress_counts_every_row(self, place: Place) -> None:
        people = [f"c{number:04}" for number in range(3 * BULK)]
        counted = Counted()
        with place.open() as store, store.writing():
            for _ in range(2):
                store.write(g.CUSTOMER, nodes(g.CUSTOMER, *people), counted)
        assert list(counted.units.values()) == [2 * len(people)]


LARGE = (g.FRIEND_OF, g.LIVES_IN, g.PURCHASED)


def friendships(chance: random.Random, people: Sequence[str]) -> pa.Table:
    """Friendships, of which about half are the same pairs each time."""
    pairs = {(people[n], people[n + 1]) for n in range(700)}
    while len(pairs) < 1_600:
        one, other = chance.sample(people, 2)
        pairs.add((one, other))
    return rows(
        g.FRIEND_OF,
        *(
            {"source": one, "target": other, "interactions": float(chance.randrange(2))}
            for one, other in chance.sample(sorted(pairs), len(pairs))
        ),
    )


def homes(chance: random.Random, people: Sequence[str], cities: Sequence[str]) -> pa.Table:
    """Where two bulks of people live, some nowhere."""
    return rows(
        g.LIVES_IN,
        *({"source": c, "target": chance.choice([None, *cities])} for c in people[: 2 * BULK]),
    )


def purchases(
    chance: random.Random, people: Sequence[str], products: Sequence[str], first: int
) -> pa.Table:
    """1,800 purchases, numbered from `first`."""
    return rows(
        g.PURCHASED,
        *(
            {
                "source": chance.choice(people),
                "target": chance.choice(products),
                "purchase_id": f"{number}",
                "amount": chance.randrange(3),
            }
            for number in range(first, first + 1_800)
        ),
    )


def parquet(folder: Path, table: pa.Table) -> Path:
    """The table as a file of several row groups that don't match the bulks."""
    path = folder / "rows.parquet"
    pq.write_table(table, path, row_group_size=BULK - 211)
    return path


class Counted:
    """A progress callback that adds up the units."""

    def __init__(self) -> None:
        self.units: dict[str, int] = {}

    def __call__(self, name: str, total: int | None = None) -> "Counted":  # noqa: ARG002
        self._name = name
        return self

    def __enter__(self) -> Callable[[int], None]:
        return self.advance

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, units: int) -> None:
        self.units[self._name] = self.units.get(self._name, 0) + units


def model_write(content: Content, element: Element, table: pa.Table) -> None:
    """The expected effect of `GraphStore.write`."""
    for record in table.to_pylist():
        key = tuple(record[c] for c in key_of(element))
        if not isinstance(element, NodeType) and record["target"] is None:
            content.pop(key, None)
        else:
            content[key] = record
