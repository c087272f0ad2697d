"""Candidates: a customer has no item twice and no offer twice; what is worth more chooses first."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from support.grids import NOW, grid_of, items_of, reasons_of, tea_shop
from support.snapshots import day

from followsuit.core.ranking_metrics import top_n
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.candidates import (
    Candidates,
    Offers,
    offers_for,
    ranks,
)
from followsuit.offers.candidates.catalogue import catalogue
from followsuit.offers.candidates.store_sets import Redemption, StoreSets, redemption
from followsuit.offers.retrieval import joined

Numbers = st.sampled_from([-np.inf, -1.5, 0.0, 0.25, 2.0])
TOP = 10


@dataclass(frozen=True)
class Offer:
    """An offer in plain Python: the columns that it covers, and whether it is for each row."""

    items: list[int]
    audience: list[bool] | None
    value: float


def anywhere(offers: int, items: int) -> Redemption:
    return redemption(StoreSets(), {}, {}, {}, (offers, items))


def as_arrays(offers: list[Offer], customers: int, items: int) -> Offers:
    covers = np.zeros((len(offers), items), dtype=bool)
    audience = np.zeros((len(offers), customers), dtype=bool)
    for number, offer in enumerate(offers):
        covers[number, offer.items] = True
        audience[number] = offer.audience or False
    value = np.array([offer.value for offer in offers], dtype=float)
    return Offers(
        ids=np.array([f"o{number}" for number in range(len(offers))], dtype=object),
        value=value,
        item_value=np.full(items, np.nan),
        cost=np.zeros(len(offers)),
        covers=sparse.csr_matrix(covers),
        audience=sparse.csr_matrix(audience),
        targeted=np.array([offer.audience is not None for offer in offers], dtype=bool),
        program=np.full(len(offers), None),
        interest=np.full(len(offers), None),
        redemption=anywhere(len(offers), items),
        by_worth=np.argsort(-np.nan_to_num(value, nan=-np.inf), kind="stable"),
    )


def without_catalogue(customers: int, items: int) -> Offers:
    return Offers(
        np.array([f"i{n}" for n in range(items)], dtype=object),
        np.full(items, np.nan),
        np.full(items, np.nan),
        np.zeros(items),
        None,
        sparse.csr_matrix((items, customers), dtype=bool),
        np.zeros(items, bool),
        np.full(items, None),
        np.full(items, None),
        anywhere(items, items),
        np.arange(items),
    )


@st.composite
def grids(draw: st.DrawFn, most_items: int = 7) -> tuple[np.ndarray, list[Offer]]:
    """Scores of customers and items, -inf where excluded, and offers."""
    customers, items = draw(st.integers(1, 4)), draw(st.integers(1, most_items))
    rows = st.lists(Numbers, min_size=items, max_size=items)
    scores = np.array(draw(st.lists(rows, min_size=customers, max_size=customers)))
    audiences = st.none() | st.lists(st.booleans(), min_size=customers, max_size=customers)
    offers = [
        Offer(
            sorted(draw(st.sets(st.integers(0, items - 1), min_size=1))),
            draw(audiences),
            draw(st.sampled_from([np.nan, 100.0, 250.0])),
        )
        for _ in range(draw(st.integers(0, most_items)))
    ]
    return scores, offers


def by_hand(scores: np.ndarray, offers: list[Offer] | None, customer: int) -> list[tuple[int, int]]:
    """(offer, item) by rank, computed by scoring every pair."""
    left = {i: v for i, v in enumerate(scores[customer]) if v > -np.inf}
    if offers is None:
        return [(i, i) for i in sorted(left, key=lambda i: (-left[i], i))]
    chosen = []
    worth = {n: -1.0 if np.isnan(o.value) else o.value for n, o in enumerate(offers)}
    for number in sorted(worth, key=lambda n: (-worth[n], n)):
        offer = offers[number]
        free = [i for i in offer.items if i in left]
        if free and (offer.audience is None or offer.audience[customer]):
            item = min(free, key=lambda i: (-left[i], i))
            chosen.append((-left.pop(item), item, number))
    return [(number, item) for _, item, number in sorted(chosen)]


def pairs_of(candidates: Candidates, rank: np.ndarray, customer: int) -> list[tuple[int, int]]:
    """(offer, item) of a customer's candidates, by rank."""
    mine = np.flatnonzero((candidates.row == customer) & (rank > 0))
    mine = mine[np.argsort(rank[mine])]
    assert rank[mine].tolist() == list(range(1, len(mine) + 1))
    offer, item = candidates.offer[mine].tolist(), candidates.column[mine].tolist()
    return list(zip(offer, item, strict=True))


