"""Random generators, and the distributions that the world's parts share."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Flags = NDArray[np.bool_]
Chance = np.random.Generator

DAY = 86_400
HOUR = 3_600

_PARTS = (
    "places",
    "catalogue",
    "promotions",
    "people",
    "friends",
    "journeys",
    "shopping",
    "sales",
    "visits",
    "events",
    "likes",
    "memberships",
    "consents",
    "offers",
    "contacts",
    "dirt",
)


def streams(seed: int) -> dict[str, Chance]:
    """An independent generator for each part of the world.

    Draws of one part don't change another's. Add a new part at the end.
    """
    children = np.random.SeedSequence(seed).spawn(len(_PARTS))
    return {name: np.random.default_rng(s) for name, s in zip(_PARTS, children, strict=True)}


def apportion(total: int, weights: Floats, least: int = 0) -> Ints:
    """Split `total` into whole parts, each at least `least`, the rest in proportion to `weights`.

    The parts add up exactly (largest remainders).
    """
    free = total - least * len(weights)
    exact = weights / weights.sum() * free
    parts = np.floor(exact).astype(np.int64)
    parts[np.argsort(parts - exact, kind="stable")[: free - parts.sum()]] += 1
    return np.asarray(parts + least)


def pick(rng: Chance, weights: Floats, size: int) -> Ints:
    """Draw `size` indices with replacement, in proportion to `weights`."""
    reach = np.cumsum(weights)
    return within(np.searchsorted(reach, rng.random(size) * reach[-1], side="right"), len(reach))


def within(index: NDArray[np.intp], length: int) -> Ints:
    """Limit indices to the last one, because rounding may exceed it."""
    return np.minimum(index, length - 1).astype(np.int64)


def uneven(rng: Chance, spread: float, size: int) -> Floats:
    """Lognormal factors with mean 1; `spread` is the deviation of the logarithm."""
    return np.exp(rng.normal(-spread * spread / 2, spread, size))


def directions(rng: Chance, size: int) -> Floats:
    """Random vectors (size, 3) with independent standard normal parts."""
    return rng.standard_normal((size, 3))


def unit(vectors: Floats) -> Floats:
    """Scale the rows to length 1."""
    return np.asarray(vectors / np.sqrt((vectors * vectors).sum(axis=1, keepdims=True)))
