"""Writes rows into the tables of an open LadybugDB file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.graph.engines.differences import differences, without
from followsuit.graph.engines.embedded_file import EmbeddedFile
from followsuit.graph.engines.embedded_rows import (
    copy_in,
    copy_out,
    create_relationship,
    of_type,
    quoted_source,
    spare_name,
    split_rows,
    update_nodes,
)
from followsuit.graph.schema import Element, NodeType, RelationshipType

_BYTES_PER_ROW = 370
"""Buffer pool bytes per row that is copied into an empty table (measured)."""
_BYTES_PER_ADDED_ROW = 1_200
"""Buffer pool bytes per row that is copied into a table with rows (measured)."""
_LEAST = 10_000
"""Bulks of fewer rows are not split further."""


class EmbeddedTables:
    """The tables of an open file: one for each label, and one for each name of relationships.

    Args:
        file: the file; open it for writing first.
        memory: limit of the engine, and of the comparison of old and new rows, in bytes.
    """

    def __init__(self, file: EmbeddedFile, memory: int) -> None:
        self._file = file
        self._memory = memory

    def upsert(self, element: Element, new: Path) -> None:
        """Add the rows of a file whose key is new, and update the others."""
        with self._file.state.work_folder() as folder:
            old = folder / "old.parquet"
            self._export(element, old)
            changes = differences(element, new, old, folder, self._memory // 2)
            if changes.changed and isinstance(element, NodeType):
                self._file.run(update_nodes(element, changes.changed_rows))
            if changes.changed and isinstance(element, RelationshipType):
                # Changing relationships in place may take more memory than there is. Making the
                # table again takes no longer than adding to it.
                self._rebuild(
                    element, [changes.kept_rows, changes.changed_rows, changes.fresh_rows], folder
                )
            elif changes.fresh:
                self.copy(element, [changes.fresh_rows], empty=False)

    def copy(
        self, element: Element, files: list[Path], *, table: str = "", empty: bool = True
    ) -> None:
        """Append the rows of Parquet files, in bulks that fit into the buffer pool.

        Args:
            element: the element of the rows.
            files: at least one file.
            table: the table to append to; by default the element's own.
            empty: whether the table has no rows yet.
        """
        added = self._memory // _BYTES_PER_ADDED_ROW
        first = self._memory // _BYTES_PER_ROW if empty else added
        copy = copy_in(element, table or element.name)
        self._copy_bulks(copy, files, element.arrow_schema(), first, added)

    def _copy_bulks(
        self, copy: str, files: list[Path], schema: pa.Schema, first: int, rest: int
    ) -> None:
        """Run `copy` on all files if they have at most `first` rows, else part by part."""
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        if rows <= first:
            try:
                self._file.run(copy % ", ".join(map(quoted_source, files)))
                return
            except RuntimeError as error:
                if "Buffer manager" not in str(error) or rows < _LEAST:
                    raise
                # Wide rows take more memory than was measured.
                first = rest = rows // 2
        with self._file.state.work_folder() as folder:
            for part in split_rows(files, schema, first, rest, folder):
                self._copy_bulks(copy, [part], schema, first, rest)

    def delete(self, element: RelationshipType, keys: pa.Table) -> None:
        """Delete the relationships whose values equal those of a row of `keys`."""
        with self._file.state.work_folder() as folder:
            old, deleted, remaining = (
                folder / f"{name}.parquet" for name in ("old", "deleted", "kept")
            )
            self._export(element, old)
            schema = element.arrow_schema()
            pq.write_table(
                keys.cast(pa.schema([schema.field(c) for c in keys.column_names])), deleted
            )
            without(old, deleted, keys.column_names, remaining, self._memory // 2)
            self._rebuild(element, [remaining], folder)

    def clear(self, element: RelationshipType) -> None:
        """Delete all relationships of this type between its two labels."""
        with self._file.state.work_folder() as folder:
            self._rebuild(element, [], folder)

    @contextmanager
    def replaced(self, files: Mapping[RelationshipType, Path]) -> Iterator[None]:
        """Replace all relationships of some types, in one transaction with the block."""
        names: dict[str, dict[RelationshipType, list[Path]]] = {}
        for element, file in files.items():
            names.setdefault(element.name, {})[element] = [file]
        for name, files_of in names.items():
            self._fill_spare(name, files_of)
        with self._transaction():
            for name in names:
                self._use_spare(name)
            yield

    def _rebuild(self, element: RelationshipType, files: list[Path], folder: Path) -> None:
        """Replace all rows of the type by these, in one transaction.

        The engine holds a transaction in memory. So the rows go into a spare table first, which
        then replaces the old one.
        """
        files_of = {element: files}
        for number, sibling in enumerate(of_type(element.name)):
            if sibling is not element:
                files_of[sibling] = [folder / f"sibling-{number}.parquet"]
                self._export(sibling, files_of[sibling][0])
        self._fill_spare(element.name, files_of)
        with self._transaction():
            self._use_spare(element.name)

    def _fill_spare(self, name: str, files_of: Mapping[RelationshipType, list[Path]]) -> None:
        """Make a spare table for the relationships of a name, with the rows of these files."""
        # LadybugDB 0.22 crashed here, where it spilled millions of wide rows to disk. Without that
        # it says that memory is full, and rows are copied in smaller bulks.
        self._file.run("CALL spill_to_disk=false")
        spare = spare_name(name)
        self._file.run(create_relationship(name, spare))
        try:
            for element, files in files_of.items():
                if files:
                    self.copy(element, files, table=spare)
        except RuntimeError:
            self._file.run(f"DROP TABLE `{spare}`")
            raise

    def _use_spare(self, name: str) -> None:
        """Replace the table for the relationships of a name by its spare."""
        self._file.run(f"DROP TABLE `{name}`")
        self._file.run(f"ALTER TABLE `{spare_name(name)}` RENAME TO `{name}`")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._file.run("BEGIN TRANSACTION")
        yield
        self._file.run("COMMIT")

    def _export(self, element: Element, path: Path) -> None:
        self._file.run(copy_out(element, path))
