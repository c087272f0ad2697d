"""Deletes stored results that may no longer be shown, so that a withdrawal counts on the next read.

A load that changes who may be contacted, who shares activity or what is sensitive calls this module
before it finishes. It deletes from the graph and from the files of every run:
- offers to customers who may not be contacted, and offers of sensitive products
- offers whose reason is a friend who no longer shares, and offers of items without a recent
  interaction of a customer who still shares; all offers to a customer without any reason left
- influence edges of customers who don't share, their ranks and embeddings, and the embeddings of
  sensitive products
- models fitted on customers who no longer share
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from followsuit.core.files import is_readable_parquet, replacing
from followsuit.graph import schema as g
from followsuit.graph.items import PRODUCT, STORE
from followsuit.graph.results.models import ModelStore
from followsuit.graph.results.run_offers import match_files
from followsuit.graph.results.runs import (
    ACTORS,
    DECISIONS,
    DRIVERS,
    OFFERS,
    SHARING,
    run_folder,
    run_folders,
)
from followsuit.graph.schema import Col, RelationshipType
from followsuit.graph.store import GraphStore
from followsuit.graph.views.sensitive import sensitive_items
from followsuit.graph.views.snapshot import Snapshot
from followsuit.graph.views.view import View

_ITEM = ("item_kind", "item_id")
_IDS = {
    DRIVERS: ("friend_id",),
    ACTORS: ("customer_id",),
    SHARING: ("customer_id",),
}
"""Columns of a run's files that name customers whose activity the run uses."""


@dataclass(frozen=True)
class _People:
    """The customers who may be contacted, and those who share activity, as of a run's instant."""

    eligible: ir.Table
    sharing: ir.Table


def withdraw_results(store: GraphStore, snapshot: Snapshot) -> dict[str, int]:
    """Delete the results that a snapshot's consents, ages and sensitive products don't allow.

    Args:
        store: the store of the results, open for writing.
        snapshot: a snapshot of the store's current data.

    Returns:
        The number of deleted `offers`, `influences`, `ranks` and `embeddings`, over all runs.
    """
    with store.state.work_folder() as folder:
        work = _Withdrawal(store, snapshot, folder)
        return {
            "offers": work.offers(),
            "influences": work.influence(),
            "ranks": work.ranks(),
            "embeddings": work.embeddings(),
        }


