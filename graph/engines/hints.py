"""What to do about a query that an engine refuses: the nearest name, or how to write it here."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from followsuit.core.near_names import near_name
from followsuit.graph import schema as g
from followsuit.graph.description.dialects import Difference, differences, functions
from followsuit.graph.description.elements import properties_of
from followsuit.graph.schema import RENAMED, Element

_LABELS = [node.label for node in g.NODES]
_TYPES = list(dict.fromkeys(kind.name for kind in g.RELATIONSHIPS))
_SEE = "`followsuit schema` lists all."
_OTHER_WORDS: dict[str, Element] = {
    "bought": g.PURCHASED,
    "buys": g.PURCHASED,
    "client": g.CUSTOMER,
    "friend": g.FRIEND_OF,
    "has": g.HOLDS,
    "item": g.PRODUCT,
    "knows": g.FRIEND_OF,
    "lives": g.LIVES_IN,
    "member": g.HOLDS,
    "person": g.CUSTOMER,
    "saw": g.VIEWED,
    "seen": g.VIEWED,
    "shop": g.STORE,
    "user": g.CUSTOMER,
}
"""Words that people use for a label or relationship type of another name."""
_STRING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_OLD_TYPE = re.compile(rf"[:|]\s*`?({'|'.join(RENAMED)})`?\s*[\]|*{{]")

_OTHER_KIND = re.compile(
    r"Cannot bind (\w+) as |"
    r"^(?:\w+ exception: )?(\w+) has data type \w+ but (?:NODE|REL) was expected"
)
"""The embedded engine's messages on a name that has become another kind of value."""
_CONFLICT = re.compile(r"Type mismatch: (\w+) defined with conflicting type")
"""The same of Neo4j."""
_TEXT_AND_NUMBER = re.compile(
    r'Could not convert ".*" to (INT|UINT|FLOAT|DOUBLE)|'
    r"has data type STRING but expected (INT|DOUBLE)"
)


@dataclass(frozen=True)
class _Engine:
    """The engine that refuses a query, and where a difference says what each engine understands."""

    name: str
    here: Callable[[Difference], str]
    there: Callable[[Difference], str]
    sign_of_other: Callable[[Difference], str]

    def matches_other(self, one: Difference, text: str) -> bool:
        """Whether a query is written as only the other engine understands it."""
        sign = self.sign_of_other(one)
        return bool(sign) and bool(re.search(sign, text, re.IGNORECASE | re.DOTALL))


_EMBEDDED = _Engine(
    "the embedded engine", lambda d: d.embedded, lambda d: d.neo4j, lambda d: d.neo4j_sign
)
_NEO4J = _Engine("Neo4j", lambda d: d.neo4j, lambda d: d.embedded, lambda d: d.embedded_sign)


def embedded_refusal(message: str, cypher: str) -> str:
    """The message for a query that the embedded engine refuses.

    Args:
        message: the first line of the engine's message.
        cypher: the query.
    """
    text = _STRING.sub("''", cypher)
    if match := re.search(r"Table (\w+) does not exist", message):
        if match[1] in _LABELS + _TYPES:
            return (
                f"An earlier version of followsuit wrote the store, which has no {match[1]} yet. "
                "Load into it or score it once to upgrade it."
            )
        return _refused(_no_element(match[1], text))
    if match := re.search(r"Cannot find property (\w+) for (\w+)", message):
        return _refused(_no_property(match[1], match[2], text))
    if match := re.search(r"function (\S+) does not exist", message):
        return _refused(_no_function(_as_written(match[1], text), text, _EMBEDDED))
    if old := _OLD_TYPE.search(text):
        return _refused(_no_element(old[1], text))
    if match := _OTHER_KIND.search(message):
        return _refused(_reused_name(match[1] or match[2]))
    if _TEXT_AND_NUMBER.search(message) and "cast" not in text.lower():
        return _refused(
            f"{_plain(message)} The query compares text with a number. Ids are text: write '7' for "
            "7, and --param id:text=7."
        )
    return _refused(_plain(message) + _elsewhere(text, _EMBEDDED))


def neo4j_refusal(message: str, cypher: str) -> str:
    """The message for a query that Neo4j refuses; see `embedded_refusal`."""
    text = _STRING.sub("''", cypher)
    if match := re.search(r"Unknown function '([^']+)'", message):
        return _refused(_no_function(match[1], text, _NEO4J))
    if match := _CONFLICT.search(message):
        return _refused(_reused_name(match[1]))
    return _refused(message + _elsewhere(text, _NEO4J))


