"""Queries show of other people only what they share, by the rules in plain Python."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.deliveries import Rows, deliver
from support.snapshots import day

from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.loaders.mapping import Mapping
from followsuit.queries.runner import run_query

NOW = day(60)
WITHIN = timedelta(days=14)
CUSTOMERS = [f"c{n:02}" for n in range(24)]
BLOCKED = ["c05"]
PRODUCTS = {"jam": "Food", "tea": "Food", "oil": None, "pill": "Pharmacy", "knife": "Ware"}
STORES = {"shop": None, "Clinic": None, "chemist": "Pharmacy"}
HIDDEN_PRODUCTS, HIDDEN_STORES = {"pill", "knife"}, {"Clinic", "chemist"}
RETURNS = Mapping.model_validate({"tables": {"purchases": {"returns": True}}})

Row = dict[str, Any]


@dataclass
class Shop:
    """A random shop's tables, and who shares in it."""

    customers: list[Row] = field(default_factory=list)
    friendships: list[Row] = field(default_factory=list)
    purchases: list[Row] = field(default_factory=list)
    consents: list[Row] = field(default_factory=list)

    def grants(self, customer: str, purpose: str, assumed: bool) -> bool:
        """Whether a customer grants a purpose as of `NOW`, and is an adult."""
        (born,) = [c["birth_date"] for c in self.customers if c["customer_id"] == customer]
        mine = [c for c in self.consents if c["customer_id"] == customer]
        refused = [c["at"] for c in mine if not c["granted"] and c["purpose"] in (purpose, "all")]
        granted = [
            c["at"] for c in mine if c["granted"] and c["purpose"] == purpose and c["at"] <= NOW
        ]
        if customer in BLOCKED or (born is None and not assumed):
            return False
        if born is not None and born > date(NOW.year - 18, NOW.month, NOW.day):
            return False
        if not refused and not granted:
            return assumed and purpose == "social_use"
        return bool(granted) and (not refused or max(granted) > max(refused))

    def follows(self, customer: str, friend: str, at: datetime) -> bool:
        """Whether a customer may follow a friend by a friendship that exists at an instant."""
        return any(
            (f["since"] is None or f["since"] <= at)
            and (
                (f["customer_id"], f["friend_id"]) == (customer, friend)
                or ((f["friend_id"], f["customer_id"]) == (customer, friend) and not f["directed"])
            )
            for f in self.friendships
        )

    @property
    def usable(self) -> list[Row]:
        """The purchases until `NOW` that are neither returns nor sensitive."""
        return [
            p
            for p in self.purchases
            if p["quantity"] > 0
            and p["at"] <= NOW
            and p["product_id"] not in HIDDEN_PRODUCTS
            and p["store_id"] not in HIDDEN_STORES
        ]


