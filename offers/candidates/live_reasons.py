"""A grid's live reasons, by pair of customer and item."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy import sparse

from followsuit.offers.candidates.candidates import Candidates
from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.features.declared import BY_TRIGGER
from followsuit.triggers.trigger import Trigger


class LiveReasons:
    """What brings up each pair, and in which words.

    Of several reasons for a pair, that of the trigger that is declared first has the word.

    Args:
        grid: with the reasons.
        triggers: that they are of, the most telling first.

    Attributes:
        pairs: (n, k) the number of each pair that has reasons, from 1.
    """

    def __init__(self, grid: Grid, triggers: Sequence[Trigger]) -> None:
        place = {name: i for i, trigger in enumerate(triggers) for name in trigger.names}
        live = grid.live.assign(place=grid.live.trigger.map(place).astype(np.int64))
        live = live.sort_values(["row", "column", "place", "trigger"], ignore_index=True)
        first = ~live.duplicated(["row", "column"])
        starts = np.flatnonzero(first)
        cells = (np.arange(1, len(starts) + 1), (live.row[first], live.column[first]))
        self.pairs = sparse.csr_matrix(cells, (len(grid.customers), len(grid.items)))
        # The list of the number 0 is empty.
        ends = pa.array(np.concatenate([[0], starts, [len(live)]]).astype(np.int32))
        names = pa.array(live.trigger.to_numpy(dtype=object), pa.string())
        self._triggers = pa.ListArray.from_arrays(ends, names)
        self._words = np.full(len(starts) + 1, None, dtype=object)
        self._features = np.full(len(starts) + 1, None, dtype=object)
        leading = live[first].reset_index(drop=True)
        self._features[1:] = leading.trigger.map(BY_TRIGGER)
        for i, trigger in enumerate(triggers):
            own = leading[leading.place == i]
            if len(own):
                self._words[own.index + 1] = trigger.words(own, grid.view.as_of)

    def of(self, candidates: Candidates) -> np.ndarray:
        """(candidates,) the number of each one's pair, 0 where it has no reason."""
        return pick(self.pairs, candidates.row, candidates.column)

    def triggers(self, pair: np.ndarray) -> pa.Array:
        """(pairs,) the names of the triggers that bring each pair up."""
        return self._triggers.take(pa.array(pair))

    def words(self, pair: np.ndarray) -> np.ndarray:
        """(pairs,) what the customer is told of each, None for 0."""
        words: np.ndarray = self._words[pair]
        return words

    def feature(self, pair: np.ndarray) -> np.ndarray:
        """(pairs,) the name of the feature of each one's first trigger, None without one."""
        feature: np.ndarray = self._features[pair]
        return feature
