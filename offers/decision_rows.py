"""The rows of the decisions about candidates: their columns, and what each one says."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.offers.candidates.candidates import Candidates, Offers
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.candidates.live_reasons import LiveReasons, Matches
from followsuit.offers.features.declared import NAMES, Values
from followsuit.offers.features.feature import Feature
from followsuit.offers.learning.model import Model
from followsuit.policy.decision import OFFERED, OUTRANKED
from followsuit.triggers.reason_texts import ReasonTexts
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
        ("until", g.TIME),
        ("store_ids", pa.list_(g.TEXT)),
        ("decision", g.TEXT),
        ("rank", g.WHOLE),
        ("reason", g.TEXT),
        ("send_after", g.TIME),
        ("contributions", pa.struct(dict.fromkeys(NAMES, g.NUMBER))),
    ]
)
"""Columns of `decisions.parquet`, a row for each candidate.

- `offer_id`: null if a rule blocks the item for the customer, whatever the offer
- `triggers`: the names of its live triggers, the one with the largest share first
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
- `until`: when the reason of the first trigger ends; null without a trigger, or without an end
- `store_ids`: the stores at which the offer can be redeemed for that reason; null for any store
- `decision`: `offered`, `outranked`, or the rule that blocks it
- `rank`: rank among the customer's candidates, from 1; null if the customer gets its item or its
  offer from another candidate
- `reason`: the reason in words for the customer
- `send_after`: the earliest time to send it; null if it may be sent at once
- `contributions`: what each feature adds to the log-odds

All blocked rows come first. The others are sorted by customer, then by rank.
"""


class Describe:
    """Makes the columns of `SCHEMA` from predictions and ranks.

    Args:
        grid: the grid of the candidates.
        offers: the offers of the candidates.
        model: the fitted acceptance model.
        popularity: the feature of that name.
        reasons: the live reasons of the candidates.
        triggers: the triggers of the reasons, in order of precedence.
        texts: what customers may be told.
    """

    def __init__(
        self,
        grid: Grid,
        offers: Offers,
        model: Model,
        popularity: Feature,
        reasons: LiveReasons,
        triggers: Sequence[Trigger],
        texts: ReasonTexts,
    ) -> None:
        self._reasons = reasons
        self._offers = offers
        self._model = model
        self._triggers = triggers
        self._texts = texts
        self._as_of = grid.view.as_of
        items = grid.view.item_list
        self._customer_ids = text(grid.customers.ids)
        self._offer_ids = text(offers.ids)
        self._kinds, self._item_ids = text(items.kind[grid.items]), text(items.id[grid.items])
        self._categories = items.category[grid.items]
        people = grid.view.people.select("customer_id", "channel").to_pyarrow()
        self._channels = text(
            grid.customers.lay_out(people["customer_id"], people["channel"], None)
        )
        popular = popularity.block(slice(0, 1)).ravel()
        self._mean_popularity = float(popular.mean()) if len(popular) else 0.0

    def table(
        self, candidates: Candidates, matches: Matches, values: Values, rank: np.ndarray, top: int
    ) -> pa.Table:
        """The decisions about candidates.

        Args:
            candidates: the candidates.
            matches: their reasons.
            values: their features, each (candidates,).
            rank: (candidates,) see `ranks`.
            top: maximum number of offers per customer.
        """
        row, column, offer = candidates.row, candidates.column, candidates.offer
        n, prediction = len(row), self._model.predict(values)
        parts = self._model.contributions(values)
        matches = self._reasons.by_share(matches, values, parts)
        leading = np.full(n, -1, dtype=np.int64)
        # The first of each candidate is written last.
        leading[matches.candidate[::-1]] = matches.reason[::-1]
        value = self._offers.value[offer]
        offered = (rank > 0) & (rank <= top)
        above = self._above_average(parts, values)
        by_taste = parts["category"] + parts["affinity"] > np.maximum(above, 0)
        columns = {
            "customer_id": self._customer_ids.take(pa.array(row)),
            "offer_id": self._offer_ids.take(pa.array(offer)),
            "item_kind": self._kinds.take(pa.array(column)),
            "item_id": self._item_ids.take(pa.array(column)),
            "triggers": self._reasons.names(matches, n),
            "source": _words((POPULAR, TASTE, REASON), np.where(leading >= 0, 2, by_taste)),
            "probability": prediction.probability,
            "own_share": prediction.own_share,
            "trigger_share": prediction.trigger_share,
            "expected_value": pa.array(prediction.probability * value, from_pandas=True),
            "value": pa.array(value, from_pandas=True).cast(g.MONEY),
            "channel": self._channels.take(pa.array(row)),
            "until": self._reasons.until(leading),
            "store_ids": self._reasons.store_ids(leading, candidates),
            "decision": _words((OUTRANKED, OFFERED), offered.astype(int)),
            "rank": pa.array(rank, mask=rank == 0),
            "reason": self._texts_of(column, parts, above, leading),
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

    def _texts_of(
        self,
        column: np.ndarray,
        parts: Values,
        above: np.ndarray,
        leading: np.ndarray,
    ) -> np.ndarray:
        texts = self._texts.without_trigger(parts["category"], above, self._categories[column])
        with_trigger = np.flatnonzero(leading >= 0)
        rows = self._reasons.table.iloc[leading[with_trigger]]
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
