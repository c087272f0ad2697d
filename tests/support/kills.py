"""Interrupts a training or a save, at a chosen step or change of a folder."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Killed(BaseException):
    """Raised to interrupt a training."""


class Steps:
    """A progress callback that counts steps, and raises at one of them."""

    def __init__(self, last: int = -1) -> None:
        self.count, self._last = 0, last

    @contextmanager
    def __call__(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        yield self._advance

    def _advance(self, units: int) -> None:
        self.count += 1
        if self.count == self._last:
            raise Killed


class Acts:
    """Ends what is under way before one of its changes to a folder."""

    def __init__(self) -> None:
        self.count, self._folder, self._last = 0, "", -1
        sys.addaudithook(self._hook)

    @contextmanager
    def until(self, folder: Path, last: int = -1) -> Iterator[None]:
        self.count, self._folder, self._last = 0, str(folder), last
        try:
            yield
        finally:
            self._folder = ""

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        changes = ("os.rename", "os.remove", "os.mkdir", "shutil.rmtree")
        if self._folder and event in changes and self._folder in str(arguments[0]):
            self.count += 1
            if self.count == self._last:
                raise Killed
