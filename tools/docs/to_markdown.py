"""Markdown from rows, and documentation from source."""

import ast
import inspect
import re
from collections.abc import Iterable, Sequence

Row = Sequence[str]


def table(header: Row, rows: Iterable[Row]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines) + "\n"


def code(text: object) -> str:
    """Text in the font of code."""
    return f"`{text}`"


def sentence(text: str) -> str:
    """Text in one line, with a capital letter and a full stop."""
    line = " ".join(text.split())
    line = line[:1].upper() + line[1:]
    return line if not line or line[-1] in ".?!" else f"{line}."


def field_docs(kind: type) -> dict[str, str]:
    """The string that follows each field in the source of a class."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        name = _target(field)
        if name and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            docs[name] = sentence(str(text.value.value))
    return docs


def _target(node: ast.stmt) -> str | None:
    """The name that an assignment gives."""
    target = node.target if isinstance(node, ast.AnnAssign) else None
    if isinstance(node, ast.Assign):
        target = node.targets[0]
    return target.id if isinstance(target, ast.Name) else None


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text.replace("\n", " "))
