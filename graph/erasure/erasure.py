"""Erases customers from a store's graph, and counts the rows that name them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.erasure.search import Searched, Wanted
from followsuit.graph.results.runs import CUSTOMERS
from followsuit.graph.schema import Col, Element, NodeType, RelationshipType
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import OFFERS, PRODUCTS, STORES

_BATCH = 10_000
"""Parameter of runs, and of the runs whose offers they keep: ids of customers."""
_VALUES = (g.CITY, g.INTEREST, g.PROGRAM, g.PURPOSE)
"""Labels of single values that customers' rows fill."""
_REFERRED = {PRODUCTS.name: g.PRODUCT, STORES.name: g.STORE, OFFERS.name: g.OFFER}
"""Labels whose nodes are made from references if the table isn't delivered."""
_REFERENCES = (Col.PRODUCT_ID, Col.STORE_ID, Col.OFFER_ID)


def erase(store: GraphStore, ids: Sequence[str]) -> None:
    """Delete customers and all that is theirs, and start a new revision.

    Their relationships, events and embeddings go with them, and so do cities, interests and
    programs that nobody else has. Repeating it does no harm.

    Args:
        store: the store, open for writing.
        ids: the customers.
    """
    for batch in _batches(ids):
        store.delete(g.EVENT, Col.EVENT_ID, _events(store, batch))
        store.delete(g.EMBEDDING, Col.EMBEDDING_ID, _embeddings(store, batch))
        store.delete(g.CUSTOMER, Col.CUSTOMER_ID, batch)
    _delete_unused(store)
    _erase_from_runs(store, set(ids))
    meta, gone = store.meta, set(ids)
    store.note(
        blocked_customers=[each for each in meta.blocked_customers if each not in gone],
        answers=[row for row in meta.answers if row[Col.CUSTOMER_ID] not in gone],
    )
    store.changed()


def mentions(store: GraphStore, wanted: Wanted) -> Searched:
    """Count what names customers: rows of the graph, runs, notes, and bytes of the store's file.

    A server's files are out of reach.

    Args:
        store: the store.
        wanted: the customers.
    """
    ids = set(wanted.ids)
    files = store.files
    with store.reading():
        answered = [row[Col.CUSTOMER_ID] for row in store.meta.answers]
        noted = [*store.meta.blocked_customers, *answered]
        n = sum(each in ids for each in noted) + len(_named_in_runs(store, ids))
        for batch in _batches(wanted.ids):
            n += len(_events(store, batch)) + len(_embeddings(store, batch))
            n += sum(_count(store, element, batch) for element in (g.CUSTOMER, *g.RELATIONSHIPS))
    return Searched("graph", len(files), n + sum(wanted.raw(file) for file in files))


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _BATCH):
        yield list(ids[start : start + _BATCH])


def _count(store: GraphStore, element: Element, ids: list[str]) -> int:
    """How many nodes or relationships name the customers, by either end."""
    if isinstance(element, NodeType):
        return _one(store, f"(x:`{element.label}` {{`{element.key}`: id}})", ids)
    ends = {"s": element.source, "t": element.target}
    n = 0
    for end, node in ends.items():
        if node == g.CUSTOMER:
            s, t = (f"({name}:`{each.label}`)" for name, each in ends.items())
            own = f"({end}:`{node.label}` {{`{node.key}`: id}})"
            s, t = (own, t) if end == "s" else (s, own)
            n += _one(store, f"{s}-[x:`{element.name}`]->{t}", ids)
    return n


def _one(store: GraphStore, pattern: str, ids: list[str]) -> int:
    cypher = f"UNWIND $ids AS id MATCH {pattern} RETURN count(x) AS n"
    return int(store.query(cypher, {"ids": ids})["n"][0].as_py())


def _events(store: GraphStore, ids: list[str]) -> list[str]:
    rows = store.query(
        f"UNWIND $ids AS id MATCH (c:`{g.CUSTOMER.label}` {{`{g.CUSTOMER.key}`: id}})"
        f"-[:`{g.DID.name}`]->(e:`{g.EVENT.label}`) RETURN e.`{g.EVENT.key}` AS id",
        {"ids": ids},
    )
    return [str(each) for each in rows["id"].to_pylist()]


def _embeddings(store: GraphStore, ids: list[str]) -> list[str]:
    rows = store.query(
        f"UNWIND $ids AS id MATCH (c:`{g.CUSTOMER.label}` {{`{g.CUSTOMER.key}`: id}})"
        f"-[:`{g.CUSTOMER_EMBEDDED.name}`]->(e:`{g.EMBEDDING.label}`) "
        f"RETURN e.`{g.EMBEDDING.key}` AS id",
        {"ids": ids},
    )
    return [str(each) for each in rows["id"].to_pylist()]


def _delete_unused(store: GraphStore) -> None:
    """Delete values, and nodes made from references, that no row names any more."""
    made = [node for name, node in _REFERRED.items() if name not in store.meta.delivered]
    for node in (*_VALUES, *made):
        unused = _keys(store, node)
        for element in g.EVERYTHING if unused else ():
            unused -= _referred_to(store, element, node)
        store.delete(node, node.key, sorted(unused))


def _keys(store: GraphStore, node: NodeType) -> set[str]:
    return _distinct(store, f"MATCH (x:`{node.label}`) RETURN DISTINCT x.`{node.key}` AS id")


def _referred_to(store: GraphStore, element: Element, node: NodeType) -> set[str]:
    """The keys of a label that rows of an element name."""
    keys: set[str] = set()
    pattern = f"(x:`{element.name}`)"
    if isinstance(element, RelationshipType):
        ends = {"s": element.source, "t": element.target}
        pattern = f"(s:`{element.source.label}`)-[x:`{element.name}`]->(t:`{element.target.label}`)"
        for end, label in ends.items():
            if label == node:
                keys |= _distinct(
                    store, f"MATCH {pattern} RETURN DISTINCT {end}.`{node.key}` AS id"
                )
    if node.key in element.columns and node.key in _REFERENCES and element.name != node.name:
        keys |= _distinct(store, f"MATCH {pattern} RETURN DISTINCT x.`{node.key}` AS id")
    return keys


def _distinct(store: GraphStore, cypher: str) -> set[str]:
    return {str(each) for each in store.query(cypher)["id"].to_pylist() if each is not None}


def _named_in_runs(store: GraphStore, ids: set[str]) -> list[dict[str, Any]]:
    """The runs whose parameters name one of the customers."""
    return [
        row
        for row in store.read(g.RUN).to_pylist()
        if _without(json.loads(row[Col.PARAMETERS]), ids) != json.loads(row[Col.PARAMETERS])
    ]


def _erase_from_runs(store: GraphStore, ids: set[str]) -> None:
    for row in _named_in_runs(store, ids):
        parameters = _without(json.loads(row[Col.PARAMETERS]), ids)
        changed = row | {Col.PARAMETERS.value: json.dumps(parameters, sort_keys=True)}
        store.write(g.RUN, pa.Table.from_pylist([changed], schema=g.RUN.arrow_schema()))


def _without(value: Any, ids: set[str]) -> Any:
    """Parameters of a run without these customers."""
    if isinstance(value, list):
        return [_without(each, ids) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, each in value.items():
        if name == CUSTOMERS and isinstance(each, list):
            kept[name] = [customer for customer in each if customer not in ids]
        else:
            kept[name] = _without(each, ids)
    return kept
