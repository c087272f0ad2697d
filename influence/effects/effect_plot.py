"""A picture of the graded report."""

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from followsuit.core.lift_plot import draw_lift, finish, write_beside_1
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
            draw_grade(axes, grades[grade], place + (k - 1.5) * _ROW, colour, place == 0, grade)
        if all(lift.lift is None for lift in grades.values()):
            write_beside_1(axes, "not enough evidence", place, size=8)
    finish_grades(axes, list(rows))
    figure.suptitle(textwrap.fill(report.verdict, 90), fontsize=10)
    return figure


def draw_grade(axes: Axes, lift: Lift, height: float, colour: str, named: bool, grade: str) -> None:
    """Draw the lift of a grade, see `core.lift_plot.draw_lift`.

    Args:
        axes: axes to draw on.
        lift: the lift to draw.
        height: vertical position, in rows.
        colour: colour of the point.
        named: whether the legend gets an entry.
        grade: name of the grade.
    """
    label = grade.replace("_", " ") if named else None
    draw_lift(axes, (lift.lift, lift.low, lift.high), height, colour, label)


def finish_grades(axes: Axes, names: list[str]) -> None:
    """Label the rows and the axis, and add the legend of grades."""
    finish(axes, names, "risk of exposed over unexposed customers")
    axes.figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
