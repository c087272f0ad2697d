"""What was decided about each candidate, and why: the last table of a run, which `why` reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse

from followsuit.core.progress import Progress, silent
from followsuit.graph.items import PAIR
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.candidates import BEST, Candidates, offers_for, ranks
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.grid import Grid, blocks
from followsuit.offers.candidates.live_reasons import LiveReasons
from followsuit.offers.decision_rows import REASON, SCHEMA, Describe, text
from followsuit.offers.features.declared import OWN, TRIGGER, Features, Values
from followsuit.offers.learning.model import Model
from followsuit.policy.rules import BEFORE_PREDICTION, Rule
from followsuit.triggers.reason_texts import ReasonTexts
from followsuit.triggers.trigger import Trigger


def write_decisions(
    path: Path,
    pairs: ir.Table,
    grid: Grid,
    catalogue: Catalogue | None,
    model: Model,
    triggers: Sequence[Trigger],
    texts: ReasonTexts,
    top: int,
    per_item: int = 1,
    rules: Sequence[Rule] = BEFORE_PREDICTION,
    progress: Progress = silent,
) -> None:
    """Predict, rank and decide for all candidates, and write the decisions.

    Args:
        path: the Parquet file to write.
        pairs: the reasons that name an item, with `blocked_by`, see `brought_up`.
        grid: the grid of the reasons that no rule blocks.
        catalogue: the active offers; None if each item is its own offer.
        model: the fitted acceptance model.
        triggers: the triggers of the reasons, in order of precedence.
        texts: what customers may be told.
        top: maximum number of offers per customer.
        per_item: maximum number of offers of one item per customer.
        rules: the rules, in the order in which they apply.
        progress: progress callback; counts customers.
    """
    with (
        pq.ParquetWriter(path, SCHEMA) as writer,
        progress("ranking offers", len(grid.customers)) as advance,
    ):
        writer.write_table(_blocked(pairs, catalogue is not None))
        blocked = grid.code(pairs.filter(pairs.blocked_by.notnull()))
        to_apply = [rule for rule in rules if not rule.enforced_by_ranking]
        decide = _Decide(grid, blocked, catalogue, model, triggers, texts, to_apply)
        for rows in decide.blocks():
            writer.write_table(decide.table(rows, top, per_item))
            advance(len(rows))


def _blocked(pairs: ir.Table, with_catalogue: bool) -> pa.Table:
    """The decisions about pairs that a rule blocks."""
    rows = pairs.filter(pairs.blocked_by.notnull())
    named = rows.group_by(*PAIR, "blocked_by").aggregate(
        triggers=rows.trigger.collect(order_by=rows.trigger, distinct=True)
    )
    rows = named.order_by(*PAIR).to_pyarrow()
    columns = {name: rows[name] for name in (*PAIR, "blocked_by", "triggers")}
    columns["decision"] = rows["blocked_by"]
    columns["source"] = pa.repeat(REASON, len(rows))
    if not with_catalogue:
        columns["offer_id"] = rows["item_id"]
    empty = {f.name: pa.nulls(len(rows), f.type) for f in SCHEMA if f.name not in columns}
    return pa.table({**columns, **empty}).select(SCHEMA.names).cast(SCHEMA)


class _Decide:
    """Decides about the candidates of a grid that no rule blocks, some customers at a time."""

    def __init__(
        self,
        grid: Grid,
        blocked: tuple[np.ndarray, np.ndarray],
        catalogue: Catalogue | None,
        model: Model,
        triggers: Sequence[Trigger],
        texts: ReasonTexts,
        rules: Sequence[Rule],
    ) -> None:
        self._grid = grid
        self._width = len(grid.items)
        self._catalogue = catalogue
        self._model = model
        self._rules = rules
        self._features = Features(grid)
        self._offers = offers_for(grid, catalogue)
        self._reasons = LiveReasons(grid, triggers, self._offers)
        shape = (len(grid.customers), len(grid.items))
        self._blocked = sparse.csr_matrix((np.ones(len(blocked[0]), bool), blocked), shape)
        popularity = self._features["popularity"]
        self._describe = Describe(
            grid, self._offers, model, popularity, self._reasons, triggers, texts
        )

    def blocks(self) -> Iterator[np.ndarray]:
        """Rows of the grid, some at a time."""
        n, width = len(self._grid.customers), max(len(self._grid.items), len(self._offers.ids))
        for rows in blocks(n, width):
            yield np.arange(rows.start, rows.stop)

    def table(self, rows: np.ndarray, top: int, per_item: int) -> pa.Table:
        """The decisions about all candidates of some customers, by customer and rank."""
        own = self._features.block(rows, names=OWN)
        candidates = self._candidates(rows, own, max(BEST, top))
        matches = self._reasons.of(candidates)
        row, column = candidates.row, candidates.column
        cells, shape = (row - rows[0], column), (len(rows), self._width)
        values = {name: np.broadcast_to(each, shape)[cells] for name, each in own.items()}
        values |= self._reasons.features(matches, len(row))
        scores, needed = self._model.score(values), self._reasons.needed(matches, len(row))
        rank = ranks(candidates, scores, self._offers, first=needed, per_item=per_item)
        last = rank.max(initial=0) + 1
        order = np.lexsort((candidates.offer, column, np.where(rank, rank, last), row))
        return self._describe.table(candidates, matches, values, rank, top).take(order)

    def _candidates(self, rows: np.ndarray, own: Values, n: int) -> Candidates:
        """What reasons bring up, and each customer's n best offers by score."""
        here = self._reasons.pairs[rows].tocoo()
        named = here.row.astype(np.intp), here.col.astype(np.intp)
        scores = self._scores(rows, own, named)
        self._grid.exclude(scores, rows)
        scores[self._blocked[rows].nonzero()] = -np.inf
        best = self._offers.best(scores, rows, n)
        while self._rules and len(refused := self._refused(best)):
            scores[best.row[refused] - rows[0], best.column[refused]] = -np.inf
            best = self._offers.best(scores, rows, n)
        parts = [best, self._offers.of_pairs(rows[named[0]], named[1])]
        for wanting, allowed, needs in self._reasons.wanted(rows):
            masked = np.where(allowed, scores[wanting - rows[0]], -np.inf)
            parts.append(self._offers.best(masked, wanting, n, needs))
        return joined(*parts)

    def _scores(
        self, rows: np.ndarray, own: Values, named: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """(rows, k) the score of each pair, as if every offer were what its reasons need.

        Only customers with a broad reason have a trigger's feature in all columns; for the others,
        it is in the cells that their reasons name.
        """
        shape = (len(rows), self._width)
        scores = np.array(np.broadcast_to(self._model.score(own), shape))
        cells = {name: np.broadcast_to(each, shape)[named] for name, each in own.items()}
        for name in TRIGGER:
            cells[name] = self._features[name].pairs(rows[named[0]], named[1])
        scores[named] = self._model.score(cells)
        broad = np.flatnonzero(np.isin(rows, self._reasons.with_broad))
        if len(broad):
            whole = {name: np.broadcast_to(each, shape)[broad] for name, each in own.items()}
            whole |= self._features.block(rows[broad], names=TRIGGER)
            scores[broad] = self._model.score(whole)
        return scores

    def _refused(self, candidates: Candidates) -> np.ndarray:
        """Positions of the candidates that a rule blocks."""
        grid, view = self._grid, self._grid.view
        items, position = view.item_list, grid.items[candidates.column]
        pairs = pa.table(
            {
                "customer_id": text(grid.customers.ids[candidates.row]),
                "item_kind": text(items.kind[position]),
                "item_id": text(items.id[position]),
            }
        )
        rows = ibis.memtable(pairs).distinct()
        checked = brought_up(view, rows, self._catalogue, self._rules)
        row, column = grid.code(checked.filter(checked.blocked_by.notnull()))
        view.snapshot.drop(checked)
        blocked = row * self._width + column
        here = candidates.row * self._width + candidates.column
        return np.flatnonzero(np.isin(here, blocked))


def joined(*parts: Candidates) -> Candidates:
    """The union of candidates, sorted, without duplicates."""
    columns = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("offer", "column", "row")
    ]
    order = np.lexsort(columns)
    offer, column, row = (each[order] for each in columns)
    new = np.ones(len(row), dtype=bool)
    new[1:] = (np.diff(row) != 0) | (np.diff(column) != 0) | (np.diff(offer) != 0)
    return Candidates(row[new], column[new], offer[new])


def counts_by_rule(path: Path) -> dict[str, int]:
    """Number of rows that each rule blocks, by its name; rules that block none are left out."""
    blocked = pq.read_table(path, columns=["blocked_by"])["blocked_by"].drop_null()
    counted = pc.value_counts(blocked).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(counted, key=lambda r: r["values"])}
