"""Rejected consents that may be refusals: whom they block.

Such a row blocks all customers whom it may be about, so that a fault never lets a refusal pass. A
row that names nobody is counted: the load says so.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from followsuit.graph.schema import Col
from followsuit.loaders.readers.batches import ROW
from followsuit.loaders.staging.rejects import Reject, Rejects
from followsuit.loaders.staging.standardise import OWNERS, Standard

_BULK = 10_000


def keep_refusals(bad: pa.RecordBatch, rejects: Rejects) -> None:
    """Record the customers of standardised, rejected consents that don't clearly grant."""
    unsure = pc.invert(pc.fill_null(bad[Col.GRANTED], False))
    for owners in bad[OWNERS].filter(unsure).to_pylist():
        rejects.refuse(owners or [])


class BrokenConsents:
    """Consents that can't be parsed: finds their customers as the mapping says, lookups too."""

    def __init__(
        self,
        standard: Standard,
        memory: int,
        spill: Path,
        lookups: Mapping[str, Path],
        rejects: Rejects,
    ) -> None:
        # The row above a broken one may be another customer's.
        mapping = standard.mapping.model_copy(update={"fill_down": ()})
        self._standard = replace(standard, mapping=mapping)
        self._memory, self._spill, self._lookups = memory, spill, lookups
        self._rejects = rejects
        customer = standard.columns.get(Col.CUSTOMER_ID)
        names = [] if customer is None else customer.names
        self._of_customer = [standard.files_names[name] for name in names]
        self._waiting: list[list[str | None]] = []

    def add(self, reject: Reject) -> None:
        """Keep the cells of a row that can be read; the others count as empty."""
        given = reject.cells or {}
        cells = {name: _scalar(given.get(name)) for name in self._standard.wanted}
        if not all((cells[name] or "").strip() for name in self._of_customer):
            cells |= dict.fromkeys(self._of_customer)  # a part of an id is another id
        self._waiting.append(list(cells.values()))
        if len(self._waiting) >= _BULK:
            self.keep()

    def keep(self) -> None:
        """Record the customers of the rows so far."""
        rows, self._waiting = self._waiting, []
        if not rows:
            return
        names = self._standard.wanted
        columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(names))]
        columns.append(pa.array(range(len(rows)), pa.int64()))
        batch = pa.RecordBatch.from_arrays(columns, [*names, ROW])
        for standardised in self._standard.apply(
            iter([batch]), self._memory, self._spill, self._lookups
        ):
            keep_refusals(standardised, self._rejects)


def _scalar(cell: object) -> str | None:
    """A cell as text; None if it is missing or nested."""
    if cell is None or isinstance(cell, dict | list):
        return None
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
