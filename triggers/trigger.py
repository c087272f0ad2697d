"""The interface of triggers, and the table of reasons that they make."""

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
"""Columns of every trigger's reasons, with their Ibis types.

A row is a customer's live trigger for an item. It fired at `fired_at` and is live until `until`,
exclusive. `category`, `brand` and `store_ids` are null. `strength` is positive, on a scale of the
trigger's own.
"""
EVIDENCE = {
    "friends": "int64",
    "first_at": "timestamp('UTC', 6)",
    "recorded_strength": "float64",
}
"""Optional columns, null if a trigger doesn't have them.

- `friends`: number of friends whose interactions are the reason
- `first_at`: the time of the first of these interactions
- `recorded_strength`: the strength by recorded instead of learned tie weights
"""


class Trigger(Protocol):
    """Finds the customers who have a reason for an offer now."""

    @property
    def names(self) -> tuple[str, ...]:
        """The values of the column `trigger` in its reasons."""

    def reasons(self, view: View, window: timedelta) -> ir.Table:
        """The live reasons of all customers, including those whom a rule blocks.

        Args:
            view: the view as of the cutoff. Use a person's rows for others only if the person
                shares activity.
            window: how long a reason stays live.

        Returns:
            The columns of `REASONS`, and those of `EVIDENCE` that the trigger has.
        """

    def drivers(self, view: View, window: timedelta) -> ir.Table:
        """Whose rows give whom a reason for which item.

        If a person withdraws consent, the offers that their rows gave are withdrawn too.

        Args:
            view: the view as of the cutoff.
            window: how long a reason stays live.

        Returns:
            At least `customer_id, friend_id, item_kind, item_id`; no rows if the trigger only uses
            the customer's own rows.
        """

    def words(self, reasons: pd.DataFrame, as_of: datetime) -> np.ndarray:
        """(rows,) each reason in words for the customer.

        Args:
            reasons: the columns `trigger`, `item_kind`, `fired_at`, `strength` and `EVIDENCE`.
            as_of: the instant of the view.
        """


def reasons_of(triggers: Sequence[Trigger], view: View, window: timedelta) -> ir.Table:
    """The reasons of all triggers.

    Args:
        triggers: the triggers.
        view: the view as of the cutoff.
        window: how long a reason stays live.

    Returns:
        The columns of `REASONS` and `EVIDENCE`.
    """
    tables = []
    for trigger in triggers:
        rows = trigger.reasons(view, window)
        empty = {name: ibis.null(t) for name, t in EVIDENCE.items() if name not in rows.columns}
        tables.append(rows.mutate(**empty).select(*REASONS, *EVIDENCE).cast(REASONS | EVIDENCE))
    return tables[0] if len(tables) == 1 else ibis.union(*tables)
