"""The rows of the decisions about candidates: their columns, and what each one says."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.declared import Values
from followsuit.offers.learning.acceptance import Acceptance
from followsuit.offers.retrieval import Block, Retrieval
from followsuit.policy.decision import NEXT, OFFERED, OUTRANKED
from followsuit.triggers.reason_texts import ReasonTexts
from followsuit.triggers.trigger import Trigger

REASON, REPEAT, TASTE, BASKET, POPULAR = "trigger", "repeat", "taste", "basket", "popular"
"""The values of the column `source`."""
_SOURCES = (POPULAR, TASTE, BASKET, REASON, REPEAT)
CONTRIBUTIONS = "contributions"

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
        ("acceptance", g.NUMBER),
        ("own_share", g.NUMBER),
        ("trigger_share", g.NUMBER),
        g.amount("expected_value", g.NUMBER),
        g.amount("value"),
        g.amount("cost", g.NUMBER),
        ("channel", g.TEXT),
        ("until", g.TIME),
        ("store_ids", pa.list_(g.TEXT)),
        ("decision", g.TEXT),
        ("rank", g.WHOLE),
        ("reason", g.TEXT),
        ("send_after", g.TIME),
        ("propensity", g.NUMBER),
    ]
)
"""Columns of `decisions.parquet`, a row for each candidate; `contributions` follows.

- `offer_id`: null if a rule blocks the item for the customer, whatever the offer
- `triggers`: the names of its live triggers, the one with the largest share first
- `source`: why it is a candidate: `trigger`, `repeat`, `taste`, `basket` or `popular`
- `blocked_by`: the rule that blocks it; rows that a rule blocks before have no prediction
- `probability`: how likely the customer is to buy or visit the item within the horizon; the sum of
  `own_share` and `trigger_share`
- `low`, `high`: of the customers scored like this one, this share accepts (90 % interval); null
  while the probability isn't calibrated
- `acceptance`: the probability after a contact; null while too few contacts have outcomes
- `own_share`: the probability without any trigger
- `trigger_share`: how much of the probability comes from triggers
- `value`: value of an acceptance in minor units of money, by the offer, else the item's margin,
  else its price
- `cost`: the cost of the message by its channel, and that of the offer times acceptance, else
  probability
- `expected_value`: acceptance, else probability, times the value, less `cost`; null if the value
  isn't known
- `channel`: the channel to use; null if the customer agreed to contact in general
- `until`: when the reason of the first trigger ends; null without a trigger, or without an end
- `store_ids`: the stores at which the offer can be redeemed for that reason; null for any store
- `decision`: `offered`, `outranked`, or the rule that blocks it
- `rank`: rank among the customer's candidates, from 1, offered ones first; null if a rule blocks
  it
- `reason`: the reason in words for the customer
- `send_after`: the earliest time to send it; null if it may be sent at once
- `propensity`: how likely this run was to offer it: 1 or 0, or 1 less the share of the holdout
- `contributions`: what each feature adds to the log-odds; null beyond the next ten candidates after
  the offered ones

