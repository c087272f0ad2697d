"""A run for some customers keeps the others' offers and records their parameters; both engines."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.deliveries import write_csv
from support.linear_taste import score
from support.shops import NOW, deliver_shop, tables
from support.snapshots import day

from followsuit.graph import schema as g
from followsuit.graph.results.run_writer import use_run, write_run
from followsuit.graph.results.runs import (
    SCORE,
    Run,
    active_run,
    parts,
    prune_runs,
    run_folder,
    runs,
)
from followsuit.graph.store import GraphStore, StoreBusy
from followsuit.loaders.load import load
from followsuit.offers.explanation.explain import explain
from followsuit.offers.pipeline import Pipeline
from followsuit.offers.run import write as scoring
from followsuit.offers.run.activation import comparable, kept_parts, oldest, other_options, part_of
from followsuit.offers.run.guards import Refused
from followsuit.offers.selection import Selection
from followsuit.queries.runner import run_query
from followsuit.testing.places import Place

pytestmark = pytest.mark.usefixtures("few_days")

# What is kept of a run.


def run(number: int, customers: list[str] | None, **parameters: Any) -> Run:
    options = {
        "window_days": 14.0,
        "top": 10,
        "per_item": 1,
        "candidates": 50,
        "everyone": False,
        "affinity": "linear",
        "definitions": "of the triggers",
        **parameters,
    }
    as_of = day(number)
    own = {"as_of": as_of.isoformat(), "customers": customers, **options}
    return Run(f"run-{number}", SCORE, as_of, as_of, True, 1, 1, own)


def after(base: Run, number: int, customers: list[str], **parameters: Any) -> Run:
    """The run for these customers that keeps the rest of another."""
    made = run(number, customers, **parameters)
    return Run(**{**made.__dict__, "parameters": made.parameters | kept_parts(base, customers)})


def sources(run: Run) -> dict[str, str | None]:
    return {c: part.run_id if (part := part_of(run, c)) else None for c in ("ann", "bob", "cas")}


def test_each_customer_belongs_to_the_run_that_made_the_offers() -> None:
    base = run(1, None, weights=1)
    second = after(base, 2, ["ann", "bob"], weights=2)
    third = after(second, 3, ["ann"], weights=3)
    assert sources(base) == dict.fromkeys(("ann", "bob", "cas"), "run-1")
    assert sources(second) == {"ann": "run-2", "bob": "run-2", "cas": "run-1"}
    assert sources(third) == {"ann": "run-3", "bob": "run-2", "cas": "run-1"}
    assert [(p.run_id, p.as_of, p.parameters["weights"]) for p in parts(third)] == [
        ("run-3", day(3), 3),
        ("run-2", day(2), 2),
        ("run-1", day(1), 1),
    ]
    assert oldest(third) == day(1)
    # Nothing is left of what nobody's offers come from.
    fourth = after(third, 4, ["ann", "bob"])
    assert [part.run_id for part in parts(fourth)] == ["run-4", "run-1"]
    assert kept_parts(fourth, ["ann", "bob"]) == kept_parts(base, ["ann", "bob"])


def test_without_an_active_run_nothing_is_kept() -> None:
    assert kept_parts(None, ["ann"]) == {}
    alone = run(1, ["ann"])
    assert sources(alone) == {"ann": "run-1", "bob": None, "cas": None}
    assert sources(after(alone, 2, ["bob"])) == {"ann": "run-1", "bob": "run-2", "cas": None}


def test_only_runs_for_everybody_with_the_same_options_are_compared() -> None:
    base = run(1, None, seed=1)
    assert comparable(base, run(2, None, seed=2).parameters)
    assert comparable(after(base, 2, ["ann"]), run(3, None).parameters)
    assert not comparable(base, run(2, ["ann"]).parameters)
    assert not comparable(run(1, ["ann"]), run(2, None).parameters)
    changed: dict[str, tuple[Any, str]] = {
        "window_days": (7.0, "--window"),
        "top": (5, "--top"),
        "per_item": (2, "--per-item"),
        "candidates": (20, "--candidates"),
        "everyone": (True, "--everyone"),
        "affinity": ("blend", "--affinity"),
        "definitions": ("of other triggers", "--triggers or --only"),
        "policy": ({"holdout": {"share": 0.1, "salt": "x"}}, "--policy"),
    }
    for parameter, (value, option) in changed.items():
        other = run(2, None, **{parameter: value})
        assert not comparable(base, other.parameters)
        assert not comparable(after(base, 2, ["ann"], **{parameter: value}), base.parameters)
        assert other_options(base, other.parameters) == [option]


# In a store.


@pytest.fixture
def store(place: Place, tmp_path: Path) -> GraphStore:
    """The shop, in which Dan may be contacted too."""
    yes = {"customer_id": "dan", "purpose": "contact", "granted": "true", "at": day(1).isoformat()}
    store = place.open()
    load(store, str(deliver_shop(tmp_path / "d", consents=[*tables()["consents"], yes])))
    return store


def current(store: GraphStore) -> dict[str, list[str]]:
    """What each customer is offered by the active run."""
    offers: dict[str, list[str]] = {}
    for row in run_query(store, "current-recommendations").to_pylist():
        offers.setdefault(row["customer_id"], []).append(row["item_id"])
    return offers


def test_some_customers_are_scored_and_the_others_keep_their_offers(
    store: GraphStore, tmp_path: Path
) -> None:
    first = score(store, NOW, NOW, selection=Selection(top=2))
    before = current(store)
    assert set(before) == {"ann", "dan"}
    folder = tmp_path / "later"
    folder.mkdir()
    bought = [{"customer_id": "gus", "product_id": "egg", "at": NOW.isoformat()}]
    write_csv(folder / "purchases.csv", bought)
    load(store, str(folder))

    later = NOW + timedelta(days=1)
    told: list[str] = []
    some = score(
        store, later, NOW, selection=Selection(top=4), customers=["ann", "zoe"], tell=told.append
    )
    assert (some.customers, some.unknown, some.others, some.activated) == (1, 1, 1, True)
    assert told == ["The other customers' offers were made with a different --top."]
    assert {row["customer_id"] for row in some.offers_table().to_pylist()} == {"ann"}
    now = current(store)
    assert now["dan"] == before["dan"]
    assert now["ann"] == some.offers_table()["item_id"].to_pylist()
    assert "egg" in now["ann"]
    run = active_run(store)
    assert (run.run_id, run.as_of, run.customers) == (some.run_id, later, 2)
    assert run.offers == len(now["ann"]) + len(now["dan"])

    # Each is explained by what made the offers, though the first run is deleted.
    assert prune_runs(store, keep=1) == [first.run_id]
    assert run_folder(store, first.run_id).exists()
    for customer, as_of in (("ann", later), ("dan", NOW)):
        for rank, item in enumerate(now[customer], start=1):
            explanation = explain(store, customer, item)
            assert (explanation.offered, explanation.rank) == (True, rank)
            assert (explanation.run_id, explanation.as_of) == (some.run_id, as_of)
    assert explain(store, "dan", "pill").rule == "sensitive"
    assert explain(store, "dan", "egg").offered is False

    # The same once more is the same run.
    again = score(store, later, NOW, selection=Selection(top=4), customers=["zoe", "ann"])
    assert again.as_dict() == some.as_dict()
    assert current(store) == now
    # A run for everybody lets go of the first.
    whole = score(store, later, later)
    prune_runs(store, keep=1)
    assert [run.run_id for run in runs(store, SCORE)] == [whole.run_id]
    # Of the folders that no run needs, the latest may belong to a run that is under way.
    assert len(list(store.state.runs.iterdir())) <= 2


def test_who_gets_no_offer_any_more_has_none_afterwards(store: GraphStore, tmp_path: Path) -> None:
    score(store, NOW, NOW)
    assert set(current(store)) == {"ann", "dan"}
    no = {"customer_id": "dan", "purpose": "contact", "granted": "false", "at": NOW.isoformat()}
    folder = tmp_path / "no"
    folder.mkdir()
    write_csv(folder / "consents.csv", [no])
    load(store, str(folder))
    report = score(store, NOW, NOW, customers=["dan"])
    assert (report.offers, report.others) == (0, 1)
    assert set(current(store)) == {"ann"}
    assert explain(store, "dan", "tea").rule == "no_contact_consent"


def test_interrupted_before_the_last_act_the_old_offers_stay_and_a_second_try_ends(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = score(store, NOW, NOW)
    before = current(store)

    def stop(*arguments: Any, activate: bool, **options: Any) -> None:
        write_run(*arguments, activate=not activate, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scoring, "write_run", stop)
        with pytest.raises(KeyboardInterrupt):
            score(store, NOW, NOW, selection=Selection(top=1), customers=["ann"])
    assert active_run(store).run_id == first.run_id
    assert current(store) == before
    score(store, NOW, NOW, selection=Selection(top=1), customers=["ann"])
    assert current(store) == {"ann": before["ann"][:1], "dan": before["dan"]}


def test_what_is_refused_or_not_to_be_activated_leaves_the_active_run(store: GraphStore) -> None:
    first = score(store, NOW, NOW)
    before = current(store)
    with pytest.raises(Refused, match="older than --max-age 7d"):
        score(store, NOW + timedelta(days=20), NOW)
    with pytest.raises(Refused, match="Give --activate"):
        score(store, NOW - timedelta(days=1), NOW)
    with pytest.raises(Refused, match="No customer has a reason"):
        score(store, NOW + timedelta(days=20), NOW, max_age=timedelta(days=30))
    assert [(r.run_id, r.active) for r in runs(store, SCORE)] == [(first.run_id, True)]
    assert store.count(g.RECOMMENDED_PRODUCT) + store.count(g.RECOMMENDED_STORE) == first.offers
    told: list[str] = []
    kept = score(store, day(18), NOW, activate=False, tell=told.append)
    assert not kept.activated
    assert told[0].startswith(f"The active run {first.run_id} is as of")
    assert current(store) == before
    use_run(store, kept.run_id)
    assert active_run(store).run_id == kept.run_id


def test_a_run_that_offers_to_too_few_customers_again_is_refused_unless_allowed(
    embedded: Place, tmp_path: Path
) -> None:
    yes = [
        {"customer_id": c, "purpose": "contact", "granted": "true", "at": day(1).isoformat()}
        for c in ("dan", "bob", "eve")
    ]
    with embedded.open() as store:
        shop = deliver_shop(tmp_path / "d", consents=[*tables()["consents"], *yes])
        load(store, str(shop))
        first = score(store, NOW, NOW)
        had = set(current(store))
        no = [row | {"granted": "false", "at": NOW.isoformat()} for row in yes]
        (tmp_path / "no").mkdir()
        write_csv(tmp_path / "no" / "consents.csv", no)
        load(store, str(tmp_path / "no"))
        assert had > {"ann"}
        share = 1 / len(had)
        with pytest.raises(Refused, match=f"Of the {len(had)} customers"):
            score(store, NOW, NOW, min_share=share + 0.01)
        # Nothing of the refused run is to be seen, and the work is not done again.
        assert active_run(store).run_id == first.run_id
        score(store, NOW, NOW, min_share=share)
        assert set(current(store)) == {"ann"}


@pytest.mark.parametrize(
    ("customers", "fault", "said"),
    [(["ann"], StoreBusy, "Run this again"), (None, Refused, "Give --activate")],
)
def test_a_run_that_becomes_active_meanwhile_is_not_lost(
    customers: list[str] | None,
    fault: type[Exception],
    said: str,
    embedded: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rank = Pipeline.rank

    def while_another_ends(*arguments: Any) -> None:
        monkeypatch.setattr(Pipeline, "rank", rank)
        score(store, NOW, NOW)
        return rank(*arguments)

    with embedded.open() as store:
        load(store, str(deliver_shop(tmp_path / "d")))
        score(store, NOW - timedelta(days=1), NOW)
        monkeypatch.setattr(Pipeline, "rank", while_another_ends)
        with pytest.raises(fault, match=said):
            score(store, NOW - timedelta(hours=12), NOW, customers=customers)
        assert active_run(store).as_of == NOW
