"""Facts of snapshots in which a whole kind of thing is missing."""

from pathlib import Path

import pytest
from support.snapshots import Rows, day, snapshot_from

from followsuit.graph.facts import Facts

CUSTOMERS = [{"customer_id": "a"}, {"customer_id": "b"}]
FRIENDS = [{"customer_id": "a", "friend_id": "b"}]
PRODUCTS = [{"product_id": "p", "sensitive": False}]
SENSITIVE = [{"product_id": "p", "sensitive": True}]
BOUGHT = [{"customer_id": "a", "product_id": "p", "at": day(2)}]


@pytest.mark.parametrize(
    ("rows", "customers", "items", "ties"),
    [
        ({}, 0, 0, 0),
        ({"products": PRODUCTS}, 0, 1, 0),
        ({"customers": CUSTOMERS, "friendships": FRIENDS}, 2, 0, 2),
        ({"customers": CUSTOMERS, "products": SENSITIVE, "purchases": BOUGHT}, 2, 0, 0),
    ],
)
def test_what_is_missing_leaves_empty_tables(
    rows: dict[str, Rows], customers: int, items: int, ties: int, tmp_path: Path
) -> None:
    facts = Facts(snapshot_from(tmp_path, day(5), **rows))
    assert (len(facts.customers), len(facts.items.id)) == (customers, items)
    assert facts.codes.count().execute() == customers
    assert facts.acts.count().execute() == facts.firsts.count().execute() == 0
    assert facts.ties.count().execute() == ties
