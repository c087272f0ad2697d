"""What reasons offer, and who did it within the horizon after a day, or had done it before."""

from collections.abc import Sequence
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.core.errors import FollowsuitError
from followsuit.core.near_names import near_name
from followsuit.graph import tables as t
from followsuit.graph.items import ITEM, PRODUCT, STORE
from followsuit.graph.views.view import View
from followsuit.triggers.compiler.interactions import Interactions
from followsuit.triggers.definitions.kinds import RESERVED, event_kind
from followsuit.triggers.report.comparison import Pairs

OFFERED = "offered"
"""The outcome that a customer buys or visits what the reason offers."""

_TARGET = [*ITEM, "category", "brand", "store_ids"]
_STORE = "store_id"
_DEED = ["customer_id", "at", *ITEM, "category", "brand", _STORE]


class UnknownOutcome(FollowsuitError):
    """The store has no interactions of this kind."""


def check_outcomes(view: View, outcomes: Sequence[str]) -> None:
    """Check that the store knows the kinds of all outcomes.

    Args:
        view: the store as of any day; events of all days count.
        outcomes: `offered`, a reserved kind such as `purchase`, or an event kind.

    Raises:
        UnknownOutcome: there are no events of a kind.
    """
    known = [OFFERED, *RESERVED, *sorted(view.event_kinds)]
    for outcome in outcomes:
        if outcome not in (OFFERED, *RESERVED) and event_kind(outcome) not in view.event_kinds:
            near = near_name(outcome, known)
            hint = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
            raise UnknownOutcome(f"The store has no events of kind {outcome}. {hint}")


def did(view: View, members: ir.Table, outcome: str, horizon: timedelta) -> Pairs:
    """Who did something of a kind within the horizon; the target is 0.

    Args:
        view: the view as of the day.
        members: see `cohort`.
        outcome: a reserved kind or an event kind.
        horizon: length of the horizon.
    """
    rows = view.after(Interactions(view.at(view.as_of + horizon), outcome).rows, horizon)
    codes = members.semi_join(rows, "customer_id").customer.to_pyarrow().to_numpy()
    return Pairs(codes, np.zeros(len(codes), dtype=np.int64))


