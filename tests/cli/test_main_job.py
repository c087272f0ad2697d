"""`simulate`, `load`, `score`, `why`, `runs` and `backtest`, as a person runs them."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.cli_shop import AS_OF, Shop
from support.commands import Outcome, run_each

from followsuit.cli.ranking_options import read_customers
from followsuit.offers.features.declared import names_of
from followsuit.triggers.definitions.definition_file import shipped_definitions

OUT = [
    "customer_id",
    "rank",
    "item_kind",
    "item_id",
    "offer_id",
    "probability",
    "low",
    "high",
    "acceptance",
    "own_share",
    "trigger_share",
    "trigger",
    "triggers",
    "until",
    "channel",
    "expected_value",
    "store_ids",
    "reason",
]
GENDERED = re.compile(r"\b(she|hers?|herself|he|him|his|himself)\b", re.IGNORECASE)


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def offers(shop: Shop) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(shop.folder / "offers.parquet").to_pylist()
    return rows


# Simulate and load.


def test_simulate_writes_the_delivery_and_elsewhere_its_truth(shop: Shop) -> None:
    assert (shop.simulated.code, shop.simulated.out) == (0, "")
    delivered = {path.stem for path in (shop.folder / "delivery").iterdir()}
    assert delivered == {
        "customers",
        "products",
        "stores",
        "friendships",
        "purchases",
        "visits",
        "events",
        "likes",
        "memberships",
        "offers",
        "contacts",
        "consents",
    }
    truth = shop.folder / "truth"
    edges, acceptance = (pq.read_schema(truth / f"{n}.parquet") for n in ("edges", "acceptance"))
    assert edges.names == ["source", "target", "category", "probability"]
    assert acceptance.names == [
        "customer_id",
        "offer_id",
        "as_of",
        "with_trigger",
        "without_trigger",
    ]


def test_simulate_takes_every_size_and_dial_and_the_same_seed_again(tmp_path: Path) -> None:
    sizes = {"customers": 50, "products": 12, "stores": 3, "friendships": 80, "purchases": 300}
    given = [a for name, n in sizes.items() for a in (f"--{name}", n)]
    dials = ["--days", 30, "--homophily", 0, "--influence", 1, "--shock", 0.5, "--dirt", 0]
    command = ["simulate", "one", *map(str, given), *map(str, dials), "--seed", "7"]
    again = ["simulate", "two", *command[2:]]
    other = ["simulate", "three", *command[2:-1], "8", "--format", "parquet"]
    assert [done.code for done in run_each([command, again, other], tmp_path)] == [0, 0, 0]
    for name, n in sizes.items():
        text = (tmp_path / "one" / f"{name}.csv").read_text()
        assert text.count("\n") == n + 1
        assert text == (tmp_path / "two" / f"{name}.csv").read_text()
        assert pq.read_metadata(tmp_path / "three" / f"{name}.parquet").num_rows == n


def test_load_reports_every_row_of_every_table(shop: Shop) -> None:
    assert (shop.loaded.code, shop.loaded.out) == (0, "")
    report = read(shop.folder, "load.json")
    assert set(report) == {
        "tables",
        "rejects",
        "reasons",
        "warnings",
        "deleted",
        "withdrawn",
        "blocked_customers",
        "unmatched_refusals",
        "filtered_by",
    }
    for name, counts in report["tables"].items():
        assert set(counts) == {"read", "loaded", "duplicates", "rejected", "filtered"}
        assert counts["read"] == counts["loaded"] + counts["duplicates"] + counts["rejected"]
        assert f"{name:12} {counts['read']:>12,} read" in shop.loaded.said
    rejected = sum(counts["rejected"] for counts in report["tables"].values())
    assert 0 < rejected == pq.read_metadata(report["rejects"]).num_rows
    assert f"Rejected rows, with reasons: {report['rejects']}" in shop.loaded.said


def test_load_again_changes_nothing_and_prints_its_report_where_asked(own_shop: Shop) -> None:
    again = own_shop.run("load", "delivery", "--replace", "visits", "--json", "-")
    assert again.code == 0
    report = json.loads(again.out)
    assert report["tables"] == read(own_shop.folder, "load.json")["tables"]
    counted = own_shop.run("query", "counts", "--format", "json")
    names = {row["name"]: row["n"] for row in json.loads(counted.out)}
    assert names["Customer"] == report["tables"]["customers"]["loaded"]
    assert names["VISITED"] == report["tables"]["visits"]["loaded"]


# Score.


def test_score_writes_the_offers_and_says_what_they_were_made_with(shop: Shop) -> None:
    assert (shop.scored.code, shop.scored.out) == (0, "")
    report = read(shop.folder, "score.json")
    said = {"run_id", "as_of", "customers", "offers", "suppressed"}
    assert set(report) == said | {"allocation", "decisions", "risk"}
    assert set(report["allocation"]) == {"value", "bound", "gap", "cost", "violations"}
    assert report["decisions"]["offered"] == report["offers"]
    assert report["as_of"] == f"{AS_OF}T00:00:00+00:00"
    rows = pq.read_table(shop.folder / "offers.parquet")
    assert rows.column_names == OUT
    assert rows.schema.field("rank").type == pa.int64()
    assert rows.schema.field("probability").type == pa.float64()
    offers = rows.to_pylist()
    assert report["offers"] == len(offers) > 20
    assert report["customers"] == len({row["customer_id"] for row in offers})
    assert {row["item_kind"] for row in offers} <= {"product", "store"}
    assert all(n > 0 for n in report["suppressed"].values())
    for said in (
        "Weights (fitted to",
        "candidates blocked by no_contact_consent",
        f"run {report['run_id']}",
    ):
        assert said in shop.scored.said


def test_score_prints_its_report_where_asked_and_nothing_else_there(own_shop: Shop) -> None:
    done = own_shop.run("score", "--as-of", f"{AS_OF}T02:00:00+02:00", "--json", "-")
    assert json.loads(done.out) == read(own_shop.folder, "score.json")


def test_score_for_some_customers_alone(own_shop: Shop) -> None:
    everybody = offers(own_shop)
    some = sorted({row["customer_id"] for row in everybody})[:3]
    rows = "".join(f'"A, B","{customer}"\n' for customer in some)
    (own_shop.folder / "some.csv").write_text(f"name,customer_id\n{rows}C,unknown\n")
    done = own_shop.run(
        "score", "--as-of", AS_OF, "--customers", "some.csv", "--out", "some.parquet"
    )
    assert done.code == 0, done.said
    expected = [row for row in everybody if row["customer_id"] in some]
    assert pq.read_table(own_shop.folder / "some.parquet").to_pylist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "ann\n\n Bob, Jr \nc 3\n",
        'ann\n"Bob, Jr"\nc 3\n',
        'customer_id\nann\n"Bob, Jr"\nc 3\n',
        '\ufeff"customer_id","name"\r\n"ann",A\r\n"Bob, Jr","B ""x"""\r\n"c 3",\r\n',
        'name, customer_id\nA,ann\n"B, C", "Bob, Jr"\nshort\nC,c 3\n',
    ],
)
def test_the_customers_to_score_are_ids_a_line_or_a_column(text: str, tmp_path: Path) -> None:
    (tmp_path / "ids").write_bytes(text.encode())
    assert read_customers(tmp_path / "ids") == ["ann", "Bob, Jr", "c 3"]


