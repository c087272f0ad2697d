"""`query` and `cypher`: formats, files, parameters; the answer alone on standard output."""

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.cli_shop import Shop
from support.commands import run_each

from followsuit.cli.tables import Format, drawn, write_rows
from followsuit.queries.library import library

QUERY = ["query", "top-customers", "--param", "limit=4", "--param", "until=2025-05-20"]
COLUMNS = ["customer_id", "currency", "purchases", "amount"]


@pytest.fixture(scope="module")
def top(shop: Shop) -> Any:
    """The four customers who buy the most, from the delivery's clean rows."""
    rows = pd.read_csv(shop.folder / "delivery" / "purchases.csv", dtype=str)
    done = shop.run(*QUERY, "--format", "json")
    assert (done.code, done.said) == (0, "")
    answer = json.loads(done.out)
    assert [list(row) for row in answer] == [COLUMNS] * 4
    assert {row["customer_id"] for row in answer} <= set(rows.customer_id)
    return answer


def test_every_format_holds_the_same_rows(shop: Shop, top: Any, tmp_path: Path) -> None:
    csv_, table, default, named, chosen, parquet = run_each(
        [
            [*QUERY, "--format", "csv"],
            [*QUERY, "--format", "table"],
            QUERY,
            [*QUERY, "--out", tmp_path / "rows.CSV"],
            [*QUERY, "--out", tmp_path / "rows", "--format", "json"],
            [*QUERY, "--out", tmp_path / "rows.parquet"],
        ],
        shop.folder,
    )
    assert [done.said for done in (csv_, table, default, named, chosen, parquet)] == [""] * 6
    rows = list(csv.DictReader(io.StringIO(csv_.out)))
    assert rows == [{name: str(value) for name, value in row.items()} for row in top]
    assert default.out == table.out
    header, _, *lines, count = table.out.splitlines()
    assert header.split() == COLUMNS
    shown = [{**row, "amount": f"{int(row['amount']) / 100:.2f}"} for row in rows]
    assert [line.split() for line in lines] == [list(row.values()) for row in shown]
    assert count == "4 rows"
    assert (named.out, chosen.out, parquet.out) == ("", "", "")
    assert (tmp_path / "rows.CSV").read_text() == csv_.out
    assert json.loads((tmp_path / "rows").read_text()) == top
    stored = pq.read_table(tmp_path / "rows.parquet")
    assert stored.column_names == COLUMNS
    assert stored.to_pylist() == top
    assert stored.schema.field("amount").metadata[b"unit"] == b"minor units (hundredths)"
    assert stored.schema.field("purchases").metadata is None


def test_times_are_iso_8601_and_nothing_is_an_empty_cell(shop: Shop) -> None:
    command = ["query", "offers-in-force", "--param", "at=2025-05-20T02:00:00+02:00", "--format"]
    as_csv, as_json = run_each([[*command, "csv"], [*command, "json"]], shop.folder)
    rows = list(csv.DictReader(io.StringIO(as_csv.out)))
    values = json.loads(as_json.out)
    assert len(rows) == len(values) > 3
    for row, value in zip(rows, values, strict=True):
        assert row == {name: "" if v is None else str(v) for name, v in value.items()}
        assert datetime.fromisoformat(row["valid_from"]).utcoffset() is not None
    # A whole number stays one beside absent ones.
    assert {type(value["cost"]) for value in values} <= {int, type(None)}


def test_an_answer_without_rows_says_why(shop: Shop) -> None:
    command = ["query", "two-hop-reach", "--format", "csv", "--param"]
    nobody, without = run_each(
        [[*command, "customer_id=zzz"], ["query", "top-influencers", "--format", "csv"]],
        shop.folder,
    )
    assert (nobody.code, nobody.said) == (0, "There is no customer zzz.\n")
    assert nobody.out.splitlines() == ["customer_id,through"]
    assert (without.code, without.out.count("\n")) == (0, 1)
    assert "Run `followsuit influence learn --as-of DATE` first." in without.said


def test_without_a_name_the_library_is_listed_with_its_parameters(shop: Shop) -> None:
    done = shop.run("query")
    assert (done.code, done.said) == (0, "")
    for query in library().values():
        assert f"{query.name:26} {query.question}\n" in done.out
        assert f"\n{'':27}Shows {query.shows}.\n" in done.out
    assert "\n                           since until=now at_least=3 limit=100\n" in done.out


