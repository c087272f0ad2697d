"""The page of coupons is safe, and needs nothing else."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from support.handed import an_offer

from followsuit.offers.handoff.coupons import coupons


class Text(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_there_is_a_coupon_for_each_offer_with_what_the_till_needs() -> None:
    until = datetime(2025, 1, 10, tzinfo=UTC)
    offers = [an_offer(stores="Kiosk; Pier", until=until), an_offer(customer_id="c2")]
    page = Text("".join(coupons(offers)))
    assert page.tags.count("article") == 2
    for said in ("Ann Weber", "Tea week", "Darjeeling", "4.50 EUR", "Kiosk, Pier", "2025-01-09"):
        assert said in page.text
    assert "o1 · c1" in page.text
    assert "o1 · c2" in page.text
    assert "people you know" not in page.text  # Others may see a coupon.


def test_names_are_text_and_umlauts_stay() -> None:
    attack = "<script>alert('x')</script>&\"Käse\""
    page = "".join(coupons([an_offer(name=attack, offer_name=attack, item_name=attack[1:])]))
    assert "script" not in Text(page).tags
    assert attack in Text(page).text


def test_the_page_loads_nothing() -> None:
    page = "".join(coupons([an_offer(stores="Kiosk")]))
    assert re.findall(r"src=|href=|url\(|@import|http", page) == []
