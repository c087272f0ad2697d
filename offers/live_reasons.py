"""Which live reasons each candidate has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from followsuit.core.sorting import order_by
from followsuit.graph import schema as g
from followsuit.offers.candidates.candidates import Candidates, Offers
from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.candidates.store_sets import ANY
from followsuit.offers.features.of_reasons import feature_of, strengths
from followsuit.triggers.trigger import ANY_OFFER, Needs, Trigger


@dataclass(frozen=True)
class Matches:
    """The reasons of candidates: two arrays of the same length, by candidate, then by trigger."""

    candidate: np.ndarray
    """Position of the candidate."""
    reason: np.ndarray
    """Position of the reason in `LiveReasons.table`."""

    def only(self, candidates: np.ndarray, n: int) -> "Matches":
        """The reasons of some of n candidates, in their order.

        Args:
            candidates: positions of candidates, each at most once.
            n: number of all candidates.
        """
        place = np.full(n, -1, dtype=np.int64)
        place[candidates] = np.arange(len(candidates))
        candidate = place[self.candidate]
        kept = np.flatnonzero(candidate >= 0)
        kept = kept[np.argsort(candidate[kept], kind="stable")]
        return Matches(candidate[kept], self.reason[kept])


class LiveReasons:
    """The reasons of a grid, by the candidates that they are reasons for.

    A reason is one for a candidate if it names its item or allows it, if the offer is what the
    trigger needs, and if the offer can be redeemed at one of its stores.

    Args:
        grid: the grid with the reasons.
        triggers: the triggers, in order of precedence.
        offers: the offers of the candidates.

    Attributes:
        table: the reasons with an item, then the broad ones: the columns that `Grid.live` and
            `Grid.broad` share, and `order`, the number of the trigger.
        with_broad: rows of the customers with a broad reason.
        pairs: (n, k) a number from 1 for each pair with a reason that names it; other cells are 0.
    """

    def __init__(self, grid: Grid, triggers: Sequence[Trigger], offers: Offers) -> None:
        order = {trigger.name: number for number, trigger in enumerate(triggers)}
        live = grid.live.assign(order=grid.live.trigger.map(order).astype(np.int64))
        live = live.sort_values(["row", "column", "order"], ignore_index=True)
        broad = grid.broad.assign(order=grid.broad.trigger.map(order).astype(np.int64))
        columns = ["row", "trigger", "order", "fired_at", "until", "strength", "friends"]
        columns += ["first_at", "stores", "repeat"]
        self.table = pd.concat([live[columns], broad[columns]], ignore_index=True)
        starts = np.flatnonzero(~live.duplicated(["row", "column"]))
        cells = (np.arange(1, len(starts) + 1), (live.row[starts], live.column[starts]))
        self.pairs = sparse.csr_matrix(cells, (len(grid.customers), len(grid.items)))
        self._starts = np.append(starts, len(live))
        self._named, self._broad, self._grid = len(live), broad, grid
        self._broad_rows = broad.row.to_numpy()
        self.with_broad = np.unique(self._broad_rows)
        self._needs = [trigger.needs for trigger in triggers]
        self._suits = np.array([offers.suits(needs) for needs in self._needs])
        self._stores = self.table.stores.to_numpy()
        self._offers = offers
        names = self.table.trigger.to_numpy(dtype=object)
        self._triggers = pa.array(names, g.TEXT)
        self._names = np.append(names, "")
        self._until = pa.array(self.table.until, g.TIME)
        self._strength = strengths(self.table)
        self._order = self.table.order.to_numpy()
        self._features = [feature_of(trigger.name) for trigger in triggers]

    def of(self, candidates: Candidates) -> Matches:
        """The reasons of candidates."""
        number = pick(self.pairs, candidates.row, candidates.column)
        first = self._starts[np.maximum(number - 1, 0)]
        counts = np.where(number, self._starts[np.maximum(number, 0)] - first, 0)
        candidate = np.repeat(np.arange(len(number)), counts)
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        reason = np.repeat(first, counts) + step
        matched = [(candidate, reason), *self._broad_ones(candidates)]
        candidate, reason = (np.concatenate(each) for each in zip(*matched, strict=True))
        kept = self._fit(candidates, candidate, reason)
        candidate, reason = candidate[kept], reason[kept]
        by = order_by(candidate, self._order[reason], reason)
        return Matches(candidate[by], reason[by])

    def features(self, matches: Matches, n: int) -> dict[str, np.ndarray]:
        """The features that describe what triggers add to n candidates, by name."""
        values = {name: np.zeros(n) for name in self._features}
        candidate, reason = matches.candidate, matches.reason
        order = self._order[reason]
        for number in np.unique(order):
            own = order == number
            strength = self._strength[reason[own]]
            np.maximum.at(values[self._features[number]], candidate[own], strength)
        return values

    def needed(self, matches: Matches, n: int) -> np.ndarray:
        """(n,) bool: whether a reason of a candidate needs just such an offer."""
        special = np.array([needs != ANY_OFFER for needs in self._needs], dtype=bool)
        needed = np.zeros(n, dtype=bool)
        needed[matches.candidate[special[self._order[matches.reason]]]] = True
        return needed

    def by_share(
        self, matches: Matches, values: Mapping[str, np.ndarray], parts: Mapping[str, np.ndarray]
    ) -> Matches:
        """Order the reasons of each candidate by what they add to the score, the most first.

        Args:
            matches: the reasons of candidates.
            values: the features of the candidates.
            parts: what each feature adds to the log-odds of the candidates.
        """
        order = self._order[matches.reason]
        share = np.zeros(len(order))
        for number in np.unique(order):
            name, here = self._features[number], np.flatnonzero(order == number)
            candidate = matches.candidate[here]
            most = np.maximum(values[name][candidate], 1e-300)
            share[here] = parts[name][candidate] * self._strength[matches.reason[here]] / most
        by = np.lexsort((matches.reason, order, -share.round(9), matches.candidate))
        return Matches(matches.candidate[by], matches.reason[by])

    def names(self, matches: Matches, n: int) -> pa.Array:
        """(n,) the names of each candidate's triggers, in the order of `matches`."""
        counts = np.bincount(matches.candidate, minlength=n)
        ends = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        return pa.ListArray.from_arrays(ends, self._triggers.take(pa.array(matches.reason)))

    def trigger_of(self, reason: np.ndarray) -> np.ndarray:
        """(candidates,) the name of a reason's trigger; "" for -1."""
        chosen: np.ndarray = self._names[reason]
        return chosen

    def until(self, reason: np.ndarray) -> pa.Array:
        """(candidates,) when a reason ends; null without an end, or for -1."""
        return self._until.take(pa.array(reason, mask=reason < 0))

    def store_ids(self, reason: np.ndarray, candidates: Candidates) -> pa.Array:
        """(candidates,) where the offer can be used for a reason, or without one; null for any."""
        stores = np.full(len(reason), ANY, dtype=np.int64)
        given = np.flatnonzero(reason >= 0)
        stores[given] = self._stores[reason[given]]
        where = self._offers.redemption.at(candidates.offer, candidates.column)
        sets = self._grid.stores
        return sets.lists(sets.both(stores, where))

    def wanted(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, Needs]]:
        """The broad reasons of customers that allow only some items or offers.

        Args:
            rows: consecutive rows of the grid.

        Yields:
            Rows of customers, (k,) which items their reason allows, and what offers must be.
        """
        broad = self._broad[slice(*np.searchsorted(self._broad_rows, [rows[0], rows[-1] + 1]))]
        for _, reasons in broad.groupby("allowed"):
            needs = self._needs[reasons.order.iloc[0]]
            number = reasons.allowed.iloc[0]
            items = self._grid.allowed[number]
            if needs != ANY_OFFER or not self._grid.anything[number]:
                yield reasons.row.to_numpy(), items, needs

    def _broad_ones(self, candidates: Candidates) -> list[tuple[np.ndarray, np.ndarray]]:
        """Candidates and reasons where a broad reason allows the item."""
        parts = []
        low, high = candidates.row.min(initial=0), candidates.row.max(initial=-1)
        here = slice(*np.searchsorted(self._broad_rows, [low, high + 1]))
        for _, reasons in self._broad[here].groupby("allowed"):
            of_row = np.full(high - low + 1, -1, dtype=np.int64)
            of_row[reasons.row.to_numpy() - low] = self._named + reasons.index.to_numpy()
            reason = of_row[candidates.row - low]
            allowed = self._grid.allowed[reasons.allowed.iloc[0]]
            hit = np.flatnonzero((reason >= 0) & allowed[candidates.column])
            parts.append((hit, reason[hit]))
        return parts

    def _fit(self, candidates: Candidates, candidate: np.ndarray, reason: np.ndarray) -> np.ndarray:
        """Whether each offer is what the reason needs, at one of its stores."""
        offer, column = candidates.offer[candidate], candidates.column[candidate]
        suits = self._suits[self._order[reason], offer]
        sets = self._grid.stores
        where = self._offers.redemption.at(offer, column)
        result: np.ndarray = suits & ~sets.empty(sets.both(self._stores[reason], where))
        return result
