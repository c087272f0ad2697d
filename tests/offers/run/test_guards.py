"""Guards: what keeps a stale or empty run from replacing a good one, and what overrides each."""

from collections.abc import Callable, Set
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import day, view_from

from followsuit.graph.results.runs import Run
from followsuit.graph.views.view import View
from followsuit.offers.run.guards import Guards, Refused, in_words

NOW = day(20)
ACTIVE = Run("good", "score", NOW, NOW, True, 4, 8, {})
SHOP: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {"customer_id": c, "birth_date": day(1).date().replace(year=year)}
        for c, year in (("ann", 1980), ("bob", 1985), ("kim", 2015))
    ],
    "products": [{"product_id": "tea"}],
    "purchases": [{"customer_id": "bob", "product_id": "tea", "at": day(13)}],
    "consents": [
        {"customer_id": c, "purpose": p, "granted": True, "at": day(1)}
        for c, p in (("ann", "email"), ("kim", "contact"), ("bob", "social_use"))
    ],
}
Make = Callable[..., View]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A function that makes a view of the shop with some tables replaced."""

    def view(*, assume_consent: bool = False, **changed: Any) -> View:
        tables = {**SHOP, **changed}
        return view_from(tmp_path / "s", NOW, assume_consent=assume_consent, **tables)

    return view


def guards(
    told: list[str] | None = None,
    *,
    max_age: timedelta = timedelta(days=7),
    min_share: float = 0.5,
    activate: bool | None = None,
) -> Guards:
    return Guards(max_age, min_share, activate, ([] if told is None else told).append)


def refusal(check: Callable[[], None]) -> str:
    with pytest.raises(Refused) as caught:
        check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The data.


def test_a_fresh_shop_passes_without_a_word(make: Make) -> None:
    told: list[str] = []
    guards(told).check_data(make())
    assert told == []


def test_data_is_too_old_beyond_the_age_to_the_microsecond(make: Make) -> None:
    almost = [
        {"customer_id": "bob", "product_id": "tea", "at": day(13) - timedelta(microseconds=1)}
    ]
    said = refusal(lambda: guards().check_data(make(purchases=almost)))
    assert "older than --max-age 7d" in said
    assert "give --max-age 8d" in said
    guards(max_age=timedelta(days=8)).check_data(make(purchases=almost))
    # Activation alone is no reason to take old data for new.
    refusal(lambda: guards(activate=True).check_data(make(purchases=almost)))


def test_a_visit_makes_the_data_new_and_a_later_one_does_not(make: Make) -> None:
    old = [{"customer_id": "bob", "product_id": "tea", "at": day(2)}]
    visits = [{"customer_id": "ann", "store_id": "kiosk", "at": day(19)}]
    shop = make(purchases=old, visits=visits, stores=[{"store_id": "kiosk"}])
    assert shop.newest_interaction() == day(19)
    guards().check_data(shop)
    assert shop.at(day(18)).newest_interaction() == day(2)
    refusal(lambda: guards().check_data(shop.at(day(18))))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"consents": []}, "There is no consent data"),
        ({"consents": SHOP["consents"][1:]}, "No customer is eligible as of 2025-01-20"),
        ({"customers": SHOP["customers"][1:]}, "No customer is eligible"),
        ({"customers": []}, "No customer is eligible"),
        ({"purchases": []}, "There are no purchases or visits up to 2025-01-20"),
        (
            {"offers": [{"offer_id": "o", "valid_until": day(20)}]},
            "No offer in the table offers is active as of 2025-01-20",
        ),
        ({"offers": [{"offer_id": "o", "valid_from": day(21)}]}, "No offer in the table offers"),
    ],
)
def test_where_nothing_can_come_of_it_the_work_is_refused(
    make: Make, changed: dict[str, Any], said: str
) -> None:
    view = make(**changed)
    for asked in (guards(), guards(activate=False)):
        message = refusal(partial(asked.check_data, view))
        assert message.startswith(said)
        assert "--activate" in message
    guards(activate=True).check_data(view)


def test_without_consent_data_the_option_that_assumes_it_is_named(make: Make) -> None:
    assert "`load --assume-consent`" in refusal(lambda: guards().check_data(make(consents=[])))
    guards().check_data(make(consents=[], assume_consent=True))


def test_an_offer_that_is_active_is_enough(make: Make) -> None:
    offers = [{"offer_id": "o", "valid_until": day(21)}, {"offer_id": "p", "valid_until": day(2)}]
    guards().check_data(make(offers=offers))


def test_that_nobody_shares_is_a_note(make: Make) -> None:
    told: list[str] = []
    guards(told).check_data(make(consents=SHOP["consents"][:2]))
    assert told == [
        "Nobody shares activity (no social_use consent): no offer can come from friends."
    ]


# The active run.


def test_an_older_run_needs_to_be_told_to_replace_the_active_one() -> None:
    said = refusal(lambda: guards().check_order(ACTIVE, day(19)))
    assert said.startswith(
        "The active run good is as of 2025-01-20 00:00 UTC, later than 2025-01-19"
    )
    assert "Give --activate" in said
    guards(activate=True).check_order(ACTIVE, day(19))
    guards().check_order(ACTIVE, day(20))
    guards().check_order(None, day(1))


@pytest.mark.parametrize(
    ("reached", "share", "passes"),
    [
        ({"a", "b"}, 0.5, True),
        ({"a", "x", "y", "z"}, 0.5, False),
        ({"a"}, 0.25, True),
        ({"a", "b", "c"}, 0.76, False),
        ({"x"}, 0.0, True),
        (set("abcd"), 1.0, True),
    ],
)
def test_the_share_is_of_those_who_have_offers(
    reached: Set[str], share: float, passes: bool
) -> None:
    asked = guards(min_share=share)
    if passes:
        asked.check_share(ACTIVE, set("abcd"), reached, set())
        return
    said = refusal(lambda: asked.check_share(ACTIVE, set("abcd"), reached, set()))
    assert said.startswith("Of the 4 customers with offers in the active run good, ")
    assert f"fewer than --min-share {share:g}." in said
    assert "--min-share 0" in said


def test_a_run_without_offers_is_refused_whatever_the_share() -> None:
    said = refusal(lambda: guards(min_share=0).check_offers(set(), set()))
    assert "No customer has a reason" in said
    assert "--activate" in said
    guards(activate=True).check_offers(set(), set())
    guards().check_offers({"ann"}, set())


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_what_is_no_share_is_named(share: float) -> None:
    assert f"--min-share {share} isn't valid" in refusal(lambda: guards(min_share=share))  # type: ignore[arg-type, return-value]


def test_those_who_were_contacted_enough_are_not_missed() -> None:
    guards(min_share=0.75).check_share(ACTIVE, set("abcd"), {"a"}, {"b", "c"})
    guards().check_offers(set(), {"ann"})


def test_without_activation_what_would_be_refused_is_noted(make: Make) -> None:
    told: list[str] = []
    asked = guards(told, max_age=timedelta(hours=36), activate=False)
    asked.check_order(ACTIVE, day(19))
    asked.check_data(make())
    asked.check_share(ACTIVE, set("abcd"), {"a"}, set())
    asked.check_offers(set(), set())
    assert [note.split()[0] for note in told] == ["The", "The", "Of", "No"]
    assert "older than --max-age 36h" in told[1]


@pytest.mark.parametrize(
    ("length", "words"),
    [(timedelta(days=7), "7d"), (timedelta(hours=36), "36h"), (timedelta(weeks=2), "14d")],
)
def test_a_length_is_said_as_options_take_it(length: timedelta, words: str) -> None:
    assert in_words(length) == words
