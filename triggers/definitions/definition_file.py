"""Reads trigger definitions from TOML. Errors name the line and the nearest valid word."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from followsuit.core.errors import FollowsuitError
from followsuit.core.near_names import near_name
from followsuit.core.toml_lines import KeyPath, key_lines
from followsuit.triggers.definitions.definition import CONDITIONS, Definition, NthLast, Scope
from followsuit.triggers.definitions.kinds import OWNERS
from followsuit.triggers.definitions.statistic import STATISTICS, Statistic
from followsuit.triggers.definitions.values import Bounds, Strict

_SHIPPED = "shipped.toml"
_HERE = resources.files("followsuit.triggers.definitions")
_KEYS = [key for key in Definition.model_fields if key != "name"]
_SETTINGS = [key for key in Statistic.model_fields if key != "name"]
_NAME = re.compile(r"\w[\w-]{0,63}")
_TWICE = re.compile(r"Cannot declare")
_AT = re.compile(r"\(at line (\d+), column \d+\)")
_Model = TypeVar("_Model", bound=Strict)


class TriggerError(FollowsuitError):
    """The trigger definitions aren't valid; the message names the line."""


def shipped_definitions() -> dict[str, Definition]:
    """The triggers that come with followsuit, by name."""
    text = (_HERE / _SHIPPED).read_text(encoding="utf-8")
    return parsed(text, _SHIPPED)


def definitions(path: Path | None) -> dict[str, Definition]:
    """The triggers of a file and the shipped ones, by name; the file's replace shipped ones.

    The file's come first: of two triggers that say equally much for an offer, its own is named.

    Args:
        path: a file of definitions; None for the shipped triggers alone.

    Raises:
        TriggerError: the file can't be read, or a definition isn't valid.
    """
    own = {} if path is None else read_definitions(path)
    return own | {name: each for name, each in shipped_definitions().items() if name not in own}


def chosen(known: Mapping[str, Definition], only: Sequence[str] | None) -> dict[str, Definition]:
    """The triggers of these names, in their order in `known`; all of them for None.

    Raises:
        TriggerError: there is no trigger of a name, or no name.
    """
    if only is not None and not only:
        raise TriggerError(f"Name at least one trigger. There are {', '.join(known)}.")
    for name in only or ():
        if name not in known:
            near = near_name(name, list(known))
            hint = f" Did you mean {near}?" if near else f" There are {', '.join(known)}."
            raise TriggerError(f"There is no trigger {name}.{hint}")
    return {name: each for name, each in known.items() if only is None or name in only}


def digest(known: Mapping[str, Definition]) -> str:
    """A digest of definitions: the same for the same triggers in the same order."""
    texts = [each.model_dump_json() for each in known.values()]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def read_definitions(path: Path) -> dict[str, Definition]:
    """The triggers of a file, by name.

    Raises:
        TriggerError: the file can't be read, or a definition isn't valid.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TriggerError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise TriggerError(f"{path} isn't UTF-8 text. Save it as UTF-8.") from error
    return parsed(text, str(path))


def parsed(text: str, name: str) -> dict[str, Definition]:
    """The triggers of a text in TOML, by name.

    Args:
        text: the definitions.
        name: the name of the file, for errors.

    Raises:
        TriggerError: a definition isn't valid.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TriggerError(_not_toml(name, text, str(error))) from error
    lines = key_lines(text)
    return {each: _definition(each, table, name, lines) for each, table in tables.items()}


def _not_toml(name: str, text: str, message: str) -> str:
    """What to say of a text that tomllib can't read."""
    at = _AT.search(message)
    if at is None:
        return f"{name} isn't valid TOML: {message}."
    what, number = message[: at.start()].rstrip(), int(at[1])
    lines = text.splitlines()
    line = lines[number - 1] if number <= len(lines) else ""
    if _TWICE.match(what):
        given = line.strip(" []")
        return f"{name}, line {number}: there are two triggers {given}. Rename or delete one."
    hint = " A table in { } must stand on one line." if line.count("{") > line.count("}") else ""
    return f"{name}, line {number}: this isn't valid TOML: {what}.{hint}"


