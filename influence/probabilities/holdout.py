"""Validates edge probabilities on later data: do they predict who will follow?

A case is a (customer, item) at the first action of any friend on the item, later than the training
data. Its label says whether the customer acts within the window. The predicted probability is
1 - (1 - b)(1 - p), with one background probability b for all cases, and p from one of three models:

- learned: the edge's probability for the item's category
- uniform: one probability for all edges
- degree: c over the customer's in-degree (weighted cascade; Kempe et al. 2003)
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from followsuit.core.compiled import compiled
from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.influence.log.arrays import LONG_AGO, NEVER, Actions, Floats, Log, Network, Shorts
from followsuit.influence.log.exposures import grown
from followsuit.influence.probabilities.background import code_actions, own_chance
from followsuit.influence.probabilities.em import MOST
from followsuit.influence.probabilities.learn import Influences, learn

_LEAST = 1e-6


class HoldoutError(FollowsuitError):
    """The share to hold out isn't between 0 and 1 (`--holdout`)."""


class Cases(NamedTuple):
    """Cases in order of item and time.

    Attributes:
        edge: (cases) number of the edge from the first friend who acted; if several acted at once,
            from the one with the smallest code.
        item: (cases) code of the item.
        label: (cases) whether the customer acted within the window.
    """

    edge: Shorts
    item: Shorts
    label: np.ndarray


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; None if there are too few cases."""

    value: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        """The figure as JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}


UNKNOWN = Interval(None, None, None)


@dataclass(frozen=True)
class HoldoutReport:
    """How well probabilities learned from earlier data predict later actions.

    Attributes:
        learned: the probabilities learned from the earlier part.
        cases: number of cases in the later part.
        followed: number of cases in which the customer acted within the window.
        auc: area under the ROC curve, by model.
        log_loss: mean log-loss, by model.
    """

    learned: Influences
    cases: int
    followed: int
    auc: dict[str, Interval]
    log_loss: dict[str, Interval]

    def as_dict(self) -> dict[str, Any]:
        """The report as `influence learn --holdout --json` prints it."""
        return {
            "auc": {name: figure.as_dict() for name, figure in self.auc.items()},
            "log_loss": {name: figure.as_dict() for name, figure in self.log_loss.items()},
            "cases": self.cases,
            "followed": self.followed,
        }


def validate(
    log: Log, window: timedelta, share: float, *, seed: int = 0, progress: Progress = silent
) -> HoldoutReport:
    """Learn on the earlier part of the log and validate on the rest.

    Args:
        log: actions and network.
        window: time within which a follower acts.
        share: share of the log's time to validate on, above 0 and below 1.
        seed: random seed, see `learn`.
        progress: progress callback.

    Raises:
        HoldoutError: the share isn't between 0 and 1.
    """
    if not 0 < share < 1:
        raise HoldoutError(f"The share to hold out is {share:g}; choose one between 0 and 1.")
    seconds = int(window.total_seconds())
    held = round(-int(log.actions.time.min()) * share) if len(log.actions.time) else 0
    earlier = log.until(held)
    learned = learn(earlier, window, seed=seed, progress=progress)
    past, cases = find_cases(earlier, seconds), find_cases(log, seconds, -held)
    with progress("validating probabilities", 2) as advance:
        b = _background(learned, past)
        in_degree = np.maximum(np.diff(log.network.in_pointer)[log.network.target], 1)
        p = {
            "learned": learned.in_category(cases.edge, log.category[cases.item]),
            "uniform": _fit(past, b, np.ones(len(in_degree)))[cases.edge],
            "degree": _fit(past, b, 1 / in_degree)[cases.edge],
        }
        advance(1)
        chances = {name: 1 - (1 - b) * (1 - x) for name, x in p.items()}
        report = _report(learned, cases, chances, log.network.target[cases.edge])
        advance(1)
    return report


def find_cases(log: Log, window: int, begun: int = LONG_AGO) -> Cases:
    """Find the cases whose first friend acted after `begun` and whose window has passed.

    Args:
        log: actions and network.
        window: length of the window in seconds.
        begun: time in seconds relative to `as_of`.
    """
    return Cases(*_cases(log.actions, log.network, window, begun))


