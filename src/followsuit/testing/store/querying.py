"""The contract of a store's queries."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from followsuit.graph import schema as g
from followsuit.graph.query import QueryError, QueryTimeout
from followsuit.graph.store import StoreError
from followsuit.testing.graph_rows import NOON, by_key, nodes, rows, sample, samples, stored
from followsuit.testing.places import Place

FOREVER = "UNWIND range(1, 1000000) AS a UNWIND range(1, 1000000) AS b RETURN count(*) AS n"
CHANGES = (
    "CREATE (:Customer {customer_id: 'eve'})",
    "MATCH (c:Customer) SET c.name = 'eve'",
    "MATCH (c:Customer) DETACH DELETE c",
    "MERGE (c:Customer {customer_id: 'eve'}) RETURN c.customer_id AS id",
    "MATCH (a:Customer), (b:Customer) CREATE (a)-[:FRIEND_OF]->(b)",
)
SAO_PAULO = timezone(timedelta(hours=-3))
PARAMETERS: list[tuple[Any, pa.DataType, Any]] = [
    ('it\'s "a" \\ text\n', g.TEXT, 'it\'s "a" \\ text\n'),
    ("", g.TEXT, ""),
    (7, g.WHOLE, 7),
    (2**63 - 1, g.WHOLE, 2**63 - 1),
    (-(2**63), g.WHOLE, -(2**63)),
    (np.int64(7), g.WHOLE, 7),
    (0.1, g.NUMBER, 0.1),
    (True, g.BOOLEAN, True),
    (np.bool_(False), g.BOOLEAN, False),
    (date(1969, 7, 20), g.DATE, date(1969, 7, 20)),
    (NOON, g.TIME, NOON),
    (datetime(1969, 7, 20, 20, 17, 40, 1, UTC), g.TIME, datetime(1969, 7, 20, 20, 17, 40, 1, UTC)),
    (datetime(2025, 3, 1, 9, tzinfo=SAO_PAULO), g.TIME, NOON),
    (NOON.replace(tzinfo=None), g.TIME, NOON),
    (pd.Timestamp("2025-03-01 09:00", tz="America/Sao_Paulo"), g.TIME, NOON),
]


class QueryingContract:
    """Parameters, results and limits of queries."""

    def test_parameters_keep_their_type_and_value(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for given, kind, expected in PARAMETERS:
                answer = store.query("RETURN $given AS found", {"given": given})
                assert answer.column_names == ["found"]
                assert answer["found"].type == kind, given
                assert answer["found"].to_pylist() == [expected]

    def test_an_instant_is_the_same_in_any_time_zone(self, place: Place) -> None:
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, rows(g.CUSTOMER, {"customer_id": "ann", "joined_at": NOON}))
            for here in (UTC, SAO_PAULO, timezone(timedelta(hours=5, minutes=30))):
                answer = store.query(
                    "MATCH (c:Customer) WHERE c.joined_at = $at AND c.joined_at >= $at - $day "
                    "RETURN c.joined_at AS at",
                    {"at": NOON.astimezone(here), "day": timedelta(days=1)},
                )
                assert answer["at"].to_pylist() == [NOON]

    def test_a_list_is_a_parameter(self, place: Place) -> None:
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann", "bob", "cas"))
            for ids in (["ann", "cas", "nobody"], ("ann", "cas")):
                answer = store.query(
                    "MATCH (c:Customer) WHERE c.customer_id IN $ids RETURN c.customer_id AS id "
                    "ORDER BY id",
                    {"ids": ids},
                )
                assert answer["id"].to_pylist() == ["ann", "cas"]

    def test_a_parameter_that_no_column_holds_is_refused(self, place: Place) -> None:
        odd = [2**63, object(), {"a": 1}, b"x", np.datetime64("2025-03-01"), pd.NaT]
        with place.open() as store, store.writing():
            for value in (*odd, [odd[0]], [[odd[1]]]):
                with pytest.raises(QueryError, match="The parameter odd is"):
                    store.query("RETURN $odd AS x", {"odd": value})

    def test_a_parameter_without_a_value_is_refused(self, place: Place) -> None:
        with place.open() as store, store.writing():
            with pytest.raises(QueryError, match=r"needs a value for \$day:"):
                store.query("MATCH (c:Customer) WHERE c.joined_at > $day RETURN c.name AS x", {})
            hidden = "/* $a */ RETURN '$b it\\'s $c' AS x, \"$d\" AS `$e` // $f"
            assert store.query(hidden)["x"].to_pylist() == ["$b it's $c"]

    def test_a_wrong_query_is_refused_in_one_line(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for wrong in ("RETRUN 1", "MATCH (c:Customer RETURN c", "RETURN c", "RETURN no(1)", ""):
                with pytest.raises(QueryError, match=r"\AThe query was refused: [^\n]+\.\Z"):
                    store.query(wrong)
                assert store.query("RETURN 1 AS one")["one"].to_pylist() == [1]

    def test_no_rows_keep_their_columns(self, place: Place) -> None:
        with place.open() as store, store.writing():
            answer = store.query("MATCH (c:Customer) RETURN c.customer_id AS id, c.name AS name")
            assert (answer.num_rows, answer.column_names) == (0, ["id", "name"])

    def test_a_query_past_its_time_limit_is_stopped(self, place: Place) -> None:
        with place.open() as store, store.writing():
            store.query("RETURN 1 AS warm")
            began = time.monotonic()
            with pytest.raises(QueryTimeout, match=r"its limit of 0\.5 seconds"):
                store.query(FOREVER, timeout=0.5)
            assert time.monotonic() - began < 30
            assert store.query("RETURN 1 AS one", timeout=60)["one"].to_pylist() == [1]

    def test_a_query_never_writes(self, place: Place) -> None:
        with place.open() as store:
            with store.writing():
                store.write(g.CUSTOMER, samples(g.CUSTOMER))
                before = stored(store, g.CUSTOMER)
                for change in CHANGES:
                    with pytest.raises(QueryError, match=r"(?i)read"):
                        store.query(change)
            for change in CHANGES:
                with store.reading(), pytest.raises(QueryError, match=r"(?i)read"):
                    store.query(change)
            assert stored(store, g.CUSTOMER) == before
            assert store.count(g.FRIEND_OF) == 0

    def test_a_query_sees_what_the_session_has_written(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for names in (["ann"], ["ann", "bob"]):
                store.write(g.CUSTOMER, nodes(g.CUSTOMER, *names))
                answer = store.query("MATCH (c:Customer) RETURN c.customer_id AS id ORDER BY id")
                assert answer["id"].to_pylist() == names

    def test_an_index_finds_the_nearest_vectors_or_there_is_none(self, place: Place) -> None:
        vectors = {"up": [0.0, 2.0], "over": [1.0, 2.0], "right": [3.0, 0.0], "zero": [0.0, 0.0]}
        wider = {"wide": [0.0, 1.0, 0.0]}
        with place.open() as store:
            with store.writing():
                records = (
                    {"embedding_id": key, "vector": vector}
                    for key, vector in (vectors | wider).items()
                )
                store.write(g.EMBEDDING, rows(g.EMBEDDING, *records))
                for _ in range(2):
                    store.index_vectors(g.EMBEDDING, "vector")
            nearest = store.nearest_by_index(g.EMBEDDING, "vector", [0.1, 1.0], 3)
            assert nearest == (["up", "over", "right"] if place.is_server else None)

    def test_one_run_of_a_kind_is_active_at_a_time(self, place: Place) -> None:
        runs = [
            sample(g.RUN, n) | {"run_id": f"run {n}", "kind": "score", "active": n == 0}
            for n in range(3)
        ]
        other = sample(g.RUN, 3) | {"run_id": "other", "kind": "influence", "active": True}
        with place.open() as store, store.writing():
            store.write(g.RUN, rows(g.RUN, *runs, other))
            for chosen in ("run 2", "run 1", "run 1"):
                store.activate(chosen, {})
                expected = {(r["run_id"],): r | {"active": r["run_id"] == chosen} for r in runs}
                assert stored(store, g.RUN) == expected | {("other",): other}

    def test_the_results_of_an_activated_run_replace_all_others(self, place: Place) -> None:
        kinds = (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE)
        with place.open() as store, store.writing():
            for node in (g.CUSTOMER, g.PRODUCT, g.STORE):
                store.write(node, samples(node))
            runs = [{"run_id": run, "kind": "score", "active": False} for run in ("old", "new")]
            store.write(g.RUN, rows(g.RUN, *(sample(g.RUN, 0) | run for run in runs)))
            for run, numbers in (("old", (0, 1, 2)), ("new", (1,)), ("old", ()), ("new", (2,))):
                results = {
                    element: rows(element, *(sample(element, n) | {"run_id": run} for n in numbers))
                    for element in kinds
                }
                store.activate(run, results)
                for element, table in results.items():
                    assert stored(store, element) == by_key(element, table)
                active = {r["run_id"] for r in stored(store, g.RUN).values() if r["active"]}
                assert active == {run}

    def test_a_run_whose_results_cannot_be_written_is_not_activated(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for node in (g.CUSTOMER, g.PRODUCT):
                store.write(node, samples(node))
            store.write(g.RUN, rows(g.RUN, sample(g.RUN, 0) | {"run_id": "old", "active": True}))
            kept = rows(g.RECOMMENDED_PRODUCT, sample(g.RECOMMENDED_PRODUCT, 0) | {"run_id": "old"})
            store.activate("old", {g.RECOMMENDED_PRODUCT: kept})
            broken = sample(g.RECOMMENDED_PRODUCT, 1) | {"run_id": "new", "target": "nothing"}
            results = {g.RECOMMENDED_PRODUCT: rows(g.RECOMMENDED_PRODUCT, broken)}
            for _ in range(2):
                with pytest.raises(StoreError, match="RECOMMENDED"):
                    store.activate("new", results)
                assert stored(store, g.RECOMMENDED_PRODUCT) == by_key(g.RECOMMENDED_PRODUCT, kept)
                assert [r["active"] for r in stored(store, g.RUN).values()] == [True]
