"""The TOML mapping from a retailer's own files and columns to the contract.

    [tables.visits]
    file = "checkins.tsv.gz"    # within the folder; `table = "crm.checkins"` in a database
    earliest_by = "hour"        # of rows with one key keep the earliest, not the last

    [tables.visits.columns]
    customer_id = "user"
    at = { column = "hour", unit = "hours", origin = "2012-04-01T00:00:00Z" }

A column that is not named here is taken under its own name where the file has it.
"""

import io
import tomllib
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    field_validator,
    model_validator,
)

from followsuit.graph.errors import FollowsuitError
from followsuit.graph.tables import TABLES, Kind

_SHIPPED = resources.files("followsuit.loaders") / "mappings"
_NO_DELIMITERS = '"\r\n\0'
_TIME_UNITS = {"microseconds", "milliseconds", "seconds", "minutes", "hours", "days"}


class MappingError(FollowsuitError):
    """A mapping that can't be used; the message names the key."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMapping(_Strict):
    """Where a column of the contract comes from, and how its text is read."""

    column: str | None = None
    """The source's column."""
    value: str | int | float | bool | None = None
    """A constant in the place of a column."""
    unit: str | None = None
    """Of a bare number: a time's unit, counted since `origin`; money's, `major` or `minor`."""
    origin: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """What a bare-number time counts from; without a zone, UTC."""
    format: str | None = None
    """strptime format of a time or date that is not ISO 8601."""
    timezone: str | None = None
    """The zone of times that name none; UTC unless said."""
    decimal: Literal[".", ","] = "."
    """The decimal sign of a number or an amount."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` or `value`")
        if self.timezone is not None:
            try:
                ZoneInfo(self.timezone)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError(f"there is no time zone {self.timezone!r}") from error
        return self

    def check_for(self, kind: Kind) -> None:
        """Raise ValueError where the options don't suit what the column holds."""
        units = {Kind.TIME: _TIME_UNITS, Kind.MONEY: {"major", "minor"}}.get(kind, set())
        if self.unit is not None and self.unit not in units:
            raise ValueError(
                f"unit {self.unit!r} is none of {', '.join(sorted(units))}"
                if units
                else f"a {kind} takes no unit"
            )
        if self.format is not None:
            if kind not in (Kind.TIME, Kind.DATE):
                raise ValueError(f"a {kind} takes no format")
            if not _is_format(self.format):
                raise ValueError(f"{self.format!r} is no strptime format")


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
    """Where a table of the contract comes from."""

    file: str | None = None
    table: str | None = None
    """In a database: the table's name, with its schema if need be."""
    delimiter: str | None = None
    encoding: str = "utf-8"
    earliest_by: str | None = None
    """A column of the source: of the rows with one key, the smallest wins, not the last."""
    returns: bool = False
    """Negative quantities and amounts are returns, not faults."""
    columns: dict[str, Annotated[ColumnMapping, BeforeValidator(_column)]] = {}

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (
            len(delimiter) != 1 or not delimiter.isascii() or delimiter in _NO_DELIMITERS
        ):
            raise ValueError(f"the delimiter {delimiter!r} is not one ASCII character like ; or |")
        return delimiter

    @field_validator("encoding")
    @classmethod
    def _text_encoding(cls, encoding: str) -> str:
        try:
            io.TextIOWrapper(io.BytesIO(), encoding)
            return encoding
        except LookupError as error:
            raise ValueError(f"there is no encoding {encoding!r}") from error


class Mapping(_Strict):
    """A whole mapping, by table of the contract."""

    tables: dict[str, TableMapping] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, mapping in self.tables.items():
            if name not in TABLES:
                raise ValueError(f"{name} is no table; the tables are {', '.join(TABLES)}")
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
        MappingError: there is none of that name, or it says something that is not understood.
    """
    path = Path(name)
    if name in shipped_mappings():
        data = (_SHIPPED / f"{name}.toml").read_bytes()
    elif path.is_file():
        data = path.read_bytes()
    else:
        raise MappingError(
            f"There is no mapping {name}: name a TOML file or one of "
            f"{', '.join(shipped_mappings())}."
        )
    try:
        return Mapping.model_validate(tomllib.loads(data.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"The mapping {name} is no TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        why = first["msg"].removeprefix("Value error, ").rstrip(".")
        told = f"{where}: {why}" if where else why
        raise MappingError(f"The mapping {name} is wrong: {told}.") from error
