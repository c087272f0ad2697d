"""Compares customers with a reason with others who are alike, by exact matching.

A *case* is a customer and a target: what a reason is an offer of. The controls of a case are the
customers of its stratum without a reason for the same target, who had done it before if and only if
the customer had. Cases without controls are left out. Controls are weighted to the cases, so the
lift is that among customers who had the reason (Iacus, King and Porro 2012).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from followsuit.core.bootstrap import Resamples

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Doubles = NDArray[np.float64]

ENOUGH = 5
"""Customers with the outcome that a lift needs, both with the reason and without."""
LEAST = 10
"""Figures of fewer customers are hidden."""
_LEVEL = 0.95


class Members(NamedTuple):
    """The customers to judge on a day.

    Attributes:
        customer: (members) code of each customer, distinct.
        stratum: (members) number of each customer's stratum.
    """

    customer: Ints
    stratum: Ints


class Pairs(NamedTuple):
    """Pairs of a customer, one of the members, and a target.

    Attributes:
        customer: (pairs) code of the customer.
        target: (pairs) number of the target.
    """

    customer: Ints
    target: Ints


@dataclass(frozen=True)
class Lift:
    """How much more often customers with a reason had the outcome, with its 95 % interval.

    Attributes:
        rate: share of the cases with the outcome; None if it is hidden.
        base: what the share would be among the customers' controls; None if it is hidden.
        value: rate / base; None with too few outcomes.
        low: lower end of the interval, or None.
        high: upper end of the interval, or None.
    """

    rate: float | None = None
    base: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def above(self) -> bool:
        """Whether the interval lies above 1."""
        return self.low is not None and self.low > 1


@dataclass
class Tally:
    """What cases and controls did, summed over days by customer.

    Attributes:
        acted: (customers) number of cases with the outcome.
        expected: (customers) addends of the number of cases with the outcome if they were as
            their controls: the share of each case's controls with the outcome, and for each
            control its weighted difference from that share. These differences add up to 0; they
            carry the controls' part of the variance.
        case_acted: (customers) whether any case of the customer had the outcome.
        control_acted: (customers) whether the customer had the outcome as a control.
        compared: (customers) number of the customer's cases that have controls.
        control: (customers) whether the customer was a control.
    """

    customers: int
    acted: Doubles = field(init=False)
    expected: Doubles = field(init=False)
    case_acted: Flags = field(init=False)
    control_acted: Flags = field(init=False)
    compared: Ints = field(init=False)
    control: Flags = field(init=False)

    def __post_init__(self) -> None:
        self.acted, self.expected = (np.zeros(self.customers) for _ in range(2))
        self.case_acted, self.control_acted, self.control = (
            np.zeros(self.customers, dtype=bool) for _ in range(3)
        )
        self.compared = np.zeros(self.customers, dtype=np.int64)

    def add(self, members: Members, cases: Pairs, did: Pairs, before: Pairs) -> None:
        """Add a day.

        Args:
            members: the customers to judge.
            cases: which of them have a reason for which target.
            did: which of them had the outcome within the horizon. Pairs of a stratum and target
                without a case don't matter.
            before: which of them had done it before.
        """
        if not len(cases.customer):
            return
        rows = _rows(members, cases, did, before)
        strata = np.bincount(members.stratum)
        cells = _cells(rows, strata)
        expected = np.zeros(len(rows.customer))
        used = cells.weight[rows.seen, rows.cell] > 0
        case, control = rows.case & used, ~rows.case & used
        mean = cells.mean[rows.seen, rows.cell]
        weight = cells.weight[rows.seen, rows.cell]
        expected[case] = mean[case]
        expected[control] = (weight * (rows.acted - mean))[control]
        # Members without a row are controls without the outcome who hadn't done it before.
        silent = cells.weight[0] * cells.mean[0]
        expected += silent[rows.cell]
        by_stratum = np.bincount(cells.stratum, silent, minlength=len(strata))
        self.expected[members.customer] -= by_stratum[members.stratum]
        self._add_controls(members, rows, cells, control)
        np.add.at(self.expected, rows.customer, expected)
        np.add.at(self.acted, rows.customer[case], rows.acted[case].astype(float))
        np.add.at(self.compared, rows.customer[case], 1)
        self.case_acted[rows.customer[case & rows.acted]] = True
        self.control_acted[rows.customer[control & rows.acted]] = True

    def _add_controls(
        self, members: Members, rows: "_Rows", cells: "_Cells", control: Flags
    ) -> None:
        """Note who was a control, with or without a row."""
        compared = cells.weight[0] > 0
        of_stratum = np.bincount(cells.stratum, compared, minlength=int(members.stratum.max()) + 1)
        own = np.bincount(rows.customer, compared[rows.cell], minlength=self.customers)
        silent = of_stratum[members.stratum] > own[members.customer]
        self.control[members.customer[silent]] = True
        self.control[rows.customer[control]] = True


class _Rows(NamedTuple):
    """Members and targets that are a case, had the outcome, or had done it before."""

    customer: Ints
    cell: Ints
    case: Flags
    acted: Flags
    seen: Ints
    cell_stratum: Ints


class _Cells(NamedTuple):
    """Strata and targets; arrays with two rows are by whether it was done before."""

    stratum: Ints
    weight: Doubles
    """Cases per control; 0 where there are no cases or no controls."""
    mean: Doubles
    """Share of the controls with the outcome."""


def _rows(members: Members, cases: Pairs, did: Pairs, before: Pairs) -> _Rows:
    """The rows of a day, one per customer and target; only targets with a case in the stratum."""
    order = np.argsort(members.customer, kind="stable")
    known = members.customer[order]
    width = 1 + max(int(p.target.max(initial=0)) for p in (cases, did, before))

    def keys(pairs: Pairs) -> Ints:
        """Of each pair of a member the position of the member and the target, as one number."""
        member = order[np.searchsorted(known, pairs.customer)]
        return np.unique(member * width + pairs.target)

    parts = [keys(pairs) for pairs in (cases, did, before)]
    merged = np.unique(np.concatenate(parts))
    position, target = merged // width, merged % width
    with_case = np.unique(members.stratum[parts[0] // width] * width + parts[0] % width)
    place = members.stratum[position] * width + target
    cell = np.minimum(np.searchsorted(with_case, place), len(with_case) - 1)
    kept = with_case[cell] == place
    merged = merged[kept]
    case, acted, seen = (np.isin(merged, part, assume_unique=True) for part in parts)
    customer = members.customer[position[kept]]
    return _Rows(customer, cell[kept], case, acted, seen.astype(np.int64), with_case // width)


def _cells(rows: _Rows, strata: Ints) -> _Cells:
    """The weights and shares of the controls."""
    n = len(rows.cell_stratum)
    cases, acted, counted = (np.zeros((2, n)) for _ in range(3))
    for seen in (0, 1):
        here = rows.seen == seen
        cases[seen] = np.bincount(rows.cell[here & rows.case], minlength=n)
        acted[seen] = np.bincount(rows.cell[here & ~rows.case & rows.acted], minlength=n)
    counted[1] = np.bincount(rows.cell[rows.seen == 1], minlength=n)
    counted[0] = strata[rows.cell_stratum] - counted[1]
    controls = counted - cases
    divisor = np.maximum(controls, 1)
    return _Cells(rows.cell_stratum, np.where(controls > 0, cases / divisor, 0.0), acted / divisor)


def lifts(tallies: list[Tally], seed: int) -> list[Lift]:
    """The lift of each tally.

    The standard error of its logarithm is that over resamples of customers, so that all days of a
    customer are one. The interval uses Student's t, because few customers may have the outcome.

    Args:
        tallies: the tallies, of the same customers.
        seed: random seed of the resamples.
    """
    if not tallies:
        return []
    sums = np.stack([each for tally in tallies for each in (tally.acted, tally.expected)], axis=1)
    used = sums.any(axis=1)
    drawn = Resamples(max(int(used.sum()), 1), seed).means(sums[used] if used.any() else sums[:1])
    return [
        _lift(tally, drawn[:, 2 * number : 2 * number + 2]) for number, tally in enumerate(tallies)
    ]


def _lift(tally: Tally, drawn: Doubles) -> Lift:
    compared = int(tally.compared.sum())
    if np.count_nonzero(tally.compared) < LEAST:
        return Lift()
    acted, expected = float(tally.acted.sum()), max(float(tally.expected.sum()), 0.0)
    rate, base = round(acted / compared, 9), round(expected / compared, 9)
    if np.count_nonzero(tally.control) < LEAST:
        return Lift(rate)
    fewest = min(int(tally.case_acted.sum()), int(tally.control_acted.sum()))
    drawn = drawn[(drawn > 0).all(axis=1)]
    if fewest < ENOUGH or expected <= 0 or len(drawn) < 2:
        return Lift(rate, base)
    error = float(np.std(np.log(drawn[:, 0] / drawn[:, 1]), ddof=1))
    half = float(t.ppf(1 - (1 - _LEVEL) / 2, fewest - 1)) * error
    value = acted / expected
    ends = (value * np.exp(-half), value * np.exp(half))
    return Lift(rate, base, *(round(float(x), 9) for x in (value, *ends)))
