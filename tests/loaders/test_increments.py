"""Repeated deliveries: the last one wins, and nothing is stored twice."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver
from support.loading import content, counts, load_from, load_rows, rejects, rows, values

from followsuit.errors import DeliveryError
from followsuit.graph import schema as g
from followsuit.graph.views.view import view_of
from followsuit.simulator import World, simulate
from followsuit.testing.places import Place

BUY: dict[str, Any] = {"customer_id": "c1", "product_id": "p1", "at": "2025-01-01", "amount": "5"}
PEOPLE = [{"customer_id": f"c{i}"} for i in (1, 2, 3)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dirty delivery of every table."""
    folder = tmp_path_factory.mktemp("shop") / "delivery"
    world = World(
        customers=80,
        products=30,
        stores=4,
        friendships=160,
        purchases=400,
        days=60,
        dirt=0.3,
        seed=5,
    )
    simulate(world, folder)
    return folder


class TestLoadedAgain:
    def test_counts_add_up_and_loading_twice_changes_nothing(
        self, embedded: Place, shop: Path
    ) -> None:
        first = load_from(embedded, shop)
        said, aside = counts(first), rejects(first)
        for name, (read, loaded, duplicates, rejected) in said.items():
            with (shop / f"{name}.csv").open(newline="") as file:
                assert read == sum(1 for _ in csv.reader(file)) - 1
            assert read == loaded + duplicates + rejected
            assert loaded == len(rows(embedded, name))
            assert rejected == sum(reject[0] == name for reject in aside)
        assert sum(c.duplicates for c in first.tables.values()) > 0
        assert len(aside) > 0

        before = content(embedded)
        again = load_from(embedded, shop)
        assert counts(again) == said
        assert rejects(again) == aside
        assert content(embedded) == before

    def test_a_server_holds_the_same_however_often_it_is_loaded(
        self, server: Place, embedded: Place, shop: Path
    ) -> None:
        for _ in range(2):
            report = load_from(server, shop)
        assert counts(load_from(embedded, shop)) == counts(report)
        assert content(server) == content(embedded)

    def test_undated_rows_loaded_again_change_nothing(self, place: Place, tmp_path: Path) -> None:
        undated = {
            "memberships": [{"customer_id": "c1", "program": "gold", "until": "2026-01-01"}],
            "likes": [{"customer_id": "c1", "interest": "tea"}],
            "friendships": [{"customer_id": "c1", "friend_id": "c2", "since": ""}],
        }
        for _ in range(2):
            load_rows(place, tmp_path, **undated)
        assert [len(rows(place, table)) for table in undated] == [1, 1, 1]

    def test_a_row_that_the_store_has_already_counts_as_loaded(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        for _ in range(2):
            assert load_rows(embedded, tmp_path, purchases=[BUY, BUY]) == {
                "purchases": (2, 2, 0, 0)
            }
        assert len(rows(embedded, "purchases")) == 2


class TestIncrements:
    def test_a_second_delivery_adds_to_the_first_and_changes_what_it_names(
        self, place: Place, tmp_path: Path
    ) -> None:
        who = {"customer_id": "c1", "name": "Ann", "city": "Rome", "birth_date": "1990-01-01"}
        load_rows(
            place,
            tmp_path,
            customers=[who, who | {"customer_id": "c2"}],
            products=[{"product_id": "p1", "category": "tea", "brand": "x", "price": "1"}],
            purchases=[BUY | {"purchase_id": "b1"}],
            friendships=[{"customer_id": "c1", "friend_id": "c2", "interactions": "1"}],
        )
        load_rows(
            place,
            tmp_path,
            customers=[who | {"customer_id": "c3"}, who | {"city": "", "name": "Anna"}],
            products=[{"product_id": "p1", "category": "cake", "brand": "", "price": "2"}],
            purchases=[BUY | {"purchase_id": i, "amount": "9"} for i in ("b1", "b2")],
            friendships=[
                {"customer_id": "c1", "friend_id": i, "interactions": "7"} for i in ("c2", "c3")
            ],
        )
        assert [(r["customer_id"], r["name"], r.get("city")) for r in rows(place, "customers")] == [
            ("c1", "Anna", None),
            ("c2", "Ann", "Rome"),
            ("c3", "Ann", "Rome"),
        ]
        assert rows(place, "products") == [{"product_id": "p1", "category": "cake", "price": 200}]
        assert values(place, "purchases", "amount") == [900, 900]
        assert values(place, "friendships", "interactions") == [7.0, 7.0]

    def test_an_undelivered_node_table_gets_its_rows_from_references(
        self, place: Place, tmp_path: Path
    ) -> None:
        load_rows(
            place,
            tmp_path,
            purchases=[BUY | {"store_id": "s1"}, BUY | {"customer_id": "c2", "store_id": ""}],
            friendships=[{"customer_id": "c3", "friend_id": "c4"}],
            contacts=[
                {"customer_id": "c1", "offer_id": "o1", "channel": "sms", "at": "2025-01-01"}
            ],
        )
        assert values(place, "customers", "customer_id") == ["c1", "c2", "c3", "c4"]
        assert rows(place, "products") == [{"product_id": "p1"}]
        assert rows(place, "stores") == [{"store_id": "s1"}]
        assert rows(place, "offers") == [{"offer_id": "o1"}]

    def test_keys_from_references_do_not_make_other_keys_unknown(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        load_rows(embedded, tmp_path, purchases=[BUY])
        new = BUY | {"customer_id": "c2", "product_id": "p2"}
        assert load_rows(embedded, tmp_path, purchases=[new]) == {"purchases": (1, 1, 0, 0)}
        assert values(embedded, "customers", "customer_id") == ["c1", "c2"]

    def test_a_node_table_delivered_once_makes_unknown_keys_rejects_from_then_on(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        load_rows(embedded, tmp_path, customers=PEOPLE[:1])
        report = load_from(
            embedded, deliver(tmp_path / "d", purchases=[BUY, BUY | {"customer_id": "c9"}])
        )
        assert [reject[2:] for reject in rejects(report)] == [
            (2, "customer_id", "isn't one of the customers", "c9")
        ]
        assert values(embedded, "customers", "customer_id") == ["c1"]

    def test_keys_known_from_any_delivery_can_be_referred_to(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        load_rows(embedded, tmp_path, purchases=[BUY | {"customer_id": "mentioned"}])
        load_rows(embedded, tmp_path, customers=PEOPLE[:1])
        said = load_rows(
            embedded,
            tmp_path,
            customers=PEOPLE[1:2],
            likes=[{"customer_id": i, "interest": "tea"} for i in ("mentioned", "c1", "c2", "c3")],
        )
        assert said["likes"] == (4, 3, 0, 1)

    def test_a_key_that_is_only_in_a_rejected_row_is_unknown(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        people = [{"customer_id": "c1", "birth_date": ""}, {"customer_id": "c2", "birth_date": "x"}]
        said = load_rows(
            embedded,
            tmp_path,
            customers=people,
            likes=[{"customer_id": i, "interest": "tea"} for i in ("c1", "c2")],
        )
        assert said == {"customers": (2, 1, 0, 1), "likes": (2, 1, 0, 1)}

    def test_future_rows_load_and_stay_unseen_until_their_time_has_come(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        bought = [BUY | {"at": "2025-01-01T12:00"}, BUY | {"at": "2999-01-01"}]
        assert load_rows(embedded, tmp_path, purchases=bought) == {"purchases": (2, 2, 0, 0)}
        with embedded.open() as store:
            seen = view_of(store, datetime(2025, 1, 2, tzinfo=UTC))
            assert len(seen.purchases()) == 1
            assert len(seen.at(datetime(2999, 1, 1, tzinfo=UTC)).purchases()) == 2
            assert len(seen.at(datetime(2025, 1, 1, tzinfo=UTC)).purchases()) == 0


EVENTS = [
    {"event_id": "e1", "customer_id": "c1", "kind": "view", "product_id": "p1"},
    {"event_id": "e2", "customer_id": "c2", "kind": "view", "product_id": "p1"},
    {"event_id": "e3", "customer_id": "c1", "kind": "trip", "product_id": ""},
    {"event_id": "e4", "customer_id": "c2", "kind": "trip", "product_id": ""},
]
EVENTS = [event | {"at": "2025-01-01"} for event in EVENTS]


def consent(who: str, granted: str) -> dict[str, str]:
    return {"customer_id": who, "purpose": "email", "granted": granted, "at": "2025-01-01"}


class TestEvents:
    def test_an_event_that_becomes_a_view_or_stops_being_one_is_there_once(
        self, place: Place, tmp_path: Path
    ) -> None:
        load_rows(place, tmp_path, events=EVENTS)
        changed = [EVENTS[0] | {"kind": "cart"}, EVENTS[3] | {"kind": "view", "product_id": "p2"}]
        assert load_rows(place, tmp_path, events=changed) == {"events": (2, 2, 0, 0)}
        events = [(r["event_id"], r["kind"], r.get("product_id")) for r in rows(place, "events")]
        assert events == [
            ("e1", "cart", "p1"),
            ("e2", "view", "p1"),
            ("e3", "trip", None),
            ("e4", "view", "p2"),
        ]


class TestReplace:
    def test_relationships_missing_from_the_new_table_are_deleted(
        self, place: Place, tmp_path: Path
    ) -> None:
        load_rows(
            place,
            tmp_path,
            customers=PEOPLE,
            friendships=[{"customer_id": "c1", "friend_id": i} for i in ("c2", "c3")],
            consents=[consent("c1", "1"), consent("c2", "1")],
            purchases=[BUY | {"purchase_id": i} for i in ("b1", "b2")],
            likes=[{"customer_id": "c1", "interest": "tea"}],
        )
        load_rows(
            place,
            tmp_path,
            replace=("friendships", "consents", "purchases"),
            friendships=[{"customer_id": "c3", "friend_id": i} for i in ("c1", "c2")],
            consents=[consent("c2", "0")],
            purchases=[BUY | {"purchase_id": i} for i in ("b2", "b3")],
        )
        pairs = [(r["customer_id"], r["friend_id"]) for r in rows(place, "friendships")]
        assert pairs == [("c1", "c3"), ("c2", "c3")]
        assert [(r["customer_id"], r["granted"]) for r in rows(place, "consents")] == [
            ("c2", False)
        ]
        assert values(place, "purchases", "purchase_id") == ["b2", "b3"]
        assert len(rows(place, "likes")) == 1

    def test_events_and_views_missing_from_the_new_table_are_deleted(
        self, place: Place, tmp_path: Path
    ) -> None:
        load_rows(place, tmp_path, events=EVENTS)
        assert values(place, "events", "event_id") == ["e1", "e2", "e3", "e4"]
        load_rows(place, tmp_path, replace=("events",), events=[EVENTS[0], EVENTS[2]])
        assert values(place, "events", "event_id") == ["e1", "e3"]
        with place.open() as store:
            assert [store.count(e) for e in (g.EVENT, g.DID, g.VIEWED)] == [1, 1, 1]

    def test_nodes_missing_from_the_new_table_are_deleted_with_their_rows(
        self, place: Place, tmp_path: Path
    ) -> None:
        load_rows(
            place,
            tmp_path,
            customers=PEOPLE,
            products=[{"product_id": "p1"}, {"product_id": "p2"}],
            friendships=[{"customer_id": "c1", "friend_id": i} for i in ("c2", "c3")],
            purchases=[BUY | {"customer_id": f"c{i}", "purchase_id": f"b{i}"} for i in (1, 2, 3)],
            events=EVENTS,
            consents=[consent("c1", "1"), consent("c2", "1")],
        )
        load_rows(place, tmp_path, replace=("customers",), customers=[PEOPLE[0], PEOPLE[2]])
        assert values(place, "customers", "customer_id") == ["c1", "c3"]
        assert values(place, "friendships", "friend_id") == ["c3"]
        assert values(place, "purchases", "purchase_id") == ["b1", "b3"]
        assert [(r["event_id"], r["customer_id"]) for r in rows(place, "events")] == [
            ("e1", "c1"),
            ("e3", "c1"),
        ]
        assert values(place, "consents", "customer_id") == ["c1"]
        assert values(place, "products", "product_id") == ["p1", "p2"]

    def test_a_key_that_the_new_table_lacks_is_unknown_at_once(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        load_rows(embedded, tmp_path, customers=PEOPLE)
        said = load_rows(
            embedded,
            tmp_path,
            replace=("customers",),
            customers=PEOPLE[:1],
            likes=[{"customer_id": i, "interest": "tea"} for i in ("c1", "c2")],
        )
        assert said == {"customers": (1, 1, 0, 0), "likes": (2, 1, 0, 1)}

    def test_replacing_by_the_same_changes_nothing(self, embedded: Place, tmp_path: Path) -> None:
        tables = {
            "customers": PEOPLE,
            "events": EVENTS,
            "friendships": [{"customer_id": "c1", "friend_id": "c2"}],
            "likes": [{"customer_id": "c1", "interest": "tea"}],
        }
        load_rows(embedded, tmp_path, **tables)
        before = content(embedded)
        load_rows(embedded, tmp_path, replace=tuple(tables), **tables)
        assert content(embedded) == before

    def test_a_replaced_table_of_which_no_row_survives_stays_what_it_was(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        load_rows(embedded, tmp_path, customers=PEOPLE)
        with pytest.raises(DeliveryError, match="No row of customers survives"):
            load_rows(embedded, tmp_path, replace=("customers",), customers=[{"customer_id": ""}])
        assert len(rows(embedded, "customers")) == 3
