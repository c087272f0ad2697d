"""The rooms of the house: where they lie, and which may import which."""

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "followsuit"

MAY_IMPORT = {
    "core": set(),
    "graph": {"core"},
    "simulator": {"core", "graph"},
    "loaders": {"core", "graph"},
    "queries": {"core", "graph"},
    "influence": {"core", "graph"},
    "gnn": {"core", "graph"},
    "offers": {"core", "graph", "influence", "gnn"},
}
"""Of each room the others that it may import; the face in `src/followsuit` may import all."""

FACE = ("cli", "testing")
"""Folders of the public face."""
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_symlink())


def python_files() -> dict[str, Path]:
    """Every module of the package by its dotted name, through the links."""
    files = sorted(PACKAGE.glob("*.py"))
    for folder in FACE:
        files += sorted((PACKAGE / folder).rglob("*.py"))
    for room in ROOMS:
        files += sorted(path for path in (PACKAGE / room).rglob("*.py"))
    parts = {path: path.relative_to(PACKAGE.parent).with_suffix("").parts for path in files}
    return {".".join(names).removesuffix(".__init__"): path for path, names in parts.items()}


MODULES = python_files()


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only the type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from runtime_nodes(node)


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports at run time, in functions too; `.x` is relative."""
    found = set()
    for node in runtime_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = {f"{module}.{alias.name}" for alias in node.names}
            # `from package import module` is an import of the module.
            found |= {name if name in MODULES else module for name in names}
    return found


def room_of(module: str) -> str:
    """The room that a module of ours lies in; the face's modules are in `followsuit`."""
    second = module.split(".")[1] if "." in module else ""
    return second if second in MAY_IMPORT else "followsuit"


def test_every_room_is_a_relative_link_to_a_folder_at_the_root() -> None:
    for room in ROOMS:
        link = PACKAGE / room
        assert link.readlink() == Path("..", "..", room)
        assert link.resolve() == ROOT / room
        assert (link / "__init__.py").is_file()
    assert set(ROOMS) <= set(MAY_IMPORT)
    assert {"graph", "loaders", "queries", "offers"} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_that_it_may(room: str) -> None:
    allowed = {room} | MAY_IMPORT[room]
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if room_of(module) == room
        for name in imports(path)
        if name.split(".")[0] == "followsuit" and room_of(name) not in allowed
    ]
    assert wrong == []


def test_contributing_says_which_room_may_import_which() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for room in ROOMS:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{room}/`"))
        allowed = row.strip("| ").split(" | ")[-1]
        said = set() if allowed == "none of ours" else set(allowed.split(", "))
        assert said == MAY_IMPORT[room]


def test_imports_are_absolute() -> None:
    for path in MODULES.values():
        for name in imports(path):
            assert not name.startswith("."), f"{path}: {name}"
            assert name.split(".")[0] not in MAY_IMPORT, f"{path}: {name}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    edges = [(m, name) for m, path in MODULES.items() for name in imports(path) if name in MODULES]
    assert len(edges) > len(MODULES)
    assert list(nx.simple_cycles(nx.DiGraph(edges))) == []


def test_the_tests_are_laid_out_as_the_rooms_are() -> None:
    folders = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and p.name[0] not in "._"}
    assert folders <= {*ROOMS, *FACE, "support"}
