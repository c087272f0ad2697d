"""A picture of the graded report."""

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from followsuit.influence.effects.effect_report import (
    ADJUSTED,
    OBSERVED,
    PLACEBO_REWIRED,
    PLACEBO_TIME,
    EffectReport,
)
from followsuit.influence.effects.lift import Lift

_COLOURS = {
    OBSERVED: "#8c8c8c",
    ADJUSTED: "#1f5fa8",
    PLACEBO_TIME: "#d1781c",
    PLACEBO_REWIRED: "#e0b13c",
}
_ROW = 0.18
"""Distance between two grades of one category, in rows."""
_NARROWEST = 2.0
"""The axis covers at least 1/2 to 2."""


def plot_report(report: EffectReport, path: Path) -> None:
    """Draw the lifts by grade with their 95 % intervals, overall and by category.

    Args:
        report: the report to draw. A category without a lift is marked "not enough evidence".
        path: path of the picture; the extension sets the format.
    """
    figure_of(report).savefig(path, dpi=150)


def figure_of(report: EffectReport) -> Figure:
    """The picture of a report."""
    rows = {"overall": report.grades, **report.categories}
    figure = Figure(figsize=(8, 2.2 + 0.55 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for place, grades in enumerate(rows.values()):
        for k, (grade, colour) in enumerate(_COLOURS.items()):
            draw_lift(axes, grades[grade], place + (k - 1.5) * _ROW, colour, place == 0, grade)
        if all(lift.lift is None for lift in grades.values()):
            axes.annotate(
                "not enough evidence",
                (1, place),
                (6, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color="#595959",
            )
    finish(axes, list(rows))
    figure.suptitle(textwrap.fill(report.verdict, 90), fontsize=10)
    return figure


def draw_lift(axes: Axes, lift: Lift, height: float, colour: str, named: bool, grade: str) -> None:
    """Draw a point and its interval; without a lift, only the entry in the legend.

    Args:
        axes: axes to draw on.
        lift: the lift to draw.
        height: vertical position, in rows.
        colour: colour of the point.
        named: whether the legend gets an entry.
        grade: name of the grade.
    """
    label = grade.replace("_", " ") if named else None
    if lift.lift is None or lift.low is None or lift.high is None:
        axes.plot([], [], "o", color=colour, label=label)
        return
    ends = [[lift.lift - lift.low], [lift.high - lift.lift]]
    axes.errorbar(
        [lift.lift],
        [height],
        xerr=ends,
        fmt="o",
        color=colour,
        markersize=4,
        capsize=2,
        linewidth=1.3,
        label=label,
    )


def finish(axes: Axes, names: list[str]) -> None:
    """Label the rows and the axis, and mark 1."""
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 1 / _NARROWEST), max(high, _NARROWEST))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("lift: risk of exposed over unexposed customers, 95 % intervals")
    axes.figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
