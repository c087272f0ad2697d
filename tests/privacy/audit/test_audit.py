"""The audit on shops: who does not share changes nothing, and planted leaks are found."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.deliveries import Rows, deliver

from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.privacy.audit.audit import audit
from followsuit.privacy.audit.membership import SAMPLE
from followsuit.testing.places import Place

AS_OF = datetime(2025, 3, 1, tzinfo=UTC)
N = 240
SHARE = 120
"""The first of the customers share their activity."""
MOTHERS = [int(n) for n in np.random.default_rng(1).choice(SHARE, 30, replace=False)]


def shop() -> dict[str, Rows]:
    """Everybody has four friends and six purchases; some bought what is sensitive, and lotion."""
    chance = np.random.default_rng(0)
    ids = [f"c{n:03}" for n in range(N)]
    purchases = [(c, f"p{item:02}") for c in ids for item in chance.choice(40, 6, replace=False)]
    purchases += [(ids[n], item) for n in MOTHERS for item in ("test", "lotion")]
    consents = [(c, "contact") for c in ids] + [(c, "social_use") for c in ids[:SHARE]]
    return {
        "customers": [{"customer_id": c, "birth_date": "1990-01-01"} for c in ids],
        "products": [
            {"product_id": p, "category": kind, "sensitive": kind == "pregnancy"}
            for p, kind in [
                *((f"p{item:02}", "food") for item in range(40)),
                ("lotion", "care"),
                ("test", "pregnancy"),
            ]
        ],
        "friendships": [
            {"customer_id": ids[n], "friend_id": ids[(n + step) % N]}
            for n in range(N)
            for step in (1, 2)
        ],
        "purchases": [
            {"customer_id": c, "product_id": p, "at": f"2025-02-{15 + i % 14}"}
            for i, (c, p) in enumerate(purchases)
        ],
        "consents": [
            {"customer_id": c, "purpose": p, "granted": "true", "at": "2025-01-01"}
            for c, p in consents
        ],
    }


@pytest.fixture
def store(embedded: Place, tmp_path: Path) -> Iterator[GraphStore]:
    with embedded.open() as opened:
        load(opened, str(deliver(tmp_path / "shop", **shop())))
        yield opened


def of_friends(consent: str) -> str:
    """Cypher for offers of what friends bought."""
    return (
        f"MATCH (c:Customer)-[:FRIEND_OF]-(f:Customer)-[r:PURCHASED]->(p:Product) {consent} "
        "WITH DISTINCT c, p WHERE NOT (c)-[:PURCHASED]->(p) AND p.product_id STARTS WITH 'p' "
        "RETURN c.customer_id AS customer_id, 'product' AS item_kind, p.product_id AS item_id, "
        "'friend_bought' AS trigger"
    )


def careful(store: GraphStore) -> pd.DataFrame:
    """Offers that rest on friends who share alone."""
    shares = "MATCH (f)-[:CONSENTED]->(:Purpose {purpose: 'social_use'})"
    return store.query(of_friends(shares)).to_pandas()


def careless(store: GraphStore) -> pd.DataFrame:
    """Offers that rest on all friends, whatever they agreed to."""
    return store.query(of_friends("")).to_pandas()


def telling(store: GraphStore) -> pd.DataFrame:
    """Careful offers, and coupons for lotion to those who bought it."""
    lotion = store.query(
        "MATCH (c:Customer)-[:PURCHASED]->(p:Product {product_id: 'lotion'}) RETURN "
        "c.customer_id AS customer_id, 'product' AS item_kind, p.product_id AS item_id, "
        "'repeat' AS trigger"
    )
    return pd.concat([careful(store), lotion.to_pandas()])


def test_customers_who_do_not_share_leave_no_trace_in_others_offers(store: GraphStore) -> None:
    sharing, silent = audit(store, AS_OF, "linear", outputs=careful).membership
    assert (sharing.group, silent.group) == ("share activity", "don't share")
    assert silent.left_out == 12 <= SAMPLE
    assert silent.changed == 0
    assert silent.sources == {}
    assert all(each.low <= 0 <= each.high for each in silent.advantage.values())
    assert sharing.advantage["friends"].low > 0
    assert set(sharing.sources) == {"friend_bought"}


def test_a_planted_leak_of_membership_is_found_with_where_it_comes_from(store: GraphStore) -> None:
    (_, silent) = audit(store, AS_OF, "linear", outputs=careless).membership
    assert silent.advantage["friends"].low > 0
    assert silent.changed > 0
    assert set(silent.sources) == {"friend_bought"}


def test_offers_that_say_nothing_of_sensitive_purchases_pass(store: GraphStore) -> None:
    report = audit(store, AS_OF, "linear", outputs=careful)
    (kind,) = report.inference
    assert (kind.kind, kind.customers) == ("pregnancy", len(MOTHERS))
    assert kind.advantage.low <= 0 <= kind.advantage.high
    assert report.revealing.empty


def test_coupons_that_tell_of_a_pregnancy_are_found_and_to_be_blocked(store: GraphStore) -> None:
    report = audit(store, AS_OF, "linear", outputs=telling)
    assert report.inference[0].advantage.low > 0.5
    assert report.revealing.item_id.tolist() == ["lotion"]
    assert report.as_dict()["reveals_sensitive"][0]["kind"] == "pregnancy"


def test_later_purchases_are_not_looked_at(store: GraphStore) -> None:
    early = datetime(2025, 2, 1, tzinfo=UTC)
    assert audit(store, early, "linear", outputs=telling).inference == []


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_offers_of_score_hold_no_trace_of_who_does_not_share(
    store: GraphStore, few_days: None
) -> None:
    before = store.meta.entries
    report = audit(store, AS_OF, "linear")
    assert store.meta.entries == before
    silent = report.membership[1]
    assert silent.changed == 0
    assert report.revealing.empty
