"""Refuses queries that access more than the graph, which a read-only connection doesn't prevent.

In read mode the engines refuse to change the graph. But LadybugDB still runs `COPY ... TO`,
`EXPORT DATABASE`, `LOAD FROM` and a `CHECKPOINT` that locks the store; Neo4j still runs `LOAD CSV`,
`TERMINATE TRANSACTIONS` and plugin functions that run any text. So this module checks a query's
tokens first. It removes comments, because engines differ on where they end, so that the engine runs
exactly what was checked.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from followsuit.graph.query import QueryError

FIRST = ("MATCH", "OPTIONAL", "UNWIND", "WITH", "RETURN", "CALL")
"""Words that a query may begin with, after EXPLAIN or PROFILE."""
REFUSED = ("LOAD", "COPY", "EXPORT", "IMPORT", "ATTACH", "INSTALL")
ALLOWED_CALLS = (
    "current_setting",
    "db.labels",
    "db.propertykeys",
    "db.relationshiptypes",
    "db_version",
    "dbms.components",
    "show_functions",
    "show_indexes",
    "show_tables",
    "table_info",
)
"""Procedures that only describe the graph."""

FUNCTIONS = (
    "date",
    "datetime",
    "duration",
    "localdatetime",
    "localtime",
    "point",
    "time",
    "vector",
)
"""Allowed beginnings of function names with dots; a plugin's function may run any text."""

_LONGEST = 200_000
"""Maximum characters of a query; checking a longer one takes seconds, and running it hours."""
_CALLED = 8
"""Tokens of a procedure's name to check; no allowed procedure has more."""

