"""Words that a store has never seen, with the nearest one that it has."""

import json
from pathlib import Path

import pytest
from support.snapshots import day, view_from

from followsuit.graph.views.view import View
from followsuit.triggers.definitions.definition_file import definitions, parsed, shipped_definitions
from followsuit.triggers.definitions.unseen import unseen


@pytest.fixture
def view(tmp_path: Path) -> View:
    return view_from(
        tmp_path,
        day(1),
        customers=[{"customer_id": "ann", "attributes": json.dumps({"renewal": "2025-01-01"})}],
        products=[{"product_id": "tea", "attributes": json.dumps({"color": "red", "a.b": "x"})}],
        # Events of later days count too: the words are right.
        events=[
            {
                "customer_id": "ann",
                "kind": "payment_click",
                "at": day(9),
                "attributes": json.dumps({"plan": "b"}),
            }
        ],
    )


@pytest.mark.parametrize(
    ("when", "offer", "said"),
    [
        ("{ did = 'payment_click', where = { plan = 'b', color = 'red' } }", "{}", None),
        ("{ did = 'event:payment_click', sum = 'plan', at_least = 1 }", "{ color = 'x' }", None),
        ("{ did = 'purchase', where = { 'product.color' = 'red' } }", "{}", None),
        ("{ did = 'purchase', where = { product.color = 'red' } }", "{}", None),
        ("{ did = 'payment_click', where = { 'a.b' = 'x' } }", "{ 'a.b' = 'x' }", None),
        (
            "{ did = 'purchase', where = { 'prodct.brand' = 'Marina' } }",
            "{}",
            "have no column prodct.brand. Did you mean product.brand?",
        ),
        (
            "{ did = 'purchase', where = { product.brnd = 'Marina' } }",
            "{}",
            "have no column product.brnd. Did you mean product.brand?",
        ),
        ("{ did = 'purchase', where = { store.color = 'red' } }", "{}", "store.color"),
        ("{ did = 'payment_click', where = { 'plan.color' = 'x' } }", "{}", "no column plan.color"),
        ("{ did = 'visit' }", "{ 'prodct.brand' = 'A' }", "Did you mean product.brand?"),
        ("{ date = 'renewal', ahead = '7d' }", "{}", None),
        (
            "{ did = 'payment_clik' }",
            "{}",
            "mine: the store has no events of kind payment_clik. Did you mean payment_click?",
        ),
        (
            "{ did = 'visit', since = { nth_last = 1, of = 'zzz' } }",
            "{}",
            "mine: the store has no events of kind zzz.",
        ),
        ("{ friend_did = 'purchse' }", "{}", "Did you mean purchase?"),
        ("{ did = 'visit' }", "{ stores_near = 'trip', within_km = 3 }", "of kind trip"),
        ("{ did = 'payment_click', where = { plam = 'b' } }", "{}", "Did you mean plan?"),
        ("{ did = 'purchase', where = { colour = 'red' } }", "{}", "Did you mean color?"),
        ("{ did = 'purchase', sum = 'amonut', at_least = 1 }", "{}", "Did you mean amount?"),
        ("{ date = 'renewel', ahead = '7d' }", "{}", "Did you mean renewal?"),
        ("{ did = 'purchase' }", "{ sam = 'product' }", "Did you mean same?"),
        ("{ did = 'purchase' }", "{ categry = 'cars' }", "Did you mean category?"),
    ],
)
def test_a_word_that_no_row_has_is_noted_with_the_nearest(
    when: str, offer: str, said: str | None, view: View
) -> None:
    own = parsed(f"[mine]\nwhen = [{when}]\noffer = {offer}\n", "my.toml")
    notes = unseen(view, shipped_definitions() | own)
    assert len(notes) == (said is not None)
    assert said is None or said in notes[0]


def test_shipped_triggers_are_left_out(view: View) -> None:
    assert unseen(view, definitions(None)) == []
