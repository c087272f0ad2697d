"""Spread against budget, and its plot."""

from pathlib import Path

import numpy as np
from support.exact_spread import Exact, influence, random_influence

from followsuit.influence.spread.seeds import seeds
from followsuit.influence.spread.spread_plot import CHOSEN, plot_spread, spread_by_budget

PNG = b"\x89PNG\r\n\x1a\n"


def test_each_curve_rises_with_the_budget_to_what_all_of_it_buys() -> None:
    made, probability = random_influence(6, 20, 13)
    exact = Exact(made, probability, np.ones(20))
    chosen = seeds(made, probability, 8).seeds
    curves = {curve.name: curve for curve in spread_by_budget(made, probability, chosen, 8)}
    assert list(curves) == [CHOSEN, "degree", "PageRank", "k-core", "random"]
    for curve in curves.values():
        assert curve.budget.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
        assert (np.diff(curve.spread) > 0).all()
        assert (curve.low <= curve.spread).all()
        assert (curve.spread <= curve.high).all()
    for point in (2, 8):
        curve = curves[CHOSEN]
        error = max((curve.high[point - 1] - curve.low[point - 1]) / 3.29, 1e-9)
        truth = exact.spread(chosen[:point].tolist())
        assert abs(curve.spread[point - 1] - truth) <= 3.5 * error


def test_where_a_part_of_the_budget_affords_nobody_the_spread_is_zero() -> None:
    made, probability = influence(3, [(0, 1, 1.0)])
    curves = spread_by_budget(made, probability, np.array([0]), 8, cost=np.full(3, 5.0))
    assert curves[0].spread.tolist() == [0, 0, 0, 0, 2, 2, 2, 2]


def test_the_picture_is_written_and_the_same_each_time(tmp_path: Path) -> None:
    made, probability = influence(30, [(v, v + 1, 0.4) for v in range(29)])
    curves = spread_by_budget(made, probability, np.array([0, 1]), 2)
    for name in ("once", "again"):
        plot_spread(curves, tmp_path / f"{name}.png")
    first = (tmp_path / "once.png").read_bytes()
    assert first.startswith(PNG)
    assert first == (tmp_path / "again.png").read_bytes()
