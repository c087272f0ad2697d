"""Converts the values of a source to the contract's types, with one SQL expression per column.

Text is trimmed and in NFC, empty text is missing, codes are in one case, times in UTC, and money in
whole minor units. A value that can't be converted is empty, and the fault columns name it.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from followsuit.graph.duck import TYPES, open_duck
from followsuit.graph.schema import Col
from followsuit.graph.store import nfc
from followsuit.graph.tables import Field, Kind, Table
from followsuit.loaders.column_mapping import ColumnMapping
from followsuit.loaders.mapping import TableMapping
from followsuit.loaders.readers.batches import ROW, Reader, alike, folded_name
from followsuit.loaders.sources import DeliveryError
from followsuit.loaders.staging.contract import NEGATIVE, may_be_negative
from followsuit.loaders.staging.lookup import lookup_name
from followsuit.loaders.staging.sql import (
    as_text,
    boolean,
    code,
    folded,
    holds,
    is_text,
    json_object,
    literal,
    plain_number,
    quoted,
    template,
    times,
)
from followsuit.loaders.staging.time_formats import OFFSET, pattern_of

FAULT_COLUMN = "fault_column"
FAULT_REASON = "fault_reason"
FAULT_VALUE = "fault_value"
GIVEN = "given"
"""The fields that a row has: bit i is set for field i of its table, even if it is empty."""
KEPT = "kept"
"""Whether a row meets the mapping's `where`."""
ORDER = "order_by"
"""The value of the mapping's `earliest_by`: of rows with the same key, the smallest wins."""

