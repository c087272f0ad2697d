"""Whether a customer is still active: parameters and forecasts, against theory and real data."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad
from support.data_packages import data_of
from support.lifetimes import Truth, simulate_lifetimes
from support.snapshots import day, view_from

from followsuit.customers import lifetime as module
from followsuit.customers.lifetime import (
    NAMES,
    BadHistory,
    FittedLifetime,
    Lifetime,
    PurchaseHistory,
    TooFewRepeats,
    fit_lifetime,
    learn_lifetime,
    purchase_history,
)
from followsuit.graph.views.view import View

TRUTH = Truth(r=0.6, alpha=5.0, a=0.8, b=2.5)
CDNOW = Lifetime(r=0.243, alpha=4.414, a=0.793, b=2.426)
HALF = timedelta(weeks=26)


def history(*rows: tuple[float, float, float]) -> PurchaseHistory:
    """Customers by frequency, recency and age."""
    frequency, recency, age = np.array(rows, dtype=float).reshape(-1, 3).T
    return PurchaseHistory(np.arange(len(rows)), frequency, recency, age)


class TestReadingHistories:
    def read(self, folder: Path, hours: Sequence[float], **changed: object) -> PurchaseHistory:
        """Ann's purchases, at hours of January, as of the 29th."""
        bought = [
            {"customer_id": "ann", "product_id": "tea", "at": day(1, hour), **changed}
            for hour in hours
        ]
        customers = [{"customer_id": c} for c in ("ann", "bob")]
        products = [{"product_id": "tea"}, {"product_id": "pill", "sensitive": True}]
        view = view_from(folder, day(29), purchases=bought, customers=customers, products=products)
        return purchase_history(view)

    def test_it_counts_days_after_the_first_and_measures_weeks(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, [0, 24 * 7, 24 * 14])
        assert list(found.customers) == ["ann"]
        assert (found.frequency[0], found.recency[0], found.age[0]) == (2, 2, 4)

    def test_purchases_on_one_day_count_once(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, [1, 2, 23, 24 * 7 + 5, 24 * 7 + 9])
        assert (found.frequency[0], found.recency[0]) == (1, 1)

    def test_a_day_ends_at_the_hour_of_the_view(self, tmp_path: Path) -> None:
        view = view_from(
            tmp_path,
            day(29, 12),
            customers=[{"customer_id": "ann"}],
            products=[{"product_id": "tea"}],
            purchases=[
                {"customer_id": "ann", "product_id": "tea", "at": day(1, h)} for h in (13, 35)
            ],
        )
        assert purchase_history(view).frequency[0] == 0

    @pytest.mark.parametrize("changed", [{"quantity": -1.0}, {"product_id": "pill"}])
    def test_returns_and_sensitive_purchases_are_not_in_it(
        self, changed: dict[str, object], tmp_path: Path
    ) -> None:
        assert len(self.read(tmp_path, [0, 24 * 7], **changed)) == 0

    def test_later_purchases_change_nothing(self, tmp_path: Path) -> None:
        earlier = self.read(tmp_path / "a", [0, 24 * 7])
        both = self.read(tmp_path / "b", [0, 24 * 7, 24 * 28 + 1])
        assert both.recency[0] == earlier.recency[0]
        assert both.frequency[0] == earlier.frequency[0]

    def test_only_customers_who_share_are_learned_from(self, tmp_path: Path) -> None:
        view = view_from(
            tmp_path,
            day(29),
            customers=[{"customer_id": c} for c in ("ann", "bob")],
            products=[{"product_id": "tea"}],
            purchases=[
                {"customer_id": c, "product_id": "tea", "at": day(d)}
                for c in ("ann", "bob")
                for d in (1, 8)
            ],
            consents=[
                {"customer_id": "bob", "purpose": "social_use", "granted": False, "at": day(1)}
            ],
            assume_consent=True,
        )
        assert len(purchase_history(view)) == 2
        with pytest.raises(TooFewRepeats, match="1 of 1 customers who share"):
            learn_lifetime(view.shared)


