"""The truth on influence: for each ordered pair of friends, how likely one follows the other."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.schema import Col
from followsuit.simulator.columns import ids, take, words
from followsuit.simulator.people.friends import Ties
from followsuit.simulator.shop.products import Catalogue

_COLUMNS: dict[str, pa.DataType] = {
    Col.SOURCE: g.TEXT,
    Col.TARGET: g.TEXT,
    Col.CATEGORY: g.TEXT,
    Col.PROBABILITY: g.NUMBER,
}
EDGES = pa.schema(_COLUMNS)
"""Columns of the truth on influence: `target` buys because of `source`'s first purchase."""

_BATCH = 1_000_000


def edge_batches(ties: Ties, catalogue: Catalogue) -> Iterator[pa.RecordBatch]:
    """The truth on influence in batches, sorted by source, target and category.

    It includes pairs who become friends within the period, and omits rows of probability 0.
    """
    contagious = np.flatnonzero(ties.contagion > 0)
    if not len(contagious):
        return
    customers = ids("c", len(ties.limit), least=4)
    names = words([catalogue.sold[c].name for c in contagious])
    source = np.repeat(np.arange(len(ties.limit), dtype=np.int32), np.diff(ties.pointer))
    step = max(1, _BATCH // len(contagious))
    for low in range(0, len(source), step):
        u, v = source[low : low + step], ties.friend[low : low + step]
        pull = np.minimum(ties.contagion[contagious], ties.limit[u][:, None])
        chance = (pull * ties.chance[low : low + step, None]).ravel()
        columns = [
            take(customers, np.repeat(u, len(contagious))),
            take(customers, np.repeat(v, len(contagious))),
            take(names, np.tile(np.arange(len(contagious)), len(u))),
            pa.array(chance),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=EDGES)
        # The product of tiny numbers may be 0.
        yield batch if chance.all() else batch.filter(pa.array(chance > 0))
