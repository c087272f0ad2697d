"""What a trigger is, and the table of reasons that it makes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph.view import View

REASONS = {
    "customer_id": "string",
    "trigger": "string",
    "fired_at": "timestamp('UTC', 6)",
    "until": "timestamp('UTC', 6)",
    "item_kind": "string",
    "item_id": "string",
    "category": "string",
    "brand": "string",
    "store_ids": "array<string>",
    "strength": "float64",
}
"""Columns of the reasons that every trigger gives, with their Ibis types.

A row is a customer's live trigger: it fired at `fired_at`, is live up to and without `until`, and
brings up an item; category, brand and stores are missing. `strength` is positive, on the trigger's
own scale.
"""
EVIDENCE = {
    "friends": "int64",
    "first_at": "timestamp('UTC', 6)",
    "recorded_strength": "float64",
}
"""Further columns, missing where a trigger has none of them: how many friends are behind a reason,
when the first of them acted, and the strength by recorded tie weights."""


class Trigger(Protocol):
    """Finds the customers who have a reason for an offer now."""

    @property
    def names(self) -> tuple[str, ...]:
        """The values that its reasons have as `trigger`."""

    def reasons(self, view: View, window: timedelta) -> ir.Table:
        """The live reasons of all customers, those whom a rule blocks too.

        Args:
            view: what is known. The rows of others count only where they share their activity.
            window: how long a reason stays live.

        Returns:
            The columns of `REASONS`, and those of `EVIDENCE` that it has.
        """

    def drivers(self, view: View, window: timedelta) -> ir.Table:
        """Whose rows bring up which item for whom, so that a withdrawal takes these offers back.

        Returns:
            At least `customer_id, friend_id, item_kind, item_id`; no rows where a trigger uses the
            customer's own rows alone.
        """

    def words(self, reasons: pd.DataFrame, as_of: datetime) -> np.ndarray:
        """(rows,) what the customer is told of each reason.

        Args:
            reasons: with the columns `trigger`, `item_kind`, `fired_at`, `strength` and `EVIDENCE`.
            as_of: the instant of the view.
        """


def reasons_of(triggers: Sequence[Trigger], view: View, window: timedelta) -> ir.Table:
    """The reasons of all triggers, in the columns of `REASONS` and `EVIDENCE`."""
    tables = []
    for trigger in triggers:
        rows = trigger.reasons(view, window)
        empty = {name: ibis.null(t) for name, t in EVIDENCE.items() if name not in rows.columns}
        tables.append(rows.mutate(**empty).select(*REASONS, *EVIDENCE).cast(REASONS | EVIDENCE))
    return tables[0] if len(tables) == 1 else ibis.union(*tables)
