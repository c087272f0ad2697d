"""What a reason is an offer of, and at which stores."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import day, view_from

from followsuit.graph.views.view import View
from followsuit.triggers.defined import DefinedTrigger
from followsuit.triggers.definitions.definition_file import parsed
from followsuit.triggers.tie_weights import tie_weights

NOW = day(20)


def shop(folder: Path, **tables: Any) -> View:
    rows: dict[str, Any] = {
        "customers": [{"customer_id": "ann", "city": "Ulm"}],
        "products": [
            {"product_id": "tea", "category": "drinks", "brand": "Acme"},
            {"product_id": "hat", "category": "wear", "attributes": json.dumps({"size": "12"})},
            {"product_id": "box"},
        ],
        "stores": [
            {"store_id": "a", "city": "Rom", "latitude": 41.90, "longitude": 12.50},
            {"store_id": "b", "city": "Rom", "latitude": 41.92, "longitude": 12.50},
            {"store_id": "c", "city": "Ostia", "latitude": 41.73, "longitude": 12.28},
            {"store_id": "d", "city": "Ys", "category": "drinks"},
        ],
    }
    return view_from(folder, NOW, **{**rows, **tables})


def trigger(when: str, offer: str, view: View) -> DefinedTrigger:
    text = f"[mine]\nwhen = [{when}]\noffer = {offer}\n"
    (definition,) = parsed(text, "my.toml").values()
    return DefinedTrigger(definition, tie_weights(view))


def reasons(view: View, when: str, offer: str) -> list[dict[str, Any]]:
    rows = trigger(when, offer, view).reasons(view).to_pyarrow().to_pylist()
    wanted = ("item_kind", "item_id", "category", "brand", "store_ids")
    return [{name: row[name] for name in wanted if row[name] is not None} for row in rows]


def event(kind: str, at: Any = NOW, number: int = 0, **more: Any) -> dict[str, Any]:
    return {"customer_id": "ann", "kind": kind, "at": at, "event_id": f"e{number}", **more}


@pytest.mark.parametrize(
    ("product", "offer", "found"),
    [
        ("tea", "{ same = 'product' }", {"item_kind": "product", "item_id": "tea"}),
        ("tea", "{ same = 'category' }", {"category": "drinks"}),
        ("tea", "{ same = 'brand' }", {"brand": "Acme"}),
        ("box", "{ same = 'category' }", None),
        ("hat", "{ same = 'brand' }", None),
        ("tea", "{ category = 'wear' }", {"category": "wear"}),
        ("tea", "{ category = ['wear', 'drinks'] }", {}),
        ("tea", "{}", {}),
        ("hat", "{ same = 'product', size = 12 }", {"item_kind": "product", "item_id": "hat"}),
        ("tea", "{ same = 'product', size = 12 }", None),
        ("tea", "{ same = 'product', category = 'wear' }", None),
    ],
)
def test_an_offer_is_of_what_the_reason_is_about_or_has_attributes(
    product: str, offer: str, found: dict[str, str] | None, tmp_path: Path
) -> None:
    view = shop(tmp_path, events=[event("view", product_id=product)])
    assert reasons(view, "{ did = 'view' }", offer) == ([] if found is None else [found])


def test_a_coarser_offer_is_that_of_the_product_of_the_conditions(tmp_path: Path) -> None:
    view = shop(
        tmp_path,
        events=[event("view", product_id="tea"), event("view", number=1, product_id="box")],
    )
    when = "{ did = 'view' }, { did = 'purchase', same = 'product', none = true, within = '1d' }"
    view = shop(
        tmp_path / "known",
        customers=[{"customer_id": "ann", "joined_at": day(1)}],
        events=[event("view", product_id="tea"), event("view", number=1, product_id="box")],
    )
    assert reasons(view, when, "{ same = 'category' }") == [{"category": "drinks"}]


@pytest.mark.parametrize(
    ("offer", "items"),
    [
        ("{ category = 'drinks' }", {"tea", "d"}),
        ("{ product.category = 'drinks' }", {"tea"}),
        ("{ store.category = 'drinks' }", {"d"}),
        ("{ size = { at_least = 10 } }", {"hat"}),
        ("{ 'product.size' = 12 }", {"hat"}),
        ("{ city = ['Rom', 'Ys'] }", {"a", "b", "d"}),
        ("{ brand = 'Acme', category = 'wear' }", set()),
    ],
)
def test_covered_items_have_all_attributes(offer: str, items: set[str], tmp_path: Path) -> None:
    offer = offer.replace("product.c", "'product.c").replace("store.c", "'store.c")
    offer = offer.replace("'product.category", "'product.category'")
    offer = offer.replace("'store.category", "'store.category'")
    view = shop(tmp_path)
    allowed = trigger("{ did = 'view' }", offer, view).items(view)
    assert allowed is not None
    assert set(allowed.to_pyarrow()["item_id"].to_pylist()) == items


def test_every_item_may_be_offered_without_attributes(tmp_path: Path) -> None:
    view = shop(tmp_path)
    mine = trigger("{ did = 'view' }", "{ program = 'gold', interest = 'tea' }", view)
    assert mine.items(view) is None
    assert (mine.needs.program, mine.needs.interest) == ("gold", "tea")


def stores(view: View, when: str, offer: str) -> list[list[str]]:
    return [row["store_ids"] for row in reasons(view, when, offer)]


@pytest.mark.parametrize(
    ("city", "within", "found"),
    [
        ("Rom", 10, ["a", "b"]),
        ("Rom", 40, ["a", "b", "c"]),
        ("Ys", 40, ["d"]),
        ("Oslo", 900, None),
        (None, 900, None),
    ],
)
def test_stores_near_are_around_the_city_of_the_latest_interaction(
    city: str | None, within: int, found: list[str] | None, tmp_path: Path
) -> None:
    trips = [event("trip", day(18), city="Ostia"), event("trip", day(19), 1, city=city)]
    offer = f"{{ stores_near = 'trip', within_km = {within} }}"
    assert stores(shop(tmp_path, events=trips), "{ did = 'trip' }", offer) == (
        [] if found is None else [found]
    )


def test_the_latest_interaction_is_one_that_the_condition_counts(tmp_path: Path) -> None:
    trips = [event("trip", day(18), city="Rom"), event("trip", day(19), 1, city="Ulm")]
    view = shop(tmp_path, events=[*trips, event("click", NOW, 2)])
    offer = "{ stores_near = 'trip', within_km = 9 }"
    assert stores(view, "{ did = 'trip', away = true }", offer) == [["a", "b"]]
    # Without a condition on trips, it is the latest trip of all, to a city without stores.
    assert stores(view, "{ did = 'click' }", offer) == []


def test_near_a_store_the_offer_is_redeemed_there(tmp_path: Path) -> None:
    early = event("here", NOW - timedelta(hours=2), latitude=41.73, longitude=12.28)
    late = event("here", NOW, 1, latitude=41.901, longitude=12.50)
    lost = event("here", NOW, 2)
    view = shop(tmp_path, events=[early, late, lost])
    assert stores(view, "{ did = 'here', near_store_km = 1 }", "{}") == [["a"]]
    assert stores(view, "{ did = 'here', near_store_km = 3 }", "{}") == [["a", "b"]]
    assert stores(view, "{ did = 'here', near_store_km = 0.01 }", "{}") == [["c"]]


def test_what_was_done_at_a_store_is_a_reason_to_offer_things_there(tmp_path: Path) -> None:
    visits = [{"customer_id": "ann", "store_id": "a", "at": day(19)}]
    view = shop(tmp_path, visits=visits)
    (row,) = reasons(view, "{ did = 'visit' }", "{ same = 'store' }")
    assert row == {"item_kind": "store", "item_id": "a"}
    (row,) = reasons(view, "{ did = 'visit' }", "{ same = 'store', category = 'drinks' }")
    assert row == {"category": "drinks", "store_ids": ["a"]}