class TestPlantedTruth:
    def test_the_parameters_of_many_customers_are_found(self) -> None:
        found = fit_lifetime(simulate_lifetimes(TRUTH, 20_000, seed=9).history)
        for name in NAMES:
            assert getattr(found, name) == pytest.approx(getattr(TRUTH, name), rel=0.08)

    def test_forecasts_and_the_number_of_active_customers_come_true(self) -> None:
        world = simulate_lifetimes(TRUTH, 20_000, seed=4, horizon=26)
        found = fit_lifetime(world.history)
        expected = found.expected_purchases(world.history, HALF)
        assert expected.sum() == pytest.approx(world.later.sum(), rel=0.03)
        alive = found.probability_alive(world.history)
        assert alive.sum() == pytest.approx(world.alive.sum(), rel=0.02)
        for tenth in np.array_split(np.argsort(alive, kind="stable"), 10):
            assert alive[tenth].mean() == pytest.approx(world.alive[tenth].mean(), abs=0.04)

    def test_nine_in_ten_intervals_of_ninety_percent_hold_the_truth(self) -> None:
        held = np.zeros(len(NAMES))
        worlds = 80
        for seed in range(worlds):
            found = fit_lifetime(simulate_lifetimes(TRUTH, 1_000, seed=seed).history)
            intervals = found.interval(0.9)
            assert intervals is not None
            held += [
                intervals[name][0] <= getattr(TRUTH, name) <= intervals[name][1] for name in NAMES
            ]
        assert (held / worlds > 0.82).all()
        assert (held / worlds < 0.98).all()

    def test_the_order_of_customers_changes_nothing(self) -> None:
        rows = simulate_lifetimes(TRUTH, 500, seed=1).history
        back = PurchaseHistory(
            rows.customers[::-1], rows.frequency[::-1], rows.recency[::-1], rows.age[::-1]
        )
        one, other = fit_lifetime(rows), fit_lifetime(back)
        assert [getattr(one, n) for n in NAMES] == [getattr(other, n) for n in NAMES]
        assert one.log_likelihood == other.log_likelihood

    def test_the_unit_of_time_only_scales_alpha(self) -> None:
        rows = simulate_lifetimes(TRUTH, 2_000, seed=2).history
        in_days = PurchaseHistory(rows.customers, rows.frequency, rows.recency * 7, rows.age * 7)
        one, other = fit_lifetime(rows), fit_lifetime(in_days)
        assert other.alpha == pytest.approx(7 * one.alpha, rel=1e-4)
        assert other.r == pytest.approx(one.r, rel=1e-4)

    @pytest.mark.parametrize("logs", [(0, 1, 0, 0), (-1, 2, -0.3, 1), (2, -1, 1, -2)])
    def test_the_gradient_is_that_of_the_likelihood(self, logs: tuple[float, ...]) -> None:
        likelihood = module._Likelihood(simulate_lifetimes(TRUTH, 200, seed=3).history)
        wrong = check_grad(
            lambda at: likelihood.loss(at)[0],
            lambda at: likelihood.loss(at)[1],
            np.array(logs, dtype=float),
        )
        assert wrong < 1e-5


MODELS = st.builds(
    Lifetime,
    r=st.floats(0.01, 50),
    alpha=st.floats(0.1, 200),
    a=st.floats(0.05, 50) | st.just(1.0),
    b=st.floats(0.05, 50) | st.just(1.0),
)
CUSTOMERS = st.tuples(st.integers(0, 2_000), st.floats(0.01, 1), st.floats(0.2, 500)).map(
    lambda t: (t[0], t[1] * t[2] if t[0] else 0.0, t[2])
)
HORIZONS = st.floats(1, 260).map(lambda weeks: timedelta(weeks=weeks))


class TestProperties:
    @given(MODELS, CUSTOMERS, HORIZONS)
    def test_probabilities_and_forecasts_are_in_range(
        self, model: Lifetime, customer: tuple[float, float, float], horizon: timedelta
    ) -> None:
        one = history(customer)
        alive = model.probability_alive(one)[0]
        expected = model.expected_purchases(one, horizon)[0]
        assert 0 <= alive <= 1
        weeks = horizon / timedelta(weeks=1)
        at_most = (model.r + customer[0]) / (model.alpha + customer[2]) * weeks * alive
        assert -1e-9 <= expected <= at_most * 1.001 + 1e-9

    @given(MODELS, CUSTOMERS, HORIZONS)
    def test_a_longer_horizon_expects_more(
        self, model: Lifetime, customer: tuple[float, float, float], horizon: timedelta
    ) -> None:
        one = history(customer)
        short, long = (model.expected_purchases(one, horizon * k)[0] for k in (1, 2))
        assert long >= short * (1 - 1e-6) - 1e-9

    @given(MODELS, st.integers(1, 100), st.floats(0.1, 50), st.floats(0.1, 50))
    def test_a_longer_silence_makes_leaving_more_likely(
        self, model: Lifetime, frequency: int, recency: float, more: float
    ) -> None:
        rows = [(frequency, recency, recency + silence) for silence in (0, more, 2 * more)]
        alive = model.probability_alive(history(*rows))
        assert (np.diff(alive) <= 0).all()

    def test_the_more_often_someone_bought_the_more_a_silence_says(self) -> None:
        alive = CDNOW.probability_alive(history((2, 10, 30), (8, 10, 30), (20, 10, 30)))
        assert alive[0] > alive[1] > alive[2]

    def test_without_a_repeat_everyone_counts_as_alive(self) -> None:
        assert list(CDNOW.probability_alive(history((0, 0, 1), (0, 0, 500)))) == [1, 1]

    @pytest.mark.parametrize("model", [CDNOW, Lifetime(2, 10, 1, 3), Lifetime(0.5, 5, 0.3, 0.7)])
    @pytest.mark.parametrize("row", [(0, 0, 10), (3, 5, 30), (200, 90, 100), (2_000, 400, 401)])
    def test_a_forecast_is_the_mean_over_rates_and_probabilities_of_leaving(
        self, model: Lifetime, row: tuple[float, float, float]
    ) -> None:
        """Drawn from the posterior of a customer who is active."""
        random = np.random.default_rng(0)
        rate = random.gamma(model.r + row[0], 1 / (model.alpha + row[2]), 400_000)
        leaving = np.maximum(random.beta(model.a, model.b + row[0], 400_000), 1e-300)
        bought = -np.expm1(-rate * leaving * 26) / leaving
        found = model.expected_purchases(history(row), HALF)
        alive = model.probability_alive(history(row))
        assert found[0] == pytest.approx(alive[0] * bought.mean(), rel=0.02)

    def test_where_scipy_overflows_the_mean_is_taken_at_quantiles(self) -> None:
        """The two ways agree where both work."""
        rows = history((3, 5, 30), (3, 20, 60))
        direct = CDNOW._if_alive(rows, 26)
        assert CDNOW._by_quadrature(3, rows.age, 26) == pytest.approx(direct, rel=1e-3)

    def test_extreme_parameters_give_numbers(self) -> None:
        rows = history((0, 0, 20), (50, 13, 20))
        for model in (Lifetime(1_096, 21_932, 1_096, 1e-3), Lifetime(3, 1, 5, 1_000)):
            expected = model.expected_purchases(rows, timedelta(weeks=5_000))
            assert np.isfinite(expected).all()


