"""followsuit: a graph-based social-influence recommender for retailers."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from followsuit.api import Shop

__version__ = version("followsuit")

__all__ = ["__version__", "open"]


def open(store: str | Path | None = None, **options: Any) -> "Shop":  # noqa: A001
    """Open a shop: a store of customers, products, stores and friendships.

    Args:
        store: a file for the embedded engine, or `bolt://...` or `neo4j://...`; where it is not
            given, `followsuit.toml` and the environment say.
        options: the other settings, see `followsuit.config.Settings`, and `progress`.

    Returns:
        See `followsuit.api.Shop`.
    """
    # The engines take seconds to import; `followsuit --help` does without them.
    from followsuit.api import Shop
    from followsuit.config import read_settings
    from followsuit.graph.progress import silent

    progress = options.pop("progress", silent)
    return Shop(read_settings(store=None if store is None else str(store), **options), progress)
