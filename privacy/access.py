"""Writes all that is held about a customer to a folder, as JSON and CSV that a person can read."""

import csv
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import private_file, private_folder
from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import TABLES, Kind
from followsuit.offers.decisions.decision_rows import SCHEMA
from followsuit.privacy.held import held

JSON = "held.json"
"""The file with all sections; each also has a CSV file of its own."""


class FolderTaken(FollowsuitError):
    """The folder to write to isn't empty."""


def access(store: GraphStore, customer: str, folder: Path, memory: int = 2**30) -> dict[str, int]:
    """Write all that is held about a customer, derived data included, and nobody else's.

    Amounts are in major units, times in UTC. The folder and its files are for their owner alone.

    Args:
        store: the store.
        customer: the id of the customer.
        folder: a new or an empty folder.
        memory: limit of the snapshot's DuckDB, in bytes.

    Returns:
        The number of rows by section.

    Raises:
        UnknownCustomer: there is no such customer.
        FolderTaken: the folder isn't empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderTaken(f"{folder} isn't empty. Name a new folder with --out.")
    sections = held(store, customer, memory)
    private_folder(folder)
    readable = {name: _readable(name, rows) for name, rows in sections.items()}
    for name, rows in readable.items():
        with private_file(folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, sections[name].column_names)
            writer.writeheader()
            writer.writerows({c: _cell(value) for c, value in row.items()} for row in rows)
    content = {"customer_id": customer, **readable}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    private_file(folder / JSON).write_text(text, encoding="utf-8")
    return {name: len(rows) for name, rows in readable.items()}


def _readable(section: str, rows: pa.Table) -> list[dict[str, Any]]:
    money = {field.name for field in rows.schema if g.is_amount(field)}
    if section == "derived_offers":  # The graph has no units.
        money |= {field.name for field in SCHEMA if g.is_amount(field)}
    if section in TABLES:
        money |= {field.name for field in TABLES[section].fields if field.kind is Kind.MONEY}
    return [
        {name: _value(value, name in money) for name, value in row.items()}
        for row in rows.to_pylist()
    ]


def _value(value: Any, money: bool) -> Any:
    if value is not None and money:
        return f"{Decimal(value).scaleb(-2):.2f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
