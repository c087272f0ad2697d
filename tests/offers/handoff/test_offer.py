"""What the files say of an offer: price, stores, last day, best hour."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.handed import a_shop, an_offer, offered
from support.snapshots import day

from followsuit.offers.handoff.checks import checked
from followsuit.offers.handoff.offer import Offer, Reader, best_hour


def read(folder: Path, row: dict[str, object], **tables: list[dict[str, object]]) -> Offer:
    view = a_shop(folder, **tables)
    (each,) = checked(view, offered(row)).to_pyarrow().to_pylist()
    return Reader(view).read(each)


def test_names_prices_in_major_units_and_stores_are_those_of_the_shop(tmp_path: Path) -> None:
    bought = {"customer_id": "ann", "product_id": "tea", "at": day(2)}
    purchases = [bought | {"currency": c} for c in (None, None, "USD", "EUR", "EUR")]
    offer = read(tmp_path, {"store_ids": ["kiosk", "pier"]}, purchases=purchases)
    assert (offer.offer_name, offer.item_name) == ("Tea week", "Darjeeling")
    assert (offer.price, offer.money) == ("4.50", "4.50 EUR")
    assert offer.stores == "Kiosk Ulm; pier"  # The pier has no name.


def test_ids_stand_for_missing_names_and_an_unknown_price_is_empty(tmp_path: Path) -> None:
    products = [{"product_id": "tea"}]
    offer = read(tmp_path, {}, products=products, offers=[{"offer_id": "t1"}])
    assert (offer.offer_name, offer.item_name, offer.price, offer.money) == ("tea", "tea", None, "")
    assert (offer.stores, offer.last_day) == ("", "")


@pytest.mark.parametrize(
    ("zone", "last"),
    [(None, "2025-01-09"), ("Europe/Berlin", "2025-01-10"), ("../etc", "2025-01-09")],
)
def test_the_last_day_is_that_of_the_customers_clock(zone: str | None, last: str) -> None:
    midnight = datetime(2025, 1, 10, tzinfo=UTC)
    assert an_offer(until=midnight, timezone=zone).last_day == last


def test_the_best_hour_is_that_of_the_customers_clock() -> None:
    noon = datetime(2025, 6, 10, 12, tzinfo=UTC)
    assert best_hour(noon, "Europe/Berlin") == "14:00 Europe/Berlin"
    assert best_hour(noon, None) == best_hour(noon, "Nowhere") == "12:00 UTC"
