"""The tables of the contract as of an instant."""

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
import pytest
from support.snapshots import day, view_from

from followsuit.graph import tables as t
from followsuit.graph.views.view import View

NOW = day(10)
MICROSECOND = timedelta(microseconds=1)
PEOPLE = [{"customer_id": c} for c in ("ann", "bob", "cas")]


def shown(view: View, table: str) -> list[dict[str, Any]]:
    """The rows of a table, without their empty cells."""
    rows = view.table(table).to_pyarrow().to_pylist()
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


DATED: dict[str, dict[str, Any]] = {
    "customers": {"customer_id": "x"},
    "friendships": {"customer_id": "x", "friend_id": "y"},
    "purchases": {"customer_id": "x", "product_id": "p", "purchase_id": "1"},
    "visits": {"customer_id": "x", "store_id": "s", "visit_id": "1"},
    "events": {"customer_id": "x", "kind": "search", "event_id": "1"},
    "likes": {"customer_id": "x", "interest": "tea"},
    "memberships": {"customer_id": "x", "program": "gold"},
    "contacts": {"customer_id": "x", "offer_id": "o", "channel": "email", "contact_id": "1"},
    "consents": {"customer_id": "x", "purpose": "email", "granted": True},
}


class TestAsOf:
    @pytest.mark.parametrize("name", DATED)
    def test_a_row_is_seen_from_its_time_on(self, tmp_path: Path, name: str) -> None:
        clock = t.TABLES[name].clock
        assert clock is not None
        row = DATED[name] | {clock: NOW}
        view = view_from(tmp_path, NOW, **{name: [row]})
        assert shown(view, name) == [row]
        assert shown(view.at(NOW - MICROSECOND), name) == []
        assert shown(view.at(NOW + timedelta(days=9_999)), name) == [row]

    @pytest.mark.parametrize("name", DATED)
    def test_a_row_without_a_time_is_always_seen(self, tmp_path: Path, name: str) -> None:
        view = view_from(tmp_path, day(1), **{name: [DATED[name]]})
        assert shown(view, name) == [DATED[name]]

    @pytest.mark.parametrize("name", sorted(t.TABLES.keys() - DATED.keys()))
    def test_tables_without_a_time_column_are_always_shown(self, tmp_path: Path, name: str) -> None:
        row: dict[str, Any] = {t.TABLES[name].key[0]: "x"}
        if name == "offer_items":
            row |= {"product_id": "p"}
        if name == "offers":
            row |= {"valid_from": day(30), "valid_until": day(31)}
        assert shown(view_from(tmp_path, day(1), **{name: [row]}), name) == [row]

    def test_an_as_of_is_the_same_instant_in_any_time_zone(self, tmp_path: Path) -> None:
        row = DATED["purchases"] | {"at": NOW}
        here = NOW.astimezone(timezone(timedelta(hours=-3)))
        view = view_from(tmp_path, here, purchases=[row])
        assert shown(view, "purchases") == [row]
        assert shown(view.at(here - MICROSECOND), "purchases") == []

    def test_an_as_of_without_a_time_zone_is_in_utc(self, tmp_path: Path) -> None:
        assert view_from(tmp_path, NOW.replace(tzinfo=None)).as_of == NOW

    def test_of_consents_withdrawals_of_a_later_day_are_kept(self, tmp_path: Path) -> None:
        def consent(granted: bool, at: datetime) -> dict[str, Any]:
            return DATED["consents"] | {"granted": granted, "at": at}

        rows = [consent(g, at) for at in (day(9), NOW, day(11)) for g in (False, True)]
        view = view_from(tmp_path, NOW, consents=rows)
        answers = [(r["granted"], r["at"]) for r in shown(view, "consents")]
        assert answers == [
            (False, day(9)),
            (True, day(9)),
            (False, NOW),
            (True, NOW),
            (False, day(11)),
        ]

    def test_the_outcome_of_a_contact_is_unknown_before_it_comes(self, tmp_path: Path) -> None:
        contact = DATED["contacts"] | {"at": day(8), "arm": "treated"}
        came = contact | {"outcome": "accepted", "outcome_at": NOW}
        undated = contact | {"contact_id": "2", "outcome": "declined"}
        view = view_from(tmp_path, NOW, contacts=[came, undated])
        assert shown(view, "contacts") == [came, undated]
        assert shown(view.at(NOW - MICROSECOND), "contacts") == [contact, undated]

    def test_other_instants_of_the_same_files_don_t_disturb_each_other(
        self, tmp_path: Path
    ) -> None:
        rows = [{"customer_id": c, "joined_at": day(n)} for n, c in enumerate("abcd", 1)]
        later = view_from(tmp_path, day(3), customers=rows)
        earlier = later.at(day(1))
        assert (earlier.as_of, later.as_of) == (day(1), day(3))
        assert [r["customer_id"] for r in shown(earlier, "customers")] == ["a"]
        assert [r["customer_id"] for r in shown(later, "customers")] == ["a", "b", "c"]


