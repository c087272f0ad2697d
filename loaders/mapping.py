"""The TOML mapping from a retailer's own files and columns to the contract.

    [tables.visits]
    file = "checkins.tsv.gz"    # within the folder; `table = "crm.checkins"` in a database
    earliest_by = "hour"        # of rows with the same key keep the earliest, not the last

    [tables.visits.columns]
    customer_id = "user"
    at = { column = "hour", unit = "hours", origin = "2012-04-01T00:00:00Z" }

Several sources of one table are an array, `[[tables.visits]]`; two of them may read one file.
A column without a mapping is read from the file's column of the same name, if there is one.
"""

import codecs
import io
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from followsuit.core.errors import FollowsuitError
from followsuit.graph.schema import Col
from followsuit.graph.tables import TABLES, Table
from followsuit.loaders.column_mapping import ColumnMapping, Strict, Texts

_SHIPPED = resources.files("followsuit.loaders") / "mappings"
BLANKS = "blanks"
"""The delimiter of a file whose cells have any number of blanks and tabs between them."""
_NO_DELIMITERS = '"\r\n\0'
_NO_ENCODINGS = {"charmap", "idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
"""Codecs of Python that aren't encodings of files."""


class MappingError(FollowsuitError):
    """The mapping isn't valid; the message names the key."""


class Condition(Strict):
    """What a source column must hold for a row to be read; case and outer blanks don't matter."""

    one_of: Texts | None = None
    none_of: Texts | None = None
    empty: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.one_of is None and self.none_of is None and self.empty is None:
            raise ValueError("a condition has `one_of`, `none_of` or `empty`")
        return self


def _condition(value: Any) -> Any:
    if isinstance(value, dict):
        return {{"not": "none_of"}.get(key, key): each for key, each in value.items()}
    return {"one_of": value}


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class TableMapping(Strict):
    """The source of a table of the contract."""

    file: str | None = None
    """The path of the file, absolute or within the delivery's folder."""
    table: str | None = None
    """The name of a database table, with its schema if necessary."""
    sheet: str | None = None
    """The sheet of an Excel workbook: by default the one named as the table, or the only one."""
    header: tuple[str, ...] | None = None
    """The names of the columns, for a text file or sheet without a header row."""
    delimiter: str | None = None
    """The sign between cells, or `"blanks"` for any number of blanks and tabs: by default a comma,
    and a tab in .tsv files."""
    encoding: str | None = None
    """The encoding of a text file, such as `"cp1252"`; by default UTF-8."""
    earliest_by: str | None = None
    """A source column: of rows with the same key, the one with the smallest value wins."""
    where: dict[str, Annotated[Condition, BeforeValidator(_condition)]] = Field(
        default_factory=dict
    )
    """Which rows to read, by source column: a text or a list of texts that it must be one of,
    `{ not = [...] }`, or `{ empty = false }`. The other rows count as filtered."""
    fill_down: Texts = ()
    """Source columns whose empty cells take the value above: what only the first line of an order
    has."""
    attributes: bool | tuple[str, ...] | None = None
    """The source columns to keep as attributes: a list of columns, or true for all that the mapping
    doesn't name (the default, unless the file gives several tables)."""
    returns: bool = False
    """Whether negative quantities and amounts are returns; if False, they are faults."""
    columns: dict[str, Annotated[ColumnMapping, BeforeValidator(_column)]] = Field(
        default_factory=dict
    )

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        if delimiter not in (None, BLANKS) and (
            len(delimiter) != 1 or not delimiter.isascii() or delimiter in _NO_DELIMITERS
        ):
            raise ValueError(f"the delimiter {delimiter!r} isn't one ASCII character like ; or |")
        return delimiter

    @field_validator("header")
    @classmethod
    def _unique_names(cls, header: tuple[str, ...] | None) -> tuple[str, ...] | None:
        names = [name.strip() for name in header or () if name.strip()]
        if header is not None and not names:
            raise ValueError("`header` names no column; leave it out")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"`header` has {twice!r} twice")
        return header and tuple(name.strip() for name in header)

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
        for key in ("file", "table", "sheet", "earliest_by"):
            value = getattr(self, key)
            if value is not None and not value.strip():
                raise ValueError(f"`{key}` is empty")
        if self.file is not None and self.table is not None:
            raise ValueError("give either `file` or `table`")
        return self


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, dict | TableMapping) else value


class Mapping(Strict):
    """A whole mapping, by table of the contract."""

    tables: dict[str, Annotated[tuple[TableMapping, ...], BeforeValidator(_one_or_more)]] = Field(
        default_factory=dict
    )

    def of(self, table: str) -> tuple[TableMapping, ...]:
        """The sources of a table; without a mapping one, which has the table's name."""
        return self.tables.get(table, (TableMapping(),))

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, mappings in self.tables.items():
            if name not in TABLES:
                raise ValueError(f"{name} isn't a table; the tables are {', '.join(TABLES)}")
            for mapping in mappings:
                _check_columns(TABLES[name], mapping)
            if len(mappings) > 1 and not all(m.file or m.table for m in mappings):
                raise ValueError(f"tables.{name} has several sources; name the `file` of each")
        return self


def _check_columns(table: Table, mapping: TableMapping) -> None:
    """Raise ValueError for a column that the table lacks, or an option that doesn't suit it."""
    fields = {f.name: f for f in table.fields}
    for column, source in mapping.columns.items():
        if column not in fields:
            raise ValueError(f"{table.name} has no column {column}; it has {', '.join(fields)}")
        try:
            source.check_for(fields[column])
        except ValueError as error:
            raise ValueError(f"tables.{table.name}.columns.{column}: {error}") from error
    if mapping.attributes is not None and Col.ATTRIBUTES not in fields:
        raise ValueError(f"tables.{table.name} has no attributes; leave the key out")


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
        where = ".".join(str(key) for key in first["loc"] if not isinstance(key, int))
        why = first["msg"].removeprefix("Value error, ").rstrip(".")
        message = f"{where}: {why}" if where else why
        raise MappingError(f"The mapping {name} isn't valid: {message}.") from error
