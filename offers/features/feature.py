"""What a feature is."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np

from followsuit.offers.candidates.grid import Grid, blocks

Select = slice | np.ndarray
ALL = slice(None)


class Feature(ABC):
    """A number about each customer and item of a grid.

    A subclass declares what it is and computes itself; `declared.FEATURES` lists it.

    Args:
        grid: whose customers and items are described.
    """

    name: ClassVar[str]
    part: ClassVar[Literal["own", "trigger"]]
    """Whether it describes the customer's own wish, or what a trigger adds to it. A trigger's
    features are 0 where it has no reason."""
    triggers: ClassVar[tuple[str, ...]] = ()
    """The triggers that a trigger's feature is about."""
    direction: ClassVar[int]
    """1 where a higher value can't make acceptance less likely, 0 where it may do either."""
    start: ClassVar[float]
    """Its weight where there is too little to learn from."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    @abstractmethod
    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:
        """The feature of some customers and items: (rows, columns), or broadcasting to it."""

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(pairs,) float64: the feature of these customers and items, pair by pair."""
        values = np.empty(len(rows))
        wanted, position = np.unique(rows, return_inverse=True)
        for some in blocks(len(wanted), len(self.grid.items)):
            here = np.flatnonzero((position >= some.start) & (position < some.stop))
            shape = (some.stop - some.start, len(self.grid.items))
            block = np.broadcast_to(self.block(wanted[some]), shape)
            values[here] = block[position[here] - some.start, columns[here]]
        return values
