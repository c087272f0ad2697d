"""Converts the values of a source to the contract's types, with one SQL expression per column.

Text is trimmed and in NFC, empty text is missing, codes are in one case, times in UTC, and money in
whole minor units. A value that can't be converted is empty, and the fault columns name it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from followsuit.graph.duck import TYPES, open_duck
from followsuit.graph.store import nfc
from followsuit.graph.tables import Field, Kind, Table
from followsuit.loaders.mapping import ColumnMapping, TableMapping
from followsuit.loaders.readers.batches import ROW, Reader, alike
from followsuit.loaders.sources import DeliveryError
from followsuit.loaders.staging.contract import NEGATIVE, may_be_negative
from followsuit.loaders.staging.time_formats import OFFSET, pattern_of

FAULT_COLUMN = "fault_column"
FAULT_REASON = "fault_reason"
FAULT_VALUE = "fault_value"
GIVEN = "given"
"""The fields that a row has: bit i is set for field i of its table, even if it is empty."""
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

    @property
    def wanted(self) -> list[str]:
        """The columns to read from the file."""
        names = [*(c.column for c in self.columns.values()), self.mapping.earliest_by]
        return list(dict.fromkeys(name for name in names if name is not None))

    def apply(
        self, batches: Iterator[pa.RecordBatch], memory: int, spill: Path
    ) -> Iterator[pa.RecordBatch]:
        """Standardise batches.

        Args:
            batches: batches of the `wanted` columns and `row`.
            memory: limit in bytes.
            spill: the folder to spill to.

        Yields:
            Batches of the table's columns, `row`, the fault columns (empty for sound rows),
            `order_by`, and `given`.
        """
        fault: list[Exception] = []
        try:
            numbered = _watched(batches, fault)
            first = next(numbered, None)
            if first is None:
                return
            rows = pa.RecordBatchReader.from_batches(first.schema, chain([first], numbered))
            with open_duck(memory, spill) as db:
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
        raws, values, faults = [], [], []
        for i, field in enumerate(self.table.fields):
            mapping = self.columns.get(field.name)
            if mapping is None:
                values.append(f'NULL::{TYPES[field.type]} AS "{field.name}"')
                continue
            raw = f"raw{i}"
            if mapping.column is None:
                kind, given = pa.string(), _constant(mapping)
            else:
                at = self._name(mapping.column)
                kind, given = schema.field(at).type, _given(at, schema.field(at).type)
            raws.append(f"{given} AS {raw}")
            values.append(f'{_value(field, mapping, kind, raw)} AS "{field.name}"')
            if field.kind in _REASONS:
                faults.append((field, mapping, kind, raw))
        earliest = self.mapping.earliest_by
        order = "NULL::DOUBLE" if earliest is None else _as_order(self._name(earliest))
        return (
            f"WITH raws AS (SELECT {ROW}, {order} AS {ORDER}, {self._given(schema)} AS {GIVEN}, "
            f"{', '.join(raws)} FROM source), "
            f"typed AS (SELECT *, {', '.join(values)} FROM raws) "
            f"SELECT {', '.join(_quoted(f.name) for f in self.table.fields)}, {ROW}, {ORDER}, "
            f"{GIVEN}, {_fault_columns(faults, self.mapping.returns)} FROM typed"
        )

    def _given(self, schema: pa.Schema) -> str:
        """The SQL of `given`: the columns of the file that a row has."""
        has = f"c{len(self.wanted)}"
        bits = ["0::BIGINT"]
        for i, field in enumerate(self.table.fields):
            mapping = self.columns.get(field.name)
            if mapping is not None and mapping.column is not None and has in schema.names:
                bits.append(f"((({has} >> {self.wanted.index(mapping.column)}) & 1) << {i})")
            elif mapping is not None:
                bits.append(str(1 << i))
        return " | ".join(bits)

    def _name(self, column: str) -> str:
        """The name of a source column in SQL, by its position."""
        return f"c{self.wanted.index(column)}"


def _watched(batches: Iterator[pa.RecordBatch], fault: list[Exception]) -> Iterator[pa.RecordBatch]:
    """Tidy batches: columns named by position, `row` last; stores an error of the reader."""
    try:
        for batch in batches:
            names = [*(f"c{i}" for i in range(batch.num_columns - 1)), ROW]
            yield pa.RecordBatch.from_arrays([_tidied(c) for c in batch.columns], names)
    except Exception as error:
        fault.append(error)
        raise


def _tidied(values: pa.Array) -> pa.Array:
    """Trim text and convert it to NFC, which Arrow does many times faster than DuckDB."""
    if not _is_text(values.type):
        return values
    plain = values.cast(pa.string()) if pt.is_string_view(values.type) else values
    if not pc.all(pc.string_is_ascii(plain)).as_py():
        plain = pc.utf8_normalize(plain, "NFC")
    return pc.utf8_trim(plain, _SPACE)


def _as_order(name: str) -> str:
    return f"coalesce(try_cast({name} AS DOUBLE), epoch(try_cast({name} AS TIMESTAMPTZ)))"


def standard_for(table: Table, mapping: TableMapping, reader: Reader, file: str) -> Standard:
    """Match a file's columns with a table's, ignoring case and outer spaces.

    Args:
        table: the table of the contract.
        mapping: the table's mapping.
        reader: the open file.
        file: the file's name, for messages.

    Raises:
        DeliveryError: a column that the contract requires or the mapping names is missing, or
            occurs more than once.
    """
    columns: dict[str, ColumnMapping] = {}
    missing = []
    for field in table.fields:
        mapped = mapping.columns.get(field.name) or ColumnMapping(column=field.name)
        if mapped.column is None:
            columns[field.name] = mapped
            continue
        named = field.name in mapping.columns
        name_in_file = _name_in_file(mapped.column, reader, file)
        if name_in_file is None and reader.open_ended and not (named or field.required):
            name_in_file = mapped.column  # a later row may have it
        if name_in_file is not None:
            columns[field.name] = mapped.model_copy(update={"column": name_in_file})
        elif named or field.required:
            missing.append(mapped.column)
    earliest = mapping.earliest_by and _name_in_file(mapping.earliest_by, reader, file)
    if mapping.earliest_by and not earliest:
        missing.append(mapping.earliest_by)
    names = reader.columns
    if missing and (names or not reader.open_ended):  # a file without rows lacks no column
        one = len(names) == 1 and any(sign in names[0] for sign in ";,|\t ")
        hint = " If it uses another delimiter, name it in the mapping." if one else ""
        raise DeliveryError(
            f"{file} has no column {missing[0]} for the table {table.name}; it has "
            f"{', '.join(names)}.{hint} If its columns have other names, name them in a --mapping."
        )
    return Standard(table, mapping.model_copy(update={"earliest_by": earliest}), columns)


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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _constant(mapping: ColumnMapping) -> str:
    value = mapping.value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _text(nfc(text).strip(_SPACE))


def _given(name: str, kind: pa.DataType) -> str:
    """The SQL of a source column's value, with NULL for empty text and NaN."""
    if _is_text(kind):
        return f"nullif({name}, '')"
    return f"CASE WHEN NOT isnan({name}) THEN {name} END" if pt.is_floating(kind) else name


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def _value(field: Field, mapping: ColumnMapping, kind: pa.DataType, raw: str) -> str:
    """The SQL that converts a raw value to a field: NULL if that is impossible."""
    match field.kind:
        case Kind.ID | Kind.TEXT:
            return _as_text(kind, raw)
        case Kind.CODE:
            return f"nfc_normalize(lower({_as_text(kind, raw)}))"
        case Kind.CURRENCY:
            return f"nfc_normalize(upper({_as_text(kind, raw)}))"
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
            word = f"lower({_as_text(kind, raw)})"
            yes, no = f"{word} IN ('true', '1')", f"{word} IN ('false', '0')"
            return f"CASE WHEN {yes} THEN TRUE WHEN {no} THEN FALSE END"


