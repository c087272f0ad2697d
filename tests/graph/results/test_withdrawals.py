"""A withdrawal takes effect on the next read of offers, influence and embeddings."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.deliveries import deliver
from support.linear_taste import score
from support.shops import NOW, Rows, deliver_shop, tables
from support.snapshots import day
from support.spectral import Spectral

from followsuit.gnn.embeddings import embed, write_embeddings
from followsuit.graph import schema as g
from followsuit.graph.results.run_writer import use_run
from followsuit.graph.results.runs import SCORE, runs
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import view_of
from followsuit.influence.analysis import Analysis
from followsuit.loaders.load import load
from followsuit.offers.explanation.explain import explain
from followsuit.offers.selection import Selection
from followsuit.queries.runner import run_query
from followsuit.testing.places import Place
from followsuit.triggers.definitions.definition_file import parsed

pytestmark = pytest.mark.usefixtures("few_days")

LATER = datetime(2026, 1, 1, tzinfo=UTC)


class Told:
    """A shop with two runs, influence edges, ranks and embeddings, and its further deliveries."""

    def __init__(self, store: GraphStore, folder: Path) -> None:
        self.store = store
        self._folder = folder
        load(store, str(deliver_shop(folder / "shop")))
        self.older = score(store, NOW, LATER, selection=Selection(top=9))
        self.run = score(store, NOW, LATER)
        view = view_of(store, NOW)
        analysis = Analysis(store, view)
        analysis.write(analysis.learn(), LATER)
        embedded = embed(Spectral(width=2), view.shared)
        write_embeddings(store, embedded, view.snapshot.content, LATER)

    def deliver(self, **rows: Rows) -> None:
        number = sum(1 for _ in self._folder.iterdir())
        load(self.store, str(deliver(self._folder / f"more-{number}", **rows)))

    def withdraw(self, customer: str, purpose: str) -> None:
        row = {
            "customer_id": customer,
            "purpose": purpose,
            "granted": "false",
            "at": day(12).isoformat(),
        }
        self.deliver(consents=[row])

    def offered(self) -> set[tuple[str, str]]:
        rows = run_query(self.store, "current-recommendations").to_pylist()
        offers = {(row["customer_id"], row["item_id"]) for row in rows}
        assert [pair for pair in offers if not explain(self.store, *pair).offered] == []
        return offers

    def in_file(self, run_id: str) -> set[tuple[str, str]]:
        path = self.store.state.runs / run_id / "offers.parquet"
        return {(row["customer_id"], row["item_id"]) for row in pq.read_table(path).to_pylist()}

    def embedded(self, kind: str = "customer") -> set[str]:
        parameters = {"node_kind": "store", "node_id": "kiosk", "among": kind}
        return set(run_query(self.store, "nearest", parameters)["node_id"].to_pylist())


@pytest.fixture
def told(place: Place, tmp_path: Path) -> Any:
    with place.open() as store:
        yield Told(store, tmp_path)


def test_a_withdrawal_takes_effect_at_once_in_the_graph_and_all_runs(told: Told) -> None:
    everything = {("ann", item) for item in ("tea", "jam", "rye", "kiosk")}
    assert told.offered() == told.in_file(told.run.run_id) == everything
    assert {"bob", "eve"} <= told.embedded()
    (model,) = told.store.state.models.iterdir()  # of both runs

    # Bob no longer shares: what he brought up goes, alone or with others; the rest stays.
    told.withdraw("bob", "social_use")
    left = {("ann", "jam"), ("ann", "rye")}
    assert told.offered() == told.in_file(told.run.run_id) == left
    assert told.in_file(told.older.run_id) == left
    assert "bob" not in told.embedded()
    assert "eve" in told.embedded()
    assert not model.exists(), "it was learned from Bob"
    (run,) = (run for run in runs(told.store, SCORE) if run.active)
    assert (run.customers, run.offers) == (1, 2)
    assert not explain(told.store, "ann", "kiosk").offered
    for path in (told.store.state.runs / run.run_id).glob("*.parquet"):
        if path.name != "suppressed.parquet":
            assert "bob" not in str(pq.read_table(path).to_pylist()), path.name

    # A product turns out to be sensitive.
    told.deliver(products=[{"product_id": "rye", "sensitive": "true"}])
    assert told.offered() == told.in_file(told.run.run_id) == {("ann", "jam")}
    assert not told.embedded("product") & {"rye", "pill"}

    # Ann refuses contact.
    told.withdraw("ann", "contact")
    assert told.offered() == told.in_file(told.run.run_id) == set()
    assert explain(told.store, "ann", "jam").rule == "no_contact_consent"
    use_run(told.store, told.older.run_id)
    assert told.offered() == set()


def test_a_refusal_of_all_and_an_unreadable_refusal_take_effect_too(told: Told) -> None:
    told.withdraw("eve", "all")
    assert told.offered() == {("ann", "jam"), ("ann", "kiosk")}
    assert "eve" not in told.embedded()
    told.deliver(
        consents=[
            {"customer_id": "gus", "purpose": "social_use", "granted": "no", "at": "2025-01-09"},
            {"customer_id": "fay", "purpose": "email", "granted": "true", "at": "2025-01-09"},
        ]
    )
    assert told.offered() == {("ann", "kiosk")}
    assert "gus" not in told.embedded()


def test_a_customer_without_any_reason_left_keeps_no_popular_offer(
    place: Place, tmp_path: Path
) -> None:
    everybody = ("ann", "bob", "cid", "dan")
    yes = [
        {"customer_id": c, "purpose": p, "granted": "true", "at": day(1).isoformat()}
        for c in everybody
        for p in ("contact", "social_use")
    ]
    shop = {
        "customers": [{"customer_id": c, "birth_date": "1985-03-02"} for c in everybody],
        "products": [{"product_id": p} for p in ("tea", "jam")],
        "friendships": [{"customer_id": "ann", "friend_id": "bob"}],
        "purchases": [
            {"customer_id": c, "product_id": p, "at": day(d).isoformat()}
            for c, p, d in (("bob", "tea", 18), ("cid", "jam", 19), ("dan", "jam", 19))
        ],
        "consents": yes,
    }
    refusal = {
        "customer_id": "bob",
        "purpose": "social_use",
        "granted": "false",
        "at": "2025-02-01",
    }
    with place.open() as store:
        load(store, str(deliver(tmp_path / "shop", **shop)))
        score(store, NOW, LATER)
        ann = {
            row["item_id"]
            for row in run_query(store, "current-recommendations").to_pylist()
            if row["customer_id"] == "ann"
        }
        assert ann == {"tea", "jam"}
        load(store, str(deliver(tmp_path / "more", consents=[refusal])))
        rows = run_query(store, "current-recommendations").to_pylist()
        assert [row for row in rows if row["customer_id"] == "ann"] == []


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ('friend_did = "purchase", within = "14d"', set()),
        ('did = "purchase", within = "30d"', {"tea", "jam", "rye"}),
    ],
)
def test_a_broad_reason_that_rests_on_a_friend_goes_with_the_friend_and_ones_own_stays(
    condition: str, left: set[str], embedded: Place, tmp_path: Path
) -> None:
    known = parsed(f"[broad]\nwhen = [{{ {condition} }}]", "triggers.toml")
    refusal = {
        "customer_id": "bob",
        "purpose": "social_use",
        "granted": "false",
        "at": day(12).isoformat(),
    }

    def offered(store: GraphStore) -> set[str]:
        rows = run_query(store, "current-recommendations").to_pylist()
        assert {row["customer_id"] for row in rows} <= {"ann"}
        return {row["item_id"] for row in rows}

    with embedded.open() as store:
        load(store, str(deliver_shop(tmp_path / "shop")))
        run = score(store, NOW, LATER, triggers=known)
        assert offered(store) == {"tea", "jam", "rye", "kiosk"}
        load(store, str(deliver(tmp_path / "more", consents=[refusal])))
        # Only Bob has been at the kiosk.
        assert offered(store) == left
        for path in (store.state.runs / run.run_id).glob("*.parquet"):
            assert "bob" not in str(pq.read_table(path).to_pylist()), path.name


def test_customers_who_are_no_longer_delivered_are_no_reason(told: Told) -> None:
    people = [row for row in tables()["customers"] if row["customer_id"] != "gus"]
    load(
        told.store,
        str(deliver(told._folder / "whole", customers=people)),
        replace=("customers",),
        yes=True,
    )
    assert ("ann", "jam") not in told.offered()
    assert ("ann", "rye") in told.offered()


def test_edges_and_ranks_of_customers_who_no_longer_share_are_deleted(
    place: Place, tmp_path: Path
) -> None:
    names = ("ann", "bob", "kim")
    items = [f"p{n}" for n in range(20)]
    shop = deliver(
        tmp_path / "shop",
        customers=[{"customer_id": name, "birth_date": "1985-03-02"} for name in names],
        friendships=[
            {"customer_id": a, "friend_id": b}
            for a, b in (("ann", "bob"), ("ann", "kim"), ("kim", "bob"))
        ],
        purchases=[
            {"customer_id": c, "product_id": p, "at": day(2 + n, 2 * k).isoformat()}
            for n, p in enumerate(items)
            for k, c in enumerate(names)
            if (n + k) % 4
        ],
        consents=[
            {"customer_id": name, "purpose": "social_use", "granted": "true", "at": "2025-01-01"}
            for name in names
        ],
    )
    refusal = {
        "customer_id": "kim",
        "purpose": "social_use",
        "granted": "false",
        "at": "2030-01-01",
    }
    with place.open() as store:
        load(store, str(shop))
        analysis = Analysis(store, view_of(store, day(60)))
        analysis.write(analysis.learn(), LATER)
        analysis.rank(write=True)
        assert {"ann", "kim"} <= ends(store)
        load(store, str(deliver(tmp_path / "more", consents=[refusal])))
        assert ends(store) == {"ann", "bob"}
        ranked = {
            row["customer_id"]: row["pagerank"] for row in store.read(g.CUSTOMER_RANK).to_pylist()
        }
        assert ranked["kim"] is None
        assert ranked["ann"] is not None


def ends(store: GraphStore) -> set[str]:
    rows = store.read(g.INFLUENCES)
    return {*rows["source"].to_pylist(), *rows["target"].to_pylist()}
