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
from followsuit.graph import schema as g
from followsuit.graph.items import PAIR
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.candidates import BEST, Candidates, Offers, offers_for, ranks
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.grid import Grid, blocks
from followsuit.offers.candidates.live_reasons import LiveReasons
from followsuit.offers.explanation.wording import own_reasons
from followsuit.offers.features.declared import NAMES, TRIGGER, Features, Values
from followsuit.offers.learning.model import Model
from followsuit.policy.decision import OFFERED, OUTRANKED
from followsuit.policy.rules import BEFORE_PREDICTION, Rule
from followsuit.triggers.trigger import Trigger

REASON, TASTE, POPULAR = "trigger", "taste", "popular"
"""The values of the column `source`."""

SCHEMA = pa.schema(
    [
        ("customer_id", g.TEXT),
        ("offer_id", g.TEXT),
        ("item_kind", g.TEXT),
        ("item_id", g.TEXT),
        ("triggers", pa.list_(g.TEXT)),
        ("source", g.TEXT),
        ("blocked_by", g.TEXT),
        ("probability", g.NUMBER),
        ("low", g.NUMBER),
        ("high", g.NUMBER),
        ("own_share", g.NUMBER),
        ("trigger_share", g.NUMBER),
        g.amount("expected_value", g.NUMBER),
        g.amount("value"),
        ("channel", g.TEXT),
        ("decision", g.TEXT),
        ("rank", g.WHOLE),
        ("reason", g.TEXT),
        ("send_after", g.TIME),
        ("contributions", pa.struct(dict.fromkeys(NAMES, g.NUMBER))),
    ]
)
"""Columns of `decisions.parquet`, a row for each candidate.

- `offer_id`: null if a rule blocks the item for the customer, whatever the offer
- `triggers`: the names of its live triggers
- `source`: why it is a candidate: `trigger`, `taste` or `popular`
- `blocked_by`: the rule that blocks it; such rows have no prediction
- `probability`: how likely the customer is to buy or visit the item within the horizon; the sum of
  `own_share` and `trigger_share`
- `low`, `high`: the 95 % interval of the probability; null while it isn't calibrated
- `own_share`: the probability without any trigger
- `trigger_share`: how much of the probability comes from triggers
- `value`: value of an acceptance, in minor units of money
- `expected_value`: probability x value
- `channel`: the channel to use; null if the customer agreed to contact in general
- `decision`: `offered`, `outranked`, or the rule that blocks it
- `rank`: rank among the customer's candidates, from 1; null if the customer gets its item or its
  offer from another candidate
- `reason`: the reason in words for the customer
- `send_after`: the earliest time to send it; null if it may be sent at once
- `contributions`: what each feature adds to the log-odds

All blocked rows come first. The others are sorted by customer, then by rank.
"""


def write_decisions(
    path: Path,
    pairs: ir.Table,
    grid: Grid,
    catalogue: Catalogue | None,
    model: Model,
    triggers: Sequence[Trigger],
    top: int,
    rules: Sequence[Rule] = BEFORE_PREDICTION,
    progress: Progress = silent,
) -> None:
    """Predict, rank and decide for all candidates, and write the decisions.

    Args:
        path: the Parquet file to write.
        pairs: the reasons with `blocked_by`, see `brought_up`.
        grid: the grid of the reasons that no rule blocks.
        catalogue: the active offers; None if each item is its own offer.
        model: the fitted acceptance model.
        triggers: the triggers of the reasons, in order of precedence.
        top: maximum number of offers per customer.
        rules: the rules, in the order in which they apply.
        progress: progress callback; counts customers.
    """
    with (
        pq.ParquetWriter(path, SCHEMA) as writer,
        progress("ranking offers", len(grid.customers)) as advance,
    ):
        writer.write_table(_blocked(pairs, catalogue is not None))
        blocked = grid.code(pairs.filter(pairs.blocked_by.notnull()))
        reasons = LiveReasons(grid, triggers)
        to_apply = [rule for rule in rules if not rule.enforced_by_ranking]
        for rows, table in _decided(grid, blocked, reasons, catalogue, model, top, to_apply):
            writer.write_table(table)
            advance(rows.stop - rows.start)