def test_cypher_takes_parameters_as_json_as_text_or_of_a_type_that_is_said(shop: Shop) -> None:
    def answer(expression: str, *given: str) -> list[str | Path]:
        options = [part for each in given for part in ("--param", each)]
        return ["cypher", f"RETURN {expression} AS x", "--format", "json", *options]

    outcomes = run_each(
        [
            answer("$p + 1", "p=10"),
            answer("$p", "p=true"),
            answer("$p", 'p="10"'),
            answer("$p", "p=c0001"),
            answer("$p", "p=a=b"),
            answer("$p", "p="),
            answer("$p", "p:text=10"),
            answer("$p + 1", "p:integer=10"),
            answer("$p", "p:number=1"),
            answer("size($p)", "p=[1, 2, 3]"),
            answer("$p < $q", "p:time=2025-01-01T00:00:00+01:00", "q:time=2025-01-01"),
            answer("$p = date('2025-02-03')", "p:date=2025-02-03"),
            answer("$p", "p=null"),
        ],
        shop.folder,
    )
    assert [done.code for done in outcomes] == [0] * 13, outcomes
    values = [json.loads(done.out)[0]["x"] for done in outcomes]
    assert values == [11, True, "10", "c0001", "a=b", "", "10", 11, 1.0, 3, True, True, None]


def test_a_number_that_is_compared_with_an_id_is_text(shop: Shop) -> None:
    def answer(expression: str, *given: str) -> list[str | Path]:
        options = [part for each in given for part in ("--param", each)]
        return ["cypher", f"UNWIND {expression}", "--format", "json", *options]

    row = "[{customer_id: '7', n: 1}] AS c WITH c.customer_id AS customer_id, c.n AS n"
    outcomes = run_each(
        [
            answer(f"{row} WHERE customer_id = $id RETURN n", "id=7"),
            answer(f"{row} WHERE customer_id IN $ids AND n = $n RETURN n", "ids=[7, 8]", "n=1"),
            answer(f"{row} WHERE customer_id = $id RETURN n", "id:text=7"),
            answer(f"{row} WHERE customer_id = $id RETURN n", 'id="7"'),
            answer(f"{row} WHERE customer_id = $id RETURN n", "id=7.0"),
            answer(f"{row} WHERE n = $n RETURN n", "n=7"),
        ],
        shop.folder,
    )
    assert [done.code for done in outcomes] == [0] * 6, outcomes
    assert [json.loads(done.out) for done in outcomes] == [[{"n": 1}]] * 4 + [[], []]
    assert outcomes[4].said == ""
    assert outcomes[5].said == (
        "n is a number. For text, such as an id, write --param n:text=...\n"
    )


def test_cypher_answers_and_refuses_in_the_same_voice(shop: Shop) -> None:
    good, write, file, wrong = run_each(
        [
            ["cypher", "MATCH (c:Customer) RETURN count(*) AS n", "--format", "csv"],
            ["cypher", "MATCH (c:Customer) DETACH DELETE c"],
            ["cypher", "COPY (MATCH (c:Customer) RETURN c.name) TO 'names.csv'"],
            ["cypher", "MATCH (c:Customer RETURN c"],
        ],
        shop.folder,
    )
    assert good.code == 0
    assert good.out.startswith("n\n")
    for refused in (write, file, wrong):
        assert (refused.code, refused.out) == (2, "")
        assert refused.said.startswith("followsuit: ")
        assert refused.said.count("\n") == 1
    assert not (shop.folder / "names.csv").exists()


# What is written, value by value.

ODD = {
    "[b]text[/b]": ['a,"b"', None],
    "flag": [True, None],
    "whole": [2**60, None],
    "number": [0.1, float("inf")],
    "list": [[1, 2], None],
    "map": [{"a": datetime(2025, 1, 1)}, None],  # noqa: DTZ001
}


def test_odd_values_are_written_as_scripts_read_them(tmp_path: Path) -> None:
    rows = pa.table(ODD)
    write_rows(rows, None, tmp_path / "odd.csv")
    assert (tmp_path / "odd.csv").read_text() == (
        "[b]text[/b],flag,whole,number,list,map\n"
        '"a,""b""",true,1152921504606846976,0.1,"[1, 2]","{""a"": ""2025-01-01T00:00:00""}"\n'
        ",,,inf,,\n"
    )
    write_rows(rows, None, tmp_path / "odd.json")
    assert json.loads((tmp_path / "odd.json").read_text(), parse_constant=pytest.fail) == [
        {
            "[b]text[/b]": 'a,"b"',
            "flag": True,
            "whole": 2**60,
            "number": 0.1,
            "list": [1, 2],
            "map": {"a": "2025-01-01T00:00:00"},
        },
        dict.fromkeys(ODD),
    ]
    write_rows(rows, Format.PARQUET, tmp_path / "odd")
    assert pq.read_table(tmp_path / "odd").equals(rows)


def test_a_table_shows_text_as_it_is_and_drops_nothing() -> None:
    text = drawn(pa.table({"[b]id[/b]": ["[red]x[/red]", "word " * 60], "n": [1, None]}))
    assert "[b]id[/b]" in text
    assert "[red]x[/red]" in text
    assert text.count("word") == 60
    assert text.endswith("2 rows\n")
    assert drawn(pa.table({"x": [1]})).endswith("\n1 row\n")
    wide = {f"column_{i}": [f"value-of-{i:06}"] for i in range(40)}
    line = drawn(pa.table(wide)).splitlines()[2]
    assert line.split() == [cells[0] for cells in wide.values()]
