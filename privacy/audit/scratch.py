"""Copies of a store's delivered data, to compute what offers would be without some customers."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from followsuit.graph import schema as g
from followsuit.graph.engines.embedded import EmbeddedStore
from followsuit.graph.erasure.erasure import erase
from followsuit.graph.results.runs import RESULTS
from followsuit.graph.store import GraphStore

_FILE = "store.lbug"
_COMPUTED = {
    g.RUN,
    g.CUSTOMER_EMBEDDED,
    g.PRODUCT_EMBEDDED,
    g.STORE_EMBEDDED,
    *(element for elements in RESULTS.values() for element in elements),
}
"""What is computed and not delivered."""
_NOTES = ("delivered", "assume_consent", "blocked_customers", "row_counts", "revision")


@contextmanager
def copied(store: GraphStore, memory: int) -> Iterator[Path]:
    """A folder with a copy of the data of a store, without results; deleted at the end.

    Args:
        store: the store.
        memory: limit of the copy's engine, in bytes.
    """
    with store.state.work_folder() as folder, EmbeddedStore(folder / _FILE, memory) as copy:
        with store.reading(), copy.writing():
            store.require_complete()
            for element in g.EVERYTHING:
                if element not in _COMPUTED and element is not g.META:
                    rows = folder / "rows.parquet"
                    store.export(element, rows)
                    copy.write(element, rows)
                    rows.unlink()
            copy.note(**{name: store.meta.entries.get(name) for name in _NOTES})
        yield folder


@contextmanager
def without(folder: Path, customers: Sequence[str], memory: int) -> Iterator[GraphStore]:
    """A copy of the copy, without some customers.

    Args:
        folder: the folder of `copied`.
        customers: ids of the customers; none for the whole copy.
        memory: limit of the copy's engine, in bytes.
    """
    home = folder / "without"
    home.mkdir()
    try:
        shutil.copy(folder / _FILE, home / _FILE)
        with EmbeddedStore(home / _FILE, memory) as copy:
            with copy.writing():
                erase(copy, customers)
            yield copy
    finally:
        shutil.rmtree(home)
