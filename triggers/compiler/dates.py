"""Compiles conditions on a customer's dates, in the customer's time zone."""

import zoneinfo
from datetime import timedelta
from weakref import WeakKeyDictionary

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph import tables as t
from followsuit.graph.schema import Col
from followsuit.graph.views.snapshot import Snapshot
from followsuit.graph.views.view import View
from followsuit.triggers.compiler.interactions import json_value
from followsuit.triggers.definitions.definition import OnDate

_DAY = timedelta(days=1)
_READ: WeakKeyDictionary[Snapshot, dict[str, pd.DataFrame]] = WeakKeyDictionary()
_TYPES = {"customer_id": "string", "at": "timestamp('UTC', 6)", "until": "timestamp('UTC', 6)"}


def on_date(view: View, condition: OnDate) -> ir.Table:
    """Where a condition on a date holds.

    Dates and the end of a day are those of the customer's time zone, or of UTC if the zone is
    missing or unknown. In years without a 29 February its anniversary is the 28th.

    Returns:
        `customer_id`; `last_at`, when the date came within reach; `until`, the end of an
        anniversary, null otherwise.
    """
    dates = _dates(view.snapshot, condition.date)
    parts = [
        _within(rows, str(zone))
        if condition.ahead is None
        else _ahead(rows, str(zone), pd.Timestamp(view.as_of), condition.ahead // _DAY)
        for zone, rows in dates.groupby("zone", sort=True)
    ]
    frame = pd.concat(parts) if parts else pd.DataFrame(columns=list(_TYPES))
    rows = ibis.memtable(frame[list(_TYPES)], schema=_TYPES)
    if condition.within is not None:
        rows = view.within(rows, condition.within)
    return rows.rename(last_at="at").semi_join(view.customers, "customer_id")


def _dates(snapshot: Snapshot, name: str) -> pd.DataFrame:
    """`customer_id, date, at, zone`: the local date, its instant where known, and the zone.

    They are those of all customers, read once for all days.
    """
    dates = _READ.setdefault(snapshot, {})
    if name not in dates:
        dates[name] = _read(snapshot, name)
    return dates[name]


def _read(snapshot: Snapshot, name: str) -> pd.DataFrame:
    people = snapshot.rows(t.CUSTOMERS)
    if name in people.columns:
        value = people[name]
    else:
        value = json_value(people.attributes, name).left(10).try_cast("date")
    rows = people.select("customer_id", value=value, zone=Col.TIMEZONE)
    frame = rows.filter(rows["value"].notnull()).to_pandas()
    frame["zone"] = frame.zone.map({zone: _known(zone) for zone in frame.zone.unique()})
    if value.type().is_timestamp():
        frame["at"], frame["date"] = frame["value"], frame["value"].dt.tz_localize(None)
        for zone, same in frame.groupby("zone"):
            frame.loc[same.index, "date"] = same["value"].dt.tz_convert(zone).dt.tz_localize(None)
    else:
        frame["at"], frame["date"] = pd.NaT, pd.to_datetime(frame["value"])
    frame["date"] = frame["date"].dt.normalize().astype("datetime64[s]")
    dates: pd.DataFrame = frame.drop(columns="value")
    return dates


def _within(rows: pd.DataFrame, zone: str) -> pd.DataFrame:
    """The instant of each date: midnight, unless it has a time of its own."""
    timed = rows["at"].notna().all()
    return rows.assign(at=rows["at"] if timed else _midnight(rows.date, zone), until=None)


def _ahead(rows: pd.DataFrame, zone: str, as_of: pd.Timestamp, days: int) -> pd.DataFrame:
    """The dates whose next anniversary is today or at most `days` ahead; a date ahead is one."""
    today = as_of.tz_convert(zone).tz_localize(None).normalize()
    this_year, next_year = (_anniversary(rows.date, today.year + more) for more in (0, 1))
    # An instant of the past has its first anniversary a year later.
    passed = (this_year < today) | ((rows.date == this_year) & rows["at"].notna())
    following = this_year.where(~passed, next_year)
    following = following.where(rows.date <= today, rows.date)
    rows = rows.assign(following=following)
    rows = rows[rows.following <= today + pd.Timedelta(days=days)]
    return rows.assign(
        at=_midnight(rows.following - pd.Timedelta(days=days), zone),
        until=_midnight(rows.following + pd.Timedelta(days=1), zone),
    )


def _anniversary(dates: "pd.Series[pd.Timestamp]", year: int) -> "pd.Series[pd.Timestamp]":
    """The day of each date in a year; the last of February for the 29th where there is none."""
    days = dates.to_numpy("datetime64[D]")
    months = days.astype("datetime64[M]")
    this_year = np.datetime64(str(year), "M") + months.astype(np.int64) % 12
    last = (this_year + 1).astype("datetime64[D]") - 1
    same = np.minimum(this_year.astype("datetime64[D]") + (days - months), last)
    return pd.Series(same.astype("datetime64[s]"), index=dates.index)


def _midnight(days: "pd.Series[pd.Timestamp]", zone: str) -> "pd.Series[pd.Timestamp]":
    """When days begin in a time zone; where clocks skip midnight, the first instant after it."""
    local = days.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    return local.dt.tz_convert("UTC")


def _known(zone: object) -> str:
    """A time zone, or UTC if there is no such zone."""
    if isinstance(zone, str):
        try:
            return zoneinfo.ZoneInfo(zone).key
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return "UTC"