def test_score_keeps_to_the_top_and_the_window(own_shop: Shop) -> None:
    everybody = offers(own_shop)
    top, narrow = run_each(
        [
            ["score", "--as-of", AS_OF, "--top", "1", "--out", "top.parquet"],
            ["score", "--as-of", AS_OF, "--window", "36h", "--json", "-"],
        ],
        own_shop.folder,
    )
    assert (top.code, narrow.code) == (0, 0)
    first = pq.read_table(own_shop.folder / "top.parquet").to_pylist()
    assert {row["rank"] for row in first} == {1}
    customers = [row["customer_id"] for row in first]
    assert customers == [row["customer_id"] for row in everybody if row["rank"] == 1]
    assert 0 < json.loads(narrow.out)["customers"] < len(first)


def test_score_before_all_data_offers_nothing_and_says_so(own_shop: Shop) -> None:
    score = ["score", "--as-of", "2019-12-31", "--activate"]
    done = own_shop.run(*score, "--out", "none.parquet", "--json", "-")
    assert done.code == 0
    assert "No customer gets an offer as of 2019-12-31 00:00 UTC." in done.said
    report = json.loads(done.out)
    assert (report["customers"], report["offers"]) == (0, 0)
    assert pq.read_table(own_shop.folder / "none.parquet").column_names == OUT


