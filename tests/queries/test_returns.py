"""No query of the library counts returns (negative quantity or amount) as purchases."""

import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow.compute as pc
import pytest
from support.deliveries import Rows, deliver
from support.snapshots import day

from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import view_of
from followsuit.influence.analysis import Analysis
from followsuit.loaders.load import load
from followsuit.loaders.mapping import Mapping
from followsuit.queries.library import library
from followsuit.queries.runner import run_query

RETURNS = Mapping.model_validate({"tables": {"purchases": {"returns": True}}})
NOW = day(90)

BOUGHT = {
    "full": (2, 30),
    "free": (1, 0),
    "unpriced": (1, None),
    "bare": (None, None),
    "priced": (None, 30),
    "gift": (0, 0),
}
"""Quantity and amount of purchases."""
RETURNED = {
    "both": (-2, -30),
    "quantity": (-1, None),
    "amount": (None, -30),
    "unpaid": (-1, 0),
    "refund": (1, -30),
    "unsigned": (-1, 30),
}
"""Of returns: a negative one of either, whatever the other is."""
SOLD = BOUGHT | RETURNED


def _purchases() -> Rows:
    """A row of each kind by `<kind>`, of `hat` on day 10; and what stands around it."""
    made = [("first", "ann", "hat", 5, "full"), ("then", "zed", "hat", 40, "full")]
    for kind in SOLD:
        made += [(f"{kind}-hat", kind, "hat", 10, kind), (f"{kind}-cap", kind, "cap", 11, "full")]
        made += [(f"{kind}-late", kind, "cap", 60, kind)]
    return [
        {
            "purchase_id": key,
            "customer_id": customer,
            "product_id": product,
            "at": day(at).isoformat(),
            "quantity": SOLD[kind][0],
            "amount": SOLD[kind][1],
        }
        for key, customer, product, at, kind in made
    ]


Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def ask(store: GraphStore, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Runs a query on a shop where each customer has bought or returned as their name says."""
    friends = [{"customer_id": kind, "friend_id": f} for kind in SOLD for f in ("ann", "zed")]
    folder = tmp_path_factory.mktemp("returns") / "delivery"
    delivery = deliver(folder, friendships=friends, purchases=_purchases())
    load(store, str(delivery), RETURNS, assume_consent=True)
    analysis = Analysis(store, view_of(store, NOW))
    analysis.write(analysis.learn(), NOW)

    def rows(name: str, **parameters: Any) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = run_query(store, name, parameters, now=NOW).to_pylist()
        return answer

    return rows


def test_friends_have_bought_what_they_did_not_return(ask: Ask) -> None:
    hats = [
        row
        for row in ask("friends-recent-purchases", customer_id="zed")
        if row["product_id"] == "hat"
    ]
    assert {row["friend_id"] for row in hats} == {*BOUGHT}


def test_a_return_neither_follows_a_friends_purchase_nor_goes_before_one(ask: Ask) -> None:
    rows = ask("bought-after-a-friend", within=60)
    hats = [(row["customer_id"], row["friend_id"]) for row in rows if row["product_id"] == "hat"]
    assert {customer for customer, friend in hats if friend == "ann"} == {*BOUGHT}
    assert {friend for customer, friend in hats if customer == "zed"} == {*BOUGHT}


def test_products_are_not_bought_together_where_one_was_returned(ask: Ask) -> None:
    for one, other in (("hat", "cap"), ("cap", "hat")):
        (row,) = ask("bought-together", product_id=one, at_least=1)
        assert (row["product_id"], row["customers"]) == (other, len(BOUGHT))
        assert row["support"] == len(BOUGHT) / (2 + len(SOLD))


def test_a_return_breaks_no_silence_and_counts_towards_no_habit(ask: Ask) -> None:
    lapsed = ask("lapsed-customers", since=day(50), at_least=1)
    assert {row["customer_id"]: row["purchases"] for row in lapsed} == {
        "ann": 1,
        "zed": 1,
        **dict.fromkeys(RETURNED, 1),
    }
    assert {row["last_at"] for row in lapsed if row["customer_id"] in RETURNED} == {day(11)}


def test_returns_subtract_from_the_amount_and_are_not_counted(ask: Ask) -> None:
    top = ask("top-customers", until=day(30))
    cap = 3000
    returned = {
        "both": -3000,
        "quantity": 0,
        "amount": -3000,
        "unpaid": 0,
        "refund": -3000,
        "unsigned": -3000,
    }
    bought = {"full": 3000, "free": 0, "unpriced": 0, "bare": 0, "priced": 3000, "gift": 0}
    assert {row["customer_id"]: (row["purchases"], row["amount"]) for row in top} == {
        "ann": (1, 3000),
        **{kind: (2, cap + amount) for kind, amount in bought.items()},
        **{kind: (1, cap + amount) for kind, amount in returned.items()},
    }


def test_customers_with_only_returns_have_bought_nothing(ask: Ask) -> None:
    top = {row["customer_id"]: row for row in ask("top-customers", since=day(50))}
    assert (top["both"]["purchases"], top["both"]["amount"]) == (0, -3000)
    assert (top["quantity"]["purchases"], top["quantity"]["amount"]) == (0, 0)


def test_a_friends_return_shows_nothing_of_influence(ask: Ask) -> None:
    for kind in SOLD:
        rows = ask("influence-evidence", friend_id="ann", customer_id=kind)
        assert [row["followed"] for row in rows] == [kind in BOUGHT]
        led = ask("influence-evidence", friend_id=kind, customer_id="zed", within=40)
        hats = [row["followed"] for row in led if row["item_id"] == "hat"]
        assert hats == ([True] if kind in BOUGHT else [])


def test_the_record_distinguishes_returns_from_purchases(ask: Ask) -> None:
    for kind in SOLD:
        rows = ask("customer-record", customer_id=kind)
        told = {
            json.loads(row["detail"])["purchase_id"]: row["kind"]
            for row in rows
            if row["id"] in ("hat", "cap")
        }
        own = "purchased" if kind in BOUGHT else "returned"
        assert told == {f"{kind}-hat": own, f"{kind}-cap": "purchased", f"{kind}-late": own}


@pytest.mark.parametrize("name", sorted(set(library()) - {"counts"}))
def test_every_query_on_purchases_excludes_returns_the_same_way(name: str) -> None:
    cypher = library()[name].cypher
    for variable in re.findall(r"\[(\w*):[^]]*PURCHASED", cypher):
        said = f"coalesce({variable}.quantity, 0) >= 0 AND coalesce({variable}.amount, 0) >= 0"
        assert said in cypher


def test_the_shop_has_every_kind_of_row(ask: Ask, store: GraphStore) -> None:
    counted = run_query(store, "counts")
    sold = counted.filter(pc.field("name") == "PURCHASED")["n"].to_pylist()
    assert sold == [2 + 3 * len(SOLD)]
