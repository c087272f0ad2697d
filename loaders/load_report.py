"""The report of a load: counts of rows, reasons of rejects, and warnings."""

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
"""A table with less than this share of its usual rows gets a warning. Usual is the median of the
table's last loads: the minimum number of loads, and how many to keep."""


@dataclass(frozen=True)
class LoadReport:
    """The result of a load, table by table, and the file of its rejects."""

    tables: dict[str, Counts]
    rejects: Path | None
    """The file of the rejected rows; None if the load was only checked."""
    ignored: tuple[str, ...]
    """Files of the folder that aren't tables of the contract."""
    reasons: list[Reason]
    """Why rows were rejected."""
    warnings: list[str]
    """Warnings of few rows or many rejects, one line each."""
    deleted: dict[str, int]
    """How many rows `replace` deleted, by table."""
    withdrawn: dict[str, int]
    """How many `offers`, `influences`, `ranks` and `embeddings` were withdrawn."""
    assume_consent: bool
    blocked_customers: list[str]
    """Customers, of this and earlier loads, with an unreadable row that may be a refusal."""
    unmatched_refusals: int
    """Rejected rows of consents that may be refusals but name no customer, so block nobody."""
    filtered_by: dict[str, dict[str, int]]
    """By table and condition of the mapping's `where`, how many rows were left out."""

    def as_dict(self) -> dict[str, Any]:
        """The report as `load --json` writes it."""
        tables = {name: asdict(counts) for name, counts in self.tables.items()}
        return {
            "tables": tables,
            "rejects": None if self.rejects is None else str(self.rejects),
            "reasons": [asdict(reason) for reason in self.reasons],
            "warnings": self.warnings,
            "deleted": self.deleted,
            "withdrawn": self.withdrawn,
            "blocked_customers": self.blocked_customers,
            "unmatched_refusals": self.unmatched_refusals,
            "filtered_by": self.filtered_by,
        }


def warnings(tables: Mapping[str, Counts], history: Mapping[str, list[int]]) -> list[str]:
    """A warning for each table with few rows or many rejects.

    Args:
        tables: the counts of each table.
        history: how many rows of each table earlier loads read.
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
