"""The TOML mapping from a retailer's own files and columns to the contract.

    [tables.visits]
    file = "checkins.tsv.gz"    # within the folder; `table = "crm.checkins"` in a database
    earliest_by = "hour"        # of rows with the same key keep the earliest, not the last

    [tables.visits.columns]
    customer_id = "user"
    at = { column = "hour", unit = "hours", origin = "2012-04-01T00:00:00Z" }

A column without a mapping is read from the file's column of the same name, if there is one.
"""

import codecs
import io
import math
import tomllib
import zoneinfo
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import duckdb
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    field_validator,
    model_validator,
)

from followsuit.core.errors import FollowsuitError
from followsuit.graph.tables import TABLES, Kind
from followsuit.loaders.staging.time_formats import pattern_of

_SHIPPED = resources.files("followsuit.loaders") / "mappings"
_NO_DELIMITERS = '"\r\n\0'
_NO_ENCODINGS = {"charmap", "idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
"""Codecs of Python that aren't encodings of files."""
_NO_ZONES = {"Factory", "localtime", "posixrules"}
"""Names among the time zones that aren't time zones."""
_TIME_UNITS = {"microseconds", "milliseconds", "seconds", "minutes", "hours", "days"}


class MappingError(FollowsuitError):
    """The mapping isn't valid; the message names the key."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMapping(_Strict):
    """The source of a column of the contract, and how to parse its text."""

    column: str | None = None
    """The source's column."""
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

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` or `value`")
        if self.column is not None and not self.column.strip():
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
        if self.timezone is not None and self.timezone not in _zones():
            raise ValueError(f"{self.timezone!r} isn't a time zone; give one like 'Europe/Berlin'")
        return self

    def check_for(self, kind: Kind) -> None:
        """Raise ValueError if an option doesn't suit the column's kind."""
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


_OF_TEXT = ("unit", "origin", "format", "timezone", "decimal")
_SUITS = {
    "unit": {Kind.TIME, Kind.MONEY},
    "origin": {Kind.TIME},
    "format": {Kind.TIME, Kind.DATE},
    "timezone": {Kind.TIME},
    "decimal": {Kind.TIME, Kind.MONEY, Kind.NUMBER},
}
"""The kinds of column that each option applies to."""


@cache
def _zones() -> set[str]:
    return zoneinfo.available_timezones() - _NO_ZONES


def _is_format(text: str) -> bool:
    with duckdb.connect() as db:
        try:
            db.execute("SELECT try_strptime('', ?)", [text])
        except duckdb.Error:
            return False
        return True


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class TableMapping(_Strict):
    """The source of a table of the contract."""

    file: str | None = None
    """The path of the file, absolute or within the delivery's folder."""
    table: str | None = None
    """The name of a database table, with its schema if necessary."""
    delimiter: str | None = None
    encoding: str | None = None
    earliest_by: str | None = None
    """A source column: of rows with the same key, the one with the smallest value wins."""
    returns: bool = False
    """Whether negative quantities and amounts are returns; if False, they are faults."""
    columns: dict[str, Annotated[ColumnMapping, BeforeValidator(_column)]] = {}

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (
            len(delimiter) != 1 or not delimiter.isascii() or delimiter in _NO_DELIMITERS
        ):
            raise ValueError(f"the delimiter {delimiter!r} isn't one ASCII character like ; or |")
        return delimiter

    @field_validator("encoding")
    @classmethod
    def _text_encoding(cls, encoding: str | None) -> str | None:
        if encoding is None:
            return None
        try:
            codec = codecs.lookup(encoding)
            io.TextIOWrapper(io.BytesIO(), encoding)  # refuses codecs that aren't of text
        except (LookupError, ValueError) as error:
            raise ValueError(f"{encoding!r} isn't an encoding") from error
        if codec.name in _NO_ENCODINGS:
            raise ValueError(f"{encoding!r} isn't an encoding")
        return encoding

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        for key in ("file", "table", "earliest_by"):
            value = getattr(self, key)
            if value is not None and not value.strip():
                raise ValueError(f"`{key}` is empty")
        if self.file is not None and self.table is not None:
            raise ValueError("give either `file` or `table`")
        return self


class Mapping(_Strict):
    """A whole mapping, by table of the contract."""

    tables: dict[str, TableMapping] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, mapping in self.tables.items():
            if name not in TABLES:
                raise ValueError(f"{name} isn't a table; the tables are {', '.join(TABLES)}")
            fields = {f.name: f for f in TABLES[name].fields}
            for column, source in mapping.columns.items():
                if column not in fields:
                    raise ValueError(f"{name} has no column {column}; it has {', '.join(fields)}")
                try:
                    source.check_for(fields[column].kind)
                except ValueError as error:
                    raise ValueError(f"tables.{name}.columns.{column}: {error}") from error
        return self


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with followsuit."""
    return sorted(p.name.removesuffix(".toml") for p in _SHIPPED.iterdir())


def read_mapping(name: str) -> Mapping:
    """Read a mapping by its shipped name or from a TOML file.

    Raises:
        MappingError: there is no such mapping, or it isn't valid.
    """
    path = Path(name)
    if name in shipped_mappings():
        data = (_SHIPPED / f"{name}.toml").read_bytes()
    elif path.is_file():
        data = path.read_bytes()
    else:
        raise MappingError(
            f"There is no mapping {name}. Name a TOML file, or one of "
            f"{', '.join(shipped_mappings())}."
        )
    try:
        return Mapping.model_validate(tomllib.loads(data.decode("utf-8-sig")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"The mapping {name} isn't valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        why = first["msg"].removeprefix("Value error, ").rstrip(".")
        message = f"{where}: {why}" if where else why
        raise MappingError(f"The mapping {name} isn't valid: {message}.") from error
