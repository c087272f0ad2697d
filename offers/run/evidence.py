"""Whose interactions a run uses: if one of them withdraws consent, the run's offers go."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import ibis.expr.types as ir

from followsuit.graph.items import ITEM, PAIR
from followsuit.graph.results.runs import ACTORS, DRIVERS, SHARING
from followsuit.graph.views.view import View
from followsuit.triggers.recent import recent_shared
from followsuit.triggers.trigger import Trigger


def write_evidence(
    view: View, triggers: Sequence[Trigger], reasons: ir.Table, window: timedelta, folder: Path
) -> None:
    """Write a run's files `SHARING`, `ACTORS` and `DRIVERS`, sorted; columns as in
    `graph.results.runs`.

    Args:
        view: the view that the run uses.
        triggers: the triggers that the run uses.
        reasons: their reasons, in the columns of `REASONS`.
        window: interactions within this time count as recent.
        folder: the run's folder.
    """
    people = view.people
    _write(people.filter(people.shares).select("customer_id"), folder / SHARING)
    _write(recent_shared(view, window).select(*ITEM, "customer_id"), folder / ACTORS)
    drivers = [
        trigger.drivers(view, reasons.filter(reasons.trigger == trigger.name))
        for trigger in triggers
    ]
    drivers = [rows.select(*PAIR, "friend_id") for rows in drivers]
    every = drivers[0].union(*drivers[1:]) if len(drivers) > 1 else drivers[0]
    _write(every.distinct(), folder / DRIVERS)


def _write(rows: ir.Table, path: Path) -> None:
    rows.order_by(rows.columns).to_parquet(path)
