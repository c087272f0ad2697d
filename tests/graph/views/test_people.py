"""Who is eligible for offers, and who shares their activity: age, consent, withdrawal."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.snapshots import day, view_from

from followsuit.graph.consent import CHANNELS

ADULT = date(1980, 5, 5)
NOW = day(20)
LONG_AGO = day(1)


def consent(purpose: str, granted: bool, at: datetime = LONG_AGO) -> dict[str, Any]:
    return {"customer_id": "c", "purpose": purpose, "granted": granted, "at": at}


def state_of(
    folder: Path,
    *consents: dict[str, Any],
    born: date | None = ADULT,
    as_of: datetime = NOW,
    assume: bool = False,
) -> pd.Series:
    view = view_from(
        folder,
        as_of,
        assume_consent=assume,
        customers=[{"customer_id": "c", "birth_date": born}],
        consents=consents,
    )
    return view.people.to_pandas().set_index("customer_id").loc["c"]


def eligible(person: pd.Series) -> bool:
    return bool(pd.isna(person.blocked_by))


def test_without_consent_nobody_is_eligible_and_nobody_shares(tmp_path: Path) -> None:
    person = state_of(tmp_path)
    assert person.blocked_by == "no_contact_consent"
    assert not person.shares


@pytest.mark.parametrize("purpose", ["contact", "email", "push", "sms"])
def test_an_opt_in_to_contact_or_one_channel_makes_eligible(tmp_path: Path, purpose: str) -> None:
    person = state_of(tmp_path, consent(purpose, True))
    assert eligible(person)
    assert not person.shares


@pytest.mark.parametrize("purpose", ["social_use", "named_use", "newsletter"])
def test_consent_to_something_else_is_no_consent_to_contact(tmp_path: Path, purpose: str) -> None:
    assert state_of(tmp_path, consent(purpose, True)).blocked_by == "no_contact_consent"


def test_social_use_alone_shares_activity(tmp_path: Path) -> None:
    assert state_of(tmp_path, consent("social_use", True)).shares


def test_the_channel_is_the_first_that_was_opted_into(tmp_path: Path) -> None:
    consents = [consent("post", True), consent("email", True), consent("push", False)]
    assert state_of(tmp_path, *consents).channel == "email"


@pytest.mark.parametrize("assume", [False, True])
def test_a_refusal_of_contact_overrides_a_channels_opt_in(tmp_path: Path, assume: bool) -> None:
    consents = [consent("contact", False), consent("email", True, day(2))]
    assert state_of(tmp_path, *consents, assume=assume).blocked_by == "no_contact_consent"


def test_a_refusal_of_one_channel_leaves_the_others(tmp_path: Path) -> None:
    person = state_of(tmp_path, consent("push", False), consent("email", True))
    assert eligible(person)
    assert person.channel == "email"


def test_general_contact_names_no_channel(tmp_path: Path) -> None:
    assert pd.isna(state_of(tmp_path, consent("contact", True)).channel)


def test_the_latest_answer_up_to_the_instant_counts(tmp_path: Path) -> None:
    consents = [consent("contact", False, day(1)), consent("contact", True, day(2))]
    assert eligible(state_of(tmp_path, *consents))


def test_a_grant_later_than_the_instant_is_not_known_yet(tmp_path: Path) -> None:
    assert not eligible(state_of(tmp_path, consent("contact", True, day(21))))


def test_a_withdrawal_later_than_the_instant_wins_at_once(tmp_path: Path) -> None:
    consents = [consent("contact", True, day(1)), consent("contact", False, day(25))]
    assert not eligible(state_of(tmp_path, *consents))


def test_of_a_grant_and_a_refusal_at_one_instant_the_refusal_wins(tmp_path: Path) -> None:
    consents = [consent("social_use", True), consent("social_use", False)]
    assert not state_of(tmp_path, *consents).shares


def test_assumed_consent_grants_contact_social_use_and_adulthood(tmp_path: Path) -> None:
    person = state_of(tmp_path, born=None, assume=True)
    assert eligible(person)
    assert person.shares
    assert person.adult


@pytest.mark.parametrize("at", [day(1), day(25)])
def test_assumed_consent_never_overrides_a_recorded_refusal(tmp_path: Path, at: datetime) -> None:
    consents = [consent("email", False, at), consent("social_use", False, at)]
    person = state_of(tmp_path, *consents, assume=True)
    assert person.blocked_by == "no_contact_consent"
    assert not person.shares


def test_the_opt_ins_are_the_answers_that_count_at_the_instant(tmp_path: Path) -> None:
    consents = [
        consent("contact", True),
        consent("email", True),
        consent("sms", True),
        consent("sms", False, day(30)),  # a refusal counts whatever its date
        consent("post", True, day(30)),
        consent("push", False),
        consent("push", True, day(2)),
        consent("social_use", True),
    ]
    customers = [{"customer_id": "c", "birth_date": ADULT}]
    view = view_from(tmp_path, NOW, customers=customers, consents=consents)
    rows = view.opt_ins.to_pyarrow().to_pylist()
    assert {(row["purpose"], row["granted"]) for row in rows} == {
        ("contact", True),
        ("email", True),
        ("sms", False),
        ("push", True),
    }


def test_a_refusal_of_everything_refuses_every_channel(tmp_path: Path) -> None:
    consents = [consent("email", True), consent("all", False, day(30))]
    customers = [{"customer_id": "c", "birth_date": ADULT}]
    rows = view_from(tmp_path, NOW, customers=customers, consents=consents).opt_ins.to_pandas()
    assert set(rows.purpose) == {"contact", *CHANNELS}
    assert not rows.granted.any()


@pytest.mark.parametrize("assume", [False, True])
def test_minors_are_neither_eligible_nor_used_whatever_they_consented_to(
    tmp_path: Path, assume: bool
) -> None:
    consents = [consent("contact", True), consent("social_use", True)]
    person = state_of(tmp_path, *consents, born=date(2007, 1, 21), assume=assume)
    assert person.blocked_by == "minor"
    assert not person.shares
    assert not person.adult


def test_an_eighteenth_birthday_makes_an_adult(tmp_path: Path) -> None:
    consents = [consent("contact", True)]
    assert eligible(state_of(tmp_path, *consents, born=date(2007, 1, 20)))


@pytest.mark.parametrize(("as_of", "blocked_by"), [((2026, 2, 28), "minor"), ((2026, 3, 1), None)])
def test_people_born_on_a_leap_day_come_of_age_on_1_march(
    tmp_path: Path, as_of: tuple[int, int, int], blocked_by: str | None
) -> None:
    instant = datetime(*as_of, tzinfo=UTC)
    person = state_of(tmp_path, consent("contact", True), born=date(2008, 2, 29), as_of=instant)
    assert (None if pd.isna(person.blocked_by) else person.blocked_by) == blocked_by


def test_an_unknown_age_is_blocked_unless_consent_is_assumed(tmp_path: Path) -> None:
    consents = [consent("contact", True), consent("social_use", True)]
    person = state_of(tmp_path, *consents, born=None)
    assert person.blocked_by == "unknown_age"
    assert not person.shares


@settings(max_examples=40, deadline=None)
@given(
    consents=st.lists(
        st.tuples(st.sampled_from(["contact", "social_use"]), st.booleans(), st.integers(1, 40)),
        max_size=8,
    ),
    assume=st.booleans(),
)
def test_the_rule_of_consent_holds_for_any_history(
    tmp_path_factory: pytest.TempPathFactory, consents: list[tuple[str, bool, int]], assume: bool
) -> None:
    rows = [consent(purpose, granted, day(at)) for purpose, granted, at in consents]
    person = state_of(tmp_path_factory.mktemp("consent"), *rows, assume=assume)

    def granted(purpose: str) -> bool:
        mine = [(at, g) for p, g, at in consents if p == purpose]
        known = [(at, g) for at, g in mine if at <= 20]
        later_no = any(at > 20 and not g for at, g in mine)
        if later_no:
            return False
        if not known:
            return assume
        last = max(at for at, _ in known)
        return all(g for at, g in known if at == last)

    assert eligible(person) == granted("contact")
    assert bool(person.shares) == granted("social_use")
