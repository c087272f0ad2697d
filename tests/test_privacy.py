"""What customers who don't share do, and sensitive purchases, change nothing for anybody else."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.deliveries import deliver
from support.random_shops import NOW, addition, random_shop

from followsuit.gnn.embeddings import embed
from followsuit.gnn.models.registry import model
from followsuit.graph.results.runs import DECISIONS, DRIVERS, FILES, OFFERS, active_run, run_folder
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import view_of
from followsuit.influence.analysis import Analysis
from followsuit.loaders.load import load
from followsuit.offers.explanation.explain import explain
from followsuit.offers.learning.learned import LEARNED_FROM
from followsuit.offers.run_parameters import OFFERED_TO
from followsuit.offers.score import score
from followsuit.policy.declared.policy_file import NO_FILE, PolicyFile, parse_policy
from followsuit.policy.declared.run_parameters import INPUTS
from followsuit.queries.runner import run_query
from followsuit.testing.places import Place

OF_ALL = (OFFERED_TO, INPUTS, LEARNED_FROM)
"""Parameters that the customer's own rows may change: how many have offers, and, like an id,
digests of all rows."""
POLICY = """
[contact]
per_customer = { at_most = 3, within = "7d" }
per_channel.sms = { at_most = 1, within = "30d" }
per_offer = { at_most = 1, within = "90d" }
per_friend = { at_most = 2 }
quiet = { from = "21:00", until = "08:00", zone = "Europe/Berlin" }

[never]
bought_within = "30d"
programs = ["gold"]
categories = ["k2"]
min_expected_value = 0.0001

[holdout]
share = 0.1
salt = "2026"

[retention]
events = "70d"
contacts = "100d"
"""
IN_CI, BY_NIGHT = range(12), range(12, 200)
"""Each of the six kinds of rows is added without a policy, then with one."""


@pytest.mark.parametrize("seed", IN_CI)
def test_nobody_elses_results_change(
    seed: int, embedded: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if seed % 7:  # A few worlds have all days.
        request.getfixturevalue("few_days")
    check(seed, embedded, tmp_path, "lightgcn" if seed % 7 == 0 else "ials")


@pytest.mark.nightly
@pytest.mark.parametrize("seed", BY_NIGHT)
def test_nobody_elses_results_change_in_many_worlds(
    seed: int, embedded: Place, tmp_path: Path
) -> None:
    check(seed, embedded, tmp_path, ("lightgcn", "social", "hetero", "ials")[seed % 4])


def check(seed: int, place: Place, folder: Path, vectors: str) -> None:
    """Add the row and compare all that is computed of everybody else, to the byte."""
    shop = random_shop(seed)
    customer, table, row = addition(shop, seed)
    policy = parse_policy(POLICY, "policy.toml") if seed // 6 % 2 else NO_FILE
    with place.open() as store:
        load(store, str(deliver(folder / "shop", **shop)))
        before = results(store, customer, vectors, policy)
        load(store, str(deliver(folder / "more", **{table: [row]})))
        after = results(store, customer, vectors, policy)
    assert before["offers.parquet"].num_rows > 0, "a world without offers shows nothing"
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert value == after[name], f"{name} changed when {customer} got a row in {table}: {row}"


def results(store: GraphStore, customer: str, vectors: str, policy: PolicyFile) -> dict[str, Any]:
    """All results for a store, without the rows of one customer."""

    def others(rows: pa.Table, column: str = "customer_id") -> pa.Table:
        return rows.filter(pc.not_equal(rows[column], customer))

    # Else what the first run offered would count as sent in the second one.
    shutil.rmtree(store.state.activated, ignore_errors=True)
    score(store, NOW, NOW, affinity="linear", policy=policy)
    run = active_run(store)
    folder = run_folder(store, run.run_id)
    files: dict[str, Any] = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    assert set(FILES) <= set(files)
    files |= {name: others(pq.read_table(folder / name)) for name in (OFFERS, DRIVERS, DECISIONS)}
    view = view_of(store, NOW)
    analysis = Analysis(store, view)
    ranks, _ = analysis.rank()
    (asked,) = [f"c{i:02}" for i in range(36) if f"c{i:02}" != customer][7:8]
    return files | {
        "parameters": {k: v for k, v in run.parameters.items() if k not in OF_ALL},
        "recommendations": others(run_query(store, "current-recommendations")),
        "why": [explain(store, asked, item).as_dict() | {"run_id": ""} for item in ("p00", "p10")],
        "edges": others(others(analysis.learn().table(), "source"), "target"),
        "ranks": others(pa.Table.from_pandas(ranks)),
        "embeddings": others(embed(model(vectors), view.shared).table(), "node_id"),
    }
