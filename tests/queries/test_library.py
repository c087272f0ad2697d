"""Every query of the library on a shop whose answers are worked out by hand, on each engine."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.hand_made import MAPPING, NOW, ZOE, day, hand_made
from support.linear_taste import score

from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.loaders.mapping import read_mapping
from followsuit.offers.score import ScoreReport
from followsuit.queries.library import TYPES, library
from followsuit.queries.runner import run_query

SCORED = day(3, 20)
JOINED = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def run(store: GraphStore, tmp_path_factory: pytest.TempPathFactory) -> ScoreReport:
    """The shop, loaded and scored as of 20 March."""
    folder = tmp_path_factory.mktemp("delivery")
    (folder / "mapping.toml").write_text(MAPPING)
    mapping = read_mapping(str(folder / "mapping.toml"))
    load(store, str(hand_made(folder / "shop")), mapping, assume_consent=True)
    return score(store, SCORED, NOW, window=timedelta(days=30))


Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def ask(store: GraphStore, run: ScoreReport) -> Ask:
    """Runs a query as of 1 July; checks its columns and types, and returns its rows."""

    def rows(name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        answer = run_query(store, name, parameters, now=NOW)
        promised = library()[name].columns
        assert answer.schema == pa.schema({c: TYPES[kind] for c, kind in promised.items()})
        return [tuple(row.values()) for row in answer.to_pylist()]

    return rows


def test_counts_every_label_and_relationship_type(ask: Ask) -> None:
    nodes = {
        "Brand": 2,
        "Category": 2,
        "City": 2,
        "Customer": 8,
        "Embedding": 0,
        "Event": 1,
        "Interest": 1,
        "Offer": 7,
        "Product": 5,
        "Program": 1,
        "Purpose": 2,
        "Run": 1,
        "SensitiveTable": 0,
        "SensitiveValue": 0,
        "Store": 4,
    }
    relationships = {
        "CONSENTED": 3,
        "CONTACTED": 2,
        "COVERS": 8,
        "DID": 1,
        "EMBEDDED": 0,
        "FRIEND_OF": 9,
        "HOLDS": 2,
        "INCLUDES": 0,
        "INFLUENCES": 0,
        "IN_CATEGORY": 6,
        "IN_CITY": 3,
        "LIKES": 2,
        "LIVES_IN": 7,
        "OF_BRAND": 3,
        "PURCHASED": 14,
        "RECOMMENDED": 7,
        "REDEEMABLE_AT": 2,
        "SENSITIVE_IN": 0,
        "VIEWED": 1,
        "VISITED": 8,
    }
    assert ask("counts") == [
        *(("node", name, n) for name, n in nodes.items()),
        *(("relationship", name, n) for name, n in relationships.items()),
    ]


ANAS_FRIENDS = [
    ("eve", "p3", "Mug", day(3, 15), "u06"),
    ("cem", "p1", "Green tea", day(3, 5), "u02"),
    ("cem", "p2", "Black tea", day(3, 5), "u03"),
    ("ben", "p1", "Green tea", day(3, 1, 10), "u01"),
    ("ben", "p9", None, day(3, 1, 10), "u14"),
]


def test_friends_recent_purchases_follow_the_direction_of_friendships(ask: Ask) -> None:
    # Not dia, whom only her own direction ties to ana, and fay only from September on.
    assert ask("friends-recent-purchases", customer_id="ana") == ANAS_FRIENDS
    assert [row[0] for row in ask("friends-recent-purchases", customer_id="dia")] == ["ana"] * 4


def test_friends_recent_purchases_are_cut_at_both_ends_of_the_time(ask: Ask) -> None:
    named = {"customer_id": "ana", "since": "2025-03-05", "until": "2025-04-01"}
    assert ask("friends-recent-purchases", **named) == ANAS_FRIENDS[1:3]
    assert ask("friends-recent-purchases", customer_id="ana", limit=2) == ANAS_FRIENDS[:2]


def test_friends_recent_purchases_know_a_friend_from_the_day_of_the_friendship_on(ask: Ask) -> None:
    def friends(until: str) -> set[str]:
        rows = ask("friends-recent-purchases", customer_id="ana", until=until)
        return {row[0] for row in rows}

    assert friends("2025-06-14T23:59:59Z") == {"ben", "cem"}
    assert friends("2025-06-15") == {"ben", "cem", "eve"}
    assert friends("2025-09-01") == {"ben", "cem", "eve", "fay"}


def test_two_hop_reach_leaves_out_friends_and_the_customer(ask: Ask) -> None:
    assert ask("two-hop-reach", customer_id="ana") == [(ZOE, 2)]
    assert ask("two-hop-reach", customer_id=ZOE) == [("ana", 2)]
    dias = [("ben", 1), ("cem", 1), ("eve", 1), ("fay", 1)]
    assert ask("two-hop-reach", customer_id="dia") == dias
    assert ask("two-hop-reach", customer_id="dia", limit="2") == dias[:2]
    assert ask("two-hop-reach", customer_id="gus") == []


def test_bought_together_counts_buyers_once(ask: Ask) -> None:
    # Seven customers bought something; ana, ben and cem bought p1.
    assert ask("bought-together", product_id="p1", at_least=1) == [
        ("p9", None, 1, 1, 1 / 7, 7 / 3),
        ("p2", "Black tea", 2, 1, 2 / 7, 14 / 9),
        ("p3", "Mug", 1, 0, 1 / 7, 7 / 9),
    ]
    assert [row[0] for row in ask("bought-together", product_id="p1", at_least=2)] == ["p2"]
    assert ask("bought-together", product_id="p1") == []
    assert ask("bought-together", product_id="p4", at_least=1) == []


def test_visits_by_city_keep_stores_of_no_city(ask: Ask) -> None:
    assert ask("visits-by-city") == [("Lyon", 3, 2, 1), ("Porto", 3, 2, 2), (None, 1, 1, 1)]
    assert ask("visits-by-city", since="2025-03-03", until="2025-03-04") == [
        ("Lyon", 1, 1, 1),
        ("Porto", 1, 1, 1),
    ]


TOP = [
    ("cem", "EUR", 2, 2550),
    ("ana", "EUR", 3, 2200),
    ("ben", "EUR", 2, 900),
    ("ana", "USD", 1, 700),
    (ZOE, "EUR", 1, 400),
    ("dia", "USD", 1, 300),
    ("fay", "EUR", 1, 100),
    ("eve", None, 1, 0),
]


def test_top_customers_keep_currencies_apart_and_subtract_returns(ask: Ask) -> None:
    assert ask("top-customers") == TOP
    assert ask("top-customers", limit=3) == TOP[:3]
    assert ask("top-customers", since="2025-05-01", until="2025-06-01") == [
        ("ana", "EUR", 1, 1000),
        (ZOE, "EUR", 1, 400),
    ]


def test_friends_in_common_of_a_customer_and_the_same_customer_are_none(ask: Ask) -> None:
    assert ask("friends-in-common", customer_id="ana", other_id=ZOE) == [
        ("ben", None),
        ("cem", None),
    ]
    assert ask("friends-in-common", customer_id=ZOE, other_id="dia") == []
    assert ask("friends-in-common", customer_id="ana", other_id="ana") == []


def test_lapsed_customers_have_bought_before_the_day_and_not_since(ask: Ask) -> None:
    lapsed = [
        ("fay", 1, day(3, 20)),
        ("eve", 1, day(3, 15)),
        ("dia", 1, day(3, 12)),
        ("cem", 2, day(3, 5)),
        ("ben", 2, day(3, 1, 10)),
    ]
    assert ask("lapsed-customers", since="2025-04-01", at_least=1) == lapsed
    assert ask("lapsed-customers", since="2025-04-01", at_least=2) == lapsed[3:]
    assert ask("lapsed-customers", since="2025-04-01") == []
    # Ben's return of that day neither ends his silence nor is one of his purchases before it.
    assert ask("lapsed-customers", since="2025-04-01T00:00:01Z", at_least=2) == lapsed[3:]
    until = {"since": "2025-04-01T00:00:01Z", "until": "2025-08-01"}
    assert ask("lapsed-customers", **until, at_least=2) == lapsed[3:4]


AFTER = [
    ("ana", "cem", "p2", day(3, 5), day(3, 19)),
    ("ana", "ben", "p1", day(3, 1, 10), day(3, 10)),
    ("ana", "cem", "p1", day(3, 5), day(3, 10)),
    ("cem", "ben", "p1", day(3, 1, 10), day(3, 5)),
]


def test_bought_after_a_friend_reaches_as_far_as_asked_and_no_second_further(ask: Ask) -> None:
    assert ask("bought-after-a-friend") == AFTER
    assert ask("bought-after-a-friend", within="13.999") == AFTER[1:]
    assert ask("bought-after-a-friend", within="14", limit=1) == AFTER[:1]
    assert ask("bought-after-a-friend", since="2025-03-05", until="2025-03-19") == [
        AFTER[0],
        AFTER[2],
    ]


def test_bought_after_a_friend_needs_a_friendship_of_that_day_and_direction(ask: Ask) -> None:
    # Dia and fay follow ana, not she them until September; eve is her friend from June on.
    rows = ask("bought-after-a-friend", within=60)
    assert {row[:2] for row in rows} == {("ana", "ben"), ("ana", "cem"), ("cem", "ben")}


def test_offers_are_valid_from_their_start_until_before_their_end(ask: Ask) -> None:
    end, begin = datetime(2026, 1, 1, tzinfo=UTC), NOW
    unending = [
        ("o3", "Acme black", "brand", "Acme", None, None, None, None, None),
        ("o3", "Acme black", "product", "p2", None, None, None, None, None),
        ("o4", "Come by", None, None, "s2", None, end, 100, None),
        ("o5", None, "interest", "Hiking", None, None, None, None, None),
        ("o5", None, "program", "Gold", None, None, None, None, None),
    ]
    tea = ("o2", "Any tea", "category", "Tea", None, begin, None, None, 250)
    week = ("o1", "Tea week", "product", "p1", "s1", day(1, 1), day(7, 1), 50, 200)
    assert ask("offers-in-force") == [tea, *unending]
    assert ask("offers-in-force", at="2025-06-30T23:59:59Z") == [week, *unending]
    assert ask("offers-in-force", limit=2) == [tea, unending[0]]


def test_current_recommendations_are_the_run_that_was_scored(ask: Ask, run: ScoreReport) -> None:
    scored = run.offers_table().to_pylist()
    answered = ask("current-recommendations")
    assert [(o["customer_id"], o["item_id"]) for o in scored] == [
        ("ben", "p2"),
        ("dia", "p1"),
        ("dia", "s2"),
        ("fay", "p2"),
        ("fay", "p1"),
        (ZOE, "p1"),
        (ZOE, "p2"),
    ]
    columns = list(library()["current-recommendations"].columns)
    written = pq.read_table(run.rows).to_pylist()
    assert answered == [tuple(row[name] for name in columns) for row in written]
    assert {row["value"] for row in written if row["offer_id"] == "o1"} == {200}
    assert ask("current-recommendations", limit=3) == answered[:3]


OWN, OTHERS = {"listed_as": "customer_id"}, {"listed_as": "friend_id"}
TEA = {"name": "Green tea", "quantity": 1.0, "amount": 1000, "currency": "EUR"}


def test_customer_record_holds_every_interaction_friendship_consent_and_contact(ask: Ask) -> None:
    rows = ask("customer-record", customer_id="ana")
    assert [(*row[:3], json.loads(row[3])) for row in rows] == [
        ("consent given", "social_use", day(1, 1), {"granted": True}),
        ("consent refused", "email", day(1, 2), {"granted": False}),
        ("contacted", "o7", day(1, 20), {"name": "Over", "contact_id": "k1", "channel": "email"}),
        (
            "customer",
            "ana",
            JOINED,
            {"name": "Ana", "birth_date": "1990-05-05", "joined_at": JOINED.isoformat()},
        ),
        ("did", "e2", day(3, 20), {"kind": "travel", "city": "Lyon", "value": 2.5}),
        ("friend", None, day(1, 1), OWN | {"directed": True}),
        ("friend", None, day(1, 1), OTHERS | {"directed": True}),
        ("friend", None, day(1, 1), OTHERS | {"directed": True}),
        ("friend", None, day(6, 15), OWN | {"directed": False}),
        ("friend", None, day(9, 1), OWN | {"directed": True}),
        ("friend", None, None, OWN | {"directed": False}),
        ("holds", "Gold", day(1, 15), {"program": "Gold"}),
        ("likes", "Hiking", day(2, 1), {"interest": "Hiking"}),
        ("lives in", "Porto", None, {"city": "Porto"}),
        ("purchased", "p1", day(3, 10), TEA | {"purchase_id": "u04", "channel": "web"}),
        (
            "purchased",
            "p2",
            day(3, 19),
            {**TEA, "name": "Black tea", "purchase_id": "u08", "amount": 700, "currency": "USD"},
        ),
        (
            "purchased",
            "p3",
            day(4, 5, second=1),
            TEA | {"name": "Mug", "purchase_id": "u09", "amount": 200},
        ),
        ("purchased", "p1", day(6, 1), TEA | {"purchase_id": "u12"}),
        ("viewed", "p4", day(3, 1, 9), {"name": "Pot", "event_id": "e1"}),
        ("visited", "s1", day(3, 1), {"name": "One", "visit_id": "v1"}),
        ("visited", "s1", day(3, 2), {"name": "One", "visit_id": "v2"}),
    ]


def test_customer_record_dates_what_was_recommended_by_its_run(ask: Ask, run: ScoreReport) -> None:
    rows = [r for r in ask("customer-record", customer_id="fay") if r[0] == "recommended"]
    assert [row[:3] for row in rows] == [
        ("recommended", "p1", SCORED),
        ("recommended", "p2", SCORED),
    ]
    details = [json.loads(row[3]) for row in rows]
    assert {d["run_id"] for d in details} == {run.run_id}
    assert all(d["reason"] and d["probability"] and d["offer_id"] for d in details)


def test_a_customer_that_is_not_there_has_no_rows(ask: Ask) -> None:
    for name, query in library().items():
        if any(p.name == "customer_id" for p in query.parameters):
            needed = ("other_id", "friend_id")
            others = {p.name: "ana" for p in query.parameters if p.name in needed}
            assert ask(name, customer_id="n'obody\"", **others) == []


def test_answers_do_not_know_the_future(ask: Ask) -> None:
    # Ben's purchase and fay's visit of August are there, and are not seen as of July.
    assert ("ben", "p1", "Green tea", day(8, 1), "u13") not in ask(
        "friends-recent-purchases", customer_id="ana"
    )
    assert ("ben", "p1", "Green tea", day(8, 1), "u13") in ask(
        "friends-recent-purchases", customer_id="ana", until="2025-08-01"
    )


def test_times_with_a_zone_are_the_same_instants(ask: Ask) -> None:
    utc = ask("friends-recent-purchases", customer_id="ana", until="2025-03-05T00:00:00Z")
    cairo = ask("friends-recent-purchases", customer_id="ana", until="2025-03-05T02:00:00+02:00")
    python = ask("friends-recent-purchases", customer_id="ana", until=day(3, 5))
    assert utc == cairo == python == ANAS_FRIENDS[1:]
