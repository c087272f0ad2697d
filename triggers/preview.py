"""What a trigger finds as of a day: its reasons, and whom it leaves out."""

from dataclasses import dataclass
from datetime import timedelta

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.views.view import View
from followsuit.influence.log.action_log import read_log
from followsuit.triggers.compiler.compiler import fired
from followsuit.triggers.compiler.conditions import in_other_currencies
from followsuit.triggers.compiler.offered import STORE_IDS, at_stores
from followsuit.triggers.defined import trigger_of
from followsuit.triggers.definitions.definition import Definition, Did, FriendDid
from followsuit.triggers.statistical.statistical_trigger import StatisticalTrigger
from followsuit.triggers.tie_weights import learn_tie_weights, tie_weights
from followsuit.triggers.trigger import REASONS, Trigger

WINDOW = timedelta(days=14)
"""The window of the tie weights, which is the default of `score`."""

SCHEMA = pa.schema(
    {
        name: {"timestamp('UTC', 6)": g.TIME, "float64": g.NUMBER}.get(kind, g.TEXT)
        if name != STORE_IDS
        else pa.list_(g.TEXT)
        for name, kind in REASONS.items()
    }
)
"""Columns of `trigger preview --out`, see `REASONS`."""


@dataclass(frozen=True)
class Preview:
    """What a trigger finds as of a day.

    Attributes:
        table: the reasons, in the columns of `SCHEMA`, sorted by customer and item. They are those
            of all customers for whom the conditions hold, also of customers whom a rule blocks
            from offers.
        customers: number of customers with a reason.
        ties: `learned` or `recorded`: the tie weights in `strength`; None if the trigger isn't
            about friends.
        without_store: number of customers for whom the conditions hold, but whose city has no
            store.
        other_currencies: number of interactions that sums left out, because their currency isn't
            the shop's.
        shortage: why a statistic could find nothing; None if it could find something.
    """

    table: pa.Table
    customers: int
    ties: str | None
    without_store: int
    other_currencies: int
    shortage: str | None = None

    @property
    def reasons(self) -> int:
        """Number of reasons."""
        return int(self.table.num_rows)

    def as_dict(self) -> dict[str, int | str | None]:
        """The counts as JSON values."""
        return {
            "reasons": self.reasons,
            "customers": self.customers,
            "ties": self.ties,
            "without_store": self.without_store,
            "other_currencies": self.other_currencies,
            "shortage": self.shortage,
        }


def preview(
    view: View,
    definition: Definition,
    learned: pd.DataFrame | None = None,
    progress: Progress = silent,
) -> Preview:
    """Find the reasons of a trigger.

    Args:
        view: the view as of the day.
        definition: the trigger.
        learned: tie weights that were learned before, see `learn_tie_weights`. None to learn them
            if a condition is about friends.
        progress: progress callback.
    """
    about_friends = any(isinstance(c, FriendDid) for c in definition.when)
    if about_friends and learned is None:
        learned = learn_tie_weights(read_log(view.shared), WINDOW, progress)
    ties = tie_weights(view, learned)
    with progress("finding reasons"):
        trigger = trigger_of(definition, ties)
        rows = trigger.reasons(view).select(*REASONS)
        rows = rows.order_by([name for name in REASONS if name != STORE_IDS])
        table = rows.to_pyarrow().cast(SCHEMA)
    own = [c for c in definition.when if isinstance(c, Did)]
    return Preview(
        table=table,
        customers=len(table["customer_id"].unique()),
        ties=_kind_of(learned) if about_friends else None,
        without_store=_without_store(view, definition, ties),
        other_currencies=sum(in_other_currencies(view, condition) for condition in own),
        shortage=None if len(table) else _shortage(trigger, view),
    )


def _shortage(trigger: Trigger, view: View) -> str | None:
    return trigger.shortage(view) if isinstance(trigger, StatisticalTrigger) else None


def _kind_of(learned: pd.DataFrame | None) -> str:
    return "learned" if learned is not None and len(learned) else "recorded"


def _without_store(view: View, definition: Definition, ties: ir.Table) -> int:
    """How many customers have no reason only because no store is around their city."""
    if definition.offer.stores_near is None:
        return 0
    rows = at_stores(definition, view, fired(definition, view, ties))
    placed = rows.filter(rows[STORE_IDS].notnull())
    left_out = rows.anti_join(placed, "customer_id")
    return int(left_out.customer_id.nunique().execute())
