"""The scenarios that triggers were made for: a show, a loan enquiry and a trip.

One shop has them all. In each, Ann meets every condition; each of the others lacks one.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver
from support.linear_taste import score

from followsuit.graph.views.view import View, view_of
from followsuit.loaders.load import load
from followsuit.loaders.mapping import Mapping
from followsuit.offers.score import ScoreReport
from followsuit.testing.places import Place
from followsuit.triggers.defined import triggers_of
from followsuit.triggers.definitions.definition_file import parsed
from followsuit.triggers.tie_weights import tie_weights

NOW = datetime(2025, 6, 15, tzinfo=UTC)
LATER = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
TRIGGERS = """
[loan_enquiry]
reason = "you have been comparing payments with us"
when = [
  { did = "site_visit", at_least = 4, within = "30d" },
  { did = "payment_click", at_least = 10, since = { nth_last = 2, of = "site_visit" } },
  { did = "loan_enquiry", within = "30d" },
]
offer = { category = "cars" }
lasts = "7d"

[trip]
reason = "you will be near our stores"
when = [
  { did = "purchase", where = { brand = "Marina" }, sum = "amount", at_least = 3000, within = "365d" },
  { did = "purchase", where = { category = "swimwear" }, within = "31d" },
  { did = "flight_booked", within = "31d", away = true },
]
offer = { brand = "Marina", stores_near = "flight_booked", within_km = 300 }
lasts = "30d"

[friend_goes_to_a_show]
reason = "people you know will see him, and your card saves you the queue"
when = [
  { friend_did = "purchase", where = { category = "tickets" }, within = "2d", interactions = 20 },
  { likes = "Neil Diamond" },
  { holds = "platinum" },
]
offer = { same = "product", program = "platinum" }
"""  # noqa: E501

Rows = list[dict[str, Any]]


def ago(days: float, *, later: timedelta = timedelta()) -> str:
    return (NOW - timedelta(days=days) + later).isoformat()


class Shop:
    """The rows of a delivery."""

    def __init__(self) -> None:
        self.tables: dict[str, Rows] = {
            "products": [
                {"product_id": p, "category": c, "brand": b}
                for p, c, b in (
                    ("show", "tickets", None),
                    ("bread", "food", None),
                    ("coupe", "cars", None),
                    ("yacht", "boats", "Marina"),
                    ("trunks", "swimwear", None),
                    ("parasol", "beach", "Marina"),
                )
            ],
            "stores": [
                {"store_id": s, "city": c, "latitude": lat, "longitude": lon}
                for s, c, lat, lon in (
                    ("nizza-1", "Nizza", 43.70, 7.26),
                    ("nizza-2", "Nizza", 43.66, 7.20),
                    ("genua", "Genua", 44.41, 8.93),
                    ("rom", "Rom", 41.90, 12.50),
                    ("ulm", "Ulm", 48.40, 9.99),
                )
            ],
            "offers": [
                {"offer_id": o, "product_id": p, "brand": b, "program": g, "value": v}
                for o, p, b, g, v in (
                    ("show-for-all", "show", None, None, 9),
                    ("show-by-card", "show", None, "platinum", 1),
                    ("test-drive", "coupe", None, None, 1),
                    ("marina", None, "Marina", None, 1),
                )
            ],
        }

    def add(self, table: str, **row: Any) -> None:
        self.tables.setdefault(table, []).append(row)

    def person(self, name: str, city: str = "Ulm", *, shares: bool = False) -> str:
        self.add("customers", customer_id=name, birth_date="1980-01-01", city=city)
        for purpose in ("contact", "social_use")[: 1 + shares]:
            row = {"customer_id": name, "purpose": purpose, "granted": "true", "at": ago(300)}
            self.add("consents", **row)
        return name

    def bought(self, who: str, product: str, at: str, amount: float = 10) -> None:
        row = {"customer_id": who, "product_id": product, "at": at, "amount": amount}
        self.add("purchases", quantity=1 if amount > 0 else -1, currency="EUR", **row)

    def did(self, who: str, kind: str, at: str, city: str | None = None) -> None:
        self.add("events", customer_id=who, kind=kind, at=at, city=city)

    def show_goer(self, name: str, friend: str, **lacks: Any) -> None:
        """Somebody who may learn of a friend's show."""
        facts = {"likes": "Neil Diamond", "holds": "platinum", "closeness": 20} | lacks
        self.person(name)
        self.add("likes", customer_id=name, interest=facts["likes"])
        self.add("memberships", customer_id=name, program=facts["holds"], since=ago(99))
        ends = {"customer_id": name, "friend_id": friend}
        self.add("friendships", **ends, interactions=facts["closeness"], directed="true")

    def enquirer(self, name: str, *, visits: int = 4, clicks: int = 10, asked: float = 1) -> None:
        """Somebody who visits the site daily until today and compares payments."""
        self.person(name)
        for number in range(visits):
            self.did(name, "site_visit", ago(number))
        # The second-last visit counts with all that happened from then on.
        for number in range(clicks):
            self.did(name, "payment_click", ago(1, later=number * timedelta(hours=2)))
        self.did(name, "payment_click", ago(1, later=-MOMENT))
        self.did(name, "loan_enquiry", ago(asked))

    def traveller(
        self, name: str, *, spent: float = 3000, swims: float = 9, to: str | None = "Nizza"
    ) -> None:
        """Somebody who lives in Ulm, has bought a yacht and swimwear, and flies to a city."""
        self.person(name)
        self.bought(name, "yacht", ago(200), spent + 500)
        self.bought(name, "yacht", ago(190), -500)
        self.bought(name, "trunks", ago(swims))
        if to is not None:
            self.did(name, "flight_booked", ago(5), to)