class TestUndated:
    def test_it_is_empty_where_all_is_dated(self, tmp_path: Path) -> None:
        rows = {n: [row | {t.TABLES[n].clock: NOW}] for n, row in DATED.items()}
        assert view_from(tmp_path, NOW, **rows).undated() == []

    @pytest.mark.parametrize("name", ["friendships", "likes", "memberships"])
    def test_it_names_a_table_where_any_row_has_no_date(self, tmp_path: Path, name: str) -> None:
        other = {"friend_id": "z", "interest": "z", "program": "z"}
        undated = DATED[name] | {k: v for k, v in other.items() if k in DATED[name]}
        dated = DATED[name] | {t.TABLES[name].clock: day(9)}
        assert view_from(tmp_path, NOW, **{name: [dated, undated]}).undated() == [name]

    def test_it_names_cities_where_any_is_known(self, tmp_path: Path) -> None:
        customers = [*PEOPLE, {"customer_id": "dan", "city": "Lima"}]
        assert view_from(tmp_path / "a", NOW, customers=customers).undated() == ["customers.city"]
        assert view_from(tmp_path / "b", NOW, customers=PEOPLE).undated() == []


class TestFriends:
    def test_it_is_a_graph_with_every_customer_and_the_attributes_of_each_tie(
        self, tmp_path: Path
    ) -> None:
        tie = {"customer_id": "ann", "friend_id": "bob", "since": day(2), "interactions": 7.0}
        friends = view_from(tmp_path, NOW, customers=PEOPLE, friendships=[tie]).friends()
        assert type(friends) is nx.Graph
        assert set(friends.nodes) == {"ann", "bob", "cas"}
        assert [set(edge) for edge in friends.edges] == [{"ann", "bob"}]
        assert friends.edges["bob", "ann"] == {"since": pd.Timestamp(day(2)), "interactions": 7.0}

    def test_it_is_directed_when_any_friendship_is(self, tmp_path: Path) -> None:
        ties = [
            {"customer_id": "ann", "friend_id": "bob", "directed": True, "interactions": 1.0},
            {"customer_id": "ann", "friend_id": "cas", "directed": False, "interactions": 2.0},
            {"customer_id": "bob", "friend_id": "cas", "interactions": 3.0},
        ]
        friends = view_from(tmp_path, NOW, customers=PEOPLE, friendships=ties).friends()
        assert type(friends) is nx.DiGraph
        weights = {(a, b): data["interactions"] for a, b, data in friends.edges(data=True)}
        assert weights == {
            ("ann", "bob"): 1.0,
            ("ann", "cas"): 2.0,
            ("cas", "ann"): 2.0,
            ("bob", "cas"): 3.0,
            ("cas", "bob"): 3.0,
        }

    def test_two_opposite_directed_friendships_are_two_edges(self, tmp_path: Path) -> None:
        ties = [
            {"customer_id": a, "friend_id": b, "directed": True, "interactions": n}
            for a, b, n in (("ann", "bob", 1.0), ("bob", "ann", 2.0))
        ]
        friends = view_from(tmp_path, NOW, customers=PEOPLE, friendships=ties).friends()
        assert friends.edges["ann", "bob"]["interactions"] == 1.0
        assert friends.edges["bob", "ann"]["interactions"] == 2.0

    def test_friendships_and_customers_to_come_are_not_in_it(self, tmp_path: Path) -> None:
        view = view_from(
            tmp_path,
            NOW,
            customers=[*PEOPLE, {"customer_id": "dan", "joined_at": day(11)}],
            friendships=[
                {"customer_id": "ann", "friend_id": "bob", "since": NOW},
                {"customer_id": "bob", "friend_id": "cas", "since": day(11), "directed": True},
            ],
        )
        friends = view.friends()
        assert set(friends.nodes) == {"ann", "bob", "cas"}
        assert [set(edge) for edge in friends.edges] == [{"ann", "bob"}]
        assert set(view.at(day(11)).friends().nodes) == {"ann", "bob", "cas", "dan"}

    def test_without_friendships_everybody_is_alone(self, tmp_path: Path) -> None:
        friends = view_from(tmp_path, NOW, customers=PEOPLE).friends()
        assert (set(friends.nodes), friends.number_of_edges()) == ({"ann", "bob", "cas"}, 0)


class TestPurchases:
    def test_they_are_a_frame_in_the_contract_s_columns(self, tmp_path: Path) -> None:
        rows = [
            {
                "purchase_id": "2",
                "order_id": "b1",
                "customer_id": "ann",
                "product_id": "tea",
                "at": day(2),
                "store_id": "s",
                "quantity": 1.5,
                "amount": 2**53 + 1,
                "currency": "EUR",
                "channel": "web",
            },
            {"purchase_id": "1", "customer_id": "bob", "product_id": "pot", "at": day(3)},
            {"purchase_id": "3", "customer_id": "bob", "product_id": "pot", "at": day(11)},
        ]
        purchases = view_from(tmp_path, NOW, purchases=rows[:1]).purchases()
        assert isinstance(purchases, pd.DataFrame)
        assert purchases.to_dict("records") == rows[:1]
        assert list(purchases.columns) == [f.name for f in t.PURCHASES.fields]
        assert purchases["at"].dt.tz is not None
        all_of_them = view_from(tmp_path, NOW, purchases=rows).purchases()
        assert list(all_of_them["purchase_id"]) == ["1", "2"]


def test_a_date_is_a_date(tmp_path: Path) -> None:
    born = {"customer_id": "ann", "birth_date": date(1901, 2, 3)}
    view = view_from(tmp_path, NOW, customers=[born])
    assert shown(view, "customers") == [born]
