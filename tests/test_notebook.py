"""The notebook runs from its first cell to its last, and shows what it promises."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).resolve().parent.parent / "docs" / "taste-map.ipynb"


@pytest.fixture(scope="module")
def committed() -> Any:
    return nbformat.read(PATH, as_version=4)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(PATH, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    return client.execute()


def outputs(notebook: Any, kind: str) -> Iterator[str]:
    """All that cells show of a type, such as `image/png`."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield from (shown for name, shown in output.get("data", {}).items() if name == kind)


def tables(notebook: Any) -> list[pd.DataFrame]:
    """The tables that cells show, without their index, as text."""
    frames = []
    for html in outputs(notebook, "text/html"):
        if 'class="dataframe"' not in html:
            continue
        rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in html.split("<tr")[1:]]
        head, *body = [row[1:] for row in rows if row]
        frame = pd.DataFrame([row for row in body if any(row)], columns=head)
        frames.append(frame)
    return frames


def test_it_is_committed_without_outputs(committed: Any) -> None:
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_it_draws_one_map(executed: Any) -> None:
    (picture,) = outputs(executed, "image/png")
    assert base64.b64decode(picture).startswith(b"\x89PNG")


def test_customers_of_like_taste_know_each_other_more_often_than_any_two(executed: Any) -> None:
    (shown,) = (table for table in tables(executed) if "same community" in table)
    nearest, any_two = shown["same community"].astype(float)
    assert nearest > 1.5 * any_two > 0


def test_nearest_products_are_bought_together_more_often_than_by_chance(executed: Any) -> None:
    products, *others = (table for table in tables(executed) if "similarity" in table)
    assert len(products) == 8
    assert products.lift.astype(float).min() > 1
    kinds = [set(table.node_kind) for table in (products, *others)]
    assert kinds == [{"product"}, {"customer"}, {"product"}]
    for table in (products, *others):
        similarity = table.similarity.astype(float)
        assert similarity.is_monotonic_decreasing
        assert similarity.between(0, 1).all()
