"""Collects all that is held about a customer, without other customers' data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import is_readable_parquet
from followsuit.core.text import nfc
from followsuit.graph import schema as g
from followsuit.graph.erasure.search import NAMING
from followsuit.graph.schema import Col, RelationshipType
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import FRIENDSHIPS, TABLES
from followsuit.graph.views.snapshot import Snapshot, take_snapshot
from followsuit.loaders.staging.forgotten_rows import naming
from followsuit.policy.contact.sent import noted

Sections = dict[str, pa.Table]
"""Rows by the name of what holds them."""
LISTED_AS = "listed_as"
"""Column of rows about two customers: which of the two this one is."""

_DERIVED = (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE, g.INFLUENCES)


class UnknownCustomer(FollowsuitError):
    """The store holds no such customer."""

    def __init__(self, customer: str, store: GraphStore) -> None:
        super().__init__(f"There is no customer {customer} in {store.name}.")


def held(store: GraphStore, customer: str, memory: int = 2**30) -> Sections:
    """All rows that are about a customer, by table, result and file.

    Rows about two customers say nothing of the other: of a friendship since when, and of an
    influence how strong. Names begin with `derived_` for what followsuit has computed, and with
    `run_` for files of runs.

    Args:
        store: the store.
        customer: the id of the customer.
        memory: limit of the snapshot's DuckDB, in bytes.

    Raises:
        UnknownCustomer: there is no such customer.
        StoreIncomplete: a load is under way or was interrupted.
    """
    customer = nfc(customer)
    snapshot = take_snapshot(store, memory=memory)
    sections = dict(_tables(snapshot, customer))
    if not sections["customers"].num_rows:
        raise UnknownCustomer(customer, store)
    with store.reading():
        sections |= dict(_derived(store, customer))
    sections |= dict(_of_runs(store, customer))
    return {name: rows for name, rows in sections.items() if rows.num_rows or name == "customers"}


def _tables(snapshot: Snapshot, customer: str) -> Iterator[tuple[str, pa.Table]]:
    for table in TABLES.values():
        columns = naming(table)
        if columns:
            rows = snapshot.rows(table)
            named = [rows.filter(rows[column] == customer) for column in columns]
            parts = [each.to_pyarrow().cast(table.arrow_schema()) for each in named]
            if table is FRIENDSHIPS:
                parts = [_one_sided(r, c) for r, c in zip(parts, columns, strict=True)]
            yield table.name, pa.concat_tables(parts)


def _one_sided(rows: pa.Table, column: str) -> pa.Table:
    """Rows about two customers, without either id."""
    own = rows.drop_columns([name for name in NAMING if name in rows.column_names])
    return own.append_column(LISTED_AS, pa.repeat(pa.scalar(column), rows.num_rows))


def _derived(store: GraphStore, customer: str) -> Iterator[tuple[str, pa.Table]]:
    offers = [_related(store, element, customer, "source") for element in _DERIVED[:2]]
    yield "derived_offers", pa.concat_tables(offers)
    influences = [_related(store, g.INFLUENCES, customer, end) for end in ("source", "target")]
    hidden = [rows.drop_columns([Col.TARGET]) for rows in influences]
    yield "derived_influences", pa.concat_tables(hidden)
    for name, node in (("derived_rank", g.CUSTOMER_RANK), ("derived_embeddings", g.EMBEDDING)):
        yield name, _node(store, node, customer)


def _related(store: GraphStore, element: RelationshipType, customer: str, end: str) -> pa.Table:
    """The relationships that begin or end at a customer; `target` is the other end."""
    columns = [
        (Col.TARGET.value, _other(element, end)),
        *((c, f"r.`{c}`") for c in element.columns),
    ]
    returned = ", ".join(f"{value} AS `{name}`" for name, value in columns)
    rows = store.query(
        f"MATCH (s:`{element.source.label}`)-[r:`{element.name}`]->(t:`{element.target.label}`) "
        f"WHERE {end[0]}.`{g.CUSTOMER.key}` = $customer RETURN {returned}",
        {"customer": customer},
    )
    schema = pa.schema([element.arrow_schema().field(name) for name, _ in columns])
    related = pa.Table.from_pylist(rows.to_pylist(), schema=schema)
    return related.append_column(LISTED_AS, pa.repeat(pa.scalar(end), related.num_rows))


def _other(element: RelationshipType, end: str) -> str:
    node, name = (element.target, "t") if end == "source" else (element.source, "s")
    return f"{name}.`{node.key}`"


def _node(store: GraphStore, node: g.NodeType, customer: str) -> pa.Table:
    """The customer's own node, or the embeddings of it."""
    own = node.label == g.CUSTOMER.label
    match = f"(x:`{node.label}` {{`{g.CUSTOMER.key}`: $customer}})"
    if not own:
        owner = f"(:`{g.CUSTOMER.label}` {{`{g.CUSTOMER.key}`: $customer}})"
        match = f"{owner}-[:`{g.CUSTOMER_EMBEDDED.name}`]->(x:`{node.label}`)"
    where = f" WHERE x.`{Col.RANKED_AS_OF}` IS NOT NULL" if own else ""
    returned = ", ".join(f"x.`{name}` AS `{name}`" for name in node.columns)
    rows = store.query(f"MATCH {match}{where} RETURN {returned}", {"customer": customer})
    return pa.Table.from_pylist(rows.to_pylist(), schema=node.arrow_schema())


def _of_runs(store: GraphStore, customer: str) -> Iterator[tuple[str, pa.Table]]:
    """The rows of the files of all runs, by file, with the run's id."""
    of_files: dict[str, list[pa.Table]] = {}
    for path in sorted(store.state.runs.glob("*/*.parquet")):
        if is_readable_parquet(path):
            of_files.setdefault(f"run_{path.stem}", []).extend(_named(path, customer))
    for name, tables in of_files.items():
        yield name, pa.concat_tables(tables, promote_options="permissive")
    notes = noted(store.state)
    own = notes.filter(pc.equal(notes["customer_id"], customer))
    yield "run_activated", own.drop_columns(["customer_id", "inputs"])


def _named(path: Path, customer: str) -> Iterator[pa.Table]:
    """The rows of a run's file that name a customer, without ids of customers.

    What a friend did is the friend's: of the reasons that rest on one, there are only those that
    rest on this customer, each once.
    """
    run: Any = pa.scalar(path.parent.name)
    names = pq.read_schema(path).names
    for column in (name for name in NAMING if name in names):
        asked = pc.field(column) == customer
        if column != Col.FRIEND_ID and Col.FRIEND_ID in names:
            asked &= pc.field(Col.FRIEND_ID).is_null()
        rows = pq.read_table(path, filters=asked, memory_map=False, partitioning=None)
        own = _one_sided(rows, column)
        if column == Col.FRIEND_ID:
            own = own.group_by(own.column_names).aggregate([])
        yield own.append_column(Col.RUN_ID, pa.repeat(run, own.num_rows))
