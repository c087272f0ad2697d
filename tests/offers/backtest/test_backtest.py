"""The backtest: its cutoffs, its labels, and that it doesn't see the future."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.grids import grid_of
from support.linear_taste import backtest
from support.snapshots import day, view_from
from support.worlds import end_of, view_of_world

from followsuit.graph.tables import TABLES
from followsuit.graph.views.snapshot import Snapshot
from followsuit.graph.views.view import View
from followsuit.offers.backtest.backtest import SCHEMA, BacktestError, BacktestReport
from followsuit.simulator import World

WORLD = World(
    customers=200, products=60, stores=4, friendships=1_200, purchases=4_000, days=84, seed=2
)
WEEK = timedelta(days=7)
END = end_of(WORLD)
CUSTOMER_VIEW = {
    "ranking",
    "ranking_without_trigger",
    "trigger_only",
    "popularity",
    "community_popularity",
    "ease",
    "random_friend_item",
}
OFFER_VIEW = {"ranking", "ranking_without_trigger", "trigger_only", "activity"}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return view_of_world(WORLD, tmp_path_factory.mktemp("world"), assume_consent=True)


def judged(view: View, out: Path | None = None, **options: Any) -> BacktestReport:
    settings = {"start": END - 5 * WEEK, "end": END, "every": WEEK, "horizon": 2 * WEEK}
    return backtest(view, **{**settings, **options}, out=out)


@pytest.fixture(scope="module")
def report(
    view: View, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BacktestReport, list[dict[str, Any]]]:
    out = tmp_path_factory.mktemp("out") / "places.parquet"
    result = judged(view, out)
    assert pq.read_schema(out) == SCHEMA
    return result, pq.read_table(out).to_pylist()


def test_a_cutoff_fits_while_its_horizon_ends_by_the_last_interaction(view: View) -> None:
    start = END - 5 * WEEK
    last = view.interactions.to_pandas()["at"].max()
    fitting = [start + n * WEEK for n in range(9) if start + (n + 2) * WEEK <= min(END, last)]
    assert judged(view).cutoffs == fitting
    assert judged(view, end=start + 2 * WEEK).cutoffs == [start]


def test_where_no_cutoff_fits_the_error_says_so(view: View) -> None:
    with pytest.raises(BacktestError, match="earlier --from"):
        judged(view, start=END)


def test_where_nothing_follows_any_cutoff_the_error_says_so(view: View) -> None:
    # Customers have birthdays before the data begins too.
    begin = view.interactions.to_pandas()["at"].min()
    with pytest.raises(BacktestError, match="there is nothing to compare"):
        judged(view, start=begin - 9 * WEEK, end=begin)


def test_where_nobody_has_a_trigger_the_error_says_so(tmp_path: Path) -> None:
    acts = [{"customer_id": "a", "product_id": "p", "at": day(d)} for d in (1, 40)]
    alone = view_from(
        tmp_path,
        day(60),
        customers=[{"customer_id": "a"}],
        products=[{"product_id": "p"}],
        purchases=acts,
    )
    with pytest.raises(BacktestError, match="live trigger"):
        backtest(alone, day(20), day(60), WEEK, WEEK)


def test_the_report_has_the_keys_that_scripts_rely_on(
    report: tuple[BacktestReport, list[dict[str, Any]]],
) -> None:
    written = report[0].as_dict()
    assert written["moments"] == len(report[0].cutoffs) == 3
    assert written["undated"] == ["customers.city", "friendships", "likes"]
    metrics = {"hit@1", "hit@5", "hit@10", "ndcg@10"}
    assert {name: set(m) for name, m in written["per_customer"].items()} == dict.fromkeys(
        CUSTOMER_VIEW, metrics
    )
    metrics = {"recall@20", "precision@20", "auc"}
    assert {name: set(m) for name, m in written["per_offer"].items()} == dict.fromkeys(
        OFFER_VIEW, metrics
    )
    lead = written["lead"]
    assert set(lead["per_customer"]) == CUSTOMER_VIEW - {"ranking"}
    assert set(lead["per_offer"]) == OFFER_VIEW - {"ranking"}
    assert {view: set(gain) for view, gain in written["ties_gain"].items()} == {
        "per_customer": {"ndcg@10"},
        "per_offer": {"recall@20"},
    }
    without = lead["per_customer"]["ranking_without_trigger"]
    assert written["trigger_gain"]["per_customer"] == {"ndcg@10": without["ndcg@10"]}
    without = lead["per_offer"]["ranking_without_trigger"]
    assert written["trigger_gain"]["per_offer"] == {"recall@20": without["recall@20"]}
    calibration = written["calibration"]
    assert set(calibration) == {"observed_over_expected", "log_loss", "bins"}
    assert set(calibration["observed_over_expected"]) == {"value", "low", "high"}
    assert set(calibration["log_loss"]) == {"ranking", "base_rate"}
    assert all(set(b) == {"from", "to", "n", "expected", "observed"} for b in calibration["bins"])
    shown = [row for row in report[1] if row["strategy"] == "ranking"]
    assert sum(each["n"] for each in calibration["bins"]) == len(shown)
    assert sum(each["observed"] for each in calibration["bins"]) == sum(r["adopted"] for r in shown)
    expected = sum(each["expected"] for each in calibration["bins"])
    assert expected == pytest.approx(sum(row["probability"] for row in shown))
    assert all(r["probability"] is None for r in report[1] if r["strategy"] != "ranking")
    for metric in without.values():
        assert metric["low"] <= metric["value"] <= metric["high"]


def test_strategies_rank_the_same_customers_at_the_same_cutoffs_without_seen_items(
    report: tuple[BacktestReport, list[dict[str, Any]]], view: View
) -> None:
    rows = report[1]
    seen: dict[str, set[tuple[datetime, str]]] = {}
    for row in rows:
        seen.setdefault(row["strategy"], set()).add((row["as_of"], row["customer_id"]))
        assert 1 <= row["rank"] <= 10
    assert set(seen) == CUSTOMER_VIEW
    by_friends = {
        (as_of, customer)
        for as_of in report[0].cutoffs
        for customer in grid_of(view.shared.at(as_of)).customers.ids
    }
    # Only those with a reason that rests on friends have a friend's item.
    assert seen.pop("random_friend_item") == by_friends
    ranked = seen["ranking"]
    assert by_friends < ranked
    assert dict.fromkeys(seen, ranked) == seen

    firsts = first_interactions(view)
    for row in rows:
        at = firsts.get((row["customer_id"], row["item_kind"], row["item_id"]))
        assert at is None or at > row["as_of"]
        horizon = row["as_of"] + 2 * WEEK
        assert row["adopted"] == (at is not None and at <= horizon)


def test_hits_are_shares_of_all_customers_at_all_cutoffs(
    report: tuple[BacktestReport, list[dict[str, Any]]],
) -> None:
    figures, rows = report
    customers = {(row["as_of"], row["customer_id"]) for row in rows}
    for strategy in CUSTOMER_VIEW:
        mine = [row for row in rows if row["strategy"] == strategy]
        for k in (1, 5, 10):
            hit = {(r["as_of"], r["customer_id"]) for r in mine if r["adopted"] and r["rank"] <= k}
            value = figures.figures["per_customer"][strategy][f"hit@{k}"].value
            assert value == pytest.approx(len(hit) / len(customers))


def first_interactions(view: View) -> dict[tuple[str, str, str], datetime]:
    firsts: dict[tuple[str, str, str], datetime] = {}
    for table, kind, column in (
        ("purchases", "product", "product_id"),
        ("visits", "store", "store_id"),
    ):
        for row in view.snapshot.rows(TABLES[table]).to_pyarrow().to_pylist():
            key = (row["customer_id"], kind, row[column])
            firsts[key] = min(row["at"], firsts.get(key, row["at"]))
    return firsts


def test_the_same_inputs_give_the_same_report(
    view: View, report: tuple[BacktestReport, list[dict[str, Any]]]
) -> None:
    assert judged(view).as_dict() == report[0].as_dict()


def test_interactions_after_the_last_horizon_change_nothing(
    tmp_path: Path, report: tuple[BacktestReport, list[dict[str, Any]]]
) -> None:
    view_of_world(WORLD, tmp_path, assume_consent=True)
    path = tmp_path / "purchases.parquet"
    rows = pq.read_table(path)
    last = report[0].cutoffs[-1] + 2 * WEEK
    planted = [
        {**row, "purchase_id": f"planted-{n}", "at": last + timedelta(hours=1)}
        for n, row in enumerate(rows.slice(0, 500).to_pylist())
    ]
    merged = rows.to_pylist() + planted
    pq.write_table(rows.from_pylist(merged, schema=rows.schema).sort_by("purchase_id"), path)
    again = View(Snapshot(tmp_path, memory=2**30), END)
    assert judged(again, end=last).as_dict() == report[0].as_dict()


def test_what_carries_no_date_is_named(tmp_path: Path) -> None:
    rows: dict[str, Any] = {
        "customers": [{"customer_id": c, "city": "Ulm"} for c in ("a", "b")],
        "products": [{"product_id": f"p{n}"} for n in range(30)],
        "friendships": [{"customer_id": "a", "friend_id": "b", "interactions": 4.0}],
        "likes": [{"customer_id": "a", "interest": "tea", "at": day(1)}],
        "memberships": [{"customer_id": "a", "program": "gold"}],
        "purchases": [
            {"customer_id": "ab"[n % 2], "product_id": f"p{n}", "at": day(1 + 2 * n)}
            for n in range(30)
        ],
    }
    view = view_from(tmp_path, day(70), assume_consent=True, **rows)
    result = backtest(view, day(20), day(60), WEEK, WEEK)
    assert result.undated == ["customers.city", "friendships", "memberships"]


def test_tie_strength_from_interactions_is_left_out(tmp_path: Path) -> None:
    reports = []
    for folder, interactions in (("plain", None), ("strong", 50.0)):
        view_of_world(WORLD, tmp_path / folder, assume_consent=True)
        path = tmp_path / folder / "friendships.parquet"
        rows = pq.read_table(path)
        known = [{**row, "interactions": interactions} for row in rows.to_pylist()]
        pq.write_table(rows.from_pylist(known, schema=rows.schema), path)
        reports.append(judged(View(Snapshot(tmp_path / folder, memory=2**30), END)).as_dict())
    assert reports[0] == reports[1]
