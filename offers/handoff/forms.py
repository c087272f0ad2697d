"""The form of each channel's file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from followsuit.offers.handoff.calls import calls
from followsuit.offers.handoff.coupons import coupons
from followsuit.offers.handoff.csv_text import csv_line, csv_lines
from followsuit.offers.handoff.offer import Offer
from followsuit.offers.handoff.sms import sms_text

_OFFER = (
    "offer_id",
    "offer_name",
    "item_id",
    "item_name",
    "price",
    "reason",
    "stores",
    "send_after",
    "until",
)
ASSOCIATE = "associate"
FOLDER = "associate"
"""The folder of the lists for associates, one for each store."""
ANY_STORE = "any"
"""The name of the list of customers who have no store."""
DROPPED = "dropped.csv"


@dataclass(frozen=True)
class Form:
    """The form of a file.

    Attributes:
        file: its name.
        text: makes its text, in parts, from offers sorted by customer and rank.
        address: the attribute of `Offer` that the channel can't do without; None for none.
    """

    file: str
    text: Callable[[Iterable[Offer]], Iterable[str]]
    address: str | None = None


def _list(file: str, *columns: str, address: str | None = None) -> Form:
    """A list of offers: what the channel needs to know of the customer, then the offer."""
    return Form(file, partial(csv_lines, ("customer_id", *columns, *_OFFER)), address)


def _sms(offers: Iterable[Offer]) -> Iterator[str]:
    yield csv_line(("phone", "text", "send_after", "until", "customer_id", "offer_id"))
    for o in offers:
        yield csv_line((o.phone, sms_text(o), o.send_after, o.until, o.customer_id, o.offer_id))


FORMS: dict[str | None, Form] = {
    "push": _list("push.csv"),
    "app": _list("app.csv"),
    "email": _list("mailing-email.csv", "name", "email", address="email"),
    "sms": Form("sms.csv", _sms, "phone"),
    "whatsapp": _list("whatsapp.csv", "name", "phone", address="phone"),
    "web": _list("web.csv"),
    "social": _list("social.csv"),
    "coupon": Form("coupons.html", coupons),
    "phone": Form("calls.csv", calls, "phone"),
    ASSOCIATE: _list("associate/STORE_ID.csv", "name"),
    "community": _list("community.csv", "name"),
    "post": _list("mailing-post.csv", "name", "city"),
    None: _list("any-channel.csv", "name", "refused_channels"),
}
"""The file of each channel; None is for offers to customers who agreed to contact in general.

Associates have a file of this form for each store.
"""