def _blocked(pairs: ir.Table, with_catalogue: bool) -> pa.Table:
    """The decisions about pairs that a rule blocks."""
    rows = pairs.filter(pairs.blocked_by.notnull())
    named = rows.group_by(*PAIR, "blocked_by").aggregate(
        triggers=rows.trigger.collect(order_by=rows.trigger)
    )
    rows = named.order_by(*PAIR).to_pyarrow()
    columns = {name: rows[name] for name in (*PAIR, "blocked_by", "triggers")}
    columns["decision"] = rows["blocked_by"]
    columns["source"] = pa.repeat(REASON, len(rows))
    if not with_catalogue:
        columns["offer_id"] = rows["item_id"]
    empty = {f.name: pa.nulls(len(rows), f.type) for f in SCHEMA if f.name not in columns}
    return pa.table({**columns, **empty}).select(SCHEMA.names).cast(SCHEMA)


def _decided(
    grid: Grid,
    blocked: tuple[np.ndarray, np.ndarray],
    reasons: LiveReasons,
    catalogue: Catalogue | None,
    model: Model,
    top: int,
    rules: Sequence[Rule],
) -> Iterator[tuple[slice, pa.Table]]:
    """The decisions about all other candidates, one block of customers at a time."""
    features, offers = Features(grid), offers_for(grid, catalogue)
    shape = (len(grid.customers), len(grid.items))
    is_blocked = sparse.csr_matrix((np.ones(len(blocked[0]), bool), blocked), shape)
    describe = _Describe(grid, offers, model, features, reasons)
    for rows in blocks(len(grid.customers), max(len(grid.items), len(offers.ids))):
        block = features.block(rows)
        scores = model.score(block)
        grid.exclude(scores, rows)
        scores[is_blocked[rows].nonzero()] = -np.inf
        best = offers.best(scores, rows, max(BEST, top))
        while rules and len(refused := _refused(grid, best, catalogue, rules)):
            scores[best.row[refused] - rows.start, best.column[refused]] = -np.inf
            best = offers.best(scores, rows, max(BEST, top))
        here = reasons.pairs[rows].tocoo()
        with_reason = offers.of_pairs(here.row + rows.start, here.col.astype(np.intp))
        candidates = joined(with_reason, best)
        row, column = candidates.row - rows.start, candidates.column
        rank = ranks(candidates, scores[row, column], offers)
        values = {
            name: np.broadcast_to(each, scores.shape)[row, column] for name, each in block.items()
        }
        order = np.lexsort((candidates.offer, column, np.where(rank, rank, rank.max() + 1), row))
        table = describe.table(candidates, values, rank, top).take(order)
        yield rows, table


def _refused(
    grid: Grid, candidates: Candidates, catalogue: Catalogue | None, rules: Sequence[Rule]
) -> np.ndarray:
    """Positions of the candidates that a rule blocks."""
    items, position = grid.view.item_list, grid.items[candidates.column]
    pairs = pa.table(
        {
            "customer_id": _text(grid.customers.ids[candidates.row]),
            "item_kind": _text(items.kind[position]),
            "item_id": _text(items.id[position]),
        }
    )
    checked = brought_up(grid.view, ibis.memtable(pairs).distinct(), catalogue, rules)
    row, column = grid.code(checked.filter(checked.blocked_by.notnull()))
    grid.view.snapshot.drop(checked)
    width = len(grid.items)
    return np.flatnonzero(np.isin(candidates.row * width + candidates.column, row * width + column))


def joined(one: Candidates, other: Candidates) -> Candidates:
    """The union of both, without duplicates."""
    both = np.column_stack(
        [
            np.concatenate([getattr(one, name), getattr(other, name)])
            for name in ("row", "column", "offer")
        ]
    )
    return Candidates(*np.unique(both, axis=0).T)


