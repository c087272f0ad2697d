"""Finds a query's parameters that are compared with text, such as ids.

On a command line `--param id=7` looks like a number. Compared with a text property, it is text.
"""

import re
from functools import cache

import pyarrow as pa

from followsuit.graph import schema as g

_QUOTED = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*\"""", re.S | re.X
)
_COMPARED = r"(?:=~|=|<>|<=|>=|<|>|\bIN\b|\bSTARTS\s+WITH\b|\bENDS\s+WITH\b|\bCONTAINS\b)"
_VALUE = r"\$?\b[\w.]+"
_KEEPS_TEXT = re.compile(
    rf"\b(?:toLower|toUpper|lower|upper|trim)\s*\(\s*({_VALUE})\s*\)", re.IGNORECASE
)
"""Functions that return text for text."""
_RENAMED = re.compile(rf"({_VALUE})\s+AS\s+(\w+)", re.IGNORECASE)
_MOST_NAMES = 5
"""How often a value may get another name before it is compared."""


def text_parameters(cypher: str) -> set[str]:
    """The parameters that a query compares with a text property of the graph.

    Args:
        cypher: the query; it may be wrong.
    """
    text = _KEEPS_TEXT.sub(r"\1", _QUOTED.sub(" ", cypher).replace("`", ""))
    names = {f"${name}" for name in re.findall(r"\$(\w+)", text)}
    aliases = dict[str, str]()
    texts = set[str]()
    for _ in range(_MOST_NAMES):
        for value, alias in _RENAMED.findall(text):
            if _is_text(value, texts):
                texts.add(alias)
            elif value in names or value in aliases:
                aliases[alias] = aliases.get(value, value)
    compared = {
        aliases.get(one, one)
        for one, other in _comparisons(text)
        if _is_text(other, texts) and aliases.get(one, one) in names
    }
    return {name.removeprefix("$") for name in compared}


def _comparisons(text: str) -> set[tuple[str, str]]:
    """Pairs of what a query compares, in both orders."""
    sides = rf"(?=(?<![\w.])({_VALUE})\s*{_COMPARED}\s*({_VALUE}))"
    pairs = set(re.findall(sides, text, re.IGNORECASE))
    for left, items in re.findall(rf"({_VALUE})\s+IN\s*\[([^\]]*)\]", text, re.IGNORECASE):
        pairs |= {(left, item.strip()) for item in items.split(",")}
    for content in re.findall(r"\{([^{}]*)\}", text):
        pairs |= {(f".{key}", given) for key, given in re.findall(r"(\w+)\s*:\s*(\$?\w+)", content)}
    return pairs | {(other, one) for one, other in pairs}


def _is_text(value: str, texts: set[str]) -> bool:
    """Whether an expression is a property that holds text, or a name for one."""
    return value in texts or ("." in value and value.rpartition(".")[2] in _text_properties())


@cache
def _text_properties() -> frozenset[str]:
    """The properties that hold text on every label and relationship type that has them."""
    types: dict[str, set[pa.DataType]] = {}
    for element in (*g.NODES, *g.RESULTS, *g.RELATIONSHIPS):
        for name, kind in element.columns.items():
            types.setdefault(str(name), set()).add(kind)
    return frozenset(name for name, kinds in types.items() if kinds == {g.TEXT})