# Why, and why not.

EXPLAINED = {
    "run_id",
    "as_of",
    "customer_id",
    "target",
    "offered",
    "rule",
    "explanation",
    *OUT,
    "score",
    "base",
    "factors",
    "calibration",
}


def test_why_says_the_reason_and_what_each_factor_adds(shop: Shop) -> None:
    offer = next(row for row in offers(shop) if row["trigger"])
    who, what = offer["customer_id"], offer["item_id"]
    text, told = run_each([["why", who, what], ["why", who, what, "--json"]], shop.folder)
    run_id = read(shop.folder, "score.json")["run_id"]
    lines = text.out.splitlines()
    assert lines[0] == (
        f"{offer['item_kind']} {what} is offered as number {offer['rank']} in run {run_id}: "
        f"{offer['reason']}."
    )
    share = f"of which triggers add {offer['trigger_share']:.6f}"
    assert lines[1] == f"Probability {offer['probability']:.6f}, {share}."
    calibrated = offer["low"] is not None
    if calibrated:
        alike = f"{offer['low']:.2%} to {offer['high']:.2%}"
        assert lines[2] == f"Of customers scored like this, {alike} accept."
    parts = lines[2 + calibrated :]
    names = [line.split()[0] for line in parts]
    assert (names[0], names[-1]) == ("base", "calibration")
    factors = json.loads(told.out)["factors"]
    assert list(factors) == list(names_of(shipped_definitions()))
    assert names[1:-1] == [name for name, value in factors.items() if round(value, 3)]
    assert f"trigger_{offer['trigger']}" in names
    assert len({line.index(line.split()[1]) for line in parts}) == 1, "numbers are aligned"
    explanation = json.loads(told.out)
    assert set(explanation) == EXPLAINED
    assert explanation["offered"] is True
    log_odds = explanation["base"] + sum(explanation["factors"].values())
    log_odds += explanation["calibration"]
    assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(explanation["probability"], abs=1e-6)
    assert explanation["score"] == explanation["probability"]
    until = offer["until"] and offer["until"].isoformat()
    assert {name: explanation[name] for name in OUT} == offer | {"until": until}


def test_why_not_names_the_rule_in_words_that_fit_everybody(shop: Shop) -> None:
    run_id = read(shop.folder, "score.json")["run_id"]
    folder = shop.folder / f"followsuit.lbug.state/runs/{run_id}"
    decisions = pq.read_table(folder / "decisions.parquet").to_pylist()
    offered = {(row["customer_id"], row["item_id"]) for row in offers(shop)}
    cases = {
        row["blocked_by"]: (row["customer_id"], row["item_id"])
        for row in decisions
        if row["blocked_by"] and (row["customer_id"], row["item_id"]) not in offered
    }
    assert len(cases) >= 7
    commands = [["why-not", *pair] for pair in cases.values()]
    for rule, done in zip(cases, run_each(commands, shop.folder), strict=True):
        said = re.match(r"Not offered \((\w+)\): \w.*\.$", done.out.splitlines()[0])
        assert said, done.out
        assert not GENDERED.search(done.out), done.out
        # Other rules may keep back one friend's act, and a rule more may keep back the item.
        if rule in ("minor", "unknown_age", "no_contact_consent", "already_taken"):
            assert said[1] == rule


def test_why_not_for_an_offer_and_as_json(shop: Shop) -> None:
    given = {row["offer_id"] for row in offers(shop)}
    never = next(f"o{n:04}" for n in range(1, 100) if f"o{n:04}" not in given)
    customer = offers(shop)[0]["customer_id"]
    done = shop.run("why-not", customer, never, "--json")
    explanation = json.loads(done.out)
    assert (done.code, explanation["offered"], explanation["target"]) == (0, False, never)
    assert explanation["rule"] in ("no_offer_in_force", "not_in_audience", "not_acted_on_lately")


# Runs.


LISTED = re.compile(
    r"([* ]) (\S+)  as of \d{4}-\d\d-\d\d  made \S+ \S+  [\d,]+ offers to [\d,]+ customers"
)


def listed(done: Outcome) -> list[tuple[str | Any, ...]]:
    matches = [LISTED.fullmatch(line) for line in done.out.splitlines()]
    return [match.groups() for match in matches if match]