class _Withdrawal:
    def __init__(self, store: GraphStore, snapshot: Snapshot, folder: Path) -> None:
        self.store = store
        self._snapshot = snapshot
        self._folder = folder
        self._runs: dict[str, dict[str, Any]] = {
            row[Col.RUN_ID]: row for row in store.read(g.RUN).to_pylist()
        }
        self._people: dict[datetime, _People] = {}
        self._readable: dict[Path, bool] = {}
        self._sensitive = sensitive_items(snapshot).cache()

    def offers(self) -> int:
        """Delete offers in the files of all runs, unfinished ones too, then in the graph."""
        for run_id, as_of in run_folders(self.store).items():
            _RunFiles(self, run_id, as_of).withdraw()
        return match_files(self.store)

    def not_sensitive(self, rows: ir.Table) -> ir.Table:
        """Rows with `item_kind`, `item_id`, except those of sensitive products and stores."""
        return rows.anti_join(self._sensitive, _ITEM)

    def disallowed(
        self, offers: ir.Table, customer: str, as_of: datetime, unsupported: list[ir.Table]
    ) -> ir.Table:
        """The offers that may no longer be shown.

        Args:
            offers: rows with `item_kind`, `item_id`.
            customer: the column of customer ids.
            as_of: the instant of the offers' run.
            unsupported: see `_RunFiles.unsupported`.
        """
        eligible = self.people(as_of).eligible.rename({customer: "customer_id"})
        disallowed = offers.anti_join(eligible, customer)
        shown = self.not_sensitive(offers).select(*_ITEM).distinct()
        disallowed = disallowed.union(offers.anti_join(shown, _ITEM))
        for pairs in unsupported:
            known = pairs
            if "customer_id" in pairs.columns and customer != "customer_id":
                known = pairs.rename({customer: "customer_id"})
            disallowed = disallowed.union(offers.semi_join(known, known.columns))
        return disallowed

    def influence(self) -> int:
        """Delete edges of customers who no longer share; returns how many."""
        stored = self._stored(g.INFLUENCES)
        deleted = 0
        for run_id in _run_ids([stored]):
            of_run = stored.filter(stored.run_id == run_id)
            disallowed = of_run
            if run_id in self._runs:
                disallowed = self._not_sharing(of_run, Col.SOURCE, run_id)
                disallowed = disallowed.union(self._not_sharing(of_run, Col.TARGET, run_id))
            keys = disallowed.select(*map(str, g.INFLUENCES.key)).distinct().to_pyarrow()
            if len(keys):
                self.store.delete_rows(g.INFLUENCES, keys)
                deleted += len(keys)
        return deleted

    def ranks(self) -> int:
        """Delete the ranks of customers who no longer share; returns how many."""
        ranked = self.store.read(g.CUSTOMER_RANK)
        ranked = ranked.filter(ranked[Col.RANKED_AS_OF].is_valid())
        if not len(ranked):
            return 0
        rows = ibis.memtable(ranked)
        sharing = self.people(rows.ranked_as_of.max().to_pyarrow().as_py()).sharing
        ids = rows.anti_join(sharing, "customer_id").customer_id.to_pyarrow()
        schema = g.CUSTOMER_RANK.arrow_schema()
        nothing = [pa.nulls(len(ids), field.type) for field in list(schema)[1:]]
        self.store.write(g.CUSTOMER_RANK, pa.table([ids.cast(g.TEXT), *nothing], schema=schema))
        return len(ids)

    def embeddings(self) -> int:
        """Delete embeddings of customers who no longer share and of sensitive items."""
        deleted_keys: list[str] = []
        kinds = {g.PRODUCT_EMBEDDED: PRODUCT, g.STORE_EMBEDDED: STORE}
        for element in (g.CUSTOMER_EMBEDDED, *kinds):
            stored = self._stored(element)
            stored = stored.mutate(run_id=stored[Col.TARGET].split("/")[0])
            for run_id in _run_ids([stored]):
                disallowed = of_run = stored.filter(stored.run_id == run_id)
                if element in kinds:
                    items = self._sensitive.filter(self._sensitive.item_kind == kinds[element])
                    hidden = items.rename({Col.SOURCE.value: "item_id"})
                    disallowed = of_run.semi_join(hidden, Col.SOURCE)
                elif run_id in self._runs:
                    disallowed = self._not_sharing(of_run, Col.SOURCE, run_id)
                deleted_keys += disallowed[Col.TARGET].to_pyarrow().to_pylist()
        self.store.delete(g.EMBEDDING, Col.EMBEDDING_ID, deleted_keys)
        return len(deleted_keys)

    def _not_sharing(self, rows: ir.Table, column: str, run_id: str) -> ir.Table:
        sharing = self.people(self._runs[run_id][Col.AS_OF]).sharing
        return rows.anti_join(sharing.rename({str(column): "customer_id"}), str(column))

    def _stored(self, element: RelationshipType, target: str = Col.TARGET.value) -> ir.Table:
        """All rows of an element, with `target` as the name of its target column."""
        path = self._folder / f"{len(list(self._folder.iterdir()))}.parquet"
        self.store.export(element, path)
        rows = self._snapshot.connection.read_parquet(path)
        return rows if target == Col.TARGET else rows.rename({target: Col.TARGET.value})

    def people(self, as_of: datetime) -> _People:
        """The customers who may be contacted, and those who share activity, as of an instant."""
        if as_of not in self._people:
            rows = View(self._snapshot, as_of).people
            self._people[as_of] = _People(
                rows.filter(rows.blocked_by.isnull()).select("customer_id").cache(),
                rows.filter(rows.shares).select("customer_id").cache(),
            )
        return self._people[as_of]

    def file(self, run_id: str, name: str) -> ir.Table | None:
        """A file of a run; None if it is missing or damaged."""
        path = run_folder(self.store, run_id) / name
        if path not in self._readable:
            self._readable[path] = is_readable_parquet(path)
        return self._snapshot.connection.read_parquet(path) if self._readable[path] else None

    def rewrite(self, run_id: str, name: str, rows: ir.Table, *order: str | ir.Value) -> None:
        """Replace a run's file by these rows."""
        with replacing(run_folder(self.store, run_id) / name) as part:
            rows.order_by(list(order)).to_parquet(part)

    def delete_model(self, run_id: str) -> None:
        """Delete the model that a run uses."""
        ModelStore(self.store.state).delete_of_run(run_id)


