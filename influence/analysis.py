"""Network analysis of a store as of an instant, for `followsuit influence` and notebooks."""

from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from followsuit.core.progress import Progress, silent
from followsuit.core.times import utc
from followsuit.graph import schema as g
from followsuit.graph import tables as t
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import SharedView, View
from followsuit.influence.effects.effect_report import EffectReport, report
from followsuit.influence.log.action_log import read_log
from followsuit.influence.log.arrays import Flags, Floats, Log
from followsuit.influence.probabilities import holdout
from followsuit.influence.probabilities.edges import write_edges
from followsuit.influence.probabilities.holdout import HoldoutReport
from followsuit.influence.probabilities.learn import Influences, learn
from followsuit.influence.spread.inputs import BadInput, NotEnoughEvidence
from followsuit.influence.spread.rank import rank
from followsuit.influence.spread.seeds import Seeds, seeds
from followsuit.influence.spread.worth import interaction_values

WINDOW = timedelta(days=14)


class Analysis:
    """The network analysis of a store as of a view's instant: who acts after whom.

    Attributes:
        view: the view of the customers who share their activity.
        log: the first interactions and the friend network.
        customers: (customers) ids by code.
    """

    def __init__(self, store: GraphStore, view: View, *, progress: Progress = silent) -> None:
        self._store = store
        self._progress = progress
        self.view: SharedView = view.shared.require_sharing()
        self.customers: np.ndarray = self.view.customer_codes.ids

    @cached_property
    def log(self) -> Log:  # noqa: D102
        return read_log(self.view)

    def learn(self, window: timedelta = WINDOW) -> Influences:
        """Learn how likely customers are to follow each friend's interactions."""
        return learn(self.log, window, progress=self._progress)

    def _learned_from_followers(self) -> Influences:
        """Learn the influences; raise an error if nobody followed anybody."""
        influences = self.learn()
        if not influences.followed:
            raise NotEnoughEvidence(
                f"not enough evidence: none of {influences.completed} exposures was followed, so "
                "nobody is known to influence anybody"
            )
        return influences

    def write(self, influences: Influences, created_at: datetime) -> str:
        """Write the influences to the store, activate their run and return its id."""
        snapshot = self.view.snapshot
        return write_edges(
            self._store, influences, snapshot.content, utc(created_at), snapshot.meta.revision
        )

    def holdout(self, share: float, window: timedelta = WINDOW) -> HoldoutReport:
        """Learn on the earlier part of the log and validate on the last `share` of its time.

        Raises:
            HoldoutError: the share isn't between 0 and 1.
        """
        return holdout.validate(self.log, window, share, progress=self._progress)

    def report(self, window: timedelta = WINDOW) -> EffectReport:
        """Report whether customers act after their friends more often than similar customers."""
        return report(self.log, window, progress=self._progress)

    def rank(self, top: int | None = None, *, write: bool = False) -> tuple[pd.DataFrame, str]:
        """Rank customers by what others are expected to do because of one interaction of theirs.

        Args:
            top: number of rows; by default all customers who share their activity.
            write: whether to write the figures of all these customers to the store.

        Returns:
            `customer_id, value, low, high, pagerank, core, community`, and the unit of the value:
            `margin` or `amount` in minor units of money, or `acts` (interactions).

        Raises:
            NotEnoughEvidence: no exposure was followed.
        """
        worth, unit = interaction_values(self.view)
        influences = self._learned_from_followers()
        ranked = rank(influences.log.network, influences.edges.mean, worth, progress=self._progress)
        rows = ranked.to_pandas().round(9)
        rows.insert(0, "customer_id", self.customers[rows.pop("customer")])
        if write:
            self._write_rank(rows)
        return rows.head(top) if top is not None else rows, unit

    def _write_rank(self, rows: pd.DataFrame) -> None:
        renamed = rows.rename(columns={"value": Col.INCREMENTAL_VALUE.value})
        renamed[Col.RANKED_AS_OF] = pd.Timestamp(self.view.as_of)
        schema = g.CUSTOMER_RANK.arrow_schema()
        table = pa.Table.from_pandas(renamed[schema.names], schema=schema, preserve_index=False)
        # Clear the figures of customers who no longer share their activity.
        everybody = self.view.snapshot.rows(t.CUSTOMERS).customer_id.to_pyarrow()
        others = everybody.filter(pc.invert(pc.is_in(everybody, table[Col.CUSTOMER_ID])))
        nothing = [pa.nulls(len(others), field.type) for field in list(schema)[1:]]
        table = pa.concat_tables([table, pa.table([others, *nothing], schema=schema)])
        with self._store.writing():
            self._store.write(g.CUSTOMER_RANK, table, self._progress)

    def seeds(self, budget: float, cost: Floats | None = None) -> tuple[Seeds, Influences]:
        """Choose seed customers among those who share their activity and may be contacted.

        Args:
            budget: the largest total cost.
            cost: (customers) cost of each; by default 1.

        Returns:
            The seed customers, and the influences that they were chosen by.

        Raises:
            BadInput: nobody may be contacted, or the budget affords nobody.
            NotEnoughEvidence: no exposure was followed.
        """
        if not self.allowed.any():
            raise BadInput(
                "No customer may be a seed: that takes consent to contact and to social_use. Load "
                "a table of consents, or load with --assume-consent where the data has none."
            )
        influences = self._learned_from_followers()
        chosen = seeds(
            influences.log.network,
            influences.edges.mean,
            budget,
            cost=cost,
            allowed=self.allowed,
            progress=self._progress,
        )
        return chosen, influences

    @cached_property
    def allowed(self) -> Flags:
        """(customers) whether each shares their activity and may be contacted."""
        people = self.view.people
        rows = people.filter(people.blocked_by.isnull() & people.shares)
        allowed = np.zeros(len(self.customers), dtype=bool)
        allowed[self.view.customer_codes.of(rows.customer_id.to_pyarrow())] = True
        return allowed
