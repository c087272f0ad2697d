"""The line of each key in a TOML text. `tomllib` doesn't keep lines."""

import re
import tomllib
from collections import Counter

KeyPath = tuple[str | int, ...]
"""Keys, and positions in arrays, from the top."""

_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"""|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*\''''
    r"|#[^\n]*|[\[\]{},=\n.]|[^\s\[\]{},=#\"'.]+",
    re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, on which each key and each element of an array begins.

    Args:
        text: valid TOML.
    """
    return _Reader(text).lines


class _Reader:
    """Reads a text token by token; a comment is no token."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        tokens = (m for m in _TOKEN.finditer(text) if not m[0].startswith("#"))
        self._tokens = [(m[0], 1 + text.count("\n", 0, m.start())) for m in tokens]
        self._at = 0
        counts: Counter[KeyPath] = Counter()
        table: KeyPath = ()
        while self._at < len(self._tokens):
            if self._next == "\n":
                self._at += 1
            elif self._next == "[":
                table = self._header(counts)
            else:
                self._value(self._key(table))

    @property
    def _next(self) -> str:
        return self._tokens[self._at][0]

    def _header(self, counts: Counter[KeyPath]) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]`, whose tables are numbered."""
        self._at += 1
        several = self._next == "["
        self._at += several
        path = self._key((), end="]")
        if several:
            self._at += 1
            path = (*path, counts[path])
            counts[path[:-1]] += 1
            self.lines[path] = self._tokens[self._at - 1][1]
        return path

    def _key(self, table: KeyPath, end: str = "=") -> KeyPath:
        """Read a key, up to and with `end`."""
        line, path = self._tokens[self._at][1], table
        while self._next != end:
            if self._next != ".":
                path = (*path, _key_of(self._next))
                self.lines.setdefault(path, line)
            self._at += 1
        self._at += 1
        return path

    def _value(self, path: KeyPath) -> None:
        opening = self._next
        self._at += 1
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            while self._at < len(self._tokens) and self._next not in "\n,]}":
                self._at += 1  # A number or a time with a point.

    def _array(self, path: KeyPath) -> None:
        number = 0
        while self._next != "]":
            if self._next == ",":
                number += 1
            if self._next in ",\n":
                self._at += 1
                continue
            self.lines[*path, number] = self._tokens[self._at][1]
            self._value((*path, number))
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        while self._next != "}":
            if self._next in ",\n":
                self._at += 1
                continue
            self._value(self._key(path))
        self._at += 1


def _key_of(token: str) -> str:
    """The key that a token stands for, without its quotes."""
    return next(iter(tomllib.loads(f"{token} = 0"))) if token[0] in "\"'" else token
