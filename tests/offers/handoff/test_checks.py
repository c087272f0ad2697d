"""Who may still get what, at the moment of the hand-off."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from support.handed import ADULT, NOW, a_shop, consent, offered, rules
from support.snapshots import day

from followsuit.offers.handoff.checks import RULES, checked

SECOND = timedelta(seconds=1)


def test_an_offer_that_all_is_well_with_stays(tmp_path: Path) -> None:
    assert rules(a_shop(tmp_path)) == [None]


def test_customers_who_are_gone_minors_and_those_of_unknown_age_get_nothing(tmp_path: Path) -> None:
    customers = [
        {"customer_id": "kim", "birth_date": date(2012, 1, 1)},
        {"customer_id": "una"},
        {"customer_id": "new", "birth_date": ADULT, "joined_at": NOW + SECOND},
    ]
    consents = [consent("email", customer_id=c) for c in ("kim", "una", "new", "gone")]
    view = a_shop(tmp_path, customers=customers, consents=consents)
    rows = [{"customer_id": c} for c in ("kim", "una", "new", "gone")]
    assert rules(view, *rows) == ["minor", "unknown_age", "no_customer", "no_customer"]


def test_a_refusal_counts_at_once_also_one_of_a_later_date(tmp_path: Path) -> None:
    refusals = ("email", "contact", "all")
    for purpose in refusals:
        consents = [consent("email"), consent("sms"), consent(purpose, False, 30)]
        view = a_shop(tmp_path / purpose, consents=consents)
        expected = "no_channel_consent" if purpose == "email" else "no_contact_consent"
        assert rules(view) == [expected]


def test_each_channel_needs_its_own_consent_and_any_channel_that_to_contact(tmp_path: Path) -> None:
    rows = [{"channel": c} for c in ("email", "push", None)]
    of_email = a_shop(tmp_path / "email", consents=[consent("email")])
    assert rules(of_email, *rows) == [None, "no_channel_consent", "no_channel_consent"]
    in_general = a_shop(tmp_path / "all", consents=[consent("contact"), consent("push", False)])
    assert rules(in_general, *rows) == ["no_channel_consent", "no_channel_consent", None]


def test_a_later_grant_doesnt_count_yet(tmp_path: Path) -> None:
    consents = [consent("sms"), consent("email", number=21)]
    assert rules(a_shop(tmp_path, consents=consents)) == ["no_channel_consent"]


def test_assumed_consent_is_to_contact_in_general_alone(tmp_path: Path) -> None:
    view = a_shop(tmp_path, consents=[])
    view.assume_consent = True
    assert rules(view, {"channel": None}, {}) == [None, "no_channel_consent"]


def test_offers_that_have_ended_not_begun_or_gone_are_dropped(tmp_path: Path) -> None:
    offers = [
        {"offer_id": "t1", "valid_until": NOW + SECOND},
        {"offer_id": "ended", "valid_until": NOW},
        {"offer_id": "later", "valid_from": NOW + SECOND},
    ]
    rows = [{"offer_id": o} for o in ("t1", "ended", "later", "gone")]
    assert rules(a_shop(tmp_path, offers=offers), *rows) == [None, *["no_offer_in_force"] * 3]


def test_without_a_table_of_offers_each_item_is_its_own(tmp_path: Path) -> None:
    view = a_shop(tmp_path, offers=[])
    assert rules(view, {"offer_id": "tea"}) == [None]
    row = checked(view, offered({"offer_id": "tea"})).to_pyarrow().to_pylist()[0]
    assert row["offer_name"] == "Darjeeling"


def test_reasons_that_have_ended_are_dropped_and_until_is_the_first_end(tmp_path: Path) -> None:
    view = a_shop(tmp_path, offers=[{"offer_id": "t1", "valid_until": day(25)}])
    rows = [{"until": until} for until in (NOW, NOW + SECOND, day(30), None)]
    assert rules(view, *rows) == ["expired", None, None, None]
    ends = checked(view, offered(*rows)).order_by("rank").to_pyarrow()["until"].to_pylist()
    assert ends == [NOW, NOW + SECOND, day(25), day(25)]


def test_items_that_are_gone_or_have_become_sensitive_are_dropped(tmp_path: Path) -> None:
    products = [{"product_id": "tea", "sensitive": True}]
    view = a_shop(tmp_path, products=products)
    assert rules(view, {}, {"item_id": "jam"}) == ["changed_since_the_run"] * 2


@pytest.mark.parametrize(
    ("channel", "address"),
    [("email", "email"), ("sms", "phone"), ("whatsapp", "phone"), ("phone", "phone")],
)
def test_a_channel_that_needs_a_missing_address_is_dropped(
    tmp_path: Path, channel: str, address: str
) -> None:
    for name, value, expected in (
        ("none", None, "no_address"),
        ("blank", " ", "no_address"),
        ("some", "x", None),
    ):
        customers = [{"customer_id": "ann", "birth_date": ADULT, address: value}]
        view = a_shop(tmp_path / name, customers=customers, consents=[consent(channel)])
        assert rules(view, {"channel": channel}) == [expected]


@pytest.mark.parametrize("channel", ["push", "app", "web", "post", "associate", "coupon"])
def test_other_channels_need_none(tmp_path: Path, channel: str) -> None:
    customers = [{"customer_id": "ann", "birth_date": ADULT}]
    view = a_shop(tmp_path, customers=customers, consents=[consent(channel)])
    assert rules(view, {"channel": channel}) == [None]


def test_each_rule_has_a_sentence_that_customers_can_be_told() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == 9
    assert all(rule.sentence and not rule.sentence.endswith(".") for rule in RULES)
