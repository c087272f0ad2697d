"""What every store promises of tables of any size, and of any sequence of writes."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st
from support.graphs import Content, by_key, key_of, nodes, rows, stored
from support.places import MEMORY, Place

from followsuit.graph import schema as g
from followsuit.graph.engines import cells, embedded, neo4j
from followsuit.graph.schema import Element, NodeType

BULK = 700


class LargeContract:
    @pytest.fixture
    def small_bulks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let tables of some thousand rows take the way of tables of millions."""
        monkeypatch.setattr(embedded, "_BYTES_PER_ROW", MEMORY // BULK)
        monkeypatch.setattr(embedded, "_BYTES_PER_ADDED_ROW", 3 * MEMORY // BULK)
        monkeypatch.setattr(cells, "_FEW", BULK)
        monkeypatch.setattr(neo4j, "_BATCH", BULK // 3)
        monkeypatch.setattr(neo4j, "_FETCH", BULK)

    def test_tables_larger_than_a_bulk_are_written_whole(
        self, place: Place, tmp_path: Path, small_bulks: None
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

    def test_known_nodes_beyond_a_bulk_are_updated(
        self, place: Place, tmp_path: Path, small_bulks: None
    ) -> None:
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

    def test_progress_counts_every_row(self, place: Place, small_bulks: None) -> None:
        people = [f"c{number:04}" for number in range(3 * BULK)]
        told = Told()
        with place.open() as store, store.writing():
            for _ in range(2):
                store.write(g.CUSTOMER, nodes(g.CUSTOMER, *people), told)
        assert told.units == {"Customer": 2 * len(people)}


LARGE = (g.FRIEND_OF, g.LIVES_IN, g.PURCHASED)


def friendships(chance: random.Random, people: Sequence[str]) -> pa.Table:
    """Half of them, roughly, the same pairs each time."""
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
    return rows(
        g.LIVES_IN,
        *({"source": c, "target": chance.choice([None, *cities])} for c in people[: 2 * BULK]),
    )


def purchases(
    chance: random.Random, people: Sequence[str], products: Sequence[str], first: int
) -> pa.Table:
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


class Told:
    """A `Progress` that keeps what it is told."""

    def __init__(self) -> None:
        self.units: dict[str, int] = {}

    def __call__(self, name: str, total: int | None = None) -> "Told":
        self._name = name
        return self

    def __enter__(self) -> Callable[[int], None]:
        return self.advance

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, units: int) -> None:
        self.units[self._name] = self.units.get(self._name, 0) + units


# A store against a dictionary.

PEOPLE = ["", "ann", "bob", "cas", "d'Arc"]
THINGS = ["tea", "pot"]
CITIES = ["Lima", "São Paulo"]


def model_write(content: Content, element: Element, table: pa.Table) -> None:
    """What `GraphStore.write` promises."""
    for record in table.to_pylist():
        key = tuple(record[c] for c in key_of(element))
        if not isinstance(element, NodeType) and record["target"] is None:
            content.pop(key, None)
        else:
            content[key] = record


def _several(element: Element, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A write of some rows, each key at most once."""
    record = st.fixed_dictionaries(columns)
    records = st.lists(record, max_size=6, unique_by=lambda r: tuple(r[c] for c in key_of(element)))
    return records.map(lambda found: ("write", element, rows(element, *found)))


def _deletion(element: Element, column: str, values: Sequence[str]) -> st.SearchStrategy[Any]:
    some = st.lists(st.sampled_from(values), max_size=2, unique=True)
    return some.map(lambda found: ("delete", element, column, found))


_person = st.sampled_from(PEOPLE)
_few = st.sampled_from([None, "", "a", "b"])

steps = st.lists(
    st.one_of(
        _several(g.CUSTOMER, customer_id=_person, name=_few, email=_few),
        _several(
            g.FRIEND_OF,
            source=_person,
            target=_person,
            interactions=st.sampled_from([None, 0.0, 1.5]),
            directed=st.sampled_from([None, True, False]),
        ),
        _several(g.LIVES_IN, source=_person, target=st.sampled_from([None, *CITIES])),
        _several(
            g.PURCHASED,
            source=_person,
            target=st.sampled_from(THINGS),
            purchase_id=st.sampled_from("1234"),
            amount=st.sampled_from([None, 5, -5]),
        ),
        _deletion(g.CUSTOMER, "customer_id", PEOPLE),
        _deletion(g.PURCHASED, "purchase_id", "1234"),
        _deletion(g.FRIEND_OF, "source", PEOPLE),
        st.sampled_from([("clear", g.FRIEND_OF), ("clear", g.LIVES_IN)]),
    ),
    max_size=8,
)
MODELLED = (g.CUSTOMER, g.FRIEND_OF, g.LIVES_IN, g.PURCHASED)


def check_against_model(place: Place, taken: list[tuple[Any, ...]]) -> None:
    """Take steps on an emptied store and on dictionaries, and compare the two."""
    with place.open() as store, store.writing():
        for node, keys in ((g.CUSTOMER, PEOPLE), (g.PRODUCT, THINGS), (g.CITY, CITIES)):
            store.delete(node, node.key, keys)
            store.write(node, nodes(node, *keys))
        model: dict[Element, Content] = {element: {} for element in MODELLED}
        model_write(model[g.CUSTOMER], g.CUSTOMER, nodes(g.CUSTOMER, *PEOPLE))
        for what, element, *rest in taken:
            if what == "write":
                table = _with_known_ends(element, rest[0], model)
                store.write(element, table)
                model_write(model[element], element, table)
            elif what == "delete":
                store.delete(element, *rest)
                _model_delete(model, element, *rest)
            else:
                store.clear(element)
                model[element].clear()
        for element in MODELLED:
            assert stored(store, element) == model[element]


def _with_known_ends(element: Element, table: pa.Table, model: dict[Element, Content]) -> pa.Table:
    """Customers may have been deleted: rows that name those have no place."""
    if isinstance(element, NodeType):
        return table
    customers = {key[0] for key in model[g.CUSTOMER]}
    return rows(
        element,
        *(
            r
            for r in table.to_pylist()
            if r["source"] in customers
            and (element.target is not g.CUSTOMER or r["target"] in customers)
        ),
    )


def _model_delete(
    model: dict[Element, Content], element: Element, column: str, values: list[str]
) -> None:
    for key, record in list(model[element].items()):
        if record[column] in values:
            del model[element][key]
    if element is not g.CUSTOMER:
        return
    for other in (g.FRIEND_OF, g.LIVES_IN, g.PURCHASED):
        for key, record in list(model[other].items()):
            of_customers = [record["source"]] + [record["target"]] * (other is g.FRIEND_OF)
            if set(of_customers) & set(values):
                del model[other][key]
