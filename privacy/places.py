"""The places that hold customers: each is erased and searched by the module that owns it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from followsuit.core.progress import Progress, silent
from followsuit.graph.erasure import erasure as graph
from followsuit.graph.erasure.search import Searched, Wanted
from followsuit.graph.results.models import ModelStore
from followsuit.graph.results.withdrawals import withdraw_results
from followsuit.graph.store import GraphStore
from followsuit.graph.views.snapshot import forget_snapshots, snapshot_ahead
from followsuit.loaders import erasure as loaders
from followsuit.offers.run import erasure as offers


def erase(
    store: GraphStore, ids: Sequence[str], memory: int = 2**30, progress: Progress = silent
) -> None:
    """Erase customers from all places, and withdraw what rests on their interactions.

    Repeating it does no harm. The bytes of deleted rows stay in the store's files until
    `GraphStore.rewrite`.

    Args:
        store: the store, whose loads are finished.
        ids: the customers.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback.
    """
    with store.writing():
        with progress("erasing customers"):
            graph.erase(store, ids)
        snapshot = snapshot_ahead(store, {}, memory=memory, progress=progress)
        forget_snapshots(store, keep=1)
        withdraw_results(store, snapshot)
        ModelStore(store.state).clear()
        offers.erase(store, ids)
        loaders.erase(store)


def mentions(store: GraphStore, wanted: Wanted) -> list[Searched]:
    """Search all places for customers.

    Args:
        store: the store.
        wanted: the customers.

    Returns:
        One entry per place, in the order of `erase`; the last has the other files of the state
        folder.
    """
    state = store.state
    owned = [state.snapshots, state.models, state.runs, state.activated]
    owned += [state.rejects, state.staging]
    pending = {state.forgetting, state.offline_import}
    others = [path for path in _children(state.path) if path not in {*owned, *pending}]
    return [
        graph.mentions(store, wanted),
        wanted.files("snapshots", [state.snapshots]),
        wanted.files("models", [state.models]),
        offers.mentions(store, wanted),
        *loaders.mentions(store, wanted),
        wanted.files("offline import", [state.offline_import]),
        wanted.files("state folder", others),
    ]


def _children(folder: Path) -> Iterable[Path]:
    return sorted(folder.iterdir()) if folder.exists() else ()
