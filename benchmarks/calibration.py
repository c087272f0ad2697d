"""How well probabilities hold, on Foursquare and Ciao: for held-out customers, and forward in time.

Held-out customers: at each cutoff, the curves are fitted to half of the customers and judged on the
other half. Forward in time: as `backtest` does it, on earlier cutoffs alone.
"""

import argparse
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from measure import say, table, write_report

from followsuit.graph.connect import connect
from followsuit.graph.views.view import view_of
from followsuit.loaders.load import load
from followsuit.loaders.mapping import read_mapping
from followsuit.offers.backtest.backtest import backtest
from followsuit.offers.learning.acceptance import observed_over_expected
from followsuit.offers.learning.calibration import Shown, fit_calibration
from followsuit.offers.learning.model import log_loss
from followsuit.triggers.definitions.definition_file import shipped_definitions

DAY = timedelta(days=1)
PERIODS = {
    "foursquare_jakarta": ("foursquare", "2012-10-01", "2013-03-04", 14, "friend_visited"),
    "foursquare_sao_paulo": ("foursquare", "2012-10-01", "2013-03-04", 14, "friend_visited"),
    "ciao": ("ciao", "2009-06-01", "2011-05-06", 28, "friend_bought"),
}
"""Mapping, first cutoff, end, horizon in days, and the trigger, by data set."""
EXPECTED = 100
"""A group is judged if about this many acceptances are expected in it."""
TOP = 10


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    parser.add_argument("--only", choices=PERIODS)
    parser.add_argument("--plots", type=Path)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    figures: dict[str, Any] = {}
    for name in [chosen.only] if chosen.only else PERIODS:
        say(f"\n{name}")
        shown, eligible = judged(chosen.data / name, *PERIODS[name])
        figures[name] = {
            "held-out customers": held_out(shown),
            "forward in time": forward(shown, eligible),
        }
        if chosen.plots:
            diagram(shown, name, chosen.plots / f"calibration-{name}.png")
    write_report(chosen.json, **figures)


def judged(
    data: Path, mapping: str, start: str, end: str, days: int, trigger: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The shown rows of a backtest, and the sums over all eligible pairs."""
    with tempfile.TemporaryDirectory() as folder:
        store = connect(Path(folder) / "shop.lbug")
        load(store, str(data), read_mapping(mapping), assume_consent=True)
        first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (start, end))
        report = backtest(
            view_of(store, last),
            first,
            last,
            days * DAY,
            days * DAY,
            triggers={trigger: shipped_definitions()[trigger]},
            affinity="linear",
        )
        return report.shown, report.eligible


def rows_of(frame: pd.DataFrame) -> Shown:
    """Shown rows, with their raw predictions."""
    return Shown(
        customer=frame.customer.to_numpy(),
        day=frame.as_of.astype("int64").to_numpy(),
        trigger=frame.trigger.to_numpy(dtype=object),
        probability=frame.raw.to_numpy(),
        accepted=frame.accepted.to_numpy(),
    )


def by_other_half(shown: pd.DataFrame) -> list[pd.DataFrame]:
    """Each half of the customers, by curves of the other half; without a half that has too few."""
    parts = []
    for half in (0, 1):
        own, other = shown[shown.customer % 2 == half], shown[shown.customer % 2 != half]
        calibration = fit_calibration(rows_of(own), TOP)
        if calibration is not None:
            parts.append(other.assign(probability=calibration.probability(rows_of(other))))
    return parts


def held_out(shown: pd.DataFrame) -> dict[str, Any]:
    """Curves of half of the customers, judged on the other half at the same cutoff.

    Where no cutoff has enough acceptances, curves are those of all cutoffs together.
    """
    parts = [part for _, frame in shown.groupby("as_of") for part in by_other_half(frame)]
    rows = pd.concat(parts or by_other_half(shown))
    ratio = observed_over_expected(
        rows.customer.to_numpy(), rows.accepted.to_numpy(float), rows.probability.to_numpy(), 0
    )
    groups = grouped(rows)
    say(
        f"held-out customers: observed over expected {ratio.value:.3f} "
        f"({ratio.low:.3f} to {ratio.high:.3f}); groups {groups.min():.2f} to {groups.max():.2f}"
    )
    return {**ratio.as_dict(), "groups": groups.tolist()}


def grouped(rows: pd.DataFrame) -> np.ndarray:
    """Observed over expected of groups with similar probabilities, 100 expected in each."""
    ordered = rows.sort_values("probability")
    number = (ordered.probability.cumsum() / EXPECTED).astype(int)
    sums = ordered.groupby(number)[["accepted", "probability"]].sum()
    whole = sums[sums.probability >= 0.9 * EXPECTED]
    return (whole.accepted / whole.probability).to_numpy()


def forward(shown: pd.DataFrame, eligible: pd.DataFrame) -> dict[str, Any]:
    """Each cutoff, judged by the curves of earlier ones."""
    sums = shown.groupby("as_of")[["accepted", "probability", "raw"]].sum()
    level = (eligible.observed / eligible.expected).to_numpy()
    ratio = (sums.accepted / sums.probability).to_numpy()
    relative = ratio / level
    scaled = shown.assign(
        probability=shown.probability * shown.as_of.map(sums.accepted / sums.probability).to_numpy()
    )
    groups = grouped(scaled)
    losses = [
        (
            log_loss(frame.probability.to_numpy(), frame.accepted.to_numpy()),
            log_loss(frame.raw.to_numpy(), frame.accepted.to_numpy()),
        )
        for _, frame in shown.groupby("as_of")
    ]
    better = sum(calibrated < raw for calibrated, raw in losses)
    error = (sums.accepted - sums.probability).abs().sum()
    error_raw = (sums.accepted - sums.raw).abs().sum()
    rows = [
        [f"{day:%Y-%m-%d}", f"{r:.2f}", f"{every:.2f}", f"{both:.2f}", f"{c:.5f}", f"{u:.5f}"]
        for day, r, every, both, (c, u) in zip(
            sums.index, ratio, level, relative, losses, strict=True
        )
    ]
    table(["cutoff", "shown", "eligible", "ratio", "log-loss", "uncalibrated"], rows)
    say(
        f"forward: groups {groups.min():.2f} to {groups.max():.2f}; log-loss better at {better} of "
        f"{len(losses)} cutoffs; |observed - expected| {error / error_raw:.2f} times uncalibrated"
    )
    return {
        "groups": groups.tolist(),
        "relative": relative.tolist(),
        "better": [better, len(losses)],
        "error": error / error_raw,
    }


def diagram(shown: pd.DataFrame, name: str, path: Path) -> None:
    """Draw a reliability diagram: before and after calibration, forward in time."""
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    drawn: list[float] = []
    for column, label in (("raw", "as predicted"), ("probability", "calibrated")):
        ordered = shown.sort_values(column)
        parts = [ordered.iloc[rows] for rows in np.array_split(np.arange(len(ordered)), 12)]
        x = [part[column].mean() for part in parts]
        y = [max(part.accepted.mean(), 1e-5) for part in parts]
        axes.plot(x, y, marker="o", label=label)
        drawn += [*x, *y]
    low, high = min(drawn) / 1.5, max(drawn) * 1.5
    axes.plot([low, high], [low, high], color="grey", linewidth=0.8, label="exact")
    axes.set(xscale="log", yscale="log", xlabel="probability", ylabel="share that accepted")
    axes.set_title(name.replace("_", " ").title())
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
