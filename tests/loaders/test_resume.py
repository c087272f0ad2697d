"""Interrupted loads: the store says so, and running the same load again resumes it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import commands
from support.deliveries import deliver, write_csv
from support.formats import deliver_as
from support.loading import content, counts, load_from, meta, rejects, rows

from followsuit.core.progress import Advance
from followsuit.errors import DeliveryError, StoreIncomplete
from followsuit.simulator import World, simulate
from followsuit.testing.places import Place

LARGER = World(customers=2_000, products=100, stores=10, friendships=8_000, purchases=20_000)


class Interruption(BaseException):
    """As a Ctrl-C is one, or the end of a process."""


class Watch:
    """A progress callback that records started steps and interrupts at a chosen one.

    The step of writing a label or relationship type is called by its name.
    """

    def __init__(self, stop_at: str = "") -> None:
        self.begun: list[str] = []
        self._stop_at = stop_at

    @contextmanager
    def __call__(self, name: str, total: int | None = None) -> Iterator[Advance]:
        step = name.removeprefix("writing ")
        self.begun.append(step)
        if step == self._stop_at:
            raise Interruption
        yield lambda units: None

    @property
    def read(self) -> list[str]:
        """The tables that were read."""
        return [n.removeprefix("reading ") for n in self.begun if n.startswith("reading ")]


def interrupt(place: Place, folder: str | Path, stop_at: str, **options: object) -> None:
    with pytest.raises(Interruption):
        load_from(place, folder, progress=Watch(stop_at), **options)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bought = {"customer_id": "c1", "product_id": "p1", "at": "2025-01-01", "amount": "5"}
    return deliver(
        tmp_path_factory.mktemp("shop") / "delivery",
        customers=[{"customer_id": i, "city": "Rome"} for i in ("c1", "c2", "c1", "")],
        products=[{"product_id": "p1", "price": p} for p in ("1", "-1")],
        friendships=[{"customer_id": "c1", "friend_id": i} for i in ("c2", "c1", "c9")],
        purchases=[bought, bought, bought | {"at": "soon"}, bought | {"product_id": "p9"}],
        consents=[
            {"customer_id": i, "purpose": "sms", "granted": "1", "at": "2025-01-01"}
            for i in ("c1", "c2")
        ],
    )


@dataclass(frozen=True)
class Outcome:
    """The result of an undisturbed load."""

    content: str
    counts: dict[str, tuple[int, int, int, int]]
    rejects: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def undisturbed(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    place = Place(str(tmp_path_factory.mktemp("undisturbed") / "store.lbug"))
    report = load_from(place, shop)
    return Outcome(content(place), counts(report), rejects(report))


class TestInterruptedLoads:
    @pytest.mark.parametrize("stop_at", ["reading purchases", "Customer", "CONSENTED"])
    def test_the_same_load_goes_on_and_ends_as_if_it_had_never_stopped(
        self, embedded: Place, shop: Path, undisturbed: Outcome, stop_at: str
    ) -> None:
        interrupt(embedded, shop, stop_at)
        with embedded.open() as store, pytest.raises(StoreIncomplete) as caught:
            store.require_complete()
        assert f"Run `followsuit load {shop} --store {embedded.name}` again" in str(caught.value)
        report = load_from(embedded, shop)
        assert Outcome(content(embedded), counts(report), rejects(report)) == undisturbed
        assert meta(embedded)["loading"] is None

    def test_on_a_server_too(self, server: Place, shop: Path, undisturbed: Outcome) -> None:
        for stop_at in ("reading purchases", "PURCHASED"):
            interrupt(server, shop, stop_at)
        load_from(server, shop)
        assert content(server) == undisturbed.content

    def test_staged_tables_and_written_steps_are_not_repeated(
        self, embedded: Place, shop: Path
    ) -> None:
        interrupt(embedded, shop, "reading purchases")
        second = Watch("FRIEND_OF")
        with pytest.raises(Interruption):
            load_from(embedded, shop, progress=second)
        assert second.read == ["purchases", "consents"]
        third = Watch()
        load_from(embedded, shop, progress=third)
        assert third.read == []
        # Labels and types that the second had written are not written again.
        assert "Customer" in second.begun
        assert "Customer" not in third.begun
        assert "FRIEND_OF" in third.begun

    def test_a_changed_file_makes_the_load_read_all_files_again(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = deliver(
            tmp_path / "d",
            customers=[{"customer_id": "c1"}],
            likes=[{"customer_id": "c1", "interest": "tea"}],
        )
        interrupt(embedded, folder, "LIKES")
        write_csv(folder / "customers.csv", [{"customer_id": "c1"}, {"customer_id": "c2"}])
        again = Watch()
        load_from(embedded, folder, progress=again)
        assert again.read == ["customers", "likes"]
        assert len(rows(embedded, "customers")) == 2

    def test_a_changed_mapping_makes_the_load_read_all_files_again(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = deliver(tmp_path / "d", customers=[{"customer_id": "c1", "town": "Rome"}])
        interrupt(embedded, folder, "Customer")
        again = Watch()
        load_from(embedded, folder, {"customers": {"columns": {"city": "town"}}}, progress=again)
        assert again.read == ["customers"]
        assert rows(embedded, "customers") == [{"customer_id": "c1", "city": "Rome"}]

    def test_a_database_is_always_read_again(self, embedded: Place, tmp_path: Path) -> None:
        url = deliver_as("sql", tmp_path, "customers", [{"customer_id": "c1"}])
        interrupt(embedded, url, "Customer")
        with embedded.open() as store, pytest.raises(StoreIncomplete, match=f"load {url}"):
            store.require_complete()
        again = Watch()
        load_from(embedded, url, progress=again)
        assert again.read == ["customers"]
        assert rows(embedded, "customers") == [{"customer_id": "c1"}]

    def test_a_finished_load_leaves_nothing_for_the_next(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = deliver(tmp_path / "d", customers=[{"customer_id": "c1"}])
        load_from(embedded, folder)
        again = Watch()
        load_from(embedded, folder, progress=again)
        assert again.read == ["customers"]
        with embedded.open() as store:
            assert list(store.state.staging.iterdir()) == []

    def test_an_interrupted_replacement_ends_as_it_should(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        people = [{"customer_id": i} for i in ("c1", "c2", "c3")]
        friends = [{"customer_id": "c1", "friend_id": i} for i in ("c2", "c3")]
        load_from(embedded, deliver(tmp_path / "1", customers=people, friendships=friends))
        turned = [{"customer_id": "c3", "friend_id": "c2"}]
        second = deliver(tmp_path / "2", customers=people[1:], friendships=turned)
        replace = ("customers", "friendships")
        interrupt(embedded, second, "FRIEND_OF", replace=replace, yes=True)
        # What is agreed to stays so: nothing is counted anew in a store that is half written.
        load_from(embedded, second, replace=replace)
        assert [row["customer_id"] for row in rows(embedded, "customers")] == ["c2", "c3"]
        assert [row["friend_id"] for row in rows(embedded, "friendships")] == ["c3"]

    def test_another_delivery_does_not_make_up_for_an_interrupted_one(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        first = deliver(tmp_path / "1", customers=[{"customer_id": "c1"}])
        second = deliver(tmp_path / "2", customers=[{"customer_id": "c2"}])
        interrupt(embedded, first, "Customer")
        load_from(embedded, second)
        with embedded.open() as store, pytest.raises(StoreIncomplete, match=f"load {first}"):
            store.require_complete()
        load_from(embedded, first)
        assert len(rows(embedded, "customers")) == 2

    def test_of_two_interrupted_loads_both_must_end(self, embedded: Place, tmp_path: Path) -> None:
        folders = [deliver(tmp_path / f"{i}", customers=[{"customer_id": f"c{i}"}]) for i in (1, 2)]
        for folder in folders:
            interrupt(embedded, folder, "Customer")
        load_from(embedded, folders[0])
        with embedded.open() as store, pytest.raises(StoreIncomplete, match=f"load {folders[1]}"):
            store.require_complete()
        load_from(embedded, folders[1])
        assert len(rows(embedded, "customers")) == 2

    def test_a_fault_leaves_the_store_as_incomplete_as_it_was(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        first = deliver(tmp_path / "1", customers=[{"customer_id": "c1"}])
        interrupt(embedded, first, "Customer")
        with pytest.raises(DeliveryError):
            load_from(embedded, deliver(tmp_path / "2", customers=[{"customer_id": ""}]))
        with embedded.open() as store, pytest.raises(StoreIncomplete, match=f"load {first}"):
            store.require_complete()


class TestKilled:
    def test_readers_refuse_after_kill_9_until_the_load_has_been_run_again(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        delivery = tmp_path / "delivery"
        simulate(LARGER, delivery)
        arguments = ("load", delivery, "--store", embedded.name)
        process = commands.start(*arguments, folder=tmp_path)
        staging = Path(f"{embedded.name}.state") / "staging"
        while len(written(staging)) < 3:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.kill()
        process.communicate()

        asked = [
            ("query", "counts"),
            ("score", "--as-of", "2025-12-01"),
            ("backtest", "--from", "2025-06-01", "--to", "2025-12-01", "--every", "7d"),
        ]
        for question in asked:
            done = commands.run(*question, "--store", embedded.name, folder=tmp_path)
            assert done.code == 2
            assert done.out == ""
            assert done.said.count("\n") == 1
            assert f"`followsuit load {delivery} --store {embedded.name}` again" in done.said

        done = commands.run(*arguments, folder=tmp_path)
        assert done.code == 0, done.said
        calm = Place(str(tmp_path / "calm.lbug"))
        load_from(calm, delivery)
        assert content(embedded) == content(calm)
        # Nothing of the killed process is left beside the store.
        left = {path.name.partition("-")[0] for path in Path(f"{embedded.name}.state").iterdir()}
        assert left <= {"lock", "staging", "snapshots", "rejects"}
        assert list(staging.iterdir()) == []


def written(staging: Path) -> list[str]:
    """The steps that the load under way has noted as written."""
    for notes in staging.glob("*/notes.json"):
        return list(json.loads(notes.read_text())["written"])
    return []
