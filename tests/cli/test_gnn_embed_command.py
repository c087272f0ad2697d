"""`followsuit gnn embed`: what scripts rely on, and what is bad input."""

import re
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.cli_shop import AS_OF, Shop
from support.commands import run, run_each, start

import followsuit

COLUMNS = {"node_kind": pa.string(), "node_id": pa.string(), "embedding": pa.list_(pa.float32())}
EARLIER = "2025-04-01"


def in_graph(folder: Path) -> list[dict[str, object]]:
    """What the run in force has in the graph, in the columns of `--out`."""
    text = (
        "MATCH (r:Run {kind: 'embed', active: true}) "
        "MATCH (x)-[:EMBEDDED]->(e:Embedding) WHERE e.run_id = r.run_id "
        "RETURN e.node_kind AS node_kind, coalesce(x.customer_id, x.product_id, x.store_id) AS "
        "node_id, e.vector AS embedding ORDER BY node_kind, node_id"
    )
    with followsuit.open(str(folder / "followsuit.lbug")) as shop:
        rows = shop.cypher(text)
    return [row | {"embedding": list(row["embedding"])} for row in rows.to_dict("records")]


def test_embed_writes_a_file_and_the_same_to_the_graph(own_shop: Shop) -> None:
    embed = ("gnn", "embed", "--as-of", AS_OF)
    first, again, plain, asked = run_each(
        [
            [*embed, "--out", "first.parquet"],
            [*embed, "--out", "again.parquet"],
            [*embed, "--model", "lightgcn", "--out", "plain.parquet"],
            [
                "query",
                "nearest",
                "--param",
                "node_kind=product",
                "--param",
                "node_id=p0001",
                "--param",
                "among=product",
                "--param",
                "limit=3",
                "--format",
                "json",
            ],
        ],
        own_shop.folder,
    )
    assert {o.code for o in (first, again, plain, asked)} == {0}, first.said + asked.said
    assert "numbers by social: run embed-2025-05-20-" in first.said
    assert "numbers by lightgcn: run embed-2025-05-20-" in plain.said
    assert run_ids(first.said) == run_ids(again.said) != run_ids(plain.said)
    files = {name: own_shop.folder / f"{name}.parquet" for name in ("first", "again", "plain")}
    assert files["first"].read_bytes() == files["again"].read_bytes()
    rows = pq.read_table(files["plain"])
    assert dict(zip(rows.schema.names, rows.schema.types, strict=True)) == COLUMNS
    assert set(rows["node_kind"].to_pylist()) == {"customer", "product", "store"}
    assert in_graph(own_shop.folder) == rows.to_pylist()
    assert asked.out.count('"similarity"') == 3


def run_ids(said: str) -> list[str]:
    return re.findall(r"run (embed-\S+)", said)


def test_bad_input_is_one_line_and_exit_code_2(own_shop: Shop) -> None:
    bad = [
        (("--as-of", AS_OF, "--model", "nope"), "There is no model nope; there are "),
        (("--as-of", "soon"), "soon"),
        (("--as-of", "2001-01-01"), "No customer shares their activity as of 2001-01-01"),
        (("--as-of", AS_OF, "--out", "nowhere/x.parquet"), "There is no folder nowhere"),
        (("--as-of", AS_OF, "--store", "none.lbug"), "none.lbug. Run `followsuit load FOLDER"),
    ]
    done = run_each([["gnn", "embed", *options] for options, _ in bad], own_shop.folder)
    for (options, said), outcome in zip(bad, done, strict=True):
        assert (outcome.code, outcome.out) == (2, ""), options
        assert said in outcome.said
        assert len(outcome.said.splitlines()) == 1


@pytest.mark.long
def test_killed_at_any_moment_the_run_before_stays_in_force(own_shop: Shop) -> None:
    folder = own_shop.folder
    embed = ["gnn", "embed", "--model", "lightgcn", "--as-of"]
    assert run(*embed, EARLIER, folder=folder).code == 0
    before = in_graph(folder)
    began = time.monotonic()
    assert run(*embed, AS_OF, "--out", "after.parquet", folder=folder).code == 0
    took = time.monotonic() - began
    after = pq.read_table(folder / "after.parquet").to_pylist()
    assert run(*embed, EARLIER, folder=folder).code == 0
    for share in (0.7, 0.95):
        process = start(*embed, AS_OF, folder=folder)
        killer = threading.Timer(took * share, process.kill)
        killer.start()
        process.communicate()
        killer.cancel()
        assert in_graph(folder) in (before, after)
    assert run(*embed, AS_OF, folder=folder).code == 0
    assert in_graph(folder) == after
