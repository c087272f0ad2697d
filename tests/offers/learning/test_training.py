"""The training set: a weighted sample that represents all pairs that may be offered."""

from datetime import timedelta

import numpy as np
import pytest
from support.grids import FORTNIGHT, grid_of
from support.linear_taste import search_taste
from support.worlds import end_of, view_of_world

from followsuit.graph.views.view import View
from followsuit.offers.candidates.grid import outcomes
from followsuit.offers.features.declared import Features
from followsuit.offers.features.of_reasons import feature_of
from followsuit.offers.learning import training
from followsuit.offers.learning.training import examples
from followsuit.simulator import World
from followsuit.triggers.defined import FRIEND_BOUGHT, FRIEND_VISITED

WORLD = World(
    customers=400, products=120, stores=6, friendships=2_400, purchases=8_000, days=90, seed=5
)
WEEK = timedelta(days=7)
TRIGGERS = (FRIEND_BOUGHT, FRIEND_VISITED)
ALL = slice(None)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return view_of_world(WORLD, tmp_path_factory.mktemp("world"))


def test_a_sample_stands_for_every_pair_that_may_be_offered(view: View) -> None:
    then = view.shared.at(end_of(WORLD) - FORTNIGHT)
    grid = grid_of(then, taste=search_taste(then).fit(then))
    features = Features(grid, TRIGGERS)
    adopted = outcomes(grid, FORTNIGHT).pairs
    drawn = examples(grid, features, adopted, seed=0)
    assert drawn.as_of == then.as_of
    excluded = grid.excluded(ALL)
    assert drawn.weight.sum() == pytest.approx(excluded.size - excluded.sum(), rel=0.02)
    assert drawn.x.shape == (len(drawn.y), len(features.names))
    assert drawn.names == features.names
    assert drawn.y.sum() == len(adopted) > 20

    # What the sample says of the means of the features is what all the pairs say.
    means = np.average(drawn.x, axis=0, weights=drawn.weight)
    for name, mean in zip(features.names, means, strict=True):
        whole = np.broadcast_to(features[name].block(ALL), excluded.shape)
        assert mean == pytest.approx(whole[~excluded].mean(), rel=0.02, abs=0.02), name


def test_many_reasons_are_sampled_and_all_that_was_adopted_is_kept(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_WITH_REASON", 100)
    grid = grid_of(view.shared.at(end_of(WORLD) - FORTNIGHT))
    adopted = outcomes(grid, FORTNIGHT).pairs
    drawn = examples(grid, Features(grid, TRIGGERS), adopted, seed=0)
    friends = drawn.x[:, [drawn.names.index(feature_of(name)) for name in TRIGGERS]].any(axis=1)
    sampled = friends & (drawn.y == 0)
    assert 100 <= sampled.sum() <= 110  # and those that happen to be drawn with the others
    assert drawn.y.sum() == len(adopted)
    assert (drawn.weight[drawn.y == 1] == 1).all()
    live = set(zip(grid.live.row, grid.live.column, strict=True))
    unfollowed = len(live - set(map(tuple, adopted.tolist())))
    assert drawn.weight[sampled].sum() == pytest.approx(unfollowed, rel=0.05)


def test_the_same_seed_draws_the_same_sample(view: View) -> None:
    grid = grid_of(view.shared.at(end_of(WORLD) - WEEK), WEEK)
    pairs = outcomes(grid, WEEK).pairs
    one, again, other = (
        examples(grid, Features(grid, TRIGGERS), pairs, seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(one.x, again.x)
    assert not np.array_equal(one.x, other.x)
