"""The SQL that converts one value of a source to a type of the contract.

Each function takes the type that the source gives and the SQL of the raw value. The result is NULL
for a value that can't be converted.
"""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException

import pyarrow as pa
import pyarrow.types as pt

from followsuit.graph.tables import Field, Kind
from followsuit.loaders.column_mapping import ColumnMapping
from followsuit.loaders.staging.sql import as_text, boolean, code, is_text, literal, plain_number
from followsuit.loaders.staging.time_formats import OFFSET, pattern_of

_NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_SHORT_DECIMAL = "DECIMAL(30, 6)"
"""Exact for numbers without an exponent and with up to six decimal places."""
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
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS = 30
"""Digits before the point, more than any amount has."""
_LONGEST = 400 * 10_000 * _MICROSECONDS["days"]
"""Microseconds: beyond any time, but without overflow."""
_FIRST, _LAST = "'0001-01-01 00:00:00+00'", "'9999-12-31 23:59:59.999999+00'"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def converted(
    field: Field, mapping: ColumnMapping, kind: pa.DataType, raw: str, iso_dates: bool = False
) -> str:
    """The SQL that converts a raw value to a field: NULL if that is impossible.

    With `iso_dates`, a date or time may be in ISO 8601 although the mapping names a format.
    """
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
            return _time(mapping, kind, raw, iso_dates)
        case Kind.DATE:
            return _date(mapping, kind, raw, iso_dates)
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


def whole_units(text: str | None, places: int) -> int | None:
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


def _time(mapping: ColumnMapping, kind: pa.DataType, raw: str, iso_dates: bool) -> str:
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
        if iso_dates:
            value = f"coalesce({value}, {_iso_time(mapping, raw)})"
    elif is_text(kind):
        value = _iso_time(mapping, raw)
    else:
        value = "NULL::TIMESTAMPTZ"
    return _within_years(value)


def _iso_time(mapping: ColumnMapping, raw: str) -> str:
    zoned_text = f"regexp_matches({raw}, '{_ZONED}')"
    joined = f"regexp_replace(upper({raw}), ' ([+-][0-9:]+)$', '\\1')"  # DuckDB takes no blank
    read = f"try_cast(CASE WHEN {zoned_text} THEN {joined} END AS TIMESTAMPTZ)"
    bare = f"try_cast(CASE WHEN NOT {zoned_text} THEN {raw} END AS TIMESTAMP)"
    bare = _in_zone(mapping, bare)
    return f"CASE WHEN regexp_full_match({raw}, '{_ISO}') THEN coalesce({read}, {bare}) END"


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


def _date(mapping: ColumnMapping, kind: pa.DataType, raw: str, iso_dates: bool) -> str:
    iso = f"CASE WHEN regexp_full_match({raw}, '{_ISO}') THEN try_cast({raw} AS DATE) END"
    if mapping.format is not None:
        value = f"{_parsed(mapping.format, raw)}::DATE"
        value = f"coalesce({value}, {iso})" if iso_dates else value
    elif is_text(kind):
        value = iso
    else:
        value = f"try_cast({raw} AS DATE)" if pt.is_temporal(kind) else "NULL::DATE"
    return _within_years(value)
