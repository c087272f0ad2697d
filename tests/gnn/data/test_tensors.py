"""A view as tensors: every node, every relationship, and nothing later."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from support.snapshots import day, view_from
from torch_geometric.data import HeteroData
from torch_geometric.transforms import ToUndirected

from followsuit.gnn.data.tensors import UNDATED, tensors

AS_OF = day(10)
ADULT, CHILD = "1985-03-02", "2012-03-02"


def rows(columns: str, *values: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(zip(columns.split(), row, strict=True)) for row in values]


def born(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


def shop() -> dict[str, list[dict[str, Any]]]:
    return {
        "customers": rows(
            "customer_id birth_date city joined_at",
            ("ann", born(ADULT), "Ulm", None),
            ("bob", None, None, day(1)),
            ("kim", born(CHILD), "Bonn", None),
        ),
        "products": rows(
            "product_id category brand sensitive",
            ("tea", "food", "Acme", False),
            ("jam", "food", None, None),
            ("pill", "health", "Med", True),
        ),
        "stores": rows("store_id category city", ("kiosk", "food", "Ulm"), ("pier", None, None)),
        "friendships": rows(
            "customer_id friend_id since interactions directed",
            ("ann", "bob", day(3), 3.0, False),
            ("ann", "kim", None, None, False),
        ),
        "purchases": rows(
            "customer_id product_id at quantity amount",
            ("ann", "tea", day(2), 2.0, 500),
            ("ann", "tea", day(4, 0.5), None, None),
            ("bob", "jam", day(2), -1.0, -100),
            ("bob", "pill", day(2), 1.0, 100),
            ("kim", "jam", day(2), 1.0, 100),
        ),
        "visits": rows("customer_id store_id at", ("bob", "kiosk", day(5))),
        "events": rows(
            "customer_id kind at product_id",
            ("bob", "view", day(6), "tea"),
            ("bob", "travel", day(6), None),
        ),
        "likes": rows("customer_id interest at", ("ann", "Hiking", None), ("kim", "Lego", None)),
        "memberships": rows(
            "customer_id program since until",
            ("ann", "Gold", day(1), None),
            ("bob", "Silver", day(1), day(9)),
        ),
    }


def graph(folder: Path, as_of: Any = AS_OF, **changed: list[dict[str, Any]]) -> HeteroData:
    view = view_from(folder, day(30), assume_consent=True, **(shop() | changed))
    return tensors(view.shared.at(as_of))


def edges(data: HeteroData, *kind: str) -> list[tuple[str, str, int, float]]:
    """Source id, target id, time and weight of each edge."""
    store = data[kind]
    source, target = store.edge_index.tolist()
    return [
        (data[kind[0]].id[a], data[kind[2]].id[b], t, w)
        for a, b, t, w in zip(
            source, target, store.time.tolist(), store.weight.tolist(), strict=True
        )
    ]


def seconds(at: Any) -> int:
    return int(at.timestamp())


def test_nodes_keep_their_ids_and_leave_out_minors_and_what_is_sensitive(tmp_path: Path) -> None:
    data = graph(tmp_path)
    assert {kind: data[kind].id.tolist() for kind in data.node_types} == {
        "Customer": ["ann", "bob"],
        "Product": ["jam", "tea"],
        "Store": ["kiosk", "pier"],
        "Category": ["food"],
        "Brand": ["Acme"],
        "Interest": ["Hiking"],
        "City": ["Ulm"],
        "Program": ["Gold"],
    }
    assert all(data[kind].num_nodes == len(data[kind].id) for kind in data.node_types)


def test_every_relationship_has_its_time_and_weight(tmp_path: Path) -> None:
    data = graph(tmp_path)
    assert edges(data, "Customer", "FRIEND_OF", "Customer") == [
        ("ann", "bob", seconds(day(3)), 1.0),
        ("bob", "ann", seconds(day(3)), 1.0),
    ]
    assert edges(data, "Customer", "PURCHASED", "Product") == [
        ("ann", "tea", seconds(day(2)), 2.0),
        ("ann", "tea", seconds(day(4, 0.5)), 1.0),
    ]
    assert edges(data, "Customer", "VISITED", "Store") == [("bob", "kiosk", seconds(day(5)), 1.0)]
    assert edges(data, "Customer", "VIEWED", "Product") == [("bob", "tea", seconds(day(6)), 1.0)]
    assert edges(data, "Customer", "LIKES", "Interest") == [("ann", "Hiking", UNDATED, 1.0)]
    assert edges(data, "Customer", "HOLDS", "Program") == [("ann", "Gold", seconds(day(1)), 1.0)]
    assert edges(data, "Customer", "LIVES_IN", "City") == [("ann", "Ulm", UNDATED, 1.0)]
    assert edges(data, "Product", "IN_CATEGORY", "Category") == [
        ("jam", "food", UNDATED, 1.0),
        ("tea", "food", UNDATED, 1.0),
    ]
    assert edges(data, "Product", "OF_BRAND", "Brand") == [("tea", "Acme", UNDATED, 1.0)]
    assert edges(data, "Store", "IN_CATEGORY", "Category") == [("kiosk", "food", UNDATED, 1.0)]
    assert edges(data, "Store", "IN_CITY", "City") == [("kiosk", "Ulm", UNDATED, 1.0)]


def test_a_future_edge_of_every_dated_kind_changes_nothing(tmp_path: Path) -> None:
    later = day(10, 1)
    planted = {
        "customers": rows(
            "customer_id birth_date city joined_at", ("zoe", born(ADULT), "Rome", later)
        ),
        "friendships": rows(
            "customer_id friend_id since interactions directed",
            ("bob", "zoe", later, 9.0, False),
        ),
        "purchases": rows(
            "customer_id product_id at quantity amount",
            ("bob", "tea", later, 1.0, 100),
            ("zoe", "tea", later, 1.0, 100),
        ),
        "visits": rows("customer_id store_id at", ("ann", "pier", later)),
        "events": rows("customer_id kind at product_id", ("ann", "view", later, "jam")),
        "likes": rows("customer_id interest at", ("bob", "Chess", later)),
        "memberships": rows("customer_id program since until", ("bob", "Gold", later, None)),
    }
    before = graph(tmp_path / "before")
    both = {name: shop()[name] + more for name, more in planted.items()}
    after = graph(tmp_path / "after", **both)
    assert before.node_types == after.node_types
    for kind in before.node_types:
        assert before[kind].id.tolist() == after[kind].id.tolist()
    for kind in before.edge_types:
        assert edges(before, *kind) == edges(after, *kind)
    later_still = graph(tmp_path / "later", day(11), **both)
    grown = [k for k in before.edge_types if len(edges(later_still, *k)) > len(edges(before, *k))]
    assert {kind[1] for kind in grown} == {
        "FRIEND_OF",
        "PURCHASED",
        "VISITED",
        "VIEWED",
        "LIKES",
        "HOLDS",
        "LIVES_IN",
    }


def test_an_edge_at_the_instant_itself_is_there(tmp_path: Path) -> None:
    data = graph(tmp_path, visits=rows("customer_id store_id at", ("bob", "kiosk", AS_OF)))
    assert edges(data, "Customer", "VISITED", "Store") == [("bob", "kiosk", seconds(AS_OF), 1.0)]


def test_times_are_rounded_up_so_that_nobody_sees_an_act_early(tmp_path: Path) -> None:
    at = day(5).replace(microsecond=1)
    data = graph(tmp_path, visits=rows("customer_id store_id at", ("bob", "kiosk", at)))
    assert data["Customer", "VISITED", "Store"].time.tolist() == [seconds(day(5)) + 1]


def test_a_directed_friendship_goes_from_the_friend_to_the_customer(tmp_path: Path) -> None:
    ties = rows("customer_id friend_id since directed", ("ann", "bob", None, True))
    data = graph(tmp_path, friendships=ties)
    assert edges(data, "Customer", "FRIEND_OF", "Customer") == [("bob", "ann", UNDATED, 1.0)]


def test_a_shop_without_some_tables_has_empty_kinds(tmp_path: Path) -> None:
    names = ("stores", "friendships", "visits", "events", "likes", "memberships")
    none: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    data = graph(tmp_path, **none)
    assert data["Store"].num_nodes == data["Interest"].num_nodes == 0
    assert data["Customer", "FRIEND_OF", "Customer"].edge_index.shape == (2, 0)
    assert data["Customer", "FRIEND_OF", "Customer"].weight.dtype == torch.float32
    data.validate()


def test_pyg_turns_the_edges_round(tmp_path: Path) -> None:
    data = ToUndirected(merge=False)(graph(tmp_path))
    assert data["Product", "rev_PURCHASED", "Customer"].time.tolist() == [
        seconds(day(2)),
        seconds(day(4, 0.5)),
    ]
