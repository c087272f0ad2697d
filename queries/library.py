"""The library of Cypher queries: one `.cypher` file each, with a header that describes it.

    // question: What have a customer's friends bought recently?
    // shows: purchases of friends who share their activity
    // param customer_id text: the customer
    // param limit integer = 20: maximum number of rows
    // given assume_consent
    // column friend_id text
    // column amount money: what the friend paid
    // order by: at desc, friend_id

`shows` says whose data the query shows.
A parameter is `text`, `integer`, `number`, `boolean`, `time`, `date` or `days` (a length of time).
`given` names a parameter that the store's notes answer, and that the caller can't choose.
A column is one of the types but `days`; or `money`: whole minor units, whose unit the answer names;
or `object`: a map, which becomes JSON text.
A time may default to `now`; a date may default to `adult`, the latest birth date of adults at
`until`. The types of the header let us check parameters before the query runs, and make both
engines answer in the same types. Rows are sorted here, because neither engine sorts a UNION.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import pyarrow as pa

from followsuit.core.errors import FollowsuitError
from followsuit.core.near_names import near_name
from followsuit.core.times import utc
from followsuit.graph import schema as g
from followsuit.graph.consent import adult_since
from followsuit.graph.query import QueryError

TYPES: dict[str, pa.DataType] = {
    "text": g.TEXT,
    "integer": g.WHOLE,
    "number": g.NUMBER,
    "boolean": g.BOOLEAN,
    "time": g.TIME,
    "date": g.DATE,
    "money": g.MONEY,
    "texts": g.TEXTS,
    "object": g.TEXT,
}
OBJECT = "object"

NOW = "now"
ADULT = "adult"

_PARAM = re.compile(r"(\w+) (\w+)(?: = (\S+))?: (.+)")
_FILES = resources.files("followsuit.queries")


class UnknownQuery(FollowsuitError):
    """There is no such query in the library."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a query; it is required unless it has a default."""

    name: str
    type: str
    default: str | None
    meaning: str


@dataclass(frozen=True)
class LibraryQuery:
    """A query of the library, with its header."""

    name: str
    question: str
    shows: str
    """Whose data the query shows."""
    parameters: tuple[Parameter, ...]
    columns: dict[str, str]
    """The type of each column by name, in order."""
    meanings: dict[str, str]
    """What a column holds by name, where its name doesn't say it."""
    order: tuple[tuple[str, str], ...]
    """Pairs of column and `ascending` or `descending`, for Arrow's sort."""
    given: tuple[str, ...]
    """Parameters that are attributes of the store's `Meta`."""
    cypher: str

    @property
    def schema(self) -> pa.Schema:
        """The columns with their types; the metadata of amounts names their unit."""
        return pa.schema(
            g.amount(name) if kind == "money" else pa.field(name, TYPES[kind])
            for name, kind in self.columns.items()
        )

    def bind(self, values: Mapping[str, Any], now: datetime | None) -> dict[str, Any]:
        """Check the values of the parameters and convert them to their types.

        Args:
            values: values by name; text is parsed as on the command line.
            now: the value of parameters whose default is `now`.

        Raises:
            QueryError: a parameter is missing, unknown, or not of its type.
        """
        known = {p.name: p for p in self.parameters}
        for name in values:
            if name not in known:
                raise QueryError(
                    f"{self.name} has no parameter {name}; it has {', '.join(known) or 'none'}."
                )
        bound: dict[str, Any] = {}
        for name, parameter in known.items():
            default: Any = now if parameter.default == NOW else parameter.default
            if parameter.default == ADULT:
                default = adult_since(bound["until"].date())
            value = values.get(name, default)
            if value is None:
                raise QueryError(
                    f"{self.name} needs {name} ({parameter.meaning}): --param {name}=..."
                )
            bound[name] = typed(name, value, parameter.type)
            if parameter.type == "integer" and bound[name] < 0:
                raise QueryError(f"The parameter {name} is {bound[name]}. Write 0 or more.")
        return bound


@cache
def library() -> dict[str, LibraryQuery]:
    """All queries of the library, by name."""
    files = sorted(
        (f for f in _FILES.iterdir() if f.name.endswith(".cypher")), key=lambda f: f.name
    )
    return {
        q.name: q for q in (_parse(f.name.removesuffix(".cypher"), f.read_text()) for f in files)
    }


def find(name: str) -> LibraryQuery:
    """Find a query by name.

    Raises:
        UnknownQuery: there is no such query; the message has the nearest name, or all names.
    """
    if name not in library():
        if near := near_name(name, list(library())):
            raise UnknownQuery(f"There is no query {name}. Did you mean {near}?")
        raise UnknownQuery(f"There is no query {name}; there are {', '.join(library())}.")
    return library()[name]


def _parse(name: str, text: str) -> LibraryQuery:
    header = [line[3:] for line in text.splitlines() if line.startswith("// ")]
    columns = [re.split(": ", line, maxsplit=1) for line in _entries(header, "column ")]
    types = dict(declared[0].split() for declared in columns)
    return LibraryQuery(
        name,
        question=_entries(header, "question: ")[0],
        shows=_entries(header, "shows: ")[0],
        parameters=tuple(_parameter(name, line) for line in _entries(header, "param ")),
        columns=types,
        meanings={each[0].split()[0]: each[1] for each in columns if len(each) > 1},
        order=tuple(_sort_key(key) for key in _entries(header, "order by: ")[0].split(", ")),
        given=tuple(_entries(header, "given ")),
        cypher=text,
    )


def _entries(header: list[str], key: str) -> list[str]:
    """What stands after this key in the lines of a header that begin with it."""
    return [line.removeprefix(key) for line in header if line.startswith(key)]


def _parameter(name: str, line: str) -> Parameter:
    match = _PARAM.fullmatch(line)
    assert match is not None, f"{name}: {line}"
    return Parameter(*match.groups())


def _sort_key(key: str) -> tuple[str, str]:
    column, _, way = key.partition(" ")
    return column, "descending" if way == "desc" else "ascending"


def typed(name: str, value: Any, kind: str) -> Any:
    """Convert a parameter's value to its type; text is parsed as on the command line.

    Args:
        name: the parameter's name, for messages.
        value: the value.
        kind: the type, as in a query's header.

    Raises:
        QueryError: the value isn't valid, or there is no such type.
    """
    if kind not in _READERS:
        raise QueryError(f"{kind} isn't a parameter type; the types are {', '.join(_READERS)}.")
    try:
        return _READERS[kind](value)
    except (ValueError, TypeError, OverflowError, KeyError, AttributeError) as error:
        raise QueryError(
            f"The parameter {name} is {value!r}, which isn't a valid {kind}. "
            f"Write {_EXAMPLES[kind]}."
        ) from error


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, str) else operator.index(value)


def _boolean(value: Any) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]


def _time(value: Any) -> datetime:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return utc(time)


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _days(value: Any) -> timedelta:
    length = value if isinstance(value, timedelta) else timedelta(days=float(value))
    if not timedelta() <= length <= _LONGEST:
        raise ValueError(value)  # Longer ones silently overflow LadybugDB's times.
    return length


_LONGEST = timedelta(days=36_525)
_READERS: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "integer": _integer,
    "number": float,
    "boolean": _boolean,
    "time": _time,
    "date": _date,
    "days": _days,
}
_EXAMPLES = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "time": "2025-12-31 or 2025-12-31T18:00:00+01:00",
    "date": "2025-12-31",
    "days": "how many days, up to a hundred years",
}
