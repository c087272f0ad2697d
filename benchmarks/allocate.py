"""The allocation of a million customers' offers under five limits, and how its time grows.

The gap is that between the allocation and its own bound; for 2,000 customers the bound is compared
with the linear program that HiGHS solves.
"""

import argparse
import statistics
import sys
from pathlib import Path

from measure import say, table, timed, verdict, write_report

from followsuit.policy.allocation.allocate import allocate

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.allocation_problems import optimum, random_problem

ROWS = 12
"""Candidates of each customer."""
SECONDS, GAP, BOUND, GROWTH = 30.0, 1e-3, 1e-6, 12.0


def main() -> int:
    """Run the benchmark; the exit code is 1 if a figure misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    allocate(random_problem(0, 1_000, ROWS))  # compile
    small = random_problem(1, 2_000, ROWS)
    bound = abs(allocate(small).bound / optimum(small, integer=False) - 1)
    rows, seconds, gaps = [], [], []
    for customers in (chosen.customers // 10, chosen.customers):
        problem, times = random_problem(2, customers, ROWS), []
        for _ in range(chosen.rounds):
            with timed() as took:
                made = allocate(problem)
            times.append(took.seconds)
        seconds.append(statistics.median(times))
        gaps.append(made.gap)
        rows.append([f"{customers:,}", f"{seconds[-1]:.1f} s", f"{made.gap:.2e}"])
    table(["customers", "time", "gap"], rows)
    figures = {
        "seconds": (seconds[1], SECONDS),
        "gap to the own bound": (max(gaps), GAP),
        "bound against the linear program": (bound, BOUND),
        "times as long as a tenth": (seconds[1] / seconds[0], GROWTH),
    }
    for name, (value, most) in figures.items():
        say(f"{name}: {value:.3g}, at most {most:g}: {verdict(value <= most)}")
    write_report(chosen.json, seconds=seconds, gaps=gaps, bound=bound)
    return 0 if all(value <= most for value, most in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
