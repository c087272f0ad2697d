"""The contract of every table as a pandera schema, checked on standardised rows."""

from difflib import get_close_matches
from functools import cache

import pandas as pd
import pandera.pandas as pa_
from pandera.errors import SchemaErrors

from followsuit.graph.consent import ALL, PURPOSES
from followsuit.graph.schema import Col, NodeType
from followsuit.graph.tables import (
    CONSENTS,
    FRIENDSHIPS,
    OFFER_ITEMS,
    SENSITIVE_TABLES,
    SENSITIVE_VALUES,
    Field,
    Kind,
    Table,
)

_LONGEST = 1_000
"""Maximum characters of a key, because Neo4j indexes keys of up to about 8,000 bytes."""
_DEGREES: dict[str, int] = {Col.LATITUDE: 90, Col.LONGITUDE: 180}
_RETURNABLE = {Col.QUANTITY, Col.AMOUNT}
_SIGNED = {Col.MARGIN, Col.VALUE, *_DEGREES}
"""Numbers that may be negative: a loss leader's margin, an event's value."""

EMPTY = "is empty"
NEGATIVE = "is negative"
_SAME = "is the same customer"
_GRANTS_ALL = "grants all purposes at once, which can only be refused; grant each one separately"
_NAMES_NOTHING = "is empty, and so is store_id; name at least one of them"
_NOT_SENSITIVE = f"isn't one of {', '.join(SENSITIVE_TABLES)}"
_UNKNOWN_PURPOSE = "isn't a known purpose"
_FRAME_CHECKS = {
    _SAME: Col.FRIEND_ID.value,
    _GRANTS_ALL: Col.GRANTED.value,
    _NAMES_NOTHING: Col.PRODUCT_ID.value,
}
"""The column to name for a check of several columns."""


@cache
def contract(table: Table, returns: bool = False) -> pa_.DataFrameSchema:
    """The schema of a table's rows, each column in its Arrow type.

    Args:
        table: the table of the contract.
        returns: whether negative quantities and amounts are returns, and so allowed.
    """
    checks = []
    if table is FRIENDSHIPS:
        checks.append(
            pa_.Check(
                lambda rows: (rows[Col.CUSTOMER_ID] != rows[Col.FRIEND_ID]).fillna(True),
                error=_SAME,
            )
        )
    if table is CONSENTS:
        checks.append(
            pa_.Check(
                lambda rows: ~((rows[Col.PURPOSE] == ALL) & rows[Col.GRANTED]).fillna(False),
                error=_GRANTS_ALL,
            )
        )
    if table is OFFER_ITEMS:
        checks.append(
            pa_.Check(
                lambda rows: rows[Col.PRODUCT_ID].notna() | rows[Col.STORE_ID].notna(),
                error=_NAMES_NOTHING,
            )
        )
    return pa_.DataFrameSchema(
        {f.name: _column(table, f, returns) for f in table.fields}, checks=checks, strict=True
    )


def _column(table: Table, field: Field, returns: bool) -> pa_.Column:
    checks = []
    if field.kind is Kind.ID or field.name in _node_keys(table):
        checks.append(
            pa_.Check(
                lambda ids: ids.str.len() <= _LONGEST,
                error=f"is longer than {_LONGEST} characters",
            )
        )
    if field.kind in (Kind.NUMBER, Kind.MONEY) and not may_be_negative(field, returns):
        checks.append(pa_.Check(lambda values: values >= 0, error=NEGATIVE))
    if table is CONSENTS and field.name == Col.PURPOSE:
        checks.append(pa_.Check(lambda purposes: purposes.isin(PURPOSES), error=_UNKNOWN_PURPOSE))
    if table is SENSITIVE_VALUES and field.name == Col.TABLE:
        checks.append(pa_.Check(lambda names: names.isin(SENSITIVE_TABLES), error=_NOT_SENSITIVE))
    if degrees := _DEGREES.get(field.name):
        checks.append(
            pa_.Check(
                lambda values: values.abs() <= degrees,
                error=f"is not within {degrees} degrees of zero",
            )
        )
    return pa_.Column(pd.ArrowDtype(field.type), checks, nullable=not field.required)


def may_be_negative(field: Field, returns: bool) -> bool:
    """Whether a number may be negative; with `returns`, quantities and amounts may."""
    return field.name in _SIGNED or (returns and field.name in _RETURNABLE)


def _node_keys(table: Table) -> set[str]:
    """The columns whose values become keys of nodes, such as categories and cities."""
    elements = [(part, part.element) for part in table.parts]
    return {p.columns[e.key] for p, e in elements if isinstance(e, NodeType)}


def faults(table: Table, rows: pd.DataFrame, returns: bool = False) -> pd.DataFrame:
    """Check standardised rows; returns the first fault of each faulty row.

    Args:
        table: the table of the contract.
        rows: the rows, indexed from 0.
        returns: see `contract`.

    Returns:
        Columns `column`, `reason`, with the index of the faulty rows.
    """
    try:
        contract(table, returns).validate(rows, lazy=True)
    except SchemaErrors as error:
        # pandera's message contains values, so use only its names and reasons.
        cases = error.failure_cases
        failures = pd.DataFrame(
            {
                "column": cases["column"].where(
                    cases["schema_context"] == "Column", cases["check"].map(_FRAME_CHECKS)
                ),
                "reason": cases["check"].replace("not_nullable", EMPTY),
            }
        ).set_index(cases["index"].astype("int64"))
        first = failures[~failures.index.duplicated()].sort_index()
        unknown = first.reason == _UNKNOWN_PURPOSE
        if unknown.any():
            nearest = rows.loc[first.index[unknown], Col.PURPOSE].map(_nearest)
            first.loc[unknown, "reason"] = f"{_UNKNOWN_PURPOSE}; the nearest is " + nearest.astype(
                "str"
            )
        return first
    return pd.DataFrame({"column": [], "reason": []})


def _nearest(purpose: str) -> str:
    return get_close_matches(purpose, PURPOSES, n=1, cutoff=0)[0]
