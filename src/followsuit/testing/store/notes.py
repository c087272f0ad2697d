"""The contract of a store's notes about itself, and of stores that it refuses to use."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from followsuit.graph import schema as g
from followsuit.graph.store import (
    GraphStore,
    StoreIncomplete,
    StoreMissing,
    StoreNotOurs,
    StoreTooNew,
)
from followsuit.testing.graph_rows import samples, stored
from followsuit.testing.places import Place

READERS: dict[str, Callable[[GraphStore], object]] = {
    "reading": lambda store: store.reading().__enter__(),
    "meta": lambda store: store.meta,
    "query": lambda store: store.query("RETURN 1 AS one"),
    "count": lambda store: store.count(g.CUSTOMER),
    "read": lambda store: store.read(g.CUSTOMER),
    "require_complete": lambda store: store.require_complete(),
}


class NotesContract(ABC):
    """A store's notes, and the stores that it refuses to use."""

    @abstractmethod
    def everything(self, place: Place) -> object:
        """Everything at a place."""

    @abstractmethod
    def foreign(self, place: Place) -> AbstractContextManager[None]:
        """Put data at a place that followsuit did not write."""

    def test_where_there_is_nothing_it_says_how_to_load(self, place: Place) -> None:
        before = self.everything(place)
        with place.open() as store:
            for reader in READERS.values():
                with pytest.raises(StoreMissing) as refusal:
                    reader(store)
                assert str(refusal.value) == (
                    f"There is no store at {store.name}. Run `followsuit load FOLDER --store "
                    f"{store.name}` first, or name another with --store."
                )
        assert self.everything(place) == before

    def test_a_new_store_has_an_identity_and_no_revision(self, place: Place) -> None:
        with place.open() as store:
            with store.writing():
                meta = store.meta
            assert len(meta.store_id) == 32
            assert (meta.revision, meta.loading, meta.delivered) == (0, None, [])
            assert meta.assume_consent is False
            with store.writing():
                pass
            assert store.meta.entries == meta.entries

    def test_notes_are_kept_and_changed(self, place: Place) -> None:
        with place.open() as store:
            with store.writing():
                store.note(loading='it\'s \\ a "folder"\n', delivered=["customers", "stores"])
                store.note(assume_consent=True)
                store.changed()
                store.changed()
            with place.open() as other:
                meta = other.meta
            assert meta.loading == 'it\'s \\ a "folder"\n'
            assert meta.delivered == ["customers", "stores"]
            assert meta.assume_consent is True
            assert meta.revision == 2
            with store.writing():
                store.note(loading=None, delivered=[])
            assert (store.meta.loading, store.meta.delivered) == (None, [])
            assert store.meta.store_id == meta.store_id

    def test_notes_are_no_part_of_the_graph(self, place: Place) -> None:
        with place.open() as store, store.writing():
            store.note(loading="folder")
            for element in (*g.NODES, *g.RELATIONSHIPS):
                assert stored(store, element) == {}

    def test_a_store_is_complete_once_a_load_has_ended(self, place: Place) -> None:
        with place.open() as store:
            with store.writing():
                pass
            with pytest.raises(StoreMissing, match="Nothing has been loaded into"):
                store.require_complete()
            with store.writing():
                store.note(loading="/data/shop")
            again = r"Run `followsuit load /data/shop --store \S+` again"
            with pytest.raises(StoreIncomplete, match=again):
                store.require_complete()
            with store.writing():
                store.note(loading=None, revision=1)
            store.require_complete()
            with store.writing():
                store.note(loading="/data/more")
            with pytest.raises(StoreIncomplete, match="/data/more"):
                store.require_complete()

    def test_a_store_of_a_later_version_is_not_read(self, place: Place) -> None:
        with place.open() as store:
            with store.writing():
                store.note(version=g.VERSION + 1)
            for reader in READERS.values():
                with pytest.raises(StoreTooNew, match="Upgrade followsuit, or load into a new"):
                    reader(store)

    def test_a_store_of_a_later_version_is_not_written(self, place: Place) -> None:
        with place.open() as store:
            with store.writing():
                store.write(g.CUSTOMER, samples(g.CUSTOMER))
                store.note(version=g.VERSION + 1)
            before = self.everything(place)
            with pytest.raises(StoreTooNew, match=f"version {g.VERSION + 1}"), store.writing():
                pytest.fail("it let itself be written")
            assert self.everything(place) == before

    def test_what_others_have_made_is_not_read(self, place: Place) -> None:
        with self.foreign(place), place.open() as store:
            for reader in READERS.values():
                with pytest.raises(StoreNotOurs, match="data that followsuit did not write"):
                    reader(store)

    def test_what_others_have_made_is_not_written(self, place: Place) -> None:
        with self.foreign(place), place.open() as store:
            before = self.everything(place)
            with pytest.raises(StoreNotOurs), store.writing():
                pytest.fail("it let itself be written")
            assert self.everything(place) == before
