"""Deletes stored results that may no longer be shown: a withdrawal holds from the next read on.

A load that changes who may be contacted, who shares their activity or what is sensitive calls this
before it ends. From the graph and from the files of every run go

- offers to customers who may not be contacted, and offers of sensitive products
- offers that a friend who no longer shares brought up, and offers of items that nobody who still
  shares has lately interacted with
- influence edges of customers who don't share, their ranks and their embeddings, and the embeddings
  of sensitive products
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph import tables as t
from followsuit.graph.people import people
from followsuit.graph.runs import (
    ACTORS,
    DRIVERS,
    OFFERS,
    SHARING,
    SUPPRESSED,
    TASTE,
    TIES,
    run_folder,
)
from followsuit.graph.schema import Col, RelationshipType
from followsuit.graph.snapshot import Snapshot
from followsuit.graph.store import GraphStore

_ITEM = ("item_kind", "item_id")
_IDS = {
    DRIVERS: ("friend_id",),
    ACTORS: ("customer_id",),
    TIES: ("customer_id", "friend_id"),
    SHARING: ("customer_id",),
}
"""Columns of a run's files that name customers whose activity the run uses."""
_OFFER = (Col.SOURCE.value, Col.RUN_ID.value, Col.RANK.value)


@dataclass(frozen=True)
class _Then:
    """Who may be contacted and who shares, as of a run's instant: tables of `customer_id`."""

    eligible: ir.Table
    sharing: ir.Table


def withdraw_results(store: GraphStore, snapshot: Snapshot) -> int:
    """Delete the results that a snapshot's consents, ages and sensitive products don't allow.

    Args:
        store: whose results; held for writing.
        snapshot: of the store's present data.

    Returns:
        How many rows of the graph were deleted or emptied.
    """
    with tempfile.TemporaryDirectory(dir=store.state, prefix="work-") as folder:
        work = _Withdrawal(store, snapshot, Path(folder))
        return work.offers() + work.influence() + work.ranks() + work.embeddings()


