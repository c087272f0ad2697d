"""What is told of a load: what became of the rows, and what looks wrong."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from followsuit.loaders.staging.rejects import Reason
from followsuit.loaders.staging.stage import Counts

_MANY = 0.1
"""The share of rejected rows above which a table gets a warning."""
_USUAL, _LOADS, _HISTORY = 1 / 3, 3, 10
"""A table of fewer than this share of its usual rows is worth a line; usual is the median of the
last loads of the table, of which so many there must be and so many are kept."""


@dataclass(frozen=True)
class LoadReport:
    """What became of a delivery, table by table, and where its rejects are."""

    tables: dict[str, Counts]
    rejects: Path
    ignored: tuple[str, ...]
    """Files of the folder that are no table of the contract."""
    reasons: list[Reason]
    """Why rows were rejected."""
    warnings: list[str]
    """What looks wrong: few rows, many rejects; a line each."""
    deleted: dict[str, int]
    """Rows that `replace` has deleted, by table."""
    withdrawn: dict[str, int]
    """How many `offers`, `influences`, `ranks` and `embeddings` the new data no longer allowed."""
    assume_consent: bool
    blocked_customers: list[str]
    """Customers, of this and earlier loads, of whom a refusal may not have been understood."""

    def as_dict(self) -> dict[str, Any]:
        """As `load --json` prints it."""
        tables = {name: asdict(counts) for name, counts in self.tables.items()}
        return {
            "tables": tables,
            "rejects": str(self.rejects),
            "reasons": [asdict(reason) for reason in self.reasons],
            "warnings": self.warnings,
            "deleted": self.deleted,
            "withdrawn": self.withdrawn,
            "blocked_customers": self.blocked_customers,
        }


def warnings(tables: Mapping[str, Counts], history: Mapping[str, list[int]]) -> list[str]:
    """A line for each table that has few rows, or many that are rejected.

    Args:
        tables: what became of each table's rows.
        history: how many rows earlier loads have read of each table.
    """
    lines = []
    for name, counts in tables.items():
        earlier = history.get(name, [])
        if len(earlier) >= _LOADS and counts.read < _USUAL * median(earlier):
            lines.append(
                f"{name} has {counts.read:,} rows, and usually about {median(earlier):,.0f}. "
                "Check that the delivery is complete."
            )
        if counts.rejected > _MANY * counts.read:
            lines.append(f"{rejected(name, counts)}. Check the delivery.")
    return lines


def history_with(
    history: Mapping[str, list[int]], tables: Mapping[str, Counts]
) -> dict[str, list[int]]:
    """The history with this load in it."""
    return {**history} | {
        name: [*history.get(name, []), counts.read][-_HISTORY:] for name, counts in tables.items()
    }


def rejected(table: str, counts: Counts) -> str:
    """How many rows of a table were rejected."""
    share = 100 * counts.rejected / max(1, counts.read)
    return f"{counts.rejected:,} of {counts.read:,} rows of {table} are rejected ({share:.3g} %)"
