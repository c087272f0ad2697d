"""Embeddings as a run in the graph, on both engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from support.spectral import Popular, Spectral
from support.worlds import end_of, view_of_world

from followsuit.core.progress import Advance
from followsuit.gnn.data.from_view import dataset
from followsuit.gnn.embeddings import (
    Embedded,
    NoEmbeddings,
    embed,
    read_embeddings,
    write_embeddings,
)
from followsuit.graph import schema as g
from followsuit.graph.results.runs import EMBEDDING, active, runs
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import View
from followsuit.simulator import World
from followsuit.testing.graph_rows import NOON, nodes
from followsuit.testing.places import Place

WORLD = World(customers=200, products=60, stores=6, friendships=500, purchases=1500, days=120)
NODES = [("customer", "1"), ("customer", "ben"), ("product", "1"), ("store", "s1")]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return view_of_world(WORLD, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def learned(view: View) -> Embedded:
    return embed(Spectral(), view.shared)


def of_kind(embedded: Embedded, kind: str) -> set[str]:
    return set(embedded.id[embedded.kind == kind])


class TestLearning:
    def test_customers_products_and_stores_have_one_vector_each(
        self, learned: Embedded, view: View
    ) -> None:
        acted = view.table("purchases").customer_id.execute()
        customers = set(view.table("customers").customer_id.execute())
        assert of_kind(learned, "customer") <= customers
        assert len(of_kind(learned, "customer") & set(acted)) > 100
        assert of_kind(learned, "store") <= set(view.table("stores").store_id.execute())
        assert len(set(zip(learned.kind, learned.id, strict=True))) == len(learned.id)
        assert learned.vectors.shape == (len(learned.id), 8)
        assert learned.vectors.dtype == np.float32
        assert learned.vectors.any(axis=1).all()

    def test_sensitive_products_and_known_minors_have_none(
        self, learned: Embedded, view: View
    ) -> None:
        products = view.table("products")
        sensitive = set(products.filter(products.sensitive).product_id.execute())
        customers = view.table("customers")
        young = customers.birth_date > (view.as_of - timedelta(days=17 * 366)).date()
        minors = set(customers.filter(young).customer_id.execute())
        assert sensitive
        assert minors
        assert not sensitive & of_kind(learned, "product")
        assert not minors & of_kind(learned, "customer")

    def test_nodes_without_data_have_no_embedding_and_are_counted(self, view: View) -> None:
        embedded = embed(Spectral(), view.shared.at(end_of(WORLD) - timedelta(days=119)))
        items = view.item_list
        assert embedded.unknown > 0
        assert of_kind(embedded, "product") < set(items.id[items.kind == "product"])

    def test_what_comes_later_changes_nothing(self, view: View, tmp_path: Path) -> None:
        middle = end_of(WORLD) - timedelta(days=60)
        cut = {
            name: view.snapshot.connection.table(name).to_pyarrow()
            for name in ("purchases", "visits", "events", "likes")
        }
        later = sum(pc.sum(pc.greater(rows["at"], middle)).as_py() for rows in cut.values())
        assert later > 300
        snapshot = view.snapshot
        whole = embed(Spectral(), View(snapshot, middle).shared)
        for name, rows in cut.items():
            kept = rows.filter(pc.less_equal(rows["at"], pa.scalar(middle)))
            snapshot.connection.drop_view(name)
            snapshot.connection.create_table(name, kept)
        try:
            past = embed(Spectral(), View(snapshot, middle).shared)
        finally:
            for name, rows in cut.items():
                snapshot.connection.create_table(name, rows, overwrite=True)
        assert past.table().equals(whole.table())

    def test_a_model_without_embeddings_says_so(self, view: View) -> None:
        with pytest.raises(NoEmbeddings, match="The model popular has no embeddings: choose"):
            embed(Popular(), view.shared)

    def test_a_day_before_the_first_act_is_refused(self, view: View) -> None:
        with pytest.raises(NoEmbeddings, match="no purchases or visits up to 2020-01-01"):
            embed(Spectral(), view.shared.at(NOON.replace(year=2020, month=1, day=1)))


def hand_made(*values: float, **more: Any) -> Embedded:
    """Embeddings of `NODES`; the first one is `values`."""
    vectors = np.array([values, [0, 1], [1, 1], [1, -1]], dtype=np.float32)
    kinds, ids = (np.array(part, dtype=object) for part in zip(*NODES, strict=True))
    return Embedded("spectral", {"width": 2} | more, NOON, kinds, ids, vectors, 0)


@pytest.fixture
def store(place: Place) -> Iterator[GraphStore]:
    """A store with the nodes, on each engine."""
    with place.open() as opened:
        with opened.writing():
            opened.write(g.CUSTOMER, nodes(g.CUSTOMER, "1", "ben"))
            opened.write(g.PRODUCT, nodes(g.PRODUCT, "1"))
            opened.write(g.STORE, nodes(g.STORE, "s1"))
            opened.note(revision=1)
        yield opened


def write(store: GraphStore, embedded: Embedded, day: int) -> str:
    return write_embeddings(store, embedded, "content", NOON + timedelta(days=day))


def links(store: GraphStore) -> list[tuple[str, str]]:
    """(node, id of the run) of every embedding."""
    rows = store.query(
        "MATCH (x)-[:EMBEDDED]->(e:Embedding) RETURN e.run_id AS run, "
        "coalesce(x.customer_id, x.product_id, x.store_id) AS node ORDER BY run, node"
    )
    return [(row["node"], row["run"]) for row in rows.to_pylist()]


class TestWriting:
    def test_what_is_written_comes_back_and_hangs_on_its_nodes(self, store: GraphStore) -> None:
        embedded = hand_made(1, 0)
        run_id = write(store, embedded, 1)
        assert read_embeddings(store).equals(embedded.table())
        assert links(store) == [("1", run_id), ("1", run_id), ("ben", run_id), ("s1", run_id)]
        (run,) = runs(store, EMBEDDING)
        assert (run.run_id, run.active, run.as_of, run.customers) == (run_id, True, NOON, 2)
        assert run.parameters["model"] == "spectral"
        assert run.parameters["width"] == 2

    def test_the_same_is_the_same_run_and_another_is_activated(self, store: GraphStore) -> None:
        first = write(store, hand_made(1, 0), 1)
        assert write(store, hand_made(1, 0), 2) == first
        assert store.count(g.EMBEDDING) == 4
        for day, other in ((3, hand_made(1, 0.5)), (4, hand_made(1, 0, seed=1))):
            run_id = write(store, other, day)
            assert run_id != first
            now_active = active(runs(store, EMBEDDING))
            assert now_active is not None
            assert now_active.run_id == run_id
            assert read_embeddings(store).equals(other.table())

    def test_the_last_two_runs_are_kept(self, store: GraphStore) -> None:
        written = [write(store, hand_made(1, day), day) for day in range(1, 5)]
        assert [run.run_id for run in runs(store, EMBEDDING)] == written[:1:-1]
        assert {run for _, run in links(store)} == set(written[2:])
        assert store.count(g.EMBEDDING) == 8

    def test_a_run_of_another_width_takes_the_place_of_one(self, store: GraphStore) -> None:
        write(store, hand_made(1, 0), 1)
        narrow = hand_made(1, 0)
        wide = np.hstack([narrow.vectors, narrow.vectors])
        other = Embedded("wide", {}, NOON, narrow.kind, narrow.id, wide, 0)
        write(store, other, 2)
        assert read_embeddings(store).equals(other.table())

    @pytest.mark.parametrize("step", range(4))
    def test_an_interrupted_run_leaves_the_one_before_active(
        self, store: GraphStore, step: int
    ) -> None:
        before, after = hand_made(1, 0), hand_made(0, 1)
        first = write(store, before, 1)
        with pytest.raises(KeyboardInterrupt):
            write_embeddings(store, after, "content", NOON, Interrupting(step))
        assert [(run.run_id, run.active) for run in runs(store, EMBEDDING)] == [(first, True)]
        assert read_embeddings(store).equals(before.table())
        write(store, hand_made(2, 1), 2)
        assert store.count(g.EMBEDDING) == 8, "what the interrupted run had written is left"
        assert len(links(store)) == 8

    def test_without_a_run_there_are_no_embeddings(self, store: GraphStore) -> None:
        with pytest.raises(NoEmbeddings, match="Run `followsuit gnn embed --as-of DATE` first"):
            read_embeddings(store)


class Interrupting:
    """A progress callback that raises KeyboardInterrupt at the given step."""

    def __init__(self, step: int) -> None:
        self._left = step

    @contextmanager
    def __call__(self, name: str, total: int | None = None) -> Iterator[Advance]:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        yield lambda count: None


def test_a_saved_model_of_the_same_graph_is_used(view: View, tmp_path: Path) -> None:
    narrow = Spectral(width=4)
    narrow.fit(dataset(view.shared)).save(tmp_path / "kept")
    embedded = embed(Spectral(), view.shared, folder=tmp_path / "kept")
    assert embedded.vectors.shape[1] == 4
    assert embedded.settings == narrow.settings()
    earlier = embed(
        Spectral(), view.shared.at(view.as_of - timedelta(days=30)), folder=tmp_path / "kept"
    )
    assert earlier.vectors.shape[1] == Spectral().config.width
    assert (
        embed(Spectral(), view.shared, folder=tmp_path / "nowhere").settings
        == Spectral().settings()
    )
