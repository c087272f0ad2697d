"""Forgets customers everywhere, and proves it by a receipt."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.core.text import nfc
from followsuit.graph.erasure.forgotten import Forgotten
from followsuit.graph.erasure.search import Searched, Wanted
from followsuit.graph.store import GraphStore
from followsuit.privacy import places
from followsuit.privacy.change import finish_change

OUT_OF_REACH = (
    "backups of the store and its state folder",
    "your own deliveries, databases and their logs",
    "files that --out and --json have written",
)
"""What `forget` can't reach."""


class NotForgotten(FollowsuitError):
    """Something still names a customer after `forget`; or it has nobody to forget or allow.

    Attributes:
        receipt: what was forgotten and what is left; None if nothing was erased.
    """

    def __init__(self, message: str, receipt: "Receipt | None" = None) -> None:
        super().__init__(message)
        self.receipt = receipt


@dataclass(frozen=True)
class Receipt:
    """What was forgotten, and where it was searched.

    Attributes:
        forgotten: keyed hashes of the customers.
        before: hits by place before anything was erased.
        searched: the places, with hits that are left; all of them after `dry_run`.
        rewritten: how many files were written anew.
        raw: for how many of the customers the bytes of files were searched too; shorter ids, or
            parts of others' ids, occur in files by chance.
        step: commands that are left to run on the server's machine.
        dry_run: whether nothing was erased.
    """

    forgotten: list[str]
    before: list[Searched]
    searched: list[Searched]
    rewritten: int
    raw: int
    step: list[str]
    dry_run: bool

    @property
    def hits(self) -> int:
        """How many hits are left."""
        return sum(place.hits for place in self.searched)

    def as_dict(self) -> dict[str, Any]:
        """The receipt as `forget --json` writes it; nobody is forgotten in a dry run."""
        searched = [
            {"place": place.place, "files": place.files, "hits": place.hits}
            for place in self.searched
        ]
        forgotten = [] if self.dry_run else self.forgotten
        return {"forgotten": forgotten, "searched": searched, "hits": self.hits}


def forget(
    store: GraphStore,
    customers: Sequence[str],
    *,
    dry_run: bool = False,
    memory: int = 2**30,
    progress: Progress = silent,
) -> Receipt:
    """Erase customers from all places, rewrite the files, and search them.

    Interrupted at any moment, it is finished by running it again, with the same customers, others
    or none. Without customers, it also writes the files of a server's offline import again. Ids
    that the store doesn't know are also searched for, and kept out of later loads.

    Args:
        store: a store whose loads are finished.
        customers: ids of the customers.
        dry_run: only search.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback.

    Raises:
        NotForgotten: there is nobody to forget, or a place still names one of them.
        StoreIncomplete: a load is under way or was interrupted.
    """
    store.require_loaded()
    listed = Forgotten(store.state)
    ids = sorted({*map(nfc, customers), *listed.unfinished})
    if not ids and not store.meta.unrewritten:
        raise NotForgotten("There is nobody to forget. Name customers, or a file of ids by --file.")
    wanted = Wanted.of(store, ids)
    before = _search(store, wanted, progress)
    if dry_run:
        return _receipt(store, wanted, before, before, [], dry_run=True)
    with store.writing():
        store.require_loaded()
        finish_change(store, memory, progress)
        listed.begin(ids)
        if ids:
            places.erase(store, ids, memory, progress)
        store.note(forgotten=len(listed.hashes))
    rewritten = store.rewrite(progress)
    receipt = _receipt(store, wanted, before, _search(store, wanted, progress), rewritten)
    if receipt.hits:
        left = ", ".join(
            f"{place.place} ({place.hits})" for place in receipt.searched if place.hits
        )
        raise NotForgotten(
            f"Something still names a forgotten customer in {store.name}: {left}. End other "
            "commands that use the store, then run `followsuit forget` again.",
            receipt,
        )
    listed.finish()
    return receipt


def allow(store: GraphStore, customer: str) -> None:
    """Let later loads bring a forgotten customer back.

    Args:
        store: the store.
        customer: the id of the customer.

    Raises:
        NotForgotten: the customer isn't on the list of forgotten customers.
    """
    with store.writing():
        listed = Forgotten(store.state)
        if not listed.allow(nfc(customer)):
            raise NotForgotten(f"{customer} isn't on the list of forgotten customers.")
        store.note(forgotten=len(listed.hashes))


def _search(store: GraphStore, wanted: Wanted, progress: Progress) -> list[Searched]:
    gc.collect()  # Temporary files go with the views that nobody uses any more.
    with progress("searching"):
        return places.mentions(store, wanted)


def _receipt(
    store: GraphStore,
    wanted: Wanted,
    before: list[Searched],
    after: list[Searched],
    rewritten: list[Path],
    dry_run: bool = False,
) -> Receipt:
    listed = Forgotten(store.state)
    return Receipt(
        forgotten=sorted(map(listed.hash, wanted.ids)),
        before=before,
        searched=after,
        rewritten=len(rewritten),
        raw=len(wanted.distinctive),
        step=store.offline_step() if rewritten else [],
        dry_run=dry_run,
    )
