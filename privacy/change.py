"""Changes a customer's rows at once: a correction, or an answer to a question of consent.

A change is noted on disk before it is made. If it is interrupted, readers refuse the store until
the next such command has finished it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import read_json, save_json
from followsuit.core.near_names import near_name
from followsuit.core.progress import Progress, silent
from followsuit.core.text import nfc
from followsuit.graph import schema as g
from followsuit.graph.consent import ALL, PURPOSES
from followsuit.graph.results.withdrawals import withdraw_results
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import CONSENTS, CUSTOMERS, TABLES, Part, Table
from followsuit.graph.views.snapshot import snapshot_ahead
from followsuit.privacy.held import UnknownCustomer
from followsuit.privacy.parsed import parsed


class WrongColumn(FollowsuitError):
    """Customers have no such column, or it can't be corrected."""


class WrongPurpose(FollowsuitError):
    """There is no such purpose, or it can't be granted."""


def correct(
    store: GraphStore,
    customer: str,
    column: str,
    value: str,
    memory: int = 2**30,
    progress: Progress = silent,
) -> None:
    """Correct a column of a customer; results that the new value doesn't allow are deleted.

    A later delivery with the column replaces the value.

    Args:
        store: the store.
        customer: the id of the customer.
        column: a column of the table `customers` but its key.
        value: the new value, as a delivery would write it; empty to delete the old one.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback.

    Raises:
        WrongColumn: there is no such column, or it is the key.
        WrongValue: the value isn't valid for the column.
        UnknownCustomer: there is no such customer.
    """
    columns = [field.name for field in CUSTOMERS.fields if field.name != CUSTOMERS.key[0]]
    if column not in columns:
        near = near_name(column, columns)
        hint = f" Did you mean {near}?" if near else ""
        raise WrongColumn(f"{column} can't be corrected.{hint} These can: {', '.join(columns)}.")
    customer = nfc(customer)
    new = parsed(CUSTOMERS, {CUSTOMERS.key[0]: customer, column: value})
    with store.writing():
        finish_change(store, memory, progress)
        row = _stored(store, customer) | {column: new[column]}
        _make(store, CUSTOMERS, row, memory, progress)


def set_consent(
    store: GraphStore,
    customer: str,
    purpose: str,
    granted: bool,
    at: datetime,
    memory: int = 2**30,
    progress: Progress = silent,
) -> None:
    """Record a customer's answer; a refusal deletes at once what it no longer allows.

    The answer also outlasts `load --replace consents`, unless that delivery has a later answer.

    Args:
        store: the store.
        customer: the id of the customer.
        purpose: a purpose; `all` can only be refused.
        granted: the answer.
        at: the time of the answer.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback.

    Raises:
        WrongPurpose: there is no such purpose, or `all` is granted.
        UnknownCustomer: there is no such customer.
    """
    if purpose not in PURPOSES or (purpose == ALL and granted):
        near = near_name(purpose, PURPOSES)
        hint = f" Did you mean {near}?" if near and near != purpose else ""
        raise WrongPurpose(
            f"{purpose} can't be {'granted' if granted else 'refused'}.{hint} The purposes are "
            f"{', '.join(PURPOSES)}; all can only be refused."
        )
    customer = nfc(customer)
    row = {
        Col.CUSTOMER_ID.value: customer,
        Col.PURPOSE.value: purpose,
        Col.GRANTED.value: granted,
        Col.AT.value: at,
    }
    with store.writing():
        finish_change(store, memory, progress)
        _stored(store, customer)
        _make(store, CONSENTS, row, memory, progress)


def _make(
    store: GraphStore, table: Table, row: Mapping[str, Any], memory: int, progress: Progress
) -> None:
    """Note a change, then make it."""
    store.require_complete()
    cells = {name: _text(value) for name, value in row.items()}
    save_json(store.state.changing, {"table": table.name, "row": cells})
    finish_change(store, memory, progress)


def finish_change(store: GraphStore, memory: int, progress: Progress) -> None:
    """Make the change that an interrupted command has noted, if there is one.

    Args:
        store: the store, open for writing.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback.
    """
    noted = read_json(store.state.changing)
    if noted is None:
        return
    table = TABLES[noted["table"]]
    row = parsed(table, {name: text for name, text in noted["row"].items() if text is not None})
    for part in table.parts:
        _write(store, part, row)
    if table is CONSENTS:
        _keep(store, noted["row"])
    store.changed()
    snapshot = snapshot_ahead(store, {}, memory=memory, progress=progress)
    withdraw_results(store, snapshot)
    store.state.changing.unlink()


def _write(store: GraphStore, part: Part, row: Mapping[str, Any]) -> None:
    values = {own: row[name] for own, name in part.columns.items()}
    element = part.element
    if not isinstance(element, g.NodeType) or values[element.key] is not None:
        store.write(element, pa.Table.from_pylist([values], schema=element.arrow_schema()))


def _keep(store: GraphStore, row: Mapping[str, str]) -> None:
    """Note an answer that `load --replace consents` must not delete."""
    kept = [each for each in store.meta.answers if each != row]
    store.note(answers=[*kept, dict(row)])


def _stored(store: GraphStore, customer: str) -> dict[str, Any]:
    """The stored row of a customer."""
    values = ", ".join(f"c.`{name}` AS `{name}`" for name in g.CUSTOMER.columns)
    rows = store.query(
        f"MATCH (c:`{g.CUSTOMER.label}` {{`{g.CUSTOMER.key}`: $customer}}) "
        f"OPTIONAL MATCH (c)-[:`{g.LIVES_IN.name}`]->(x:`{g.CITY.label}`) "
        f"RETURN {values}, x.`{g.CITY.key}` AS `{Col.CITY}`",
        {"customer": customer},
    )
    if not rows.num_rows:
        raise UnknownCustomer(customer, store)
    return dict(rows.to_pylist()[0])


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None or isinstance(value, str) else value.isoformat()
