"""Loops compiled with numba."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile a loop with numba, keeping its type for mypy.

    The machine code is kept beside the file, by the text of that file alone: a change to a constant
    or a type that it imports must touch it too.
    """
    return cast(_F, njit(cache=True)(function))


def compiled_parallel(function: _F) -> _F:
    """The same on all cores, over `prange`."""
    return cast(_F, njit(cache=True, parallel=True)(function))
