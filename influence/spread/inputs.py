"""What the spreading of influence is computed from, checked at the door."""

import numpy as np

from followsuit.core.errors import FollowsuitError
from followsuit.influence.errors import NotEnoughEvidence
from followsuit.influence.log.arrays import Floats, Ints, Network


class BadInput(FollowsuitError):
    """An argument that nothing can be computed from; the message names the value and its row."""


def checked_probability(network: Network, probability: np.ndarray) -> Floats:
    """(edges) the probabilities as float64.

    Raises:
        BadInput: not one per edge, or one outside [0, 1].
        NotEnoughEvidence: none is above 0.
    """
    found = _numbers(probability, len(network.target), "probability", "edge")
    _refuse(found, (found >= 0) & (found <= 1), "probability", "edge", "give one from 0 to 1")
    if not (found > 0).any():
        raise NotEnoughEvidence(
            f"not enough evidence: none of {len(found)} edges between {network.customers} "
            "customers has a probability above 0, so nobody is known to influence anybody"
        )
    return found


def checked_amounts(amounts: np.ndarray, customers: int, name: str) -> Floats:
    """(customers) finite amounts of at least 0, as float64.

    Raises:
        BadInput: not one per customer, or one negative, infinite or NaN.
    """
    found = _numbers(amounts, customers, name, "customer")
    good = np.isfinite(found) & (found >= 0)
    _refuse(found, good, name, "customer", "give a finite one of at least 0")
    return found


def checked_customers(codes: np.ndarray, customers: int) -> Ints:
    """(any) codes of customers, each once.

    Raises:
        BadInput: one that is nobody's, or comes twice.
    """
    found = np.asarray(codes)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise BadInput(f"customers are given as a row of whole numbers, not as {found.dtype}")
    found = found.astype(np.int64)
    unknown = found[(found < 0) | (found >= customers)]
    if unknown.size:
        raise BadInput(f"customer {unknown[0]} is unknown: codes go from 0 to {customers - 1}")
    once, times = np.unique(found, return_counts=True)
    if (times > 1).any():
        raise BadInput(f"customer {once[times > 1][0]} is given twice: name each once")
    return found


def _numbers(given: np.ndarray, size: int, name: str, of: str) -> Floats:
    found = np.asarray(given, dtype=np.float64)
    if found.shape != (size,):
        raise BadInput(f"{name} has shape {found.shape}: give one per {of}, {size} in a row")
    return found


def _refuse(found: Floats, good: np.ndarray, name: str, of: str, remedy: str) -> None:
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise BadInput(f"the {name} of {of} {row} is {found[row]}: {remedy}")
