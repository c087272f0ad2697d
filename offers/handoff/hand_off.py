"""Hands the offers of the active run to those who contact customers, one file for each channel."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.graph.results.runs import active_run
from followsuit.graph.store import GraphStore, StoreBusy
from followsuit.graph.views.view import view_of
from followsuit.offers.handoff.checks import RULES, checked
from followsuit.offers.handoff.still_offered import still_offered
from followsuit.offers.handoff.write import (
    HandedFile,
    replacing_files,
    write_dropped,
    write_offers,
)


class HandOffError(FollowsuitError):
    """The files of a hand-off can't be written there."""


@dataclass(frozen=True)
class HandOff:
    """The result of a hand-off."""

    run_id: str
    folder: Path
    files: list[HandedFile]
    """The files with offers. An offer for several stores is in the file of each."""
    dropped: dict[str, int]
    """Number of offers that each rule dropped, by its name; they are in `dropped.csv`."""

    def as_dict(self) -> dict[str, Any]:
        """The result as `handoff --json` writes it."""
        files = [
            {
                "path": str(self.folder / file.name),
                "channel": file.channel,
                "offers": file.offers,
                "customers": file.customers,
            }
            for file in self.files
        ]
        return {"run_id": self.run_id, "files": files, "dropped": self.dropped}


def hand_off(
    store: GraphStore,
    folder: Path,
    at: datetime,
    *,
    refresh: bool = False,
    memory: int = 2**30,
    progress: Progress = silent,
) -> HandOff:
    """Write the offers of the active run to files, one for each channel.

    Each offer is checked again: consents, ages, offers and items as of `at`, and refusals of any
    date. What a rule drops is in `dropped.csv`. The files replace those of an earlier hand-off.

    Args:
        store: a store with an active run.
        folder: the folder to write to; it is made if it is missing.
        at: the time of the hand-off.
        refresh: read the server again, after other programs wrote to it.
        memory: memory limit of the snapshot's engine, in bytes.
        progress: progress callback.

    Raises:
        HandOffError: the folder is a file.
        UnknownRun: there is no active run.
        DamagedRun: the run's decisions are missing or damaged.
        StoreIncomplete: the last load was interrupted.
        StoreBusy: another process writes to the store, or has loaded data meanwhile.
    """
    if folder.exists() and not folder.is_dir():
        raise HandOffError(f"{folder} is a file. Name a folder for the files.")
    run = active_run(store)
    view = view_of(store, at, refresh=refresh, memory=memory, progress=progress)
    with store.reading():
        offered = still_offered(store, view.snapshot, run)
        store.require_complete()
        if store.meta.revision != view.snapshot.meta.revision:
            raise StoreBusy(f"{store.name} was loaded meanwhile. Run this again.")
    with progress("writing files"), replacing_files(folder) as part:
        rows = checked(view, offered)
        files = write_offers(part, view, rows.filter(rows.dropped_by.isnull()))
        why = {rule.name: rule.sentence for rule in RULES}
        dropped = write_dropped(part, rows.filter(rows.dropped_by.notnull()), why)
    return HandOff(run.run_id, folder, files, dropped)
