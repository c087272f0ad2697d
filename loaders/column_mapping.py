"""The mapping of one column: where its values come from, and how to parse their text."""

import math
import re
import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Self

import duckdb
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from followsuit.graph.tables import NODE_TABLES, TABLES, Field, Kind
from followsuit.loaders.staging.time_formats import pattern_of

_NO_ZONES = {"Factory", "localtime", "posixrules"}
"""Names among the time zones that aren't time zones."""
_TIME_UNITS = {"microseconds", "milliseconds", "seconds", "minutes", "hours", "days"}
_NAMED = re.compile(r"\{([^{}]+)\}")


class Strict(BaseModel):
    """A part of a mapping; a key that it doesn't know is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _template(column: Any) -> Any:
    """The template of a list of columns: their values with a blank between them."""
    if isinstance(column, list) and column and all(isinstance(name, str) for name in column):
        return " ".join(f"{{{name}}}" for name in column)
    return column


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class ColumnMapping(Strict):
    """The source of a column of the contract, and how to parse its text."""

    column: Annotated[str | None, BeforeValidator(_template)] = None
    """The source's column, a list of columns to join with blanks, or a template such as
    `"{first} {last}"`."""
    value: str | int | float | bool | None = None
    """A constant instead of a column."""
    unit: str | None = None
    """The unit of bare numbers: of times, counted from `origin`; of money, `major` or `minor`."""
    origin: datetime | None = None
    """The start of bare-number times, by default 1970; UTC unless it names a zone."""
    format: str | None = None
    """strptime format of times or dates that aren't in ISO 8601."""
    timezone: str | None = None
    """The time zone of times without one; by default UTC."""
    decimal: Literal[".", ","] | None = None
    """The decimal sign of numbers and amounts; by default a point."""
    thousands: Literal[".", ",", " ", "'"] | None = None
    """The sign between groups of three digits, as in `1.234,56`."""
    symbol: Texts | None = None
    """Currency signs to leave out before or after an amount, such as `€`."""
    times: str | None = None
    """A column to multiply an amount by: the quantity, if the amount is a price per unit."""
    true: Texts | None = None
    """The texts that mean true, such as `["J", "ja"]`. Case and outer blanks don't matter."""
    false: Texts | None = None
    """The texts that mean false."""
    codes: dict[str, Texts] | None = None
    """By code, the texts that mean it. `email = ["E-Mail"]` beside `column` says the same."""
    lookup: str | None = None
    """A column of another table. For an id, such as `customers.email`: the row with that value
    gives the id. For another column, such as `offers.valid_from`: the text is an id, and its row
    gives the value. Case and blanks don't matter."""

    @model_validator(mode="before")
    @classmethod
    def _gather_codes(cls, values: Any) -> Any:
        """Gather the keys that are no option but have a list: they are codes."""
        if not isinstance(values, Mapping):
            return values
        own = {k: v for k, v in values.items() if k in cls.model_fields or not isinstance(v, list)}
        more = {k: v for k, v in values.items() if k not in own}
        return own | {"codes": {**(own.get("codes") or {}), **more}} if more else values

    @property
    def names(self) -> list[str]:
        """The source's columns that the value is made of; none for a constant."""
        if self.column is None:
            return []
        return _NAMED.findall(self.column) or [self.column]

    @property
    def all_names(self) -> list[str]:
        """All columns of the source that the mapping of this column reads."""
        return self.names if self.times is None else [*self.names, self.times]

    @property
    def template(self) -> list[str] | None:
        """Text and names in turn, text first; None for a single column or a constant."""
        parts = _NAMED.split(self.column or "")
        return parts if len(parts) > 1 else None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` or `value`")
        if self.column is not None and not all(name.strip() for name in self.names):
            raise ValueError("`column` is empty")
        if self.value is not None:
            if (
                not str(self.value).strip()
                or self.value in (math.inf, -math.inf)
                or self.value != self.value
            ):
                raise ValueError(f"the constant {self.value!r} isn't a value; leave the column out")
            if option := next((key for key in _OF_TEXT if getattr(self, key) is not None), None):
                raise ValueError(f"a constant takes no {option}; give the final value")
        if self.timezone is not None and self.timezone not in zones():
            raise ValueError(f"{self.timezone!r} isn't a time zone; give one like 'Europe/Berlin'")
        return self

    def check_for(self, field: Field) -> None:
        """Raise ValueError if an option doesn't suit a column of the contract."""
        kind = field.kind
        units = {Kind.TIME: _TIME_UNITS, Kind.MONEY: {"major", "minor"}}.get(kind, set())
        if self.unit is not None and units and self.unit not in units:
            raise ValueError(f"unit {self.unit!r} isn't one of {', '.join(sorted(units))}")
        for key, kinds in _SUITS.items():
            if getattr(self, key) is not None and kind not in kinds:
                raise ValueError(f"a column of kind {kind} takes no {key}")
        if kind is Kind.TIME:
            self._check_time()
        if self.format is not None:
            pattern_of(self.format)
            if not _is_format(self.format):
                raise ValueError(f"{self.format!r} isn't a strptime format")
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError(
                f"thousands and decimal are both {self.thousands!r}; give the decimal sign too"
            )
        self._check_texts()
        if self.lookup is not None:
            self._check_lookup(field, self.lookup)

    def _check_time(self) -> None:
        if self.unit is None:
            for key in ("origin", "decimal"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{key} is for bare numbers: give the unit too")
        else:
            for key in ("format", "timezone"):
                if getattr(self, key) is not None:
                    raise ValueError(
                        f"a time is a number with a unit or text with a {key}, not both"
                    )

    def _check_texts(self) -> None:
        """Raise ValueError if one text has two meanings, or a list is empty."""
        meanings = {"true": self.true, "false": self.false, **(self.codes or {})}
        seen: dict[str, str] = {}
        for meaning, texts in meanings.items():
            if texts is not None and not [text for text in texts if text.strip()]:
                raise ValueError(f"`{meaning}` lists no text; leave it out")
            for text in texts or ():
                other = seen.setdefault(text.strip().casefold(), meaning)
                if other != meaning:
                    raise ValueError(f"{text!r} means both {other} and {meaning}; choose one")

    def _check_lookup(self, field: Field, lookup: str) -> None:
        if field.refers is not None:
            fields = [(field.refers, f) for f in TABLES[field.refers].fields]
            known = [f"{table}.{f.name}" for table, f in fields if f.kind in (Kind.TEXT, Kind.ID)]
        else:
            fields = [(table, f) for table in NODE_TABLES for f in TABLES[table].fields]
            known = [f"{table}.{f.name}" for table, f in fields if f.kind is field.kind]
        if field.kind is Kind.ID and field.refers is None:
            raise ValueError(f"{field.name} is no id of another table, so it takes no lookup")
        if lookup not in known:
            raise ValueError(f"lookup {lookup!r} isn't one of {', '.join(known) or 'any column'}")


_OF_TEXT = (
    "unit",
    "origin",
    "format",
    "timezone",
    "decimal",
    "thousands",
    "symbol",
    "times",
    "true",
    "false",
    "codes",
    "lookup",
)
_SUITS = {
    "unit": {Kind.TIME, Kind.MONEY},
    "origin": {Kind.TIME},
    "format": {Kind.TIME, Kind.DATE},
    "timezone": {Kind.TIME},
    "decimal": {Kind.TIME, Kind.MONEY, Kind.NUMBER},
    "thousands": {Kind.MONEY, Kind.NUMBER},
    "symbol": {Kind.MONEY},
    "times": {Kind.MONEY},
    "true": {Kind.BOOLEAN},
    "false": {Kind.BOOLEAN},
    "codes": {Kind.CODE},
}
"""The kinds of column that each option applies to."""


@cache
def zones() -> set[str]:
    """The names of all time zones."""
    return zoneinfo.available_timezones() - _NO_ZONES


def _is_format(text: str) -> bool:
    with duckdb.connect() as db:
        try:
            db.execute("SELECT try_strptime('', ?)", [text])
        except duckdb.Error:
            return False
        return True
