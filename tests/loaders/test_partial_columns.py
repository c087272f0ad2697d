"""A delivery changes only the columns that it has, on both engines."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver, write_csv
from support.formats import deliver_as
from support.loading import content, load_from, load_rows, meta, rows, values
from test_resume import interrupt

from followsuit.graph import schema as g
from followsuit.testing.places import Place

WHOLE: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {
            "customer_id": f"c{i}",
            "name": "Ann",
            "birth_date": "1990-01-01",
            "city": "Rome",
            "joined_at": "2024-01-01",
            "email": "a@x",
            "phone": "1",
            "timezone": "Europe/Rome",
        }
        for i in (1, 2)
    ],
    "products": [
        {
            "product_id": i,
            "name": "Test",
            "category": "health",
            "brand": "Acme",
            "price": "9",
            "margin": "1",
            "sensitive": "true",
        }
        for i in ("p1", "p2")
    ],
    "stores": [
        {
            "store_id": "s1",
            "name": "Corso",
            "category": "tea",
            "city": "Rome",
            "latitude": "41.9",
            "longitude": "12.5",
        }
    ],
    "offers": [
        {
            "offer_id": "o1",
            "name": "Spring",
            "product_id": "p1",
            "category": "health",
            "brand": "Acme",
            "store_id": "s1",
            "program": "gold",
            "interest": "tea",
            "valid_from": "2025-01-01",
            "valid_until": "2025-06-01",
            "cost": "1",
            "value": "2",
        }
    ],
    "friendships": [
        {
            "customer_id": "c2",
            "friend_id": "c1",
            "since": "2024-01-01",
            "interactions": "3",
            "directed": "true",
        }
    ],
    "purchases": [
        {
            "purchase_id": "b1",
            "customer_id": "c1",
            "product_id": "p1",
            "at": "2025-01-01",
            "store_id": "s1",
            "quantity": "2",
            "amount": "18",
            "currency": "EUR",
            "channel": "web",
        }
    ],
    "visits": [{"visit_id": "v1", "customer_id": "c1", "store_id": "s1", "at": "2025-01-01"}],
    "events": [
        {
            "event_id": i,
            "customer_id": "c1",
            "kind": kind,
            "at": "2025-01-01",
            "product_id": "p1",
            "store_id": "s1",
            "city": "Rome",
            "value": "1.5",
        }
        for i, kind in (("e1", "view"), ("e2", "cart"))
    ],
    "likes": [{"customer_id": "c1", "interest": "tea", "at": "2025-01-01"}],
    "memberships": [
        {"customer_id": "c1", "program": "gold", "since": "2024-01-01", "until": "2026-01-01"}
    ],
    "contacts": [
        {
            "contact_id": "k1",
            "customer_id": "c1",
            "offer_id": "o1",
            "channel": "email",
            "at": "2025-01-01",
            "arm": "test",
            "outcome": "bought",
            "outcome_at": "2025-01-02",
        }
    ],
    "consents": [
        {"customer_id": "c1", "purpose": "contact", "granted": "true", "at": "2025-01-01"}
    ],
}
REQUIRED = {
    "purchases": ("purchase_id", "customer_id", "product_id", "at"),
    "visits": ("visit_id", "customer_id", "store_id", "at"),
    "events": ("event_id", "customer_id", "kind", "at"),
    "contacts": ("contact_id", "customer_id", "offer_id", "channel", "at"),
    "friendships": ("customer_id", "friend_id"),
    "likes": ("customer_id", "interest"),
    "memberships": ("customer_id", "program"),
    "consents": ("customer_id", "purpose", "granted", "at"),
}
DERIVED = (g.CITY, g.CATEGORY, g.BRAND, g.INTEREST, g.PROGRAM, g.PURPOSE, g.EVENT)


def least(table: str) -> list[dict[str, Any]]:
    """The rows of a table with no more columns than the contract requires."""
    columns = REQUIRED.get(table, tuple(WHOLE[table][0])[:1])
    return [{c: row[c] for c in columns} for row in WHOLE[table]]


def derived(place: Place) -> list[Any]:
    with place.open() as store, store.reading():
        return [sorted(store.read(node).to_pylist(), key=repr) for node in DERIVED]


def test_columns_that_are_not_delivered_keep_their_values_in_every_table(
    place: Place, tmp_path: Path
) -> None:
    load_rows(place, tmp_path, **WHOLE)
    before, nodes = content(place), derived(place)
    load_rows(place, tmp_path, **{table: least(table) for table in WHOLE})
    assert content(place) == before
    assert derived(place) == nodes
    # Nor are they lost to a table that is delivered whole.
    load_rows(place, tmp_path, tuple(WHOLE), **{table: least(table) for table in WHOLE})
    assert content(place) == before
    assert derived(place) == nodes


def test_an_empty_cell_of_a_delivered_column_empties_it(place: Place, tmp_path: Path) -> None:
    load_rows(place, tmp_path, **WHOLE)
    emptied = {
        table: [
            {c: v if c in least(table)[0] or c == "since" else None for c, v in row.items()}
            for row in WHOLE[table]
        ]
        for table in WHOLE
    }
    load_rows(place, tmp_path, **emptied)
    for table in set(WHOLE) - {"friendships", "memberships", "events"}:
        expected = [{c: v for c, v in row.items() if v is not None} for row in emptied[table]]
        assert [row.keys() for row in rows(place, table)] == [row.keys() for row in expected]
    assert values(place, "memberships", "until") == [None]
    assert values(place, "events", "product_id") == [None, None]


def test_a_price_list_keeps_other_columns_and_its_new_rows_lack_them(
    embedded: Place, tmp_path: Path
) -> None:
    load_rows(embedded, tmp_path, products=WHOLE["products"])
    prices = [{"product_id": i, "price": "5.50"} for i in ("p1", "p9")]
    assert load_rows(embedded, tmp_path, products=prices) == {"products": (2, 2, 0, 0)}
    known = {
        "name": "Test",
        "category": "health",
        "brand": "Acme",
        "margin": 100,
        "sensitive": True,
    }
    assert rows(embedded, "products") == [
        {"product_id": "p1", "price": 550} | known,
        {"product_id": "p2", "price": 900} | known,
        {"product_id": "p9", "price": 550},
    ]


def test_each_part_changes_the_columns_that_it_has(embedded: Place, tmp_path: Path) -> None:
    load_rows(embedded, tmp_path, customers=WHOLE["customers"])
    parts = tmp_path / "d" / "customers"
    parts.mkdir(parents=True)
    write_csv(parts / "1.csv", [{"customer_id": i, "city": ""} for i in ("c1", "c3")])
    write_csv(parts / "2.csv", [{"customer_id": i, "phone": "2"} for i in ("c2", "c3")])
    report = load_from(embedded, tmp_path / "d")
    assert report.tables["customers"].duplicates == 1
    assert [(r.get("city"), r.get("phone")) for r in rows(embedded, "customers")] == [
        (None, "1"),
        ("Rome", "2"),
        (None, "2"),
    ]


def test_of_rows_with_one_key_the_last_counts_that_has_the_column(
    embedded: Place, tmp_path: Path
) -> None:
    lines = [
        {"product_id": "p1", "name": "old", "price": "1", "brand": "Acme"},
        {"product_id": "p1", "price": "2", "brand": None},
        {"product_id": "p1", "price": "3"},
        {"product_id": "p2", "price": "4"},
    ]
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "products.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    counts = load_from(embedded, tmp_path / "d").tables["products"]
    assert (counts.read, counts.loaded, counts.duplicates, counts.rejected) == (4, 2, 2, 0)
    assert rows(embedded, "products") == [
        {"product_id": "p1", "name": "old", "price": 300},
        {"product_id": "p2", "price": 400},
    ]


def test_a_key_that_an_object_lacks_says_nothing_and_null_says_empty(
    embedded: Place, tmp_path: Path
) -> None:
    load_rows(embedded, tmp_path, products=WHOLE["products"])
    lines = [{"product_id": "p1", "sensitive": None}, {"product_id": "p2", "brand": "Bold"}]
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "products.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    load_from(embedded, tmp_path / "d")
    products = [(r.get("sensitive"), r["brand"]) for r in rows(embedded, "products")]
    assert products == [(None, "Acme"), (True, "Bold")]


@pytest.mark.parametrize("kind", ["parquet", "sql"])
def test_columns_of_any_source_count(embedded: Place, tmp_path: Path, kind: str) -> None:
    load_rows(embedded, tmp_path, products=WHOLE["products"])
    source = deliver_as(kind, tmp_path, "products", [{"product_id": "p1", "name": None}])
    load_from(embedded, source)
    first = rows(embedded, "products")[0]
    assert (first.get("name"), first["sensitive"], first["category"]) == (None, True, "health")


def test_a_constant_of_the_mapping_is_a_delivered_column(embedded: Place, tmp_path: Path) -> None:
    load_rows(embedded, tmp_path, products=WHOLE["products"])
    folder = deliver(tmp_path / "d", products=[{"product_id": "p1", "label": "new"}])
    load_from(
        embedded,
        folder,
        {"products": {"columns": {"name": "label", "sensitive": {"value": False}}}},
    )
    first = rows(embedded, "products")[0]
    assert (first["name"], first["sensitive"], first["brand"]) == ("new", False, "Acme")


def test_an_event_that_becomes_a_view_or_stops_being_one_keeps_the_rest(
    place: Place, tmp_path: Path
) -> None:
    load_rows(place, tmp_path, events=WHOLE["events"])
    turned = [row | {"kind": kind} for row, kind in zip(least("events"), ("cart", "view"))]  # noqa: B905
    load_rows(place, tmp_path, events=turned)
    events = {row["event_id"]: row for row in rows(place, "events")}
    assert [events[i].pop("kind") for i in ("e1", "e2")] == ["cart", "view"]
    assert [events[i].keys() for i in ("e1", "e2")] == [WHOLE["events"][0].keys() - {"kind"}] * 2


def test_a_friendship_that_does_not_say_its_direction_keeps_it(
    place: Place, tmp_path: Path
) -> None:
    load_rows(place, tmp_path, friendships=WHOLE["friendships"])
    load_rows(
        place,
        tmp_path,
        friendships=[
            {"customer_id": "c2", "friend_id": "c1", "since": ""},
            {"customer_id": "c3", "friend_id": "c2", "since": ""},
        ],
    )
    assert rows(place, "friendships") == [
        {"customer_id": "c2", "friend_id": "c1", "interactions": 3.0, "directed": True},
        {"customer_id": "c2", "friend_id": "c3", "directed": False},
    ]


def test_what_goes_with_a_replaced_node_is_not_brought_back_by_a_row_without_columns(
    embedded: Place, tmp_path: Path
) -> None:
    load_rows(embedded, tmp_path, **WHOLE)
    # p1 goes, and with it the purchase, the view, and what the offer is for.
    load_rows(
        embedded,
        tmp_path,
        replace=("products",),
        products=[{"product_id": "p2"}],
        offers=[{"offer_id": "o1", "name": "Summer"}],
        events=least("events"),
    )
    assert rows(embedded, "purchases") == []
    assert [r.keys() for r in rows(embedded, "events")] == [
        {"event_id", "customer_id", "kind", "at"},
        {"event_id", "customer_id", "kind", "at", "store_id", "city", "value"},
    ]
    (offer,) = rows(embedded, "offers")
    assert (offer["name"], offer.get("product_id"), offer["store_id"]) == ("Summer", None, "s1")


@pytest.mark.parametrize("stop_at", ["Product", "CONSENTED", "VIEWED"])
def test_an_interrupted_load_of_few_columns_ends_as_if_it_had_never_stopped(
    embedded: Place, tmp_path: Path, stop_at: str
) -> None:
    load_rows(embedded, tmp_path, **WHOLE)
    before = content(embedded)
    few = deliver(tmp_path / "few", **{table: least(table) for table in WHOLE})
    replace = ("events", "consents", "purchases")
    interrupt(embedded, few, stop_at, replace=replace)
    load_from(embedded, few, replace=replace)
    assert content(embedded) == before
    assert meta(embedded)["loading"] is None


def test_a_database_that_is_read_anew_after_a_kill_has_lost_nothing(
    embedded: Place, tmp_path: Path
) -> None:
    load_rows(embedded, tmp_path, contacts=WHOLE["contacts"])
    before = content(embedded)
    few = deliver_as("sql", tmp_path, "contacts", least("contacts"))
    interrupt(embedded, few, "CONTACTED", replace=("contacts",))
    load_from(embedded, few, replace=("contacts",))
    assert content(embedded) == before
