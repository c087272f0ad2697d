"""What is too old goes, everywhere; the rest stays; an interrupted prune is finished later."""

import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from support.deliveries import deliver
from support.forgetting import open_store, others
from support.kills import Acts, Killed
from support.shops import NOW
from support.snapshots import day

from followsuit.graph.results.runs import SCORE, runs
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import PURCHASES
from followsuit.graph.views.snapshot import take_snapshot
from followsuit.loaders.load import load
from followsuit.privacy.prune import prune

DAYS = timedelta(days=1)


def dates(store: GraphStore, table: str) -> list[int]:
    return sorted(row["at"].day for row in others(store)[table])


@pytest.fixture
def with_contacts(desk: Path) -> Path:
    rows = [
        {"customer_id": "ann", "offer_id": "t1", "channel": "email", "at": day(d).isoformat()}
        for d in (2, 12)
    ]
    events = [
        {"customer_id": "ann", "kind": kind, "at": day(d).isoformat(), "product_id": "tea"}
        for kind in ("view", "search")
        for d in (4, 14)
    ]
    with open_store(desk) as store:
        load(store, str(deliver(desk / "more", contacts=rows, events=events)))
    return desk


def test_events_and_contacts_are_kept_for_their_own_time(with_contacts: Path) -> None:
    with open_store(with_contacts) as store:
        before = others(store)
        pruned = prune(store, 10 * DAYS, 15 * DAYS, day(24))
        assert pruned.rows == {"PURCHASED": 1, "VIEWED": 2, "Event": 2, "CONTACTED": 1}
        assert dates(store, "purchases") == [15, 17, 18, 18, 18, 19, 19, 19, 19, 19]
        assert dates(store, "events") == []
        assert dates(store, "contacts") == [12]
        after = others(store)
        kept = before.keys() - {"purchases", "events", "contacts"}
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_without_a_length_nothing_goes(with_contacts: Path) -> None:
    with open_store(with_contacts) as store:
        before = others(store)
        assert prune(store, None, None, day(28)).rows == {}
        assert prune(store, 400 * DAYS, 400 * DAYS, day(28)).runs == []
        assert others(store) == before


def test_runs_and_snapshots_that_rest_on_what_went_go_too(desk: Path) -> None:
    with open_store(desk) as store:
        (run,) = runs(store, SCORE)
        folder = store.state.runs / run.run_id
        prune(store, 5 * DAYS, None, NOW + 4 * DAYS)
        assert runs(store, SCORE) == [run]
        assert folder.exists()
        pruned = prune(store, 5 * DAYS, None, NOW + 5 * DAYS)
        assert pruned.runs == [run.run_id]
        assert runs(store, SCORE) == []
        assert not folder.exists()
        assert not any(store.state.models.iterdir())
        assert len([*store.state.snapshots.iterdir()]) == 1
        assert take_snapshot(store).rows(PURCHASES).count().execute() == 0


ACTS = Acts()


@pytest.mark.timeout(600)
def test_interrupted_before_any_change_of_a_file_it_is_finished_later(
    desk: Path, tmp_path: Path
) -> None:
    calm = tmp_path / "calm"
    shutil.copytree(desk, calm, symlinks=True)
    with open_store(calm) as store:
        with ACTS.until(calm):
            prune(store, 3 * DAYS, 3 * DAYS, NOW + 2 * DAYS)
        end = others(store), take_snapshot(store).content
    changes = ACTS.count
    for last in range(1, changes, max(1, changes // 5)):
        copy = tmp_path / f"copy-{last}"
        shutil.copytree(desk, copy, symlinks=True)
        with open_store(copy) as store, suppress(Killed), ACTS.until(copy, last):
            prune(store, 3 * DAYS, 3 * DAYS, NOW + 2 * DAYS)
        with open_store(copy) as store:
            prune(store, 3 * DAYS, 3 * DAYS, NOW + 2 * DAYS)
            assert (others(store), take_snapshot(store).content) == end
            assert not store.state.pruning.exists()
