"""Time between purchases of a product: read from a view, and shrunk to what is usual."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refills import Histories, days_of, simulate_refills
from support.snapshots import day, view_from

from followsuit.core.codes import Codes
from followsuit.customers.gaps import (
    NEVER,
    PurchaseDays,
    fit_gaps,
    pairs_at,
    purchase_days,
)
from followsuit.graph.views.view import View

RHYTHMS = {"milk": 6.0, "wine": 14.0, "razor": 28.0, "soap": 60.0}


def shop(folder: Path, *bought: tuple[str, str, float], as_of: int = 29) -> View:
    """Purchases by customer, product and hour of January."""
    return view_from(
        folder,
        day(as_of),
        customers=[{"customer_id": c} for c in ("ann", "bob")],
        products=[
            {"product_id": "tea", "category": "food"},
            {"product_id": "jam"},
            {"product_id": "pill", "sensitive": True},
        ],
        purchases=[
            {"customer_id": c, "product_id": p, "at": day(1, hour)} for c, p, hour in bought
        ],
        consents=[{"customer_id": "bob", "purpose": "social_use", "granted": False, "at": day(1)}],
        assume_consent=True,
    )


def expected(
    histories: Histories, learned: Histories | None = None
) -> dict[tuple[str, str], float]:
    """The expected gap in days of each pair."""
    population = days_of(learned or histories)
    gaps = fit_gaps(population, population.pairs)
    days = days_of(histories)
    pairs = days.pairs
    names = zip(days.customers.ids[pairs.customer], days.products.ids[pairs.product], strict=True)
    return dict(zip(names, np.exp(gaps.expected(days, pairs)), strict=True))


class TestReadingDays:
    def test_a_product_counts_once_a_day(self, tmp_path: Path) -> None:
        hours = (0, 24 * 7 + 3, 24 * 7 + 1, 24 * 8)
        found = purchase_days(shop(tmp_path, *(("ann", "tea", hour) for hour in hours)))
        assert list(found.day) == [-28, -20]
        assert list(found.customers.ids[found.customer]) == ["ann", "ann"]

    def test_day_0_is_the_last_day_before_the_instant(self, tmp_path: Path) -> None:
        hours = (24 * 27 + 1, 24 * 28)
        found = purchase_days(shop(tmp_path, *(("ann", "tea", hour) for hour in hours)))
        assert list(found.day) == [0]

    def test_categories_are_those_of_the_products(self, tmp_path: Path) -> None:
        found = purchase_days(shop(tmp_path, ("ann", "tea", 0), ("ann", "jam", 0)))
        assert dict(zip(found.products.ids, found.categories, strict=True)) == {
            "jam": "",
            "tea": "food",
        }

    def test_sensitive_and_later_purchases_are_not_in_it(self, tmp_path: Path) -> None:
        later = 24 * 28 + 1
        found = purchase_days(shop(tmp_path, ("ann", "pill", 0), ("ann", "tea", later)))
        assert len(found.day) == 0

    def test_the_shared_view_has_only_those_who_share(self, tmp_path: Path) -> None:
        view = shop(tmp_path, ("ann", "tea", 0), ("bob", "tea", 0))
        assert list(purchase_days(view).customers.ids) == ["ann", "bob"]
        assert list(purchase_days(view.shared).customers.ids) == ["ann"]


class TestPairs:
    def test_gaps_elapsed_time_and_what_follows(self) -> None:
        days = days_of({("ann", "tea"): [-30, -20, -4, 0], ("bob", "tea"): [-9]})
        pairs = pairs_at(days, -2)
        assert list(days.customers.ids[pairs.customer]) == ["ann"]
        assert (pairs.gaps[0], pairs.mean_days[0], pairs.last[0]) == (2, 13, -4)
        assert pairs.mean_log[0] == pytest.approx(np.log([10, 16]).mean())
        assert pairs.squares[0] == pytest.approx(np.log([10, 16]).var() * 2)
        assert pairs.following[0] == 0
        assert days.pairs.following[0] == NEVER

    def test_later_purchases_change_only_what_follows(self) -> None:
        histories = simulate_refills(RHYTHMS, 20, seed=1)
        known = {pair: [d for d in days if d <= -90] for pair, days in histories.items()}
        before = pairs_at(days_of({pair: days for pair, days in known.items() if days}), -90)
        after = pairs_at(days_of(histories), -90)
        for name, column in vars(before).items():
            if name != "following":
                assert np.array_equal(column, getattr(after, name))
        assert (before.following == NEVER).all()
        assert (after.following > -90).all()

    def test_none_without_a_second_purchase(self) -> None:
        assert len(days_of({("ann", "tea"): [-30], ("bob", "tea"): [-9]}).pairs) == 0


class TestShrinking:
    def test_the_planted_variances_are_found(self) -> None:
        days = days_of(simulate_refills(RHYTHMS, 300, seed=0, days=900, within=0.3, between=0.4))
        found = fit_gaps(days, days.pairs).variances
        assert found.within == pytest.approx(0.3**2, rel=0.1)
        assert found.pair == pytest.approx(0.4**2, rel=0.1)
        planted = np.var(np.log(list(RHYTHMS.values())), ddof=1)
        assert found.product + found.category == pytest.approx(planted, rel=0.15)
        assert found.customer < 0.01

    def test_a_slow_customer_is_expected_to_be_slow_with_every_product(self) -> None:
        histories = simulate_refills(RHYTHMS, 60, seed=2)
        for number in range(30):
            for product in RHYTHMS:
                pair = (f"c{number:04}", product)
                histories[pair] = [2 * d for d in histories[pair]]
        histories["c0000", "soap"] = [-200, -140]
        histories["c0059", "soap"] = [-200, -140]
        found = expected(histories)
        assert found["c0000", "soap"] > 1.1 * found["c0059", "soap"]

    def test_few_gaps_are_near_the_products_and_many_near_their_own(self) -> None:
        histories = simulate_refills(RHYTHMS, 60, seed=3, within=0.4)
        histories["few", "razor"] = [-30, -23]
        histories["many", "razor"] = [-7 * k for k in range(30, 0, -1)]
        found = expected(histories)
        assert found["many", "razor"] < 8.5
        assert 9 < found["few", "razor"] < 28

    def test_a_new_product_takes_its_category_and_a_new_category_the_mean(self) -> None:
        histories = simulate_refills(RHYTHMS, 40, seed=4)
        kinds = {"milk": "fresh", "wine": "drinks", "razor": "care", "soap": "care"}
        population = days_of(histories, kinds)
        gaps = fit_gaps(population, population.pairs)
        new = days_of({("ann", "brush"): [-1], ("ann", "lamp"): [-1]}, {"brush": "care"})
        brush, lamp = gaps._usual(new)
        assert 28 < np.exp(brush) < 60
        assert lamp == pytest.approx(gaps.mean)

    def test_what_is_learned_from_others_is_all_that_others_change(self) -> None:
        population = simulate_refills(RHYTHMS, 40, seed=5)
        ann = {("ann", "razor"): [-90, -60, -33], ("ann", "milk"): [-20, -11]}
        bob = {("bob", "razor"): [-300, -10], ("bob", "milk"): [-200, -1]}
        alone, together = expected(ann, population), expected({**ann, **bob}, population)
        assert all(together[pair] == alone[pair] for pair in ann)

    def test_a_razor_every_28_days_is_expected_after_28(self) -> None:
        """In a shop whose other customers are irregular."""
        histories = simulate_refills(RHYTHMS, 80, seed=6, within=0.6, between=0.3, lost=0.05)
        histories["ann", "razor"] = [-28 * k - 5 for k in range(6, -1, -1)]
        assert expected(histories)["ann", "razor"] == pytest.approx(28, abs=3)

    @pytest.mark.parametrize(
        "histories",
        [
            {("ann", "tea"): [-20, -10]},
            {("ann", "tea"): [-20, -10], ("bob", "tea"): [-20, -10]},
            {("ann", "tea"): [-30, -20, -10], ("ann", "jam"): [-3, -2]},
        ],
    )
    def test_few_and_equal_gaps_give_numbers(self, histories: Histories) -> None:
        found = expected(histories)
        assert all(1 <= gap <= 11 for gap in found.values())

    @given(st.lists(st.integers(1, 200), min_size=1, max_size=20), st.integers(0, 5))
    def test_the_expected_gap_lies_between_the_own_and_the_usual(
        self, lengths: list[int], seed: int
    ) -> None:
        histories = simulate_refills({"milk": 6, "soap": 60}, 15, seed=seed, within=0.5)
        histories["ann", "soap"] = [-int(d) for d in np.cumsum([0, *lengths])[::-1]]
        days = days_of(histories)
        pairs = days.pairs
        gaps = fit_gaps(days, pairs)
        own = pairs.mean_log[0]
        usual = gaps._usual(days)[pairs.product[0]]
        # The customer's part moves the usual towards their own.
        low, high = sorted([own, usual])
        assert low - 1e-6 <= gaps.expected(days, pairs)[0] <= high + 1e-6

    def test_the_numbers_of_products_and_customers_are_only_names(self) -> None:
        histories = simulate_refills(RHYTHMS, 30, seed=7)
        renamed = {(f"z{c}", p[::-1]): days for (c, p), days in histories.items()}
        one, other = expected(histories), expected(renamed)
        for (customer, product), gap in one.items():
            assert other[f"z{customer}", product[::-1]] == pytest.approx(gap, rel=1e-9)


def test_no_purchases_make_no_pairs() -> None:
    none = np.zeros(0, dtype=np.int64)
    empty = np.array([], dtype=object)
    days = PurchaseDays(Codes(empty), Codes(empty), empty, none, none, none)
    assert len(days.pairs) == 0
