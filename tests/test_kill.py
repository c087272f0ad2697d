"""`load` and `score`, killed with -9 at random times and started again, lose nothing."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support import commands
from support.worlds import end_of

from followsuit.graph.results.runs import prune_runs
from followsuit.graph.store import StoreBusy, StoreIncomplete, StoreMissing
from followsuit.graph.views.snapshot import take_snapshot
from followsuit.queries.runner import run_query
from followsuit.simulator import World, simulate
from followsuit.testing.places import Place, empty_database

WORLD = World(
    customers=2_000,
    products=150,
    stores=10,
    friendships=6_000,
    purchases=12_000,
    days=90,
    influence=0.8,
    dirt=0.3,
    seed=9,
)
SMALL = replace(WORLD, customers=800, friendships=2_400, purchases=5_000)
SCORE = ("score", "--activate", "--only", "friend_bought,friend_visited")
EARLIER, LATER = "2025-03-20", f"{end_of(WORLD):%Y-%m-%d}"
POLICY = """
[contact]
per_customer = { at_most = 5, within = "7d" }
per_friend = { at_most = 20 }

[limits]
budget = 40.0
channels = { push = 200 }
costs = { sms = 0.08 }
"""
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    simulate(WORLD, folder)
    return folder


@pytest.fixture(scope="module")
def small_delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-delivery")
    simulate(SMALL, folder)
    return folder


@dataclass(frozen=True)
class Desk:
    """A folder to work in, and a store."""

    place: Place
    folder: Path

    def arguments(self, command: str, *rest: str | Path) -> list[str | Path]:
        return [command, *rest, "--store", self.place.name]

    def run(self, command: str, *rest: str | Path) -> float:
        """Run a command to its end; returns the seconds it took."""
        began = time.monotonic()
        outcome = commands.run(
            *self.arguments(command, *rest),
            folder=self.folder,
            environment=self.place.environment,
        )
        assert outcome.code == 0, outcome.said
        return time.monotonic() - began

    @contextmanager
    def killed_after(self, seconds: float, command: str, *rest: str | Path) -> Iterator[None]:
        """Run a command that is killed with -9 after so many seconds."""
        process = commands.begin(
            *self.arguments(command, *rest),
            folder=self.folder,
            environment=self.place.environment,
        )
        killer = threading.Timer(seconds, process.kill)
        killer.start()
        try:
            yield
        finally:
            killer.join()
            process.wait()

    def counts(self) -> dict[tuple[str, str], int]:
        """The number of nodes of each label and of relationships of each type."""
        with self.place.open() as store:
            rows = run_query(store, "counts").to_pylist()
        return {(row["kind"], row["name"]): row["n"] for row in rows}

    def content(self) -> str:
        """The digest of all the tables."""
        with self.place.open() as store:
            return take_snapshot(store).content

    def offers(self) -> Rows:
        """The offers of the active run; none before the first run."""
        with self.place.open() as store:
            return run_query(store, "current-recommendations").to_pylist()

    def offers_unless_busy(self) -> Rows | None:
        try:
            return self.offers()
        except StoreBusy:
            return None

    def forget_all_but_the_last_run(self) -> None:
        with self.place.open() as store:
            prune_runs(store, keep=1)

    def load(self, delivery: Path) -> float:
        return self.run("load", delivery)

    def score(self, as_of: str) -> float:
        return self.run(*SCORE, "--as-of", as_of)


def moments(took: float, rounds: int) -> list[float]:
    """Moments at random within as many equal parts of the time that a command took.

    The tests add half of a moment that came when the work was done, until a kill interrupts it.
    """
    chance = random.Random(rounds)
    return [took * (0.1 + 0.9 * (n + chance.random()) / rounds) for n in range(rounds)]


def fresh(place: Place, folder: Path) -> Desk:
    """A desk with an empty store."""
    folder.mkdir()
    if place.is_server:
        empty_database(place)
        return Desk(Place(place.name, folder / "state", place.username, place.password), folder)
    return Desk(Place(str(folder / "store.lbug")), folder)


def loads_in_spite_of_kills(place: Place, delivery: Path, folder: Path, rounds: int) -> None:
    calm = fresh(place, folder / "calm")
    took = calm.load(delivery)
    counts, content = calm.counts(), calm.content()
    calm.score(LATER)
    offers = calm.offers()
    assert len(offers) > 1_000
    interrupted, left = 0, moments(took, rounds)
    for number, moment in enumerate(left):
        desk = fresh(place, folder / f"round-{number}")
        with desk.killed_after(moment, "load", delivery):
            pass
        try:
            assert desk.counts() == counts
            left.append(moment / 2)
        except (StoreIncomplete, StoreMissing):
            interrupted += 1
        desk.load(delivery)
        assert desk.counts() == counts
        assert desk.content() == content
    assert interrupted > 0
    desk.score(LATER)
    assert desk.offers() == offers


def scores_in_spite_of_kills(place: Place, delivery: Path, folder: Path, rounds: int) -> None:
    desk = fresh(place, folder / "desk")
    (desk.folder / "followsuit-policy.toml").write_text(POLICY)
    desk.load(delivery)
    offers, took = {}, 0.0
    for as_of in (EARLIER, LATER):
        took = desk.score(as_of)
        offers[as_of] = desk.offers()
        assert len(offers[as_of]) > 1_000
    counts = desk.counts()
    now, new = LATER, EARLIER
    interrupted, left = 0, moments(took, rounds)
    for moment in left:
        desk.forget_all_but_the_last_run()
        with desk.killed_after(moment, *SCORE, "--as-of", new):
            while_scoring = [desk.offers_unless_busy() for _ in range(3)]
        after = desk.offers()
        interrupted += after == offers[now]
        if after != offers[now]:
            left.append(moment / 2)
        # Readers see either the previous run or the whole new one.
        assert all(seen in (None, offers[now], offers[new]) for seen in [*while_scoring, after])
        desk.score(new)
        assert desk.offers() == offers[new]
        # The graph has the offers of the active run alone.
        recommended = {("relationship", "RECOMMENDED"): len(offers[new])}
        assert desk.counts() == counts | recommended
        now, new = new, now
    assert interrupted > 0


CASES = {"load": loads_in_spite_of_kills, "score": scores_in_spite_of_kills}


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("command", CASES)
def test_a_killed_command_loses_nothing(
    place: Place, small_delivery: Path, tmp_path: Path, command: str
) -> None:
    CASES[command](place, small_delivery, tmp_path, rounds=1)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("command", CASES)
def test_a_command_killed_twenty_times_loses_nothing(
    place: Place, delivery: Path, tmp_path: Path, command: str
) -> None:
    CASES[command](place, delivery, tmp_path, rounds=20)
