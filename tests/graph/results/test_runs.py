"""Runs: written, activated, reactivated and pruned."""

import pyarrow as pa
import pytest
from support.scored_runs import write_offers_file
from support.snapshots import day

from followsuit.graph import schema as g
from followsuit.graph.results.run_writer import use_run, write_run
from followsuit.graph.results.runs import (
    FRIEND_ABLATION,
    INFLUENCE,
    OFFERS,
    SCORE,
    DamagedRun,
    Run,
    UnknownRun,
    active_run,
    new_run_id,
    prune_runs,
    run_folder,
    runs,
)
from followsuit.graph.store import GraphStore
from followsuit.testing.places import Place

CUSTOMERS = ("ann", "bob")


@pytest.fixture
def store(place: Place) -> GraphStore:
    """A store of two customers and a product."""
    store = place.open()
    with store.writing():
        for node, keys in ((g.CUSTOMER, CUSTOMERS), (g.PRODUCT, ("tea",))):
            rows = [{node.key: key} for key in keys]
            store.write(node, pa.Table.from_pylist(rows, schema=node.arrow_schema()))
        store.changed()
    return store


def write(store: GraphStore, number: int, customers: tuple[str, ...] = CUSTOMERS) -> str:
    """A run that offers tea to these customers."""
    run_id = f"run-{number}"
    run = Run(
        run_id, SCORE, day(number), day(number, 1), False, len(customers), len(customers), {"n": 1}
    )
    offers = [
        {"customer_id": c, "rank": 1, "item_kind": "product", "item_id": "tea"} for c in customers
    ]
    write_offers_file(store, run_id, offers)
    write_run(store, run, {})
    return run_id


def offered(store: GraphStore) -> dict[str, set[str]]:
    """The customers with offers, by run."""
    customers_by_run: dict[str, set[str]] = {}
    for row in store.read(g.RECOMMENDED_PRODUCT).to_pylist():
        customers_by_run.setdefault(row["run_id"], set()).add(row["source"])
    return customers_by_run


def test_the_last_run_written_is_active_and_the_graph_has_its_offers(store: GraphStore) -> None:
    one, other = write(store, 1), write(store, 2, ("bob",))
    assert [(run.run_id, run.active) for run in runs(store, SCORE)] == [(other, True), (one, False)]
    assert active_run(store) == Run(other, SCORE, day(2), day(2, 1), True, 1, 1, {"n": 1})
    assert offered(store) == {other: {"bob"}}


def test_a_run_written_again_is_one_run(store: GraphStore) -> None:
    run_id = write(store, 1)
    assert write(store, 1) == run_id
    assert len(runs(store, SCORE)) == 1
    assert offered(store) == {run_id: {"ann", "bob"}}


def test_another_run_can_be_activated(store: GraphStore) -> None:
    one, other = write(store, 1), write(store, 2, ("bob",))
    use_run(store, one)
    assert [run.run_id for run in runs(store, SCORE) if run.active] == [one]
    assert offered(store) == {one: {"ann", "bob"}}
    with pytest.raises(UnknownRun, match=f"no run gone; there are {other}, {one}"):
        use_run(store, "gone")


def test_a_run_without_its_files_is_not_activated(store: GraphStore) -> None:
    one, other = write(store, 1), write(store, 2)
    (run_folder(store, one) / OFFERS).unlink()
    with pytest.raises(DamagedRun, match=f"{one} are missing or damaged. Score again"):
        use_run(store, one)
    assert active_run(store).run_id == other
    assert set(offered(store)) == {other}


def test_pruning_keeps_the_latest_and_the_active_one(store: GraphStore) -> None:
    ids = [write(store, number) for number in range(1, 6)]
    use_run(store, ids[0])
    assert prune_runs(store, keep=2) == [ids[2], ids[1]]
    assert [run.run_id for run in runs(store, SCORE)] == [ids[4], ids[3], ids[0]]
    assert set(offered(store)) == {ids[0]}
    use_run(store, ids[3])
    use_run(store, ids[0])
    assert prune_runs(store, keep=2) == []


def test_before_the_first_run_nothing_is_active(store: GraphStore) -> None:
    assert runs(store, SCORE) == []
    with pytest.raises(UnknownRun, match="followsuit score"):
        active_run(store)


def test_the_id_depends_on_kind_day_and_inputs() -> None:
    made = new_run_id(INFLUENCE, day(3), {"a": 1, "b": 2}, "content")
    assert made.startswith("influence-2025-01-03-")
    assert made == new_run_id(INFLUENCE, day(3), {"b": 2, "a": 1}, "content")
    assert made != new_run_id(INFLUENCE, day(3), {"a": 1, "b": 2}, "content", data=b"1")
    assert new_run_id(SCORE, day(3), {}).startswith("2025-01-03-")


def test_the_next_run_deletes_the_results_of_an_interrupted_one(store: GraphStore) -> None:
    schema = g.RECOMMENDED_PRODUCT.arrow_schema()
    left = {
        "source": "ann",
        "target": "tea",
        "run_id": "interrupted",
        "rank": 1,
        "item_kind": "product",
    }
    with store.writing():
        store.write(g.RECOMMENDED_PRODUCT, pa.Table.from_pylist([left], schema=schema))
    run_id = write(store, 1)
    assert set(offered(store)) == {run_id}


def test_each_kind_is_pruned_separately(store: GraphStore) -> None:
    run_id = write(store, 1)
    for number in range(1, 5):
        for kind in (INFLUENCE, FRIEND_ABLATION):
            made = Run(f"{kind}-{number}", kind, day(number), day(number, 1), False, 0, 0, {})
            write_run(store, made, {})
    assert [run.run_id for run in runs(store, INFLUENCE)] == ["influence-4"]
    assert len(runs(store, FRIEND_ABLATION)) == 4
    assert [run.run_id for run in runs(store, SCORE)] == [run_id]
    with pytest.raises(UnknownRun, match="no run influence-4; there are"):
        use_run(store, "influence-4")
    use_run(store, "audit-1", FRIEND_ABLATION)
    assert [run.run_id for run in runs(store, FRIEND_ABLATION) if run.active] == ["audit-1"]