class _Withdrawal:
    def __init__(self, store: GraphStore, snapshot: Snapshot, folder: Path) -> None:
        self._store = store
        self._snapshot = snapshot
        self._folder = folder
        self._runs: dict[str, dict[str, Any]] = {
            row[Col.RUN_ID]: row for row in store.read(g.RUN).to_pylist()
        }
        self._opened: dict[str, _RunFiles] = {}
        products = snapshot.table(t.PRODUCTS)
        hidden = products.filter(products.sensitive.fill_null(False))
        self._sensitive = hidden.select(item_id=hidden.product_id)

    def offers(self) -> int:
        """Offers, and the files of their runs."""
        rows = {
            element: self._stored(element, Col.ITEM_ID.value)
            for element in (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE)
        }
        gone = sum(self._offers_of(run_id, rows) for run_id in _run_ids(rows.values()))
        for run_id in self._runs:
            self._files(run_id).forget()
        return gone

    def _offers_of(self, run_id: str, rows: dict[RelationshipType, ir.Table]) -> int:
        sources = pa.table({Col.SOURCE: pa.array([], g.TEXT)})
        deleted = 0
        for element, stored in rows.items():
            mine = stored.filter(stored.run_id == run_id)
            keys = self._unfit(run_id, mine).select(*_OFFER).distinct().to_pyarrow()
            if len(keys):
                self._store.delete_rows(element, keys)
                self._files(run_id).drop_offers(keys)
                deleted += len(keys)
                mine = mine.anti_join(ibis.memtable(keys), _OFFER)
            kept = mine.select(Col.SOURCE).to_pyarrow().cast(sources.schema)
            sources = pa.concat_tables([sources, kept])
        if deleted and run_id in self._runs:
            self._count(run_id, sources)
        return deleted

    def _unfit(self, run_id: str, mine: ir.Table) -> ir.Table:
        """A run's offers that may no longer be shown."""
        if run_id not in self._runs:  # left behind by a run that was interrupted
            return mine
        eligible = self._then(self._runs[run_id][Col.AS_OF]).eligible
        unfit = mine.anti_join(eligible, mine.source == eligible.customer_id)
        sensitive = mine.filter(mine.item_kind == "product").semi_join(self._sensitive, "item_id")
        unfit = unfit.union(sensitive)
        kept_of = json.loads(self._runs[run_id][Col.PARAMETERS]).get("kept", ())
        for made_by in (run_id, *(part["run_id"] for part in kept_of)):
            for keys, pairs in self._files(made_by).unsupported():
                known = pairs.rename(source="customer_id") if "customer_id" in keys else pairs
                unfit = unfit.union(mine.semi_join(known, known.columns))
        return unfit

    def _files(self, run_id: str) -> "_RunFiles":
        if run_id not in self._opened:
            run = self._runs.get(run_id)
            sharing = self._then(run[Col.AS_OF]).sharing if run else None
            folder = run_folder(self._store, run_id)
            self._opened[run_id] = _RunFiles(self._snapshot, folder, sharing)
        return self._opened[run_id]

    def _count(self, run_id: str, left: pa.Table) -> None:
        """Write how many offers a run has left."""
        row = self._runs[run_id] | {
            Col.OFFERS.value: len(left),
            Col.CUSTOMERS.value: len(left[Col.SOURCE].unique()),
        }
        self._store.write(g.RUN, pa.Table.from_pylist([row], schema=g.RUN.arrow_schema()))

    def influence(self) -> int:
        """Edges of which an end no longer shares."""
        stored = self._stored(g.INFLUENCES)
        gone = 0
        for run_id in _run_ids([stored]):
            mine = stored.filter(stored.run_id == run_id)
            unfit = mine
            if run_id in self._runs:
                sharing = self._then(self._runs[run_id][Col.AS_OF]).sharing
                ends = [mine[end] for end in (Col.SOURCE, Col.TARGET)]
                unfit = mine.anti_join(sharing, ends[0] == sharing.customer_id).union(
                    mine.anti_join(sharing, ends[1] == sharing.customer_id)
                )
            keys = unfit.select(*map(str, g.INFLUENCES.key)).distinct().to_pyarrow()
            self._store.delete_rows(g.INFLUENCES, keys)
            gone += len(keys)
        return gone

    def ranks(self) -> int:
        """What `influence rank` has written to customers who no longer share."""
        ranked = self._store.read(g.CUSTOMER_RANK)
        ranked = ranked.filter(ranked[Col.RANKED_AS_OF].is_valid())
        if not len(ranked):
            return 0
        rows = ibis.memtable(ranked)
        sharing = self._then(rows.ranked_as_of.max().to_pyarrow().as_py()).sharing
        ids = rows.anti_join(sharing, "customer_id").customer_id.to_pyarrow()
        schema = g.CUSTOMER_RANK.arrow_schema()
        nothing = [pa.nulls(len(ids), field.type) for field in list(schema)[1:]]
        self._store.write(g.CUSTOMER_RANK, pa.table([ids.cast(g.TEXT), *nothing], schema=schema))
        return len(ids)

    def embeddings(self) -> int:
        """Those of customers who no longer share, and of sensitive products."""
        gone: list[str] = []
        for element in (g.CUSTOMER_EMBEDDED, g.PRODUCT_EMBEDDED):
            stored = self._stored(element)
            stored = stored.mutate(run_id=stored[Col.TARGET].split("/")[0])
            for run_id in _run_ids([stored]):
                mine = stored.filter(stored.run_id == run_id)
                if element is g.PRODUCT_EMBEDDED:
                    unfit = mine.semi_join(self._sensitive, mine.source == self._sensitive.item_id)
                elif run_id in self._runs:
                    sharing = self._then(self._runs[run_id][Col.AS_OF]).sharing
                    unfit = mine.anti_join(sharing, mine.source == sharing.customer_id)
                else:
                    unfit = mine
                gone += unfit[Col.TARGET].to_pyarrow().to_pylist()
        self._store.delete(g.EMBEDDING, Col.EMBEDDING_ID, gone)
        return len(gone)

    def _stored(self, element: RelationshipType, target: str = Col.TARGET.value) -> ir.Table:
        """All rows of an element; its target under another name where that is given."""
        path = self._folder / f"{len(list(self._folder.iterdir()))}.parquet"
        self._store.export(element, path)
        rows = self._snapshot.connection.read_parquet(path)
        return rows if target == Col.TARGET else rows.rename({target: Col.TARGET.value})

    def _then(self, as_of: datetime) -> _Then:
        rows = people(self._snapshot.at(as_of), self._snapshot.meta.assume_consent)
        return _Then(
            rows.filter(rows.barrier.isnull()).select("customer_id").cache(),
            rows.filter(rows.shares).select("customer_id").cache(),
        )


