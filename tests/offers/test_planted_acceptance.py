"""A planted acceptance is found again: that of fans whose friend goes to a show, by card."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.deliveries import deliver
from support.linear_taste import score

from followsuit.graph.connect import connect
from followsuit.loaders.load import load
from followsuit.offers.selection import Selection
from followsuit.triggers.definitions.definition_file import parsed

NOW = datetime(2025, 6, 15, tzinfo=UTC)
PLANTED, OTHERS = 0.62, 0.08
"""How likely fans with the card accept, and how likely those who lack a condition do."""
MOMENTS = 10
GROUPS = {"all": 130, "no fan": 40, "no card": 40, "no close friend": 40}
"""Customers of each moment, by the condition that they lack."""
TRIGGER = """
[friend_goes_to_a_show]
when = [
  { friend_did = "purchase", where = { category = "tickets" }, within = "2d", interactions = 20 },
  { likes = "Neil Diamond" },
  { holds = "platinum" },
]
offer = { same = "product" }
"""
Rows = list[dict[str, Any]]


def planted(seed: int) -> dict[str, Rows]:
    """Each week a show: a friend buys a ticket, and some customers follow within two weeks."""
    random, start = np.random.default_rng(seed), NOW - timedelta(days=200)
    tables: dict[str, Rows] = {
        "products": [{"product_id": "bread", "category": "food"}],
        **{name: [] for name in ("customers", "friendships", "likes", "memberships", "purchases")},
        "consents": [],
    }

    def add(table: str, **row: Any) -> None:
        tables[table].append(row)

    def person(name: str) -> None:
        add("customers", customer_id=name, birth_date="1980-01-01")
        for purpose in ("contact", "social_use"):
            at = start.isoformat()
            add("consents", customer_id=name, purpose=purpose, granted="true", at=at)
        at = start + timedelta(days=float(random.uniform(1, 20)))
        add("purchases", customer_id=name, product_id="bread", at=at.isoformat())

    for week in range(MOMENTS):
        moment, show = NOW - timedelta(days=7 * week), f"show{week}"
        add("products", product_id=show, category="tickets")
        person(f"friend{week}")
        bought = (moment - timedelta(days=1)).isoformat()
        add("purchases", customer_id=f"friend{week}", product_id=show, at=bought)
        for group, size in GROUPS.items():
            for number in range(size):
                name = f"{group} {week} {number}"
                person(name)
                if group != "no fan":
                    add("likes", customer_id=name, interest="Neil Diamond")
                if group != "no card":
                    since = start.isoformat()
                    add("memberships", customer_id=name, program="platinum", since=since)
                close = 2 if group == "no close friend" else 30
                ends = {"customer_id": name, "friend_id": f"friend{week}"}
                add("friendships", **ends, interactions=close, directed="true")
                if random.random() < (PLANTED if group == "all" else OTHERS):
                    at = moment + timedelta(days=float(random.uniform(0.1, 13.9)))
                    add("purchases", customer_id=name, product_id=show, at=at.isoformat())
    # What follows today is unknown.
    tables["purchases"] = [r for r in tables["purchases"] if r["at"] <= NOW.isoformat()]
    return tables


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The offer of today's show to each of its customers."""
    folder = tmp_path_factory.mktemp("show")
    store = connect(folder / "shop.lbug")
    load(store, str(deliver(folder / "shop", **planted(seed=1))))
    report = score(
        store,
        NOW,
        NOW,
        triggers=parsed(TRIGGER, "shop.toml"),
        selection=Selection(everyone=True),
        max_age=timedelta(days=30),
    )
    rows = pq.read_table(report.rows).to_pylist()
    assert report.acceptance.calibration is not None
    assert "friend_goes_to_a_show" in report.acceptance.calibration.by_trigger
    return {row["customer_id"]: row for row in rows if row["item_id"] == "show0"}


def test_the_interval_of_those_who_meet_all_conditions_holds_the_planted_acceptance(
    offered: dict[str, dict[str, Any]],
) -> None:
    rows = [row for name, row in offered.items() if name.startswith("all 0 ")]
    assert len(rows) == GROUPS["all"]
    for row in rows:
        assert row["trigger"] == "friend_goes_to_a_show"
        assert row["low"] <= PLANTED <= row["high"]
        assert row["low"] <= row["probability"] <= row["high"]
        assert row["trigger_share"] > 0.3
        assert row["own_share"] + row["trigger_share"] == pytest.approx(row["probability"])


@pytest.mark.parametrize("lacks", [group for group in GROUPS if group != "all"])
def test_without_any_condition_the_probability_falls(
    offered: dict[str, dict[str, Any]], lacks: str
) -> None:
    whole = min(row["probability"] for n, row in offered.items() if n.startswith("all 0 "))
    rows = [row for name, row in offered.items() if name.startswith(f"{lacks} 0 ")]
    assert rows
    for row in rows:
        assert row["trigger"] is None
        assert row["probability"] < whole / 2
