"""Reads the cost of each seed customer from a file."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from followsuit.core.errors import FollowsuitError
from followsuit.influence.log.arrays import Floats

_COLUMNS = ("customer_id", "cost")


class CostsError(FollowsuitError):
    """The file of costs can't be used."""


def read_costs(path: Path, customers: np.ndarray) -> tuple[Floats, int]:
    """Read a CSV of `customer_id, cost`.

    Args:
        path: path of the file.
        customers: (n) ids by code.

    Returns:
        (n) costs, 1 for customers who aren't in the file; and the number of customers in the file
        who are unknown.

    Raises:
        CostsError: the file or a column is missing, a row has more or fewer fields than the header,
            a cost isn't a number of 0 or more, a customer has two rows, or no customer is known.
    """
    cost_of: dict[str, float] = {}
    for number, (customer, text) in enumerate(_rows(path), 1):
        cost = _number(text)
        if cost is None:
            raise CostsError(
                f"{path}, row {number}: the cost {text[:20]!r} isn't a number of 0 or more. Fix "
                "the row."
            )
        if customer in cost_of:
            raise CostsError(
                f"{path}, row {number}: {customer[:50]} already has a row. Remove one of them."
            )
        cost_of[customer] = cost
    named = pd.Series(cost_of, dtype=np.float64)
    known = int(named.index.isin(customers).sum())
    if len(named) and not known:
        raise CostsError(
            f"{path}: none of its {len(named):,} customers is known. Use the store's customer ids."
        )
    costs = named.reindex(customers).fillna(1.0).to_numpy()
    return np.asarray(costs, dtype=np.float64), len(named) - known


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """Customer and cost of each row; empty lines are skipped."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = (line for line in csv.reader(file) if line)
            header = [name.strip() for name in next(lines, [])]
            for name in _COLUMNS:
                if header.count(name) != 1:
                    many = "no" if name not in header else "more than one"
                    raise CostsError(
                        f"{path} has {many} column {name}; it must have customer_id and cost."
                    )
            places = [header.index(name) for name in _COLUMNS]
            for number, line in enumerate(lines, 1):
                if len(line) != len(header):
                    raise CostsError(
                        f"{path}, row {number}: it has {len(line)} fields and the header "
                        f"{len(header)}. Quote values with a comma, or fix the row."
                    )
                customer, cost = (line[place].strip() for place in places)
                yield customer, cost
    except (OSError, ValueError, csv.Error) as error:
        raise CostsError(f"{path} can't be read. Name a CSV of customer_id, cost.") from error


def _number(text: str) -> float | None:
    if "_" in text:
        return None  # Python reads 1_000 as a number.
    try:
        cost = float(text)
    except ValueError:
        return None
    return cost if 0 <= cost < np.inf else None
