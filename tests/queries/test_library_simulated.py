"""The library on a simulated shop: the rows that pandas finds in the delivery, on each engine."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.linear_taste import score
from support.spectral import Spectral
from support.worlds import end_of

from followsuit.gnn.embeddings import Embedded, embed, write_embeddings
from followsuit.graph.consent import adult_since
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import SharedView, view_of
from followsuit.influence.analysis import Analysis
from followsuit.loaders.load import load
from followsuit.offers.score import ScoreReport
from followsuit.queries.library import library
from followsuit.queries.runner import run_query
from followsuit.simulator import World, simulate

WORLD = World(
    customers=300,
    products=60,
    stores=8,
    friendships=1200,
    purchases=5000,
    days=200,
    influence=0.8,
    seed=5,
)
NOW = end_of(WORLD)
SINCE = NOW - timedelta(days=60)
SOME = ("c0001", "c0042", "c0300")

Frame = pd.DataFrame
Ask = Callable[..., Frame]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(WORLD, folder, file_format="parquet")
    return folder


@pytest.fixture(scope="module")
def tables(delivery: Path) -> dict[str, Frame]:
    """The delivery's tables, with money in minor units."""
    frames = {path.stem: pd.read_parquet(path) for path in delivery.iterdir()}
    frames["purchases"]["amount"] = (frames["purchases"].amount * 100).round().astype("int64")
    return frames


@pytest.fixture(scope="module")
def edges(store: GraphStore, delivery: Path) -> Frame:
    """What `influence learn` wrote: `source, target, category, probability, ...`."""
    load(store, str(delivery))
    analysis = Analysis(store, view_of(store, NOW))
    influence = analysis.learn()
    analysis.write(influence, NOW)
    learned: Frame = influence.table().to_pandas()
    return learned


@pytest.fixture(scope="module")
def taste(store: GraphStore, edges: Frame) -> Embedded:
    """The active embeddings."""
    view = view_of(store, NOW)
    learned = embed(Spectral(), view.shared)
    write_embeddings(store, learned, view.snapshot.content, NOW)
    return learned


@pytest.fixture(scope="module")
def run(store: GraphStore, edges: Frame, taste: Embedded) -> ScoreReport:
    return score(store, NOW, NOW)


@pytest.fixture
def ask(store: GraphStore, run: ScoreReport) -> Ask:
    def rows(name: str, **parameters: Any) -> Frame:
        answer: Frame = run_query(store, name, parameters, now=NOW).to_pandas()
        answer = answer.map(lambda each: tuple(each) if isinstance(each, np.ndarray) else each)
        keys = [column for column, _ in library()[name].order]
        assert not answer.drop_duplicates().duplicated(keys).any(), "the order leaves a choice"
        return answer

    return rows


def same(answer: Frame, expected: Frame) -> None:
    """The same rows in the same order; pandas has its own types for times and missing values."""
    assert len(answer), "the shop has nothing to ask this about"
    assert list(answer.columns) == list(expected.columns)
    assert _plain(answer) == _plain(expected)


def _plain(frame: Frame) -> list[tuple[Any, ...]]:
    absent = frame.astype(object).where(frame.notna(), None)
    absent = absent.map(lambda each: tuple(each) if isinstance(each, np.ndarray) else each)
    return list(absent.itertuples(index=False, name=None))


def ties(tables: dict[str, Frame]) -> Frame:
    """Every friendship from both its ends: `customer_id`, `friend_id`, `since`."""
    one = tables["friendships"][["customer_id", "friend_id", "since"]]
    other = one.rename(columns={"customer_id": "friend_id", "friend_id": "customer_id"})
    return pd.concat([one, other], ignore_index=True)


def bought(tables: dict[str, Frame]) -> Frame:
    rows = tables["purchases"]
    names = tables["products"][["product_id", "name"]].rename(columns={"name": "product_name"})
    return rows[rows["at"] <= NOW].merge(names, "left", "product_id")


