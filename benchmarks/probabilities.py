"""Learned edge probabilities against planted ones, as a table and a picture for the docs.

Twenty worlds of each model: `cascade` is the estimator's own model, `hazard` has delays that peak
after some days and may exceed the window, `threshold` is the linear threshold model.
"""

import argparse
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from measure import say, table
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.cascade_worlds import WINDOW, CascadeWorld, cascade_world

from followsuit.influence.probabilities.baselines import bernoulli, partial_credit
from followsuit.influence.probabilities.learn import Influences, learn

MODELS = ("cascade", "hazard", "threshold")
MEAN = 0.05


def figures(world: CascadeWorld, found: Influences) -> list[float]:
    """Ratio, coverage, Spearman; then precision at the top 1 % and log-loss of three estimators."""
    here = found.exposures >= 1
    n, truth = found.exposures[here], world.truth[here]
    guesses = [
        guess[here]
        for guess in (
            found.edges.mean,
            bernoulli(world.log, WINDOW),
            partial_credit(world.log, WINDOW),
        )
    ]
    inside = (found.edges.low[here] <= truth) & (truth <= found.edges.high[here])
    first = [
        float((n * guesses[0]).sum() / (n * truth).sum()),
        float(inside.mean()),
        float(spearmanr(guesses[0], truth)[0]),
    ]
    return first + [top(truth, g) for g in guesses] + [loss(n, truth, g) for g in guesses]


def top(truth: np.ndarray, guess: np.ndarray) -> float:
    """Share of the top 1 % by the guess that is in the top 1 % in truth."""
    count = max(1, len(truth) // 100)
    return float(
        np.isin(np.argsort(-guess, kind="stable")[:count], np.argsort(-truth)[:count]).mean()
    )


def loss(n: np.ndarray, truth: np.ndarray, guess: np.ndarray) -> float:
    """Expected log-loss of the next exposures."""
    p = np.clip(guess, 1e-6, 1 - 1e-6)
    return float(np.average(-(truth * np.log(p) + (1 - truth) * np.log1p(-p)), weights=n))


def main() -> None:
    """Measure, print, and draw where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=20, help="of each model (default 20)")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    options = parser.parse_args()
    rows, drawn = [], {}
    for model in MODELS:
        found = []
        for seed in range(options.worlds):
            world = cascade_world(seed, model=model, mean=MEAN)
            learned = learn(world.log, timedelta(days=14))
            found.append(figures(world, learned))
            if seed < 5:
                drawn.setdefault(model, []).append((world, learned))
        rows.append((model, *(f"{x:.3f}" for x in np.mean(found, axis=0))))
    names = (
        "model",
        "ratio",
        "coverage",
        "Spearman",
        "top: learned",
        "Bernoulli",
        "partial",
        "loss: learned",
        "Bernoulli",
        "partial",
    )
    table(names, rows)
    without = [cascade_world(seed, mean=0.0) for seed in range(options.worlds)]
    zero = [learn(world.log, timedelta(days=14)) for world in without]
    held = np.mean([(f.edges.low[f.exposures >= 1] == 0).mean() for f in zero])
    say(f"without influence, intervals hold 0 for {held:.1%} of the edges")
    if options.plot:
        draw(drawn, options.plot)


def draw(drawn: dict[str, list[tuple[CascadeWorld, Influences]]], path: Path) -> None:
    """Plot planted against estimated probabilities: means of groups of edges, with 80 % ranges."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    for axes, (model, cases) in zip(figure.subplots(1, 3, sharey=True), drawn.items(), strict=True):
        told = [f.exposures >= 1 for _, f in cases]
        guess = np.concatenate([f.edges.mean[t] for (_, f), t in zip(cases, told, strict=True)])
        truth = np.concatenate([w.truth[t] for (w, _), t in zip(cases, told, strict=True)])
        groups = np.array_split(np.argsort(guess), 25)
        x = [guess[g].mean() for g in groups]
        low, high = zip(*(np.quantile(truth[g], [0.1, 0.9]) for g in groups), strict=True)
        axes.vlines(x, low, high, color="#9db8cc", linewidth=3)
        axes.plot(x, [truth[g].mean() for g in groups], "o", color="#1f5c8b", markersize=4)
        axes.plot([0, max(high)], [0, max(high)], ":", color="black", linewidth=1)
        axes.set_title(model, loc="left", fontsize=11)
        axes.set_xlabel("estimated probability")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("planted probability")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
