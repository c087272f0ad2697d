"""Reads the action log and the friend network from a view."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph.items import item_key
from followsuit.graph.views.as_of import whole_seconds
from followsuit.graph.views.view import SharedView
from followsuit.influence.log.arrays import LONG_AGO, Actions, Ints, Log, Network, Shorts, network


def read_log(view: SharedView) -> Log:
    """Read the log of the customers who share their activity, once for a view."""
    return view.once("log", lambda: _read(view))


def _read(view: SharedView) -> Log:
    names = pd.Index(view.item_list.category).dropna().unique().sort_values()
    category, items, actions = _actions(view, names)
    return Log(
        as_of=view.as_of,
        customers=view.customer_codes.ids,
        items=items,
        category=category,
        categories=np.array([*names, None], dtype=object),
        actions=actions,
        network=_network(view),
    )


def _actions(view: SharedView, names: pd.Index) -> tuple[Shorts, Ints, Actions]:
    """The items' categories, their positions in `View.item_list`, and the actions."""
    rows = view.first_interactions
    category = names.get_indexer(pd.Index(view.item_list.category))
    category = np.where(category < 0, len(names), category)
    order = np.argsort(category, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    table = rows.select(
        "customer_id", item=item_key(rows), seconds=_seconds(rows["at"], view)
    ).to_pyarrow()
    customer = view.customer_codes.of(table["customer_id"])
    item = place[view.item_list.codes.of(table["item"])]
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


def _network(view: SharedView) -> Network:
    rows = view.friendships
    since = _seconds(rows.since, view).fill_null(int(LONG_AGO))
    table = rows.select("customer_id", "friend_id", since=since).to_pyarrow()
    codes = view.customer_codes
    return network(
        len(codes),
        codes.of(table["friend_id"]),
        codes.of(table["customer_id"]),
        table["since"].to_numpy(),
    )


def _seconds(at: ir.Value, view: SharedView) -> ir.Value:
    """Whole seconds relative to the view's instant, rounded down."""
    return ibis.greatest(whole_seconds(at) - int(view.as_of.timestamp()), int(LONG_AGO) + 1)
