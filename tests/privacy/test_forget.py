"""Forgetting: nobody is named any more, whenever it is interrupted, and all others stay."""

import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import commands
from support.forgetting import hits, open_store, others
from support.kills import Acts, Killed
from support.shops import NOW

from followsuit.graph.erasure.forgotten import Forgotten
from followsuit.graph.results.runs import SCORE, active_run, runs
from followsuit.graph.store import GraphStore, StoreBusy, StoreIncomplete
from followsuit.loaders.load import load
from followsuit.offers.learning.learned import CHOSEN
from followsuit.offers.score import score
from followsuit.privacy.forget import NotForgotten, allow, forget
from followsuit.queries.runner import run_query


def test_nobody_names_a_forgotten_customer_and_all_other_rows_stay(desk: Path) -> None:
    with open_store(desk) as store:
        before = others(store, "bob", "kim")
        assert hits(store, "bob") > 10
        receipt = forget(store, ["bob", "kim"])
        assert receipt.hits == hits(store, "bob", "kim") == 0
        assert others(store) == before
        assert store.meta.forgotten == 2


def test_offers_that_only_a_forgotten_friend_brought_up_go_too(desk: Path) -> None:
    def offered() -> set[tuple[str, str]]:
        rows = run_query(store, "current-recommendations").to_pylist()
        return {(row["customer_id"], row["item_id"]) for row in rows}

    with open_store(desk) as store:
        assert ("ann", "tea") in offered()
        forget(store, ["bob", "eve", "fay"])
        assert ("ann", "tea") not in offered()


def test_the_receipt_says_what_was_searched_and_nothing_of_whom(desk: Path) -> None:
    with open_store(desk) as store:
        report = forget(store, ["bob"]).as_dict()
        assert list(report) == ["forgotten", "searched", "hits"]
        assert [list(place) for place in report["searched"]] == [["place", "files", "hits"]] * 8
        assert report["forgotten"] == Forgotten(store.state).hashes
        assert report["hits"] == 0
        assert "bob" not in str(report)
        key = store.state.forgotten_key
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32


def test_a_dry_run_counts_and_erases_nothing(desk: Path) -> None:
    with open_store(desk) as store:
        before, content = others(store), (desk / "store.lbug").read_bytes()
        receipt = forget(store, ["bob"], dry_run=True)
        assert {place.place for place in receipt.searched if place.hits} == {
            "graph",
            "snapshots",
            "runs",
        }
        assert others(store) == before
        assert Forgotten(store.state).hashes == []
    assert (desk / "store.lbug").read_bytes() == content


def test_a_later_load_does_not_bring_a_customer_back_until_that_is_allowed(desk: Path) -> None:
    delivery = str(desk / "shop")
    with open_store(desk) as store:
        before = others(store)
        forget(store, ["bob"])
        report = load(store, delivery)
        assert {(r.reason, r.sample) for r in report.reasons} == {("was forgotten", None)}
        assert hits(store, "bob") == 0
        allow(store, "bob")
        load(store, delivery)
        load(store, str(desk / "faulty"))
        assert others(store) == before
        with pytest.raises(NotForgotten, match="bob isn't on the list"):
            allow(store, "bob")


def test_the_next_run_fits_its_models_again(desk: Path) -> None:
    with open_store(desk) as store:
        assert set(CHOSEN) <= set(active_run(store).parameters)
        forget(store, ["bob"])
        assert not any(set(CHOSEN) & set(run.parameters) for run in runs(store, SCORE))
        assert not store.state.models.exists()


def test_somebody_must_be_named_and_may_be_unknown(desk: Path) -> None:
    with open_store(desk) as store:
        with pytest.raises(NotForgotten, match="nobody to forget"):
            forget(store, [])
        assert forget(store, ["nobody-we-know"]).hits == 0


def test_ids_that_are_long_and_no_part_of_another_are_searched_in_the_bytes(desk: Path) -> None:
    with open_store(desk) as store:
        receipt = forget(store, ["bob", "a-customer-of-long-ago"])
        assert (len(receipt.forgotten), receipt.raw) == (2, 1)


ACTS = Acts()


@pytest.mark.timeout(900)
def test_interrupted_before_any_change_of_a_file_it_is_finished_later(
    desk: Path, tmp_path: Path
) -> None:
    calm = tmp_path / "calm"
    shutil.copytree(desk, calm, symlinks=True)
    with open_store(calm) as store, ACTS.until(calm):
        forget(store, ["bob", "kim"])
        end = state_of(store)
    changes = ACTS.count
    for last in range(1, changes, max(1, changes // 3)):
        copy = tmp_path / f"copy-{last}"
        shutil.copytree(desk, copy, symlinks=True)
        with open_store(copy) as store, suppress(Killed), ACTS.until(copy, last):
            forget(store, ["bob", "kim"])
        with open_store(copy) as store:
            if store.state.forgetting.exists():
                with pytest.raises(StoreIncomplete, match="followsuit forget"):
                    store.require_complete()
                forget(store, [])
            else:
                forget(store, ["bob", "kim"])
            assert state_of(store) == end
        shutil.rmtree(copy)


def state_of(store: GraphStore) -> tuple[Any, ...]:
    """What a store and its runs hold, but for revisions."""
    store.require_complete()
    recorded = [(run.run_id, run.active, run.offers, run.customers) for run in runs(store, SCORE)]
    offers = run_query(store, "current-recommendations").to_pylist()
    listed = len(Forgotten(store.state).hashes)
    return others(store), recorded, offers, hits(store, "bob", "kim"), listed


@pytest.mark.timeout(900)
def test_killed_with_9_it_is_finished_later(desk: Path, tmp_path: Path) -> None:
    for number, seconds in enumerate((1.5, 3.0)):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(desk, copy, symlinks=True)
        process = commands.begin("forget", "bob", "kim", "--store", "store.lbug", folder=copy)
        try:
            time.sleep(seconds)
        finally:
            process.kill()
            process.wait()
        again = commands.run("forget", "bob", "kim", "--store", "store.lbug", folder=copy)
        assert again.code == 0, again.said
        with open_store(copy) as store:
            assert hits(store, "bob", "kim") == 0
            assert load(store, str(copy / "shop"), loaded_at=NOW).tables["customers"].rejected == 2


def test_a_run_that_began_before_is_not_written(desk: Path, few_days: None) -> None:
    @contextmanager
    def forget_meanwhile(name: str, _total: int | None = None) -> Iterator[Callable[[int], None]]:
        if name == "ranking offers" and not done:
            done.append(name)
            with open_store(desk) as other:
                forget(other, ["bob"])
        yield lambda _units: None

    done: list[str] = []
    later = NOW + timedelta(days=1)
    with open_store(desk) as store:
        before = active_run(store)
        with pytest.raises(StoreBusy, match="Customers were forgotten"):
            score(store, later, later, affinity="linear", progress=forget_meanwhile)
        assert done
        assert active_run(store).run_id == before.run_id
        assert hits(store, "bob") == 0
