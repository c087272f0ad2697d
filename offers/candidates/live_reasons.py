"""The live reasons of a grid, by pair of customer and item."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy import sparse

from followsuit.offers.candidates.candidates import Candidates
from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.features.declared import BY_TRIGGER
from followsuit.triggers.trigger import Trigger


class LiveReasons:
    """The triggers of each pair that has a reason, and the words for the customer.

    If a pair has several reasons, the words are those of its first trigger.

    Args:
        grid: the grid with the reasons.
        triggers: the triggers, in order of precedence.

    Attributes:
        pairs: (n, k) a number from 1 for each pair that has reasons; other cells are 0.
    """

    def __init__(self, grid: Grid, triggers: Sequence[Trigger]) -> None:
        order = {name: i for i, trigger in enumerate(triggers) for name in trigger.names}
        live = grid.live.assign(order=grid.live.trigger.map(order).astype(np.int64))
        live = live.sort_values(["row", "column", "order", "trigger"], ignore_index=True)
        first = ~live.duplicated(["row", "column"])
        starts = np.flatnonzero(first)
        cells = (np.arange(1, len(starts) + 1), (live.row[first], live.column[first]))
        self.pairs = sparse.csr_matrix(cells, (len(grid.customers), len(grid.items)))
        # Number 0 means no reason: its list of triggers is empty.
        ends = pa.array(np.concatenate([[0], starts, [len(live)]]).astype(np.int32))
        names = pa.array(live.trigger.to_numpy(dtype=object), pa.string())
        self._triggers = pa.ListArray.from_arrays(ends, names)
        self._words = np.full(len(starts) + 1, None, dtype=object)
        self._features = np.full(len(starts) + 1, None, dtype=object)
        leading = live[first].reset_index(drop=True)
        self._features[1:] = leading.trigger.map(BY_TRIGGER)
        for i, trigger in enumerate(triggers):
            own = leading[leading.order == i]
            if len(own):
                self._words[own.index + 1] = trigger.words(own, grid.view.as_of)

    def of(self, candidates: Candidates) -> np.ndarray:
        """(candidates,) the number of each candidate's pair; 0 if it has no reason."""
        return pick(self.pairs, candidates.row, candidates.column)

    def triggers(self, pair: np.ndarray) -> pa.Array:
        """(pairs,) the names of each pair's triggers, by its number."""
        return self._triggers.take(pa.array(pair))

    def words(self, pair: np.ndarray) -> np.ndarray:
        """(pairs,) each pair's reason in words for the customer; None for 0."""
        words: np.ndarray = self._words[pair]
        return words

    def feature(self, pair: np.ndarray) -> np.ndarray:
        """(pairs,) the name of the feature of each pair's first trigger; None if it has none."""
        feature: np.ndarray = self._features[pair]
        return feature
