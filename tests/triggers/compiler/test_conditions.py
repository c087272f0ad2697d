"""Conditions one by one: rules of the grammar that random triggers seldom reach."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import day, view_from

from followsuit.graph.views.view import View
from followsuit.triggers.compiler.conditions import in_other_currencies
from followsuit.triggers.defined import DefinedTrigger
from followsuit.triggers.definitions.definition import Did
from followsuit.triggers.definitions.definition_file import parsed
from followsuit.triggers.definitions.values import LARGEST
from followsuit.triggers.tie_weights import tie_weights

NOW = day(20)
Rows = list[dict[str, Any]]


def shop(folder: Path, **tables: Rows) -> View:
    """Ann has been known for long; nobody else is."""
    rows: dict[str, Rows] = {
        "customers": [
            {"customer_id": "ann", "city": "Ulm", "joined_at": day(-300)},
            {"customer_id": "bob"},
        ],
        "products": [
            {
                "product_id": "tea",
                "category": "drinks",
                "price": 500,
                "attributes": json.dumps({"color": "green", "grams": "250"}),
            },
            {"product_id": "hat", "category": "wear"},
        ],
        "stores": [{"store_id": "mall", "city": "Rom", "category": "games"}],
    }
    return view_from(folder, NOW, **{**rows, **tables})


def did(kind: str, at: datetime, who: str = "ann", **more: Any) -> dict[str, Any]:
    return {"customer_id": who, "kind": kind, "at": at, **more}


def bought(product: str, at: datetime, who: str = "ann", **more: Any) -> dict[str, Any]:
    return {"customer_id": who, "product_id": product, "at": at, **more}


def fired(view: View, *conditions: str, offer: str = "{}") -> dict[str, datetime]:
    """When a trigger of these conditions fired for whom."""
    text = f"[mine]\nwhen = [{', '.join(conditions)}]\noffer = {offer}\nlasts = '1000d'\n"
    (definition,) = parsed(text, "my.toml").values()
    rows = DefinedTrigger(definition, tie_weights(view)).reasons(view).to_pyarrow().to_pylist()
    return {row["customer_id"]: row["fired_at"] for row in rows}


@pytest.mark.parametrize(
    ("where", "held"),
    [
        ("{ color = 'red' }", True),
        ("{ 'product.color' = 'green' }", True),
        ("{ 'product.color' = 'red' }", False),
        ("{ grams = { at_least = 250 } }", True),
        ("{ grams = 250 }", True),
        ("{ gift = true }", True),
        ("{ category = 'toys' }", True),
        ("{ category = 'drinks' }", False),
        ("{ 'product.category' = 'drinks' }", True),
        ("{ 'store.category' = 'games' }", True),
        ("{ price = 5 }", True),
        ("{ price = { at_least = 5, at_most = 5 } }", True),
        ("{ price = { at_least = 5.01 } }", False),
        ("{ city = 'Rom' }", True),
        ("{ value = 2 }", False),
    ],
)
def test_a_column_is_the_interactions_then_its_products_then_its_stores(
    where: str, held: bool, tmp_path: Path
) -> None:
    kept = json.dumps({"color": "red", "category": "toys", "gift": "True"})
    event = did("view", NOW, product_id="tea", store_id="mall", attributes=kept)
    view = shop(tmp_path, events=[event])
    assert bool(fired(view, f"{{ did = 'view', where = {where} }}")) == held


def test_an_event_without_a_product_has_the_category_of_its_store(tmp_path: Path) -> None:
    view = shop(tmp_path, events=[did("view", NOW, store_id="mall")])
    assert fired(view, "{ did = 'view', where = { category = 'games' } }")


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ("sum = 'amount', at_least = 12", True),
        ("sum = 'amount', at_least = 12.01", False),
        ("sum = 'quantity', at_least = 2, at_most = 2", True),
        ("sum = 'price', at_least = 5, at_most = 5", True),
        ("sum = 'grams', at_least = 250, at_most = 250", True),
        ("at_least = 4", True),
        ("at_least = 5", False),
    ],
)
def test_a_sum_is_net_of_returns_and_in_one_currency(
    condition: str, held: bool, tmp_path: Path
) -> None:
    purchases = [
        bought("tea", day(12), amount=1000, currency="EUR", quantity=1.0),
        bought("tea", day(13), amount=700, currency="EUR", quantity=1.0),
        bought("tea", day(14), amount=-500, currency="EUR", quantity=-1.0),
        bought("hat", day(15), amount=0, currency="EUR", quantity=None),
        bought("hat", day(16), amount=9900, currency="USD", quantity=1.0),
    ]
    # The sale in dollars counts, but not in a sum of amounts.
    assert bool(fired(shop(tmp_path, purchases=purchases), _did(condition))) == held
    counted = Did(did="purchase", sum="amount", at_least=1)
    assert in_other_currencies(shop(tmp_path / "b", purchases=purchases), counted) == 1
    other = Did(did="purchase", sum="quantity", at_least=1)
    assert in_other_currencies(shop(tmp_path / "c", purchases=purchases), other) == 0


def _did(more: str) -> str:
    return f"{{ did = 'purchase', {more} }}"


def test_returns_alone_are_no_interaction(tmp_path: Path) -> None:
    view = shop(tmp_path, purchases=[bought("tea", day(19), amount=-500)])
    assert not fired(view, _did("sum = 'amount', at_most = -1"))
    assert fired(view, _did("none = true, within = '7d'"))


def test_an_amount_may_be_an_attribute_of_an_event(tmp_path: Path) -> None:
    events = [did("order", day(19), attributes=json.dumps({"amount": "12.5"}))] * 2
    events = [{**row, "event_id": str(n)} for n, row in enumerate(events)]
    view = shop(tmp_path, events=events)
    assert fired(view, "{ did = 'order', sum = 'amount', at_least = 25, at_most = 25 }")
    assert not fired(view, "{ did = 'order', sum = 'amount', at_least = 25.01 }")


@pytest.mark.parametrize(("n", "held"), [(1, True), (2, True), (3, False)])
def test_nothing_since_the_nth_last_is_false_with_fewer_than_n(
    n: int, held: bool, tmp_path: Path
) -> None:
    visits = [did("site", day(10)), did("site", day(12))]
    view = shop(tmp_path, events=visits)
    since = f"since = {{ nth_last = {n}, of = 'site' }}"
    for condition in (f"none = true, {since}", f"at_least = 0, at_most = 3, {since}"):
        assert bool(fired(view, "{ did = 'site' }", _did(condition))) == held


@pytest.mark.parametrize(("window", "held"), [("5d", True), ("7d", True), ("8d", False)])
def test_nothing_in_a_window_needs_to_know_the_customer_for_so_long(
    window: str, held: bool, tmp_path: Path
) -> None:
    likes = [{"customer_id": "bob", "interest": "jazz", "at": day(13)}]
    view = shop(tmp_path, events=[did("click", day(19), who="bob")], likes=likes)
    quiet = _did(f"none = true, within = '{window}'")
    assert bool(fired(view, "{ did = 'click' }", quiet)) == held


def test_where_only_absence_counts_a_reason_begins_when_the_window_is_empty(
    tmp_path: Path,
) -> None:
    quiet = "{ did = 'visit', none = true, within = '7d' }"
    sites = [{"customer_id": "ann", "store_id": "mall", "at": at} for at in (day(5), day(11))]
    assert fired(shop(tmp_path / "a", visits=sites), quiet) == {"ann": day(18)}
    assert fired(shop(tmp_path / "b"), quiet) == {"ann": day(-293)}
    never = "{ did = 'visit', none = true }"
    assert fired(shop(tmp_path / "c"), never) == {"ann": day(-300)}
    recent = _did("none = true, within = '2d'")
    purchases = [bought("tea", day(17, 12))]
    assert fired(shop(tmp_path / "d", purchases=purchases), quiet, recent) == {"ann": day(19, 12)}


def test_few_are_a_reason_from_the_latest_of_them(tmp_path: Path) -> None:
    view = shop(tmp_path, purchases=[bought("tea", day(17), amount=500)])
    few = _did("sum = 'amount', at_most = 50, within = '9d'")
    assert fired(view, few) == {"ann": day(17)}


@pytest.mark.parametrize(
    ("event", "held"),
    [
        ({"city": "Rom"}, True),
        ({"city": "Ulm"}, False),
        ({}, False),
        ({"store_id": "mall"}, True),
        ({"city": "Ulm", "store_id": "mall"}, False),
    ],
)
def test_away_is_another_city_than_the_customers(
    event: dict[str, Any], held: bool, tmp_path: Path
) -> None:
    events = [did("trip", day(19), **event), did("trip", day(19), who="bob", city="Rom")]
    assert fired(shop(tmp_path, events=events), "{ did = 'trip', away = true }") == (
        {"ann": day(19)} if held else {}
    )


def test_an_event_kind_may_have_a_reserved_name(tmp_path: Path) -> None:
    view = shop(
        tmp_path, events=[did("purchase", day(19))], purchases=[bought("tea", day(18), who="bob")]
    )
    assert fired(view, "{ did = 'event:purchase' }") == {"ann": day(19)}
    assert fired(view, "{ did = 'purchase' }") == {"bob": day(18)}


def test_closeness_that_is_missing_is_not_enough(tmp_path: Path) -> None:
    view = view_from(
        tmp_path,
        NOW,
        assume_consent=True,
        customers=[{"customer_id": c} for c in ("ann", "bob", "cas", "dan")],
        products=[{"product_id": "tea"}],
        friendships=[
            {"customer_id": "ann", "friend_id": "dan", "interactions": 20.0},
            {"customer_id": "bob", "friend_id": "dan", "interactions": 19.0},
            {"customer_id": "cas", "friend_id": "dan"},
        ],
        purchases=[bought("tea", day(19), who="dan")],
    )
    near = "{ friend_did = 'purchase', interactions = 20 }"
    assert set(fired(view, near)) == {"ann"}
    assert set(fired(view, "{ friend_did = 'purchase' }")) == {"ann", "bob", "cas"}


def test_a_window_ends_to_the_microsecond(tmp_path: Path) -> None:
    moment = timedelta(microseconds=1)
    for number, (at, held) in enumerate(
        [(day(13), False), (day(13) + moment, True), (NOW, True), (NOW + moment, False)]
    ):
        view = shop(tmp_path / str(number), events=[did("click", at)])
        assert bool(fired(view, "{ did = 'click', within = '7d' }")) == held


@pytest.mark.parametrize(
    "condition",
    [
        "{ friend_did = 'purchase', interactions = %s }",
        "{ friend_did = 'purchase', at_least = %s }",
        "{ did = 'view', since = { nth_last = %s, of = 'view' } }",
        "{ did = 'purchase', sum = 'amount', at_least = %s }",
        "{ did = 'purchase', where = { amount = { at_least = %s } } }",
        "{ did = 'view', where = { value = %s } }",
    ],
)
def test_the_largest_number_is_beyond_everything(condition: str, tmp_path: Path) -> None:
    view = shop(
        tmp_path,
        purchases=[bought("tea", day(9), amount=500)],
        events=[did("view", day(9), event_id="e", value=3.0)],
    )
    assert fired(view, condition % LARGEST) == {}
