"""Pictures of lifts: a point with its interval in each row, on a log axis around 1."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, ScalarFormatter

_GREY = "#595959"
_NARROWEST = 2.0
"""The axis covers at least 1/2 to 2."""


def draw_lift(
    axes: Axes,
    lift: tuple[float | None, float | None, float | None],
    height: float,
    colour: str,
    label: str | None,
) -> bool:
    """Draw a point and its interval; without a lift, only the entry in the legend.

    Args:
        axes: axes to draw on.
        lift: the lift and the ends of its interval; None where there is none.
        height: vertical position, in rows.
        colour: colour of the point.
        label: entry in the legend; None for no entry.

    Returns:
        Whether there is a lift.
    """
    value, low, high = lift
    if value is None or low is None or high is None:
        axes.plot([], [], "o", color=colour, label=label)
        return False
    axes.errorbar(
        [value],
        [height],
        xerr=[[value - low], [high - value]],
        fmt="o",
        color=colour,
        markersize=4,
        capsize=2,
        linewidth=1.3,
        label=label,
    )
    return True


def write_beside_1(axes: Axes, text: str, height: float, size: float) -> None:
    """Write a few words where a row has no lift.

    Args:
        axes: axes to write on.
        text: the words.
        height: vertical position, in rows.
        size: font size in points.
    """
    axes.annotate(
        text,
        (1, height),
        (6, 0),
        textcoords="offset points",
        va="center",
        fontsize=size,
        color=_GREY,
    )


def finish(axes: Axes, names: Sequence[str], label: str) -> None:
    """Label the rows and the axis, and mark 1.

    Args:
        axes: axes with the lifts.
        names: the names of the rows, from the top.
        label: what the lift compares.
    """
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 1 / _NARROWEST), max(high, _NARROWEST))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(f"lift: {label}, 95 % intervals")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
