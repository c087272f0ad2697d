"""Lifetimes of customers: CDNOW's published figures, forecasts, and planted parameters.

    .venv/bin/python benchmarks/lifetime.py [--worlds 200]

Loads CDNOW's sample from the package `lifetimes` and prints the tables of
docs/results/lifetime.md: parameters beside the published ones, the forecast of the 39 weeks that
were held out, and how often intervals hold planted parameters.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from measure import say, table, timed, verdict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.data_packages import shop_of
from support.lifetimes import simulate_lifetimes

from followsuit.customers.lifetime import (
    NAMES,
    FittedLifetime,
    Lifetime,
    PurchaseHistory,
    fit_lifetime,
    learn_lifetime,
    purchase_history,
)

PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "log_likelihood": -9582.4}
AS_OF, END = datetime(1997, 9, 30, tzinfo=UTC), datetime(1998, 6, 30, tzinfo=UTC)
HELD_OUT = timedelta(weeks=39)
FORECAST = 1_653
PLANTED = (
    Lifetime(r=0.6, alpha=5.0, a=0.8, b=2.5),
    Lifetime(r=0.243, alpha=4.414, a=0.793, b=2.426),
    Lifetime(r=2.0, alpha=10.0, a=0.5, b=5.0),
)
GROUPS = (0, 1, 2, 3, 4, 5, 6, 7)
"""Numbers of repeat purchases; the last stands for more, too."""


def histories() -> tuple[PurchaseHistory, FittedLifetime, PurchaseHistory]:
    """The histories as of the end of calibration, the model, and the histories as of the end."""
    with shop_of("lifetimes", "cdnow") as shop:
        view = shop.snapshot(AS_OF)
        return purchase_history(view), learn_lifetime(view.shared), purchase_history(view.at(END))


def cdnow() -> None:
    """Print the parameters and the forecasts."""
    before, fitted, after = histories()
    interval = fitted.interval() or {}
    say(f"CDNOW's sample: {fitted.customers:,} customers")
    rows = []
    for name, published in PUBLISHED.items():
        digits = 1 if name == "log_likelihood" else 3
        low_high = interval.get(name)
        bounds = f"[{low_high[0]:.3f}, {low_high[1]:.3f}]" if low_high else ""
        value = getattr(fitted, name)
        rows.append((name, f"{value:.{digits}f}", bounds, f"{published:.{digits}f}"))
        if round(value, digits) != published:
            say(f"{name} differs: {value}")
    table(("parameter", "fitted", "95 %", "published"), rows)

    later = after.frequency - before.frequency
    expected = fitted.expected_purchases(before, HELD_OUT)
    own = before.frequency / before.age * (HELD_OUT / timedelta(weeks=1))
    met = verdict(round(expected.sum()) == FORECAST)
    say(f"\nrepeat purchases in {HELD_OUT.days // 7} weeks, forecast as published: {met}")
    group = np.minimum(before.frequency, GROUPS[-1])
    rows = [
        (
            f"{n}" if n < GROUPS[-1] else f"{n} or more",
            f"{(group == n).sum():,}",
            *(f"{x[group == n].sum():,.0f}" for x in (later, expected, own)),
        )
        for n in GROUPS
    ]
    rows.append(("all", f"{len(before):,}", *(f"{x.sum():,.0f}" for x in (later, expected, own))))
    table(("repeats before", "customers", "actual", "BG/NBD", "own rate"), rows)
    for name, guess in {"BG/NBD": expected, "own rate": own}.items():
        error = np.abs(later - guess).mean()
        say(
            f"{name}: mean absolute error per customer {error:.3f}, "
            f"correlation {np.corrcoef(later, guess)[0, 1]:.3f}"
        )

    repeated = before.frequency > 0
    alive, bought = fitted.probability_alive(before)[repeated], (later > 0)[repeated]
    say("\ncustomers with a repeat, by fifth of the probability to be alive")
    order = np.argsort(alive, kind="stable")
    table(
        ("fifth", "alive", "bought in the 39 weeks"),
        [
            (n + 1, f"{alive[part].mean():.2f}", f"{bought[part].mean():.2f}")
            for n, part in enumerate(np.array_split(order, 5))
        ],
    )


def planted(worlds: int) -> None:
    """Print how often 90 % intervals hold planted parameters, in worlds of 1,000 customers."""
    say(f"\nplanted parameters, {worlds} worlds each: medians, and coverage of 90 % intervals")
    rows = []
    for truth in PLANTED:
        models = [
            fit_lifetime(simulate_lifetimes(truth, 1_000, seed).history) for seed in range(worlds)
        ]
        intervals = [(model.interval(0.9), model) for model in models]
        some = [(bounds, model) for bounds, model in intervals if bounds is not None]
        for name in NAMES:
            value = getattr(truth, name)
            held = np.mean([bounds[name][0] <= value <= bounds[name][1] for bounds, _ in some])
            median = np.median([getattr(model, name) for model in models])
            rows.append((name, value, f"{median:.3f}", f"{held:.1%}", worlds - len(some)))
    table(("parameter", "planted", "median", "coverage", "without interval"), rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=200, help="of each kind (default 200)")
    options = parser.parse_args()
    cdnow()
    if options.worlds:
        planted(options.worlds)
    many = simulate_lifetimes(PLANTED[1], 200_000, seed=0).history
    with timed() as took:
        fit_lifetime(many).expected_purchases(many, HELD_OUT)
    say(
        f"\nfit and forecast of {len(many):,} customers with all histories different: "
        f"{took.seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
