"""Corrections and answers take effect at once, outlast deliveries, and survive interruptions."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver
from support.forgetting import hits, open_store, others
from support.kills import Acts, Killed
from support.loading import rows_in
from support.shops import tables
from support.snapshots import day

from followsuit.graph.store import GraphStore, StoreIncomplete
from followsuit.loaders.load import load
from followsuit.privacy.change import WrongColumn, WrongPurpose, correct, set_consent
from followsuit.privacy.consents import consents_of
from followsuit.privacy.forget import forget
from followsuit.privacy.held import UnknownCustomer
from followsuit.privacy.parsed import WrongValue
from followsuit.queries.runner import run_query

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def customer(store: GraphStore, name: str) -> dict[str, Any]:
    with store.reading():
        return next(r for r in rows_in(store, "customers") if r["customer_id"] == name)


def offered(store: GraphStore) -> set[str]:
    rows = run_query(store, "current-recommendations").to_pylist()
    return {row["customer_id"] for row in rows}


def granted(store: GraphStore, name: str, purpose: str) -> bool | None:
    return next(a.granted for a in consents_of(store, name, NOW) if a.purpose == purpose)


def test_a_corrected_value_is_read_as_a_load_reads_it_and_the_others_stay(desk: Path) -> None:
    with open_store(desk) as store:
        before = others(store, "ann")
        was = customer(store, "ann")
        correct(store, "ann", "joined_at", "2025-01-01T01:00:00+01:00")
        correct(store, "ann", "city", "  Köln ")
        correct(store, "ann", "email", "ann@example.com")
        joined = datetime(2025, 1, 1, tzinfo=UTC)
        new = {"joined_at": joined, "city": "Köln", "email": "ann@example.com"}
        assert customer(store, "ann") == was | new
        correct(store, "ann", "email", "")
        assert "email" not in customer(store, "ann")
        assert others(store, "ann") == before


def test_a_customer_who_is_corrected_to_be_a_minor_loses_their_offers(desk: Path) -> None:
    with open_store(desk) as store:
        assert "ann" in offered(store)
        correct(store, "ann", "birth_date", "2014-05-05")
        assert "ann" not in offered(store)


@pytest.mark.parametrize(
    ("column", "value", "error", "words"),
    [
        ("e-mail", "x", WrongColumn, "Did you mean email?"),
        ("customer_id", "x", WrongColumn, "can't be corrected"),
        ("birth_date", "soon", WrongValue, "'soon' can't be the birth_date: it isn't a valid date"),
    ],
)
def test_what_can_not_be_corrected_is_said(
    desk: Path, column: str, value: str, error: type[Exception], words: str
) -> None:
    with open_store(desk) as store, pytest.raises(error, match=words.replace("?", r"\?")):
        correct(store, "ann", column, value)


def test_an_unknown_customer_is_said(desk: Path) -> None:
    with open_store(desk) as store:
        with pytest.raises(UnknownCustomer, match="no customer nobody"):
            correct(store, "nobody", "email", "x@example.com")
        with pytest.raises(UnknownCustomer, match="no customer nobody"):
            set_consent(store, "nobody", "email", False, NOW)


def test_a_refusal_deletes_offers_at_once_and_shows(desk: Path) -> None:
    with open_store(desk) as store:
        assert granted(store, "ann", "contact") is True
        set_consent(store, "ann", "contact", False, day(21))
        assert "ann" not in offered(store)
        assert granted(store, "ann", "contact") is False
        assert granted(store, "ann", "email") is True
        assert granted(store, "ann", "sms") is None
        set_consent(store, "ann", "all", False, day(22))
        assert granted(store, "ann", "email") is False
        set_consent(store, "ann", "email", True, day(23))
        assert granted(store, "ann", "email") is True


def test_a_purpose_must_be_known_and_all_can_only_be_refused(desk: Path) -> None:
    with open_store(desk) as store:
        with pytest.raises(WrongPurpose, match="Did you mean email"):
            set_consent(store, "ann", "emial", True, NOW)
        with pytest.raises(WrongPurpose, match="all can't be granted"):
            set_consent(store, "ann", "all", True, NOW)


def test_an_answer_outlasts_a_delivery_that_replaces_all_unless_that_is_later(desk: Path) -> None:
    consents = [*tables()["consents"]]
    delivery = str(deliver(desk / "again", consents=consents))
    with open_store(desk) as store:
        set_consent(store, "ann", "push", True, day(10))
        load(store, delivery, replace=["consents"], yes=True)
        assert granted(store, "ann", "push") is True
        later = {"customer_id": "ann", "purpose": "push", "granted": "false"}
        consents.append(later | {"at": day(11).isoformat()})
        delivery = str(deliver(desk / "later", consents=consents))
        load(store, delivery, replace=["consents"], yes=True)
        assert granted(store, "ann", "push") is False
        forget(store, ["ann"])
        assert hits(store, "ann") == 0
        assert store.meta.answers == []


ACTS = Acts()
CHANGES: dict[str, Callable[[GraphStore], None]] = {
    "correct": lambda store: correct(store, "ann", "birth_date", "2014-05-05"),
    "consent": lambda store: set_consent(store, "bob", "social_use", False, day(21)),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CHANGES)
def test_interrupted_before_any_change_of_a_file_it_is_finished_by_repeating_it(
    name: str, desk: Path, tmp_path: Path
) -> None:
    change = CHANGES[name]
    calm = tmp_path / "calm"
    shutil.copytree(desk, calm, symlinks=True)
    with open_store(calm) as store:
        with ACTS.until(calm):
            change(store)
        end = others(store), offered(store)
    changes = ACTS.count
    for last in range(1, changes, max(1, changes // 5)):
        copy = tmp_path / f"copy-{last}"
        shutil.copytree(desk, copy, symlinks=True)
        with open_store(copy) as store, suppress(Killed), ACTS.until(copy, last):
            change(store)
        with open_store(copy) as store:
            if store.state.changing.exists():
                with pytest.raises(StoreIncomplete, match="correct"):
                    store.require_complete()
            change(store)
            assert (others(store), offered(store)) == end
