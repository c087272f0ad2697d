"""followsuit: a graph-based social-influence recommender for retailers."""

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from followsuit import errors
    from followsuit.api import Shop

__version__ = version("followsuit")

__all__ = ["__version__", "errors", "open"]


def __getattr__(name: str) -> ModuleType:
    """Import `followsuit.errors` on first use."""
    if name == "errors":
        return import_module("followsuit.errors")
    raise AttributeError(f"module 'followsuit' has no attribute {name!r}")


def open(store: str | Path | None = None, **options: Any) -> "Shop":  # noqa: A001
    """Open a shop: a store of customers, products, stores and friendships.

    Args:
        store: a file for the embedded engine, or `bolt://...` or `neo4j://...`; by default the
            store that the environment or `followsuit.toml` names.
        options: the other settings, see `followsuit.config.Settings`, and `progress`.

    Returns:
        See `followsuit.api.Shop`.
    """
    # The engines take seconds to import, and `followsuit --help` doesn't need them.
    from followsuit.api import Shop
    from followsuit.config import read_settings
    from followsuit.core.progress import silent

    progress = options.pop("progress", silent)
    return Shop(read_settings(store=None if store is None else str(store), **options), progress)
