"""Who may be reached, and whose acts may be used: age, consent, withdrawal."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.snapshots import day, snapshot_from

from followsuit.graph.people import people

ADULT = date(1980, 5, 5)
NOW = day(20)
LONG_AGO = day(1)


def consent(purpose: str, granted: bool, at: datetime = LONG_AGO) -> dict[str, Any]:
    return {"customer_id": "c", "purpose": purpose, "granted": granted, "at": at}


def look(
    folder: Path,
    *consents: dict[str, Any],
    born: date | None = ADULT,
    as_of: datetime = NOW,
    assume: bool = False,
) -> pd.Series:
    snapshot = snapshot_from(
        folder,
        as_of,
        assume_consent=assume,
        customers=[{"customer_id": "c", "birth_date": born}],
        consents=consents,
    )
    return people(snapshot, assume).to_pandas().set_index("customer_id").loc["c"]


def reached(person: pd.Series) -> bool:
    return bool(pd.isna(person.barrier))


def test_without_a_word_nobody_is_reached_and_nobody_shares(tmp_path: Path) -> None:
    person = look(tmp_path)
    assert person.barrier == "no_contact_consent"
    assert not person.shares


@pytest.mark.parametrize("purpose", ["contact", "email", "push", "sms"])
def test_an_opt_in_to_contact_or_to_one_channel_is_enough_to_be_reached(
    tmp_path: Path, purpose: str
) -> None:
    person = look(tmp_path, consent(purpose, True))
    assert reached(person)
    assert not person.shares


@pytest.mark.parametrize("purpose", ["social_use", "named_use", "newsletter"])
def test_consent_to_something_else_is_no_consent_to_contact(tmp_path: Path, purpose: str) -> None:
    assert look(tmp_path, consent(purpose, True)).barrier == "no_contact_consent"


def test_social_use_alone_shares_activity(tmp_path: Path) -> None:
    assert look(tmp_path, consent("social_use", True)).shares


def test_the_channel_is_the_first_that_was_opted_into(tmp_path: Path) -> None:
    said = [consent("post", True), consent("email", True), consent("push", False)]
    assert look(tmp_path, *said).channel == "email"


@pytest.mark.parametrize("assume", [False, True])
def test_a_no_to_contact_in_general_goes_over_a_channels_opt_in(
    tmp_path: Path, assume: bool
) -> None:
    said = [consent("contact", False), consent("email", True, day(2))]
    assert look(tmp_path, *said, assume=assume).barrier == "no_contact_consent"


def test_a_no_to_one_channel_leaves_the_others(tmp_path: Path) -> None:
    person = look(tmp_path, consent("push", False), consent("email", True))
    assert reached(person)
    assert person.channel == "email"


def test_general_contact_names_no_channel(tmp_path: Path) -> None:
    assert pd.isna(look(tmp_path, consent("contact", True)).channel)


def test_the_latest_word_up_to_the_instant_counts(tmp_path: Path) -> None:
    said = [consent("contact", False, day(1)), consent("contact", True, day(2))]
    assert reached(look(tmp_path, *said))


def test_a_grant_later_than_the_instant_is_not_known_yet(tmp_path: Path) -> None:
    assert not reached(look(tmp_path, consent("contact", True, day(21))))


def test_a_withdrawal_later_than_the_instant_wins_at_once(tmp_path: Path) -> None:
    said = [consent("contact", True, day(1)), consent("contact", False, day(25))]
    assert not reached(look(tmp_path, *said))


def test_of_two_words_at_one_instant_the_no_wins(tmp_path: Path) -> None:
    said = [consent("social_use", True), consent("social_use", False)]
    assert not look(tmp_path, *said).shares


def test_assumed_consent_grants_contact_social_use_and_adulthood(tmp_path: Path) -> None:
    person = look(tmp_path, born=None, assume=True)
    assert reached(person)
    assert person.shares
    assert person.adult


@pytest.mark.parametrize("at", [day(1), day(25)])
def test_assumed_consent_never_goes_over_a_recorded_no(tmp_path: Path, at: datetime) -> None:
    said = [consent("email", False, at), consent("social_use", False, at)]
    person = look(tmp_path, *said, assume=True)
    assert person.barrier == "no_contact_consent"
    assert not person.shares


@pytest.mark.parametrize("assume", [False, True])
def test_minors_are_neither_reached_nor_used_whatever_they_said(
    tmp_path: Path, assume: bool
) -> None:
    said = [consent("contact", True), consent("social_use", True)]
    person = look(tmp_path, *said, born=date(2007, 1, 21), assume=assume)
    assert person.barrier == "minor"
    assert not person.shares
    assert not person.adult


def test_an_eighteenth_birthday_makes_an_adult(tmp_path: Path) -> None:
    said = [consent("contact", True)]
    assert reached(look(tmp_path, *said, born=date(2007, 1, 20)))


@pytest.mark.parametrize(("as_of", "barrier"), [((2026, 2, 28), "minor"), ((2026, 3, 1), None)])
def test_who_is_born_on_a_leap_day_comes_of_age_on_the_first_of_march(
    tmp_path: Path, as_of: tuple[int, int, int], barrier: str | None
) -> None:
    instant = datetime(*as_of, tzinfo=UTC)
    person = look(tmp_path, consent("contact", True), born=date(2008, 2, 29), as_of=instant)
    assert (None if pd.isna(person.barrier) else person.barrier) == barrier


def test_an_unknown_age_is_out_unless_consent_is_assumed(tmp_path: Path) -> None:
    said = [consent("contact", True), consent("social_use", True)]
    person = look(tmp_path, *said, born=None)
    assert person.barrier == "unknown_age"
    assert not person.shares


@settings(max_examples=40, deadline=None)
@given(
    said=st.lists(
        st.tuples(st.sampled_from(["contact", "social_use"]), st.booleans(), st.integers(1, 40)),
        max_size=8,
    ),
    assume=st.booleans(),
)
def test_the_rule_of_consent_holds_for_any_history(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, bool, int]], assume: bool
) -> None:
    rows = [consent(purpose, granted, day(at)) for purpose, granted, at in said]
    person = look(tmp_path_factory.mktemp("consent"), *rows, assume=assume)

    def granted(purpose: str) -> bool:
        mine = [(at, g) for p, g, at in said if p == purpose]
        known = [(at, g) for at, g in mine if at <= 20]
        later_no = any(at > 20 and not g for at, g in mine)
        if later_no:
            return False
        if not known:
            return assume
        last = max(at for at, _ in known)
        return all(g for at, g in known if at == last)

    assert reached(person) == granted("contact")
    assert bool(person.shares) == granted("social_use")
