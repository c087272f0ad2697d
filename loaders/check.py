"""Check a delivery as a load would, and write nothing."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from followsuit.core.files import private_folder
from followsuit.core.progress import Progress, silent
from followsuit.graph.engines.embedded import EmbeddedStore
from followsuit.graph.erasure.forgotten import Forgotten
from followsuit.graph.store import GraphStore, StoreMissing
from followsuit.loaders.load import LoadJob, find_whole_delivery
from followsuit.loaders.load_report import LoadReport, warnings
from followsuit.loaders.mapping import Mapping
from followsuit.loaders.staging.rejects import reasons
from followsuit.loaders.staging.resume import Staging


def check(
    store: GraphStore,
    place: str,
    mapping: Mapping | None = None,
    *,
    assume_consent: bool = False,
    replace: Sequence[str] = (),
    yes: bool = False,
    max_rejects: float | None = None,
    memory: int = 2**30,
    progress: Progress = silent,
) -> LoadReport:
    """Say what `load` would do with a delivery, and raise what it would raise.

    The rows are checked against those of the store, if it exists. Neither the store nor its state
    folder changes.

    Args:
        store: the store that the delivery is for.
        place: a folder, or an SQLAlchemy URL.
        mapping: maps files and columns with other names to the contract.
        assume_consent: see `load`.
        replace: see `load`.
        yes: see `load`.
        max_rejects: see `load`.
        memory: limit in bytes for steps that need all rows of a table.
        progress: progress callback.

    Raises:
        DeliveryError: a file or table can't be read, too many rows are rejected, or `replace` would
            delete too many.
        MappingError: the mapping doesn't fit the delivery.
        StoreError: the store can't be read.
    """
    delivery = find_whole_delivery(place, mapping, replace, max_rejects)
    with (
        tempfile.TemporaryDirectory(prefix="followsuit-") as name,
        _existing_or_empty(store, Path(name), memory) as known,
    ):
        folder = private_folder(Path(name) / "staging")
        job = LoadJob(known, delivery, Staging(folder), tuple(replace), memory)
        job.forgotten = Forgotten(store.state)  # also if the store's file is gone
        job.stage(progress)
        rejects = folder / "rejects.parquet"
        job.write_rejects(rejects)
        job.check_rejects(max_rejects, None)
        job.announce_deletions(yes, None)
        return LoadReport(
            tables=job.staging.counts,
            rejects=None,
            ignored=delivery.ignored,
            reasons=reasons(rejects),
            warnings=warnings(job.staging.counts, known.meta.row_counts),
            deleted=job.staging.deleted or {},
            withdrawn={},
            assume_consent=assume_consent,
            blocked_customers=job.blocked(known.meta.blocked_customers),
            unmatched_refusals=job.unmatched_refusals,
            filtered_by=job.staging.filtered_by,
        )


@contextmanager
def _existing_or_empty(store: GraphStore, folder: Path, memory: int) -> Iterator[GraphStore]:
    """The store, open for reading; an empty one in the folder if it doesn't exist."""
    try:
        with store.reading():
            yield store
            return
    except StoreMissing:
        pass
    with EmbeddedStore(folder / "empty.lbug", memory) as empty, empty.writing():
        yield empty