@compiled
def _cases(
    actions: Actions, network: Network, window: int, begun: int
) -> tuple[Shorts, Shorts, np.ndarray]:
    customers = len(network.pointer) - 1
    acts_at = np.full(customers, NEVER, dtype=np.int32)
    edge, item_of = np.empty(16, dtype=np.int32), np.empty(16, dtype=np.int32)
    label = np.empty(16, dtype=np.bool_)
    exposed = np.full(customers, -1, dtype=np.int32)
    cases = 0
    for item in range(len(actions.pointer) - 1):
        first, last = actions.pointer[item], actions.pointer[item + 1]
        for a in range(first, last):
            acts_at[actions.customer[a]] = actions.time[a]
        for a in range(first, last):
            now = actions.time[a]
            if now + window > 0:
                break
            u = actions.customer[a]
            for e in range(network.pointer[u], network.pointer[u + 1]):
                v = network.target[e]
                if exposed[v] == item or network.since[e] > now or acts_at[v] <= now:
                    continue
                exposed[v] = item
                if now <= begun:
                    continue
                if cases == len(edge):
                    edge, item_of = grown(edge, cases + 1), grown(item_of, cases + 1)
                    label = grown(label, cases + 1)
                edge[cases], item_of[cases] = e, item
                label[cases] = acts_at[v] - now <= window
                cases += 1
        for a in range(first, last):
            acts_at[actions.customer[a]] = NEVER
    return edge[:cases], item_of[:cases], label[:cases]


def _background(learned: Influences, past: Cases) -> float:
    """The mean probability that the earlier cases' customers act without a friend's influence."""
    if not len(past.edge):
        return 0.0
    log = learned.log
    coded = code_actions(log, learned.window)
    return float(own_chance(coded, learned.own, log.network.target[past.edge], past.item).mean())


def _fit(past: Cases, b: float, shape: Floats) -> Floats:
    """(edges) the multiple of `shape` with the maximum likelihood, as a probability."""
    x, y = shape[past.edge], past.label

    def surprise(c: float) -> float:
        chance = 1 - (1 - b) * (1 - np.minimum(c * x, MOST))
        return float(_log_loss(chance, y).sum())

    if not y.any():
        return np.zeros(len(shape))
    highest = 1 / shape[past.edge].min()
    c = minimize_scalar(surprise, bounds=(0, highest), method="bounded", options={"xatol": 1e-6}).x
    return np.minimum(c * shape, MOST)


def _log_loss(chance: Floats, label: np.ndarray) -> Floats:
    p = np.clip(chance, _LEAST, 1 - _LEAST)
    return -np.where(label, np.log(p), np.log1p(-p))


def _report(
    learned: Influences, cases: Cases, chances: dict[str, Floats], customer: np.ndarray
) -> HoldoutReport:
    """The figures, with intervals clustered by customer."""
    auc = {name: _auc(chance, cases.label, customer) for name, chance in chances.items()}
    loss = {
        name: _mean(_log_loss(chance, cases.label), customer) for name, chance in chances.items()
    }
    return HoldoutReport(learned, len(cases.label), int(cases.label.sum()), auc, loss)


def _mean(x: Floats, customer: np.ndarray) -> Interval:
    if not len(x):
        return UNKNOWN
    return _interval(x.mean(), (x - x.mean()) / len(x), customer)


def _auc(score: Floats, label: np.ndarray, customer: np.ndarray) -> Interval:
    """The probability that a followed case ranks above another one; ties count half.

    The interval is DeLong's for clustered cases (Obuchowski 1997, section 2).
    """
    yes, no = score[label], score[~label]
    if not len(yes) or not len(no):
        return UNKNOWN
    placed = np.empty(len(score))
    placed[label] = _share_under(np.sort(no), yes)
    placed[~label] = 1 - _share_under(np.sort(yes), no)
    auc = placed[label].mean()
    parts = (placed - auc) / np.where(label, len(yes), len(no))
    return _interval(auc, parts, customer)


def _share_under(ordered: Floats, x: Floats) -> Floats:
    """The share of `ordered` that is below x; ties count half."""
    below = np.searchsorted(ordered, x, side="left") + np.searchsorted(ordered, x, side="right")
    share: Floats = below / (2 * len(ordered))
    return share


def _interval(value: float, parts: Floats, customer: np.ndarray) -> Interval:
    """The 95 % interval, from each case's contribution, summed by customer."""
    half = 1.96 * float(np.sqrt((np.bincount(customer, parts) ** 2).sum()))
    low, high = value - half, value + half
    return Interval(round(float(value), 9), round(low, 9), round(high, 9))
