"""All features: declared once, the same as blocks and as pairs, and 0 without a reason."""

import numpy as np
import pytest
from support.grids import friends_did, grid_of
from support.linear_taste import search_taste
from support.worlds import view_of_world

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features import feature as module
from followsuit.offers.features.declared import (
    FEATURES,
    OWN,
    Features,
    is_own,
    is_rising,
    names_of,
)
from followsuit.offers.features.of_reasons import Strength, feature_of
from followsuit.simulator import World
from followsuit.triggers.defined import triggers_of
from followsuit.triggers.definitions.definition_file import parsed
from followsuit.triggers.tie_weights import tie_weights

OTHERS = """
[viewed]
when = [{ did = "view", within = "60d" }]
offer = { same = "product" }

[in_the_basket]
when = [{ did = "basket", within = "60d" }]
offer = { same = "product" }

[browsed]
when = [{ did = "view", within = "60d" }]
offer = { same = "category" }

[birthday]
when = [{ date = "birth_date", ahead = "30d" }]
"""
"""Triggers that don't rest on friends: two name an item, and two are broad."""
TRIGGERS = (
    "friend_bought",
    "viewed",
    "in_the_basket",
    "browsed",
    "birthday",
)
NAMES = names_of(TRIGGERS)
WORLD = World(customers=80, products=30, stores=3, friendships=400, purchases=900, days=60, seed=3)


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    view = view_of_world(WORLD, tmp_path_factory.mktemp("world"), assume_consent=True)
    others = triggers_of(parsed(OTHERS, "others.toml"), tie_weights(view))
    taste = search_taste(view.shared).fit(view.shared)
    return grid_of(view, triggers=[*friends_did(view), *others], taste=taste)


def test_each_is_declared_with_its_unit_source_part_and_direction() -> None:
    assert NAMES[: len(OWN)] == OWN
    assert len(set(NAMES)) == len(FEATURES) + len(TRIGGERS)
    for feature in (*FEATURES, Strength):
        assert feature.part in ("own", "trigger")
        assert feature.direction in (0, 1)
        assert feature.unit
        assert feature.source
        assert feature.__doc__
    assert [name for name in NAMES if is_rising(name)] == [n for n in NAMES if not is_own(n)]


@pytest.mark.parametrize("name", NAMES)
def test_pairs_and_parts_of_a_block_are_cells_of_the_whole(
    name: str, grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    feature = Features(grid, TRIGGERS)[name]
    n, k = len(grid.customers), len(grid.items)
    whole = np.broadcast_to(feature.block(slice(None)), (n, k))
    # In this world nothing is often bought together, or again.
    assert whole.any() or name in ("basket_lift", "frequency", "long_frequency", "refill")
    random = np.random.default_rng(0)
    rows, columns = random.integers(0, n, 300), random.integers(0, k, 300)
    pairs = feature.pairs(rows, columns)
    np.testing.assert_allclose(pairs, whole[rows, columns], atol=1e-6)
    blocks = module.blocks
    monkeypatch.setattr(module, "blocks", lambda size, _: blocks(size, 100_000))
    assert np.array_equal(feature.pairs(rows, columns), pairs)
    some = np.broadcast_to(feature.block(slice(2, 7), slice(1, 4)), (5, 3))
    np.testing.assert_allclose(some, whole[2:7, 1:4], atol=1e-6)
    of_rows = feature.of_rows(np.arange(2, 7))
    row, column = random.integers(0, 5, 300), random.integers(0, k, 300)
    np.testing.assert_allclose(of_rows.at(row, column), whole[2:7][row, column], atol=1e-6)
    sums = np.zeros((5, k))
    of_rows.add_to(sums, 2.0)
    np.testing.assert_allclose(sums, 2 * whole[2:7], atol=1e-6)


def test_a_triggers_feature_is_positive_where_it_has_a_reason_and_zero_elsewhere(
    grid: Grid,
) -> None:
    features = Features(grid, TRIGGERS)
    for trigger in TRIGGERS:
        live = np.zeros((len(grid.customers), len(grid.items)), dtype=bool)
        named, broad = (r[r.trigger == trigger] for r in (grid.live, grid.broad))
        live[named.row, named.column] = True
        for row, allowed in zip(broad.row, broad.allowed, strict=True):
            live[row] |= grid.allowed[allowed]
        assert live.any()
        values = features[feature_of(trigger)].block(slice(None))
        assert (values[~live] == 0).all()
        assert (values[live] > 0).all()


def test_one_feature_may_stand_in_the_place_of_another(grid: Grid) -> None:
    features = Features(grid, TRIGGERS)
    other = features["popularity"]
    changed = features.replaced({"recency": other})
    assert changed["recency"] is other
    assert features["recency"] is not other
    assert changed["activity"] is features["activity"]
