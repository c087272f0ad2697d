"""The tables of the contract as of an instant, filtered by time only."""

from datetime import datetime

import ibis.expr.types as ir
import pandas as pd

from followsuit.core.errors import FollowsuitError
from followsuit.core.near_names import near_name
from followsuit.graph import tables as t
from followsuit.graph.tables import Table
from followsuit.graph.views.as_of import AsOf
from followsuit.graph.views.snapshot import Snapshot


class UnknownTable(FollowsuitError):
    """There is no such table."""


class ContractView(AsOf):
    """The tables of a snapshot as of an instant, in the contract's columns.

    Attributes:
        snapshot: the tables that it shows.
        as_of: the instant, in UTC.
        assume_consent: whether the last load assumed consent.
    """

    def __init__(self, snapshot: Snapshot, as_of: datetime) -> None:
        super().__init__(as_of)
        self.snapshot = snapshot
        self.assume_consent = snapshot.meta.assume_consent

    def table(self, table: Table | str) -> ir.Table:
        """A table of the contract, in its columns, as of the instant.

        It holds no later rows, but all rows without a date. Later refusals of consent are in it:
        a refusal counts at once. The outcome of a contact is missing before `outcome_at`.

        Raises:
            UnknownTable: there is no table of that name.
        """
        contract = _table_named(table) if isinstance(table, str) else table
        rows = self.snapshot.rows(contract)
        if contract.clock is None:
            return rows
        known = self._known(rows[contract.clock])
        if contract is t.CONSENTS:
            return rows.filter(known | ~rows.granted)
        if contract is t.CONTACTS:
            outcome_known = self._known(rows.outcome_at)
            rows = rows.mutate(
                outcome=outcome_known.ifelse(rows.outcome, None),
                outcome_at=outcome_known.ifelse(rows.outcome_at, None),
            )
        return rows.filter(known)

    def undated(self) -> list[str]:
        """Tables and columns without dates, see `Snapshot.undated`."""
        return self.snapshot.undated()

    def purchases(self) -> pd.DataFrame:
        """Purchases in the contract's columns, returns too; `amount` in minor units."""
        rows: pd.DataFrame = self.table(t.PURCHASES).to_pandas()
        return rows


def _table_named(name: str) -> Table:
    """The table of the contract with this name."""
    if name not in t.TABLES:
        near = near_name(name, list(t.TABLES))
        hint = f"Did you mean {near}?" if near else f"The tables are {', '.join(t.TABLES)}."
        raise UnknownTable(f"There is no table {name}. {hint}")
    return t.TABLES[name]
