"""The keys of rows, given or derived."""

from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver
from support.loading import counts, load_from, load_rows, rows, values

from followsuit.testing.places import Place

BUY: dict[str, Any] = {"customer_id": "c1", "product_id": "p1", "at": "2025-01-01", "amount": "5"}


class TestKeys:
    def test_the_last_row_of_a_key_wins_and_the_earlier_are_duplicates(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        said = load_rows(
            embedded,
            tmp_path,
            customers=[
                {"customer_id": "c1", "name": "first", "city": "Rome"},
                {"customer_id": "c2", "name": "only", "city": ""},
                {"customer_id": "c1", "name": "second", "city": "Oslo"},
                {"customer_id": " c1 ", "name": "last", "city": ""},
            ],
            purchases=[BUY | {"purchase_id": "b1", "amount": n} for n in (1, 3, 2)],
            consents=[
                {"customer_id": "c1", "purpose": p, "granted": g, "at": "2025-01-01"}
                for p, g in [("email", 1), ("EMAIL", "true"), ("email", 0)]
            ],
        )
        assert said == {
            "customers": (4, 2, 2, 0),
            "purchases": (3, 1, 2, 0),
            "consents": (3, 2, 1, 0),
        }
        assert rows(embedded, "customers")[0] == {"customer_id": "c1", "name": "last"}
        assert values(embedded, "purchases", "amount") == [200]

    def test_a_rejected_row_of_a_key_does_not_win(self, embedded: Place, tmp_path: Path) -> None:
        people = [
            {"customer_id": "c1", "name": "good", "birth_date": ""},
            {"customer_id": "c1", "name": "bad", "birth_date": "soon"},
        ]
        assert load_rows(embedded, tmp_path, customers=people) == {"customers": (2, 1, 0, 1)}
        assert values(embedded, "customers", "name") == ["good"]

    def test_the_last_part_wins_and_part_2_comes_before_part_10(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        parts = {
            f"part-{n}": [{"customer_id": "c1", "name": f"from part {n}"}] for n in (10, 9, 2, 1)
        }
        deliver(tmp_path / "d" / "customers", **parts)
        assert counts(load_from(embedded, tmp_path / "d")) == {"customers": (4, 1, 3, 0)}
        assert values(embedded, "customers", "name") == ["from part 10"]

    @pytest.mark.parametrize("order", ["number", "time"])
    def test_the_earliest_row_of_a_key_wins_where_the_mapping_says_so(
        self, embedded: Place, tmp_path: Path, order: str
    ) -> None:
        days = ("2025-01-10", "2025-01-09", "", "2025-01-09")
        ranks = {"number": ("10", "9", "", "9"), "time": days}
        names = ("later", "earliest", "undated", "as early, but after")
        stores = [
            {"store_id": "s1", "name": name, "seen": seen}
            for name, seen in zip(names, ranks[order], strict=True)
        ]
        folder = deliver(tmp_path / "d", stores=stores)
        report = load_from(embedded, folder, {"stores": {"earliest_by": "seen"}})
        assert counts(report) == {"stores": (4, 1, 3, 0)}
        assert values(embedded, "stores", "name") == ["earliest"]


class TestFriendships:
    def test_both_directions_of_an_undirected_friendship_are_one(
        self, place: Place, tmp_path: Path
    ) -> None:
        friends = [
            {"customer_id": "c2", "friend_id": "c1", "interactions": "1"},
            {"customer_id": "c1", "friend_id": "c2", "interactions": "2"},
        ]
        assert load_rows(place, tmp_path, friendships=friends) == {"friendships": (2, 1, 1, 0)}
        one = {"customer_id": "c1", "friend_id": "c2", "interactions": 2.0, "directed": False}
        assert rows(place, "friendships") == [one]
        # The other way round, in a later delivery, it is the same one still.
        assert load_rows(place, tmp_path, friendships=friends[:1]) == {"friendships": (1, 1, 0, 0)}
        assert rows(place, "friendships") == [one | {"interactions": 1.0}]

    def test_two_opposite_directed_rows_are_two(self, place: Place, tmp_path: Path) -> None:
        friends = [
            {"customer_id": "c2", "friend_id": "c1", "directed": "1"},
            {"customer_id": "c1", "friend_id": "c2", "directed": "true"},
        ]
        assert load_rows(place, tmp_path, friendships=friends) == {"friendships": (2, 2, 0, 0)}
        friendships = [
            (r["customer_id"], r["friend_id"], r["directed"]) for r in rows(place, "friendships")
        ]
        assert friendships == [("c1", "c2", True), ("c2", "c1", True)]

    def test_ids_are_compared_as_text(self, embedded: Place, tmp_path: Path) -> None:
        friends = [
            {"customer_id": "9", "friend_id": "10"},
            {"customer_id": "007", "friend_id": "7"},
        ]
        load_rows(embedded, tmp_path, friendships=friends)
        pairs = [(r["customer_id"], r["friend_id"]) for r in rows(embedded, "friendships")]
        assert pairs == [("007", "7"), ("10", "9")]


class TestDerivedIds:
    def test_two_identical_purchases_stay_two(self, embedded: Place, tmp_path: Path) -> None:
        bought = [BUY, BUY, BUY | {"amount": "7"}]
        assert load_rows(embedded, tmp_path, purchases=bought) == {"purchases": (3, 3, 0, 0)}
        assert sorted(values(embedded, "purchases", "amount")) == [500, 500, 700]

    def test_every_kind_of_event_gets_an_id_of_its_content(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        who = {"customer_id": "c1", "at": "2025-01-01"}
        said = load_rows(
            embedded,
            tmp_path,
            visits=[who | {"store_id": "s1"}] * 2,
            events=[who | {"kind": kind, "product_id": "p1"} for kind in ("view", "VIEW", "cart")],
            contacts=[who | {"offer_id": "o1", "channel": "sms"}] * 2,
        )
        assert said == {"visits": (2, 2, 0, 0), "events": (3, 3, 0, 0), "contacts": (2, 2, 0, 0)}
        for table, key in (
            ("visits", "visit_id"),
            ("events", "event_id"),
            ("contacts", "contact_id"),
        ):
            assert len(set(values(embedded, table, key))) == said[table][1]

    def test_they_are_the_same_when_loaded_again_and_when_the_file_is_cut_up(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        bought = [BUY | {"amount": str(i // 3)} for i in range(60)]
        load_rows(embedded, tmp_path, purchases=bought)
        ids = values(embedded, "purchases", "purchase_id")
        assert len(set(ids)) == 60
        parts = {f"part-{i}": bought[5 * i : 5 * i + 5] for i in range(12)}
        deliver(tmp_path / "parts" / "purchases", **parts)
        assert counts(load_from(embedded, tmp_path / "parts")) == {"purchases": (60, 60, 0, 0)}
        assert values(embedded, "purchases", "purchase_id") == ids

    def test_they_do_not_depend_on_how_the_same_content_is_written(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        load_rows(embedded, tmp_path, purchases=[BUY])
        again = BUY | {"at": "2025-01-01T01:00:00+01:00", "amount": "5.00", "product_id": " p1"}
        load_rows(embedded, tmp_path, purchases=[again | {"channel": ""}])
        assert len(rows(embedded, "purchases")) == 1

    def test_only_the_rows_without_an_id_get_one(self, embedded: Place, tmp_path: Path) -> None:
        bought = [BUY | {"purchase_id": i} for i in ("b1", "", "", "b1")]
        assert load_rows(embedded, tmp_path, purchases=bought) == {"purchases": (4, 3, 1, 0)}
        assert "b1" in values(embedded, "purchases", "purchase_id")
