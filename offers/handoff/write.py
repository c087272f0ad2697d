"""Writes the files of a hand-off, all together and for their owner alone."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow.parquet as pq

from followsuit.core.files import private_file, private_folder
from followsuit.graph.views.view import View
from followsuit.offers.handoff.associates import by_store, file_of
from followsuit.offers.handoff.csv_text import csv_line
from followsuit.offers.handoff.forms import ASSOCIATE, DROPPED, FOLDER, FORMS, Form
from followsuit.offers.handoff.offer import Offer, Reader

_PART = ".handoff.part"
"""The hidden folder that files are written in, on the disk where they belong."""
_ROWS = 10_000
"""Rows to read at a time."""
_HEADER = csv_line(("customer_id", "offer_id", "item_id", "channel", "rule", "why"))


@dataclass(frozen=True)
class HandedFile:
    """A file of a hand-off."""

    name: str
    """Its name in the folder."""
    channel: str | None
    """None for offers to customers who agreed to contact in general."""
    offers: int
    customers: int


@contextmanager
def replacing_files(folder: Path) -> Iterator[Path]:
    """Yield a folder to write to; at the end its files replace those of an earlier hand-off.

    Other files in `folder` stay. After a kill, each file is whole, and files of two hand-offs are
    never mixed: some may be missing. The next hand-off deletes what is left in the part folder.
    """
    part = private_folder(folder) / _PART
    shutil.rmtree(part, ignore_errors=True)
    private_folder(part)
    try:
        yield part
        for stale in _earlier(folder):
            stale.unlink()
        for path in sorted(path for path in part.rglob("*") if path.is_file()):
            target = folder / path.relative_to(part)
            private_folder(target.parent)
            path.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _earlier(folder: Path) -> list[Path]:
    """The files that an earlier hand-off wrote."""
    names = [*(form.file for form in FORMS.values()), DROPPED]
    header = next(iter(FORMS[ASSOCIATE].text(()))).encode()
    lists = [path for path in (folder / FOLDER).glob("*.csv") if _begins_with(path, header)]
    return [path for path in (folder / name for name in names) if path.is_file()] + lists


def _begins_with(path: Path, header: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(header)) == header


def write_offers(folder: Path, view: View, rows: ir.Table) -> list[HandedFile]:
    """Write the files of all channels that have offers.

    Args:
        folder: the folder to write to.
        view: the view as of the hand-off.
        rows: see `checked`; those that no rule drops.
    """
    reader = Reader(view)
    files = []
    for channel, form in FORMS.items():
        chosen = rows.filter(rows.channel.isnull() if channel is None else rows.channel == channel)
        if channel != ASSOCIATE:
            offers = map(reader.read, _read(chosen, "customer_id", "rank"))
            files.append(_write(folder, form.file, channel, form, offers))
            continue
        by_id = _read(by_store(view, chosen), "store_id", "customer_id", "rank")
        for store_id, of_store in groupby(by_id, lambda row: row["store_id"]):
            offers = map(reader.read, of_store)
            files.append(_write(folder, file_of(store_id), channel, form, offers))
    return [file for file in files if file is not None]


def _write(
    folder: Path, name: str, channel: str | None, form: Form, offers: Iterable[Offer]
) -> HandedFile | None:
    """Write a file; None without offers."""
    counted = _Counted(offers)
    if counted.is_empty:
        return None
    path = folder / name
    private_folder(path.parent)
    with private_file(path).open("w", encoding="utf-8", newline="") as file:
        file.writelines(form.text(counted))
    return HandedFile(name, channel, counted.offers, counted.customers)


class _Counted:
    """Offers sorted by customer, which are counted as they are read."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        self._rest = iter(offers)
        self._first = next(self._rest, None)
        self.is_empty = self._first is None
        self.offers = 0
        self.customers = 0

    def __iter__(self) -> Iterator[Offer]:
        last, offer = None, self._first
        while offer is not None:
            self.offers += 1
            self.customers += offer.customer_id != last
            yield offer
            last, offer = offer.customer_id, next(self._rest, None)


def write_dropped(folder: Path, rows: ir.Table, why: dict[str, str]) -> dict[str, int]:
    """Write the offers that a rule drops; returns how many each rule drops, by its name.

    Args:
        folder: the folder to write to.
        rows: see `checked`; those that a rule drops.
        why: the sentence of each rule.
    """
    counts: dict[str, int] = {}
    with private_file(folder / DROPPED).open("w", encoding="utf-8", newline="") as file:
        file.write(_HEADER)
        for row in _read(rows, "customer_id", "rank"):
            rule = row["dropped_by"]
            counts[rule] = counts.get(rule, 0) + 1
            shown = (row[name] for name in ("customer_id", "offer_id", "item_id", "channel"))
            file.write(csv_line([*shown, rule, why[rule]]))
    return dict(sorted(counts.items()))


def _read(rows: ir.Table, *order: str) -> Iterator[dict[str, Any]]:
    """Rows in an order, read from a temporary file a few at a time."""
    with tempfile.TemporaryDirectory(prefix="followsuit-") as folder:
        path = Path(folder) / "rows.parquet"
        rows.order_by(*order).to_parquet(path)
        with pq.ParquetFile(path, memory_map=False) as file:
            for batch in file.iter_batches(_ROWS):
                yield from batch.to_pylist()