class _RunFiles:
    """The files of a run of `score`; those that are missing are skipped."""

    def __init__(self, work: _Withdrawal, run_id: str, as_of: datetime) -> None:
        self._work = work
        self._run_id = run_id
        self._as_of = as_of
        self._withdrawn: ir.Table | None = None
        shared = work.file(run_id, SHARING)
        self._lists_sharing = shared is not None
        if shared is not None:
            withdrawn = shared.anti_join(work.people(as_of).sharing, "customer_id")
            withdrawn = withdrawn.select("customer_id").cache()
            if withdrawn.count().execute():
                self._withdrawn = withdrawn

    @property
    def are_whole(self) -> bool:
        """Whether the files that name customers whose activity the run uses can be read."""
        return all(self._work.file(self._run_id, name) is not None for name in _IDS)

    @cached_property
    def unsupported(self) -> list[ir.Table]:
        """Keys of offers that have lost their support by customers who share.

        Offers whose reason is a withdrawn friend have `customer_id, item_kind, item_id`, or only
        `customer_id` if the reason names no item. Items without an interaction of a customer who
        still shares have `item_kind, item_id`. Customers without any reason left have
        `customer_id`. The result is cached because the files that it is read from are rewritten.
        """
        keys: list[ir.Table] = []
        drivers = self._work.file(self._run_id, DRIVERS)
        if drivers is not None:
            left = drivers
            if self._withdrawn is not None:
                friends = self._withdrawn.rename(friend_id="customer_id")
                by_withdrawn = drivers.semi_join(friends, "friend_id")
                named = by_withdrawn.filter(by_withdrawn.item_id.notnull())
                keys.append(named.select("customer_id", *_ITEM).distinct())
                broad = by_withdrawn.filter(by_withdrawn.item_id.isnull())
                keys.append(broad.select("customer_id").distinct())
                left = drivers.anti_join(friends, "friend_id")
            before, after = (
                self._with_reasons(drivers),
                self._with_reasons(self._work.not_sensitive(left)),
            )
            keys.append(before.anti_join(after, "customer_id"))
        actors = self._work.file(self._run_id, ACTORS)
        if actors is not None and self._withdrawn is not None:
            others = actors.anti_join(self._withdrawn, "customer_id")
            keys.append(actors.anti_join(others, _ITEM).select(*_ITEM).distinct())
        return [rows.cache() for rows in keys]

    def _with_reasons(self, drivers: ir.Table) -> ir.Table:
        """The customers who have a reason that isn't for a blocked item."""
        decisions = self._work.file(self._run_id, DECISIONS)
        if decisions is not None:
            blocked = decisions.filter(decisions.blocked_by.notnull())
            drivers = drivers.anti_join(blocked, ["customer_id", *_ITEM])
        return drivers.select("customer_id").distinct()

    def withdraw(self) -> None:
        """Delete withdrawn customers, and offers that may no longer be shown, from the files."""
        if not self.are_whole:
            # It is unknown whose activity the offers rest on.
            (run_folder(self._work.store, self._run_id) / OFFERS).unlink(missing_ok=True)
        elif (offers := self._work.file(self._run_id, OFFERS)) is not None:
            disallowed = self._work.disallowed(offers, "customer_id", self._as_of, self.unsupported)
            key = ["customer_id", "rank"]
            deleted_keys = disallowed.select(key).distinct()
            if deleted_keys.count().execute():
                self._rewrite(OFFERS, offers.anti_join(deleted_keys, key), *key)
        self._withdraw_decisions()
        if not self._lists_sharing:
            # The run doesn't list the customers that its model was fitted on.
            self._work.delete_model(self._run_id)
        if self._withdrawn is None:
            return
        for name, ids in _IDS.items():
            rows = self._work.file(self._run_id, name)
            if rows is not None:
                for column in ids:
                    named = self._withdrawn.rename({column: "customer_id"})
                    rows = rows.anti_join(named, column)
                self._rewrite(name, rows, *rows.columns)
        self._work.delete_model(self._run_id)

    def _withdraw_decisions(self) -> None:
        """Delete decisions on offers that may no longer be shown."""
        decisions = self._work.file(self._run_id, DECISIONS)
        if decisions is None:
            return
        unblocked = decisions.filter(decisions.blocked_by.isnull())
        key = ["customer_id", *_ITEM]
        disallowed = self._work.disallowed(unblocked, "customer_id", self._as_of, self.unsupported)
        left = unblocked.anti_join(disallowed.select(key).distinct(), key)
        blocked = decisions.filter(decisions.blocked_by.notnull())
        for pairs in self.unsupported:
            blocked = blocked.anti_join(pairs, pairs.columns)
        rows = blocked.union(left).cache()
        if rows.count().execute() < decisions.count().execute():
            order = ("customer_id", "rank", "item_id", "item_kind", "offer_id")
            self._rewrite(DECISIONS, rows, rows.blocked_by.isnull(), *order)

    def _rewrite(self, name: str, rows: ir.Table, *order: str | ir.Value) -> None:
        self._work.rewrite(self._run_id, name, rows, *order)


def _run_ids(tables: Any) -> list[str]:
    run_ids: set[str] = set()
    for table in tables:
        run_ids |= set(table.select("run_id").distinct().run_id.to_pyarrow().to_pylist())
    return sorted(run_ids)
