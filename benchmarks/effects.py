"""The graded report over planted worlds: homophily, influence, and promotions.

    .venv/bin/python benchmarks/effects.py [--worlds 100] [--size 1000] [--out docs]

Prints the tables of docs/influence-effects.md and draws its picture. `--size` is the number of
worlds without an effect, to measure false positives; 0 skips them.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from matplotlib.figure import Figure
from support.effects import ALL, graded, mean_log, of, rejected
from support.influence_worlds import Planted

from followsuit.influence.effects.effect_plot import draw_grade, finish_grades
from followsuit.influence.effects.effect_report import ADJUSTED, OBSERVED, Grades
from followsuit.influence.effects.lift import Lift

HOMOPHILY = {"homophily": 1.0, "appeal": 1.2}
INFLUENCE = {"influence": 1.5}
SHOCK = {"shock": 5.0}
SETTINGS = {
    "neither": {},
    "influence": INFLUENCE,
    "homophily": HOMOPHILY,
    "both": HOMOPHILY | INFLUENCE,
    "promotion": SHOCK,
    "all three": HOMOPHILY | INFLUENCE | SHOCK,
    "hidden homophily": HOMOPHILY | {"turn": 100},
}
COLOURS = {OBSERVED: "#8c8c8c", ADJUSTED: "#1f5fa8", ALL[2]: "#d1781c", ALL[3]: "#e0b13c"}


def spread(lifts: list[Lift]) -> Lift:
    """Geometric mean of the lifts, and the interval that contains 95 % of them."""
    logs = np.log([lift.lift for lift in lifts])
    low, high = np.percentile(logs, [2.5, 97.5])
    return Lift(float(np.exp(logs.mean())), float(np.exp(low)), float(np.exp(high)), len(lifts))


def row(name: str, found: list[Grades], grades: tuple[str, ...]) -> str:
    """A line of a table: geometric mean of the lift, and the share of intervals without 1."""
    cells = [
        f"{np.exp(mean_log(of(found, grade))):.3f} ({rejected(of(found, grade)):.1%})"
        for grade in grades
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def two_by_two(worlds: int) -> dict[str, list[Grades]]:
    """Print the table of settings."""
    results = {}
    print("| planted | " + " | ".join(ALL) + " |\n|---" + "|---" * len(ALL) + "|")
    for name, planted in SETTINGS.items():
        some = [Planted(seed, **planted) for seed in range(worlds)]
        results[name] = graded(some, knows_taste=False, grades=ALL)
        print(row(name, results[name], ALL), flush=True)
    for name in ("homophily", "hidden homophily"):
        observed, adjusted = (mean_log(of(results[name], g)) for g in (OBSERVED, ADJUSTED))
        print(f"\nof the observed log lift by {name}, {1 - adjusted / observed:.0%} is removed")
    return results


def draw(results: dict[str, list[Grades]], path: Path) -> None:
    """Draw each setting's lifts by grade."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for place, found in enumerate(results.values()):
        for k, (grade, colour) in enumerate(COLOURS.items()):
            height = place + (k - 1.5) * 0.18
            draw_grade(axes, spread(of(found, grade)), height, colour, place == 0, grade)
    finish_grades(axes, list(results))
    axes.axvline(INFLUENCE["influence"], color="#1f5fa8", linewidth=0.8, linestyle="--")
    axes.set_xlabel("lift: geometric mean, and 95 % of the worlds; dashed: the planted 1.5")
    figure.savefig(path, dpi=150)


def sizes(worlds: int) -> None:
    """Print how often the adjusted lift differs from 1 in worlds without an effect."""
    for name, planted in {"neither": {}, "homophily, taste given": HOMOPHILY}.items():
        some = [Planted(10_000 + seed, **planted) for seed in range(worlds)]
        found = graded(some, knows_taste=True)
        print(row(f"{name}, {worlds} worlds", found, (OBSERVED, ADJUSTED)), flush=True)


def main() -> None:
    """Run both."""
    options = argparse.ArgumentParser()
    options.add_argument("--worlds", type=int, default=100)
    options.add_argument("--size", type=int, default=1_000)
    options.add_argument("--out", type=Path, default=Path("docs"))
    given = options.parse_args()
    if given.worlds:
        draw(two_by_two(given.worlds), given.out / "influence-effects.png")
    if given.size:
        sizes(given.size)


if __name__ == "__main__":
    main()