def test_runs_are_listed_used_and_pruned(own_shop: Shop) -> None:
    first = read(own_shop.folder, "score.json")["run_id"]
    second, two, used, one, current, kept = run_each(
        [
            ["score", "--as-of", "2025-05-10", "--activate", "--json", "-"],
            ["runs", "list"],
            ["runs", "use", first],
            ["runs", "list"],
            ["query", "current-recommendations", "--format", "json"],
            ["runs", "prune", "--keep", "1"],
        ],
        own_shop.folder,
    )
    later = json.loads(second.out)["run_id"]
    assert listed(two) == [("*", later), (" ", first)]
    assert (used.code, used.out, used.said) == (0, "", f"Run {first} is active.\n")
    assert listed(one) == [(" ", later), ("*", first)]
    items = [row["item_id"] for row in json.loads(current.out)]
    assert items == [row["item_id"] for row in offers(own_shop)]
    # The active one is kept, though it is not the latest.
    assert (kept.code, kept.said) == (0, "0 runs deleted.\n")
    _, pruned, left = run_each(
        [["runs", "use", later], ["runs", "prune", "--keep", "1"], ["runs", "list"]],
        own_shop.folder,
    )
    assert pruned.said == f"1 run deleted: {first}.\n"
    assert listed(left) == [("*", later)]


def test_runs_of_a_shop_that_was_never_scored(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "customers.csv").write_text("customer_id\nana\n")
    loaded, listed, why = run_each([["load", "d"], ["runs", "list"], ["why", "ana", "p"]], tmp_path)
    assert (loaded.code, listed.code, listed.out, why.code) == (0, 0, "", 2)
    assert listed.said == "There are no runs yet. Run `followsuit score --as-of DATE` first.\n"


# Backtest.


@pytest.fixture(scope="module")
def judged(shop: Shop) -> Any:
    return shop.run(
        "backtest",
        "--from",
        "2025-04-01",
        "--to",
        "2025-05-30",
        "--every",
        "14d",
        "--horizon",
        "14d",
        "--json",
        "-",
        "--out",
        "ranked.parquet",
    )


def test_backtest_reports_what_scripts_rely_on_and_nothing_else_there(judged: Any) -> None:
    assert judged.code == 0
    report = json.loads(judged.out)
    assert set(report) == {
        "moments",
        "undated",
        "per_customer",
        "per_offer",
        "trigger_gain",
        "ties_gain",
        "lead",
        "calibration",
    }
    assert report["moments"] == 4
    assert set(report["per_customer"]) == {
        "ranking",
        "ranking_without_trigger",
        "trigger_only",
        "popularity",
        "community_popularity",
        "ease",
        "random_friend_item",
    }
    assert set(report["per_offer"]) == {
        "ranking",
        "ranking_without_trigger",
        "trigger_only",
        "activity",
    }
    for view in ("per_customer", "per_offer"):
        for metrics in report[view].values():
            for figure in metrics.values():
                assert set(figure) == {"value", "low", "high"}
    assert set(report["trigger_gain"]["per_customer"]) == {"ndcg@10"}
    assert set(report["trigger_gain"]["per_offer"]) == {"recall@20"}
    for said in ("per customer", "per offer", "ranking_without_trigger", "over 4 cutoffs"):
        assert said in judged.said


def test_backtest_writes_each_customers_first_ten(judged: Any, shop: Shop) -> None:
    rows = pq.read_table(shop.folder / "ranked.parquet")
    assert rows.column_names == [
        "as_of",
        "strategy",
        "customer_id",
        "item_kind",
        "item_id",
        "rank",
        "probability",
        "adopted",
        "adoptions",
    ]
    assert {1, 10} <= set(rows["rank"].to_pylist()) <= set(range(1, 11))


def test_backtest_prints_its_tables_where_no_report_is_printed(shop: Shop, tmp_path: Path) -> None:
    done = shop.run(
        "backtest", "--from", "2025-05-01", "--to", "2025-05-20", "--json", tmp_path / "b.json"
    )
    assert done.code == 0
    assert "ranking_without_trigger" in done.out
    assert "Triggers add to ndcg@10" in done.out
    assert max(map(len, done.out.splitlines())) <= 160
    assert read(tmp_path, "b.json")["moments"] == 1
