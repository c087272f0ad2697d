"""Runs: the same offers on either engine, activated as the last act, kept and pruned."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.deliveries import write_csv
from support.linear_taste import score
from support.scored_runs import write_offers_file
from support.shops import NOW, deliver_shop, offers, tables
from support.snapshots import day
from support.worlds import end_of

from followsuit.graph import schema as g
from followsuit.graph.results.models import ModelStore
from followsuit.graph.results.run_writer import write_run
from followsuit.graph.results.runs import KEEP, SCORE, Run, active_run, runs
from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.offers import pipeline
from followsuit.offers.run.guards import Refused
from followsuit.offers.run.out import OUT
from followsuit.offers.score import ScoreError, ScoreReport
from followsuit.queries.runner import run_query
from followsuit.simulator import World, simulate
from followsuit.testing.places import Place

WORLD = World(
    customers=300,
    products=60,
    stores=8,
    friendships=1_800,
    purchases=5_000,
    days=90,
    influence=0.8,
    dirt=0.5,
    seed=11,
)
LATER = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    simulate(WORLD, folder)
    return folder


def loaded(place: Place, delivery: Path) -> GraphStore:
    store = place.open()
    load(store, str(delivery))
    return store


def offered(customer: str, report: ScoreReport) -> dict[str, dict[str, Any]]:
    """A customer's offers, by item."""
    rows = report.offers_table().to_pylist()
    return {row["item_id"]: row for row in rows if row["customer_id"] == customer}


def test_both_engines_give_the_same_offers_to_the_byte(
    embedded: Place, server: Place, delivery: Path
) -> None:
    reports = []
    for place in (embedded, server):
        with loaded(place, delivery) as store:
            reports.append(score(store, end_of(WORLD), LATER))
    one, other = reports
    assert one.offers > 300
    assert one.rows.read_bytes() == other.rows.read_bytes()
    assert one.as_dict() == other.as_dict()


@pytest.mark.usefixtures("few_days")
def test_the_offers_in_the_graph_are_those_of_the_file(place: Place, tmp_path: Path) -> None:
    with loaded(place, deliver_shop(tmp_path / "d", offers=offers())) as store:
        report = score(store, NOW, LATER)
        recommended = run_query(store, "current-recommendations").to_pylist()
        rows = report.offers_table()
        assert rows.column_names == list(OUT)
        assert [(r["rank"], r["item_id"], r["offer_id"], r["reason"]) for r in recommended] == [
            (r["rank"], r["item_id"], r["offer_id"], r["reason"]) for r in rows.to_pylist()
        ]
        assert store.count(g.RECOMMENDED_PRODUCT) == report.offers == 1


@pytest.mark.usefixtures("few_days")
def test_scoring_again_replaces_the_run_and_changes_nothing(place: Place, tmp_path: Path) -> None:
    with loaded(place, deliver_shop(tmp_path / "d")) as store:
        one = score(store, NOW, LATER)
        again = score(store, NOW, LATER)
        assert one.as_dict() == again.as_dict()
        assert [(r.run_id, r.active) for r in runs(store, SCORE)] == [(one.run_id, True)]


