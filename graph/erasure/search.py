"""Searches files for customers: the decoded cells that name them, and the bytes of long ids."""

import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from followsuit.core.files import is_parquet, replacing
from followsuit.graph import schema as g
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore, StoreMissing

_LONG = 12
"""Shorter ids, in bytes, occur in files by chance."""
NAMING = (Col.CUSTOMER_ID, Col.FRIEND_ID)
"""Columns of files whose cells are ids of customers."""
_PIECE = 2**24


@dataclass(frozen=True)
class Searched:
    """A place where customers were searched.

    Attributes:
        place: what was searched, in a word.
        files: how many files it has.
        hits: how many rows, notes or files name one of the customers.
    """

    place: str
    files: int
    hits: int


@dataclass(frozen=True)
class Wanted:
    """The customers to search for.

    Attributes:
        ids: their ids.
        distinctive: those ids that are long enough, and no part of anybody else's, so that their
            bytes in a file mean them.
    """

    ids: Sequence[str]
    distinctive: Sequence[str]

    @classmethod
    def of(cls, store: GraphStore, ids: Sequence[str]) -> "Wanted":
        """The customers, with the ids that can be told from all others of a store."""
        others = "\n".join(sorted(_customers(store) - set(ids)))
        long = [each for each in ids if len(each.encode()) >= _LONG]
        return cls(list(ids), [each for each in long if each not in others])

    @cached_property
    def _texts(self) -> list[list[bytes]]:
        """The bytes of each distinctive id, as text and as JSON write it."""
        return [list({each.encode(), json.dumps(each)[1:-1].encode()}) for each in self.distinctive]

    @cached_property
    def _column(self) -> pa.Array:
        return pa.array(self.ids, pa.string())

    def within(self, content: bytes | memoryview) -> int:
        """How many of the distinctive ids some bytes hold."""
        data = bytes(content)
        return sum(any(text in data for text in texts) for texts in self._texts)

    def raw(self, path: Path) -> int:
        """How often a file's bytes, read in pieces, hold a distinctive id."""
        if not self._texts:
            return 0
        longest, n, last = max(len(t) for texts in self._texts for t in texts), 0, b""
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                content = last + piece
                n += self.within(content)
                last = content[1 - longest :]
        return n

    def file(self, path: Path) -> int:
        """How many hits a file has: its decoded cells or members, and its bytes."""
        if is_parquet(path):
            return self._decoded(path) + self.raw(path)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as members:
                decoded = sum(self.within(members.read(name)) for name in members.namelist())
            return decoded + self.raw(path)
        return self.raw(path) + self._listed(path)

    def files(self, place: str, paths: Iterable[Path]) -> Searched:
        """Search the files of a place; a folder stands for all files in it."""
        files = list(_files(paths))
        return Searched(place, len(files), sum(map(self.file, files)))

    def _decoded(self, path: Path) -> int:
        n = 0
        with pq.ParquetFile(path, memory_map=False) as file:
            for batch in file.iter_batches():
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    if name in NAMING and pt.is_string(column.type):
                        n += pc.sum(pc.is_in(column, self._column)).as_py() or 0
                    elif self.distinctive:
                        n += sum(self.within(buffer) for buffer in column.buffers() if buffer)
        return n

    def _listed(self, path: Path) -> int:
        """How many of the ids a JSON file lists."""
        if path.suffix != ".json":
            return 0
        try:
            content = json.loads(path.read_bytes())
        except ValueError:
            return 0
        return len(set(self.ids).intersection(content)) if isinstance(content, list) else 0


def _customers(store: GraphStore) -> set[str]:
    try:
        rows = store.query(f"MATCH (c:`{g.CUSTOMER.label}`) RETURN c.`{g.CUSTOMER.key}` AS id")
    except StoreMissing:
        return set()
    return set(rows["id"].to_pylist())


def without(path: Path, ids: Sequence[str]) -> bool:
    """Rewrite a Parquet file without the rows that name a customer; returns whether it had any."""
    gone = pa.array(ids, pa.string())
    with pq.ParquetFile(path, memory_map=False) as file:
        schema = file.schema_arrow
        columns = [name for name in NAMING if name in schema.names]
        if not any(_named(file, name, gone) for name in columns):
            return False
        with replacing(path) as part, pq.ParquetWriter(part, schema) as writer:
            for batch in file.iter_batches():
                for name in columns:
                    batch = batch.filter(pc.invert(pc.is_in(batch[name], gone)))
                writer.write_batch(batch)
    return True


def _named(file: pq.ParquetFile, column: str, ids: pa.Array) -> bool:
    batches = file.iter_batches(columns=[column])
    return any(pc.any(pc.is_in(batch[column], ids)).as_py() for batch in batches)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(
            each
            for each in ([path] if path.is_file() else path.rglob("*"))
            if each.is_file() and not each.is_symlink()
        )
