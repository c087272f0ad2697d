"""Keeps the answers of `consent set` when a delivery replaces the table of consents."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.duck import open_duck
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore


def keep_answers(store: GraphStore, rows: Path, folder: Path, memory: int) -> None:
    """Write the answers again unless the delivery has a later one to the same question.

    Args:
        store: the store, open for writing, with the delivered consents.
        rows: a Parquet file of these, as relationships.
        folder: the folder to spill to.
        memory: limit in bytes.
    """
    answers = store.meta.answers
    if not answers:
        return
    customers = sorted({answer[Col.CUSTOMER_ID] for answer in answers})
    with open_duck(memory, folder, delivered=rows) as db:
        asked = db.from_arrow(pa.table({Col.SOURCE: customers}))
        theirs = db.view("delivered").join(asked, Col.SOURCE)
        ends = f"{Col.SOURCE}, {Col.TARGET}"
        delivered = theirs.aggregate(f'{ends}, max("{Col.AT}")', ends).fetchall()
    latest = {(source, purpose): at for source, purpose, at in delivered}
    known = store.query(
        f"MATCH (c:`{g.CUSTOMER.label}`) WHERE c.`{g.CUSTOMER.key}` IN $customers "
        f"RETURN c.`{g.CUSTOMER.key}` AS id",
        {"customers": customers},
    )["id"].to_pylist()
    kept = []
    for answer in answers:
        customer, purpose = answer[Col.CUSTOMER_ID], answer[Col.PURPOSE]
        at, later = datetime.fromisoformat(answer[Col.AT]), latest.get((customer, purpose))
        if customer in known and (later is None or later <= at):
            granted = answer[Col.GRANTED] == "true"
            kept.append(
                {Col.SOURCE: customer, Col.TARGET: purpose, Col.GRANTED: granted, Col.AT: at}
            )
    store.write(g.CONSENTED, pa.Table.from_pylist(kept, schema=g.CONSENTED.arrow_schema()))
