"""The evidence of an edge: as many rows as its exposures, on both engines."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.deliveries import deliver
from support.snapshots import day

from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import view_of
from followsuit.influence.analysis import Analysis
from followsuit.loaders.load import load
from followsuit.loaders.mapping import Mapping
from followsuit.queries.runner import run_query

AS_OF = day(60)
WINDOW = timedelta(days=9)
CUSTOMERS = [f"c{n:02}" for n in range(14)]
MINORS = {"c03": date(2012, 1, 1), "c04": AS_OF.date().replace(year=2007) + timedelta(days=1)}
ITEMS = [f"p{n}" for n in range(15)]
RETURNS = Mapping.model_validate({"tables": {"purchases": {"returns": True}}})


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directed and undirected friends, dates, minors, returns, sensitive items, later rows."""
    rng = np.random.default_rng(8)
    born: dict[str, Any] = {"c05": AS_OF.date().replace(year=2007), "c06": date(1980, 2, 29)}
    pairs = [(a, b) for a in CUSTOMERS for b in CUSTOMERS if a != b and rng.random() < 0.3]
    bought = []
    for n in range(500):
        sign = -1 if rng.random() < 0.15 else 1
        # Whole hours of few days, so that many interactions have the same second.
        at = day(int(rng.integers(1, 70)), int(rng.integers(0, 2)))
        bought.append(
            {
                "purchase_id": f"u{n}",
                "customer_id": rng.choice(CUSTOMERS),
                "product_id": rng.choice(ITEMS),
                "at": at.isoformat(),
                "store_id": rng.choice(["", "", "s0", "S1", "s2"]),
                "quantity": sign if rng.random() < 0.5 else None,
                "amount": sign * 2.5,
            }
        )
    return deliver(
        tmp_path_factory.mktemp("shop") / "delivery",
        customers=[{"customer_id": c, "birth_date": (born | MINORS).get(c)} for c in CUSTOMERS],
        products=[
            {"product_id": p, "sensitive": p == "p0", "category": "Pills" if p == "p2" else None}
            for p in ITEMS
        ],
        stores=[
            {"store_id": s, "category": "Pills" if s == "s2" else None}
            for s in ("s0", "p1", "S1", "s2")
        ],
        categories=[{"category": "Pills", "sensitive": True}],
        sensitive_values=[{"table": "stores", "value": "s1"}],
        friendships=[
            {
                "customer_id": a,
                "friend_id": b,
                "directed": rng.random() < 0.6,
                "since": day(int(rng.integers(1, 66))).isoformat() if rng.random() < 0.5 else None,
            }
            for a, b in pairs
        ],
        purchases=bought,
        visits=[
            {
                "customer_id": rng.choice(CUSTOMERS),
                "store_id": rng.choice(["s0", "p1", "S1", "s2"]),
                "at": day(int(rng.integers(1, 70))).isoformat(),
            }
            for _ in range(30)
        ],
    )


def test_the_rows_are_the_exposures_that_the_edge_counts(store: GraphStore, delivery: Path) -> None:
    load(store, str(delivery), RETURNS, assume_consent=True)
    analysis = Analysis(store, view_of(store, AS_OF))
    influence = analysis.learn(WINDOW)
    analysis.write(influence, AS_OF)
    network, names = influence.log.network, influence.log.customers
    ends = zip(network.source.tolist(), network.target.tolist(), strict=True)
    counted = {
        (names[s], names[t]): int(n) for (s, t), n in zip(ends, influence.exposures, strict=True)
    }
    assert sum(n > 0 for n in counted.values()) > 40
    assert any(n == 0 for n in counted.values())
    assert not {name for pair in counted for name in pair} & set(MINORS)
    asked = {
        (f, c): run_query(
            store,
            "influence-evidence",
            {"friend_id": f, "customer_id": c, "within": WINDOW, "until": AS_OF},
        ).num_rows
        for f in CUSTOMERS
        for c in CUSTOMERS
    }
    assert sum(asked.values()) > 100
    edges = set(
        zip(*(influence.table()[end].to_pylist() for end in ("source", "target")), strict=True)
    )
    assert {pair: n for pair, n in asked.items() if n} == {
        pair: n for pair, n in counted.items() if pair in edges
    }
