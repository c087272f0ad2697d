"""The values that a definition may hold, and what they are compared with."""

from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from followsuit.core.near_names import near_name
from followsuit.core.text import nfc
from followsuit.core.times import TimeError, length
from followsuit.graph.tables import Kind
from followsuit.triggers.definitions.kinds import (
    SAME_OF,
    event_kind,
    fields_of,
    has_attributes,
    table_of,
)


def _length(value: Any) -> Any:
    try:
        return length(value if isinstance(value, timedelta) else str(value))
    except TimeError as error:
        raise ValueError(str(error).rstrip(".")) from error


def _kind(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    kind = nfc(value).strip().lower()
    if kind and not event_kind(kind).strip():
        raise ValueError(f"{kind!r} names no kind of event; write one after the colon")
    return kind


def _text(value: Any) -> Any:
    return nfc(value) if isinstance(value, str) else value


def _in_range(value: Any) -> Any:
    if isinstance(value, int | float) and abs(value) > LARGEST:
        raise ValueError(f"{value} is out of range; the largest number is {LARGEST}")
    return value


LARGEST = 2**63 - 1
"""The largest number that a definition may have: a whole number of 64 bits."""
InRange = BeforeValidator(_in_range)
Length = Annotated[timedelta, BeforeValidator(_length)]
InteractionKind = Annotated[StrictStr, BeforeValidator(_kind), Field(min_length=1)]
Name = Annotated[StrictStr, BeforeValidator(_text), Field(min_length=1)]
Whole = Annotated[StrictInt, InRange]
Number = Annotated[StrictInt | StrictFloat, InRange]
Value = Annotated[
    StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, BeforeValidator(_text)], InRange
]


class Strict(BaseModel):
    """A part of a definition; a key that it doesn't know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bounds(Strict):
    """A number from `at_least` to `at_most`, both inclusive."""

    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("bounds have `at_least`, `at_most` or both")
        check_order(self.at_least, self.at_most)
        return self


Match = Value | tuple[Value, ...] | Bounds
"""What a column must hold: a value, one of several, or a number within bounds."""
Where = dict[Name, Match]


def check_order(low: float | None, high: float | None) -> None:
    """Check that the bounds of a number are in order.

    Raises:
        ValueError: at_least is larger.
    """
    if low is not None and high is not None and low > high:
        raise ValueError(f"at_least is {low} and at_most {high}; at_most must not be less")


def check_count(name: str, value: float | None) -> None:
    """Check that a bound of a count is a whole number of interactions.

    Raises:
        ValueError: it is negative, or isn't whole.
    """
    if value is not None and (value < 0 or value != int(value)):
        raise ValueError(f"{name} is {value}, but it counts interactions: give a whole number")


def check_same(kind: str, same: str | None) -> None:
    """Check that interactions of a kind can be about the same thing.

    Raises:
        ValueError: they can't.
    """
    possible = SAME_OF.get(table_of(kind), ())
    if same is not None and same not in possible:
        names = " or ".join(possible)
        raise ValueError(
            f"{kind} has no {same}" + (f"; it may be about the same {names}" if names else "")
        )


def check_where(kind: str, where: Where) -> None:
    """Check that interactions of a kind have the columns, and can be compared so.

    Raises:
        ValueError: a column is missing, or can't be compared so.
    """
    columns = fields_of(kind)
    for name, match in where.items():
        if name not in columns and not has_attributes(kind):
            near = near_name(name, list(columns))
            raise ValueError(
                f"{kind} has no column {name}." + (f" Did you mean {near}?" if near else "")
            )
        if name in columns:
            check_match(name, columns[name], match)


def check_match(name: str, kind: Kind, match: Match) -> None:
    """Check that a column can be compared with what `where` says.

    Raises:
        ValueError: it can't.
    """
    if kind in (Kind.TIME, Kind.DATE):
        raise ValueError(f"{name} is a time; say `within` instead")
    for value in match if isinstance(match, tuple) else (match,):
        if not _suits(kind, value):
            raise ValueError(f"{name} holds {_HOLDS.get(kind, 'text')}")


_NUMERIC = (Kind.MONEY, Kind.NUMBER)
_HOLDS = {Kind.MONEY: "amounts of money", Kind.NUMBER: "numbers", Kind.BOOLEAN: "true or false"}


def _suits(kind: Kind, value: Value | Bounds) -> bool:
    """Whether a value can be compared with a column of a kind; ids may be written as numbers."""
    if isinstance(value, Bounds):
        return kind in _NUMERIC
    if isinstance(value, bool) or kind is Kind.BOOLEAN:
        return isinstance(value, bool) and kind is Kind.BOOLEAN
    return isinstance(value, int | float if kind in _NUMERIC else int | str)


def check_sum(kind: str, column: str) -> None:
    """Check that a column of interactions of a kind can be summed.

    Raises:
        ValueError: it can't.
    """
    columns = fields_of(kind)
    numeric = [n for n, k in columns.items() if k in _NUMERIC]
    if column in columns and column not in numeric:
        raise ValueError(f"{column} isn't a number; sum {' or '.join(numeric[:3])}")
    if column not in columns and not has_attributes(kind):
        raise ValueError(f"{kind} has no column {column} to sum")
