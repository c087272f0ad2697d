"""Inference: how well the offers that customers are shown predict a sensitive purchase of theirs.

A logistic regression on the offered items, fitted to one half of the customers, predicts the other
half: what it finds there isn't chance. The *advantage* of an attacker who sees the offers is twice
the area under the ROC curve less 1: 0 for offers that say nothing, 1 for offers that say all.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from followsuit.core.bootstrap import Estimate, Resamples
from followsuit.graph.items import ITEM

FEWEST = 10
"""Kinds that fewer customers with offers bought aren't judged, nor named."""


@dataclass(frozen=True)
class Inference:
    """How well offers predict sensitive purchases of a kind.

    Attributes:
        kind: the category of the purchases.
        customers: how many customers with offers made them.
        advantage: from -1 to 1, with its 95 % interval.
    """

    kind: str
    customers: int
    advantage: Estimate

    def as_dict(self) -> dict[str, Any]:
        """The figures as `privacy audit --json` writes them."""
        return vars(self) | {"advantage": self.advantage.as_dict()}


def inference(offers: pd.DataFrame, bought: pd.DataFrame, seed: int = 0) -> list[Inference]:
    """Judge each kind of sensitive purchase that enough customers with offers made.

    Args:
        offers: `customer_id, item_kind, item_id` of the offers.
        bought: `customer_id, kind`, see `sensitive_purchases`.
        seed: random seed of the halves and the interval.
    """
    customers, shown = _shown(offers)
    measured = []
    for kind, rows in bought.groupby("kind"):
        label = np.isin(customers, rows.customer_id.to_numpy())
        if FEWEST <= label.sum() <= len(label) - FEWEST:
            values = _placements(*_predicted(shown, label, seed))
            (advantage,) = Resamples(len(values), seed).estimates(values[:, None])
            measured.append(Inference(str(kind), int(label.sum()), advantage))
    return measured


def _shown(offers: pd.DataFrame) -> tuple[np.ndarray, sparse.csr_matrix]:
    """The customers with offers, sorted, and which items each is offered."""
    row, customers = pd.factorize(offers.customer_id, sort=True)
    column, items = pd.factorize(offers[ITEM[0]] + ":" + offers[ITEM[1]], sort=True)
    ones = np.ones(len(offers))
    shown = sparse.csr_matrix((ones, (row, column)), (len(customers), len(items)))
    shown.data[:] = 1.0
    return np.asarray(customers), shown


def _predicted(
    shown: sparse.csr_matrix, label: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The log-odds of the customers of one half, by a model of the other half; and their labels."""
    half = {"test_size": 0.5, "stratify": label, "random_state": seed}
    train, test = train_test_split(np.arange(len(label)), **half)
    model = LogisticRegression(max_iter=1_000).fit(shown[train], label[train])
    return model.decision_function(shown[test]), label[test]


def _placements(score: np.ndarray, label: np.ndarray) -> np.ndarray:
    """For each customer of the smaller class, the advantage against the other class."""
    own, other = (
        (score[label], score[~label])
        if 2 * label.sum() <= len(label)
        else (
            -score[~label],
            -score[label],
        )
    )
    ordered = np.sort(other)
    below = np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right")
    placements: np.ndarray = below / len(other) - 1
    return placements
