"""Active offers: what each covers, when, and for whom."""

from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
from support.snapshots import day, view_from

from followsuit.offers.candidates.catalogue import Catalogue, catalogue

NOW = day(20)
SHOP: dict[str, Any] = {
    "customers": [{"customer_id": "ann"}, {"customer_id": "bob"}],
    "products": [
        {"product_id": "mug", "category": "kitchen", "brand": "acme"},
        {"product_id": "pan", "category": "kitchen", "brand": "zeta"},
        {"product_id": "saw", "category": "tools", "brand": "acme"},
        {"product_id": "pill", "category": "tools", "brand": "acme", "sensitive": True},
    ],
    "stores": [{"store_id": "mall"}, {"store_id": "mug"}],
}


def active(folder: Path, *offers: dict[str, Any], **more: Any) -> Catalogue:
    rows = [{"offer_id": f"o{i}", **offer} for i, offer in enumerate(offers)]
    active = catalogue(view_from(folder, NOW, **SHOP, offers=rows, **more))
    assert active is not None
    return active


def ids(offers: Catalogue) -> list[str]:
    return sorted(offers.offers.to_pyarrow()["offer_id"].to_pylist())


def covered(offers: Catalogue) -> set[tuple[str, str]]:
    rows = offers.covered.to_pyarrow().to_pylist()
    assert len(rows) == len({tuple(row.values()) for row in rows})
    return {(row["item_kind"], row["item_id"]) for row in rows}


def allowed(offers: Catalogue, kind: str, item: str) -> list[str]:
    """Of Ann and Bob, those for whom there is an offer of an item."""
    pairs = pd.DataFrame({"customer_id": ["ann", "bob"], "item_kind": kind, "item_id": item})
    return sorted(offers.allowed(ibis.memtable(pairs)).to_pyarrow()["customer_id"].to_pylist())


@pytest.mark.parametrize(
    ("offer", "items"),
    [
        ({"product_id": "mug"}, {("product", "mug")}),
        ({"category": "kitchen"}, {("product", "mug"), ("product", "pan")}),
        ({"brand": "acme"}, {("product", "mug"), ("product", "saw")}),
        ({"category": "kitchen", "brand": "acme"}, {("product", "mug")}),
        ({"store_id": "mug"}, {("store", "mug")}),
        ({"product_id": "mug", "store_id": "mall"}, {("product", "mug")}),
        ({"program": "gold"}, {("product", "mug"), ("product", "pan"), ("product", "saw")}),
    ],
)
def test_an_offer_covers_what_matches_all_that_it_names(
    tmp_path: Path, offer: dict[str, Any], items: set[tuple[str, str]]
) -> None:
    offers = active(tmp_path, offer)
    assert covered(offers) == items
    assert offers.coverage.count().execute() == len(items)


@pytest.mark.parametrize(
    ("offer", "listed", "items"),
    [
        ({}, [("mug", None)], {("product", "mug")}),
        ({}, [("mug", "mall"), (None, "mall")], {("product", "mug")}),
        ({"store_id": "mall"}, [("mug", None)], {("product", "mug")}),
        ({}, [(None, "mall")], {("store", "mall")}),
        ({"store_id": "mug"}, [(None, "mall")], {("store", "mug"), ("store", "mall")}),
        (
            {"category": "tools"},
            [("mug", None), ("pill", None), (None, "mall")],
            {("product", "mug"), ("product", "saw")},
        ),
    ],
)
def test_an_offer_covers_what_offers_and_offer_items_name(
    tmp_path: Path,
    offer: dict[str, Any],
    listed: list[tuple[str | None, str | None]],
    items: set[tuple[str, str]],
) -> None:
    rows = [{"offer_id": "o0", "product_id": p, "store_id": s} for p, s in listed]
    offers = active(tmp_path, offer, offer_items=rows)
    assert covered(offers) == items
    assert offers.coverage.count().execute() == len(items)


