"""Baseline estimators of edge probabilities (Goyal, Bonchi and Lakshmanan 2010)."""

import numpy as np

from followsuit.influence.log.arrays import Floats, Log
from followsuit.influence.log.exposures import find_links


def bernoulli(log: Log, window: int) -> Floats:
    """(edges) share of the source's actions that the target followed (section 4.1, eq. 3)."""
    links = find_links(log, window)
    return _over_acts(log, window, links.edge, np.ones(len(links.edge)))


def partial_credit(log: Log, window: int) -> Floats:
    """(edges) the same, with credit shared equally among friends who acted before (eq. 6-7)."""
    links = find_links(log, window)
    parents = np.diff(links.pointer)
    return _over_acts(log, window, links.edge, np.repeat(1 / np.maximum(parents, 1), parents))


def _over_acts(log: Log, window: int, edge: np.ndarray, credit: Floats) -> Floats:
    complete = edge >= 0
    shared = np.bincount(edge[complete], credit[complete], len(log.network.target))
    seen = log.actions.time <= -window
    acts = np.bincount(log.actions.customer[seen], minlength=len(log.customers))
    probability: Floats = shared / np.maximum(acts, 1)[log.network.source]
    return probability