class _Wrong(Exception):
    """What is wrong with a definition, at a path of keys below the trigger's name."""

    def __init__(self, path: KeyPath, why: str) -> None:
        why = why.rstrip(".")
        super().__init__(why if why.endswith("?") else f"{why}.")
        self.path = path


def _definition(trigger: str, table: Any, name: str, lines: Mapping[KeyPath, int]) -> Definition:
    try:
        return _checked(trigger, table)
    except _Wrong as wrong:
        path = _found((trigger, *wrong.path), lines)
        raise TriggerError(f"{name}, line {lines.get(path, 1)}: {wrong}") from None


def _found(path: KeyPath, lines: Mapping[KeyPath, int]) -> KeyPath:
    """The longest part of a path that the text has; a key `product.brand` may be two there."""
    while path and path not in lines:
        *above, last = path
        nested = (*above, *last.split(".", 1)) if isinstance(last, str) else path
        path = nested if nested in lines else tuple(above)
    return path


def _checked(trigger: str, table: Any) -> Definition:
    if not isinstance(table, dict):
        raise _Wrong((), f"{trigger} is outside of a trigger. Begin one with [NAME]")
    if not _NAME.fullmatch(trigger):
        raise _Wrong((), f"{trigger!r} isn't a name: use letters, digits, `_` and `-`")
    _check_keys((), table, [*_KEYS, *_SETTINGS])
    offer = table.get("offer", {})
    if not isinstance(offer, dict):
        raise _Wrong(("offer",), "`offer` is a table, such as { category = 'cars' }")
    words = set(Scope.model_fields) - {"attributes"}
    scope = {key: value for key, value in offer.items() if key in words}
    attributes = {key: value for key, value in offer.items() if key not in words}
    scope["attributes"] = _matches(("offer",), attributes)
    given = {key: value for key, value in table.items() if key not in _SETTINGS}
    parts = {"name": trigger, "offer": _validated(("offer",), Scope, scope)}
    return _validated((), Definition, {**given, **parts, **_found_by(trigger, table)})


