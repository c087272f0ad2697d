"""From a snapshot's facts to the action log and the friend network."""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np

from followsuit.graph.facts import Facts
from followsuit.influence.arrays import LONG_AGO, Actions, Ints, Log, Network, Shorts, network


def read_log(facts: Facts, as_of: datetime) -> Log:
    """Read the log of a snapshot's facts as of an instant.

    Known minors are left out, whoever they are friends with. Consent is asked where an act drives
    an offer (`offers/`) and where somebody is to be reached, not here.
    """
    minors = facts.minors(as_of)
    category, items, actions = _actions(facts, as_of, minors)
    return Log(
        as_of=as_of,
        customers=facts.customers,
        items=items,
        category=category,
        categories=np.array([*facts.items.categories, None], dtype=object),
        actions=actions,
        network=_network(facts, as_of, minors),
    )


def _actions(facts: Facts, as_of: datetime, minors: ir.Table) -> tuple[Shorts, Ints, Actions]:
    """Each item's category, its code in `Facts.items`, and the actions."""
    rows = facts.firsts
    rows = rows.filter(rows["at"] <= as_of).anti_join(minors, "customer")
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


def _network(facts: Facts, as_of: datetime, minors: ir.Table) -> Network:
    ties = facts.ties
    ties = ties.filter(ties.since.isnull() | (ties.since <= as_of))
    ties = ties.filter(ties.customer != ties.friend)
    for end in ("customer", "friend"):
        ties = ties.anti_join(minors.select(**{end: "customer"}), end)
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
    micros = at.cast("timestamp('UTC')").epoch_seconds() - int(as_of.timestamp())
    return ibis.greatest(micros, int(LONG_AGO) + 1)
