"""What a ranking might have shown on an earlier day, and what came of it."""

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from followsuit.core.codes import Codes
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.learning.calibration import Shown
from followsuit.offers.retrieval import Retrieval
from followsuit.offers.selection import Selection

_EMPTY = Shown(
    customer=np.empty(0, np.int64),
    day=np.empty(0, np.int64),
    trigger=np.empty(0, object),
    probability=np.empty(0, float),
    accepted=np.empty(0, bool),
)


def sampled(rows: ir.Table, most: int, seed: int) -> tuple[str, ...] | None:
    """Ids of a sample of the customers who have a row; None for all of them.

    Args:
        rows: rows with `customer_id`.
        most: maximum number of customers.
        seed: random seed.
    """
    ids = rows.select("customer_id").distinct().order_by("customer_id").to_pyarrow()
    ids = ids["customer_id"]
    if len(ids) <= most:
        return None
    chosen = np.random.default_rng(seed).choice(len(ids), most, replace=False)
    return tuple(pc.take(ids, pa.array(np.sort(chosen))).to_pylist())


def shown_rows(
    retrieval: Retrieval,
    grid: Grid,
    customers: Codes,
    adopted: np.ndarray,
    selection: Selection,
) -> Shown:
    """The rows that a ranking might have shown as of the grid's instant: twice as many as it shows.

    Args:
        retrieval: finds the candidates of the grid.
        grid: the customers and items, as of a cutoff whose horizon has passed.
        customers: the codes to give to customers.
        adopted: (pairs, 2) row and column of what the customers bought or visited within the
            horizon, see `Outcomes.pairs`; these are accepted.
        selection: how many offers a customer gets.
    """
    width = max(len(grid.items), 1)
    accepted = adopted[:, 0] * width + adopted[:, 1]
    codes, day = customers.of(grid.customers.ids), int(grid.view.as_of.timestamp())
    parts = [_EMPTY]
    for _, block in retrieval.blocks(selection.ranked):
        rank = retrieval.ranks(block, selection.per_item)
        here = np.flatnonzero((rank > 0) & (rank <= 2 * selection.top))
        row, column = block.candidates.row[here], block.candidates.column[here]
        parts.append(
            Shown(
                codes[row],
                np.full(len(row), day),
                block.trigger[here],
                block.raw.probability[here],
                np.isin(row * width + column, accepted),
            )
        )
    return Shown.joined(*parts)
