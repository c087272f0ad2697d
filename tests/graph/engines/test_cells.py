"""Rows split into cells: no row is lost, and cells written at the same time share no node."""

from itertools import combinations, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from followsuit.graph import schema as g
from followsuit.graph.engines import cells
from followsuit.graph.engines.cells import WRITERS, Cell, rounds, split_into_cells
from followsuit.graph.schema import Element, NodeType
from followsuit.testing.graph_rows import by_key, rows

MEMORY = 2**28
COUNT = 400


def table(element: Element) -> pa.Table:
    """Rows of an element, whose ends are many customers and few of anything else."""
    if isinstance(element, NodeType):
        return rows(element, *({element.key: f"key {n}"} for n in range(COUNT)))
    return rows(
        element,
        *(
            {"source": f"s{n % 97}", "target": None if n % 13 == 0 else f"s{n % 29}"}
            for n in range(COUNT)
        ),
    )


def dealt(element: Element, folder: Path) -> list[Cell]:
    path = folder / "rows.parquet"
    pq.write_table(table(element), path)
    return split_into_cells(element, path, folder, MEMORY)


def of(cell: Cell) -> pa.Table:
    return pa.Table.from_batches(list(cell.batches(37)), schema=pq.read_schema(cell.path))


def touched(element: Element, cell: Cell) -> set[tuple[str, str]]:
    """The nodes that writing a cell locks."""
    if isinstance(element, NodeType):
        return {(element.label, key) for key in of(cell)[element.key].to_pylist()}
    ends = ((element.source.label, "source"), (element.target.label, "target"))
    nodes = {(label, key) for label, end in ends for key in of(cell)[end].to_pylist()}
    return {(label, key) for label, key in nodes if key is not None}


@pytest.mark.parametrize("element", [g.CUSTOMER, g.FRIEND_OF, g.LIVES_IN], ids=lambda e: e.name)
class TestDealing:
    @pytest.fixture(autouse=True)
    def _deal_few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cells, "_FEW", COUNT - 1)

    def test_every_row_is_in_one_cell(self, element: Element, tmp_path: Path) -> None:
        records = [record for cell in dealt(element, tmp_path) for record in of(cell).to_pylist()]
        assert len(records) == COUNT
        assert sorted(records, key=repr) == sorted(table(element).to_pylist(), key=repr)

    def test_cells_of_one_round_share_no_node(self, element: Element, tmp_path: Path) -> None:
        for group in rounds(dealt(element, tmp_path)):
            for one, other in combinations(group, 2):
                assert touched(element, one)
                assert touched(element, one).isdisjoint(touched(element, other))

    def test_every_cell_is_in_one_round_and_two_write_at_once(
        self, element: Element, tmp_path: Path
    ) -> None:
        cells = dealt(element, tmp_path)
        grouped = [cell for group in rounds(cells) for cell in group]
        assert sorted(c.path for c in grouped) == sorted(c.path for c in cells)
        sizes = [len(group) for group in rounds(cells)]
        assert max(sizes) == WRITERS
        alone = [g for g in rounds(cells) if len(g) == 1]
        assert sum(of(cell).num_rows for (cell,) in alone) < COUNT / 2

    def test_a_cell_is_sorted_by_its_ends(self, element: Element, tmp_path: Path) -> None:
        column = element.key if isinstance(element, NodeType) else "source"
        for cell in dealt(element, tmp_path):
            keys = of(cell)[column].to_pylist()
            assert all(one <= other for one, other in pairwise(keys))


def test_few_rows_stay_in_one_cell(tmp_path: Path) -> None:
    (cell,) = dealt(g.CUSTOMER, tmp_path)
    assert cell.path == tmp_path / "rows.parquet"
    assert by_key(g.CUSTOMER, of(cell)) == by_key(g.CUSTOMER, table(g.CUSTOMER))
    assert list(rounds([cell])) == [[cell]]
