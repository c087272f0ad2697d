"""Queries on stores that are empty, almost empty or partly loaded."""

from pathlib import Path

import pytest
from support.deliveries import deliver
from support.hand_made import NOW

from followsuit.graph.query import QueryError
from followsuit.graph.store import StoreIncomplete, StoreMissing
from followsuit.loaders.load import load
from followsuit.queries.library import UnknownQuery
from followsuit.queries.runner import run_cypher, run_query
from followsuit.testing.places import Place


def test_counts_of_an_empty_store_are_0(place: Place, tmp_path: Path) -> None:
    with place.open() as small:
        load(small, str(deliver(tmp_path, customers=[{"customer_id": "ana"}])))
        counted = run_query(small, "counts").to_pylist()
    assert len(counted) == 35
    assert [row["name"] for row in counted if row["n"]] == ["Customer"]


def test_an_interrupted_load_is_reported_before_the_query_runs(
    place: Place, tmp_path: Path
) -> None:
    with place.open() as store:
        with pytest.raises(StoreMissing):
            run_cypher(store, "RETURN 1 AS x")
        folder = deliver(tmp_path / "shop", customers=[{"customer_id": "ana"}])
        load(store, str(folder))
        with store.writing():
            store.note(loading=str(folder))
        said = (
            rf"incomplete: .* Run `followsuit load {folder} --store .*` again with .* it resumes\."
        )
        with pytest.raises(StoreIncomplete, match=said):
            run_query(store, "counts")
        with pytest.raises(StoreIncomplete, match=said):
            run_cypher(store, "RETURN 1 AS x")
        load(store, str(folder))
        assert run_cypher(store, "MATCH (c:Customer) RETURN c.customer_id AS id").num_rows == 1


def test_errors_of_the_query_are_reported_first(embedded: Place) -> None:
    # A user who mistypes a name shouldn't have to load data first.
    with embedded.open() as store:
        with pytest.raises(UnknownQuery):
            run_query(store, "cuonts")
        with pytest.raises(QueryError, match="needs customer_id"):
            run_query(store, "two-hop-reach", now=NOW)
        with pytest.raises(QueryError, match="must begin with"):
            run_cypher(store, "CREATE (:Customer)")
        with pytest.raises(StoreMissing):
            run_query(store, "counts")
