"""Candidates: another customer's reason makes no item one for everybody."""

from pathlib import Path
from typing import Any

import pytest
from support.grids import FORTNIGHT, NOW, tea_shop
from support.snapshots import day

from followsuit.graph.views.view import View
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.grid import grid
from followsuit.offers.features.declared import Features
from followsuit.offers.learning.acceptance import Acceptance
from followsuit.offers.retrieval import Retrieval
from followsuit.triggers.defined import triggers_of
from followsuit.triggers.definitions.definition_file import parsed
from followsuit.triggers.tie_weights import tie_weights
from followsuit.triggers.trigger import reasons_of

TRIGGERS = """
[friend_bought]
when = [{ friend_did = "purchase", within = "14d" }]
offer = { same = "product" }

[in_the_basket]
when = [{ did = "basket", within = "7d" }]
offer = { same = "product" }

[browsed]
when = [{ did = "view", within = "7d" }]
offer = { same = "category" }
"""


def candidates(view: View) -> dict[str, set[str]]:
    """The items that are candidates, by customer."""
    triggers = triggers_of(parsed(TRIGGERS, "shop.toml"), tie_weights(view))
    rows = brought_up(view, reasons_of(triggers, view))
    laid = grid(view, rows.filter(rows.blocked_by.isnull()), FORTNIGHT, triggers=triggers)
    named = rows.filter(rows.item_id.notnull())
    features = Features(laid, [trigger.name for trigger in triggers])
    retrieval = Retrieval(laid, features, named, None, Acceptance(NOW), triggers)
    items = view.item_list.id[laid.items]
    made: dict[str, set[str]] = {}
    for _, block in retrieval.blocks(50):
        for row, column in zip(block.candidates.row, block.candidates.column, strict=True):
            made.setdefault(str(laid.customers.ids[row]), set()).add(str(items[column]))
    return made


@pytest.mark.parametrize("kind", ["basket", "view"])
def test_what_one_customer_considers_is_no_candidate_for_others(tmp_path: Path, kind: str) -> None:
    products: Any = [
        {"product_id": p, "category": c}
        for p, c in (("soap", "bath"), ("cup", "kitchen"), ("tea", "kitchen"), ("hat", "rare"))
    ]
    products += [{"product_id": "pan", "category": "kitchen"}]
    before = candidates(tea_shop(tmp_path / "before", products=products))
    considered = {"customer_id": "bob", "kind": kind, "product_id": "hat", "at": day(19)}
    after = candidates(tea_shop(tmp_path / "after", products=products, events=[considered]))
    assert before["ann"] == {"tea"}
    assert after["ann"] == before["ann"]
    assert "hat" in after["bob"], "nobody has bought the hat, and Bob has a reason for it"
