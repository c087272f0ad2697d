"""Features of a customer's own interest: recency, price, and what the city buys."""

import math
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from support.grids import FORTNIGHT, NOW, grid_of, items_of, tea_shop, with_repeats
from support.refills import simulate_refills
from support.snapshots import day

from followsuit.customers.refills import learn_refills
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.city_popularity import CityPopularity
from followsuit.offers.features.feature import Feature
from followsuit.offers.features.frequency import Frequency
from followsuit.offers.features.long_frequency import LongFrequency
from followsuit.offers.features.price import Price
from followsuit.offers.features.recency import Recency
from followsuit.offers.features.refill import Refill


def values_of(feature: Feature, grid: Grid) -> dict[str, float]:
    assert list(grid.customers.ids) == ["ann"]
    block = np.broadcast_to(feature.block(slice(None)), (1, len(grid.items)))
    return dict(zip(items_of(grid), block[0].tolist(), strict=True))


def test_recency_is_the_log_of_the_days_since_anything_was_bought(tmp_path: Path) -> None:
    grid = grid_of(tea_shop(tmp_path))
    days = (NOW - day(8)).total_seconds() / 86_400
    (value,) = set(values_of(Recency(grid), grid).values())
    assert value == pytest.approx(math.log1p(days))


def test_price_is_the_distance_from_what_the_customer_usually_pays(tmp_path: Path) -> None:
    prices = {"soap": 100, "cup": 100, "pan": 800, "tea": 400, "hat": None}
    products = [{"product_id": p, "price": price} for p, price in prices.items()]
    grid = grid_of(tea_shop(tmp_path, products=products))
    values = values_of(Price(grid), grid)
    assert values["tea"] == pytest.approx(math.log(2)), "the usual price is 200"
    assert values["pan"] == pytest.approx(math.log(4))
    assert values.get("hat", 0) == 0


def test_frequency_counts_purchases_of_items_that_are_due_again(tmp_path: Path) -> None:
    again = {"customer_id": "ann", "product_id": "soap", "at": day(10)}
    grid = with_repeats(tea_shop(tmp_path, again), ("soap",), ("hat",))
    ages = [(NOW - at).total_seconds() / 86_400 for at in (day(2), day(10))]
    for feature, half_life in ((Frequency(grid), 30), (LongFrequency(grid), 120)):
        soap = math.log1p(sum(0.5 ** (age / half_life) for age in ages))
        values = values_of(feature, grid)
        assert values["soap"] == pytest.approx(soap)
        assert {item for item, value in values.items() if value} == {"soap"}


def test_refill_is_the_probability_of_buying_a_product_again_that_is_due(tmp_path: Path) -> None:
    histories = simulate_refills({"soap": 10, "cup": 30}, 40, seed=1, days=200, lost=0.05)
    histories |= {("ann", "pan"): [-40, -20]}
    bought = [
        {"customer_id": c, "product_id": p, "at": NOW + timedelta(days=day)}
        for (c, p), days in histories.items()
        for day in days
    ]
    customers = [
        {"customer_id": c} for c in sorted({"ann", "bob", "cas", *(c for c, _ in histories)})
    ]
    again = {"customer_id": "ann", "product_id": "soap", "at": day(10)}
    view = tea_shop(tmp_path, again, *bought, customers=customers)
    values = values_of(Refill(grid := with_repeats(view, ("soap", "cup"), ("tea",))), grid)
    due = learn_refills(view.shared, FORTNIGHT).due(view).set_index(["customer_id", "product_id"])
    assert values["soap"] == pytest.approx(math.log1p(100 * due.probability["ann", "soap"]))
    assert values["soap"] > 1
    assert ("ann", "pan") in due.index, "it has a gap, but no reason"
    assert {item for item, value in values.items() if value} == {"soap"}, "the cup has no gap"


def test_refill_is_0_with_too_little_to_learn_from(tmp_path: Path) -> None:
    again = {"customer_id": "ann", "product_id": "soap", "at": day(10)}
    grid = with_repeats(tea_shop(tmp_path, again), ("soap",))
    assert set(values_of(Refill(grid), grid).values()) == {0}


def test_the_popularity_in_a_city_counts_its_customers_alone(tmp_path: Path) -> None:
    cities = {"ann": "Bonn", "bob": "Bonn", "cas": "Kiel"}
    customers = [{"customer_id": c, "city": city} for c, city in cities.items()]
    grid = grid_of(tea_shop(tmp_path / "three", customers=customers))
    assert values_of(CityPopularity(grid), grid)["tea"] == pytest.approx(math.log(2))
    nowhere = [{"customer_id": "ann"}, *customers[1:]]
    grid = grid_of(tea_shop(tmp_path / "nowhere", customers=nowhere))
    assert set(values_of(CityPopularity(grid), grid).values()) == {0}
