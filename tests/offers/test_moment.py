"""The factors of a moment, worked out by hand, and what must not be seen."""

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from support.snapshots import day, snapshot_from

from followsuit.graph.facts import Facts
from followsuit.graph.snapshot import Snapshot
from followsuit.offers.moment import Moment, look
from followsuit.offers.outcomes import outcomes

NOW = day(20)
FORTNIGHT = timedelta(days=14)
FOLLOWS = {"customer_id": "ann", "friend_id": "bob", "directed": True}


def shop(folder: Path, *more: dict[str, Any], **tables: Any) -> Snapshot:
    """Ann follows Bob, who has just bought tea; Cas has bought tea and soap."""
    bought = [
        ("ann", "soap", day(2)), ("ann", "cup", day(3)), ("ann", "pan", day(8)),
        ("bob", "tea", day(19)), ("cas", "tea", day(18)), ("cas", "soap", day(18)),
    ]  # fmt: skip
    category = {"soap": "bath", "cup": "kitchen", "pan": "kitchen", "tea": "kitchen", "hat": None}
    rows: dict[str, Any] = {
        "customers": [{"customer_id": c} for c in ("ann", "bob", "cas")],
        "products": [{"product_id": p, "category": c} for p, c in category.items()],
        "friendships": [FOLLOWS],
        "purchases": [{"customer_id": c, "product_id": p, "at": at} for c, p, at in bought]
        + list(more),
    }
    return snapshot_from(folder, day(60), assume_consent=True, **{**rows, **tables})


def moment_of(snapshot: Snapshot, **options: Any) -> tuple[Facts, Moment]:
    facts = Facts(snapshot)
    return facts, look(facts, NOW, FORTNIGHT, **options)


def names(facts: Facts, moment: Moment) -> list[str]:
    return list(facts.items.id[moment.items])


def test_the_factors_are_what_they_are_said_to_be(tmp_path: Path) -> None:
    facts, moment = moment_of(shop(tmp_path))
    assert list(facts.customers[moment.customers]) == ["ann"]
    items = names(facts, moment)
    assert items == ["pan", "soap", "tea"]
    # log(1 + n) has another last digit on processors without AVX-512.
    assert np.allclose(moment.popularity, np.log([2, 2, 3]), rtol=0, atol=1e-14)
    assert np.allclose(moment.activity, [math.log(2)], rtol=0, atol=1e-14)

    # Lately: kitchen 3 of 4 acts, bath 1. Ann's own: kitchen 2 of 3 items, bath 1.
    kitchen, bath = facts.items.categories.tolist().index("kitchen"), 0
    assert moment.shares[[bath, kitchen]].tolist() == [0.25, 0.75]
    taste = moment.liking(slice(None))[0]
    assert taste[kitchen] == math.log((2 + 10 * 0.75) / 13 / 0.75)
    assert taste[bath] == math.log((1 + 10 * 0.25) / 13 / 0.25)
    assert taste[-1] == 0

    exposure = 2 ** (-1 / 3.5)
    friends = moment.friends.toarray()[0]
    assert np.allclose(friends, [0, 0, math.log1p(exposure)], atol=1e-8)


def test_taken_items_and_stores_of_other_cities_are_barred(tmp_path: Path) -> None:
    visits = [{"customer_id": "cas", "store_id": s, "at": day(19)} for s in ("near", "far", "web")]
    facts, moment = moment_of(
        shop(
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
    barred = dict(zip(names(facts, moment), moment.barred(slice(None))[0], strict=True))
    assert barred == {
        "far": True, "near": False, "pan": True, "soap": True, "tea": False, "web": False,
    }  # fmt: skip


def test_where_little_is_left_all_items_are_looked_at(tmp_path: Path) -> None:
    facts, moment = moment_of(shop(tmp_path), left=10)
    assert names(facts, moment) == ["cup", "hat", "pan", "soap", "tea"]


def same(one: Moment, other: Moment) -> None:
    """That two moments say the same of the same items."""
    assert np.array_equal(one.customers, other.customers)
    assert np.array_equal(one.items, other.items)
    assert np.array_equal(one.popularity, other.popularity)
    assert np.array_equal(one.activity, other.activity)
    assert (one.friends != other.friends).nnz == 0
    assert (one.taken != other.taken).nnz == 0
    assert np.array_equal(one.liking(slice(None)), other.liking(slice(None)))
    pd.testing.assert_frame_equal(one.exposed, other.exposed)


def test_what_lies_in_the_future_changes_nothing(tmp_path: Path) -> None:
    _, before = moment_of(shop(tmp_path / "before"))
    later = NOW + timedelta(microseconds=1)
    planted = [
        {"customer_id": "bob", "product_id": "cup", "at": later},
        {"customer_id": "ann", "product_id": "tea", "at": later},
        {"customer_id": "cas", "product_id": "hat", "at": later},
    ]
    friendships = [
        FOLLOWS,
        {"customer_id": "ann", "friend_id": "cas", "since": later},
    ]
    _, after = moment_of(shop(tmp_path / "after", *planted, friendships=friendships))
    same(before, after)


def test_outcomes_are_first_acts_after_the_moment_up_to_the_horizon(tmp_path: Path) -> None:
    week = timedelta(days=7)
    acts = [
        ("tea", NOW + week),  # on the horizon: counts
        ("hat", NOW + timedelta(days=1)),  # of an item that nobody acted on lately
        ("cup", NOW + timedelta(days=1)),  # not the first
        ("jam", NOW + week + timedelta(microseconds=1)),  # too late
    ]
    planted = [{"customer_id": "ann", "product_id": p, "at": at} for p, at in acts]
    facts, moment = moment_of(
        shop(tmp_path, *planted, products=[{"product_id": p} for p in
             ("soap", "cup", "pan", "tea", "hat", "jam")])
    )  # fmt: skip
    found = outcomes(facts, moment, week)
    adopted = [names(facts, moment)[column] for _, column in found.pairs]
    assert adopted == ["tea"]
    assert found.adoptions.tolist() == [2]
