"""Sensitive categories, event kinds, interests, programs and stores aren't in any view."""

from pathlib import Path
from typing import Any

from support.snapshots import day, view_from

from followsuit.graph.views.view import View


def shop(folder: Path) -> View:
    at = {"customer_id": "ann", "at": day(2)}
    return view_from(
        folder,
        day(10),
        assume_consent=True,
        customers=[{"customer_id": "ann"}],
        products=[
            {"product_id": "jam", "category": "Food"},
            {"product_id": "pill", "category": "Pharmacy"},
            {"product_id": "knife", "sensitive": True},
        ],
        stores=[
            {"store_id": "shop"},
            {"store_id": "clinic"},
            {"store_id": "chemist", "category": "Pharmacy"},
        ],
        categories=[
            {"category": "Pharmacy", "sensitive": True},
            {"category": "Food", "sensitive": False},
        ],
        sensitive_values=[
            {"table": "events", "value": "Diagnosis"},
            {"table": "likes", "value": "dieting"},
            {"table": "memberships", "value": "Club A"},
            {"table": "stores", "value": "clinic"},
        ],
        purchases=[
            at | {"product_id": "jam", "store_id": "shop"},
            at | {"product_id": "jam", "store_id": "clinic", "at": day(4)},
            at | {"product_id": "pill"},
            at | {"product_id": "jam", "at": day(3)},
        ],
        visits=[at | {"store_id": s} for s in ("shop", "clinic", "chemist")],
        events=[
            at | {"kind": "search"},
            at | {"kind": "diagnosis"},
            at | {"kind": "view", "product_id": "pill"},
            at | {"kind": "stay", "store_id": "clinic"},
        ],
        likes=[{"customer_id": "ann", "interest": i} for i in ("Tea", "Dieting")],
        memberships=[{"customer_id": "ann", "program": p} for p in ("Club A", "Club B")],
    )


def cells(rows: Any, column: str) -> list[Any]:
    return sorted(rows[column].to_pyarrow().to_pylist())


def test_sensitive_rows_are_in_no_view(tmp_path: Path) -> None:
    view = shop(tmp_path)
    for shown in (view, view.shared, view.of("ann")):
        assert cells(shown.items, "item_id") == ["jam", "shop"]
        assert cells(shown.first_interactions, "item_id") == ["jam", "shop"]
        assert cells(shown.interactions, "at") == [day(2), day(2), day(3)]
        assert cells(shown.purchase_rows, "at") == [day(2), day(3)]
        assert cells(shown.event_rows, "kind") == ["search"]
        assert cells(shown.likes, "interest") == ["Tea"]
        assert cells(shown.memberships, "program") == ["Club B"]


def test_purchases_of_one_customer_at_one_instant_are_one_order(tmp_path: Path) -> None:
    at = {"customer_id": "ann", "at": day(2)}
    view = view_from(
        tmp_path,
        day(10),
        customers=[{"customer_id": "ann"}, {"customer_id": "bob"}],
        products=[{"product_id": "jam"}, {"product_id": "tea"}],
        purchases=[
            at | {"product_id": "jam"},
            at | {"product_id": "tea"},
            at | {"product_id": "tea", "order_id": "7"},
            at | {"product_id": "tea", "customer_id": "bob"},
        ],
    )
    orders = cells(view.purchase_rows, "order_id")
    assert len(orders) == 4
    assert len(set(orders)) == 3
    assert "7" in orders