def _found_by(trigger: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """How the reasons are found: the conditions, or the statistic with its settings."""
    if "statistic" in table:
        if "when" in table:
            raise _Wrong(("statistic",), "a trigger has `when` or `statistic`, not both")
        if table["statistic"] not in STATISTICS:
            near = near_name(str(table["statistic"]), list(STATISTICS))
            hint = f"Did you mean {near}?" if near else f"There are {', '.join(STATISTICS)}"
            raise _Wrong(("statistic",), f"there is no statistic {table['statistic']}. {hint}")
        settings = {key: table[key] for key in _SETTINGS if key in table}
        return {"statistic": _validated((), Statistic, {"name": table["statistic"], **settings})}
    for key in _SETTINGS:
        if key in table:
            raise _Wrong((key,), f"`{key}` needs a `statistic`")
    when = table.get("when")
    if not isinstance(when, list) or not when:
        why = f"{trigger} needs conditions: when = [{{ did = ... }}], or a `statistic`"
        raise _Wrong(("when",), why)
    return {"when": tuple(_condition(("when", n), each) for n, each in enumerate(when))}


def _condition(path: KeyPath, given: Any) -> Strict:
    if not isinstance(given, dict):
        raise _Wrong(path, "a condition is a table, such as { did = 'purchase' }")
    about = [key for key in CONDITIONS if key in given]
    if len(about) != 1:
        every = ", ".join(CONDITIONS)
        near = next((n for key in given if (n := near_name(key, list(CONDITIONS)))), None)
        hint = f". Did you mean {near}?" if near and not about else ""
        raise _Wrong(path, f"a condition has one of {every}{hint}")
    kind = CONDITIONS[about[0]]
    _check_keys(path, given, list(kind.model_fields))
    where, since = given.get("where", {}), given.get("since")
    if not isinstance(where, dict):
        raise _Wrong((*path, "where"), "`where` is a table, such as { brand = 'Marina' }")
    if where:
        given = {**given, "where": _matches((*path, "where"), where)}
    if isinstance(since, dict):
        _check_keys((*path, "since"), since, list(NthLast.model_fields))
        _validated((*path, "since"), NthLast, since)
    return _validated(path, kind, given)


def _check_keys(path: KeyPath, given: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            near = near_name(key, known)
            hint = f"Did you mean {near}?" if near else f"There are {', '.join(known)}"
            raise _Wrong((*path, key), f"there is no key {key} here. {hint}")


def _matches(path: KeyPath, given: Mapping[str, Any]) -> dict[str, Any]:
    """What columns must hold, checked; `product.brand` without quotes, which TOML nests, too."""
    where: dict[str, Any] = {}
    for column, match in given.items():
        nested = isinstance(match, dict) and not match.keys() <= Bounds.model_fields.keys()
        if nested and column in OWNERS:
            parts = {f"{column}.{name}": each for name, each in match.items()}
        else:
            parts = {column: match}
        for name, each in parts.items():
            if name in where:
                raise _Wrong((*path, column), f"{name} is there twice. Delete one")
            where[name] = each
    _check_matches(path, where)
    return where


def _check_matches(path: KeyPath, where: Mapping[str, Any]) -> None:
    for column, match in where.items():
        if isinstance(match, dict):
            near = near_name(column, list(OWNERS))
            if near and not any(near_name(key, list(Bounds.model_fields)) for key in match):
                why = f"there is no {column} with columns. Did you mean {near}?"
                raise _Wrong((*path, column), why)
            _check_keys((*path, column), match, list(Bounds.model_fields))
            _validated((*path, column), Bounds, match)
        if match == []:
            raise _Wrong((*path, column), f"{column} is compared with an empty list")
        for value in match if isinstance(match, list) else [match]:
            if not isinstance(value, bool | int | float | str | dict):
                raise _Wrong((*path, column), f"{column} is compared with text or a number")


def _validated(path: KeyPath, kind: type[_Model], given: Mapping[str, Any]) -> _Model:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        errors = error.errors()
        first = min(errors, key=_rank)
        place = [key for key in first["loc"] if key in given or isinstance(key, int)]
        why = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            why = f"`{first['loc'][-1]}` is missing: write {_SINCE}"
        if place and "where" not in place and why == first["msg"]:
            why = f"`{place[-1]}`: {_told(first)}"
        raise _Wrong((*path, *place), why) from None


def _rank(error: ErrorDetails) -> int:
    """Where several errors are about one value, the first one of the lowest rank says most."""
    return {"value_error": 0, "int_type": 2}.get(error["type"], 1)


def _told(error: ErrorDetails) -> str:
    """What to write in the place of a value that pydantic refuses."""
    limits = error.get("ctx", {})
    if error["type"] == "literal_error":
        words = re.findall(r"'(\w+)'", limits["expected"])
        near = near_name(str(error["input"]), words)
        return f"write {', '.join(words)}" + (f". Did you mean {near}?" if near else "")
    text = _WHY.get(error["type"], error["msg"])
    return text.format(**limits)


_SINCE = "a table, such as { nth_last = 2, of = 'visit' }"
_WHY = {
    "string_type": "write it as text, in quotes",
    "string_too_short": "write a text that isn't empty",
    "too_short": "write a text that isn't empty",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "bool_type": "write true or false",
    "greater_than": "write a number above {gt}",
    "greater_than_equal": "write a number from {ge}",
    "less_than_equal": "write a number up to {le}",
    "model_type": f"write {_SINCE.replace('{', '{{').replace('}', '}}')}",
}
"""Other words for pydantic's types of errors."""
