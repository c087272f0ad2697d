"""The customers, items, interactions and friendships of a view as of its instant."""

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pytest
from support.snapshots import Rows, day, view_from

from followsuit.graph.items import item_key
from followsuit.graph.views.contract_view import UnknownTable
from followsuit.graph.views.view import NobodyShares, SharedView, View, of_customers

NOW = day(10)
LATER = NOW + timedelta(microseconds=1)
WEEK = timedelta(days=7)
CHILD = date(2012, 3, 2)
ADULT = date(1985, 3, 2)
Make = Callable[..., View]


def rows(columns: str, *values: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(columns.split(), row, strict=True)) for row in values]


def shop() -> dict[str, Rows]:
    """Ann and Bob share their activity, Kim is a minor; each of them has bought tea."""
    return {
        "customers": rows(
            "customer_id city birth_date",
            ("ann", "Ulm", None),
            ("bob", None, None),
            ("kim", "Bonn", CHILD),
        ),
        "products": rows(
            "product_id category brand margin sensitive",
            ("tea", "food", "Acme", 30, False),
            ("jam", None, None, None, None),
            ("pill", "health", "Med", 90, True),
        ),
        "stores": rows("store_id category city", ("tea", "food", "Kiel"), ("pier", None, None)),
        "friendships": rows("customer_id friend_id", ("ann", "bob"), ("ann", "kim")),
        "purchases": rows(
            "customer_id product_id at",
            ("ann", "tea", day(3)),
            ("bob", "tea", day(4)),
            ("kim", "tea", day(2)),
        ),
    }


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes views, as of now and with consent assumed, of the shop with other rows in tables."""

    def of(as_of: datetime = NOW, assume_consent: bool = True, **changed: Any) -> View:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        return view_from(folder, as_of, assume_consent=assume_consent, **(shop() | changed))

    return of


def cells(table: ir.Table, *columns: str) -> list[tuple[Any, ...]]:
    """The values of some columns: a tuple per row, sorted."""
    records = table.select(*columns).to_pyarrow().to_pylist()
    return sorted(
        (tuple(record.values()) for record in records),
        key=lambda row: [(cell is not None, cell) for cell in row],
    )


def friends_of(view: View) -> list[tuple[Any, ...]]:
    return cells(view.friendships, "customer_id", "friend_id")


def seen(view: View) -> list[tuple[Any, ...]]:
    """Customer, item and time of the interactions."""
    return cells(view.interactions, "customer_id", "item_id", "at")


class TestInstants:
    def test_a_view_is_the_same_in_any_time_zone(self, make: Make) -> None:
        # In Lima it is still the 5th, on which Bob is 17.
        instant = day(6, 2).astimezone(timezone(timedelta(hours=-5)))
        customers = rows("customer_id birth_date", ("bob", date(2007, 1, 6)))
        view = make(instant, customers=customers)
        assert view.as_of.isoformat() == "2025-01-06T02:00:00+00:00"
        assert cells(view.people, "customer_id", "blocked_by") == [("bob", None)]
        assert seen(view) == [("bob", "tea", day(4))]
        assert seen(view.at(day(4).astimezone(instant.tzinfo))) == [("bob", "tea", day(4))]

    def test_one_without_a_time_zone_is_in_utc(self, make: Make) -> None:
        assert make(NOW.replace(tzinfo=None)).as_of == NOW

    def test_an_unknown_table_suggests_the_nearest_or_lists_all(self, make: Make) -> None:
        with pytest.raises(
            UnknownTable, match=r"^There is no table visit\. Did you mean visits\?$"
        ):
            make().table("visit")
        with pytest.raises(
            UnknownTable, match=r"no table nix\. The tables are customers, products"
        ):
            make().shared.table("nix")

    def test_a_view_of_another_instant_is_of_the_same_type(self, make: Make) -> None:
        view = make()
        assert type(view.at(day(3))) is View
        assert type(view.shared.at(day(3))) is type(view.at(day(3)).shared) is SharedView
        assert view.shared.shared is view.shared


class TestCustomers:
    def test_customers_who_join_later_and_their_rows_are_hidden(self, make: Make) -> None:
        view = make(
            customers=rows("customer_id joined_at", ("ann", None), ("bob", LATER), ("kim", NOW)),
            likes=rows("customer_id interest", ("bob", "Go"), ("kim", "Lego")),
            memberships=rows("customer_id program", ("bob", "Gold"), ("kim", "Gold")),
            events=rows("customer_id kind at", ("bob", "trip", day(2)), ("kim", "trip", day(2))),
        )
        for known in (view, view.shared):
            assert cells(known.customers, "customer_id") == [("ann",), ("kim",)]
            assert known.customer_codes.ids.tolist() == ["ann", "kim"]
            assert cells(known.people, "customer_id") == [("ann",), ("kim",)]
            assert friends_of(known) == [("ann", "kim"), ("kim", "ann")]
            assert cells(known.interactions, "customer_id") == [("ann",), ("kim",)]
            assert cells(known.first_interactions, "customer_id") == [("ann",), ("kim",)]
            assert cells(known.purchase_rows, "customer_id") == [("ann",), ("kim",)]
            for table in (known.likes, known.memberships, known.event_rows):
                assert cells(table, "customer_id") == [("kim",)]
            assert set(known.friends().nodes) == {"ann", "kim"}
        assert len(friends_of(view.at(LATER))) == 4
        assert ("bob", "tea", day(4)) in seen(view.at(LATER))

    def test_customers_have_their_city(self, make: Make) -> None:
        assert cells(make().customers, "customer_id", "city") == [
            ("ann", "Ulm"),
            ("bob", None),
            ("kim", "Bonn"),
        ]


class TestSharing:
    def test_rows_of_customers_who_do_not_share_are_only_in_the_full_view(self, make: Make) -> None:
        view = make(
            visits=rows("customer_id store_id at", ("kim", "pier", day(9))),
            likes=rows("customer_id interest", ("bob", "Go"), ("kim", "Lego")),
            memberships=rows("customer_id program", ("bob", "Gold"), ("kim", "Gold")),
            events=rows("customer_id kind at", ("bob", "trip", day(2)), ("kim", "trip", day(2))),
        )
        assert {customer for customer, *_ in seen(view)} == {"ann", "bob", "kim"}
        assert len(friends_of(view)) == 4
        shared = view.shared
        assert cells(shared.customers, "customer_id") == [("ann",), ("bob",)]
        assert cells(shared.people, "customer_id", "shares") == [("ann", True), ("bob", True)]
        assert seen(shared) == [("ann", "tea", day(3)), ("bob", "tea", day(4))]
        assert cells(shared.first_interactions, "customer_id") == [("ann",), ("bob",)]
        assert cells(shared.purchase_rows, "customer_id") == [("ann",), ("bob",)]
        assert friends_of(shared) == [("ann", "bob"), ("bob", "ann")]
        assert set(shared.friends().edges) == {("ann", "bob")}
        for table in (shared.likes, shared.memberships, shared.event_rows):
            assert cells(table, "customer_id") == [("bob",)]

    def test_shared_contract_tables_leave_out_customers_who_do_not_share(self, make: Make) -> None:
        view = make(visits=rows("customer_id store_id at", ("kim", "pier", day(9))))
        shared = view.shared
        assert cells(shared.table("visits"), "customer_id") == []
        assert cells(shared.table("friendships"), "customer_id", "friend_id") == [("ann", "bob")]
        assert set(shared.purchases()["customer_id"]) == {"ann", "bob"}
        assert (view.newest_interaction(), shared.newest_interaction()) == (day(9), day(4))

    def test_the_first_instant_decides_for_all_others(self, make: Make) -> None:
        """Ann consents later than an instant to which the view goes back, Bob later than all."""
        view = make(
            assume_consent=False,
            customers=rows("customer_id birth_date", ("ann", ADULT), ("bob", ADULT)),
            consents=rows(
                "customer_id purpose granted at",
                ("ann", "social_use", True, day(8)),
                ("bob", "social_use", True, day(11)),
            ),
        )
        for instant in (day(5), NOW, day(12)):
            assert cells(view.at(instant).shared.customers, "customer_id") == [("ann",)]
            assert cells(view.shared.at(instant).customers, "customer_id") == [("ann",)]
        assert cells(view.at(day(5)).people, "shares") == [(False,), (False,)]
        assert cells(View(view.snapshot, day(12)).shared.customers, "customer_id") == [
            ("ann",),
            ("bob",),
        ]

    def test_a_later_refusal_counts_at_once(self, make: Make) -> None:
        refusal = rows("customer_id purpose granted at", ("ann", "social_use", False, day(30)))
        view = make(consents=refusal)
        assert cells(view.shared.customers, "customer_id") == [("bob",)]
        assert cells(view.at(day(4)).shared.interactions, "customer_id") == [("bob",)]

    def test_a_view_without_sharing_customers_says_so(self, make: Make) -> None:
        assert make().require_sharing()
        assert make(customers=[]).require_sharing()
        view = make(assume_consent=False)
        with pytest.raises(
            NobodyShares, match="No customer shares their activity as of 2025-01-10"
        ):
            view.shared.require_sharing()


class TestItems:
    def test_they_are_all_products_but_sensitive_ones_and_all_stores(self, make: Make) -> None:
        for view in (make(), make().shared):
            columns = ("item_id", "item_kind", "category", "brand", "city", "margin")
            assert cells(view.items, *columns) == [
                ("jam", "product", None, None, None, None),
                ("pier", "store", None, None, None, None),
                ("tea", "product", "food", "Acme", None, 30),
                ("tea", "store", "food", None, "Kiel", None),
            ]
            items = view.item_list
            assert items.id.tolist() == ["jam", "pier", "tea", "tea"]
            assert items.kind.tolist() == ["product", "store", "product", "store"]
            assert items.category.tolist() == [None, None, "food", "food"]
            assert items.codes.ids.tolist() == [
                "product:jam",
                "store:pier",
                "product:tea",
                "store:tea",
            ]
            assert items.codes.of(item_key(view.interactions).to_pyarrow())[0] == 2

    def test_without_their_table_they_are_those_that_customers_who_share_have_bought(
        self, make: Make
    ) -> None:
        view = make(
            delivered=["customers"],
            customers=rows(
                "customer_id birth_date joined_at",
                ("ann", None, None),
                ("bob", None, day(6)),
                ("kim", CHILD, None),
            ),
            purchases=rows(
                "customer_id product_id at quantity",
                ("ann", "tea", day(3), 1.0),
                ("bob", "jam", day(4), 1.0),
                ("kim", "pill", day(2), 1.0),
                ("kim", "jam", day(2), 1.0),
                ("ann", "cake", day(1), -1.0),
            ),
            products=rows("product_id", ("tea",), ("jam",), ("pill",), ("cake",)),
            visits=rows("customer_id store_id at", ("bob", "pier", LATER)),
        )
        assert cells(view.items, "item_id") == [("jam",), ("tea",)]
        assert cells(view.at(LATER).items, "item_id") == [("jam",), ("pier",), ("tea",)]
        # Bob's purchase says that there is jam, from the day on which he has joined.
        assert cells(view.at(day(5)).items, "item_id") == [("tea",)]
        assert seen(view.at(day(5))) == [("ann", "tea", day(3))]
        assert ("kim", "jam", day(2)) in seen(view)


class TestInteractions:
    def test_they_are_purchases_and_visits_up_to_the_instant(self, make: Make) -> None:
        view = make(
            purchases=rows("customer_id product_id at", ("ann", "tea", NOW), ("bob", "tea", LATER)),
            visits=rows("customer_id store_id at", ("ann", "tea", day(1)), ("bob", "pier", LATER)),
        )
        for known in (view, view.shared):
            assert cells(known.interactions, "customer_id", "item_kind", "item_id", "at") == [
                ("ann", "product", "tea", NOW),
                ("ann", "store", "tea", day(1)),
            ]
            assert known.newest_interaction() == NOW
            assert known.at(day(0)).newest_interaction() is None

    def test_interactions_leave_out_returns_and_sensitive_products(self, make: Make) -> None:
        purchases = rows(
            "customer_id product_id at quantity amount",
            ("ann", "tea", day(1), 1.0, 100),
            ("ann", "jam", day(2), -1.0, 100),
            ("ann", "jam", day(3), 1.0, -100),
            ("ann", "jam", day(4), None, None),
            ("ann", "pill", day(5), 1.0, 100),
            ("ann", "tea", day(6), 0.0, 0),
        )
        events = rows(
            "customer_id kind at product_id",
            ("ann", "view", day(1), "pill"),
            ("ann", "view", day(2), "tea"),
            ("ann", "trip", day(3), None),
            ("ann", "view", LATER, "tea"),
        )
        view = make(purchases=purchases, events=events)
        kept = [day(1), day(4), day(6)]
        for known in (view, view.shared):
            assert sorted(at for *_, at in seen(known)) == kept
            assert sorted(known.purchase_rows["at"].to_pyarrow().to_pylist()) == kept
            assert sorted(known.event_rows["at"].to_pyarrow().to_pylist()) == [day(2), day(3)]
            assert len(known.purchases()) == 6

    def test_the_first_with_each_item_is_the_oldest(self, make: Make) -> None:
        purchases = rows(
            "customer_id product_id at",
            ("ann", "tea", day(5)),
            ("ann", "tea", day(3)),
            ("ann", "jam", day(7)),
            ("ann", "jam", LATER),
        )
        view = make(purchases=purchases)
        for known in (view, view.shared):
            assert cells(known.first_interactions, "item_id", "at") == [
                ("jam", day(7)),
                ("tea", day(3)),
            ]
            assert cells(known.at(day(4)).first_interactions, "item_id") == [("tea",)]

    def test_recent_ones_are_those_after_the_start_of_the_window(self, make: Make) -> None:
        times = [NOW - WEEK, NOW - WEEK + timedelta(microseconds=1), NOW, LATER]
        view = make(
            purchases=rows("customer_id product_id at", *(("ann", "tea", t) for t in times))
        )
        for known in (view, view.shared):
            assert cells(known.recent(WEEK), "at") == [(times[1],), (times[2],)]

    def test_labels_are_the_first_ones_in_the_horizon(self, make: Make) -> None:
        end = NOW + WEEK
        purchases = rows(
            "customer_id product_id at",
            ("ann", "jam", NOW),
            ("ann", "jam", LATER),
            ("ann", "tea", LATER),
            ("bob", "tea", end),
            ("bob", "jam", end + timedelta(microseconds=1)),
            ("kim", "tea", LATER),
        )
        view = make(purchases=purchases)
        labels = [("ann", "tea", LATER), ("bob", "tea", end)]
        assert cells(view.shared.following(WEEK), "customer_id", "item_id", "at") == labels
        assert cells(view.following(WEEK), "customer_id") == [("ann",), ("bob",), ("kim",)]

    def test_customers_who_join_after_the_horizon_have_no_labels(self, make: Make) -> None:
        customers = rows("customer_id joined_at", ("ann", NOW + WEEK), ("bob", NOW + 2 * WEEK))
        purchases = rows("customer_id product_id at", ("ann", "tea", LATER), ("bob", "tea", LATER))
        view = make(day(60), customers=customers, purchases=purchases)
        for known in (view, view.shared):
            assert cells(known.at(NOW).following(WEEK), "customer_id") == [("ann",)]

    def test_their_span_is_that_of_all_times(self, make: Make) -> None:
        times = [day(3), day(30)]
        purchases = rows(
            "customer_id product_id at",
            ("ann", "tea", times[0]),
            ("ann", "jam", times[1]),
            ("kim", "tea", day(40)),
        )
        assert make(purchases=purchases).shared.span() == (2, *times)
        assert make(purchases=purchases).span() == (3, day(3), day(40))
        assert make(purchases=[]).span() == (0, None, None)


class TestFriendships:
    def test_an_undirected_one_is_two_rows_and_a_directed_one_is_one(self, make: Make) -> None:
        friendships = rows(
            "customer_id friend_id directed since interactions",
            ("ann", "bob", False, day(2), 3.0),
            ("bob", "cas", True, None, None),
            ("ann", "ann", False, None, None),
            ("ann", "cas", None, LATER, None),
        )
        customers = rows("customer_id", ("ann",), ("bob",), ("cas",))
        view = make(customers=customers, friendships=friendships)
        columns = ("customer_id", "friend_id", "since", "interactions")
        for known in (view, view.shared):
            assert cells(known.friendships, *columns) == [
                ("ann", "bob", day(2), 3.0),
                ("bob", "ann", day(2), 3.0),
                ("bob", "cas", None, None),
            ]
            assert len(friends_of(known.at(LATER))) == 5
            assert friends_of(known.at(day(1))) == [("bob", "cas")]

    def test_two_rows_that_say_the_same_are_one_as_of_any_instant(self, make: Make) -> None:
        friendships = rows(
            "customer_id friend_id directed since interactions",
            ("ann", "bob", False, day(4), 9.0),
            ("bob", "ann", True, day(2), 5.0),
        )
        columns = ("customer_id", "friend_id", "since", "interactions")
        view = make(friendships=friendships)
        for known in (view, view.shared):
            assert cells(known.friendships, *columns) == [
                ("ann", "bob", day(4), 9.0),
                ("bob", "ann", day(2), 9.0),
            ]
            # What the later row says of interactions isn't known before it.
            assert cells(known.at(day(3)).friendships, *columns) == [("bob", "ann", day(2), 5.0)]

    def test_of_two_rows_an_undated_one_counts_as_always_known(self, make: Make) -> None:
        friendships = rows(
            "customer_id friend_id directed since",
            ("ann", "bob", False, None),
            ("bob", "ann", True, day(2)),
        )
        for known in (make(friendships=friendships), make(friendships=friendships).shared):
            assert cells(known.friendships, "since") == [(None,), (None,)]


class TestMemberships:
    def test_ended_and_future_memberships_are_not_held(self, make: Make) -> None:
        memberships = rows(
            "customer_id program since until",
            ("ann", "a", None, None),
            ("ann", "b", day(1), LATER),
            ("ann", "c", day(1), NOW),
            ("ann", "d", LATER, None),
            ("ann", "e", NOW, None),
        )
        view = make(memberships=memberships)
        for known in (view, view.shared):
            assert cells(known.memberships, "program") == [("a",), ("b",), ("e",)]

    def test_undated_likes_count_as_always_known(self, make: Make) -> None:
        likes = rows(
            "customer_id interest at", ("ann", "Go", None), ("ann", "Tea", NOW), ("ann", "X", LATER)
        )
        for known in (make(likes=likes), make(likes=likes).shared):
            assert cells(known.likes, "interest") == [("Go",), ("Tea",)]
            assert cells(known.at(day(1)).likes, "interest") == [("Go",)]


class TestOffers:
    def test_they_are_those_that_are_valid(self, make: Make) -> None:
        offers = rows(
            "offer_id valid_from valid_until",
            ("a", None, None),
            ("b", NOW, LATER),
            ("c", LATER, None),
            ("d", None, NOW),
        )
        for known in (make(offers=offers), make(offers=offers).shared):
            assert known.offers is not None
            assert cells(known.offers, "offer_id") == [("a",), ("b",)]

    def test_without_their_table_there_are_none(self, make: Make) -> None:
        assert make().offers is None


@pytest.mark.parametrize(
    ("tables", "customers", "items", "friendships"),
    [
        ((), 0, 0, 0),
        (("products",), 0, 2, 0),
        (("customers", "friendships"), 3, 0, 4),
        (("customers", "products", "purchases"), 3, 2, 0),
    ],
)
def test_missing_tables_are_empty(
    tables: tuple[str, ...], customers: int, items: int, friendships: int, tmp_path: Path
) -> None:
    view = view_from(tmp_path, NOW, **{name: shop()[name] for name in tables})
    assert (len(view.customer_codes), len(view.item_list)) == (customers, items)
    assert len(view.item_list.codes) == items
    assert len(seen(view)) == (3 if "purchases" in tables else 0)
    assert len(friends_of(view)) == friendships
    for table in (view.memberships, view.likes, view.event_rows, view.shared.customers):
        assert table.count().execute() == 0
    assert view.friends().number_of_nodes() == customers


def test_the_rows_of_some_customers(make: Make) -> None:
    purchases = make().purchase_rows
    assert cells(of_customers(purchases, ["ann", "zoe"]), "customer_id") == [("ann",)]
    assert of_customers(purchases, []).count().execute() == 0
    assert of_customers(purchases, None) is purchases