def levels(scores: np.ndarray) -> np.ndarray:
    """Scores as whole numbers in the same order."""
    return np.unique(scores, return_inverse=True)[1]


@settings(deadline=None)  # the first call compiles
@given(grids(), st.integers(1, 8))
def test_the_best_have_each_item_and_each_offer_once_and_are_as_many_as_can_be(
    case: tuple[np.ndarray, list[Offer]], n: int
) -> None:
    scores, offers = case
    arrays = as_arrays(offers, *scores.shape)
    best = arrays.best(scores.copy(), np.arange(len(scores)), n)
    rank = ranks(best, levels(scores[best.row, best.column]), arrays)
    for customer in range(len(scores)):
        pairs = pairs_of(best, rank, customer)
        assert pairs == by_hand(scores, offers, customer)[:n]
        items = [item for _, item in pairs]
        assert len(set(items)) == len(items)
        for number, offer in enumerate(offers):
            mine = offer.audience is None or offer.audience[customer]
            if mine and number not in dict(pairs) and len(pairs) < n:
                free = [i for i in offer.items if scores[customer, i] > -np.inf]
                assert set(free) <= set(items), "an offer is left out, and could be shown"


@pytest.mark.parametrize("with_catalogue", [True, False])
@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_the_best_and_live_reasons_hold_the_first_that_scoring_everything_would_give(
    with_catalogue: bool, data: st.DataObject
) -> None:
    # Few are kept, so that reasons lie beyond them.
    scores, offers = data.draw(grids(most_items=14))
    top = data.draw(st.integers(1, TOP))
    kept = top + data.draw(st.integers(0, 4))
    free = np.argwhere(np.isfinite(scores))
    flags = data.draw(st.lists(st.booleans(), min_size=len(free), max_size=len(free)))
    reasons = free[np.array(flags, dtype=bool)]
    customers, items = scores.shape
    arrays = (
        as_arrays(offers, customers, items)
        if with_catalogue
        else without_catalogue(customers, items)
    )
    of_reasons = arrays.of_pairs(reasons[:, 0], reasons[:, 1])
    best = arrays.best(scores.copy(), np.arange(customers), kept)
    candidates = joined(of_reasons, best)
    rank = ranks(candidates, levels(scores[candidates.row, candidates.column]), arrays)
    for customer in range(customers):
        first = pairs_of(candidates, rank, customer)[:top]
        assert first == by_hand(scores, offers if with_catalogue else None, customer)[:top]


def test_the_best_of_many_items_are_those_of_all_items() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=(4, 3000)).round(2)
    scores[random.random(scores.shape) < 0.1] = -np.inf
    offers = [
        # Two offers cover items that nobody wants much: all items must be matched for these.
        *(Offer(np.argsort(scores[0])[400:460].tolist(), None, 9) for _ in range(2)),
        *(Offer(random.choice(3000, 700, replace=False).tolist(), None, v) for v in (1, 2, 3)),
    ]
    arrays = as_arrays(offers, *scores.shape)
    for n in (1, 4, 5):
        best = arrays.best(scores.copy(), np.arange(4), n)
        rank = ranks(best, levels(scores[best.row, best.column]), arrays)
        for customer in range(4):
            assert pairs_of(best, rank, customer) == by_hand(scores, offers, customer)[:n]


@settings(deadline=None)
@given(grids())
def test_a_pair_has_a_candidate_for_each_offer_that_covers_it_and_is_for_the_customer(
    case: tuple[np.ndarray, list[Offer]],
) -> None:
    scores, offers = case
    row, column = np.indices(scores.shape).reshape(2, -1)
    candidates = as_arrays(offers, *scores.shape).of_pairs(row, column)
    assert {*zip(candidates.row, candidates.column, candidates.offer, strict=True)} == {
        (r, c, n)
        for r, c in zip(row, column, strict=True)
        for n, offer in enumerate(offers)
        if c in offer.items and (offer.audience is None or offer.audience[r])
    }
    assert len(candidates.row) == len({*zip(*vars(candidates).values(), strict=True)})