def test_counts(
    ask: Ask, tables: dict[str, Frame], run: ScoreReport, edges: Frame, taste: Embedded
) -> None:
    counted = ask("counts").set_index("name").n
    views = (tables["events"].kind == "view") & tables["events"].product_id.notna()
    categories = pd.concat([tables[t].category for t in ("products", "stores", "offers")])
    assert {
        "Customer": 300,
        "Product": 60,
        "Store": 8,
        "Run": 3,
        "INFLUENCES": len(edges),
        "Embedding": len(taste.id),
        "EMBEDDED": len(taste.id),
        "Offer": len(tables["offers"]),
        "Event": (~views).sum(),
        "DID": (~views).sum(),
        "VIEWED": views.sum(),
        "FRIEND_OF": 1200,
        "PURCHASED": 5000,
        "VISITED": len(tables["visits"]),
        "LIKES": len(tables["likes"]),
        "HOLDS": len(tables["memberships"]),
        "CONSENTED": len(tables["consents"]),
        "CONTACTED": len(tables["contacts"]),
        "Category": categories.nunique(),
        "RECOMMENDED": run.offers,
    }.items() <= counted.to_dict().items()


@pytest.fixture
def shared(store: GraphStore, run: ScoreReport) -> SharedView:
    return view_of(store, NOW).shared


def usable(tables: dict[str, Frame], shared: SharedView) -> Frame:
    """The purchases of those who share, without sensitive products."""
    rows = bought(tables)
    items = shared.items.item_id.execute()
    customers = shared.customers.customer_id.execute()
    return rows[rows.product_id.isin(items) & rows.customer_id.isin(customers)]


def test_friends_recent_purchases(ask: Ask, tables: dict[str, Frame], shared: SharedView) -> None:
    known = ties(tables)
    known = known[known.since.isna() | (known.since <= NOW)]
    shown = usable(tables, shared)
    assert 100 < len(shown) < len(bought(tables))
    rows = known.merge(shown, left_on="friend_id", right_on="customer_id", suffixes=("", "_"))
    rows = rows[rows["at"] >= SINCE]
    rows = rows.sort_values(["at", "purchase_id"], ascending=[False, True])
    columns = ["friend_id", "product_id", "product_name", "at", "purchase_id"]
    for customer in rows.customer_id.value_counts().index[:3]:
        expected = rows[rows.customer_id == customer][columns].drop_duplicates().head(25)
        same(ask("friends-recent-purchases", customer_id=customer, since=SINCE, limit=25), expected)


def test_two_hop_reach(ask: Ask, tables: dict[str, Frame], shared: SharedView) -> None:
    sharing = set(shared.customers.customer_id.execute())
    friends = ties(tables).groupby("customer_id").friend_id.agg(set)
    for customer in SOME:
        through: dict[str, int] = {}
        for friend in friends[customer] & sharing:
            for other in (friends[friend] & sharing) - friends[customer] - {customer}:
                through[other] = through.get(other, 0) + 1
        expected = pd.DataFrame(through.items(), columns=["customer_id", "through"])
        expected = expected.sort_values(["through", "customer_id"], ascending=[False, True])
        same(ask("two-hop-reach", customer_id=customer, limit=30), expected.head(30))


def test_friends_in_common(ask: Ask, tables: dict[str, Frame], shared: SharedView) -> None:
    sharing = set(shared.customers.customer_id.execute())
    friends = ties(tables).groupby("customer_id").friend_id.agg(set)
    names = tables["customers"].set_index("customer_id").name
    said = tables["consents"].query("purpose in ('named_use', 'all')").sort_values("at")
    last = said.drop_duplicates("customer_id", keep="last").set_index("customer_id").granted
    grown = tables["customers"].set_index("customer_id").birth_date <= adult_since(NOW.date())
    one = SOME[0]
    other = max(set(friends.index) - {one}, key=lambda c: (len(friends[c] & friends[one]), c))
    common = sorted(friends[one] & friends[other] & sharing)
    expected = pd.DataFrame({"friend_id": common, "friend_name": list(names[common])})
    shown = [bool(last.get(c, False) and grown[c]) for c in common]
    expected["friend_name"] = expected.friend_name.where(shown)
    same(ask("friends-in-common", customer_id=one, other_id=other), expected)