class Targets:
    """What the reasons of a trigger are offers of: distinct items, or what an item must be.

    Args:
        view: the view as of the day.
        deeds: see `deeds`.
        members: see `cohort`.
        reasons: reasons of one trigger, in the columns of `REASONS`.
        items: see `Trigger.items`.

    Attributes:
        cases: the customers and targets of the reasons of members, each once.
        reasons: the number of reasons of members.
    """

    def __init__(
        self,
        view: View,
        deeds: ir.Table,
        members: ir.Table,
        reasons: ir.Table,
        items: ir.Table | None,
    ) -> None:
        self._view, self._deeds, self._members, self._items = view, deeds, members, items
        rows = reasons.inner_join(members, "customer_id")
        stores = rows.store_ids.join("\n").name("store_ids")
        columns = [name for name in _TARGET if name != "store_ids"]
        frame = rows.select("customer", "stratum", *columns, stores).to_pandas()
        self.reasons = len(frame)
        frame = frame.drop_duplicates(ignore_index=True)
        frame["target"] = frame.groupby(_TARGET, dropna=False, sort=True).ngroup()
        self._cells = frame[["stratum", "target"]].drop_duplicates(ignore_index=True)
        self._targets = frame[["target", *_TARGET]].drop_duplicates("target", ignore_index=True)
        self.cases = Pairs(frame.customer.to_numpy(np.int64), frame.target.to_numpy(np.int64))

    def did(self, horizon: timedelta) -> Pairs:
        """Which members bought or visited which target within the horizon."""
        return self._pairs(self._view.after(self._deeds, horizon))

    def before(self) -> Pairs:
        """Which members had bought or visited which target before.

        Targets that any item fulfils aren't in it, because nearly everybody has bought something.
        """
        return self._pairs(self._view.until(self._deeds), any_item=False)

    def _pairs(self, deeds: ir.Table, *, any_item: bool = True) -> Pairs:
        parts = []
        if not len(self._targets):
            return Pairs(_NONE, _NONE)
        named = self._targets.notna()
        shape = named[["item_id", "category", "brand", "store_ids"]].apply(tuple, axis=1)
        for columns, targets in self._targets.groupby(shape):
            if any(columns) or self._items is not None or any_item:
                parts.append(self._of_members(self._matching(deeds, targets, columns)))
        parts.append(Pairs(_NONE, _NONE))
        return Pairs(*(np.concatenate(codes) for codes in zip(*parts, strict=True)))

    def _matching(
        self, deeds: ir.Table, targets: pd.DataFrame, shape: tuple[bool, ...]
    ) -> ir.Table:
        """`customer_id, target` of what fulfils some targets that name the same columns."""
        item, category, brand, stores = shape
        key = [*(ITEM if item else ())]
        key += [n for n, has in (("category", category), ("brand", brand)) if has]
        frame = targets[["target", *key]]
        if stores:
            frame = frame.assign(**{_STORE: targets.store_ids.str.split("\n")}).explode(_STORE)
            key.append(_STORE)
        if not item and self._items is not None:
            deeds = deeds.semi_join(self._items, list(ITEM))
        types = {"target": "int64", **dict.fromkeys(key, "string")}
        wanted = ibis.memtable(frame.reset_index(drop=True), schema=types)
        if not key:
            if self._items is None:
                deeds = deeds.filter(deeds.item_kind == self._any_kind())
            rows = deeds.select("customer_id").distinct().cross_join(wanted)
        else:
            rows = deeds.inner_join(wanted, key)
        return rows.select("customer_id", "target").distinct()

    def _any_kind(self) -> str:
        """What counts for a reason to offer any item: purchases, or visits if there are none."""
        purchases = self._view.snapshot.rows(t.PURCHASES)
        return PRODUCT if purchases.limit(1).count().execute() else STORE

    def _of_members(self, rows: ir.Table) -> Pairs:
        """The pairs of members, of targets that somebody in their stratum has a reason for."""
        cells = ibis.memtable(self._cells, schema={"stratum": "int64", "target": "int64"})
        rows = rows.inner_join(self._members, "customer_id")
        rows = rows.semi_join(cells, ["stratum", "target"])
        table = rows.select("customer", "target").to_pyarrow()
        return Pairs(*(table[name].to_numpy().astype(np.int64) for name in table.column_names))


_NONE = np.zeros(0, dtype=np.int64)


def deeds(view: View) -> ir.Table:
    """Purchases and visits up to a view's instant, by what a reason may offer.

    A purchase is one of its product, and of its store; a visit is one of its store.

    Returns:
        `customer_id, at, item_kind, item_id, category, brand, store_id`. Drop it after use, see
        `Snapshot.drop`.
    """
    products = view.table(t.PRODUCTS).select("product_id", "category", "brand")
    stores = view.stores.select("store_id", "category")
    purchases, visits = view.interactions_in(t.PURCHASES), view.interactions_in(t.VISITS)
    bought = purchases.select("customer_id", "at", "product_id", _STORE)
    bought = bought.left_join(products, "product_id").mutate(
        item_kind=ibis.literal(PRODUCT), item_id=ibis._.product_id
    )
    at_stores = ibis.union(
        purchases.filter(purchases.store_id.notnull()).select("customer_id", "at", _STORE),
        visits.select("customer_id", "at", _STORE),
    )
    visited = at_stores.left_join(stores, _STORE).mutate(
        item_kind=ibis.literal(STORE), item_id=ibis._.store_id, brand=ibis.null(str)
    )
    return view.snapshot.keep(ibis.union(*(rows.select(*_DEED) for rows in (bought, visited))))
