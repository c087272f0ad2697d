"""How much a friend counts: as learned where there is evidence, else as recorded."""

import math
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from support.snapshots import day, view_from
from support.worlds import end_of, view_of_world

from followsuit.graph.views.view import SharedView, View
from followsuit.influence.log.action_log import read_log
from followsuit.influence.probabilities.learn import LEAST, learn
from followsuit.simulator import World
from followsuit.triggers import tie_weights as module
from followsuit.triggers.tie_weights import GrowingTies, learn_tie_weights, tie_weights

WEEK = timedelta(days=7)
WORLD = World(
    customers=200,
    products=60,
    stores=4,
    friendships=1_000,
    purchases=5_000,
    days=84,
    influence=1.0,
    seed=3,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> SharedView:
    folder = tmp_path_factory.mktemp("world")
    return view_of_world(WORLD, folder, assume_consent=True).shared


def small(folder: Path, **changed: Any) -> View:
    """Ann's friends: Bob, with nine contacts, and Cas, who doesn't share."""
    rows: dict[str, Any] = {
        "customers": [{"customer_id": c, "birth_date": None} for c in ("ann", "bob", "cas")],
        "products": [{"product_id": "tea"}],
        "friendships": [
            {"customer_id": "ann", "friend_id": "bob", "directed": True, "interactions": 9.0},
            {"customer_id": "ann", "friend_id": "cas", "directed": True},
        ],
        "consents": [
            {"customer_id": "cas", "purpose": "social_use", "granted": False, "at": day(1)}
        ],
    }
    return view_from(folder, day(20), assume_consent=True, **{**rows, **changed})


def by_tie(ties: ir.Table) -> dict[tuple[str, str], tuple[float, float]]:
    rows = ties.to_pyarrow().to_pylist()
    return {(r["customer_id"], r["friend_id"]): (r["weight"], r["recorded"]) for r in rows}


def test_without_evidence_a_tie_counts_as_recorded(tmp_path: Path) -> None:
    strong = 1 + math.log(10)
    wanted = {("ann", "bob"): (strong, strong), ("ann", "cas"): (1.0, 1.0)}
    nothing = pd.DataFrame({"customer_id": [], "friend_id": [], "relative": []})
    view = small(tmp_path)
    for learned in (None, nothing):
        ties = by_tie(tie_weights(view, learned))
        assert ties.keys() == wanted.keys()
        for tie, values in wanted.items():
            assert ties[tie] == pytest.approx(values)


def test_counts_of_interactions_can_be_left_out_for_backtests(tmp_path: Path) -> None:
    ties = by_tie(tie_weights(small(tmp_path), counts=False))
    assert ties == {("ann", "bob"): (1.0, 1.0), ("ann", "cas"): (1.0, 1.0)}


def test_a_learned_tie_counts_in_the_scale_of_the_ties_that_are_shared(tmp_path: Path) -> None:
    learned = pd.DataFrame({"customer_id": ["ann"], "friend_id": ["bob"], "relative": [0.5]})
    ties = by_tie(tie_weights(small(tmp_path), learned))
    strong = 1 + math.log(10)
    # Cas doesn't share, so that the mean is of Bob's tie alone.
    assert ties["ann", "bob"] == pytest.approx((0.5 * strong, strong))
    assert ties["ann", "cas"] == (1.0, 1.0)


def test_what_is_learned_is_relative_to_the_mean_over_all_exposures(shared: SharedView) -> None:
    log = read_log(shared)
    weights = learn_tie_weights(log, 2 * WEEK)
    assert len(weights) > 50
    assert not weights.duplicated(["customer_id", "friend_id"]).any()
    learned = learn(log, 2 * WEEK)
    known = learned.exposures >= LEAST
    assert len(weights) == known.sum()
    mean = np.average(weights.relative, weights=learned.exposures[known])
    assert mean == pytest.approx(1.0, abs=1e-6)
    friends = set(by_tie(tie_weights(shared)))
    assert set(zip(weights.customer_id, weights.friend_id, strict=True)) <= friends


def test_where_nothing_was_done_nothing_is_learned(shared: SharedView) -> None:
    log = read_log(shared)
    before = log.until(int(timedelta(days=WORLD.days + 1).total_seconds()))
    assert not len(learn_tie_weights(before, 2 * WEEK))


def test_growing_ties_are_learned_from_the_past_alone_and_anew_when_it_has_doubled(
    shared: SharedView, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def noted(log: Any, window: timedelta) -> pd.DataFrame:
        sizes.append(len(log.actions.customer))
        return learn_tie_weights(log, window)

    monkeypatch.setattr(module, "learn_tie_weights", noted)
    growing = GrowingTies(shared, 2 * WEEK)
    days = [end_of(WORLD) - n * WEEK for n in range(9, -1, -1)]
    ties = [by_tie(growing.at(shared.at(at))) for at in days]
    whole = len(read_log(shared).actions.customer)
    assert 1 < len(sizes) < len(days)
    assert all(later >= 2 * earlier for earlier, later in pairwise(sizes))
    assert sizes[0] < whole
    first = read_log(shared.at(days[0]))
    assert sizes[0] == len(first.actions.customer)
    alone = tie_weights(shared.at(days[0]), learn_tie_weights(first, 2 * WEEK), counts=False)
    assert ties[0] == by_tie(alone)
