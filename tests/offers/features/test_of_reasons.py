"""Features of reasons: the strongest of each trigger, named or broad."""

import math
from pathlib import Path

import numpy as np
import pytest
from support.grids import friends_did, grid_of, items_of, tea_shop
from support.snapshots import day

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.of_reasons import Strength
from followsuit.triggers.defined import triggers_of
from followsuit.triggers.definitions.definition_file import parsed
from followsuit.triggers.tie_weights import tie_weights

DEFINITIONS = """
[viewed]
when = [{ did = "view", within = "7d" }]
offer = { same = "product" }

[browsed]
when = [{ did = "view", within = "7d" }]
offer = { same = "category" }

[curious]
when = [{ did = "view", within = "7d" }]
"""


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """Ann has viewed a hat, and later tea, which Bob has bought."""
    events = [
        {"event_id": item, "customer_id": "ann", "kind": "view", "product_id": item, "at": at}
        for item, at in (("hat", day(17)), ("tea", day(18)))
    ]
    view = tea_shop(tmp_path, events=events)
    others = triggers_of(parsed(DEFINITIONS, "shop.toml"), tie_weights(view))
    return grid_of(view, triggers=[*friends_did(view), *others])


def values_of(feature: Strength, grid: Grid) -> dict[str, float]:
    assert list(grid.customers.ids) == ["ann"]
    block = feature.block(slice(None))
    columns = np.arange(len(grid.items))
    assert feature.pairs(0 * columns, columns).tolist() == block[0].tolist()
    return dict(zip(items_of(grid), block[0].round(8).tolist(), strict=True))


def test_the_strength_of_friends_counts_for_the_item_that_they_bought(grid: Grid) -> None:
    expected = round(math.log2(1 + 2 ** (-1 / 3.5)), 8)
    values = values_of(Strength(grid, "friend_bought"), grid)
    assert values == {"cup": 0, "hat": 0, "pan": 0, "soap": 0, "tea": expected}


def test_a_reason_that_names_an_item_counts_for_it_and_a_broad_one_for_all_that_it_allows(
    grid: Grid,
) -> None:
    viewed = {"cup": 0, "hat": 1, "pan": 0, "soap": 0, "tea": 1}
    assert values_of(Strength(grid, "viewed"), grid) == viewed
    # Tea is in the category kitchen, and the hat in none.
    browsed = {"cup": 1, "hat": 0, "pan": 1, "soap": 0, "tea": 1}
    assert values_of(Strength(grid, "browsed"), grid) == browsed
    assert set(values_of(Strength(grid, "curious"), grid).values()) == {round(math.log2(3), 8)}


def test_a_trigger_that_has_not_fired_counts_nowhere(grid: Grid) -> None:
    assert set(values_of(Strength(grid, "birthday"), grid).values()) == {0}
