"""Parses a row of a table as a load does, with the same checks."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.graph.tables import Table
from followsuit.loaders.mapping import Mapping as FileMapping
from followsuit.loaders.sources import DeliveryError, find_delivery
from followsuit.loaders.staging.stage import stage

_MEMORY = 2**28


class WrongValue(FollowsuitError):
    """The value isn't valid for its column."""


def parsed(table: Table, cells: Mapping[str, str]) -> dict[str, Any]:
    """A row in the contract's columns and types.

    Args:
        table: the table of the row.
        cells: the texts of its columns; required columns must be there.

    Raises:
        WrongValue: a text isn't valid for its column.
    """
    with tempfile.TemporaryDirectory(prefix="followsuit-") as name:
        delivery, folder = Path(name) / "delivery", Path(name) / "staging"
        delivery.mkdir()
        folder.mkdir()
        rows = pa.table({column: [text] for column, text in cells.items()})
        pq.write_table(rows, delivery / f"{table.name}.parquet")
        source = find_delivery(str(delivery), FileMapping()).sources
        try:
            stage(source, folder, {}, _MEMORY)
        except DeliveryError:
            reject = pq.read_table(folder / f"{table.name}.rejects.parquet").to_pylist()[0]
            raise WrongValue(
                f"{cells[reject['column']]!r} can't be the {reject['column']}: it "
                f"{reject['reason']}."
            ) from None
        staged: dict[str, Any] = pq.read_table(folder / f"{table.name}.parquet").to_pylist()[0]
    return staged
