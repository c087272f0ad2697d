"""followsuit: a graph-based social-influence recommender for retailers."""

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from followsuit import errors
    from followsuit.api import Shop
    from followsuit.config import Options
    from followsuit.core.progress import Progress

__version__ = version("followsuit")

__all__ = ["__version__", "errors", "open"]


def __getattr__(name: str) -> ModuleType:
    """Import `followsuit.errors` on first use."""
    if name == "errors":
        return import_module("followsuit.errors")
    raise AttributeError(f"module 'followsuit' has no attribute {name!r}")


def open(  # noqa: A001
    store: str | Path | None = None,
    *,
    progress: "Progress | None" = None,
    **options: "Unpack[Options]",
) -> "Shop":
    """Open a shop: a store of customers, products, stores and friendships.

    Args:
        store: a file for the embedded engine, or `bolt://...` or `neo4j://...`; by default the
            store that the environment or `followsuit.toml` names.
        progress: progress callback; by default none.
        options: the other settings, see `followsuit.config.Settings`.

    Returns:
        See `followsuit.api.Shop`.

    Raises:
        ConfigurationError: there is no such setting, or its value isn't valid.
    """
    # The engines take seconds to import, and `followsuit --help` doesn't need them.
    from followsuit.api import Shop
    from followsuit.config import read_settings
    from followsuit.core.progress import silent

    settings = read_settings(None if store is None else str(store), **options)
    return Shop(settings, progress or silent)
