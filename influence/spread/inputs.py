"""Checks the arguments of the functions that compute spread."""

import numpy as np

from followsuit.core.errors import FollowsuitError
from followsuit.influence.log.arrays import Floats, Ints, Network


class NotEnoughEvidence(FollowsuitError):
    """The data has too little evidence: nobody is known to influence anybody."""


class BadInput(FollowsuitError):
    """An argument isn't valid; the message names the value and its row."""


def checked_probability(network: Network, probability: np.ndarray) -> Floats:
    """(edges) the probabilities as float64.

    Raises:
        BadInput: there isn't one per edge, or one is outside [0, 1].
        NotEnoughEvidence: no probability is above 0.
    """
    chance = _numbers(probability, len(network.target), "probability", "edge")
    _refuse(chance, (chance >= 0) & (chance <= 1), "probability", "edge", "give one from 0 to 1")
    if not (chance > 0).any():
        raise NotEnoughEvidence(
            f"not enough evidence: none of {len(chance)} edges between {network.customers} "
            "customers has a probability above 0, so nobody is known to influence anybody"
        )
    return chance


def checked_amounts(amounts: np.ndarray, customers: int, name: str) -> Floats:
    """(customers) finite amounts of at least 0, as float64.

    Args:
        amounts: (customers) the amounts to check.
        customers: number of customers.
        name: name of the argument, for messages.

    Raises:
        BadInput: there isn't one per customer, or one is negative, infinite or NaN.
    """
    checked = _numbers(amounts, customers, name, "customer")
    good = np.isfinite(checked) & (checked >= 0)
    _refuse(checked, good, name, "customer", "give a finite one of at least 0")
    return checked


def checked_customers(codes: np.ndarray, customers: int) -> Ints:
    """(any) distinct codes of customers, as int64.

    Raises:
        BadInput: a code is unknown or comes twice.
    """
    customer = np.asarray(codes)
    if customer.ndim != 1 or (customer.size and customer.dtype.kind not in "iu"):
        raise BadInput(f"customers are {customer.dtype}: give a one-dimensional array of integers")
    customer = customer.astype(np.int64)
    unknown = customer[(customer < 0) | (customer >= customers)]
    if unknown.size:
        raise BadInput(f"customer {unknown[0]} is unknown: codes go from 0 to {customers - 1}")
    once, times = np.unique(customer, return_counts=True)
    if (times > 1).any():
        raise BadInput(f"customer {once[times > 1][0]} is given twice: name each once")
    return customer


def _numbers(given: np.ndarray, size: int, name: str, of: str) -> Floats:
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.shape != (size,):
        raise BadInput(f"{name} has shape {numbers.shape}: give one per {of}, {size} in a row")
    return numbers


def _refuse(numbers: Floats, good: np.ndarray, name: str, of: str, remedy: str) -> None:
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise BadInput(f"the {name} of {of} {row} is {numbers[row]}: {remedy}")
