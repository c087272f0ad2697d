"""Offer items, categories, sensitive values and the later columns, on both engines."""

from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver
from support.loading import content, load_from, load_rows, rejects, rows

from followsuit.graph import schema as g
from followsuit.testing.places import Place

TABLES: dict[str, list[dict[str, Any]]] = {
    "products": [{"product_id": "p1", "category": "Tea"}, {"product_id": "p2", "category": "Ware"}],
    "stores": [{"store_id": "s1"}],
    "offers": [{"offer_id": "o1"}, {"offer_id": "o2"}],
    "offer_items": [
        {"offer_id": "o1", "product_id": "p1", "store_id": None},
        {"offer_id": "o1", "product_id": "p1", "store_id": "s1"},
        {"offer_id": "o1", "product_id": "p2", "store_id": None},
        {"offer_id": "o2", "product_id": None, "store_id": "s1"},
    ],
    "categories": [
        {"category": "Ware", "sensitive": "true"},
        {"category": "Other", "sensitive": "0"},
    ],
    "sensitive_values": [
        {"table": "Events", "value": "diagnosis"},
        {"table": "likes", "value": "diagnosis"},
        {"table": "stores", "value": "s1"},
    ],
}


def test_what_is_loaded_is_read_back(place: Place, tmp_path: Path) -> None:
    for _ in range(2):
        loaded = load_rows(place, tmp_path, **TABLES)
    assert loaded["offer_items"][:2] == (4, 4)
    expected = [{k: v for k, v in r.items() if v} for r in TABLES["offer_items"]]
    assert sorted(map(str, rows(place, "offer_items"))) == sorted(map(str, expected))
    assert rows(place, "categories") == [
        {"category": "Other", "sensitive": False},
        {"category": "Ware", "sensitive": True},
    ]
    assert [tuple(row.values()) for row in rows(place, "sensitive_values")] == [
        ("events", "diagnosis"),
        ("likes", "diagnosis"),
        ("stores", "s1"),
    ]
    assert [row["category"] for row in rows(place, "products")] == ["Tea", "Ware"]


def test_replacing_categories_keeps_those_of_products(place: Place, tmp_path: Path) -> None:
    load_rows(place, tmp_path, **TABLES)
    whole = {"categories": [{"category": "Tea", "sensitive": "true"}]}
    load_rows(place, tmp_path, ("categories",), **whole)
    assert rows(place, "categories") == [{"category": "Tea", "sensitive": True}]
    assert [row["category"] for row in rows(place, "products")] == ["Tea", "Ware"]
    load_rows(place, tmp_path, ("offer_items",), offer_items=TABLES["offer_items"][2:])
    assert len(rows(place, "offer_items")) == 2


@pytest.mark.parametrize(
    ("table", "change", "reason"),
    [
        (
            "offer_items",
            {"product_id": None},
            "is empty, and so is store_id; name at least one of them",
        ),
        (
            "sensitive_values",
            {"table": "products"},
            "isn't one of events, likes, memberships, stores",
        ),
    ],
)
def test_rows_that_say_nothing_are_rejected(
    embedded: Place, tmp_path: Path, table: str, change: dict[str, Any], reason: str
) -> None:
    good = TABLES[table][0]
    delivered = {**TABLES, table: [good, good | change]}
    report = load_from(embedded, deliver(tmp_path / "d", **delivered))
    assert [(r[0], r[4]) for r in rejects(report)] == [(table, reason)]


def test_later_columns_are_stored(place: Place, tmp_path: Path) -> None:
    customer = {"customer_id": "c1", "attributes": '{"size": "M"}'}
    at = {"customer_id": "c1", "at": "2025-01-01"}
    trip = at | {"kind": "trip", "latitude": "1.5", "longitude": "-2", "starts_at": "2025-02-01"}
    bought = at | {"product_id": "p1", "order_id": "7"}
    load_rows(place, tmp_path, customers=[customer], events=[trip], purchases=[bought])
    assert rows(place, "customers") == [customer]
    (event,) = rows(place, "events")
    assert (event["latitude"], event["longitude"], event["starts_at"].month) == (1.5, -2.0, 2)
    assert rows(place, "purchases")[0]["order_id"] == "7"


def test_a_store_of_the_first_version_is_upgraded_when_it_is_read(
    embedded: Place, tmp_path: Path
) -> None:
    bought = {"customer_id": "c1", "at": "2025-01-01", "product_id": "p1"}
    load_rows(embedded, tmp_path, purchases=[bought])
    before = content(embedded)
    new = (g.INCLUDES_STORE, g.SENSITIVE_IN, g.SENSITIVE_TABLE, g.SENSITIVE_VALUE)
    with embedded.open() as store:
        run = store._file.run  # type: ignore[attr-defined]  # an old store can't be made otherwise
        with store.writing():
            for element, columns in g.LATER_COLUMNS:
                for column in columns:
                    run(f"ALTER TABLE `{element.name}` DROP `{column}`")
            for element in new:
                run(f"DROP TABLE `{element.name}`")
            store.note(version=1)
            store.changed()
    assert content(embedded) == before
    with embedded.open() as store:
        assert store.meta.entries["version"] == g.VERSION
