"""Converts the rows of a source to those of a table, with one SQL expression per column.

Text is trimmed and in NFC, empty text is missing, codes are in one case, times in UTC, and money in
whole minor units. A value that can't be converted is empty, and the fault columns name it.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from followsuit.core.text import nfc
from followsuit.graph.duck import TYPES, open_duck
from followsuit.graph.schema import Col
from followsuit.graph.tables import CONSENTS, Kind, Table
from followsuit.loaders.column_mapping import ColumnMapping
from followsuit.loaders.mapping import TableMapping
from followsuit.loaders.readers.batches import ROW, Reader, alike, folded_name
from followsuit.loaders.sources import DeliveryError
from followsuit.loaders.staging.conversion import converted, whole_units
from followsuit.loaders.staging.faults import REASONS, fault_columns
from followsuit.loaders.staging.lookup import lookup_name
from followsuit.loaders.staging.sql import (
    as_text,
    folded,
    is_text,
    json_object,
    literal,
    quoted,
    template,
    times,
    unmet,
)

GIVEN = "given"
"""The fields that a row has: bit i is set for field i of its table, even if it is empty."""
LEFT_OUT = "left_out"
"""The number of the first condition of the mapping's `where` that a row doesn't meet, see
`Standard.filters`; NULL for a row that is kept."""
OWNERS = "owners"
"""For consents: the ids of the customers that a row may be about."""
ORDER = "order_by"
"""The value of the mapping's `earliest_by`: of rows with the same key, the smallest wins."""

_SPACE = " \t\n\r\u00a0"
_BATCH = 16 * 2**20
"""Approximate bytes per batch, of `_FEWEST` to `_MOST` rows."""
_FEWEST, _MOST = 2_048, 262_144


