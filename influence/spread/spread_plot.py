"""Plots spread against budget, for the chosen seed customers and for simpler rules."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from followsuit.core.progress import Progress, silent
from followsuit.influence.log.arrays import Floats, Network
from followsuit.influence.spread.cascade import spread
from followsuit.influence.spread.inputs import (
    checked_amounts,
    checked_customers,
    checked_probability,
)
from followsuit.influence.spread.simple_seeds import (
    CORE,
    DEGREE,
    PAGERANK,
    RANDOM,
    simple_seeds,
    within,
)

CHOSEN = "OPIM-C"
POINTS = 8
_SIMULATIONS = 200
_ROUNDING = 1 + 1e-9
"""Tolerance of the budget for rounding errors: ten times 0.1 is more than 1."""
# Distinct in black and white, and to colour-blind readers (Okabe and Ito).
_LOOKS = {
    CHOSEN: ("#D55E00", "o", 2.2),
    DEGREE: ("#0072B2", "s", 1.2),
    PAGERANK: ("#009E73", "^", 1.2),
    CORE: ("#CC79A7", "D", 1.2),
    RANDOM: ("#777777", "x", 1.2),
}


class Curve(NamedTuple):
    """The spread of one way to spend a budget.

    Attributes:
        name: `CHOSEN`, or the name of a simpler rule.
        budget: (points) the largest total cost; customers are taken in the rule's order.
        spread: (points) expected value of the cascade; 0 if nobody is affordable.
        low: (points) lower ends of the 90 % intervals.
        high: (points) upper ends.
    """

    name: str
    budget: Floats
    spread: Floats
    low: Floats
    high: Floats


def spread_by_budget(
    network: Network,
    probability: np.ndarray,
    chosen: np.ndarray,
    budget: float,
    *,
    cost: np.ndarray | None = None,
    value: np.ndarray | None = None,
    allowed: np.ndarray | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> list[Curve]:
    """The spread of seed customers and of simpler rules, for parts of the budget.

    Args:
        network: who may follow whom.
        probability: (edges) probability that the target acts because of the source.
        chosen: (any) codes of seed customers in the order chosen, as `seeds` returns them.
        budget: the budget that they were chosen for.
        cost: (customers) cost of each as a seed customer; by default 1.
        value: (customers) value of an interaction of each; by default 1.
        allowed: (customers) whether each may be chosen; by default all.
        seed: random seed of the random rule and the simulations.
        progress: progress callback, in points.

    Raises:
        BadInput: a customer is unknown; a probability, cost or value isn't valid.
        NotEnoughEvidence: no probability is above 0.
    """
    customers = network.customers
    chance = checked_probability(network, probability)
    costs = checked_amounts(np.ones(customers) if cost is None else cost, customers, "cost")
    worth = checked_amounts(np.ones(customers) if value is None else value, customers, "value")
    may = np.ones(customers, dtype=np.bool_) if allowed is None else allowed
    orders = {CHOSEN: checked_customers(chosen, customers)}
    orders |= simple_seeds(network, chance, budget, costs, may, seed)
    budgets = budget * np.arange(1, POINTS + 1) / POINTS
    curves = []
    with progress("computing spread by budget", POINTS * len(orders)) as advance:
        for name, order in orders.items():
            points = []
            for part in budgets:
                first = within(order, costs, part * _ROUNDING)
                points.append(
                    spread(network, chance, first, worth, simulations=_SIMULATIONS, seed=seed)
                )
                advance(1)
            value_of, low, high = np.array(points).T
            curves.append(Curve(name, budgets, value_of, low, high))
    return curves


def plot_spread(curves: list[Curve], file: Path) -> None:
    """Draw the curves with their 90 % intervals as a PNG (or as the file's extension says)."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        colour, marker, width = _LOOKS[curve.name]
        axes.fill_between(curve.budget, curve.low, curve.high, color=colour, alpha=0.2, lw=0)
        axes.plot(
            curve.budget,
            curve.spread,
            color=colour,
            marker=marker,
            lw=width,
            ms=5,
            label=curve.name,
        )
    axes.set_xlabel("budget")
    axes.set_ylabel("expected spread, in units of value")
    axes.set_title("Spread against budget, with 90 % intervals")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(file, dpi=150)