Rows that need no prediction come first. The others are sorted by customer, then by rank. Only the
ten outranked candidates that come next are kept; the others are counted in the file's metadata,
among them those whose item or offer the customer gets from another candidate.
"""


def schema_of(features: Iterable[str]) -> pa.Schema:
    """The columns of `decisions.parquet`: those of `SCHEMA`, then `contributions`.

    Args:
        features: the names of the features.
    """
    kind = pa.struct(dict.fromkeys(features, g.NUMBER))
    return SCHEMA.append(pa.field(CONTRIBUTIONS, kind))


class Describe:
    """Makes the columns of `decisions.parquet` from predictions and ranks.

    Args:
        grid: the grid of the candidates.
        retrieval: what found the candidates.
        acceptance: the fitted models.
        triggers: the triggers of the reasons, in order of precedence.
        texts: what customers may be told.
        digests: digests of what the decisions rest on, for the file's metadata.
    """

    def __init__(
        self,
        grid: Grid,
        retrieval: Retrieval,
        acceptance: Acceptance,
        triggers: Sequence[Trigger],
        texts: ReasonTexts,
        digests: Mapping[str, str],
    ) -> None:
        self._reasons = retrieval.reasons
        self._behind = self._reasons.table[["order", "friends", "first_at"]]
        self._again = np.append(self._reasons.table.repeat.eq(True).to_numpy(), False)
        self._offers = retrieval.offers
        self._acceptance = acceptance
        self._triggers = triggers
        self._texts = texts
        self._as_of = grid.view.as_of
        self._names = retrieval.features.names
        self.schema = schema_of(self._names).with_metadata(digests)
        items = grid.view.item_list
        self._customer_ids = text(grid.customers.ids)
        self._offer_ids = text(self._offers.ids)
        self._kinds, self._item_ids = text(items.kind[grid.items]), text(items.id[grid.items])
        self._categories = items.category[grid.items]
        people = grid.view.people.select("customer_id", "channel").to_pyarrow()
        self._channels = text(
            grid.customers.lay_out(people["customer_id"], people["channel"], None)
        )
        popular = retrieval.features["popularity"].block(slice(0, 1)).ravel()
        popular = popular[popular > 0]
        self._mean_popularity = float(popular.mean()) if len(popular) else 0.0

    def table(self, block: Block, rank: np.ndarray, top: int) -> pa.Table:
        """The decisions about candidates.

        Args:
            block: the candidates.
            rank: (candidates,) see `ranks`.
            top: maximum number of offers per customer.
        """
        candidates, parts, leading = block.candidates, block.parts, block.leading
        row, column, offer = candidates.row, candidates.column, candidates.offer
        n, prediction = len(row), block.prediction
        offered = (rank > 0) & (rank <= top)
        above = self._above_average(parts, block.values)
        columns = {
            "customer_id": self._customer_ids.take(pa.array(row)),
            "offer_id": self._offer_ids.take(pa.array(offer)),
            "item_kind": self._kinds.take(pa.array(column)),
            "item_id": self._item_ids.take(pa.array(column)),
            "triggers": self._reasons.names(block.matches, n),
            "source": _words(_SOURCES, self._source(parts, above, leading)),
            "probability": prediction.probability,
            "low": pa.array(block.low, from_pandas=True),
            "high": pa.array(block.high, from_pandas=True),
            "acceptance": pa.array(block.acceptance, from_pandas=True),
            "own_share": prediction.own_share,
            "trigger_share": prediction.trigger_share,
            "expected_value": pa.array(block.expected_value, from_pandas=True),
            "cost": pa.array(block.cost),
            "value": pa.array(block.value, from_pandas=True).cast(g.MONEY),
            "channel": self._channels.take(pa.array(row)),
            "until": self._reasons.until(leading),
            "store_ids": self._reasons.store_ids(leading, candidates),
            "decision": _words((OUTRANKED, OFFERED), offered.astype(int)),
            "rank": pa.array(rank, mask=rank == 0),
            "propensity": offered.astype(float),
            "reason": self._texts_of(column, parts, above, leading),
            CONTRIBUTIONS: self._contributions(block, (rank > 0) & (rank <= top + NEXT)),
        }
        arrays = [
            pa.nulls(n, f.type) if f.name not in columns else _typed(columns[f.name], f.type)
            for f in self.schema
        ]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _source(self, parts: Values, above: np.ndarray, leading: np.ndarray) -> np.ndarray:
        """(candidates,) index in `_SOURCES`: the first reason, else what adds most."""
        popular = np.maximum(above + parts["city_popularity"], 0)
        own = np.stack([popular, parts["category"] + parts["affinity"], parts["basket_lift"]])
        source: np.ndarray = np.where(leading >= 0, 3 + self._again[leading], own.argmax(axis=0))
        return source

    def _contributions(self, block: Block, explained: np.ndarray) -> pa.Array:
        """(candidates,) what each feature adds to the log-odds; null where not `explained`."""
        rows = np.flatnonzero(explained)
        values = {name: each[rows] for name, each in block.values.items()}
        parts = self._acceptance.model.contributions(values)
        of_row = np.full(len(explained), -1, dtype=np.int64)
        of_row[rows] = np.arange(len(rows))
        made = pa.StructArray.from_arrays(
            [pa.array(parts[name].round(9)) for name in self._names], self._names
        )
        return made.take(pa.array(of_row, mask=of_row < 0))

    def _above_average(self, parts: Values, values: Values) -> np.ndarray:
        """How much more an item's popularity adds to the score than the average popularity does."""
        average = np.full(len(values["popularity"]), self._mean_popularity)
        of_average = self._acceptance.logistic.contributions({**values, "popularity": average})
        above: np.ndarray = parts["popularity"] - of_average["popularity"]
        return above

    def _texts_of(
        self,
        column: np.ndarray,
        parts: Values,
        above: np.ndarray,
        leading: np.ndarray,
    ) -> np.ndarray:
        texts = self._texts.without_trigger(
            parts["category"], parts["basket_lift"], above, self._categories[column]
        )
        with_trigger = np.flatnonzero(leading >= 0)
        rows = self._behind.iloc[leading[with_trigger]]
        for number, trigger in enumerate(self._triggers):
            own = (rows.order == number).to_numpy()
            if own.any():
                texts[with_trigger[own]] = self._texts.of_trigger(
                    trigger.name, trigger.text, rows[own], self._as_of
                )
        return texts


def text(values: np.ndarray) -> pa.Array:
    """Values as text; None and NaN are null."""
    return pa.array(values, g.TEXT, from_pandas=True)


def _words(words: Sequence[str], number: np.ndarray) -> pa.Array:
    return pa.array(words, g.TEXT).take(pa.array(number))


def _typed(values: np.ndarray | pa.Array, kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)