@dataclass(frozen=True)
class Standard:
    """Converts the columns of one file to those of a table."""

    table: Table
    mapping: TableMapping
    columns: dict[str, ColumnMapping]
    """The source of each field that the file has."""
    files_names: Mapping[str, str]
    """The file's name of each column that the mapping names."""
    attributes: tuple[str, ...] = ()
    """The file's columns to keep as attributes."""
    iso_dates: bool = False
    """Whether the reader writes dates in ISO 8601, whatever format the mapping names."""

    @property
    def wanted(self) -> list[str]:
        """The columns to read from the file."""
        named = [name for c in self.columns.values() for name in c.all_names]
        named += [*self.mapping.where, *filter(None, [self.mapping.earliest_by])]
        return list(dict.fromkeys([*(self.files_names[name] for name in named), *self.attributes]))

    @property
    def filters(self) -> list[str]:
        """In words, why rows are left out: `Card is empty`."""
        wheres = self.mapping.where.items()
        return [f"{name} {reason}" for name, c in wheres for reason, _ in unmet(c, "")]

    @property
    def _filled(self) -> list[str]:
        """The columns to fill down, of those that are read."""
        return [n for n in self.mapping.fill_down if self.files_names.get(n) in self.wanted]

    def apply(
        self,
        batches: Iterator[pa.RecordBatch],
        memory: int,
        spill: Path,
        lookups: Mapping[str, Path] = MappingProxyType({}),
    ) -> Iterator[pa.RecordBatch]:
        """Standardise batches.

        Args:
            batches: batches of the `wanted` columns and `row`.
            memory: limit in bytes.
            spill: the folder to spill to.
            lookups: the file of each lookup that the mapping names.

        Yields:
            Batches of the table's columns, `row`, the fault columns (empty for sound rows),
            `order_by`, `given`, `left_out`, and `owners`.
        """
        fault: list[Exception] = []
        try:
            filled = {f"c{self.wanted.index(self.files_names[n])}" for n in self._filled}
            numbered = _watched(batches, fault, filled)
            first = next(numbered, None)
            if first is None:
                return
            rows = pa.RecordBatchReader.from_batches(first.schema, chain([first], numbered))
            views = {_lookup_view(name): path for name, path in lookups.items()}
            with open_duck(memory, spill, **views) as db:
                db.create_function(  # type: ignore[call-overload]  # no enum in all versions
                    "whole_units",
                    whole_units,
                    ["VARCHAR", "INTEGER"],
                    "BIGINT",
                    null_handling="special",
                )
                try:
                    db.from_arrow(rows).create_view("source")
                    wide = first.nbytes // max(1, len(first)) + 1
                    size = max(_FEWEST, min(_MOST, _BATCH // wide))
                    yield from db.sql(self._sql(first.schema)).to_arrow_reader(size)
                finally:
                    db.remove_function("whole_units")
        except Exception:
            if fault:  # the reader's own error says more
                raise fault.pop() from None
            raise

    def _sql(self, schema: pa.Schema) -> str:
        raws, values, faults, joins = [], [], [], []
        owners = "NULL::VARCHAR[]"
        if self.table is CONSENTS:
            owners = f"CASE WHEN {Col.CUSTOMER_ID} IS NOT NULL THEN [{Col.CUSTOMER_ID}] END"
        for i, field in enumerate(self.table.fields):
            mapping, raw = self.columns.get(field.name), f"raw{i}"
            if field.kind is Kind.ATTRIBUTES and self.attributes:
                raws.append(f"{self._attributes(schema)} AS {raw}")
                values.append(f"{raw} AS {quoted(field.name)}")
                continue
            if mapping is None:
                values.append(f'NULL::{TYPES[field.type]} AS "{field.name}"')
                continue
            kind, given = self._raw(mapping, schema)
            raws.append(f"{given} AS {raw}")
            if mapping.lookup is not None:
                view = _lookup_view(lookup_name(field, mapping.lookup))
                joins.append(f"LEFT JOIN {view} AS l{i} ON l{i}.key = {folded(as_text(kind, raw))}")
                values += [f"l{i}.value AS {quoted(field.name)}", f"l{i}.n AS n{i}"]
                if self.table is CONSENTS and field.name == Col.CUSTOMER_ID:
                    values.append(f"l{i}.several AS several")
                    owners = "several"
            else:
                value = converted(field, mapping, kind, raw, self.iso_dates)
                if mapping.times is not None:
                    raws.append(f"{self._cell(mapping.times, schema)} AS times{i}")
                    value = times(value, mapping, f"times{i}")
                values.append(f'{value} AS "{field.name}"')
            if field.kind in REASONS or mapping.lookup is not None:
                faults.append((field, mapping, kind, raw))
        earliest = self.mapping.earliest_by
        order = "NULL::DOUBLE" if earliest is None else _as_order(self._name(earliest))
        return (
            f"WITH raws AS (SELECT {ROW}, {order} AS {ORDER}, {self._given(schema)} AS {GIVEN}, "
            f"{self._unmet(schema)} AS {LEFT_OUT}, {', '.join(raws)} FROM source), "
            f"typed AS (SELECT raws.*, {', '.join(values)} FROM raws {' '.join(joins)}) "
            f"SELECT {', '.join(quoted(f.name) for f in self.table.fields)}, {ROW}, {ORDER}, "
            f"{GIVEN}, {LEFT_OUT}, {owners} AS {OWNERS}, "
            f"{fault_columns(faults, self.mapping.returns)} FROM typed"
        )

    def _raw(self, mapping: ColumnMapping, schema: pa.Schema) -> tuple[pa.DataType, str]:
        """The type and the SQL of a field's value before it is parsed."""
        if mapping.column is None:
            return pa.string(), _constant(mapping)
        if (parts := mapping.template) is not None:
            return pa.string(), template(parts, [self._cell(n, schema) for n in mapping.names])
        at = self._name(mapping.column)
        return schema.field(at).type, _given(at, schema.field(at).type)

    def _cell(self, column: str, schema: pa.Schema) -> str:
        """The SQL of a source column as text, with NULL for empty text."""
        at = self._name(column)
        kind = schema.field(at).type
        return as_text(kind, _given(at, kind))

    def _unmet(self, schema: pa.Schema) -> str:
        """The SQL of `left_out`."""
        conditions = [
            condition
            for name, c in self.mapping.where.items()
            for _, condition in unmet(c, self._cell(name, schema))
        ]
        cases = " ".join(f"WHEN {condition} THEN {i}" for i, condition in enumerate(conditions))
        return f"(CASE {cases} END)" if cases else "NULL::INTEGER"

    def _attributes(self, schema: pa.Schema) -> str:
        kinds = {name: schema.field(f"c{self.wanted.index(name)}").type for name in self.attributes}
        cells = {name: f"c{self.wanted.index(name)}" for name in self.attributes}
        texts = {name: as_text(kinds[name], _given(cells[name], kinds[name])) for name in cells}
        return json_object(list(texts.items()))

    def _given(self, schema: pa.Schema) -> str:
        """The SQL of `given`: the columns of the file that a row has."""
        has = f"c{len(self.wanted)}"
        bits = ["0::BIGINT"]
        for i, field in enumerate(self.table.fields):
            mapping = self.columns.get(field.name)
            of_attributes = field.kind is Kind.ATTRIBUTES and self.attributes
            if mapping is None and not of_attributes:
                continue
            names = [self.files_names[n] for n in mapping.names] if mapping else self.attributes
            if names and has in schema.names:
                mask = sum(1 << self.wanted.index(name) for name in set(names))
                bits.append(f"(({has} & {mask} <> 0)::BIGINT << {i})")
            else:
                bits.append(str(1 << i))
        return " | ".join(bits)

    def _name(self, column: str) -> str:
        """The name of a source column in SQL, by its position."""
        return f"c{self.wanted.index(self.files_names[column])}"


def _lookup_view(lookup: str) -> str:
    """The name of the view of a lookup."""
    return f"lookup_{lookup.replace('.', '_')}"


def _watched(
    batches: Iterator[pa.RecordBatch], fault: list[Exception], filled: Collection[str]
) -> Iterator[pa.RecordBatch]:
    """Tidy batches: columns named by position, `row` last; stores an error of the reader.

    The empty cells of the columns `filled` take the value above.
    """
    above: dict[str, Any] = {}
    try:
        for batch in batches:
            names = [*(f"c{i}" for i in range(batch.num_columns - 1)), ROW]
            columns = [_tidied(c) for c in batch.columns]
            for place, name in enumerate(names):
                if name in filled and len(batch):
                    columns[place] = _filled_down(columns[place], above.get(name))
                    above[name] = columns[place][-1].as_py()
            yield pa.RecordBatch.from_arrays(columns, names)
    except Exception as error:
        fault.append(error)
        raise


def _tidied(values: pa.Array) -> pa.Array:
    """Trim text and convert it to NFC, which Arrow does many times faster than DuckDB."""
    if not is_text(values.type):
        return values
    plain = values.cast(pa.string()) if pt.is_string_view(values.type) else values
    if not pc.all(pc.string_is_ascii(plain)).as_py():
        plain = pc.utf8_normalize(plain, "NFC")
    return pc.utf8_trim(plain, _SPACE)


def _filled_down(values: pa.Array, above: Any) -> pa.Array:
    """The values, each empty one replaced by the last before it; `above` comes before the first."""
    if is_text(values.type):
        values = pc.if_else(pc.equal(values, ""), None, values)
    filled = pc.fill_null_forward(pa.concat_arrays([pa.array([above], values.type), values]))
    return filled.slice(1)


def _as_order(name: str) -> str:
    return f"coalesce(try_cast({name} AS DOUBLE), epoch(try_cast({name} AS TIMESTAMPTZ)))"


def standard_for(
    table: Table, mapping: TableMapping, reader: Reader, file: str, shared: bool = False
) -> Standard:
    """Match a file's columns with a table's, ignoring case and outer spaces.

    Args:
        table: the table of the contract.
        mapping: the table's mapping.
        reader: the open file.
        file: the file's name, for messages.
        shared: whether the file gives other tables too.

    Raises:
        DeliveryError: a column that the contract requires or the mapping names is missing, or
            occurs more than once.
    """
    columns: dict[str, ColumnMapping] = {}
    names: dict[str, str] = {}
    missing = []
    for field in table.fields:
        mapped = mapping.columns.get(field.name) or ColumnMapping(column=field.name)
        required = field.name in mapping.columns or field.required
        in_file = {name: _name_in_file(name, reader, file) for name in mapped.all_names}
        if reader.open_ended and not required:  # a later row may have it
            in_file = {name: own or name for name, own in in_file.items()}
        if all(in_file.values()):
            columns[field.name] = mapped
            names |= {name: own for name, own in in_file.items() if own is not None}
        elif required:
            missing += [name for name, own in in_file.items() if own is None]
    given = mapping.attributes if isinstance(mapping.attributes, tuple) else ()
    table_wide = (*mapping.where, *mapping.fill_down, *given)
    for name in (*filter(None, [mapping.earliest_by]), *table_wide):
        own_name = _name_in_file(name, reader, file)
        if own_name is None:
            missing.append(name)
        else:
            names[name] = own_name
    _require(missing, reader, file, table)
    attributes: tuple[str, ...] = ()
    if given:
        attributes = tuple(names[name] for name in given if name in names)
    elif mapping.attributes is True or (mapping.attributes is None and not shared):
        attributes = _unnamed(table, columns, reader, set(names.values()))
    return Standard(table, mapping, columns, names, attributes, reader.iso_dates)


def _require(missing: list[str], reader: Reader, file: str, table: Table) -> None:
    """Raise DeliveryError if the file lacks a column; a file without rows lacks none."""
    names = reader.columns
    if missing and (names or not reader.open_ended):
        one = len(names) == 1 and any(sign in names[0] for sign in ";,|\t ")
        hint = " If it uses another delimiter, name it in the mapping." if one else ""
        raise DeliveryError(
            f"{file} has no column {missing[0]} for the table {table.name}; it has "
            f"{', '.join(names)}.{hint} If its columns have other names, name them in a --mapping."
        )


def _unnamed(
    table: Table, columns: Collection[str], reader: Reader, named: Collection[str]
) -> tuple[str, ...]:
    """The file's columns that neither the contract nor the mapping names, each name once."""
    own = {f.name for f in table.fields}
    ready = Col.ATTRIBUTES in columns and alike(Col.ATTRIBUTES, reader.columns)
    if Col.ATTRIBUTES not in own or ready:
        return ()
    taken = {folded_name(name) for name in (*own, *named, "")}
    counts = Counter(map(folded_name, reader.columns))
    return tuple(
        name
        for name in reader.columns
        if folded_name(name) not in taken and counts[folded_name(name)] == 1
    )


def _name_in_file(name: str, reader: Reader, file: str) -> str | None:
    """The file's name of a column; None if no name matches."""
    same = alike(name, reader.columns)
    if not same or reader.open_ended:  # then each row names its own columns
        return name if same else None
    if len(set(same)) > 1:
        raise DeliveryError(
            f"{file} has several columns for {name}: {', '.join(same)}. Name the right "
            "one in a --mapping."
        )
    if len(same) > 1:
        raise DeliveryError(
            f"{file} has the column {same[0]} more than once. Name each differently."
        )
    return same[0]


def _constant(mapping: ColumnMapping) -> str:
    value = mapping.value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return literal(nfc(text).strip(_SPACE))


def _given(name: str, kind: pa.DataType) -> str:
    """The SQL of a source column's value, with NULL for empty text and NaN."""
    if is_text(kind):
        return f"nullif({name}, '')"
    return f"CASE WHEN NOT isnan({name}) THEN {name} END" if pt.is_floating(kind) else name
