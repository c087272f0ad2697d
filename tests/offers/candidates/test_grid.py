"""Grids: their customers and items, excluded pairs, labels, and that they don't see the future."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from support.grids import (
    FOLLOWS,
    FORTNIGHT,
    NOW,
    grid_of,
    items_of,
    tea_shop,
    with_repeats,
)
from support.snapshots import day

from followsuit.offers.candidates.catalogue import catalogue
from followsuit.offers.candidates.grid import Grid, blocks, outcomes, pick
from followsuit.offers.features.declared import Features

WEEK = timedelta(days=7)
LATER = NOW + timedelta(microseconds=1)


def test_it_has_the_customers_with_a_live_reason_and_the_items_popular_now(tmp_path: Path) -> None:
    grid = grid_of(tea_shop(tmp_path))
    assert list(grid.customers.ids) == ["ann"]
    assert items_of(grid) == ["pan", "soap", "tea"]
    assert grid.popularity[grid.items].tolist() == [1, 1, 2]
    assert grid.live[["row", "column", "friends"]].to_numpy().tolist() == [[0, 2, 1]]
    seen = grid.view.item_list.id[grid.seen[0].indices]
    assert sorted(seen) == ["cup", "pan", "soap"]


def test_seen_items_and_stores_of_other_cities_are_excluded(tmp_path: Path) -> None:
    visits = [{"customer_id": "cas", "store_id": s, "at": day(19)} for s in ("near", "far", "web")]
    grid = grid_of(
        tea_shop(
            tmp_path,
            customers=[
                {"customer_id": "ann", "city": "Ulm"},
                {"customer_id": "bob"},
                {"customer_id": "cas"},
            ],
            stores=[
                {"store_id": "near", "city": "Ulm"},
                {"store_id": "far", "city": "Kiel"},
                {"store_id": "web"},
            ],
            visits=visits,
        )
    )
    wanted = {
        "far": True,
        "near": False,
        "pan": True,
        "soap": True,
        "tea": False,
        "web": False,
    }
    excluded = grid.excluded(slice(None))[0]
    assert dict(zip(items_of(grid), excluded, strict=True)) == wanted
    columns = np.arange(len(grid.items))
    assert np.array_equal(grid.excluded_pairs(np.zeros_like(columns), columns), excluded)
    assert grid.excluded(slice(None), slice(1, 3)).tolist() == [excluded[1:3].tolist()]


def test_whoever_has_seen_the_item_has_no_reason_for_it(tmp_path: Path) -> None:
    before = {"customer_id": "ann", "product_id": "tea", "at": day(1)}
    grid = grid_of(tea_shop(tmp_path, before))
    assert len(grid.customers) == len(grid.live) == 0


def test_where_little_is_left_all_items_are_columns(tmp_path: Path) -> None:
    grid = grid_of(tea_shop(tmp_path), least=10)
    assert items_of(grid) == ["cup", "hat", "pan", "soap", "tea"]


def test_only_items_that_an_offer_covers_are_columns(tmp_path: Path) -> None:
    offers = [{"offer_id": "o", "product_id": "tea"}, {"offer_id": "p", "product_id": "hat"}]
    view = tea_shop(tmp_path, offers=offers)
    assert items_of(grid_of(view, catalogue=catalogue(view))) == ["tea"]


def test_recorded_ties_give_their_own_strengths(tmp_path: Path) -> None:
    grid = grid_of(tea_shop(tmp_path))
    grid.live["recorded_strength"] = [7.0]
    assert grid.with_recorded_ties().live.strength.tolist() == [7.0]
    assert grid.live.strength.tolist() != [7.0]


def same(one: Grid, other: Grid) -> None:
    """Assert that two grids have the same customers, items and values."""
    assert one.customers.ids.tolist() == other.customers.ids.tolist()
    assert items_of(one) == items_of(other)
    assert np.array_equal(one.popularity[one.items], other.popularity[other.items])
    assert (one.seen != other.seen).nnz == 0
    pd.testing.assert_frame_equal(one.live, other.live)
    values, others = (Features(grid, ["friend_bought"]).block(slice(None)) for grid in (one, other))
    for name, value in values.items():
        assert np.array_equal(value, others[name]), name


def test_what_lies_in_the_future_changes_nothing(tmp_path: Path) -> None:
    planted = [
        {"customer_id": "bob", "product_id": "cup", "at": LATER},
        {"customer_id": "ann", "product_id": "tea", "at": LATER},
        {"customer_id": "cas", "product_id": "hat", "at": LATER},
    ]
    friendships = [FOLLOWS, {"customer_id": "ann", "friend_id": "cas", "since": LATER}]
    before = grid_of(tea_shop(tmp_path / "before"))
    after = tea_shop(tmp_path / "after", *planted, friendships=friendships, as_of=day(60))
    same(before, grid_of(after.at(NOW)))


def test_outcomes_are_first_interactions_after_the_instant_up_to_the_horizon(
    tmp_path: Path,
) -> None:
    acts = [
        ("tea", NOW + WEEK),  # on the horizon: counts
        ("hat", NOW + timedelta(days=1)),  # an item that nobody interacted with lately
        ("cup", NOW + timedelta(days=1)),  # not the first
        ("jam", NOW + WEEK + timedelta(microseconds=1)),  # too late
    ]
    planted = [{"customer_id": "ann", "product_id": p, "at": at} for p, at in acts]
    products: Any = [{"product_id": p} for p in ("soap", "cup", "pan", "tea", "hat", "jam")]
    grid = grid_of(tea_shop(tmp_path, *planted, products=products), FORTNIGHT)
    results = outcomes(grid, WEEK)
    assert [items_of(grid)[column] for _, column in results.pairs] == ["tea"]
    assert results.adoptions.tolist() == [2]


def test_a_seen_item_with_a_reason_to_buy_it_again_is_not_excluded(tmp_path: Path) -> None:
    laid = with_repeats(tea_shop(tmp_path), ("soap",), ("cup", "hat"))
    wanted = {"hat": False, "pan": True, "soap": False, "tea": False}  # No reason for the cup.
    assert items_of(laid) == list(wanted)
    columns = np.arange(len(wanted))
    assert laid.excluded(slice(None))[0].tolist() == list(wanted.values())
    assert laid.excluded_pairs(np.zeros_like(columns), columns).tolist() == list(wanted.values())
    scores = np.ones((1, len(wanted)))
    laid.exclude(scores, slice(None))
    assert np.isneginf(scores[0]).tolist() == list(wanted.values())
    assert laid.seen.nnz == 3
    assert laid.repeats.nnz == 1


def test_the_label_of_a_repeat_is_any_interaction_within_the_horizon(tmp_path: Path) -> None:
    bought = {"soap": NOW + WEEK, "cup": NOW + WEEK + timedelta(microseconds=1), "hat": LATER}
    planted = [{"customer_id": "ann", "product_id": p, "at": at} for p, at in bought.items()]
    planted += [planted[0], {**planted[0], "customer_id": "cas"}]
    laid = with_repeats(tea_shop(tmp_path, *planted), ("soap", "cup", "hat"))
    labels = outcomes(laid, WEEK)
    assert [items_of(laid)[column] for _, column in labels.pairs] == ["hat", "soap"]
    assert labels.adoptions.tolist() == [2]
    without = outcomes(with_repeats(laid.view, (), ("hat",)), WEEK)
    assert without.adoptions.tolist() == [1]


@given(st.integers(0, 5_000_000), st.integers(0, 3_000_000))
def test_blocks_cover_every_row_once(size: int, width: int) -> None:
    covered = 0
    for number, block in enumerate(blocks(size, width)):
        assert block.start == covered
        assert block.stop > block.start
        assert (block.stop - block.start) * width <= max(1_000_000, width)
        covered = block.stop
        if number > 50:
            return
    assert covered == size


def test_cells_of_no_pairs_are_none(tmp_path: Path) -> None:
    grid = grid_of(tea_shop(tmp_path))
    nothing = np.empty(0, dtype=np.intp)
    assert pick(grid.seen, nothing, nothing).shape == (0,)
    assert grid.excluded_pairs(nothing, nothing).shape == (0,)
