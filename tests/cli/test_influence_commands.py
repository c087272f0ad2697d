"""`followsuit influence`: what scripts rely on, on both engines, and what is bad input."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.cli_shop import AS_OF, Shop
from support.commands import Outcome, run, run_each

from followsuit.testing.places import Place

COLUMNS = ["source", "target", "category", "probability", "low", "high", "evidence"]
FIGURE = {"value", "low", "high"}


def influence(shop: Shop, command: str, *options: str | Path) -> Outcome:
    return shop.run("influence", command, "--as-of", AS_OF, *options)


def answered(outcome: Outcome) -> Any:
    assert outcome.code == 0, outcome.said
    return json.loads(outcome.out)


def test_learn_writes_a_file_and_the_same_to_the_graph(own_shop: Shop) -> None:
    for _ in range(2):
        done = influence(own_shop, "learn", "--out", "edges.parquet", "--plot", "edges.png")
        assert done.code == 0, done.said
    rows = pq.read_table(own_shop.folder / "edges.parquet")
    assert rows.column_names == COLUMNS
    assert rows.num_rows > 500
    assert (own_shop.folder / "edges.png").read_bytes().startswith(b"\x89PNG")
    text = (
        "MATCH (r:Run {kind: 'influence', active: true}) "
        "MATCH (s:Customer)-[i:INFLUENCES]->(t:Customer) WHERE i.run_id = r.run_id "
        "RETURN s.customer_id AS source, t.customer_id AS target, i.category AS category, "
        "i.probability AS probability, i.low AS low, i.high AS high, i.evidence AS evidence "
        "ORDER BY source, target, category"
    )
    outcome = own_shop.run("cypher", text, "--format", "json")
    assert answered(outcome) == rows.to_pylist()
    every = own_shop.run(
        "cypher", "MATCH ()-[i:INFLUENCES]->() RETURN count(*) AS n", "--format", "json"
    )
    assert answered(every) == [{"n": rows.num_rows}], "an older run was left"
    listed = own_shop.run("runs", "list")
    assert "influence" not in listed.out


def test_what_was_learned_later_is_replaced_and_minors_are_nowhere(own_shop: Shop) -> None:
    earlier = own_shop.run("influence", "learn", "--as-of", "2025-03-01", "--out", "then.parquet")
    assert earlier.code == 0
    assert influence(own_shop, "learn", "--out", "now.parquet").code == 0
    then, now = (pq.read_table(own_shop.folder / f"{name}.parquet") for name in ("then", "now"))
    assert sum(then["evidence"].to_pylist()) < sum(now["evidence"].to_pylist())
    minors = own_shop.run(
        "cypher",
        "MATCH (c:Customer) WHERE c.birth_date > date('2007-05-20') RETURN c.customer_id AS id",
        "--format",
        "json",
    )
    young = {row["id"] for row in answered(minors)}
    assert young
    assert not young & {*now["source"].to_pylist(), *now["target"].to_pylist()}


def test_holdout_judges_and_writes_nothing(own_shop: Shop) -> None:
    done = influence(own_shop, "learn", "--holdout", "0.2", "--json", "-", "--out", "e.parquet")
    report = answered(done)
    assert pq.read_table(own_shop.folder / "e.parquet").num_rows > 500
    for metric in ("auc", "log_loss"):
        assert set(report[metric]) == {"learned", "uniform", "degree"}
        assert all(set(figure) == FIGURE for figure in report[metric].values())
    assert report["cases"] > report["followed"] > 0
    left = own_shop.run(
        "cypher", "MATCH ()-[i:INFLUENCES]->() RETURN count(*) AS n", "--format", "json"
    )
    assert answered(left) == [{"n": 0}]


def test_report_has_every_grade_and_a_verdict(shop: Shop, tmp_path: Path) -> None:
    done = influence(shop, "report", "--json", "-", "--plot", tmp_path / "effects.png")
    report = answered(done)
    grades = {"observed", "adjusted", "placebo_time", "placebo_rewired"}
    assert set(report["grades"]) == grades
    for graded in (report["grades"], *report["categories"].values()):
        assert set(graded) == grades
        assert all(set(figure) == {"lift", "low", "high", "n"} for figure in graded.values())
    assert set(report["sensitivity"]) == {"value", "bound"}
    assert report["verdict"] in done.said
    assert "influence" not in report["verdict"]
    assert (tmp_path / "effects.png").stat().st_size > 10_000


def test_rank_lists_customers_and_writes_all_who_share_to_the_graph(own_shop: Shop) -> None:
    rows = answered(influence(own_shop, "rank", "--top", "7", "--json", "-"))
    assert len(rows) == 7
    assert [list(row) for row in rows] == [
        ["customer_id", "value", "low", "high", "pagerank", "core", "community"]
    ] * 7
    assert [row["value"] for row in rows] == sorted((r["value"] for r in rows), reverse=True)
    outcome = own_shop.run(
        "cypher",
        "MATCH (c:Customer) WHERE c.ranked_as_of IS NOT NULL "
        "RETURN count(*) AS n, max(c.incremental_value) AS most",
        "--format",
        "json",
    )
    (said,) = answered(outcome)
    assert 100 < said["n"] < 180  # those who share
    assert said["most"] == pytest.approx(rows[0]["value"])


def test_seeds_keep_to_the_budget_the_costs_and_consent(shop: Shop, tmp_path: Path) -> None:
    plain = answered(influence(shop, "seeds", "--budget", "4", "--json", "-"))
    assert set(plain) == {"seeds", "spread", "low", "high", "certified_ratio", "seconds"}
    assert len(plain["seeds"]) == 4
    assert plain["low"] <= plain["spread"] <= plain["high"]
    assert 0 < plain["certified_ratio"] <= 1
    costs = tmp_path / "costs.csv"
    dear = "".join(f"{customer},3.5\n" for customer in plain["seeds"])
    costs.write_text(f"customer_id,cost\n{dear}nobody,1\n")
    bought = answered(influence(shop, "seeds", "--budget", "4", "--costs", costs, "--json", "-"))
    assert sum(3.5 if s in plain["seeds"] else 1 for s in bought["seeds"]) <= 4
    refused = shop.run(
        "cypher",
        "MATCH (c:Customer)-[r:CONSENTED]->(p:Purpose {purpose: 'social_use'}) "
        "WHERE NOT r.granted RETURN c.customer_id AS id",
        "--format",
        "json",
    )
    assert not {row["id"] for row in answered(refused)} & {*plain["seeds"], *bought["seeds"]}


def test_rank_leaves_minors_out_and_tells_money_in_major_units(own_shop: Shop) -> None:
    born = "MATCH (c:Customer) WHERE c.birth_date > date('2007-05-20') "
    told = influence(own_shop, "rank", "--top", "1000", "--json", "all.json", "--plot", "rank.png")
    assert told.code == 0, told.said
    rows = json.loads((own_shop.folder / "all.json").read_text())
    outcome = own_shop.run(
        "cypher",
        born + "RETURN c.customer_id AS id, c.incremental_value AS value, "
        "c.pagerank AS pagerank, c.core AS core, c.community AS community, "
        "c.ranked_as_of AS at",
        "--format",
        "json",
    )
    minors = answered(outcome)
    assert minors
    assert not {row["id"] for row in minors} & {row["customer_id"] for row in rows}
    assert 100 < len(rows) < 200 - len(minors)
    assert {v for row in minors for k, v in row.items() if k != "id"} == {None}
    assert "further margin because of one interaction, in major units of money" in told.out
    assert "e+" not in told.out
    first = rows[0]
    low, high = (f"{first[end] / 100:,.2f}" for end in ("low", "high"))
    shown = next(line for line in told.out.splitlines() if first["customer_id"] in line)
    assert f" {first['value'] / 100:,.2f} " in shown
    assert f" {low} to {high} " in shown


def test_unknown_customers_in_the_costs_are_counted(shop: Shop, tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    costs.write_text(" customer_id , cost\nc0001, 2\nnobody,1\nno one,1\n")
    done = influence(shop, "seeds", "--budget", "2", "--costs", costs, "--json", "-")
    assert answered(done)["seeds"]
    assert f"2 customers in {costs} aren't in the store and were ignored" in done.said.splitlines()


BAD = [
    (("seeds", "--budget", "0"), "the budget is 0"),
    (("seeds", "--budget", "nan"), "the budget is nan"),
    (("seeds", "--budget", "5", "--costs", "none.csv"), "none.csv can't be read"),
    (("seeds", "--budget", "5", "--costs", "wrong.csv"), "row 2: the cost 'much' isn't a number"),
    (("seeds", "--budget", "5", "--costs", "empty.csv"), "has no column customer_id"),
    (("seeds", "--budget", "5", "--costs", "long.csv"), "row 1: it has 3 fields and the header 2"),
    (("seeds", "--budget", "5", "--costs", "twice.csv"), "row 3: c0001 already has a row"),
    (("seeds", "--budget", "5", "--costs", "others.csv"), "none of its 2 customers is known"),
    *(
        ((command, *options, "--plot", name), f"{name} isn't a picture's name. End it in .png, ")
        for command, options in (
            ("learn", ()),
            ("report", ()),
            ("rank", ()),
            ("seeds", ("--budget", "5")),
        )
        for name in ("x.nonsense", "picture")
    ),
    (("learn", "--window", "0d"), "0d"),
    (("learn", "--window", "soon"), "soon"),
    (("learn", "--holdout", "1.5"), "hold out is 1.5"),
    (("rank", "--top", "0"), "--top"),
]


def test_bad_input_is_one_line_and_exit_code_2(own_shop: Shop) -> None:
    (own_shop.folder / "wrong.csv").write_text("customer_id,cost\nc0001,1\nc0002,much\n")
    (own_shop.folder / "empty.csv").write_text("who,what\n")
    (own_shop.folder / "long.csv").write_text("customer_id,cost\nc0001,1,50\nc0002,1,50\n")
    (own_shop.folder / "twice.csv").write_text("customer_id,cost\nc0001,1\nc0002,1\nc0001,3\n")
    (own_shop.folder / "others.csv").write_text("customer_id,cost\nx,1\ny,1\n")
    commands = [["influence", *options, "--as-of", AS_OF] for options, _ in BAD]
    for (options, said), done in zip(BAD, run_each(commands, own_shop.folder), strict=True):
        assert (done.code, done.out) == (2, ""), options
        assert said in done.said
        assert len(done.said.splitlines()) == 1


def test_without_consent_nobody_is_a_seed_and_without_edges_nothing_is_learned(
    tmp_path: Path,
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "purchases.csv").write_text(
        "customer_id,product_id,at\na,p,2025-01-01\nb,p,2025-01-03\na,q,2025-02-01\n"
    )
    assert run("load", "shop", folder=tmp_path).code == 0
    asked = (["learn"], ["rank"], ["seeds", "--budget", "1"])
    for refused in run_each([["influence", *ask, "--as-of", AS_OF] for ask in asked], tmp_path):
        assert refused.code == 2
        assert "social_use" in refused.said
    assert run("load", "shop", "--assume-consent", folder=tmp_path).code == 0
    alone = run("influence", "learn", "--as-of", AS_OF, "--out", "e.parquet", folder=tmp_path)
    assert alone.code == 0
    assert "not enough evidence: 0 exposures" in alone.said
    assert pq.read_table(tmp_path / "e.parquet").num_rows == 0
    ranked, chosen = run_each(
        [
            ["influence", "rank", "--as-of", AS_OF],
            ["influence", "seeds", "--budget", "1", "--as-of", AS_OF],
        ],
        tmp_path,
    )
    assert (ranked.code, chosen.code) == (2, 2)
    assert "not enough evidence" in ranked.said
    assert "not enough evidence" in chosen.said


def test_both_engines_learn_the_same_bytes(own_shop: Shop, server: Place, tmp_path: Path) -> None:
    told = {"environment": server.environment, "folder": tmp_path}
    loaded = run("load", own_shop.folder / "delivery", "--store", server.name, **told)  # type: ignore[arg-type]
    assert loaded.code == 0, loaded.said
    files = []
    for store in (str(own_shop.folder / "followsuit.lbug"), server.name):
        files.append(tmp_path / f"{len(files)}.parquet")
        options = ("--as-of", AS_OF, "--store", store, "--out", files[-1])
        done = run("influence", "learn", *options, **told)  # type: ignore[arg-type]
        assert done.code == 0, done.said
    assert files[0].read_bytes() == files[1].read_bytes()
