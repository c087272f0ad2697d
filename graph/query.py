"""Queries: which parameters they may have, and how they fail."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from followsuit.core.errors import FollowsuitError
from followsuit.core.text import nfc
from followsuit.core.times import utc

_HIDDEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | `[^`]*` | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" """,
    re.DOTALL | re.VERBOSE,
)
"""Comments, quoted names and strings; text in them that looks like a parameter isn't one."""


class QueryError(FollowsuitError):
    """The engine refuses the query: a wrong syntax, name or parameter, or an attempt to write."""


class QueryTimeout(QueryError):
    """The query ran past its time limit."""


class QueryTooLarge(QueryError):
    """The query needs more memory than its limit, or returns more."""


class QueryCrashed(QueryError):
    """The query crashed the engine."""


def check_parameters(cypher: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check a query's parameters; convert times to UTC, which a time without a zone already is.

    LadybugDB treats a missing parameter as empty, and drops a time's zone.
    """
    for name in re.findall(r"\$(\w+)", _HIDDEN.sub(" ", cypher)):
        if name not in values:
            raise QueryError(f"The query needs a value for ${name}: --param {name}=...")
    return {name: _parameter(name, value) for name, value in values.items()}


def _parameter(name: str, value: Any) -> Any:
    match value:
        case str() if not value.isascii() and value.encode(errors="replace").decode() != value:
            pass  # The text came from bytes that weren't UTF-8.
        case str():
            return nfc(value)
        case None | bool() | float():
            return value
        case int() if -(2**63) <= value < 2**63:
            return value
        case datetime() if value == value:  # Pandas' missing time is a datetime too.
            return utc(value)
        case date() | timedelta() if not isinstance(value, datetime):
            return value
        case list() | tuple() if len({type(item) for item in value if item is not None}) < 2:
            return [_parameter(name, item) for item in value]
        case np.bool_() | np.integer():
            return _parameter(name, value.item())
    raise QueryError(
        f"The parameter {name} is {value!r}. It may be text, a boolean, a whole number of 64 bits, "
        "a number, a date, a time, a length of time, or a list of one of these."
    )
