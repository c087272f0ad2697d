"""The list of calls: one for each customer, with what to talk about."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from followsuit.offers.handoff.csv_text import csv_line
from followsuit.offers.handoff.offer import Offer, best_hour

COLUMNS = ("name", "phone", "best_hour", "talking_points", "customer_id", "offer_ids")
"""Columns of the file.

- `best_hour`: the hour on the customer's clock after which all the offers may be made; empty for
  any hour
- `talking_points`: a line for each offer: offer, item, price, reason, stores and last day
- `offer_ids`: separated by blanks
"""


def calls(offers: Iterable[Offer]) -> Iterator[str]:
    """The lines of the file, from offers sorted by customer."""
    yield csv_line(COLUMNS)
    for customer_id, rows in groupby(offers, lambda offer: offer.customer_id):
        own = list(rows)
        after = max((o.send_after for o in own if o.send_after is not None), default=None)
        yield csv_line(
            [
                own[0].name,
                own[0].phone,
                None if after is None else best_hour(after, own[0].timezone),
                "\n".join(map(_talking_point, own)),
                customer_id,
                " ".join(offer.offer_id for offer in own),
            ]
        )


def _talking_point(offer: Offer) -> str:
    what = [offer.offer_name]
    if offer.item_name != offer.offer_name:
        what.append(offer.item_name)
    if offer.price:
        what.append(offer.money)
    line = f"{', '.join(what)}: {offer.reason}"
    if offer.stores:
        line += f"; at {offer.stores.replace('; ', ', ')}"
    return f"{line}; until {offer.last_day}" if offer.until else line
