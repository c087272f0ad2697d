"""How long work tells whoever watches how far it is."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Opens a named piece of work; what it yields is called with the number of units just done."""

    def __call__(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Return a context in which `name` is under way, out of `total` units where known."""


@contextmanager
def silent(name: str, total: int | None = None) -> Iterator[Advance]:  # noqa: ARG001
    """Show nothing: the default of every function that takes a `Progress`."""
    yield lambda _units: None
