"""Numbers that look random but are the same each time, made from ids."""

import hashlib
from collections.abc import Iterable

import numpy as np


def share_of(ids: Iterable[str], salt: str) -> np.ndarray:
    """(ids,) a number from 0 to below 1 for each id, uniform over ids.

    Args:
        ids: the ids.
        salt: another salt gives other numbers.
    """
    texts = (hashlib.sha256(f"{salt}\0{each}".encode()).digest()[:8] for each in ids)
    whole = np.array([int.from_bytes(each, "big") >> 11 for each in texts], dtype=np.float64)
    return whole / 2.0**53
