"""Plots of learned edges and of ranked customers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from followsuit.influence.log.arrays import DAY, Floats
from followsuit.influence.log.exposures import BINS
from followsuit.influence.probabilities.learn import Influences

_SHOWN = 25
_INK, _PALE = "#1f5c8b", "#9db8cc"


def plot_edges(influences: Influences, path: Path) -> None:
    """Draw the 25 edges with the highest lower bounds, and the distribution of delays."""
    table = influences.table()
    rows = table.filter(pc.equal(table["category"], "*")).to_pandas()
    rows = rows.sort_values(["low", "probability"], ascending=False).head(_SHOWN)[::-1]
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    names = [f"{s} to {t}" for s, t in zip(rows.source, rows.target, strict=True)]
    _intervals(left, names, *(rows[c].to_numpy() for c in ("probability", "low", "high")))
    window = influences.window / DAY
    left.set_xlabel(f"probability of following within {window:g} days, 90 % interval")
    left.set_title(
        f"The surest of {int((influences.exposures >= 1).sum()):,} edges", loc="left", fontsize=11
    )
    days = (np.arange(BINS) + 0.5) * window / BINS
    right.bar(days, influences.delay.share, width=window / BINS * 0.85, color=_INK)
    right.set_xlabel("days after the friend's interaction")
    right.set_ylabel("share of what follows")
    right.set_title("When it follows", loc="left", fontsize=11)
    right.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def plot_rank(rows: pd.DataFrame, unit: str, path: Path) -> None:
    """Draw the top 25 customers with their values and intervals.

    Args:
        rows: as `Analysis.rank` returns them.
        unit: unit of the value: `margin`, `amount` or `acts`.
        path: path of the picture; the extension sets the format.
    """
    shown = rows.head(_SHOWN)[::-1]
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    axes = figure.subplots()
    money = unit != "acts"
    columns = (shown[c].to_numpy() / (100 if money else 1) for c in ("value", "low", "high"))
    _intervals(axes, shown.customer_id.tolist(), *columns)
    unit = f"{unit} (major units of money)" if money else "interactions"
    axes.set_xlabel(f"expected further {unit} because of one interaction, 90 % interval")
    axes.set_title("Customers whom others follow most", loc="left", fontsize=11)
    figure.savefig(path, dpi=150)


def _intervals(axes: Axes, names: list[str], value: Floats, low: Floats, high: Floats) -> None:
    places = np.arange(len(names))
    axes.hlines(places, low, high, color=_PALE, linewidth=3)
    axes.plot(value, places, "o", color=_INK, markersize=4)
    axes.set_yticks(places, names, fontsize=8)
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    if not len(names):
        axes.text(0.5, 0.5, "not enough evidence", transform=axes.transAxes, ha="center")
