"""Reasons that don't rest on friends: how many name the item, and how many broad ones allow it."""

from pathlib import Path

import numpy as np
from support.grids import friends_did, grid_of, items_of, tea_shop
from support.snapshots import day

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.reasons import BroadReasons, Reasons
from followsuit.triggers.defined import triggers_of
from followsuit.triggers.definitions.definition_file import parsed
from followsuit.triggers.tie_weights import tie_weights

DEFINITIONS = """
[viewed]
when = [{ did = "view", within = "7d" }]
offer = { same = "product" }

[in_the_basket]
when = [{ did = "basket", within = "7d" }]
offer = { same = "product" }

[browsed]
when = [{ did = "view", within = "7d" }]
offer = { same = "category" }

[curious]
when = [{ did = "view", within = "7d" }]
"""


def shop(folder: Path) -> Grid:
    """Ann has viewed a hat and tea, has tea in her basket, and Bob has bought tea."""
    did = [("view", "hat"), ("view", "tea"), ("basket", "tea")]
    events = [
        {"event_id": f"{kind} {item}", "customer_id": "ann", "kind": kind, "product_id": item}
        for kind, item in did
    ]
    view = tea_shop(folder, events=[event | {"at": day(18)} for event in events])
    others = triggers_of(parsed(DEFINITIONS, "shop.toml"), tie_weights(view))
    return grid_of(view, triggers=[*friends_did(view), *others])


def test_reasons_that_name_the_item_and_do_not_rest_on_friends_are_counted(tmp_path: Path) -> None:
    grid = shop(tmp_path)
    values = dict(zip(items_of(grid), Reasons(grid).block(slice(None))[0].tolist(), strict=True))
    assert list(grid.customers.ids) == ["ann"]
    assert values == {"cup": 0, "hat": 1, "pan": 0, "soap": 0, "tea": 2}


def test_broad_reasons_are_counted_for_each_item_that_they_allow(tmp_path: Path) -> None:
    grid = shop(tmp_path)
    values = BroadReasons(grid).block(slice(None))
    # Tea is in the category kitchen, and the hat in none.
    wanted = {"cup": 2, "hat": 1, "pan": 2, "soap": 1, "tea": 2}
    assert dict(zip(items_of(grid), values[0].tolist(), strict=True)) == wanted
    columns = np.arange(len(grid.items))
    assert BroadReasons(grid).pairs(0 * columns, columns).tolist() == values[0].tolist()
