"""One offer as the files of a hand-off show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.views.view import View

_MOMENT = timedelta(microseconds=1)
_UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer to a customer. Each list names attributes as its columns."""

    customer_id: str
    name: str | None
    """Of the customer."""
    email: str | None
    phone: str | None
    city: str | None
    refused_channels: str | None
    """The channels that the customer has refused, separated by blanks."""
    offer_id: str
    offer_name: str
    item_id: str
    item_name: str
    price: str | None
    """Of the item, in major units of money; None if unknown, and for stores."""
    reason: str
    stores: str
    """The names of the stores where it can be redeemed, separated by `; `; empty for any store."""
    send_after: datetime | None
    """The earliest time to send it, in UTC; None for at once."""
    until: datetime | None
    """When its reason or the offer ends, in UTC; None for no end."""
    timezone: str | None
    """Of the customer."""
    currency: str
    """The currency of prices; empty if unknown."""

    @property
    def money(self) -> str:
        """The price with its currency; empty if unknown."""
        return f"{self.price} {self.currency}".strip() if self.price else ""

    @property
    def last_day(self) -> str:
        """The customer's last day on which the offer holds; empty for no end."""
        if self.until is None:
            return ""
        return (self.until - _MOMENT).astimezone(_zone(self.timezone)).date().isoformat()


class Reader:
    """Reads offers from rows.

    Args:
        view: the view as of the hand-off.
    """

    def __init__(self, view: View) -> None:
        self._currency = _currency(view)
        stores = view.table(t.STORES).select("store_id", "name").to_pyarrow().to_pylist()
        self._stores = {row["store_id"]: row["name"] for row in stores if row["name"]}

    def read(self, row: Mapping[str, Any]) -> Offer:
        """The offer of a row of `checked`."""
        same = {name: row[name] for name in _SAME}
        price = row["price"]
        return Offer(
            **same,
            price=None if price is None else f"{Decimal(price).scaleb(-2):.2f}",
            stores="; ".join(self._stores.get(store, store) for store in row["store_ids"] or ()),
            currency=self._currency,
        )


_SAME = [name for name in Offer.__slots__ if name not in ("price", "stores", "currency")]
"""The attributes that are columns of `checked`."""


def best_hour(after: datetime, timezone: str | None) -> str:
    """The hour of a time on the customer's clock, in UTC if the customer's time zone is unknown."""
    zone = _zone(timezone)
    return f"{after.astimezone(zone):%H:%M} {zone.key}"


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or _UTC)
    except (OSError, ValueError, KeyError):  # Not a time zone.
        return ZoneInfo(_UTC)


def _currency(view: View) -> str:
    """The currency of most purchases."""
    purchases = view.table(t.PURCHASES)
    known: ir.Table = purchases.filter(purchases.currency.notnull())
    counts = known.group_by("currency").aggregate(n=known.count())
    first = counts.order_by(counts.n.desc(), "currency").limit(1).to_pyarrow()["currency"]
    return str(first[0]) if len(first) else ""
