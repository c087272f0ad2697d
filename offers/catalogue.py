"""Which offers are in force, what each covers, and for whom."""

from dataclasses import dataclass
from datetime import datetime

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph import tables as t
from followsuit.graph.facts import PRODUCT, STORE, Facts, Items
from followsuit.graph.snapshot import Snapshot


@dataclass(frozen=True)
class Offer:
    """An offer in force.

    It covers the items that match all of its product, category and brand; one that names only a
    store covers the visit to it; one that names none of these covers every product. With a program
    or an interest it is for those who hold the one and like the other.
    """

    offer_id: str
    items: np.ndarray
    """Codes of the items that it covers, rising."""
    audience: np.ndarray | None
    """(customers,) bool by customer code; None for everybody."""
    value: float
    """Minor units that an acceptance brings, NaN where unknown."""


@dataclass(frozen=True)
class Catalogue:
    """The offers in force at an instant, by id."""

    offers: tuple[Offer, ...]

    def items(self) -> np.ndarray:
        """Codes of the items that any offer covers, rising."""
        return np.unique(np.concatenate([o.items for o in self.offers] or [np.array([], int)]))

    def allows(self, customers: np.ndarray, items: np.ndarray) -> np.ndarray:
        """(pairs,) bool: whether an offer covers the item and is for the customer."""
        allowed = np.zeros(len(items), dtype=bool)
        for offer in self.offers:
            mine = True if offer.audience is None else offer.audience[customers]
            allowed |= np.isin(items, offer.items) & mine
        return allowed


def offers_in_force(facts: Facts, as_of: datetime) -> Catalogue | None:
    """The offers in force at an instant; None where there is no table of offers.

    Without one, each item is its own offer.
    """
    snapshot = facts.snapshot.at(as_of)
    current = current_offers(snapshot)
    if current is None:
        return None
    rows = current.order_by("offer_id").to_pandas()
    members = _members(snapshot)
    offers = []
    for row in rows.astype(object).where(rows.notna(), None).to_dict("records"):
        items = _covered(facts.items, row)
        if len(items):
            value = np.nan if row["value"] is None else float(row["value"])
            offers.append(Offer(row["offer_id"], items, _audience(facts, row, members), value))
    return Catalogue(tuple(offers))


def current_offers(snapshot: Snapshot) -> ir.Table | None:
    """The rows of the table of offers that are active then; None where there is no such table."""
    if t.OFFERS.name not in snapshot.meta.delivered:
        return None
    rows = snapshot.table(t.OFFERS)
    begun = rows.valid_from.isnull() | (rows.valid_from <= snapshot.as_of)
    return rows.filter(begun, rows.valid_until.isnull() | (rows.valid_until > snapshot.as_of))


def _members(snapshot: Snapshot) -> dict[tuple[str, str], pd.Series]:
    """Who holds each program now, and who likes each interest: customer ids."""
    held = snapshot.table(t.MEMBERSHIPS)
    held = held.filter(held.until.isnull() | (held.until > snapshot.as_of)).to_pandas()
    liked = snapshot.table(t.LIKES).to_pandas()
    return {
        **{("program", str(name)): ids for name, ids in held.groupby("program").customer_id},
        **{("interest", str(name)): ids for name, ids in liked.groupby("interest").customer_id},
    }


def _audience(
    facts: Facts, offer: dict[str, str | None], members: dict[tuple[str, str], pd.Series]
) -> np.ndarray | None:
    nobody = pd.Series(dtype=object)
    groups = [
        np.isin(facts.customers, members.get((kind, name), nobody).unique())
        for kind in ("program", "interest")
        if (name := offer[kind]) is not None
    ]
    return np.logical_and.reduce(groups) if groups else None


def _covered(items: Items, offer: dict[str, str | None]) -> np.ndarray:
    product, category, brand = offer["product_id"], offer["category"], offer["brand"]
    if product is category is brand is None:
        if offer["store_id"] is not None:
            return np.flatnonzero((items.kind == STORE) & (items.id == offer["store_id"]))
        return np.flatnonzero(items.kind == PRODUCT)
    covered = np.ones(len(items.id), dtype=bool)
    if product is not None:
        covered &= (items.kind == PRODUCT) & (items.id == product)
    if category is not None:
        covered &= items.category_names(np.arange(len(items.id))) == category
    if brand is not None:
        covered &= items.brand == brand
    return np.flatnonzero(covered)