def test_bought_together(ask: Ask, tables: dict[str, Frame], shared: SharedView) -> None:
    rows = bought(tables)
    names = tables["products"].set_index("product_id").name
    usable_ids = set(shared.items.item_id.execute())
    buyers = rows.groupby("product_id").customer_id.agg(set)
    everybody = rows.customer_id.nunique()
    # All products: in one pattern of two purchases, LadybugDB loses rows of some of them.
    for product in sorted(usable_ids & set(buyers.index)):
        own = buyers[product]
        expected = [
            (
                other,
                names[other],
                both,
                1.0 * both / everybody,
                1.0 * both * everybody / (1.0 * len(own) * len(theirs)),
            )
            for other, theirs in buyers.items()
            if other in usable_ids - {product} and (both := len(own & theirs)) >= 10
        ]
        expected.sort(key=lambda row: (-row[4], -row[2], row[0]))
        answer = ask("bought-together", product_id=product).drop(columns="orders")
        assert _plain(answer) == expected[:20]


def test_visits_by_city(ask: Ask, tables: dict[str, Frame]) -> None:
    rows = tables["visits"].merge(tables["stores"], on="store_id")
    rows = rows[(rows["at"] >= SINCE) & (rows["at"] <= NOW)]
    expected = (
        rows.groupby("city")
        .agg(
            visits=("visit_id", "size"),
            visitors=("customer_id", "nunique"),
            stores=("store_id", "nunique"),
        )
        .reset_index()
        .sort_values(["visits", "city"], ascending=[False, True])
    )
    same(ask("visits-by-city", since=SINCE), expected)


def test_top_customers(ask: Ask, tables: dict[str, Frame]) -> None:
    rows = bought(tables)
    expected = (
        rows[rows["at"] >= SINCE]
        .groupby(["customer_id", "currency"], dropna=False)
        .agg(purchases=("purchase_id", "size"), amount=("amount", "sum"))
        .reset_index()
        .sort_values(["amount", "purchases", "customer_id"], ascending=[False, False, True])
        .head(50)
    )
    same(ask("top-customers", since=SINCE, limit=50), expected)


def test_lapsed_customers(ask: Ask, tables: dict[str, Frame]) -> None:
    rows = bought(tables)
    since = NOW - timedelta(days=15)
    active = rows[rows["at"] >= since].customer_id.unique()
    before = rows[(rows["at"] < since) & ~rows.customer_id.isin(active)]
    expected = (
        before.groupby("customer_id")
        .agg(purchases=("purchase_id", "size"), last_at=("at", "max"))
        .reset_index()
        .query("purchases >= 5")
        .sort_values(["last_at", "customer_id"], ascending=[False, True])
    )
    same(ask("lapsed-customers", since=since, at_least=5), expected)


def test_bought_after_a_friend(ask: Ask, tables: dict[str, Frame], shared: SharedView) -> None:
    acts = usable(tables, shared)[["customer_id", "product_id", "at"]]
    theirs = acts.rename(columns={"customer_id": "friend_id", "at": "friend_at"})
    rows = ties(tables).merge(acts, on="customer_id")
    rows = rows.merge(theirs, on=["friend_id", "product_id"])
    rows = rows[(rows.friend_at < rows["at"]) & (rows["at"] <= rows.friend_at + timedelta(days=3))]
    rows = rows[(rows.friend_at >= SINCE) & (rows.since.isna() | (rows.since <= rows.friend_at))]
    expected = (
        rows[["customer_id", "friend_id", "product_id", "friend_at", "at"]]
        .drop_duplicates()
        .sort_values(
            ["at", "customer_id", "friend_id", "product_id", "friend_at"],
            ascending=[False, True, True, True, True],
        )
        .head(200)
    )
    same(ask("bought-after-a-friend", since=SINCE, within=3, limit=200), expected)