_SPACE = " \t\n\r\u00a0"
_NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_BARE_NUMBER = r"[+-]?[0-9]+([.,][0-9]+)?"
_SHORT_DECIMAL = "DECIMAL(30, 6)"
"""Exact for numbers without an exponent and with up to six decimal places."""
_BELOW_ZERO = r"^-[0.,]*[1-9]"
_ZONE = rf" ?([zZ]|UTC|{OFFSET})"
_ISO = (
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    rf"([T ]([0-1]?[0-9]|2[0-3]):[0-9]{{2}}(:[0-9]{{2}}([.][0-9]+)?)?({_ZONE})?)?"
)
_ZONED = rf":[0-9.]+{_ZONE}$"
_MICROSECONDS = {
    "microseconds": 1,
    "milliseconds": 10**3,
    "seconds": 10**6,
    "minutes": 60 * 10**6,
    "hours": 3600 * 10**6,
    "days": 24 * 3600 * 10**6,
}
_REASONS = {
    Kind.TIME: "isn't a valid time",
    Kind.DATE: "isn't a valid date",
    Kind.MONEY: "isn't a valid amount",
    Kind.NUMBER: "isn't a valid number",
    Kind.BOOLEAN: "is neither true nor false",
    Kind.ATTRIBUTES: "isn't a JSON object",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS = 30
"""Digits before the point, more than any amount has."""
_LONGEST = 400 * 10_000 * _MICROSECONDS["days"]
"""Microseconds: beyond any time, but without overflow."""
_FIRST, _LAST = "'0001-01-01 00:00:00+00'", "'9999-12-31 23:59:59.999999+00'"
_BATCH = 16 * 2**20
"""Approximate bytes per batch, of `_FEWEST` to `_MOST` rows."""
_FEWEST, _MOST = 2_048, 262_144
_BARE = "is a bare number, and the mapping names no unit"


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

    @property
    def wanted(self) -> list[str]:
        """The columns to read from the file."""
        named = [name for c in self.columns.values() for name in c.all_names]
        named += [*self.mapping.where, *filter(None, [self.mapping.earliest_by])]
        return list(dict.fromkeys([*(self.files_names[name] for name in named), *self.attributes]))

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
            `order_by`, `given`, and `kept`.
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
                    _whole_units,
                    ["VARCHAR", "INTEGER"],
                    "BIGINT",
                    null_handling="special",
                )
                db.from_arrow(rows).create_view("source")
                wide = first.nbytes // max(1, len(first)) + 1
                size = max(_FEWEST, min(_MOST, _BATCH // wide))
                yield from db.sql(self._sql(first.schema)).to_arrow_reader(size)
        except Exception:
            if fault:  # the reader's own error says more
                raise fault.pop() from None
            raise

    def _sql(self, schema: pa.Schema) -> str:
        raws, values, faults, joins = [], [], [], []
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
                found = _lookup_view(lookup_name(field, mapping.lookup))
                joins.append(
                    f"LEFT JOIN {found} AS l{i} ON l{i}.key = {folded(as_text(kind, raw))}"
                )
                values += [f"l{i}.found AS {quoted(field.name)}", f"l{i}.n AS n{i}"]
            else:
                value = _value(field, mapping, kind, raw)
                if mapping.times is not None:
                    raws.append(f"{self._cell(mapping.times, schema)} AS times{i}")
                    value = times(value, mapping, f"times{i}")
                values.append(f'{value} AS "{field.name}"')
            if field.kind in _REASONS or mapping.lookup is not None:
                faults.append((field, mapping, kind, raw))
        earliest = self.mapping.earliest_by
        order = "NULL::DOUBLE" if earliest is None else _as_order(self._name(earliest))
        return (
            f"WITH raws AS (SELECT {ROW}, {order} AS {ORDER}, {self._given(schema)} AS {GIVEN}, "
            f"{self._kept(schema)} AS {KEPT}, {', '.join(raws)} FROM source), "
            f"typed AS (SELECT raws.*, {', '.join(values)} FROM raws {' '.join(joins)}) "
            f"SELECT {', '.join(quoted(f.name) for f in self.table.fields)}, {ROW}, {ORDER}, "
            f"{GIVEN}, {KEPT}, {_fault_columns(faults, self.mapping.returns)} FROM typed"
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

    def _kept(self, schema: pa.Schema) -> str:
        """The SQL condition of the mapping's `where`."""
        clauses = [holds(c, self._cell(name, schema)) for name, c in self.mapping.where.items()]
        return " AND ".join(["TRUE", *clauses])

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
        found = {name: _name_in_file(name, reader, file) for name in mapped.all_names}
        if reader.open_ended and not required:  # a later row may have it
            found = {name: other or name for name, other in found.items()}
        if all(found.values()):
            columns[field.name] = mapped
            names |= {name: other for name, other in found.items() if other is not None}
        elif required:
            missing += [name for name, other in found.items() if other is None]
    given = mapping.attributes if isinstance(mapping.attributes, tuple) else ()
    table_wide = (*mapping.where, *mapping.fill_down, *given)
    for name in (*filter(None, [mapping.earliest_by]), *table_wide):
        found_name = _name_in_file(name, reader, file)
        if found_name is None:
            missing.append(name)
        else:
            names[name] = found_name
    _require(missing, reader, file, table)
    attributes: tuple[str, ...] = ()
    if given:
        attributes = tuple(names[name] for name in given if name in names)
    elif mapping.attributes is True or (mapping.attributes is None and not shared):
        attributes = _unnamed(table, columns, reader, set(names.values()))
    return Standard(table, mapping, columns, names, attributes)


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


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def _value(field: Field, mapping: ColumnMapping, kind: pa.DataType, raw: str) -> str:
    """The SQL that converts a raw value to a field: NULL if that is impossible."""
    match field.kind:
        case Kind.ATTRIBUTES:
            json = as_text(kind, raw)
            return f"CASE WHEN try(json_type({json})) = 'OBJECT' THEN {json} END"
        case Kind.ID | Kind.TEXT:
            return as_text(kind, raw)
        case Kind.CODE:
            return code(mapping, as_text(kind, raw))
        case Kind.CURRENCY:
            return f"nfc_normalize(upper({as_text(kind, raw)}))"
        case Kind.TIME:
            return _time(mapping, kind, raw)
        case Kind.DATE:
            return _date(mapping, kind, raw)
        case Kind.MONEY:
            return _money(mapping, kind, raw)
        case Kind.NUMBER:
            number = f"try_cast({_number(mapping, kind, raw)} AS DOUBLE)"
            return f"CASE WHEN isfinite({number}) THEN {number} END"
        case Kind.BOOLEAN:
            return boolean(mapping, as_text(kind, raw))


def _number(mapping: ColumnMapping, kind: pa.DataType, raw: str) -> str:
    """The SQL of a value to cast to a number, NULL if it isn't written as one."""
    if not is_text(kind):
        return raw if _is_number(kind) else "NULL"
    wrong, written = "_", plain_number(mapping, raw)  # 1_000 is a number to DuckDB
    plain = written
    if mapping.decimal == ",":
        # A point would be a thousands separator, or contradict the mapping.
        wrong, plain = "._", f"replace({written}, ',', '.')"
    return f"CASE WHEN {_has_none(written, wrong)} THEN {plain} END"


def _has_none(text: str, signs: str) -> str:
    return " AND ".join(f"NOT contains({text}, '{sign}')" for sign in signs)


def _money(mapping: ColumnMapping, kind: pa.DataType, raw: str) -> str:
    """Whole minor units of the written decimal, or of a float's shortest decimal."""
    number = f"({_number(mapping, kind, raw)})::VARCHAR"
    places = 0 if mapping.unit == "minor" else 2
    point = f"strpos({number}, '.')"
    short = f"{_has_none(number, 'eE')} AND ({point} = 0 OR length({number}) <= {point} + 6)"
    return (
        f"CASE WHEN {short} "
        f"THEN try_cast(round_even(try_cast({number} AS {_SHORT_DECIMAL}) * {10**places}, 0) "
        f"AS BIGINT) ELSE whole_units({number}, {places}) END"
    )


def _whole_units(text: str | None, places: int) -> int | None:
    """Round a decimal number half-even to whole units of 10^-places; None beyond 64 bits."""
    if text is None or not re.fullmatch(_NUMBER, text):
        return None
    try:
        number = Decimal(text)
        if number.adjusted() > _MOST_DIGITS:
            return None if number else 0
        units = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    except DecimalException:  # the exponent is too large
        return 0 if "e-" in text.lower() else None
    whole = int(units.scaleb(places))
    return whole if -(2**63) <= whole < 2**63 else None


def _time(mapping: ColumnMapping, kind: pa.DataType, raw: str) -> str:
    if pt.is_timestamp(kind) or pt.is_date(kind):
        naive = _in_zone(mapping, f"try_cast({raw} AS TIMESTAMP)")
        value = naive if _is_naive(kind) else f"{raw}::TIMESTAMPTZ"
    elif mapping.unit is not None:
        first = mapping.origin or _EPOCH
        origin = first.isoformat() + ("" if first.tzinfo else "+00:00")
        number = f"try_cast({_number(mapping, kind, raw)} AS DOUBLE)"
        micros = f"try_cast(round({number} * {_MICROSECONDS[mapping.unit]}) AS BIGINT)"
        value = (
            f"CASE WHEN abs({micros}) < {_LONGEST} "
            f"THEN TIMESTAMPTZ '{origin}' + to_microseconds({micros}) END"
        )
    elif mapping.format is not None:
        value = _parsed(mapping.format, raw)
        zoned = "%z" in mapping.format or "%Z" in mapping.format
        value = f"{value}::TIMESTAMPTZ" if zoned else _in_zone(mapping, value)
    elif is_text(kind):
        zoned_text = f"regexp_matches({raw}, '{_ZONED}')"
        joined = f"regexp_replace(upper({raw}), ' ([+-][0-9:]+)$', '\\1')"  # DuckDB takes no blank
        read = f"try_cast(CASE WHEN {zoned_text} THEN {joined} END AS TIMESTAMPTZ)"
        bare = f"try_cast(CASE WHEN NOT {zoned_text} THEN {raw} END AS TIMESTAMP)"
        bare = _in_zone(mapping, bare)
        value = f"CASE WHEN regexp_full_match({raw}, '{_ISO}') THEN coalesce({read}, {bare}) END"
    else:
        value = "NULL::TIMESTAMPTZ"
    return _within_years(value)


def _parsed(form: str, raw: str) -> str:
    text = f"{raw}::VARCHAR"
    meant = f"regexp_full_match({text}, {literal(pattern_of(form))})"
    return f"CASE WHEN {meant} THEN try_strptime({text}, {literal(form)}) END"


def _within_years(value: str) -> str:
    """Times and dates within the years that both engines and Python support."""
    return f"CASE WHEN {value} BETWEEN {_FIRST} AND {_LAST} THEN {value} END"


def _is_naive(kind: pa.DataType) -> bool:
    return bool(pt.is_date(kind) or kind.tz is None)


def _in_zone(mapping: ColumnMapping, value: str) -> str:
    return f"timezone({literal(mapping.timezone or 'UTC')}, {value})"


def _date(mapping: ColumnMapping, kind: pa.DataType, raw: str) -> str:
    if mapping.format is not None:
        value = f"{_parsed(mapping.format, raw)}::DATE"
    elif is_text(kind):
        value = f"CASE WHEN regexp_full_match({raw}, '{_ISO}') THEN try_cast({raw} AS DATE) END"
    else:
        value = f"try_cast({raw} AS DATE)" if pt.is_temporal(kind) else "NULL::DATE"
    return _within_years(value)


def _fault_columns(
    faults: list[tuple[Field, ColumnMapping, pa.DataType, str]], returns: bool
) -> str:
    """The SQL of the column, reason and raw value of a row's first fault."""
    column, reason, value = [], [], []
    for field, mapping, kind, raw in faults:
        name = quoted(field.name)
        why = literal(_REASONS.get(field.kind, ""))
        if field.kind is Kind.TIME and mapping.unit is None and not pt.is_temporal(kind):
            bare = f"regexp_full_match({raw}::VARCHAR, '{_BARE_NUMBER}')"
            why = f"CASE WHEN {bare} THEN {literal(_BARE)} ELSE {why} END"
        broken = [(f"{raw} IS NOT NULL AND {name} IS NULL", why)]
        if mapping.lookup is not None:
            count = f"n{raw.removeprefix('raw')}"
            why = _unfound(field, mapping.lookup, count)
            broken = [(f"{raw} IS NOT NULL AND coalesce({count} <> 1, TRUE)", why)]
        elif field.kind in (Kind.MONEY, Kind.NUMBER) and not may_be_negative(field, returns):
            # A number that rounds to zero may still be negative.
            below = f"{name} = 0 AND regexp_matches({raw}::VARCHAR, '{_BELOW_ZERO}')"
            broken.append((below, literal(NEGATIVE)))
        for condition, because in broken:
            column.append(f"WHEN {condition} THEN {literal(field.name)}")
            reason.append(f"WHEN {condition} THEN {because}")
            value.append(f"WHEN {condition} THEN {raw}::VARCHAR")
    if not faults:
        names = (FAULT_COLUMN, FAULT_REASON, FAULT_VALUE)
        return ", ".join(f"NULL::VARCHAR AS {name}" for name in names)
    return (
        f"CASE {' '.join(column)} END AS {FAULT_COLUMN}, "
        f"CASE {' '.join(reason)} END AS {FAULT_REASON}, "
        f"CASE {' '.join(value)} END AS {FAULT_VALUE}"
    )


def _unfound(field: Field, lookup: str, count: str) -> str:
    """The SQL of the reason why a lookup finds nothing."""
    table, _, column = lookup.partition(".")
    none = f"isn't the {column} of one of the {table}"
    if field.refers is None:
        none = f"isn't one of the {table}"
    many = f"is the {column} of several {table}"
    return f"CASE WHEN {count} > 1 THEN {literal(many)} ELSE {literal(none)} END"
