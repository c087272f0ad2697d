"""After any sequence of deliveries, the store holds what the contract says, on both engines."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from support.deliveries import write_csv
from support.delivery_model import VALUE_NODES, Cells, Refused, Shop
from support.loading import load_from, rows_in

from followsuit.errors import DeliveryError
from followsuit.graph.tables import TABLES, Kind, Table
from followsuit.testing.places import Place, empty_database

POOLS: dict[str, Sequence[str]] = {
    "customer_id": ["c1", "c2", "c3"],
    "friend_id": ["c1", "c2", "c3"],
    "product_id": ["p1", "p2"],
    "store_id": ["s1", "s2"],
    "offer_id": ["o1", "o2"],
    "kind": ["view", "cart"],
    "purpose": ["social_use", "contact"],
    "channel": ["web", "app"],
    "program": ["gold"],
}
KINDS: dict[Kind, Sequence[str]] = {
    Kind.ID: ["k1", "k2"],
    Kind.TEXT: ["Rome", "Oslo"],
    Kind.CODE: ["a", "b"],
    Kind.CURRENCY: ["EUR", "USD"],
    Kind.TIME: ["2025-01-01", "2025-02-01"],
    Kind.DATE: ["1990-01-01", "1991-01-01"],
    Kind.MONEY: ["1.00", "2.50"],
    Kind.NUMBER: ["1", "2.5"],
    Kind.BOOLEAN: ["true", "false"],
    Kind.ATTRIBUTES: ['{"a": "1"}', "{}"],
}
MODELLED = [
    name for name in TABLES if name not in ("offer_items", "categories", "sensitive_values")
]
"""The tables whose rules the model knows; the others have their own tests."""


@dataclass(frozen=True)
class PartOfTable:
    """One file of a table: its columns, and rows that have them (of JSON, some of them)."""

    columns: list[str]
    rows: list[Cells]
    is_json: bool

    def write(self, folder: Path, number: int) -> None:
        folder.mkdir(exist_ok=True)
        if self.is_json:
            lines = "".join(json.dumps(row) + "\n" for row in self.rows)
            (folder / f"part-{number}.jsonl").write_text(lines)
        else:
            write_csv(folder / f"part-{number}.csv", self.rows, self.columns)


@dataclass(frozen=True)
class OneDelivery:
    tables: dict[str, list[PartOfTable]]
    replace: tuple[str, ...]
    times: int

    def write(self, folder: Path) -> Path:
        folder.mkdir()
        for name, parts in self.tables.items():
            for number, part in enumerate(parts):
                part.write(folder / name, number)
        return folder

    @property
    def cells(self) -> dict[str, list[Cells]]:
        return {n: [row for part in parts for row in part.rows] for n, parts in self.tables.items()}


@st.composite
def parts_of(draw: st.DrawFn, table: Table) -> PartOfTable:
    always = {f.name for f in table.fields if f.required} | {table.derived} - {None}
    columns = [f.name for f in table.fields if f.name in always or draw(st.booleans())]
    is_json = draw(st.integers(0, 3)) == 0

    def cell(name: str) -> st.SearchStrategy[str | None]:
        pool = st.sampled_from(POOLS.get(name, KINDS[table[name].kind]))
        return pool if name in always else st.one_of(pool, pool, st.none())

    said = {name: cell(name) for name in columns if name in always or not is_json}
    may_say = {name: cell(name) for name in columns if name not in said}
    row = st.fixed_dictionaries(said, optional=may_say)
    if "friend_id" in columns:
        row = row.filter(lambda r: r["customer_id"] != r["friend_id"])
    return PartOfTable(columns, draw(st.lists(row, min_size=int(is_json), max_size=3)), is_json)


@st.composite
def deliveries(draw: st.DrawFn) -> OneDelivery:
    names = draw(st.lists(st.sampled_from(MODELLED), unique=True, min_size=1, max_size=4))
    tables = {n: draw(st.lists(parts_of(TABLES[n]), min_size=1, max_size=2)) for n in names}
    replace = [name for name in names if draw(st.integers(0, 3)) == 0]
    return OneDelivery(tables, tuple(replace), times=draw(st.sampled_from([1, 1, 2])))


some_deliveries = st.lists(deliveries(), min_size=2, max_size=3)


def check(place: Place, taken: Sequence[OneDelivery]) -> None:
    shop = Shop()
    with tempfile.TemporaryDirectory() as name:
        for number, delivery in enumerate(taken):
            folder = delivery.write(Path(name) / str(number))
            try:
                after = shop.load(delivery.cells, delivery.replace)
            except Refused as refused:
                with pytest.raises(DeliveryError, match=f"No row of {refused} survives"):
                    load_from(place, folder, replace=delivery.replace, yes=True)
            else:
                # Once more changes nothing: what it leaves out is what it was.
                for nth in range(delivery.times):
                    report = load_from(place, folder, replace=delivery.replace, yes=True)
                    gone = {
                        table: len(before.keys() - after.tables[table].keys())
                        for table, before in shop.tables.items()
                    }
                    deleted = {table: n for table, n in gone.items() if n} if nth == 0 else {}
                    assert report.deleted == deleted
                shop = after
            note(f"after delivery {number}")
            assert_holds(place, shop)


def assert_holds(place: Place, shop: Shop) -> None:
    if not any(shop.tables.values()):
        return
    with place.open() as store, store.reading():
        for name, expected in shop.tables.items():
            stored = rows_in(store, name)
            said = [{c: v for c, v in row.items() if v is not None} for row in expected.values()]
            assert sorted(stored, key=by_text) == sorted(said, key=by_text), name
        for node in VALUE_NODES:
            assert set(store.read(node)[node.key].to_pylist()) == shop.values[node.label]


def by_text(row: dict[str, Any]) -> str:
    return repr(sorted(row.items()))


CALM = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def check_embedded(taken: Sequence[OneDelivery]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(Place(str(Path(folder) / "store.lbug")), taken)


def check_server(server: Place, taken: Sequence[OneDelivery]) -> None:
    empty_database(server)
    with tempfile.TemporaryDirectory() as folder:
        check(Place(server.name, Path(folder), server.username, server.password), taken)


@settings(max_examples=4, **CALM)
@given(some_deliveries)
def test_a_store_in_a_file_holds_what_the_contract_says(taken: list[OneDelivery]) -> None:
    check_embedded(taken)


@settings(max_examples=2, **CALM)
@given(taken=some_deliveries)
def test_a_server_holds_what_the_contract_says(server: Place, taken: list[OneDelivery]) -> None:
    check_server(server, taken)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@settings(max_examples=300, **CALM)
@given(some_deliveries)
def test_of_many_deliveries_a_store_in_a_file_holds_what_the_contract_says(
    taken: list[OneDelivery],
) -> None:
    check_embedded(taken)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@settings(max_examples=60, **CALM)
@given(taken=some_deliveries)
def test_of_many_deliveries_a_server_holds_what_the_contract_says(
    server: Place, taken: list[OneDelivery]
) -> None:
    check_server(server, taken)