class _RunFiles:
    """The files of a run of `score`; those that are missing say nothing."""

    def __init__(self, snapshot: Snapshot, folder: Path, sharing: ir.Table | None) -> None:
        self._connection = snapshot.connection
        self._folder = folder
        self._withdrawn: ir.Table | None = None
        shared = self._table(SHARING)
        if shared is not None and sharing is not None:
            withdrawn = shared.anti_join(sharing, "customer_id").select("customer_id").cache()
            if withdrawn.count().execute():
                self._withdrawn = withdrawn

    def unsupported(self) -> Iterator[tuple[list[str], ir.Table]]:
        """Key columns and keys of what was brought up by customers who no longer share."""
        if self._withdrawn is None:
            return
        if (drivers := self._table(DRIVERS)) is not None:
            friends = self._withdrawn.select(friend_id="customer_id")
            columns = ["customer_id", *_ITEM]
            yield columns, drivers.semi_join(friends, "friend_id").select(columns).distinct()
        if (actors := self._table(ACTORS)) is not None:
            left = actors.anti_join(self._withdrawn, "customer_id")
            columns = list(_ITEM)
            yield columns, actors.anti_join(left, columns).select(columns).distinct()

    def drop_offers(self, keys: pa.Table) -> None:
        """Take offers out of the run's file; `keys` has `source` and `rank`."""
        offers = self._table(OFFERS)
        if offers is not None and len(keys):
            gone = ibis.memtable(keys).select("rank", customer_id=Col.SOURCE)
            key = ("customer_id", "rank")
            self._rewrite(OFFERS, offers.anti_join(gone, key), *key)

    def forget(self) -> None:
        """Take customers who no longer share out of the files that say what others did."""
        if self._withdrawn is None:
            return
        for columns, pairs in list(self.unsupported()):
            if (suppressed := self._table(SUPPRESSED)) is not None:
                self._rewrite(SUPPRESSED, suppressed.anti_join(pairs, columns), *suppressed.columns)
        for name, ids in _IDS.items():
            rows = self._table(name)
            if rows is not None:
                for column in ids:
                    named = self._withdrawn.rename({column: "customer_id"})
                    rows = rows.anti_join(named, column)
                self._rewrite(name, rows, *rows.columns)
        shutil.rmtree(self._folder / TASTE, ignore_errors=True)

    def _table(self, name: str) -> ir.Table | None:
        path = self._folder / name
        return self._connection.read_parquet(path) if path.exists() else None

    def _rewrite(self, name: str, rows: ir.Table, *order: str) -> None:
        part = self._folder / f"{name}.part"
        rows.order_by(list(order)).to_parquet(part)
        part.replace(self._folder / name)


def _run_ids(tables: Any) -> list[str]:
    found: set[str] = set()
    for table in tables:
        found |= set(table.select("run_id").distinct().run_id.to_pyarrow().to_pylist())
    return sorted(found)