def test_offers_in_force(ask: Ask, tables: dict[str, Frame]) -> None:
    offers = tables["offers"]
    begun = offers.valid_from.isna() | (offers.valid_from <= NOW)
    open_ = offers.valid_until.isna() | (offers.valid_until > NOW)
    kinds = ["product", "category", "brand", "program", "interest"]
    answer = ask("offers-in-force")
    expected = {
        (str(row["offer_id"]), kind, row["product_id" if kind == "product" else kind])
        for row in offers[begun & open_].to_dict("records")
        for kind in kinds
        if isinstance(row["product_id" if kind == "product" else kind], str)
    }
    named = answer.dropna(subset="for_kind")
    assert expected == set(zip(named.offer_id, named.for_kind, named.for_id, strict=True))
    assert set(answer.offer_id) == set(offers[begun & open_].offer_id)


def test_current_recommendations(ask: Ask, run: ScoreReport) -> None:
    scored = pq.read_table(run.rows).to_pandas()
    answer = ask("current-recommendations")
    expected = scored[list(answer.columns)]
    same(answer, expected.sort_values(["customer_id", "rank"]))
    assert run.offers == len(answer) > 100


def test_customer_record(
    ask: Ask, tables: dict[str, Frame], run: ScoreReport, edges: Frame, taste: Embedded
) -> None:
    offered = pq.read_table(run.rows).to_pandas()
    for customer in SOME:
        counted = ask("customer-record", customer_id=customer).kind.value_counts()
        mine = {
            name: rows[rows.customer_id == customer]
            for name, rows in tables.items()
            if "customer_id" in rows
        }
        expected = {
            "customer": 1,
            "lives in": mine["customers"].city.notna().sum(),
            "friend": (ties(tables).customer_id == customer).sum(),
            "purchased": len(mine["purchases"]),
            "visited": len(mine["visits"]),
            "likes": len(mine["likes"]),
            "holds": len(mine["memberships"]),
            "contacted": len(mine["contacts"]),
            "consent given": mine["consents"].granted.sum(),
            "consent refused": (~mine["consents"].granted).sum(),
            "viewed": (mine["events"].kind == "view").sum(),
            "did": (mine["events"].kind != "view").sum(),
            "recommended": (offered.customer_id == customer).sum(),
            "embedded": ((taste.kind == "customer") & (taste.id == customer)).sum(),
            "followed by": (edges.source == customer).sum(),
            "follows": (edges.target == customer).sum(),
        }
        assert counted.to_dict() == {kind: n for kind, n in expected.items() if n}


def test_nearest(ask: Ask, taste: Embedded) -> None:
    unit = taste.vectors.astype(float)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    for kind, node, among in (("customer", "c0300", "*"), ("product", "p0001", "product")):
        own = (taste.kind == kind) & (taste.id == node)
        rows = pd.DataFrame(
            {"node_kind": taste.kind, "node_id": taste.id, "similarity": (unit @ unit[own].T)[:, 0]}
        ).round(6)
        others = rows[~own & ((taste.kind == among) | (among == "*"))]
        order = ["similarity", "node_kind", "node_id"]
        expected = others.sort_values(order, ascending=[False, True, True]).head(30)
        same(ask("nearest", node_kind=kind, node_id=node, among=among, limit=30), expected)


@pytest.fixture(scope="module")
def answers() -> dict[str, pa.Table]:
    """The first engine's answers, to compare with the second's."""
    return {}


@pytest.mark.parametrize("name", list(library()))
def test_both_engines_answer_alike_to_the_value(
    name: str, store: GraphStore, run: ScoreReport, edges: Frame, answers: dict[str, pa.Table]
) -> None:
    given = {
        "node_kind": "customer",
        "node_id": "c0300",
        # c0042 doesn't share, so that nobody is known to influence them.
        "customer_id": "c0092" if name.startswith("influence") else "c0042",
        "other_id": "c0001",
        "product_id": "p0001",
        "since": NOW - timedelta(days=200) if name.startswith("friends-recent") else SINCE,
        "friend_id": str(edges[edges.target == "c0092"].source.iloc[0]),
    }
    mine = {p.name: given[p.name] for p in library()[name].parameters if p.name in given}
    answer = run_query(store, name, mine, now=NOW)
    assert answer.num_rows
    assert answer.equals(answers.setdefault(name, answer))
