"""The SQL that names a row's first value that can't be used, and says why."""

import pyarrow as pa
import pyarrow.types as pt

from followsuit.graph.tables import Field, Kind
from followsuit.loaders.column_mapping import ColumnMapping
from followsuit.loaders.staging.contract import NEGATIVE, may_be_negative
from followsuit.loaders.staging.sql import literal, quoted

FAULT_COLUMN = "fault_column"
FAULT_REASON = "fault_reason"
FAULT_VALUE = "fault_value"

_BARE_NUMBER = r"[+-]?[0-9]+([.,][0-9]+)?"
_BELOW_ZERO = r"^-[0.,]*[1-9]"
REASONS = {
    Kind.TIME: "isn't a valid time",
    Kind.DATE: "isn't a valid date",
    Kind.MONEY: "isn't a valid amount",
    Kind.NUMBER: "isn't a valid number",
    Kind.BOOLEAN: "is neither true nor false",
    Kind.ATTRIBUTES: "isn't a JSON object",
}
_BARE = "is a bare number, and the mapping names no unit"


def fault_columns(
    faults: list[tuple[Field, ColumnMapping, pa.DataType, str]], returns: bool
) -> str:
    """The SQL of the column, reason and raw value of a row's first fault."""
    column, reason, value = [], [], []
    for field, mapping, kind, raw in faults:
        name = quoted(field.name)
        why = literal(REASONS.get(field.kind, ""))
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
