"""Expressions of one shape are compiled once, into the text that Ibis would give each."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import ibis
import ibis.expr.types as ir
import pytest
from ibis.backends.duckdb import Backend

from followsuit.graph.views.compiled_once import TEXTS, CompiledOnce

ONE, OTHER = datetime(2025, 1, 20, tzinfo=UTC), datetime(2024, 2, 29, 1, 2, 3, 450, tzinfo=UTC)


@pytest.fixture
def duck() -> CompiledOnce:
    TEXTS.clear()
    connection: CompiledOnce = CompiledOnce().connect()
    return connection


def kept(duck: CompiledOnce) -> ir.Table:
    """A temporary table with a name of its own."""
    name = ibis.util.gen_name("kept")
    duck.raw_sql(f'CREATE TABLE "{name}" (who VARCHAR, "at" TIMESTAMPTZ, day DATE, n BIGINT)')
    return duck.table(name)


def plain(duck: CompiledOnce, rows: ir.Table) -> str:
    return str(Backend.compile(duck, rows))


def recent(rows: ir.Table, since: datetime) -> ir.Table:
    late = rows.filter(rows["at"] > since, rows.day >= since.date())
    counts = late.group_by("who").aggregate(n=late.count())
    both = rows.join(counts, "who").join(rows.select("who", "day"), "who")
    return both.order_by("who")


def test_other_tables_and_instants_have_the_text_of_the_first(duck: CompiledOnce) -> None:
    for since in (ONE, OTHER):
        rows = recent(kept(duck), since)
        assert duck.compile(rows) == plain(duck, rows)
    assert len(TEXTS) == 1


def test_other_long_numbers_have_the_text_of_the_first(duck: CompiledOnce) -> None:
    for now, weight in ((1_761_696_000, 3.3459101411858), (86_400_000_000_000, -0.12345678901)):
        rows = kept(duck)
        for seconds in (now, now + 1):
            rows = rows.mutate(n=(seconds - rows.n.cast("int64")) * weight)
        assert duck.compile(rows) == plain(duck, rows)
    assert len(TEXTS) == 2, "numbers of two types"
    rows = kept(duck)
    for seconds in (1_700_000_000, 1_800_000_000):
        rows = rows.mutate(n=(seconds - rows.n.cast("int64")) * 2.7182818284590)
    assert duck.compile(rows) == plain(duck, rows)
    assert len(TEXTS) == 2


def test_a_text_that_holds_a_long_number_stays_as_it_is(duck: CompiledOnce) -> None:
    for number in (1_761_696_000, 1_761_696_001):
        rows = kept(duck)
        rows = rows.filter(rows.n > number, rows.who == "+1761696000")
        assert duck.compile(rows) == plain(duck, rows)


SHAPES: list[tuple[str, Callable[[ir.Table, ir.Table], ir.Table]]] = [
    ("another number", lambda a, b: a.filter(a.n > 2)),
    ("another long number", lambda a, b: a.filter(a.n > 1_761_696_000)),
    ("the same number twice", lambda a, b: a.filter(a.n > 1_761_696_000, a.n < 1_761_696_000)),
    ("two long numbers", lambda a, b: a.filter(a.n > 1_761_696_000, a.n < 1_761_696_001)),
    ("another text", lambda a, b: a.filter(a.who == "eve")),
    ("another column", lambda a, b: a.filter(a.day == date(2025, 1, 1))),
    ("two tables", lambda a, b: a.join(b, "who")),
    ("one table twice", lambda a, b: a.join(a.view(), "who")),
    ("two instants", lambda a, b: a.filter(a["at"] > ONE, a["at"] < OTHER)),
    ("one instant twice", lambda a, b: a.filter(a["at"] > ONE, a["at"] < ONE)),
    ("rows in memory", lambda a, b: a.join(ibis.memtable({"who": ["ann"]}), "who")),
    ("distinct", lambda a, b: a.select("who").distinct()),
    ("union", lambda a, b: a.union(b)),
    ("distinct union", lambda a, b: a.union(b, distinct=True)),
]


def test_shapes_that_differ_have_their_own_texts(duck: CompiledOnce) -> None:
    for _ in range(2):
        for name, of in SHAPES:
            rows = of(kept(duck), kept(duck))
            assert duck.compile(rows) == plain(duck, rows), name
    assert len(TEXTS) == len(SHAPES)


def test_a_text_that_looks_like_an_instant_stays_as_it_is(duck: CompiledOnce) -> None:
    for since in (ONE, OTHER):
        rows = kept(duck)
        rows = rows.filter(rows.day == since.date(), rows.who == "MAKE_DATE(2025, 1, 20)")
        assert duck.compile(rows) == plain(duck, rows)


def test_columns_that_are_named_like_instants_stay_as_they_are(duck: CompiledOnce) -> None:
    for since in (ONE, OTHER):
        rows = kept(duck)
        rows = rows.filter(rows["at"] > since).rename({"MAKE_DATE(2025, 1, 20)": "day"})
        assert duck.compile(rows) == plain(duck, rows)


def test_rows_in_memory_are_there_when_a_known_text_is_run(duck: CompiledOnce) -> None:
    for who in ("ann", "bob"):
        table = ibis.memtable({"who": [who]})
        duck.create(f"made_{who}", table.mutate(n=1))
        assert duck.table(f"made_{who}").to_pyarrow().to_pylist() == [{"who": who, "n": 1}]
        assert duck.to_pyarrow(table.distinct()).to_pylist() == [{"who": who}]