def silent_mistake(unknown: Iterable[str], cypher: str) -> str | None:
    """The message for a query in which Neo4j finds nothing where a name isn't valid.

    Args:
        unknown: names in the query that the database has never seen.
        cypher: the query.

    Returns:
        None if there is none: the schema's names are valid without rows, and maps have any keys.
    """
    text = _STRING.sub("''", cypher)
    if old := _OLD_TYPE.search(text):
        return _refused(_no_element(old[1], text))
    for name in unknown:
        if re.search(rf"[(\[]\s*\w*\s*:[^()\[\]{{]*\b{name}\b", text):
            if name not in _LABELS + _TYPES:
                return _refused(_no_element(name, text))
        elif match := re.search(rf"\b(\w+)\s*\.\s*{name}\b", text):
            names = [c for kind in _kinds_of(match[1], text) for c in properties_of(kind)]
            if names and name not in names:
                return _refused(_no_property(name, match[1], text))
    return None


def _refused(why: str) -> str:
    return f"The query was refused: {why}"


def _reused_name(name: str) -> str:
    """Say that a name already stands for something that can't be used here."""
    return (
        f"{name} is already the name of something else. Give one of the two another name, such as "
        f"AS {name}_name."
    )


def _plain(message: str) -> str:
    """The engine's message without the name of its exception."""
    return re.sub(r"^\w+ exception: ", "", message)


def _elsewhere(text: str, engine: _Engine) -> str:
    """What to write instead of the other engine's dialect, if the query has some of it."""
    for one in differences():
        if engine.matches_other(one, text):
            return f" {one.topic}: write `{engine.here(one)}` here, not `{engine.there(one)}`."
    return ""


def _no_element(name: str, text: str) -> str:
    """Say that there is no such label or relationship type, with the nearest one."""
    in_node = re.search(rf"\(\s*\w*\s*:[^()\[\]]*\b{name}\b", text)
    in_relationship = re.search(rf"\[\s*\w*\s*:[^()\[\]]*\b{name}\b", text)
    what, names = "label or relationship type", _LABELS + _TYPES
    if in_node and not in_relationship:
        what, names = "label", _LABELS
    elif in_relationship and not in_node:
        what, names = "relationship type", _TYPES
    if name in RENAMED:
        return f"the relationship type {name} is now {RENAMED[name]}. {_SEE}"
    return f"there is no {what} {name}. {_nearest(name, names)}{_SEE}"


def _no_property(name: str, variable: str, text: str) -> str:
    """Say that a variable has no such property, with the nearest one of its labels."""
    kinds = _kinds_of(variable, text)
    names = [c for kind in kinds for c in properties_of(kind)]
    every = [c for kind in _LABELS + _TYPES for c in properties_of(kind)]
    of_kinds = f" ({' or '.join(dict.fromkeys(kinds))})" if names else ""
    return f"{variable}{of_kinds} has no property {name}. {_nearest(name, names or every)}{_SEE}"


def _kinds_of(variable: str, text: str) -> list[str]:
    """The labels or relationship types that a query's patterns give to a variable."""
    patterns = re.findall(rf"[(\[]\s*{variable}\s*:\s*([\w`:|\s]+?)(?=[\s)\]{{*])", text)
    return [kind for pattern in patterns for kind in re.findall(r"\w+", pattern)]


def _no_function(name: str, text: str, engine: _Engine) -> str:
    """Say that an engine has no such function, and what to write instead."""
    why = f"{engine.name} has no function {name}."
    called = name.lower()
    known = [d for d in differences() if called in functions(engine.there(d)) | set(d.words)]
    if not known:
        return why
    one = next((d for d in known if engine.matches_other(d, text)), known[0])
    instead = "" if called in one.words else f", not `{engine.there(one)}`"
    return f"{why} {one.topic}: write `{engine.here(one)}`{instead}."


def _as_written(name: str, text: str) -> str:
    """A function's name as the query spells it; the engine says it in capitals."""
    match = re.search(rf"\b{re.escape(name)}(?=\s*\()", text, re.IGNORECASE)
    return match[0] if match else name.lower()


def _nearest(name: str, names: list[str]) -> str:
    """The question for the nearest of these names; empty if none is near."""
    near = near_name(name, names)
    other = _OTHER_WORDS.get(name.lower().replace("_", ""))
    if near is None and other is not None and other.name in names:
        near = other.name
    return "" if near is None else f"Did you mean {near}? "
