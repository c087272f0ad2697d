"""A picture of the lifts of triggers."""

from pathlib import Path

from matplotlib.figure import Figure

from followsuit.core.lift_plot import draw_lift, finish, write_beside_1
from followsuit.triggers.report.report import TriggerReport

_COLOURS = ("#1f5fa8", "#d1781c", "#3f8f4f", "#8a4fa8", "#8c8c8c")


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
            lift, colour = each.outcomes[kind], _COLOURS[number % len(_COLOURS)]
            if not draw_lift(axes, (lift.value, lift.low, lift.high), at, colour, label):
                write_beside_1(axes, "too few", at, size=7)
    names = [f"{name}\n{each.verdict}" for name, each in judged.figures.items()]
    finish(axes, names, "customers with a reason over customers alike without one")
    axes.tick_params("y", labelsize=8)
    figure.legend(loc="outside lower center", ncols=min(len(kinds), 5), fontsize=8, frameon=False)
    return figure
