"""The list of forgotten customers: keyed, private, and never lost without notice."""

import stat
from pathlib import Path

import pytest

from followsuit.graph.erasure.forgotten import Forgotten, ForgottenKeyMissing, ForgottenMissing
from followsuit.graph.state import StateFolder
from followsuit.graph.store import StoreIncomplete
from followsuit.testing.places import Place


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


def test_only_listed_customers_are_among_them(state: StateFolder) -> None:
    listed = Forgotten(state)
    assert listed.among(["ana"]) == set()
    listed.add(["ana", "zoë"])
    listed.add(["ana"])
    assert len(listed.hashes) == 2
    assert Forgotten(state).among(["ana", "ben", "zoe\u0308"]) == {"ana", "zoe\u0308"}


def test_the_files_are_private_and_name_nobody(state: StateFolder) -> None:
    Forgotten(state).add(["a-customer-with-a-name"])
    for path in (state.forgotten, state.forgotten_key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"customer" not in path.read_bytes()


def test_another_key_gives_other_hashes(tmp_path: Path) -> None:
    hashes = {Forgotten(StateFolder(tmp_path / name)).hash("ana") for name in ("one", "two")}
    assert len(hashes) == 2


def test_a_customer_who_is_allowed_is_off_the_list(state: StateFolder) -> None:
    listed = Forgotten(state)
    listed.add(["ana", "ben"])
    assert listed.allow("ana")
    assert not listed.allow("ana")
    assert Forgotten(state).among(["ana", "ben"]) == {"ben"}


def test_a_lost_key_or_list_is_noticed(state: StateFolder) -> None:
    Forgotten(state).add(["ana"])
    Forgotten(state).require(1)
    state.forgotten_key.unlink()
    with pytest.raises(ForgottenKeyMissing, match="Restore it from a backup"):
        Forgotten(state).among(["ana"])
    state.forgotten.unlink()
    with pytest.raises(ForgottenMissing, match="lists 0 of 1"):
        Forgotten(state).require(1)


def test_an_unfinished_forget_keeps_readers_away_until_it_is_finished(embedded: Place) -> None:
    with embedded.open() as store:
        with store.writing():
            store.changed()
        listed = Forgotten(store.state)
        assert listed.begin(["ben", "ana"]) == ["ana", "ben"]
        assert Forgotten(store.state).begin(["cem"]) == ["ana", "ben", "cem"]
        with pytest.raises(StoreIncomplete, match="followsuit forget --store"):
            store.require_complete()
        store.require_loaded()
        listed.finish()
        store.require_complete()
        assert Forgotten(store.state).among(["ana", "dia"]) == {"ana"}


def test_a_new_store_at_the_same_place_has_the_list_of_the_old_one(embedded: Place) -> None:
    with embedded.open() as store:
        with store.writing():
            store.changed()
        Forgotten(store.state).add(["ana"])
        Path(embedded.name).unlink()
        with store.writing():
            store.changed()
        assert Forgotten(store.state).among(["ana"]) == {"ana"}
