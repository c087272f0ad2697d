"""Settings and errors, as Markdown."""

import ast
from pathlib import Path
from typing import NamedTuple

import meanings
from pydantic import ByteSize
from pydantic_core import PydanticUndefined
from to_markdown import code, field_docs, sentence, table

import followsuit
from followsuit.config import Settings
from followsuit.core.errors import FollowsuitError

PACKAGE = Path(followsuit.__file__).parent
_ROOT = FollowsuitError.__name__


class ErrorClass(NamedTuple):
    """An error as its source defines it."""

    name: str
    module: str
    parents: list[str]
    meaning: str


def settings() -> str:
    """Each setting, and where it comes from."""
    docs = meanings.SETTINGS | field_docs(Settings)
    rows = []
    for name, field in Settings.model_fields.items():
        server = name.startswith("neo4j_")
        variable = name.upper() if server else f"FOLLOWSUIT_{name.upper()}"
        key = "not allowed" if "password" in name else code(name)
        rows.append((key, code(variable), _default(field.default), docs[name]))
    return table(("in the file", "in the environment", "default", "meaning"), rows)


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined:
        return "none"
    return code(value.human_readable() if isinstance(value, ByteSize) else value)


def errors() -> str:
    """Each error that a user can fix, with the module and, where it isn't the root, the parent."""
    rows = []
    for error in all_errors():
        parents = "".join(f" A {code(p)}." for p in error.parents if p != _ROOT)
        module = error.module.removeprefix("followsuit.")
        rows.append((code(error.name), error.meaning + parents, code(module)))
    return table(("error", "meaning", "module of followsuit"), rows)


def all_errors() -> list[ErrorClass]:
    """Every subclass of `FollowsuitError`, read from the source: some modules need torch."""
    every = [
        ErrorClass(
            node.name,
            module,
            [b.id for b in node.bases if isinstance(b, ast.Name)],
            sentence((ast.get_docstring(node) or "").partition("\n\n")[0]),
        )
        for module, node in _classes()
    ]
    known = {_ROOT}
    while more := {e.name for e in every if known & set(e.parents)} - known:
        known |= more
    return sorted(e for e in every if known & set(e.parents))


def _classes() -> list[tuple[str, ast.ClassDef]]:
    """Every class of the package, with its module; rooms are links, which `rglob` passes over."""
    folders = [PACKAGE, PACKAGE / "cli", *(p for p in PACKAGE.iterdir() if p.is_symlink())]
    paths = {path for folder in folders for path in folder.glob("**/*.py")}
    classes = []
    for path in sorted(paths):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        classes += [(module, node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return classes
