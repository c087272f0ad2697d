"""From a snapshot's facts to the action log and the friend network."""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np

from followsuit.graph.facts import SharedFacts, whole_seconds
from followsuit.influence.log.arrays import LONG_AGO, Actions, Ints, Log, Network, Shorts, network


def read_log(facts: SharedFacts, as_of: datetime) -> Log:
    """Read the log of those who share their activity, as of an instant."""
    category, items, actions = _actions(facts, as_of)
    return Log(
        as_of=as_of,
        customers=facts.customers,
        items=items,
        category=category,
        categories=np.array([*facts.items.categories, None], dtype=object),
        actions=actions,
        network=_network(facts, as_of),
    )


def _actions(facts: SharedFacts, as_of: datetime) -> tuple[Shorts, Ints, Actions]:
    """Each item's category, its code in `Facts.items`, and the actions."""
    rows = facts.firsts
    rows = rows.filter(rows["at"] <= as_of)
    kinds = len(facts.items.categories)
    category = np.where(facts.items.category < 0, kinds, facts.items.category)
    order = np.argsort(category, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    table = rows.select("customer", "item", seconds=_seconds(rows["at"], as_of)).to_pyarrow()
    customer = table["customer"].to_numpy()
    item = place[table["item"].to_numpy()]
    time = table["seconds"].to_numpy()
    sort = np.lexsort((customer, time, item))
    acted, counts = np.unique(item, return_counts=True)
    codes = order[acted]
    return (
        category[codes].astype(np.int32),
        codes.astype(np.int64),
        Actions(
            customer=customer[sort].astype(np.int32),
            time=time[sort].astype(np.int32),
            pointer=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        ),
    )


def _network(facts: SharedFacts, as_of: datetime) -> Network:
    ties = facts.ties
    ties = ties.filter(ties.since.isnull() | (ties.since <= as_of))
    ties = ties.filter(ties.customer != ties.friend)
    since = _seconds(ties.since, as_of).fill_null(int(LONG_AGO))
    table = ties.select("customer", "friend", since=since).to_pyarrow()
    return network(
        len(facts.customers),
        table["friend"].to_numpy(),
        table["customer"].to_numpy(),
        table["since"].to_numpy(),
    )


def _seconds(at: ir.Value, as_of: datetime) -> ir.Value:
    """Whole seconds from `as_of`, rounded down."""
    return ibis.greatest(whole_seconds(at) - int(as_of.timestamp()), int(LONG_AGO) + 1)
