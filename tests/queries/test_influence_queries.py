"""The library's queries on influence, on both engines, over a few edges written by hand."""

from datetime import timedelta
from typing import Any

import pytest

from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore
from followsuit.queries.runner import run_query
from followsuit.testing.graph_rows import NOON, nodes, rows

DAY = timedelta(days=1)


def edge(
    source: str, target: str, category: str, probability: float, **more: Any
) -> dict[str, Any]:
    return {
        "source": source,
        "target": target,
        "run_id": "now",
        "category": category,
        "probability": probability,
        "low": 0.0,
        "high": 0.5,
        "evidence": 4.0,
        "grade": "observed",
    } | more


def bought(customer: str, product: str, days: float) -> dict[str, Any]:
    return {
        "source": customer,
        "target": product,
        "at": NOON + days * DAY,
        "purchase_id": f"{customer} {product} {days}",
    }


@pytest.fixture(scope="module")
def shop(store: GraphStore) -> GraphStore:
    with store.writing():
        store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ana", "ben", "cem"))
        store.write(g.CITY, nodes(g.CITY, "Ulm"))
        store.write(g.PRODUCT, nodes(g.PRODUCT, "tea", "cup", "pot", "jam"))
        store.write(g.LIVES_IN, rows(g.LIVES_IN, {"source": "ana", "target": "Ulm"}))
        run = {
            "kind": "influence",
            "as_of": NOON,
            "created_at": NOON,
            "customers": 3,
            "offers": 0,
            "parameters": "{}",
        }
        store.write(
            g.RUN,
            rows(
                g.RUN,
                run | {"run_id": "now", "active": True},
                run | {"run_id": "old", "active": False},
            ),
        )
        store.write(
            g.INFLUENCES,
            rows(
                g.INFLUENCES,
                edge("ana", "ben", "*", 0.2),
                edge("ana", "cem", "*", 0.1),
                edge("cem", "ben", "*", 0.25, evidence=9.0),
                edge("ana", "ben", "Tea", 0.4),
                edge("ben", "ana", "*", 0.9, run_id="old"),
            ),
        )
        store.write(
            g.FRIEND_OF,
            rows(
                g.FRIEND_OF,
                *({"source": "ana", "target": f, "directed": False} for f in ("ben", "cem")),
            ),
        )
        store.write(
            g.PURCHASED,
            rows(
                g.PURCHASED,
                *(bought("ana", "tea", 0), bought("ana", "tea", 5), bought("ben", "tea", 14)),
                *(bought("ana", "cup", 1), bought("ben", "cup", 16)),
                *(bought("ana", "pot", 2), bought("ben", "pot", 1)),
                bought("ana", "jam", 90),
            ),
        )
        store.note(revision=1)
    return store


def ask(shop: GraphStore, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    answer = run_query(shop, name, parameters, now=NOON + 100 * DAY)
    return [tuple(row.values()) for row in answer.to_pylist()]


def test_top_influencers_add_up_their_edges_of_the_active_run(shop: GraphStore) -> None:
    ana, cem = ("ana", "Ulm", "*", 2, 0.3, 8.0), ("cem", None, "*", 1, 0.25, 9.0)
    assert ask(shop, "top-influencers") == [ana, cem]
    assert ask(shop, "top-influencers", city="Ulm") == [ana]
    assert ask(shop, "top-influencers", limit=1) == [ana]
    assert ask(shop, "top-influencers", category="Tea") == [("ana", "Ulm", "Tea", 1, 0.4, 4.0)]
    assert ask(shop, "top-influencers", category="Cup") == []


def test_the_influencers_of_a_customer_come_with_interval_and_grade(shop: GraphStore) -> None:
    assert ask(shop, "influencers-of", customer_id="ben") == [
        ("ana", "Tea", 0.4, 0.0, 0.5, 4.0, "observed"),
        ("cem", "*", 0.25, 0.0, 0.5, 9.0, "observed"),
        ("ana", "*", 0.2, 0.0, 0.5, 4.0, "observed"),
    ]
    assert ask(shop, "influencers-of", customer_id="ana") == []


def test_the_evidence_of_an_edge_is_its_complete_exposures(shop: GraphStore) -> None:
    assert ask(shop, "influence-evidence", friend_id="ana", customer_id="ben") == [
        ("cup", NOON + DAY, NOON + 16 * DAY, False),
        ("tea", NOON, NOON + 14 * DAY, True),
    ]
    longer = ask(shop, "influence-evidence", friend_id="ana", customer_id="ben", within=15)
    assert [row[-1] for row in longer] == [True, True]
    assert ask(shop, "influence-evidence", friend_id="ana", customer_id="cem")[0] == (
        "pot",
        NOON + 2 * DAY,
        None,
        False,
    )
