"""Comparing new rows with old ones: which are new, changed and unchanged."""

import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from followsuit.graph import schema as g
from followsuit.graph.engines.differences import Differences, differences
from followsuit.graph.schema import Element
from followsuit.testing.graph_rows import NOON, by_key, rows

Records = list[dict[str, Any]]


@pytest.fixture
def compare(tmp_path: Path) -> Any:
    def compared(element: Element, old: Records, new: Records) -> tuple[Records, ...]:
        paths = []
        for name, records in (("new", new), ("old", old)):
            paths.append(tmp_path / f"{name}.parquet")
            pq.write_table(rows(element, *records), paths[-1])
        changes = differences(element, *paths, tmp_path, 2**28)
        return tuple(_of(element, changes))

    return compared


def _of(element: Element, changes: Differences) -> list[Records]:
    """The fresh, the changed and the kept rows, each in the order of their keys."""
    parts = [(changes.fresh, changes.fresh_rows), (changes.changed, changes.changed_rows)]
    if changes.changed:
        parts.append((pq.read_metadata(changes.kept_rows).num_rows, changes.kept_rows))
    else:
        assert not changes.kept_rows.exists()
    listed = []
    for count, path in parts:
        table = pq.read_table(path)
        assert table.num_rows == count
        assert table.schema.names == element.arrow_schema().names
        content = by_key(element, table)
        listed.append([content[key] for key in sorted(content, key=repr)])
    return listed


def full(element: Element, **columns: Any) -> dict[str, Any]:
    return dict.fromkeys(element.arrow_schema().names) | columns


def store(key: str, **columns: Any) -> dict[str, Any]:
    return full(g.STORE, store_id=key, **columns)


def lives(source: str, target: str | None) -> dict[str, Any]:
    return {"source": source, "target": target}


def holds(program: str, since: Any, until: Any) -> dict[str, Any]:
    return {"source": "ann", "target": program, "since": since, "until": until}


def test_rows_are_compared_by_key(compare: Any) -> None:
    old = [store("a"), store("b", name="B"), store("c", latitude=1.5)]
    new = [store("b", name="B"), store("c", latitude=2.5), store("d")]
    assert compare(g.STORE, old, new) == ([new[2]], [new[1]], [old[0], old[1]])


def test_the_same_rows_are_no_difference(compare: Any) -> None:
    same = [store("a"), store("b", name="", latitude=math.inf, longitude=-0.5)]
    assert compare(g.STORE, same, same) == ([], [])


@pytest.mark.parametrize(("before", "after"), [(None, ""), ("", None), ("x", "X"), ("x", "x ")])
def test_empty_cells_and_empty_texts_differ(
    compare: Any, before: str | None, after: str | None
) -> None:
    old, new = [store("a", name=before)], [store("a", name=after)]
    assert compare(g.STORE, old, new) == ([], new, [])


def test_rows_with_only_a_key_never_change(compare: Any) -> None:
    new = [{"category": "tea"}, {"category": "pots"}]
    assert compare(g.CATEGORY, new[:1], new) == (new[1:], [])


def test_an_empty_target_is_a_change_only_if_the_row_exists(compare: Any) -> None:
    old = [lives("ann", "Lima"), lives("bob", "Oslo")]
    new = [lives("ann", None), lives("cas", None), lives("dan", "Lima")]
    assert compare(g.LIVES_IN, old, new) == ([new[2]], [new[0]], [old[1]])


def test_empty_parts_of_a_key_are_equal(compare: Any) -> None:
    old = [holds("gold", None, None), holds("gold", NOON, None)]
    new = [holds("gold", None, NOON), holds("blue", None, None)]
    assert compare(g.HOLDS, old, new) == ([new[1]], [new[0]], [old[1]])
