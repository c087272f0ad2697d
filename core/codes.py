"""Positions of ids in a list, for the length of one array computation.

Codes are neither written to disk nor passed from one step to the next: another load gives the same
id another position.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Codes:
    """The positions of distinct texts in a list.

    Attributes:
        ids: (n,) object array of the texts, by code.
    """

    def __init__(self, ids: pa.Array | pa.ChunkedArray | np.ndarray) -> None:
        texts = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else pa.array(ids)
        self._texts = texts.cast(pa.string())
        self.ids: np.ndarray = np.asarray(self._texts.to_pylist(), dtype=object)

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, values: pa.Array | pa.ChunkedArray | np.ndarray) -> np.ndarray:
        """(values,) int64: the code of each text, -1 where it is not in the list or missing."""
        if isinstance(values, np.ndarray):
            values = pa.array(values, pa.string(), from_pandas=True)
        places = pc.index_in(values.cast(pa.string()), value_set=self._texts, skip_nulls=True)
        codes: np.ndarray = np.asarray(places.fill_null(-1)).astype(np.int64)
        return codes
