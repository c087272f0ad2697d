"""Whose interactions a run rests on: its offers go when one of them no longer shares."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import ibis.expr.types as ir

from followsuit.graph.items import ITEM, PAIR
from followsuit.graph.runs import ACTORS, DRIVERS, SHARING
from followsuit.graph.view import View
from followsuit.triggers.friend_activity import recent_shared
from followsuit.triggers.trigger import Trigger


def write_evidence(
    view: View, triggers: Sequence[Trigger], window: timedelta, folder: Path
) -> None:
    """Write `SHARING`, `ACTORS` and `DRIVERS` of a run (columns in `graph.runs`), sorted.

    Args:
        view: that the run is made from.
        triggers: whose reasons the run uses.
        window: how long back interactions count.
        folder: the run's.
    """
    people = view.people
    _write(people.filter(people.shares).select("customer_id"), folder / SHARING)
    _write(recent_shared(view, window).select(*ITEM, "customer_id"), folder / ACTORS)
    drivers = [t.drivers(view, window).select(*PAIR, "friend_id") for t in triggers]
    every = drivers[0].union(*drivers[1:]) if len(drivers) > 1 else drivers[0]
    _write(every.distinct(), folder / DRIVERS)


def _write(rows: ir.Table, path: Path) -> None:
    rows.order_by(rows.columns).to_parquet(path)