def random_shop() -> Shop:
    rng = np.random.default_rng(3)

    def some(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    born = (date(1980, 1, 1), date(1990, 5, 5), date(2007, 1, 1), date(2015, 1, 1), None)
    made = Shop(
        [
            {"customer_id": c, "name": c.upper(), "birth_date": some(*born[:2], *born)}
            for c in CUSTOMERS
        ]
    )
    made.friendships = [
        {
            "customer_id": a,
            "friend_id": b,
            "since": some(None, day(int(rng.integers(1, 70)))),
            "directed": True if b < a else some(True, False, None),
        }
        for a in CUSTOMERS
        for b in CUSTOMERS
        if a != b and rng.random() < 0.2
    ]
    for n in range(700):
        made.purchases.append(
            {
                "purchase_id": f"u{n:03}",
                "customer_id": some(*CUSTOMERS),
                "product_id": some(*PRODUCTS),
                "at": day(int(rng.integers(1, 70)), int(rng.integers(0, 3))),
                "store_id": some(None, None, *STORES),
                "quantity": some(1, 1, 1, 1, -1),
            }
        )
    for customer in CUSTOMERS[2:]:
        for _ in range(int(rng.integers(1, 6))):
            purpose, granted = (
                some(*["social_use"] * 8, *["named_use"] * 4, "all"),
                some(*[True] * 5, False),
            )
            made.consents.append(
                {
                    "customer_id": customer,
                    "purpose": purpose,
                    "granted": granted and purpose != "all",
                    "at": day(int(rng.integers(1, 66))),
                }
            )
    return made


SHOP = random_shop()


def written(rows: list[Row]) -> Rows:
    return [
        {name: v.isoformat() if isinstance(v, date) else v for name, v in row.items()}
        for row in rows
    ]


@pytest.fixture(scope="module", params=[False, True], ids=["asked", "assumed"])
def assumed(
    request: pytest.FixtureRequest, store: GraphStore, tmp_path_factory: pytest.TempPathFactory
) -> bool:
    """Whether the store that is loaded assumes consent."""
    folder: Path = tmp_path_factory.mktemp("shop") / "delivery"
    deliver(
        folder,
        customers=written(SHOP.customers),
        products=[
            {"product_id": p, "category": c, "sensitive": p == "knife"} for p, c in PRODUCTS.items()
        ],
        stores=[{"store_id": s, "category": c} for s, c in STORES.items()],
        categories=[
            {"category": "Pharmacy", "sensitive": True},
            {"category": "Food", "sensitive": False},
        ],
        sensitive_values=[
            {"table": "stores", "value": "clinic"},
            {"table": "likes", "value": "shop"},
        ],
        friendships=written(SHOP.friendships),
        purchases=written(SHOP.purchases),
        consents=written(SHOP.consents),
    )
    load(store, str(folder), RETURNS, assume_consent=request.param)
    with store.writing():
        store.note(blocked_customers=BLOCKED)
    return bool(request.param)


def ask(store: GraphStore, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    rows = run_query(store, name, {"limit": 10_000, **parameters}, now=NOW)
    return [tuple(row.values()) for row in rows.to_pylist()]


def test_the_shop_has_every_case(assumed: bool) -> None:
    sharing = [c for c in CUSTOMERS if SHOP.grants(c, "social_use", assumed)]
    assert 4 < len(sharing) < len(CUSTOMERS) - 4
    assert any(SHOP.grants(c, "named_use", assumed) for c in CUSTOMERS)


def test_friends_recent_purchases_are_of_those_who_share(store: GraphStore, assumed: bool) -> None:
    n_rows = 0
    for customer in CUSTOMERS:
        expected = [
            (p["customer_id"], p["product_id"], None, p["at"], p["purchase_id"])
            for p in SHOP.usable
            if p["at"] >= day(20)
            and SHOP.follows(customer, p["customer_id"], NOW)
            and SHOP.grants(p["customer_id"], "social_use", assumed)
        ]
        expected.sort(key=lambda row: (-row[3].timestamp(), row[4]))
        rows = ask(store, "friends-recent-purchases", customer_id=customer, since=day(20))
        assert rows == expected
        n_rows += len(rows)
    assert n_rows > 100


def test_bought_after_a_friend_needs_a_friendship_at_the_friends_purchase(
    store: GraphStore, assumed: bool
) -> None:
    expected = {
        (own["customer_id"], theirs["customer_id"], own["product_id"], theirs["at"], own["at"])
        for own in SHOP.usable
        for theirs in SHOP.usable
        if own["product_id"] == theirs["product_id"]
        and theirs["at"] < own["at"] <= theirs["at"] + WITHIN
        and SHOP.follows(own["customer_id"], theirs["customer_id"], theirs["at"])
        and SHOP.grants(own["customer_id"], "social_use", assumed)
        and SHOP.grants(theirs["customer_id"], "social_use", assumed)
    }
    rows = ask(store, "bought-after-a-friend", within=WITHIN)
    assert len(rows) > 10
    assert rows == sorted(expected, key=lambda row: (-row[4].timestamp(), *row[:4]))


def test_friends_in_common_share_and_have_a_name_only_if_they_agreed_to_it(
    store: GraphStore, assumed: bool
) -> None:
    tied = friends()
    names, left_out = set(), set()
    for one in CUSTOMERS[:6]:
        for other in CUSTOMERS[6:12]:
            rows = run_query(
                store, "friends-in-common", {"customer_id": one, "other_id": other}, now=NOW
            ).to_pylist()
            both = tied[one] & tied[other]
            sharing = {c for c in both if SHOP.grants(c, "social_use", assumed)}
            named = {c: SHOP.grants(c, "named_use", assumed) for c in sharing}
            assert {r["friend_id"]: r["friend_name"] for r in rows} == {
                c: c.upper() if shown else None for c, shown in named.items()
            }
            names |= {row["friend_name"] for row in rows}
            left_out |= both - sharing
    assert None in names
    assert len(names) > 1
    assert len(left_out) > 3


def test_two_hop_reach_goes_from_and_to_those_who_share(store: GraphStore, assumed: bool) -> None:
    tied = friends()
    sharing = {c for c in CUSTOMERS if SHOP.grants(c, "social_use", assumed)}
    n_rows = n_left_out = 0
    for customer in CUSTOMERS:
        through = {
            other: len(tied[customer] & tied[other] & sharing)
            for other in set(CUSTOMERS) - tied[customer] - {customer}
        }
        expected = [(c, n) for c, n in through.items() if n and c in sharing]
        rows = ask(store, "two-hop-reach", customer_id=customer)
        assert rows == sorted(expected, key=lambda row: (-row[1], row[0]))
        n_rows += len(rows)
        n_left_out += len(through) - len(rows)
    assert n_rows > 20
    assert n_left_out > 20


def friends() -> dict[str, set[str]]:
    """All friends of each customer, in either direction."""
    pairs = [(f["customer_id"], f["friend_id"]) for f in SHOP.friendships]
    return {c: {f for pair in pairs if c in pair for f in pair} - {c} for c in CUSTOMERS}


def test_a_withdrawal_of_a_later_date_counts_at_once(store: GraphStore, assumed: bool) -> None:
    later = {c["customer_id"] for c in SHOP.consents if not c["granted"] and c["at"] > NOW}
    shown = {row[i] for row in ask(store, "bought-after-a-friend", within=60) for i in (0, 1)}
    assert shown
    assert not {c for c in later if not SHOP.grants(c, "social_use", assumed)} & shown