_TOKEN = re.compile(
    r"""
    (?P<comment>/\*.*?\*/ | //[^\n\r]*)
    | (?P<quoted>'(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | `[^`]*`)
    | (?P<unclosed>/\* | ['"`])
    | (?P<parameter>\$[^\W\d]\w*)
    | (?P<number>\d\w*)
    | (?P<name>[^\W\d]\w*)
    | (?P<space>\s+)
    | (?P<mark>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_NAMES = ("name", "quoted")
_AFTER_A_NAME = frozenset(",)}];=<>+*/%^|.:-")
_WORDS_AFTER_A_NAME = (
    "AND",
    "AS",
    "ASC",
    "CONTAINS",
    "DESC",
    "ELSE",
    "END",
    "ENDS",
    "IN",
    "IS",
    "LIMIT",
    "MATCH",
    "OPTIONAL",
    "OR",
    "ORDER",
    "RETURN",
    "SKIP",
    "STARTS",
    "THEN",
    "UNION",
    "UNWIND",
    "WHEN",
    "WHERE",
    "XOR",
)
"""A word before one of these isn't a refused clause, except at the beginning of a query."""


class _Token(NamedTuple):
    kind: str
    text: str
    start: int

    @property
    def word(self) -> str:
        """The word in upper case; empty for other tokens."""
        return self.text.upper() if self.kind == "name" else ""

    def touches(self, following: "_Token") -> bool:
        return self.start + len(self.text) == following.start


_NONE = _Token("", "", -1)


def check_query(cypher: str) -> str:
    """Check a query; returns it with spaces instead of comments.

    The query may still try to change the graph; the engine then refuses it.

    Raises:
        QueryError: the text is more than one query, or could access more than the graph.
    """
    if len(cypher) > _LONGEST:
        raise QueryError(
            f"The query has {len(cypher):,} characters; the limit is {_LONGEST:,}. Pass long "
            "lists as parameters."
        )
    if any("\ud800" <= letter <= "\udfff" for letter in cypher):
        raise QueryError("The query holds bytes that aren't UTF-8. Pass it as UTF-8.")
    if re.search(r"\\u", cypher, re.IGNORECASE):
        raise QueryError(
            "A query must not contain \\u escapes, which can hide a clause. Pass the text as a "
            "parameter."
        )
    text = _TOKEN.sub(_without_comment, cypher)
    tokens = list(_tokens(text))
    _check_statement(tokens)
    for i, token in enumerate(tokens):
        before = tokens[max(0, i - 2) : i]
        after = tokens[i + 1] if i + 1 < len(tokens) else _NONE
        if token.kind == "number":
            _check_number(token)
        elif token.word in (*REFUSED, "CALL") and not _is_name(before, token, after):
            if token.word != "CALL":
                raise QueryError(_REACHES.format(token.word))
            _check_call(tokens[i + 1 : i + 1 + _CALLED])
        elif token.text == "(":
            _check_function(tokens, i)
    return text


_REACHES = (
    "{0} reads or writes outside the graph and is not allowed. If it is a name, put it in "
    "backticks."
)


def _without_comment(match: re.Match[str]) -> str:
    if match.lastgroup == "unclosed":
        raise QueryError(
            f"The query was refused: the {match[0]} at character {match.start() + 1} is not closed."
        )
    return re.sub(r"[^\n]", " ", match[0]) if match.lastgroup == "comment" else match[0]


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind not in ("space", "comment"):
            yield _Token(kind, match[0], match.start())


def _check_statement(tokens: list[_Token]) -> None:
    """Raise QueryError unless there is exactly one query that begins with an allowed word."""
    words = [token.word for token in tokens[:2]]
    first = words[-1] if words and words[0] in ("EXPLAIN", "PROFILE") else "".join(words[:1])
    if first in REFUSED:
        raise QueryError(_REACHES.format(first))
    if first not in FIRST:
        raise QueryError(
            f"A query must begin with {', '.join(FIRST[:-1])} or {FIRST[-1]}, "
            "optionally after EXPLAIN or PROFILE: queries are read-only."
        )
    if any(token.text == ";" for token in tokens[:-1]):
        raise QueryError("Only one query can run at a time. Remove the others.")


def _check_number(token: _Token) -> None:
    """Refuse text such as `0LOAD`, which LadybugDB reads as a number and a clause."""
    for word in (*REFUSED, "CALL"):
        if word in token.text.upper():
            raise QueryError(f"{token.text} is neither a number nor a name.")


def _is_name(before: list[_Token], token: _Token, after: _Token) -> bool:
    """Whether a word is the name of something: a property, a label, a variable, an alias."""
    earlier, previous = [_NONE, _NONE, *before][-2:]
    if previous.text == ":" and previous.touches(token):
        return True
    if previous.text == "." and previous.touches(token):
        return earlier.kind != "number" and earlier.text != "."
    if after is _NONE or (after.kind == "mark" and after.text in _AFTER_A_NAME):
        return True
    return token.word != "CALL" and after.word in _WORDS_AFTER_A_NAME


def _check_function(tokens: list[_Token], bracket: int) -> None:
    """Refuse a call before this bracket unless the function comes with the engine."""
    first = bracket - 1
    if first < 0 or tokens[first].kind not in _NAMES:
        return
    while first > 1 and tokens[first - 1].text == "." and tokens[first - 2].kind in _NAMES:
        first -= 2
    called = tokens[first:bracket]
    if first and tokens[first - 1].word == "CALL":
        return  # `_check_call` checks it.
    dotted = len(called) > 1 and called[0].text.lower() not in FUNCTIONS
    if dotted or any(token.text.startswith("`") for token in called):
        name = "".join(token.text for token in called)
        raise QueryError(
            f"The function {name} is not allowed, because it may access more than the graph. "
            "Allowed are names without dots and backticks, and those of "
            f"{', '.join(FUNCTIONS)}."
        )


def _check_call(following: list[_Token]) -> None:
    if following[0].text in ("{", "("):
        return  # A subquery; its content is checked like the rest.
    name = ""
    for token in following:
        if token.text != "." and (token.kind != "name" or name[-1:] not in ("", ".")):
            break
        name += token.text
    if name.lower() not in ALLOWED_CALLS:
        raise QueryError(
            f"CALL {name or 'of a quoted name'} is not allowed. Allowed are "
            f"{', '.join(ALLOWED_CALLS)}, and subqueries."
        )