def planted() -> Shop:
    shop = Shop()
    shop.person("fan", shares=True)
    shop.person("shy", shares=False)
    for friend in ("fan", "shy"):
        shop.bought(friend, "show", ago(2, later=MOMENT))
    shop.person("slow", shares=True)
    shop.bought("slow", "show", ago(2))
    shop.person("baker", shares=True)
    shop.bought("baker", "bread", ago(1))

    shop.show_goer("show: ann", "fan")
    shop.show_goer("show: other music", "fan", likes="Neil Young")
    shop.show_goer("show: no card", "fan", holds="gold")
    shop.show_goer("show: not close", "fan", closeness=19)
    shop.show_goer("show: unknown closeness", "fan", closeness=None)
    shop.show_goer("show: friend bought too long ago", "slow")
    shop.show_goer("show: friend bought something else", "baker")
    shop.show_goer("show: friend doesn't share", "shy")

    shop.enquirer("loan: ann")
    shop.enquirer("loan: third visit", visits=3)
    shop.enquirer("loan: nine clicks", clicks=9)
    shop.enquirer("loan: day 31", asked=30)

    shop.traveller("trip: ann")
    shop.traveller("trip: spent less", spent=2999.99)
    shop.traveller("trip: no swimwear", swims=31)
    shop.traveller("trip: no flight", to=None)
    shop.traveller("trip: flight home", to="Ulm")
    shop.traveller("trip: to a city without stores", to="Oslo")
    shop.traveller("trip: home again", to="Nizza")
    shop.did("trip: home again", "flight_booked", ago(2), "Ulm")
    return shop