@pytest.mark.parametrize(
    ("offer", "listed", "stores"),
    [
        ({"product_id": "mug"}, [], {}),
        ({"product_id": "mug", "store_id": "mall"}, [], {"mug": {"mall"}}),
        ({}, [("mug", None), (None, "mall")], {"mug": {"mall"}}),
        # One product has a store of its own; the others keep to those of the offer.
        ({}, [("mug", "mall"), ("pan", None)], {"mug": {"mall"}}),
        ({}, [("mug", "mall"), ("mug", "mug"), ("mug", None)], {"mug": {"mall", "mug"}}),
        (
            {"store_id": "mug"},
            [("mug", "mall"), ("pan", None), (None, "mug")],
            {"mug": {"mall"}, "pan": {"mug"}},
        ),
        (
            {"category": "kitchen"},
            [("mug", "mall"), (None, "mug")],
            {"mug": {"mall"}, "pan": {"mug"}},
        ),
        ({"store_id": "mug"}, [(None, "mall")], {"mug": {"mug"}, "mall": {"mall"}}),
    ],
)
def test_stores_restrict_where_to_use_an_offer(
    tmp_path: Path,
    offer: dict[str, Any],
    listed: list[tuple[str | None, str | None]],
    stores: dict[str, set[str]],
) -> None:
    rows = [{"offer_id": "o0", "product_id": p, "store_id": s} for p, s in listed]
    other = {"store_id": "mall", "product_id": "saw"}
    tables = {"offer_items": rows} if rows else {}
    offers = active(tmp_path, offer, other, **tables).only("o0")
    usable: dict[str, set[str]] = {}
    for row in offers.stores.to_pyarrow().to_pylist():
        kind = "store" if "mall" in stores else "product"
        assert (row["offer_id"], row["item_kind"]) == ("o0", kind)
        usable.setdefault(row["item_id"], set()).add(row["store_id"])
    assert usable == stores
    assert offers.stores.count().execute() == sum(map(len, stores.values()))


@pytest.mark.parametrize(
    "offer", [{"product_id": "pill"}, {"product_id": "mug", "category": "tools"}]
)
def test_an_offer_that_covers_nothing_or_something_sensitive_is_none(
    tmp_path: Path, offer: dict[str, Any]
) -> None:
    offers = active(tmp_path, offer)
    assert ids(offers) == []
    assert covered(offers) == set()


@pytest.mark.parametrize(
    ("begin", "end", "is_active"),
    [
        (None, None, True),
        (NOW, None, True),
        (day(21), None, False),
        (None, NOW, False),
        (None, day(21), True),
    ],
)
def test_an_offer_is_active_from_its_beginning_until_its_end(
    tmp_path: Path, begin: datetime | None, end: datetime | None, is_active: bool
) -> None:
    offers = active(tmp_path, {"product_id": "mug", "valid_from": begin, "valid_until": end})
    assert bool(ids(offers)) == is_active
    assert bool(covered(offers)) == is_active


@pytest.mark.parametrize(
    ("holding", "customers"),
    [
        ({"since": day(1)}, ["ann"]),
        ({"since": day(21)}, []),
        ({"until": NOW}, []),
        ({"until": day(21)}, ["ann"]),
    ],
)
def test_an_offer_of_a_program_is_for_those_who_hold_it_now(
    tmp_path: Path, holding: dict[str, Any], customers: list[str]
) -> None:
    member = {"customer_id": "ann", "program": "gold", **holding}
    offers = active(tmp_path, {"product_id": "mug", "program": "gold"}, memberships=[member])
    assert allowed(offers, "product", "mug") == customers
    assert allowed(offers, "store", "mug") == []


def test_an_offer_of_a_program_and_an_interest_asks_for_both(tmp_path: Path) -> None:
    offers = active(
        tmp_path,
        {"product_id": "mug", "program": "gold", "interest": "tea"},
        memberships=[{"customer_id": c, "program": "gold"} for c in ("ann", "bob")],
        likes=[{"customer_id": "bob", "interest": "tea"}],
    )
    assert offers.offers.to_pyarrow()["targeted"].to_pylist() == [True]
    assert offers.audience.to_pyarrow().to_pylist() == [{"offer_id": "o0", "customer_id": "bob"}]
    assert allowed(offers, "product", "mug") == ["bob"]


def test_an_offer_of_an_interest_is_for_those_who_like_it_by_now(tmp_path: Path) -> None:
    offers = active(
        tmp_path,
        {"product_id": "mug", "interest": "tea"},
        likes=[
            {"customer_id": "ann", "interest": "tea", "at": day(21)},
            {"customer_id": "bob", "interest": "tea", "at": NOW},
        ],
    )
    assert allowed(offers, "product", "mug") == ["bob"]


def test_an_item_of_two_offers_is_for_all_whom_either_is_for(tmp_path: Path) -> None:
    offers = active(tmp_path, {"product_id": "mug", "program": "gold"}, {"brand": "acme"})
    assert allowed(offers, "product", "mug") == ["ann", "bob"]
    assert ids(offers) == ["o0", "o1"]
    one = offers.only("o0")
    assert (ids(one), covered(one)) == (["o0"], {("product", "mug")})
    assert allowed(one, "product", "mug") == []


def test_without_a_table_of_offers_there_is_no_catalogue(tmp_path: Path) -> None:
    assert catalogue(view_from(tmp_path, NOW, **SHOP)) is None
