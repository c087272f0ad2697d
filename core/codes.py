"""Positions of ids in a list, valid within one array computation.

Never write codes to disk or pass them between steps: another load gives an id another position.
"""

from typing import Self

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

    @classmethod
    def of_distinct(cls, texts: pa.ChunkedArray) -> Self:
        """The distinct texts of a column, sorted."""
        distinct = pc.unique(texts)
        return cls(distinct.take(pc.sort_indices(distinct)))

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, values: pa.Array | pa.ChunkedArray | np.ndarray) -> np.ndarray:
        """The code of each text, (values,) int64; -1 for a text that is missing or not listed."""
        if isinstance(values, np.ndarray):
            values = pa.array(values, pa.string(), from_pandas=True)
        positions = pc.index_in(values.cast(pa.string()), value_set=self._texts, skip_nulls=True)
        codes: np.ndarray = np.asarray(positions.fill_null(-1)).astype(np.int64)
        return codes

    def used(self, codes: np.ndarray) -> tuple[Self, np.ndarray]:
        """The texts that codes name, and the same codes as positions among these alone.

        Args:
            codes: (values,) codes from 0.
        """
        named = np.bincount(codes, minlength=len(self)) > 0
        return type(self)(self.ids[named]), (np.cumsum(named) - 1)[codes]

    def lay_out(
        self, texts: pa.ChunkedArray, values: pa.ChunkedArray, missing: float | None
    ) -> np.ndarray:
        """The value of each listed text, (n,) by code: float64, or object if `missing` is None.

        Args:
            texts: the texts that have a value, each once; those that aren't listed are left out.
            values: their values.
            missing: the value of a listed text without one.
        """
        laid_out = np.full(len(self), missing, dtype=object if missing is None else float)
        codes = self.of(texts)
        listed = codes >= 0
        laid_out[codes[listed]] = values.to_numpy(zero_copy_only=False)[listed]
        return laid_out