def test_with_an_offer_for_each_item_and_one_more_the_list_stays_full() -> None:
    scores = np.array([[3.0, 2.0, 1.0, 0.5]])
    twice = [Offer([i], None, float(n)) for i in range(4) for n in (1, 2)]
    best = as_arrays(twice, 1, 4).best(scores, np.arange(1), 3)
    assert best.offer.tolist() == [1, 3, 5]
    assert best.column.tolist() == [0, 1, 2]


def test_rows_of_a_block_keep_their_numbers() -> None:
    scores = np.array([[1.0, 2.0], [2.0, 1.0]])
    for offers in (as_arrays([Offer([0, 1], None, 1.0)], 5, 2), without_catalogue(5, 2)):
        best = offers.best(scores.copy(), np.arange(3, 5), 1)
        assert best.row.tolist() == [3, 4]
        assert best.column.tolist() == [1, 0]


def test_no_candidates_have_no_ranks() -> None:
    none = np.empty(0, dtype=np.intp)
    for offers in (as_arrays([], 1, 2), without_catalogue(1, 2)):
        assert len(offers.of_pairs(none, none).row) == 0
        assert len(ranks(Candidates(none, none, none), none, offers)) == 0


@given(
    st.lists(st.lists(Numbers, min_size=6, max_size=6), min_size=1, max_size=4), st.integers(1, 8)
)
@settings(deadline=None)
def test_without_a_catalogue_the_first_are_the_best_items(rows: list[list[float]], n: int) -> None:
    scores = np.array(rows)
    best = without_catalogue(*scores.shape).best(scores, np.arange(len(scores)), n)
    lists = top_n(scores, n)
    assert best.column.tolist() == lists[lists >= 0].tolist()
    assert best.offer.tolist() == best.column.tolist()


# Of views.


def test_offers_have_the_value_that_the_catalogue_gives_them_or_the_items_margin(
    tmp_path: Path,
) -> None:
    products = [
        {"product_id": p, "margin": m, "category": "c"}
        for p, m in (("soap", 3), ("cup", 5), ("pan", None), ("tea", 7))
    ]
    view = tea_shop(tmp_path / "plain", products=products)
    grid = grid_of(view)
    offers = offers_for(grid, None)
    assert offers.ids.tolist() == items_of(grid) == ["pan", "soap", "tea"]
    np.testing.assert_array_equal(offers.value, [np.nan, 3, 7])

    made = [
        {"offer_id": "a", "category": "c", "value": 100},
        {"offer_id": "b", "product_id": "tea", "value": 300},
        {"offer_id": "c", "product_id": "tea", "program": "gold", "value": None},
        {"offer_id": "d", "product_id": "cup", "value": 900},
    ]
    gold = [{"customer_id": c, "program": "gold"} for c in ("ann", "cas")]
    view = tea_shop(tmp_path / "selling", products=products, offers=made, memberships=gold)
    active = catalogue(view)
    grid = grid_of(view, catalogue=active)
    offers = offers_for(grid, active)
    assert items_of(grid) == ["pan", "soap", "tea"]
    assert offers.ids.tolist() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(offers.value, [100, 300, np.nan, 900])
    assert offers.covers is not None
    assert offers.covers.toarray().tolist() == [
        [True, True, True],
        [False, False, True],
        [False, False, True],
        [False, False, False],
    ]
    assert offers.targeted.tolist() == [False, False, True, False]
    assert offers.audience.toarray().ravel().tolist() == [False, False, True, False]
    assert offers.by_worth.tolist() == [3, 1, 0, 2]


def test_reasons_are_brought_up_with_the_rule_that_blocks_them(tmp_path: Path) -> None:
    view = tea_shop(tmp_path, offers=[{"offer_id": "o", "product_id": p} for p in ("tea",)])
    reasons = reasons_of(view, "ann", ["tea", "soap", "hat"], "mine")
    rows = brought_up(view, reasons, catalogue(view))
    assert rows.columns == (*reasons.columns, "blocked_by")
    named = {row["item_id"]: row["blocked_by"] for row in rows.to_pyarrow().to_pylist()}
    assert named == {"tea": None, "soap": "already_taken", "hat": "no_offer_in_force"}
    # Of the past, what came later does not block.
    early = view.at(day(1))
    rows = brought_up(early, reasons_of(early, "ann", ["soap"], "mine"))
    assert rows.to_pyarrow()["blocked_by"].to_pylist() == [None]
    assert early.as_of < NOW
