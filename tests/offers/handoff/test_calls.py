"""The list of calls has one row for each customer."""

import csv
from datetime import UTC, datetime

from support.handed import an_offer

from followsuit.offers.handoff.calls import COLUMNS, calls

EIGHT, TEN = (datetime(2025, 1, 10, hour, tzinfo=UTC) for hour in (8, 10))


def test_a_customer_is_called_once_about_all_offers_when_all_may_be_made() -> None:
    berlin = {"timezone": "Europe/Berlin"}
    offers = [
        an_offer(send_after=TEN, stores="Kiosk; Pier", until=EIGHT, **berlin),
        an_offer(offer_id="o2", offer_name="Jam", item_name="Jam", price=None, send_after=EIGHT),
        an_offer(customer_id="c2", name=None, offer_id="o1"),
    ]
    header, ann, other = csv.reader("".join(calls(offers)).splitlines(keepends=True))
    assert tuple(header) == COLUMNS
    assert ann == [
        "Ann Weber",
        "+49 30 555 1",
        "11:00 Europe/Berlin",
        "Tea week, Darjeeling, 4.50 EUR: popular with people you know; at Kiosk, Pier; until "
        "2025-01-10\nJam: popular with people you know",
        "c1",
        "o1 o2",
    ]
    assert other[:3] == ["", "+49 30 555 1", ""]
