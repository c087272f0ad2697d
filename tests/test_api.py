"""The Python API, as used in a notebook."""

import doctest
import inspect
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import mypy.api
import networkx as nx
import pandas as pd
import pytest
from support.hand_made import MAPPING, NOW, ZOE, day, hand_made

import followsuit
from followsuit.api import Shop
from followsuit.config import Options, Settings
from followsuit.core.progress import silent
from followsuit.core.times import TimeError
from followsuit.errors import (
    BacktestError,
    ConfigurationError,
    DeliveryError,
    FollowsuitError,
    MappingError,
    QueryError,
    StoreMissing,
    UnknownQuery,
    UnknownRun,
    UnknownTable,
    UnknownTarget,
)
from followsuit.offers.features.declared import names_of
from followsuit.simulator import World, simulate
from followsuit.testing.places import Place
from followsuit.triggers.definitions.definition_file import shipped_definitions

pytestmark = pytest.mark.usefixtures("few_days")

WORLD = World(
    customers=150,
    products=30,
    stores=5,
    friendships=600,
    purchases=2500,
    days=120,
    influence=0.9,
    seed=2,
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop made by hand, loaded."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "mapping.toml").write_text(MAPPING)
    with followsuit.open(folder / "shop.lbug") as opened:
        opened.load(hand_made(folder / "delivery"), str(folder / "mapping.toml"))
        yield opened


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A simulated shop, loaded and scored as of its 110th day."""
    folder = tmp_path_factory.mktemp("busy")
    simulate(WORLD, folder / "delivery", file_format="parquet")
    opened = followsuit.open(str(folder / "busy.lbug"))
    opened.load(str(folder / "delivery"))
    opened.score("2025-04-20", "2025-04-21")
    return opened


# Opening.


def test_open_takes_a_path_a_text_or_what_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOLLOWSUIT_STORE", "set.lbug")
    for given, name in [
        (tmp_path / "a.lbug", "a.lbug"),
        ("b.lbug", "b.lbug"),
        (None, "set.lbug"),
    ]:
        with followsuit.open(given) as opened:
            assert opened.store.name == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == [], "nothing is made before something is loaded"


def test_open_takes_the_other_settings_too(tmp_path: Path) -> None:
    assert followsuit.open(tmp_path / "x.lbug", timeout=5).timeout == 5
    with pytest.raises(ConfigurationError, match="There is no setting colour"):
        followsuit.open(tmp_path / "x.lbug", colour="red")  # type: ignore[call-arg]


def test_a_mistyped_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no setting memry\. Did you mean memory\?"):
        followsuit.open(tmp_path / "x.lbug", memry="3GiB")  # type: ignore[call-arg]
    assert {"store", *get_type_hints(Options)} == set(Settings.model_fields)


def test_type_checkers_refuse_a_mistyped_setting(tmp_path: Path) -> None:
    package = Path(followsuit.__file__).parent
    calls = tmp_path / "calls.py"
    calls.write_text(
        "import followsuit\n"
        "followsuit.open('x.lbug', memory='3GiB', timeout=5, state=None)\n"
        "followsuit.open(memry='3GiB')\n"
        "followsuit.open(timeout='5')\n"
    )
    files = [str(package / name) for name in ("__init__.py", "config.py")]
    options = ["--config-file=", "--follow-imports=skip", f"--cache-dir={tmp_path / 'cache'}"]
    said, _, _ = mypy.api.run([*options, *files, str(calls)])
    errors = [line.partition(": error: ") for line in said.splitlines() if ": error: " in line]
    assert [place.rpartition(":")[2] for place, _, _ in errors] == ["3", "4"], said
    assert 'Unexpected keyword argument "memry"' in errors[0][2]


def test_what_is_asked_of_a_shop_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    shop = followsuit.open(tmp_path / "none.lbug")
    for ask in (
        lambda: shop.query("counts"),
        lambda: shop.friends("2025-01-01"),
        lambda: shop.score("2025-01-01", "2025-01-01"),
        shop.runs,
    ):
        with pytest.raises(StoreMissing, match="Run `followsuit load"):
            ask()


# Loading.


def test_load_reports_its_tables_and_may_be_told_of_its_progress(
    tmp_path: Path, shop: Shop
) -> None:
    steps = []

    def progress(name: str, total: int | None = None) -> Any:
        steps.append(name)
        return silent(name, total)

    with followsuit.open(tmp_path / "again.lbug", progress=progress) as again:
        (tmp_path / "mapping.toml").write_text(MAPPING)
        delivery = hand_made(tmp_path / "delivery")
        report = again.load(delivery, str(tmp_path / "mapping.toml"), assume_consent=True)
        assert list(report.tables) == [
            "customers",
            "products",
            "stores",
            "offers",
            "friendships",
            "purchases",
            "visits",
            "events",
            "likes",
            "memberships",
            "contacts",
            "consents",
        ]
        purchases = report.tables["purchases"]
        assert (purchases.read, purchases.loaded, purchases.rejected) == (14, 14, 0)
        assert json.loads(json.dumps(report.as_dict()))["tables"]["visits"]["read"] == 8
        assert steps
        counts = again.query("counts").drop(index=10)
        assert counts.equals(shop.query("counts").drop(index=10))


def test_load_without_its_mapping_or_delivery_says_so(tmp_path: Path, shop: Shop) -> None:
    with pytest.raises(DeliveryError, match="no folder"):
        shop.load(tmp_path / "nowhere")
    with pytest.raises(MappingError, match="no mapping"):
        shop.load(tmp_path, "nowhere")


# The graph as pandas and networkx see it.


def test_friends_are_a_directed_graph_where_any_friendship_is(shop: Shop) -> None:
    graph = shop.friends("2025-07-01")
    assert type(graph) is nx.DiGraph
    assert set(graph) == {"ana", "ben", "cem", "dia", "eve", "fay", "gus", ZOE}
    both = [("ana", "ben"), ("ana", "eve"), ("ben", "cem"), ("ben", ZOE), ("cem", ZOE)]
    one = {("ana", "cem"), ("dia", "ana"), ("fay", "ana")}
    assert set(graph.edges) == one | set(both) | {(b, a) for a, b in both}
    assert graph.edges["ana", "cem"]["since"] == day(1, 1)
    assert ("ana", "eve") not in shop.friends("2025-06-14").edges
    assert ("ana", "fay") in shop.friends(date(2025, 9, 1)).edges


def test_friends_are_an_undirected_graph_where_none_is_directed(busy: Shop) -> None:
    graph = busy.friends("2025-05-01")
    assert type(graph) is nx.Graph
    assert graph.number_of_nodes() == WORLD.customers
    assert 0 < graph.number_of_edges() <= WORLD.friendships


def test_purchases_are_a_frame_of_the_contract_as_of_an_instant(shop: Shop) -> None:
    rows = shop.purchases("2025-03-05")
    assert list(rows.columns) == [
        "purchase_id",
        "order_id",
        "customer_id",
        "product_id",
        "at",
        "store_id",
        "quantity",
        "amount",
        "currency",
        "channel",
    ]
    assert rows.purchase_id.tolist() == ["u01", "u02", "u03", "u14"]
    assert rows.amount.tolist() == [1000, 2000, 550, 450]
    assert len(shop.purchases(datetime.fromisoformat("2025-03-04T23:59:59+00:00"))) == 2
    assert len(shop.purchases(NOW)) == 13
    assert len(shop.purchases("2025-08-01T02:00:00+02:00")) == 14


def test_a_snapshot_has_every_table(shop: Shop) -> None:
    snapshot = shop.snapshot("2025-03-05")
    visits = snapshot.table("visits")
    assert visits.count().execute() == 5
    assert visits.filter(visits.store_id == "s3").customer_id.execute().tolist() == ["cem", "cem"]
    assert snapshot.as_of == day(3, 5)
    with pytest.raises(UnknownTable, match=r"^There is no table visit\. Did you mean visits\?$"):
        snapshot.table("visit")


def test_a_time_without_a_zone_is_in_utc_everywhere(shop: Shop) -> None:
    naive = datetime(2025, 3, 5)  # noqa: DTZ001
    text = "MATCH ()-[b:PURCHASED]->() WHERE b.at <= $at RETURN count(*) AS n"
    assert shop.cypher(text, at=naive).n.tolist() == [4]
    assert len(shop.purchases(naive)) == len(shop.purchases("2025-03-05")) == 4
    assert shop.snapshot(naive).as_of == shop.snapshot("2025-07-01").at(naive).as_of == day(3, 5)
    for now in (naive, day(3, 5)):
        rows = shop.query("lapsed-customers", now=now, since=naive, at_least=1)
        assert rows.customer_id.tolist() == ["ben"]


def test_hetero_data_is_the_graph_of_those_who_share_as_of_an_instant(busy: Shop) -> None:
    pytest.importorskip("torch_geometric")
    now, earlier = busy.hetero_data("2025-04-20"), busy.hetero_data("2025-03-01")
    purchases = ("Customer", "PURCHASED", "Product")
    assert set(now.node_types) > {"Customer", "Product", "Store"}
    assert 0 < earlier[purchases].num_edges < now[purchases].num_edges
    assert len(now["Customer"].id) == now["Customer"].num_nodes
    now.validate()


def test_what_is_no_instant_or_length_is_named(shop: Shop) -> None:
    with pytest.raises(TimeError, match=r"'soon' isn't a valid date\. Write 2025-12-31"):
        shop.friends("soon")
    with pytest.raises(TimeError, match="'14' isn't a valid length of time"):
        shop.score("2025-03-05", "2025-03-05", window="14")


# Questions.


def test_query_takes_parameters_by_name_and_answers_in_a_frame(shop: Shop) -> None:
    rows = shop.query("friends-recent-purchases", now="2025-07-01", customer_id="ana", limit=2)
    assert rows.purchase_id.tolist() == ["u01", "u14"], "of ben, who alone shares; u10 is a return"
    assert rows["at"].tolist() == [pd.Timestamp(day(3, 1, 10))] * 2
    in_force = shop.query("offers-in-force", at=NOW)
    assert in_force.offer_id.tolist() == ["o2", "o3", "o3", "o4", "o5", "o5"]


def test_query_says_what_it_lacks(shop: Shop) -> None:
    with pytest.raises(UnknownQuery):
        shop.query("offers")
    with pytest.raises(QueryError, match="needs customer_id"):
        shop.query("two-hop-reach")
    # Nothing but the command line reads the clock.
    with pytest.raises(QueryError, match="offers-in-force needs at"):
        shop.query("offers-in-force")


def test_cypher_answers_in_a_frame_and_only_reads(shop: Shop) -> None:
    rows = shop.cypher(
        "MATCH (c:Customer)-[:LIVES_IN]->(x:City) WHERE x.city = $city "
        "RETURN c.customer_id AS id ORDER BY id",
        city="Porto",
    )
    assert rows.id.tolist() == ["ana", "ben"]
    with pytest.raises(QueryError):
        shop.cypher("MATCH (c:Customer) DETACH DELETE c")
    assert len(shop.cypher("MATCH (c:Customer) RETURN c.customer_id AS id")) == 8


def test_both_engines_answer_alike(shop: Shop, server: Place, tmp_path: Path) -> None:
    with followsuit.open(
        server.name,
        state=tmp_path / "state",
        neo4j_username=server.username,
        neo4j_password=server.password,
    ) as remote:
        (tmp_path / "mapping.toml").write_text(MAPPING)
        remote.load(hand_made(tmp_path / "delivery"), str(tmp_path / "mapping.toml"))
        assert remote.query("counts").equals(shop.query("counts"))
        assert remote.purchases(NOW).equals(shop.purchases(NOW))
        here, there = (set(s.friends(NOW).edges(data="since")) for s in (shop, remote))
        assert {edge for edge in here if not pd.isna(edge[2])} <= there
        assert set(remote.friends(NOW).edges) == set(shop.friends(NOW).edges)


# Offers.


def test_score_ranks_and_activates(busy: Shop) -> None:
    report = busy.score("2025-04-20", "2025-04-21", top=3, window=timedelta(days=14))
    rows = report.offers_table().to_pandas()
    assert rows["rank"].max() == 3
    assert rows.customer_id.nunique() == report.customers > 20
    (in_force,) = [run for run in busy.runs() if run.active]
    assert in_force.run_id == report.run_id
    assert in_force.as_of == datetime.fromisoformat("2025-04-20T00:00:00+00:00")
    current = busy.query("current-recommendations")
    assert current.customer_id.tolist() == rows.customer_id.tolist()
    one = busy.score("2025-04-20", "2025-04-22", customers=[rows.customer_id[0]])
    assert one.customers == 1


def test_runs_are_activated_and_pruned(busy: Shop) -> None:
    old = busy.score("2025-04-01", "2025-04-29", activate=True).run_id
    new = busy.score("2025-04-02", "2025-04-30").run_id
    busy.use_run(old)
    assert [run.run_id for run in busy.runs() if run.active] == [old]
    busy.use_run(new)
    gone = busy.prune_runs(1)
    assert old in gone
    assert [run.run_id for run in busy.runs()] == [new]
    with pytest.raises(UnknownRun, match=f"There is no run {old}; there are {new}."):
        busy.use_run(old)


def test_explain_tells_the_reason_or_the_rule(busy: Shop) -> None:
    report = busy.score("2025-04-20", "2025-04-21")
    first = report.offers_table().to_pylist()[0]
    explanation = busy.explain(first["customer_id"], first["item_id"])
    assert (explanation.offered, explanation.rank, explanation.reason) == (
        True,
        first["rank"],
        first["reason"],
    )
    assert explanation.factors is not None
    assert list(explanation.factors) == list(names_of(shipped_definitions()))
    offered = {row["customer_id"] for row in report.offers_table().to_pylist()}
    other = next(f"c{n:04}" for n in range(1, 151) if f"c{n:04}" not in offered)
    refused = busy.explain(other, first["item_id"])
    assert refused.offered is False
    assert refused.rule
    with pytest.raises(UnknownTarget):
        busy.explain("nobody", first["item_id"])


def test_explain_before_any_score_says_so(shop: Shop) -> None:
    with pytest.raises(UnknownRun, match="Run `followsuit score"):
        shop.explain("ana", "p1")


def test_backtest_evaluates_past_data(busy: Shop, tmp_path: Path) -> None:
    report = busy.backtest(
        "2025-03-15", "2025-04-25", every="14d", horizon="14d", out=tmp_path / "ranked.parquet"
    )
    assert [cutoff.date().isoformat() for cutoff in report.cutoffs] == ["2025-03-15", "2025-03-29"]
    assert report.figures["per_customer"]["ranking"]["hit@10"].value > 0
    ranked = pd.read_parquet(tmp_path / "ranked.parquet")
    assert set(ranked["as_of"]) == set(map(pd.Timestamp, report.cutoffs))
    with pytest.raises(BacktestError):
        busy.backtest("2025-04-25", "2025-03-15")


# What is written about it.


def test_every_error_can_be_caught_as_one() -> None:
    from followsuit import errors

    for name in errors.__all__:
        assert issubclass(getattr(errors, name), FollowsuitError)
        assert getattr(errors, name).__doc__


def test_every_method_says_what_it_does() -> None:
    for name, method in inspect.getmembers(Shop, inspect.isfunction):
        assert name.startswith("_") or inspect.getdoc(method), name


def test_the_examples_of_the_docstring_run(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "followsuit.lbug").symlink_to(shop.store.name)
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(Shop) or "")
    names: dict[str, Any] = {"followsuit": followsuit}
    assert len(examples) == 3
    for example in examples:
        exec(example.source, names)
    assert names["shop"].friends("2025-12-31").number_of_edges() == 14
