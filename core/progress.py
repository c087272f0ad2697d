"""Progress callbacks: how a long computation reports its steps."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """A progress callback: starts a named step and yields a function to call as units are done."""

    def __call__(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Return the context of the step `name`, of `total` units where known."""


@contextmanager
def silent(name: str, total: int | None = None) -> Iterator[Advance]:  # noqa: ARG001
    """Show nothing: the default of every function that takes a `Progress`."""
    yield lambda _units: None