class TestEdges:
    def test_no_repeat_purchases(self) -> None:
        with pytest.raises(TooFewRepeats, match=r"0 of 50 .* choose a later day, or load"):
            fit_lifetime(history(*[(0, 0, 20)] * 50))

    def test_one_customer(self) -> None:
        with pytest.raises(TooFewRepeats, match="1 of 1 customers"):
            fit_lifetime(history((3, 10, 20)))

    def test_no_customers(self) -> None:
        with pytest.raises(TooFewRepeats, match="0 of 0 customers"):
            fit_lifetime(history())

    @pytest.mark.parametrize("row", [(3, 10, 20), (3, 20, 20), (1, 1, 20)])
    def test_customers_who_are_all_the_same_end_at_a_bound_and_are_forecast(
        self, row: tuple[float, float, float]
    ) -> None:
        rows = history(*[row] * 50)
        found = fit_lifetime(rows)
        assert isinstance(found, FittedLifetime)
        assert found.at_bound
        assert found.interval() is None
        assert (found.expected_purchases(rows, HALF) >= 0).all()

    @pytest.mark.parametrize(
        "row",
        [(-1, 0, 5), (1.5, 1, 5), (1, 6, 5), (0, 1, 5), (1, 0, 5), (1, float("nan"), 5)],
    )
    def test_a_history_that_contradicts_itself(self, row: tuple[float, float, float]) -> None:
        with pytest.raises(BadHistory, match=r"Customer 1 has frequency .* recency between 0 and"):
            history((0, 0, 3), row)

    def test_columns_of_different_lengths(self) -> None:
        with pytest.raises(BadHistory, match="2 customers need as many"):
            PurchaseHistory(np.arange(2), np.zeros(2), np.zeros(1), np.zeros(2))


def cdnow(folder: Path, as_of: datetime) -> View:
    """The sample in the package `lifetimes`, without importing it."""
    data = data_of("lifetimes")
    if data is None:
        pytest.skip("lifetimes isn't installed: pip install '.[dev]'")
    text = (data / "CDNOW_sample.txt").read_text()
    rows = [line.split() for line in text.splitlines()]
    bought = [
        {
            "customer_id": row[1],
            "product_id": "cd",
            "at": datetime.strptime(row[2], "%Y%m%d").replace(tzinfo=UTC),
        }
        for row in rows
        if row
    ]
    customers = [{"customer_id": c} for c in sorted({row["customer_id"] for row in bought})]
    return view_from(
        folder,
        as_of,
        purchases=bought,
        customers=customers,
        products=[{"product_id": "cd"}],
        assume_consent=True,
    )


def test_cdnow_gives_the_published_figures(tmp_path: Path) -> None:
    """Table 2 and Figure 3 of the paper."""
    view = cdnow(tmp_path, datetime(1997, 9, 30, tzinfo=UTC))
    rows = purchase_history(view)
    assert len(rows) == 2_357
    found = learn_lifetime(view.shared)
    for name, published in {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}.items():
        assert round(getattr(found, name), 3) == published
    assert round(found.log_likelihood, 1) == -9_582.4
    assert found.expected_purchases(rows, timedelta(weeks=39)).sum() == pytest.approx(1_653, abs=1)
    later = purchase_history(view.at(datetime(1998, 6, 30, tzinfo=UTC)))
    assert later.frequency.sum() - rows.frequency.sum() == 1_882
