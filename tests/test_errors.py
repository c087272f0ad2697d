"""The index of errors names every one, and finds it where it lives."""

import ast
from pathlib import Path

import followsuit.errors as index
from followsuit.core.errors import FollowsuitError

PACKAGE = Path(index.__file__).parent


def raised_errors() -> set[str]:
    """The names of all subclasses of `FollowsuitError` in the package's source."""
    files = [*PACKAGE.rglob("*.py")]
    files += [
        path for room in PACKAGE.iterdir() if room.is_symlink() for path in room.rglob("*.py")
    ]
    bases = {}
    for path in files:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {ast.unparse(base) for base in node.bases}
    names = {"FollowsuitError"}
    while more := {name for name, its in bases.items() if its & names} - names:
        names |= more
    return names


def test_the_index_names_every_error() -> None:
    assert set(index.__all__) == raised_errors()
    assert len(index.__all__) > 40


def test_every_error_is_found_and_is_one_of_ours() -> None:
    for name in index.__all__:
        error = getattr(index, name)
        assert issubclass(error, FollowsuitError)
        assert error.__name__ == name
