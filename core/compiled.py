"""Loops compiled with numba."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile a loop with numba, keeping its type for mypy.

    numba caches the machine code beside the file and checks only that file for changes. When you
    change a constant or type that the file imports, touch the file too.
    """
    return cast(_F, njit(cache=True)(function))


def compiled_parallel(function: _F) -> _F:
    """Compile a loop over `prange` that runs on all cores."""
    return cast(_F, njit(cache=True, parallel=True)(function))
