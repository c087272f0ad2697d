"""Offers in force: what each covers, when, and for whom."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.snapshots import day, snapshot_from

from followsuit.graph.facts import Facts
from followsuit.offers.catalogue import Catalogue, offers_in_force

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


def look(folder: Path, *offers: dict[str, Any], **more: Any) -> tuple[Facts, Catalogue]:
    rows = [{"offer_id": f"o{i}", **offer} for i, offer in enumerate(offers)]
    facts = Facts(snapshot_from(folder, day(30), **SHOP, offers=rows, **more))
    catalogue = offers_in_force(facts, NOW)
    assert catalogue is not None
    return facts, catalogue


@pytest.mark.parametrize(
    ("offer", "covered"),
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
    tmp_path: Path, offer: dict[str, Any], covered: set[tuple[str, str]]
) -> None:
    facts, catalogue = look(tmp_path, offer)
    items = catalogue.offers[0].items
    assert set(zip(facts.items.kind[items], facts.items.id[items], strict=True)) == covered


@pytest.mark.parametrize(
    "offer", [{"product_id": "pill"}, {"product_id": "mug", "category": "tools"}]
)
def test_an_offer_that_covers_nothing_or_something_sensitive_is_none(
    tmp_path: Path, offer: dict[str, Any]
) -> None:
    assert look(tmp_path, offer)[1].offers == ()


@pytest.mark.parametrize(
    ("begin", "end", "in_force"),
    [
        (None, None, True),
        (NOW, None, True),
        (day(21), None, False),
        (None, NOW, False),
        (None, day(21), True),
    ],
)
def test_an_offer_is_in_force_from_its_beginning_until_its_end(
    tmp_path: Path, begin: datetime | None, end: datetime | None, in_force: bool
) -> None:
    _, catalogue = look(tmp_path, {"product_id": "mug", "valid_from": begin, "valid_until": end})
    assert bool(catalogue.offers) == in_force


@pytest.mark.parametrize(
    ("holding", "allowed"),
    [
        ({"since": day(1)}, True),
        ({"since": day(21)}, False),
        ({"until": NOW}, False),
        ({"until": day(21)}, True),
    ],
)
def test_an_offer_of_a_program_is_for_those_who_hold_it_now(
    tmp_path: Path, holding: dict[str, Any], allowed: bool
) -> None:
    member = {"customer_id": "ann", "program": "gold", **holding}
    facts, catalogue = look(
        tmp_path, {"product_id": "mug", "program": "gold"}, memberships=[member]
    )
    mug = np.flatnonzero((facts.items.id == "mug") & (facts.items.kind == "product"))
    pairs = catalogue.allows(np.array([0, 1]), np.repeat(mug, 2))
    assert pairs.tolist() == [allowed, False]


def test_an_offer_of_a_program_and_an_interest_asks_for_both(tmp_path: Path) -> None:
    facts, catalogue = look(
        tmp_path,
        {"product_id": "mug", "program": "gold", "interest": "tea"},
        memberships=[{"customer_id": c, "program": "gold"} for c in ("ann", "bob")],
        likes=[{"customer_id": "bob", "interest": "tea"}],
    )
    audience = catalogue.offers[0].audience
    assert audience is not None
    assert dict(zip(facts.customers, audience, strict=True)) == {"ann": False, "bob": True}


def test_without_a_table_of_offers_there_is_no_catalogue(tmp_path: Path) -> None:
    facts = Facts(snapshot_from(tmp_path, NOW, **SHOP))
    assert offers_in_force(facts, NOW) is None
