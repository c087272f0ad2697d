"""Rejects lose the values of customers' rows, and forgotten customers' rows leave none."""

from pathlib import Path

import pyarrow.parquet as pq
from support.deliveries import deliver
from support.loading import load_from, rejects, rows

from followsuit.graph.erasure.forgotten import Forgotten
from followsuit.graph.erasure.search import Wanted
from followsuit.loaders.erasure import PERSONAL, erase, mentions
from followsuit.testing.places import Place

CUSTOMERS = [{"customer_id": c, "email": f"{c}@example.com"} for c in ("ana", "ben")]
PRODUCTS = [{"product_id": "tea", "price": "1"}, {"product_id": "jam", "price": "much"}]


def visit(customer: str, at: str = "2025-01-01") -> dict[str, str]:
    return {"customer_id": customer, "store_id": "s", "at": at}


def test_the_tables_with_rows_of_customers_are_personal() -> None:
    assert set(PERSONAL) == {
        "customers",
        "friendships",
        "purchases",
        "visits",
        "events",
        "likes",
        "memberships",
        "contacts",
        "consents",
    }


def test_values_of_customers_rows_go_and_their_reasons_stay(
    embedded: Place, tmp_path: Path
) -> None:
    visits = [visit("ana"), visit("cem"), visit("ben", "soon")]
    shop = deliver(tmp_path / "shop", customers=CUSTOMERS, products=PRODUCTS, visits=visits)
    report = load_from(embedded, shop)
    with embedded.open() as store:
        assert [each.hits for each in mentions(store, Wanted(["cem"], []))] == [1, 0]
        (store.state.staging / "failed").mkdir(parents=True)
        erase(store)
        erase(store)
        assert [each.hits for each in mentions(store, Wanted(["cem"], []))] == [0, 0]
        assert not store.state.staging.exists()
    assert rejects(report) == [
        ("products", "products.csv", 2, "price", "isn't a valid amount", "much"),
        ("visits", "visits.csv", 3, "at", "isn't a valid time", None),
        ("visits", "visits.csv", 2, "customer_id", "isn't one of the customers", None),
    ]
    assert pq.read_metadata(report.rejects).num_rows == 3


def test_rows_of_forgotten_customers_are_rejected_without_values(
    embedded: Place, tmp_path: Path
) -> None:
    with embedded.open() as store:
        Forgotten(store.state).add(["ana"])
    refused = {"customer_id": "ana", "purpose": "email", "granted": "who knows", "at": "2025-01-01"}
    shop = deliver(
        tmp_path / "shop",
        customers=CUSTOMERS,
        friendships=[{"customer_id": "ben", "friend_id": "ana"}],
        visits=[visit("ana", "soon"), visit("ben")],
        consents=[refused],
    )
    report = load_from(embedded, shop)
    why = {(table, column, reason, value) for table, _, _, column, reason, value in rejects(report)}
    assert why == {
        (table, column, "was forgotten", None)
        for table, column in [
            ("customers", "customer_id"),
            ("friendships", "friend_id"),
            ("visits", "customer_id"),
            ("consents", "customer_id"),
        ]
    }
    assert report.blocked_customers == []
    assert [row["customer_id"] for row in rows(embedded, "customers")] == ["ben"]


def test_an_address_that_a_lookup_does_not_find_is_not_kept(
    embedded: Place, tmp_path: Path
) -> None:
    lookup = {"column": "email", "lookup": "customers.email"}
    mapping = {"visits": {"columns": {"customer_id": lookup}}}
    visits = [
        {"email": f"{c}@example.com", "store_id": "s", "at": "2025-01-01"} for c in ("ana", "ben")
    ]
    with embedded.open() as store:
        Forgotten(store.state).add(["ana"])
    shop = deliver(tmp_path / "shop", customers=CUSTOMERS, visits=visits)
    report = load_from(embedded, shop, mapping)
    assert [each[-1] for each in rejects(report)] == [None, None]
