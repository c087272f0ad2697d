"""The files of runs lose a customer's rows, and no later run uses what one has learned."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.shops import NOW, deliver_shop

from followsuit.graph.erasure.search import Wanted
from followsuit.graph.results.runs import DECISIONS, DRIVERS, FILES, active_run, run_folder
from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.offers.learning.learned import CHOSEN
from followsuit.offers.run.erasure import erase, mentions
from followsuit.offers.score import score
from followsuit.testing.places import Place


@pytest.fixture
def scored(place: Place, tmp_path: Path, few_days: None) -> GraphStore:
    store = place.open()
    load(store, str(deliver_shop(tmp_path / "shop")))
    score(store, NOW, NOW, affinity="linear")
    return store


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: pq.read_table(folder / name).to_pylist() for name in FILES}


def test_only_the_customers_rows_go(scored: GraphStore) -> None:
    run = active_run(scored)
    folder = run_folder(scored, run.run_id)
    before, noted = rows(folder), pq.read_schema(folder / DECISIONS).metadata
    with scored.writing():
        erase(scored, ["bob"])
    gone = {"bob"}
    assert rows(folder) == {
        name: [r for r in table if not gone & {r.get("customer_id"), r.get("friend_id")}]
        for name, table in before.items()
    }
    assert any(row["friend_id"] == "bob" for row in before[DRIVERS])
    assert pq.read_schema(folder / DECISIONS).metadata == noted
    assert mentions(scored, Wanted(["bob"], [])).hits == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    left = active_run(scored)
    assert (left.offers, left.customers) == (run.offers, run.customers)
    assert not set(CHOSEN) & set(left.parameters)
    scored.close()


def test_unfinished_runs_go(scored: GraphStore) -> None:
    unfinished = scored.state.runs / "2025-01-19-0badcafe"
    unfinished.mkdir()
    (unfinished / "model.json").write_text("{}")
    with scored.writing():
        erase(scored, ["bob"])
    assert not unfinished.exists()
    scored.close()
