"""The Python API."""

from followsuit.api.shop import Shop

__all__ = ["Shop"]
