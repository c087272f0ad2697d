"""The library of Cypher queries: a `.cypher` file each, with a header that says what it answers.

    // question: What did the friends of a customer buy lately?
    // param customer_id text: whose friends
    // param limit integer = 20: rows at the most
    // column friend_id text
    // order by: at desc, friend_id

A parameter is `text`, `integer`, `number`, `boolean`, `time`, `date` or `days` (a length of time).

Headers name the types, so that parameters are checked before the engine sees them and both engines
answer in the same types. Rows are put in order here, since neither engine orders a UNION.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.errors import FollowsuitError
from followsuit.graph.store import QueryError

TYPES: dict[str, pa.DataType] = {
    "text": g.TEXT,
    "integer": g.WHOLE,
    "number": g.NUMBER,
    "boolean": g.BOOLEAN,
    "time": g.TIME,
    "date": g.DATE,
}

NOW = "now"

_PARAM = re.compile(r"(\w+) (\w+)(?: = (\S+))?: (.+)")
_FILES = resources.files("followsuit.queries")


class UnknownQuery(FollowsuitError):
    """There is no query of that name in the library."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a query; without a default it must be given."""

    name: str
    type: str
    default: str | None
    meaning: str


@dataclass(frozen=True)
class LibraryQuery:
    """A query of the library, and what its header says."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    columns: dict[str, str]
    """Name -> type of every column, in order."""
    order: tuple[tuple[str, str], ...]
    """(column, `ascending` or `descending`), as Arrow sorts."""
    cypher: str

    def bind(self, values: Mapping[str, Any], now: datetime | None) -> dict[str, Any]:
        """Check the values of the parameters and give them their types.

        Args:
            values: by name; text is read as the command line gives it.
            now: what a parameter takes whose default is `now`.

        Raises:
            QueryError: one is missing, unknown, or not of its type.
        """
        known = {p.name: p for p in self.parameters}
        for name in values:
            if name not in known:
                raise QueryError(
                    f"{self.name} has no parameter {name}; it has {', '.join(known) or 'none'}."
                )
        bound = {}
        for name, parameter in known.items():
            value = values.get(name, now if parameter.default == NOW else parameter.default)
            if value is None:
                raise QueryError(
                    f"{self.name} needs {name} ({parameter.meaning}): --param {name}=..."
                )
            bound[name] = typed(name, value, parameter.type)
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
    """The query of that name.

    Raises:
        UnknownQuery: there is none; the message lists those that there are.
    """
    if name not in library():
        raise UnknownQuery(f"There is no query {name}; there are {', '.join(library())}.")
    return library()[name]


def _parse(name: str, text: str) -> LibraryQuery:
    header = [line[3:] for line in text.splitlines() if line.startswith("// ")]
    entries = [line.partition(": ") if ": " in line else (line, "", "") for line in header]
    question = next(rest for key, _, rest in entries if key == "question")
    params, columns, order = [], {}, []
    for line in header:
        if line.startswith("param "):
            match = _PARAM.fullmatch(line.removeprefix("param "))
            assert match is not None, f"{name}: {line}"
            params.append(Parameter(*match.groups()))
        elif line.startswith("column "):
            column, kind = line.removeprefix("column ").split()
            columns[column] = kind
        elif line.startswith("order by: "):
            for key in line.removeprefix("order by: ").split(", "):
                column, _, way = key.partition(" ")
                order.append((column, "descending" if way == "desc" else "ascending"))
    return LibraryQuery(name, question, tuple(params), columns, tuple(order), text)


def typed(name: str, value: Any, kind: str) -> Any:
    """A parameter's value in its type; text is read as the command line gives it.

    Raises:
        QueryError: it can't be.
    """
    try:
        match kind:
            case "text":
                return str(value)
            case "integer":
                return int(value)
            case "number":
                return float(value)
            case "boolean":
                return value if isinstance(value, bool) else _BOOLEANS[str(value).lower()]
            case "date":
                return value if isinstance(value, date) else date.fromisoformat(value)
            case "time":
                return _time(value)
            case "days":
                return value if isinstance(value, timedelta) else timedelta(days=float(value))
    except (ValueError, TypeError, KeyError) as error:
        raise QueryError(f"The parameter {name} is {value!r}, which is no {kind}.") from error
    raise AssertionError(kind)


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _time(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