class Planted:
    """The shop, loaded and scored."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.definitions = parsed(TRIGGERS, "triggers.toml")
        with place.open() as store:
            returns = Mapping.model_validate({"tables": {"purchases": {"returns": True}}})
            report = load(store, str(deliver(folder, **planted().tables)), returns)
            assert not any(table.rejected for table in report.tables.values())
            self.view = view_of(store, NOW)
            self.report: ScoreReport = score(store, NOW, LATER, triggers=self.definitions)

    def reasons(self, trigger: str, view: View | None = None) -> dict[str, dict[str, Any]]:
        """The reasons of a trigger by customer."""
        view = view or self.view
        (chosen,) = triggers_of({trigger: self.definitions[trigger]}, tie_weights(view))
        rows = chosen.reasons(view).to_pyarrow().to_pylist()
        return {row["customer_id"]: row for row in rows}

    def offers(self, scenario: str) -> Rows:
        """The offers with a reason of everybody in a scenario."""
        rows = self.report.offers_table().to_pylist()
        mine = [row for row in rows if row["customer_id"].startswith(scenario)]
        return [row for row in mine if row["triggers"]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("scenarios")
    return Planted(Place(str(folder / "store.lbug")), folder / "delivery")


def test_the_show_is_a_reason_only_while_every_condition_holds(shop: Planted) -> None:
    reasons = shop.reasons("friend_goes_to_a_show")
    assert set(reasons) == {"show: ann"}
    row = reasons["show: ann"]
    assert (row["item_kind"], row["item_id"]) == ("product", "show")
    assert row["fired_at"] == NOW - timedelta(days=2) + MOMENT
    assert row["until"] == NOW + MOMENT
    assert not shop.reasons("friend_goes_to_a_show", shop.view.at(NOW + MOMENT))


def test_the_show_is_offered_through_the_card_in_the_shops_words(shop: Planted) -> None:
    (row,) = shop.offers("show")
    assert (row["customer_id"], row["item_id"], row["offer_id"]) == (
        "show: ann",
        "show",
        "show-by-card",
    )
    assert row["triggers"] == ["friend_goes_to_a_show"]
    assert row["reason"] == "people you know will see him, and your card saves you the queue"


def test_the_loan_enquiry_is_a_reason_only_with_visits_clicks_and_the_enquiry(
    shop: Planted,
) -> None:
    reasons = shop.reasons("loan_enquiry")
    assert set(reasons) == {"loan: ann"}
    row = reasons["loan: ann"]
    assert row["category"] == "cars"
    assert (row["fired_at"], row["until"]) == (NOW, NOW + timedelta(days=7))
    week_later = shop.view.at(row["until"] - MOMENT)
    assert set(shop.reasons("loan_enquiry", week_later)) == {"loan: ann"}
    assert not shop.reasons("loan_enquiry", shop.view.at(row["until"]))


def test_the_loan_enquiry_leads_to_offers_of_cars(shop: Planted) -> None:
    (row,) = shop.offers("loan")
    assert (row["customer_id"], row["item_id"]) == ("loan: ann", "coupe")
    assert row["reason"] == "you have been comparing payments with us"
    assert row["until"] == NOW + timedelta(days=7)


AROUND_NIZZA = ["genua", "nizza-1", "nizza-2"]


def test_the_trip_is_a_reason_to_go_to_the_stores_around_the_destination(shop: Planted) -> None:
    reasons = shop.reasons("trip")
    # Whoever flies home later is still away before.
    assert set(reasons) == {"trip: ann", "trip: home again"}
    for row in reasons.values():
        assert row["store_ids"] == AROUND_NIZZA
        assert row["brand"] == "Marina"
        assert row["until"] - row["fired_at"] == timedelta(days=30)


def test_the_trip_is_a_reason_for_thirty_days(shop: Planted) -> None:
    # By then, the swimwear must have been bought in the last 31 days.
    until = shop.reasons("trip")["trip: ann"]["until"]
    assert until == NOW + timedelta(days=25)
    last_day = NOW + timedelta(days=31 - 9) - MOMENT
    assert "trip: ann" in shop.reasons("trip", shop.view.at(last_day))
    assert not shop.reasons("trip", shop.view.at(last_day + MOMENT))


def test_the_trip_leads_to_offers_at_those_stores_alone(shop: Planted) -> None:
    offers = shop.offers("trip")
    assert {row["customer_id"] for row in offers} == {"trip: ann", "trip: home again"}
    for row in offers:
        assert row["item_id"] == "parasol"
        assert row["store_ids"] == AROUND_NIZZA
        assert row["reason"] == "you will be near our stores"