@pytest.mark.usefixtures("few_days")
def test_what_a_run_has_learned_is_learned_again_only_with_always(
    embedded: Place, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[str] = []
    for step in ("config", "acceptance"):
        monkeypatch.setattr(pipeline.Pipeline, step, noted(step, learned))
    with loaded(embedded, delivery) as store:
        first = score(store, end_of(WORLD), LATER)
        offers_of_first = first.rows.read_bytes()
        again = score(store, end_of(WORLD), LATER)
        assert learned == ["config", "acceptance"]
        assert again.as_dict() == first.as_dict()
        assert again.rows.read_bytes() == offers_of_first
        some = sorted(set(first.offers_table()["customer_id"].to_pylist()))[:20]
        score(store, end_of(WORLD), LATER, customers=some, activate=False)
        assert learned == ["config", "acceptance"]
        anew = score(store, end_of(WORLD), LATER, learn="always")
        assert learned == 2 * ["config", "acceptance"]
        assert anew.as_dict() == first.as_dict()
        assert anew.rows.read_bytes() == offers_of_first


def noted(step: str, steps: list[str]) -> Any:
    """A step of the pipeline that notes its name each time."""
    taken = getattr(pipeline.Pipeline, step)

    def take(*arguments: Any) -> Any:
        steps.append(step)
        return taken(*arguments)

    return take


def test_a_planted_future_changes_no_offer(embedded: Place, tmp_path: Path) -> None:
    shop = tables()
    later = (NOW + timedelta(microseconds=1)).isoformat()
    planted = {
        "purchases": [
            *shop["purchases"],
            *(
                {"customer_id": c, "product_id": p, "at": later}
                for c in ("ann", "bob", "eve", "fay")
                for p in ("tea", "jam", "oil")
            ),
        ],
        "friendships": [
            *({"since": None, **row} for row in shop["friendships"]),
            {"customer_id": "ann", "friend_id": "dan", "since": later},
        ],
    }
    with loaded(embedded, deliver_shop(tmp_path / "before")) as store:
        before = score(store, NOW, LATER)
        load(store, str(deliver_shop(tmp_path / "after", **planted)))
        after = score(store, NOW, LATER)
    assert after.run_id != before.run_id  # another store content, yet the same offers
    assert after.rows.read_bytes() == before.rows.read_bytes()
    assert after.suppressed == before.suppressed


def test_a_friendship_of_a_later_day_changes_no_score_where_ties_are_learned(
    embedded: Place, delivery: Path, tmp_path: Path
) -> None:
    later = (end_of(WORLD) + timedelta(seconds=1)).isoformat()
    with loaded(embedded, delivery) as store:
        before = score(store, end_of(WORLD), LATER)
        strangers = store.query(
            "MATCH (a:Customer), (b:Customer) WHERE a.customer_id < b.customer_id "
            "AND NOT (a)-[:FRIEND_OF]-(b) RETURN a.customer_id AS customer_id, "
            "b.customer_id AS friend_id ORDER BY customer_id, friend_id LIMIT 100"
        ).to_pylist()
        planted = [pair | {"since": later, "interactions": 1_000_000} for pair in strangers]
        folder = tmp_path / "later"
        folder.mkdir()
        write_csv(folder / "friendships.csv", planted)
        load(store, str(folder))
        after = score(store, end_of(WORLD), LATER)
    assert after.rows.read_bytes() == before.rows.read_bytes()


@pytest.mark.usefixtures("few_days")
def test_only_the_named_customers_are_scored_with_what_a_whole_run_gives_them(
    embedded: Place, delivery: Path
) -> None:
    with loaded(embedded, delivery) as store:
        whole = pq.read_table(score(store, end_of(WORLD), LATER).rows).to_pylist()
        chosen = sorted({row["customer_id"] for row in whole})[3:6]
        (model,) = store.state.models.iterdir()
        saved = model.stat().st_mtime_ns
        some = pq.read_table(score(store, end_of(WORLD), LATER, customers=chosen).rows).to_pylist()
        # The second run has the first one's model.
        assert [path.stat().st_mtime_ns for path in store.state.models.iterdir()] == [saved]
    assert some == [row for row in whole if row["customer_id"] in chosen]


def test_customers_that_nobody_knows_are_a_fault(embedded: Place, tmp_path: Path) -> None:
    with (
        loaded(embedded, deliver_shop(tmp_path / "d")) as store,
        pytest.raises(ScoreError, match="None of the 2 customers"),
    ):
        score(store, NOW, LATER, customers=["zoe", "max"])


@pytest.mark.usefixtures("few_days")
def test_before_all_data_an_empty_run_is_activated_only_when_told_to(
    embedded: Place, tmp_path: Path
) -> None:
    long_before = datetime(2020, 1, 1, tzinfo=UTC)
    with loaded(embedded, deliver_shop(tmp_path / "d")) as store:
        with pytest.raises(Refused, match="No customer is eligible as of 2020-01-01"):
            score(store, long_before, LATER)
        assert runs(store, SCORE) == []
        report = score(store, long_before, LATER, activate=True)
        assert (report.customers, report.offers) == (0, 0)
        assert active_run(store).run_id == report.run_id


@pytest.mark.usefixtures("few_days")
def test_assumed_consent_is_recorded_with_the_run(embedded: Place, tmp_path: Path) -> None:
    with embedded.open() as store:
        load(store, str(deliver_shop(tmp_path / "d")), assume_consent=True)
        report = score(store, NOW, LATER)
        assert active_run(store).parameters["assume_consent"] is True
        # Cas said nothing: the oil is now a friend's doing. Kim is still a minor.
        rows = {
            r["item_id"]: r for r in report.offers_table().to_pylist() if r["customer_id"] == "ann"
        }
        assert rows["oil"]["trigger"] == "friend_bought"
        assert "egg" not in rows
        assert report.suppressed["minor"] == 4


@pytest.mark.usefixtures("few_days")
def test_a_recorded_no_outlives_assumed_consent(embedded: Place, tmp_path: Path) -> None:
    no = {
        "customer_id": "bob",
        "purpose": "social_use",
        "granted": "false",
        "at": day(30).isoformat(),
    }
    rows = [*tables()["consents"], no]
    with embedded.open() as store:
        load(store, str(deliver_shop(tmp_path / "d", consents=rows)), assume_consent=True)
        items = offered("ann", score(store, NOW, LATER))
    assert items["tea"]["reason"] == "popular with people you know"  # two friends are left
    assert "kiosk" not in items, "bob alone has been there"


@pytest.mark.usefixtures("few_days")
def test_a_run_too_many_takes_the_oldest_away(place: Place, tmp_path: Path) -> None:
    with loaded(place, deliver_shop(tmp_path / "d")) as store:
        for number in range(KEEP[SCORE]):
            write_offers_file(store, f"run-{number}")
            write_run(store, Run(f"run-{number}", SCORE, NOW, day(1 + number), False, 0, 0, {}), {})
        report = score(store, NOW, LATER)
        kept = [run.run_id for run in runs(store, SCORE)]
    assert kept == [report.run_id, *(f"run-{number}" for number in range(KEEP[SCORE] - 1, 0, -1))]


@pytest.mark.usefixtures("few_days")
def test_ids_come_out_as_they_went_in(embedded: Place, tmp_path: Path) -> None:
    names = {"ann": "007", "bob": "1e5", "tea": 'tea "loose", 100 g', "eve": "é/\\'"}
    rows = {
        name: [{k: names.get(str(v), v) for k, v in row.items()} for row in table]
        for name, table in tables().items()
    }
    folder = tmp_path / "d"
    folder.mkdir()
    for name, table in rows.items():
        write_csv(folder / f"{name}.csv", table)
    with loaded(embedded, folder) as store:
        offers = score(store, NOW, LATER).offers_table()
    assert set(offers["customer_id"].to_pylist()) == {"007"}
    assert 'tea "loose", 100 g' in offers["item_id"].to_pylist()


@pytest.mark.usefixtures("few_days")
def test_interrupted_after_taste_was_learned_it_goes_on_and_uses_the_model(
    embedded: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with loaded(embedded, deliver_shop(tmp_path / "d")) as store:
        with monkeypatch.context() as patch:
            patch.setattr(pipeline, "write_decisions", stop)
            with pytest.raises(KeyboardInterrupt):
                score(store, NOW, LATER)
        score(store, NOW, LATER)
        models = ModelStore(store.state)
        (kept,) = store.state.models.iterdir()
        models.prune()
        assert kept.exists(), "the run uses it"
