"""Tables on the screen: amounts in major units, and columns that fit the terminal."""

import io
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from followsuit.cli.fitting import fit, print_table
from followsuit.cli.tables import drawn, write_rows
from followsuit.graph import schema as g

AMOUNTS = pa.table(
    {"value": [1216, -5, None, 2**60], "n": [1216, 2, 3, 4]},
    schema=pa.schema([g.amount("value"), ("n", g.WHOLE)]),
)
WIDE = {
    "customer_id": ["c1", "c2"],
    "reason": ["A friend bought it, and two more of your friends liked it a lot. " * 2, None],
    "at": ["2025-06-16T00:00:00+00:00"] * 2,
}


def terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Make standard output a terminal of that width."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")


def test_amounts_are_shown_in_major_units_and_nothing_else_is() -> None:
    lines = drawn(AMOUNTS).splitlines()[2:-1]
    shown = [line.split() for line in lines]
    assert shown == [["12.16", "1216"], ["-0.05", "2"], ["3"], ["11529215046068469.76", "4"]]


def test_files_keep_minor_units_and_parquet_names_the_unit(tmp_path: Path) -> None:
    write_rows(AMOUNTS, None, tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text().startswith("value,n\n1216,1216\n-5,2\n")
    write_rows(AMOUNTS, None, tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text()) == AMOUNTS.to_pylist()
    write_rows(AMOUNTS, None, tmp_path / "rows.parquet")
    stored = pq.read_table(tmp_path / "rows.parquet")
    assert stored.equals(AMOUNTS, check_metadata=True)
    assert stored.schema.field("value").metadata == {b"unit": b"minor units (hundredths)"}


def test_columns_are_folded_between_words_to_fit_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal(monkeypatch, 80)
    lines = drawn(pa.table(WIDE)).splitlines()
    assert lines[0].split() == list(WIDE)
    assert max(map(len, lines)) <= 80
    assert "2025-06-16T00:00:00+00:00" in lines[2]
    folded = " ".join(line[13 : lines[0].index(" at ")].strip() for line in lines[2:-2])
    assert folded.split() == str(WIDE["reason"][0]).split()


@pytest.mark.parametrize("columns", [30, 80])
def test_where_the_columns_do_not_fit_each_row_is_stacked(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    terminal(monkeypatch, columns)
    more = {f"column_{i}": ["green tea leaves", f"p{i}"] for i in range(4)}
    lines = [line.rstrip() for line in drawn(pa.table(WIDE | more)).splitlines()]
    assert max(map(len, lines)) <= columns
    first, second, count = "\n".join(lines).split("\n\n")
    assert count == "2 rows"
    names = [line.split()[0] for line in first.splitlines() if line[:1].strip()]
    assert names == [*WIDE, *more]
    assert second.splitlines()[0] == "customer_id  c2"
    assert second.splitlines()[-1] == "column_3     p3"


def test_without_a_terminal_lines_stay_whole_whatever_columns_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    wide = {f"column_{i}": ["green tea leaves"] for i in range(30)}
    header, _, row, count = drawn(pa.table(wide)).splitlines()
    assert header.split() == list(wide)
    assert row.split("  ")[0] == "green tea leaves"
    assert row.count("green tea leaves") == 30
    assert count == "1 row"


STRATEGIES = ("ranking_without_trigger", "community_popularity")
METRICS = ("hit@1", "hit@5", "hit@10", "ndcg@10")


def strategies() -> Table:
    """A table like those of `backtest`."""
    table = Table(box=SIMPLE, title="per customer", title_justify="left")
    for name in ("strategy", *METRICS):
        table.add_column(name, no_wrap=True)
    for name in STRATEGIES:
        table.add_row(name, *["0.0335 [0.0201, 0.0499]"] * len(METRICS))
    return table


@pytest.mark.parametrize(("width", "seen"), [(80, True), (80, False), (200, True)])
def test_names_of_strategies_and_their_figures_are_never_cut(width: int, seen: bool) -> None:
    file = io.StringIO()
    file.isatty = lambda: seen  # type: ignore[method-assign]
    print_table(Console(file=file, width=width, color_system=None), strategies())
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= (width if seen else 200)
    assert [text.count(name) for name in STRATEGIES] == [1, 1]
    assert text.count("0.0335 [0.0201, 0.0499]") == len(STRATEGIES) * len(METRICS)
    assert text.count("hit@10") == (2 if seen and width == 80 else 1)
    assert "per customer" in text


def test_a_word_longer_than_the_terminal_is_shown_in_full() -> None:
    table = Table()
    table.add_column("a_name_that_is_longer_than_half")
    table.add_row("x" * 100)
    console = Console(file=io.StringIO(), width=40)
    with console.capture() as captured:
        console.print(fit(table, 40))
    assert captured.get().count("x") == 100
    assert "".join(line[:20].strip() for line in captured.get().splitlines()) == (
        "a_name_that_is_longer_than_half"
    )
