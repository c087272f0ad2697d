"""The record of a customer holds everything about them, and nothing of anybody else."""

import json
from datetime import date, datetime
from typing import Any

import pytest

from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore
from followsuit.queries.runner import run_query
from followsuit.testing.graph_rows import NOON, rows, sample

ATTRIBUTES = {"loyalty tier": "gold", "shoe size": "43"}


def filled(element: Any, **given: Any) -> dict[str, Any]:
    """A row with a value of its own in every column: `<element>-<column>` for text."""
    row = sample(element, 7)
    texts = {
        name: f"{element.name}-{name}" for name, kind in element.columns.items() if kind == g.TEXT
    }
    if "attributes" in texts:
        texts["attributes"] = json.dumps(ATTRIBUTES | {"of": element.name})
    return row | texts | given


OF_CUSTOMER = [r for r in g.RELATIONSHIPS if r.source is g.CUSTOMER]
OTHERS = [node for node in g.NODES if node not in (g.CUSTOMER, g.RUN)]


@pytest.fixture(scope="module")
def shop(store: GraphStore) -> GraphStore:
    """Ann has one relationship of each type, with a value in every column; so has her friend."""
    with store.writing():
        for node in OTHERS:
            store.write(
                node,
                rows(
                    node,
                    filled(node, **{node.key: f"{node.label} ann"}),
                    filled(node, **{node.key: f"{node.label} bob"}),
                ),
            )
        store.write(g.RUN, rows(g.RUN, filled(g.RUN, run_id="run", as_of=NOON)))
        for node in (g.CUSTOMER, g.CUSTOMER_RANK):
            both = [filled(node, customer_id="ann"), filled(node, customer_id="bob")]
            if node is g.CUSTOMER:
                both[1] |= {"name": "Bob Secret", "email": "bob@secret"}
            store.write(node, rows(node, *both))
        for kind in OF_CUSTOMER:
            made = []
            for customer, other in (("ann", "bob"), ("bob", "ann")):
                ends = {"source": customer, "target": f"{kind.target.label} {customer}"}
                if kind.target is g.CUSTOMER:
                    ends["target"] = other
                own = (
                    {kind.key[0]: f"{kind.name} {customer}"} if kind.key[0] in kind.columns else {}
                )
                run = {"run_id": "run"} if "run_id" in kind.columns else {}
                made.append(filled(kind, **ends, **own, **run))
            store.write(kind, rows(kind, *made))
        store.note(revision=1)
    return store


@pytest.fixture(scope="module")
def record(shop: GraphStore) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = run_query(
        shop, "customer-record", {"customer_id": "ann"}
    ).to_pylist()
    return answer


KINDS: dict[Any, str] = {
    g.CUSTOMER: "customer",
    g.CUSTOMER_RANK: "ranked",
    g.FRIEND_OF: "friend",
    g.PURCHASED: "purchased",
    g.VISITED: "visited",
    g.VIEWED: "viewed",
    g.DID: "did",
    g.LIKES: "likes",
    g.HOLDS: "holds",
    g.LIVES_IN: "lives in",
    g.CONSENTED: "consent refused",
    g.CONTACTED: "contacted",
    g.RECOMMENDED_PRODUCT: "recommended",
    g.RECOMMENDED_STORE: "recommended",
    g.INFLUENCES: "followed by",
    g.CUSTOMER_EMBEDDED: "embedded",
}
IN_OTHER_COLUMNS = {"customer_id", "at", "since", "ranked_as_of"}
"""What the columns `id` and `at` of the record hold."""


def plain(name: str, value: Any) -> Any:
    """A value as the JSON of `detail` has it."""
    if name == "attributes":
        return json.loads(value)
    return value.isoformat() if isinstance(value, datetime | date) else value


def test_every_relationship_of_a_customer_is_in_the_record() -> None:
    assert {r.name for r in OF_CUSTOMER} <= {element.name for element in KINDS}


@pytest.mark.parametrize("element", KINDS, ids=lambda element: KINDS[element])
def test_every_column_is_in_the_record(element: Any, record: list[dict[str, Any]]) -> None:
    details = [json.loads(row["detail"]) for row in record if row["kind"] == KINDS[element]]
    at = [row["at"] for row in record if row["kind"] == KINDS[element]]
    written = filled(element)
    for name in map(str, element.columns):
        if name in IN_OTHER_COLUMNS - {"customer_id"}:
            assert at == [written[name]] * len(details)
        elif name not in IN_OTHER_COLUMNS:
            shown = {"event_id": "visit_id"}.get(name, name) if element is g.VISITED else name
            own = name == "run_id" or name == element.key[0]
            for values in details:
                assert values[shown] == plain(name, written[name]) or own, name


def detail(record: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(next(r["detail"] for r in record if r["kind"] == kind))
    return values


def test_the_customer_comes_with_contact_data_and_attributes(record: list[dict[str, Any]]) -> None:
    customer = detail(record, "customer")
    assert customer["attributes"] == ATTRIBUTES | {"of": "Customer"}
    assert {customer[name] for name in ("name", "email", "phone", "timezone")} == {
        f"Customer-{name}" for name in ("name", "email", "phone", "timezone")
    }
    assert customer["birth_date"] == "1980-01-08"


def test_a_purchase_comes_with_its_order_and_amount(record: list[dict[str, Any]]) -> None:
    purchase = detail(record, "purchased")
    assert purchase["order_id"] == "PURCHASED-order_id"
    assert purchase["amount"] == 7 * 1_000_003
    assert purchase["quantity"] == 7.25


def test_an_event_comes_with_all_its_columns(record: list[dict[str, Any]]) -> None:
    event = detail(record, "did")
    assert event.keys() == set(map(str, g.EVENT.columns)) - {"event_id", "at"}
    assert detail(record, "viewed").keys() >= set(map(str, g.VIEWED.columns)) - {"at"}


def test_nothing_of_the_friend_is_in_the_record(record: list[dict[str, Any]]) -> None:
    text = json.dumps([{**row, "at": str(row["at"])} for row in record])
    assert "bob" not in text.lower()
    friends = [row for row in record if row["kind"] == "friend"]
    assert [row["id"] for row in friends] == [None, None]
    assert {json.loads(row["detail"])["listed_as"] for row in friends} == {
        "customer_id",
        "friend_id",
    }
    for kind in ("follows", "followed by"):
        assert [row["id"] for row in record if row["kind"] == kind] == [None]


def test_results_of_a_run_without_its_node_are_in_the_record(shop: GraphStore) -> None:
    rows_of_ann = run_query(shop, "customer-record", {"customer_id": "ann"}).to_pylist()
    kinds = {row["kind"] for row in rows_of_ann}
    assert {"recommended", "embedded", "ranked", "contacted"} <= kinds


@pytest.fixture(scope="module")
def records() -> list[Any]:
    """The first engine's record, to compare with the second's."""
    return []


def test_both_engines_give_the_same_record(
    record: list[dict[str, Any]], records: list[Any]
) -> None:
    records.append(record)
    assert record == records[0]
