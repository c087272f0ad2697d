"""Queries in a separate process: their answers, limits and end."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from followsuit.graph import schema as g
from followsuit.graph.engines import embedded_file
from followsuit.graph.query import QueryCrashed, QueryError, QueryTimeout, QueryTooLarge
from followsuit.graph.store import GraphStore, StoreBusy
from followsuit.testing.graph_rows import NOON, nodes, samples
from followsuit.testing.places import Place
from followsuit.testing.processes import another_process

TIMEOUT, MEMORY = 8.0, 2**30
SPARE_SECONDS, SPARE_MEMORY = 5.0, 500 * 10**6


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    place = Place(str(tmp_path_factory.mktemp("apart") / "store.lbug"))
    with place.open() as store:
        with store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, *(f"c{number:04}" for number in range(2000))))
            ring = samples(g.FRIEND_OF)
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
            store.write(g.FRIEND_OF, ring)
        yield store


class Watched:
    """Records the peak memory of the programs that this process starts from now on.

    Programs that run already, such as a Neo4j server that an earlier test started, don't count.
    """

    def __init__(self) -> None:
        self.most, self._over = 0, threading.Event()
        self._running = set(psutil.Process().children())

    @contextmanager
    def looking(self) -> Iterator[None]:
        looker = threading.Thread(target=self._look)
        looker.start()
        try:
            yield
        finally:
            self._over.set()
            looker.join()

    def _look(self) -> None:
        me = psutil.Process()
        mine = me.cmdline()
        while not self._over.wait(0.01):
            taken = 0
            for child in set(me.children()) - self._running:
                with suppress(psutil.NoSuchProcess):
                    # Until it has become another program, it has this process's memory.
                    if child.cmdline() != mine:
                        of_query = [child, *child.children(recursive=True)]
                        taken += sum(each.memory_info().rss for each in of_query)
            self.most = max(self.most, taken)


def nested(before: str, after: str, times: int) -> str:
    return f"RETURN {before * times}1{after * times} AS x"


FOUR = "MATCH (a:Customer), (b:Customer), (c:Customer), (d:Customer) "
LISTED = {
    "counting to ten thousand million": "UNWIND range(1,10000000000) AS x RETURN count(*)",
    "a list of ten thousand million": "RETURN size(range(1,10000000000))",
    "a product of four": f"{FOUR}WHERE a.customer_id < b.customer_id RETURN max(d.customer_id)",
    "a sorted product of four": f"{FOUR}RETURN a.customer_id, d.customer_id ORDER BY d.customer_id",
    "a product of four returned": f"{FOUR}RETURN a, b, c, d",
    "nested parentheses": nested("(", ")", 5000),
    "nested lists": nested("[", "]", 3000),
}
OTHERS = {
    "nested maps": nested("{a: ", "}", 1500),
    "nested cases": nested("CASE WHEN true THEN ", " ELSE 2 END", 3000),
    "nested calls": nested("abs(", ")", 3000),
    "a sum of many": f"RETURN {' + '.join(['1'] * 20_000)} AS x",
    "a long text": "RETURN repeat('abcdefghij', 1000000000) AS x",
    "long texts": "RETURN size(list_transform(range(1,100000000), x -> repeat('a',1000))) AS x",
    "collected": "MATCH (a:Customer), (b:Customer), (c:Customer) RETURN collect(a.customer_id)",
    "distinct": "UNWIND range(1,40000) AS x UNWIND range(1,9000) AS y RETURN count(DISTINCT x*y)",
    "many rows": "UNWIND range(1,20000000) AS x RETURN x, x AS y, 'abcdefghijklmnopqrst' AS z",
    "many nodes": "MATCH (a:Customer), (b:Customer), (c:Customer) RETURN a, b, c",
    "unbounded walks": "MATCH p = (a:Customer)-[:FRIEND_OF*1..30]-(:Customer) RETURN count(p)",
}


def stays_within(store: GraphStore, cypher: str) -> None:
    """The query is answered or refused, in one line and within its limits."""
    watched, began, said = Watched(), time.monotonic(), ""
    with watched.looking():
        try:
            store.query_apart(cypher, timeout=TIMEOUT)
        except (QueryTimeout, QueryTooLarge, QueryCrashed) as error:
            said = str(error)
    assert "\n" not in said
    assert time.monotonic() - began < TIMEOUT + SPARE_SECONDS
    assert watched.most < MEMORY + SPARE_MEMORY
    assert store.query_apart("RETURN 1 AS x")["x"].to_pylist() == [1]


@pytest.mark.parametrize(
    "cypher", [LISTED[name] for name in ("a list of ten thousand million", "nested lists")]
)
def test_a_query_stays_within_its_limits(store: GraphStore, cypher: str) -> None:
    stays_within(store, cypher)


@pytest.mark.long
@pytest.mark.parametrize("cypher", (LISTED | OTHERS).values(), ids=LISTED | OTHERS)
def test_every_query_stays_within_its_limits(store: GraphStore, cypher: str) -> None:
    stays_within(store, cypher)


def test_a_query_that_needs_too_much_memory_says_so(store: GraphStore) -> None:
    said = r"needs more memory than its limit of 7\d\d MiB\. Narrow it, or raise FOLLOWSUIT"
    with pytest.raises(QueryTooLarge, match=said):
        store.query_apart("RETURN size(range(1, 10000000000)) AS n", timeout=60)


def test_an_answer_that_is_too_large_says_so(store: GraphStore) -> None:
    said = r"returns too much: 8,\d+,\d+,\d+ rows of 3 columns\. Add LIMIT, return less of each row"
    with pytest.raises(QueryTooLarge, match=said):
        store.query_apart(
            "MATCH (a:Customer), (b:Customer), (c:Customer) RETURN a, b, c", timeout=60
        )


def test_a_crash_of_the_program_is_reported(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ladybug.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(QueryCrashed, match=r"crashed the engine: it is nested too deeply, or "):
        store.query_apart("RETURN 1 AS x", timeout=60)


def test_a_program_that_cannot_start_is_a_bug_and_not_a_user_error(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ladybug.py").write_text("raise ImportError('no such engine')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="no such engine"):
        store.query_apart("RETURN 1 AS x")


def test_a_query_with_an_exit_code_in_its_text_is_not_mistaken_for_an_end(
    store: GraphStore,
) -> None:
    for name in ("Interrupted", "bad_alloc"):
        for ask in (store.query, store.query_apart):
            with pytest.raises(QueryError, match=rf"^The query was refused: .*{name}.*\.$") as said:
                ask(f"RETURN {name}", timeout=60)
            assert type(said.value) is QueryError


PARAMETERS: list[Any] = [
    None,
    True,
    7,
    -(2**63),
    0.1,
    float("inf"),
    "",
    'it\'s "é"\n',
    date(1969, 7, 20),
    NOON,
    datetime(1969, 7, 20, 20, 17, 40, 1, UTC),
    timedelta(days=-3, microseconds=1),
    ["a", None],
    [[1], [2, 3]],
    [NOON],
    [date(2025, 1, 1)],
]


@pytest.mark.parametrize("value", PARAMETERS, ids=repr)
def test_parameters_arrive_as_in_this_process(store: GraphStore, value: Any) -> None:
    query, given = "RETURN $time AS x", {"time": value}
    answer, expected = store.query_apart(query, given), store.query(query, given)
    assert answer.schema == expected.schema
    assert answer.to_pylist() == expected.to_pylist()


@pytest.mark.parametrize(
    "query",
    [
        "MATCH p = (c:Customer)-[r:FRIEND_OF]->(d) RETURN c, r, d, p, c.name AS name ORDER BY name",
        "MATCH (c:Customer) RETURN c.customer_id, c.birth_date, c.joined_at ORDER BY c.customer_id",
        "RETURN {a: [1, 2], b: {c: date('2025-01-01')}} AS m, interval('3 days') AS i, null AS n",
        "RETURN sum(1) AS a, 1.5 AS b, CAST(1, 'INT8') AS c, timestamp('2025-01-01') AS d",
        "MATCH (c:Customer {customer_id: 'nobody'}) RETURN c, c.name AS name",
        "RETURN 1 AS x, 2 AS x",
        "MATCH (c:Customer) WITH c LIMIT 0 RETURN c",
        "EXPLAIN MATCH (c:Customer) RETURN c",
        "RETURN 1 AS x; RETURN 2 AS y",
    ],
)
def test_answers_are_those_of_this_process(store: GraphStore, query: str) -> None:
    answer, expected = store.query_apart(query), store.query(query)
    assert answer.schema == expected.schema
    assert answer.to_pylist() == expected.to_pylist() or query.startswith("EXPLAIN")


def test_a_writer_excludes_other_queries_and_can_query_its_own_writes(
    embedded: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_file, "_WAIT", 0.2)
    question = "MATCH (c:Customer) RETURN count(*) AS n"
    with embedded.open() as store:
        with store.writing():
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
            assert store.query_apart(question)["n"].to_pylist() == [3]
        with store.reading():
            assert store.query_apart(question)["n"].to_pylist() == [3]
        with another_process(embedded, "hold"), pytest.raises(StoreBusy, match="is writing to"):
            store.query_apart(question)


def test_a_query_is_answered_from_any_folder_and_thread(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As a notebook's folder may hold: names of modules that are imported.
    for name in ("json", "ladybug", "types", "followsuit"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('the wrong one')")
    monkeypatch.chdir(tmp_path)
    answers: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda n=n: answers.extend(
                store.query_apart(f"RETURN {n} AS n")["n"].to_pylist()
            )
        )
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0, 1, 2]


ENDLESS = (
    "MATCH (a:Customer), (b:Customer), (c:Customer), (d:Customer), (e:Customer), (f:Customer) "
    "WHERE a.customer_id + f.customer_id < b.customer_id + e.customer_id "
    "RETURN max(c.customer_id + d.customer_id)"
)
ASKS = """
import sys
from followsuit.graph.connect import connect
print("ready", flush=True)
connect(sys.argv[1]).query_apart(sys.argv[2], timeout=120)
"""


@pytest.mark.parametrize(("end", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, -2)])
def test_a_query_ends_with_the_process_that_asked(
    store: GraphStore, end: signal.Signals, code: int
) -> None:
    asking = [sys.executable, "-c", ASKS, store.name, ENDLESS]
    with subprocess.Popen(
        asking, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        children: list[psutil.Process] = []
        until = time.monotonic() + 60
        while not children and time.monotonic() < until:
            children = psutil.Process(process.pid).children()
            time.sleep(0.05)
        time.sleep(2)
        process.send_signal(end)
        assert process.wait(30) == code
    assert len(children) == 1
    gone, alive = psutil.wait_procs(children, 10)
    assert (len(gone), alive) == (1, [])