def _as_text(kind: pa.DataType, raw: str) -> str:
    if pt.is_floating(kind):
        # Write a whole number that came as a float (from a column with gaps) without its point.
        whole = f"CASE WHEN {raw} = trunc({raw}) THEN try_cast({raw} AS BIGINT) END"
        return f"CASE WHEN isfinite({raw}) THEN coalesce({whole}::VARCHAR, {raw}::VARCHAR) END"
    return f"{raw}::VARCHAR"


def _number(mapping: ColumnMapping, kind: pa.DataType, raw: str) -> str:
    """The SQL of a value to cast to a number, NULL if it isn't written as one."""
    if not _is_text(kind):
        return raw if _is_number(kind) else "NULL"
    wrong, text = "_", raw  # 1_000 is a number to DuckDB
    if mapping.decimal == ",":
        # A point would be a thousands separator, or contradict the mapping.
        wrong, text = "._", f"replace({raw}, ',', '.')"
    return f"CASE WHEN {_has_none(raw, wrong)} THEN {text} END"


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
    elif _is_text(kind):
        zoned_text = f"regexp_matches({raw}, '{_ZONED}')"
        read = f"try_cast(CASE WHEN {zoned_text} THEN upper({raw}) END AS TIMESTAMPTZ)"
        bare = f"try_cast(CASE WHEN NOT {zoned_text} THEN {raw} END AS TIMESTAMP)"
        bare = _in_zone(mapping, bare)
        value = f"CASE WHEN regexp_full_match({raw}, '{_ISO}') THEN coalesce({read}, {bare}) END"
    else:
        value = "NULL::TIMESTAMPTZ"
    return _within_years(value)


def _parsed(form: str, raw: str) -> str:
    text = f"{raw}::VARCHAR"
    meant = f"regexp_full_match({text}, {_text(pattern_of(form))})"
    return f"CASE WHEN {meant} THEN try_strptime({text}, {_text(form)}) END"


def _within_years(value: str) -> str:
    """Times and dates within the years that both engines and Python support."""
    return f"CASE WHEN {value} BETWEEN {_FIRST} AND {_LAST} THEN {value} END"


def _is_naive(kind: pa.DataType) -> bool:
    return bool(pt.is_date(kind) or kind.tz is None)


def _in_zone(mapping: ColumnMapping, value: str) -> str:
    return f"timezone({_text(mapping.timezone or 'UTC')}, {value})"


def _date(mapping: ColumnMapping, kind: pa.DataType, raw: str) -> str:
    if mapping.format is not None:
        value = f"{_parsed(mapping.format, raw)}::DATE"
    elif _is_text(kind):
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
        name = _quoted(field.name)
        why = _text(_REASONS[field.kind])
        if field.kind is Kind.TIME and mapping.unit is None and not pt.is_temporal(kind):
            bare = f"regexp_full_match({raw}::VARCHAR, '{_BARE_NUMBER}')"
            why = f"CASE WHEN {bare} THEN {_text(_BARE)} ELSE {why} END"
        broken = [(f"{raw} IS NOT NULL AND {name} IS NULL", why)]
        if field.kind in (Kind.MONEY, Kind.NUMBER) and not may_be_negative(field, returns):
            # A number that rounds to zero may still be negative.
            below = f"{name} = 0 AND regexp_matches({raw}::VARCHAR, '{_BELOW_ZERO}')"
            broken.append((below, _text(NEGATIVE)))
        for condition, because in broken:
            column.append(f"WHEN {condition} THEN {_text(field.name)}")
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
