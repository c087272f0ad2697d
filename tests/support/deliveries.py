"""Small deliveries, written as a retailer would."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

Rows = Sequence[Mapping[str, object]]


def write_csv(path: Path, rows: Rows, columns: Sequence[str] = ()) -> None:
    """Write rows, which all have these columns, or those of the first; None is an empty cell."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def deliver(folder: Path, **tables: Rows) -> Path:
    """Write a folder of CSV files, one for each table."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        write_csv(folder / f"{name}.csv", rows)
    return folder
