"""Place the offers: the first few of each customer, and what is said of each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from followsuit.core.ranking_metrics import top_n
from followsuit.graph import schema as g
from followsuit.graph.facts import NONE, STORE, Facts
from followsuit.offers.catalogue import Catalogue
from followsuit.offers.moment import Moment, blocks, pick
from followsuit.offers.ranking import probability, scores
from followsuit.offers.reasons import friend_reasons, own_reasons
from followsuit.offers.triggers import FRIEND_BOUGHT, FRIEND_VISITED
from followsuit.offers.weights import Weights

SCHEMA = pa.schema(
    {
        "customer_id": g.TEXT,
        "rank": g.WHOLE,
        "item_kind": g.TEXT,
        "item_id": g.TEXT,
        "offer_id": g.TEXT,
        "trigger": g.TEXT,
        "score": g.NUMBER,
        "trigger_share": g.NUMBER,
        "reason": g.TEXT,
        "value": g.MONEY,
        "channel": g.TEXT,
    }
)
"""Columns of placed offers, by customer and rank.

`score` is the probability that the customer acts on the item within the horizon; `trigger_share`
how much of it is the friends' doing (0 where none acted); `trigger` is missing where no friend did;
`value` in minor units, `channel` missing where contact is granted in general.
"""


@dataclass(frozen=True)
class Places:
    """Who is offered what: arrays of one length, by row and rank."""

    row: np.ndarray
    rank: np.ndarray
    column: np.ndarray
    offer: np.ndarray
    """Position in the catalogue; -1 where each item is its own offer."""


def place(moment: Moment, weights: Weights, catalogue: Catalogue | None, top: int) -> Places:
    """The first `top` offers of each of a moment's customers.

    A customer has each item and each offer once. The offers that are worth more choose first: each
    takes the best of the items that it covers and that are left (see `_best_items`). Ties between
    items go to the smaller one.
    """
    parts = []
    for rows in blocks(len(moment.customers), len(moment.items)):
        values = np.where(moment.barred(rows), -np.inf, scores(moment, weights, rows))
        if catalogue is None:
            column = top_n(values, top)
            offer = np.where(column >= 0, NONE, NONE)
            shown = column >= 0
        else:
            best, item = _best_items(values, moment, catalogue, rows)
            offer = top_n(best, top, tie=item)
            shown = offer >= 0
            column = np.take_along_axis(item, np.maximum(offer, 0), axis=1)
        row, rank = np.nonzero(shown)
        parts.append((row + rows.start, rank + 1, column[shown], offer[shown]))
    empty = np.empty(0, dtype=np.intp)
    columns = zip(*parts, strict=True) if parts else [[empty]] * 4
    return Places(*(np.concatenate(list(column)) for column in columns))


def _best_items(
    values: np.ndarray, moment: Moment, catalogue: Catalogue, rows: slice
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, offers) the value of each offer's item, and that item's column; -inf without one.

    Of two offers for one item, the one with the higher value has it, then the smaller id: the score
    is the item's, so that it is the better expected value too.
    """
    shape = (len(values), len(catalogue.offers))
    best, item = np.full(shape, -np.inf), np.zeros(shape, dtype=np.intp)
    left = values.copy()
    row = np.arange(len(values))
    for position in _by_worth(catalogue):
        offer = catalogue.offers[position]
        covered = np.flatnonzero(np.isin(moment.items, offer.items))
        if not len(covered):
            continue
        chosen = covered[left[:, covered].argmax(axis=1)]
        item[:, position] = chosen
        best[:, position] = left[row, chosen]
        if offer.audience is not None:
            best[~offer.audience[moment.customers[rows]], position] = -np.inf
        has_it = np.isfinite(best[:, position])
        left[row[has_it], chosen[has_it]] = -np.inf
    return best, item


def _by_worth(catalogue: Catalogue) -> np.ndarray:
    """Positions of the offers, those worth the most first; unknown values last, then by id."""
    worth = np.array([offer.value for offer in catalogue.offers])
    return np.argsort(-np.nan_to_num(worth, nan=-np.inf), kind="stable")


def offer_table(
    facts: Facts, moment: Moment, weights: Weights, places: Places, catalogue: Catalogue | None
) -> pa.Table:
    """What is said of each placed offer, in the columns of `SCHEMA`."""
    row, column = places.row, places.column
    item = moment.items[column]
    ids = facts.items.id[item]
    if catalogue is None:
        offer_ids, value = ids, facts.items.margin[item]
    else:
        offer_ids = np.array([o.offer_id for o in catalogue.offers], object)[places.offer]
        value = np.array([o.value for o in catalogue.offers], float)[places.offer]
    friends = pick(moment.friends, row, column)
    liking, affinity = moment.own_of(row, column)
    liking, affinity = weights.category * liking, weights.affinity * affinity
    popularity = weights.popularity * (moment.popularity[column] - _mean(moment.popularity))
    own = (
        weights.intercept
        + weights.activity * moment.activity[row]
        + weights.popularity * moment.popularity[column]
        + liking
        + affinity
    )
    score = probability(own + weights.friends * friends)
    visited = facts.items.kind[item] == STORE
    triggers = np.where(visited, FRIEND_VISITED, FRIEND_BOUGHT).astype(object)
    triggers[friends <= 0] = None
    columns = {
        "customer_id": facts.customers[moment.customers[row]],
        "rank": places.rank,
        "item_kind": facts.items.kind[item],
        "item_id": ids,
        "offer_id": offer_ids,
        "trigger": triggers,
        "score": score,
        "trigger_share": (score - probability(own)).round(9),
        "reason": _reasons(facts, moment, weights, places, liking, popularity),
        "value": pa.array(value, from_pandas=True).cast(g.MONEY),
        "channel": _channels(facts, moment)[row],
    }
    arrays = [pa.array(v, t) for v, t in zip(columns.values(), SCHEMA.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _reasons(
    facts: Facts, moment: Moment, weights: Weights, places: Places,
    liking: np.ndarray, popularity: np.ndarray,
) -> np.ndarray:  # fmt: skip
    item = moment.items[places.column]
    texts = own_reasons(liking, popularity, facts.items.category_names(item))
    if weights.friends <= 0:
        return texts
    e = moment.exposed
    width = len(moment.items)
    live = (e.row * width + e.column).to_numpy()
    pairs = places.row * width + places.column
    position = np.searchsorted(live, pairs)
    position = np.minimum(position, max(len(live) - 1, 0))
    exposed = np.flatnonzero(live[position] == pairs) if len(live) else np.empty(0, int)
    which = position[exposed]
    days = (moment.as_of - e.oldest).dt.total_seconds().to_numpy()[which] / 86_400
    visited = facts.items.kind[item[exposed]] == STORE
    verbs = np.where(visited, "visited", "bought").astype(object)
    texts[exposed] = friend_reasons(e.friends.to_numpy()[which], days, verbs)
    return texts


def _channels(facts: Facts, moment: Moment) -> np.ndarray:
    """(n,) each customer's channel, None where contact is granted in general."""
    rows = facts.people(moment.as_of).select("customer", "channel").to_pandas()
    channels = rows.set_index("customer").channel.reindex(moment.customers)
    known: pd.Series = channels.astype(object).where(channels.notna(), None)
    return known.to_numpy()
