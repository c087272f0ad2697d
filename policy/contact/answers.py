"""How customers answered earlier contacts: how often through each channel, and at which hour."""

from dataclasses import dataclass
from datetime import timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.core.codes import Codes
from followsuit.graph import tables as t
from followsuit.graph.consent import CHANNELS
from followsuit.graph.views.view import View

NO_ANSWER = (
    "ignored",
    "no_answer",
    "declined",
    "bounced",
    "complaint",
    "opt_out",
    "unsubscribed",
)
"""Outcomes of contacts that are no answer; any other outcome is one."""
CONTROL = "control"
"""The arm of those who get no message."""
SETTLED = timedelta(days=3)
"""A contact without an outcome counts as unanswered after this long."""
WEIGHT_OF_ALL, WEIGHT_OF_OWN = 20.0, 5.0
"""A rate is shrunk as if so many more contacts had been answered at the wider rate."""
_LEAST_ANSWERS = 3
"""The usual hour is known from this many answers."""


@dataclass(frozen=True)
class Answers:
    """What is known of a group's answers.

    Attributes:
        rate: (customers, channels) the share of contacts that each customer answers, by channel in
            the order of `CHANNELS`; the same for all channels if nobody shares answers.
        zone: (customers,) each customer's time zone; None if unknown.
        answered_at: `row, at` of the answers: the customer's position, and when.
    """

    rate: np.ndarray
    zone: np.ndarray
    answered_at: pd.DataFrame


def answers(view: View, customers: Codes) -> Answers:
    """How customers answered, as of a view's instant.

    A customer's rate is shrunk to that of customers born in the same ten years, theirs to that of
    all, by beta-binomial posterior means (Gelman et al., "Bayesian Data Analysis", section 2.4).
    Of others, only answers of customers who share their activity count.

    Args:
        view: the view.
        customers: the customers.
    """
    people = view.table(t.CUSTOMERS)
    people = people.select("customer_id", "timezone", born=people.birth_date.year() // 10)
    known = people.to_pyarrow()
    ids = known["customer_id"]
    zone = customers.lay_out(ids, known["timezone"], None)
    born = customers.lay_out(ids, known["born"].cast("float64"), np.nan)
    everybody = _counts(view.shared, people)
    own = _counts(view, people)
    own["row"] = customers.of(own.customer_id.to_numpy(dtype=object))
    rate = _rates(everybody, own[own.row >= 0], born)
    return Answers(rate, zone, _answered_at(view, customers))


def _counts(view: View, people: ir.Table) -> pd.DataFrame:
    """`customer_id, channel, born, n, answered`: settled contacts and answers."""
    rows = _contacts(view)
    settled = view.settled(rows, SETTLED)
    counts = settled.group_by("customer_id", "channel").aggregate(
        n=settled.count(), answered=_is_answer(settled).sum()
    )
    joined = counts.inner_join(people, "customer_id").drop("timezone")
    frame: pd.DataFrame = joined.order_by("customer_id", "channel").to_pandas()
    frame["channel"] = pd.Index(CHANNELS).get_indexer(pd.Index(frame.channel))
    return frame[frame.channel >= 0]


def _contacts(view: View) -> ir.Table:
    rows = view.interactions_in(t.CONTACTS)
    # Those in the control group of an experiment got no message.
    return rows.filter(rows.arm.isnull() | (rows.arm != CONTROL))


def _is_answer(rows: ir.Table) -> ir.BooleanValue:
    return (rows.outcome.notnull() & ~rows.outcome.isin(NO_ANSWER)).fill_null(False)


def _rates(everybody: pd.DataFrame, own: pd.DataFrame, born: np.ndarray) -> np.ndarray:
    channels = len(CHANNELS)
    total = max(int(everybody.n.sum()), 1)
    mean = float(everybody.answered.sum()) / total
    sums = everybody.groupby("channel")[["n", "answered"]].sum().reindex(range(channels))
    sums = sums.fillna(0.0)
    of_all = _shrunk(sums.answered.to_numpy(), sums.n.to_numpy(), mean, WEIGHT_OF_ALL)
    decades = np.unique(born[~np.isnan(born)])
    band = np.searchsorted(decades, born)  # Those whose birth date isn't known come last.
    counted = np.zeros((2, len(decades) + 1, channels))
    place = np.searchsorted(decades, everybody.born.to_numpy(float))
    inside = (place < len(decades)) & ~everybody.born.isna().to_numpy()
    for number, name in enumerate(("answered", "n")):
        cells = (place[inside], everybody.channel.to_numpy()[inside])
        np.add.at(counted[number], cells, everybody[name].to_numpy(float)[inside])
    of_band = _shrunk(counted[0], counted[1], of_all, WEIGHT_OF_ALL)
    rate: np.ndarray = of_band[band]
    row, channel = own.row.to_numpy(), own.channel.to_numpy()
    rate[row, channel] = _shrunk(
        own.answered.to_numpy(float), own.n.to_numpy(float), rate[row, channel], WEIGHT_OF_OWN
    )
    return rate


def _shrunk(
    answered: np.ndarray, n: np.ndarray, wider: np.ndarray | float, weight: float
) -> np.ndarray:
    result: np.ndarray = (answered + weight * wider) / (n + weight)
    return result


def _answered_at(view: View, customers: Codes) -> pd.DataFrame:
    rows = _contacts(view)
    rows = rows.filter(_is_answer(rows), rows.outcome_at.notnull())
    frame: pd.DataFrame = rows.select("customer_id", at="outcome_at").to_pandas()
    frame["row"] = customers.of(frame.customer_id.to_numpy(dtype=object))
    frame = frame[frame.row >= 0]
    often = frame.groupby("row").at.transform("size") >= _LEAST_ANSWERS
    return frame.loc[often, ["row", "at"]].sort_values(["row", "at"], ignore_index=True)