class _Describe:
    """Makes the columns of `SCHEMA` from predictions and ranks."""

    def __init__(
        self, grid: Grid, offers: Offers, model: Model, features: Features, reasons: LiveReasons
    ) -> None:
        self._live = reasons
        self._offers = offers
        self._model = model
        items = grid.view.item_list
        self._customer_ids = _text(grid.customers.ids)
        self._offer_ids = _text(offers.ids)
        self._kinds, self._item_ids = _text(items.kind[grid.items]), _text(items.id[grid.items])
        self._categories = items.category[grid.items]
        people = grid.view.people.select("customer_id", "channel").to_pyarrow()
        self._channels = _text(
            grid.customers.lay_out(people["customer_id"], people["channel"], None)
        )
        popular = features["popularity"].block(slice(0, 1)).ravel()
        self._mean_popularity = float(popular.mean()) if len(popular) else 0.0

    def table(self, candidates: Candidates, values: Values, rank: np.ndarray, top: int) -> pa.Table:
        """The decisions about candidates.

        Args:
            candidates: the candidates.
            values: their features, each (candidates,).
            rank: (candidates,) see `ranks`.
            top: maximum number of offers per customer.
        """
        row, column, offer = candidates.row, candidates.column, candidates.offer
        n, prediction = len(row), self._model.predict(values)
        pair = self._live.of(candidates)
        parts = self._model.contributions(values)
        value = self._offers.value[offer]
        offered = (rank > 0) & (rank <= top)
        above = self._above_average(parts, values)
        by_taste = parts["category"] + parts["affinity"] > np.maximum(above, 0)
        columns = {
            "customer_id": self._customer_ids.take(pa.array(row)),
            "offer_id": self._offer_ids.take(pa.array(offer)),
            "item_kind": self._kinds.take(pa.array(column)),
            "item_id": self._item_ids.take(pa.array(column)),
            "triggers": self._live.triggers(pair),
            "source": _words((POPULAR, TASTE, REASON), np.where(pair > 0, 2, by_taste)),
            "probability": prediction.probability,
            "own_share": prediction.own_share,
            "trigger_share": prediction.trigger_share,
            "expected_value": pa.array(prediction.probability * value, from_pandas=True),
            "value": pa.array(value, from_pandas=True).cast(g.MONEY),
            "channel": self._channels.take(pa.array(row)),
            "decision": _words((OUTRANKED, OFFERED), offered.astype(int)),
            "rank": pa.array(rank, mask=rank == 0),
            "reason": self._reasons(column, parts, above, pair),
            "contributions": pa.StructArray.from_arrays(
                [pa.array(parts[name].round(9)) for name in NAMES], NAMES
            ),
        }
        arrays = [
            pa.nulls(n, f.type) if f.name not in columns else _typed(columns[f.name], f.type)
            for f in SCHEMA
        ]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _above_average(self, parts: Values, values: Values) -> np.ndarray:
        """How much more an item's popularity adds to the score than the average popularity does."""
        average = np.full(len(values["popularity"]), self._mean_popularity)
        of_average = self._model.contributions({**values, "popularity": average})
        above: np.ndarray = parts["popularity"] - of_average["popularity"]
        return above

    def _reasons(
        self, column: np.ndarray, parts: Values, above: np.ndarray, pair: np.ndarray
    ) -> np.ndarray:
        texts = own_reasons(parts["category"], above, self._categories[column])
        # If the trigger's feature adds nothing, the trigger isn't the reason.
        by_trigger = pair > 0
        for name in TRIGGER:
            by_trigger &= (self._live.feature(pair) != name) | (parts[name] > 0)
        texts[by_trigger] = self._live.words(pair[by_trigger])
        return texts


def _text(values: np.ndarray) -> pa.Array:
    return pa.array(values, g.TEXT, from_pandas=True)


def _words(words: Sequence[str], number: np.ndarray) -> pa.Array:
    return pa.array(words, g.TEXT).take(pa.array(number))


def _typed(values: np.ndarray | pa.Array, kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)


def counts_by_rule(path: Path) -> dict[str, int]:
    """Number of rows that each rule blocks, by its name; rules that block none are left out."""
    blocked = pq.read_table(path, columns=["blocked_by"])["blocked_by"].drop_null()
    counted = pc.value_counts(blocked).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(counted, key=lambda r: r["values"])}
