"""A picture of the lifts of triggers."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from followsuit.triggers.report.comparison import Lift
from followsuit.triggers.report.report import TriggerReport

_COLOURS = ("#1f5fa8", "#d1781c", "#3f8f4f", "#8a4fa8", "#8c8c8c")
_GREY = "#595959"
_NARROWEST = 2.0
"""The axis covers at least 1/2 to 2."""


def plot_report(judged: TriggerReport, path: Path) -> None:
    """Draw the lifts with their 95 % intervals, by trigger and outcome.

    Args:
        judged: the report to draw. A lift with too few outcomes is marked as such.
        path: path of the picture; the extension sets the format.
    """
    figure_of(judged).savefig(path, dpi=150)


def figure_of(judged: TriggerReport) -> Figure:
    """The picture of a report."""
    kinds = list(dict.fromkeys(kind for each in judged.figures.values() for kind in each.outcomes))
    height = 1.7 + (0.25 + 0.25 * len(kinds)) * len(judged.figures)
    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.add_subplot()
    step = 0.8 / max(len(kinds), 1)
    for place, each in enumerate(judged.figures.values()):
        for number, kind in enumerate(kinds):
            at = place + (number - (len(kinds) - 1) / 2) * step
            label = kind if not place else None
            _draw(axes, each.outcomes[kind], at, _COLOURS[number % len(_COLOURS)], label)
    names = [f"{name}\n{each.verdict}" for name, each in judged.figures.items()]
    _finish(axes, names)
    figure.legend(loc="outside lower center", ncols=min(len(kinds), 5), fontsize=8, frameon=False)
    return figure


def _draw(axes: Axes, lift: Lift, height: float, colour: str, label: str | None) -> None:
    """Draw a point and its interval, or say that there are too few outcomes."""
    if lift.value is None or lift.low is None or lift.high is None:
        axes.plot([], [], "o", color=colour, label=label)
        axes.annotate(
            "too few",
            (1, height),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=_GREY,
        )
        return
    ends = [[lift.value - lift.low], [lift.high - lift.value]]
    axes.errorbar(
        [lift.value],
        [height],
        xerr=ends,
        fmt="o",
        color=colour,
        markersize=4,
        capsize=2,
        linewidth=1.3,
        label=label,
    )


def _finish(axes: Axes, names: list[str]) -> None:
    """Label the rows and the axis, and mark 1."""
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 1 / _NARROWEST), max(high, _NARROWEST))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(
        "lift: customers with a reason over customers alike without one, 95 % intervals"
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
