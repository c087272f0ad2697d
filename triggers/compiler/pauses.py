"""Pauses between two reasons of a customer, replayed from the data.

A trigger with `again_after` gives a customer a reason again only after a pause. Nothing is kept
from earlier runs: the nights before are evaluated again, at the same time of day. So a store that
was loaded today gives the same reasons as one that has been scored every night.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph import tables as t
from followsuit.graph.views.view import View

_NIGHT = timedelta(days=1)
_FACTS = ["fired_at", "until"]


def after_pauses(
    rows: ir.Table,
    key: Sequence[str],
    pause: timedelta,
    view: View,
    name: str,
    at: Callable[[View], ir.Table],
) -> ir.Table:
    """The live rows whose trigger fired long enough after the last firing that counted.

    The first firing counts. Each later one counts only if at least a pause lies between it and the
    last one that counted. A row gets the times of its latest firing that counted.

    Args:
        rows: the rows that are live as of the view.
        key: the columns that say whose reason it is and what it is about; firings are counted for
            each of them.
        pause: the least time between two firings.
        view: the view.
        name: says which rows these are, and those of no other trigger.
        at: gives the rows that are live as of another view.
    """
    rows = view.snapshot.keep(rows)
    firings = _firings(rows, key)
    firings = _replayed(firings, key, pause, view, name, at)
    counted = firings[_counts(firings, key, pause)]
    last = counted.drop_duplicates(list(key), keep="last", ignore_index=True)
    schema = {name: rows.schema()[name] for name in [*key, *_FACTS]}
    times = ibis.memtable(last, schema=schema)
    columns = rows.columns
    return view.live(rows.drop(_FACTS).inner_join(times, list(key)).select(columns))


def _firings(rows: ir.Table, key: Sequence[str]) -> pd.DataFrame:
    """The columns of `key`, `fired_at` and `until`."""
    frame: pd.DataFrame = rows.select(*key, *_FACTS).to_pandas()
    return frame


def _replayed(
    firings: pd.DataFrame,
    key: Sequence[str],
    pause: timedelta,
    view: View,
    name: str,
    at: Callable[[View], ir.Table],
) -> pd.DataFrame:
    """The firings of earlier nights too, for each key as far back as they matter.

    They matter until a whole pause lies before the earliest one: this one counts in any case.
    """
    begin, night = _begin(view), view.as_of
    while begin is not None and (night := night - _NIGHT) >= begin:
        earliest = firings.groupby(list(key), sort=False).fired_at.min()
        open_keys = earliest[earliest - pause < night].reset_index()[list(key)]
        if not len(open_keys):
            break
        wanted = ibis.memtable(open_keys, schema=dict.fromkeys(key, "string"))
        fired = _fired(view.at(night), name, key, at).semi_join(wanted, list(key))
        firings = pd.concat([firings, _firings(fired, key)]).drop_duplicates([*key, "fired_at"])
    return firings.sort_values([*key, "fired_at"], ignore_index=True)


def _fired(night: View, name: str, key: Sequence[str], at: Callable[[View], ir.Table]) -> ir.Table:
    """The firings of a night, computed once for all days that are replayed."""
    rows = night.remember(name, lambda: at(night).select(*key, *_FACTS))
    night.forget()
    return rows


def _counts(firings: pd.DataFrame, key: Sequence[str], pause: timedelta) -> np.ndarray:
    """Whether each firing counts; they are in order of key and time."""
    counts: list[bool] = []
    last_key, last_at = None, None
    for *own_key, at in firings[[*key, "fired_at"]].itertuples(index=False):
        is_counted = own_key != last_key or last_at is None or at - last_at >= pause
        if is_counted:
            last_key, last_at = own_key, at
        counts.append(is_counted)
    return np.array(counts, dtype=bool)


def _begin(view: View) -> datetime | None:
    """The time of the first dated row about customers; None if no row has a date."""
    tables = (t.CUSTOMERS, t.PURCHASES, t.VISITS, t.EVENTS, t.LIKES, t.MEMBERSHIPS, t.CONTACTS)
    firsts = [view.table(table)[str(table.clock)].min().execute() for table in tables]
    return min((at.to_pydatetime() for at in firsts if not pd.isna(at)), default=None)
