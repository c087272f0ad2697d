"""Finds the candidates of customers, their features, and what the model predicts for them.

Candidates are what live reasons bring up, and each customer's best other offers by the model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from scipy import sparse

from followsuit.core.sorting import order_by
from followsuit.graph import schema as g
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.candidates import Candidates, offers_for, ranks
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.grid import Grid, blocks
from followsuit.offers.features.declared import OWN, Features, Values
from followsuit.offers.features.row_values import RowValues
from followsuit.offers.learning.acceptance import Acceptance
from followsuit.offers.learning.model import DIGITS, Prediction
from followsuit.offers.live_reasons import LiveReasons, Matches
from followsuit.policy.rules import BEFORE_PREDICTION, Rule
from followsuit.triggers.trigger import Trigger

_CELLS = 4_000_000
"""Number of scores to compute at a time."""


@dataclass(frozen=True)
class Block:
    """The candidates of some customers, with arrays of one value for each candidate.

    Attributes:
        candidates: the candidates, by customer.
        values: their features, by name.
        parts: what each feature adds to the log-odds by the logistic model, by name. It orders
            reasons and chooses words, whichever model predicts.
        matches: their reasons; those of a candidate are sorted by what they add, the most first.
        leading: position of the first reason in `LiveReasons.table`; -1 without one.
        trigger: name of the first trigger; "" without one.
        raw: the model's prediction, before calibration.
        prediction: the calibrated prediction.
        low: lower bound of its interval; NaN while it isn't calibrated.
        high: upper bound of its interval; NaN while it isn't calibrated.
        acceptance: the probability after a contact; NaN while that isn't known.
        value: value of an acceptance in minor units of money; NaN if unknown.
        cost: acceptance, else probability, times what an acceptance of the offer costs.
        expected_value: acceptance, else probability, times the value, less `cost`.
        needed: whether a reason needs just such an offer.
    """

    candidates: Candidates
    values: Values
    parts: Values
    matches: Matches
    leading: np.ndarray
    trigger: np.ndarray
    raw: Prediction
    prediction: Prediction
    low: np.ndarray
    high: np.ndarray
    acceptance: np.ndarray
    value: np.ndarray
    cost: np.ndarray
    expected_value: np.ndarray
    needed: np.ndarray

    def only(self, candidates: np.ndarray) -> "Block":
        """Some of the candidates, in this order."""
        chosen = {
            name: getattr(self, name)[candidates]
            for name in (
                "leading",
                "trigger",
                "low",
                "high",
                "acceptance",
                "value",
                "cost",
                "expected_value",
                "needed",
            )
        }
        return replace(
            self,
            candidates=self.candidates.only(candidates),
            values={name: each[candidates] for name, each in self.values.items()},
            parts={name: each[candidates] for name, each in self.parts.items()},
            matches=self.matches.only(candidates, len(self.leading)),
            raw=self.raw.only(candidates),
            prediction=self.prediction.only(candidates),
            **chosen,
        )


class Retrieval:
    """Finds and predicts the candidates of a grid's customers, some customers at a time.

    Args:
        grid: the grid of the reasons that no rule blocks.
        features: the features of the grid.
        pairs: the reasons that name an item, with `blocked_by`, see `brought_up`.
        catalogue: the active offers; None if each item is its own offer.
        acceptance: the fitted models.
        triggers: the triggers of the reasons, in order of precedence.
        rules: the rules, in the order in which they apply.

    Attributes:
        features: the features of the grid.
        offers: the offers of the candidates.
        reasons: the live reasons.
    """

    def __init__(
        self,
        grid: Grid,
        features: Features,
        pairs: ir.Table,
        catalogue: Catalogue | None,
        acceptance: Acceptance,
        triggers: Sequence[Trigger],
        rules: Sequence[Rule] = BEFORE_PREDICTION,
    ) -> None:
        self._grid = grid
        self._width = len(grid.items)
        # Of the block at hand; a new array for each takes as long as filling it.
        self._scores = np.empty((0, self._width))
        self._catalogue = catalogue
        self._acceptance = acceptance
        self._rules = [rule for rule in rules if not rule.enforced_by_ranking]
        self.features = features
        self.offers = offers_for(grid, catalogue)
        self.reasons = LiveReasons(grid, triggers, self.offers)
        blocked = grid.code(pairs.filter(pairs.blocked_by.notnull()))
        shape = (len(grid.customers), len(grid.items))
        self._blocked = sparse.csr_matrix((np.ones(len(blocked[0]), bool), blocked), shape)
        self._unpopular = np.flatnonzero(grid.popularity[grid.items] == 0)

    def blocks(self, best: int) -> Iterator[tuple[np.ndarray, Block]]:
        """Find and predict the candidates of all customers.

        Args:
            best: maximum number of offers of a customer that are candidates without a reason.

        Yields:
            Rows of the grid, and their candidates.
        """
        n, width = len(self._grid.customers), max(len(self._grid.items), len(self.offers.ids))
        for rows in blocks(n, width, _CELLS):
            here = np.arange(rows.start, rows.stop)
            yield here, self._block(here, best)

    def ranks(self, block: Block, per_item: int, by_value: bool = False) -> np.ndarray:
        """Rank the candidates of a block by their probability, see `candidates.ranks`.

        Args:
            block: the candidates.
            per_item: maximum number of offers of one item per customer.
            by_value: whether to rank by expected value first, unknown ones last.

        Returns:
            (candidates,) ranks from 1; 0 for candidates that aren't ranked.
        """
        # Equal probabilities are ordered by what the model predicted.
        keys = [_whole(block.prediction.probability), _whole(block.raw.probability)]
        if by_value:
            worth = np.nan_to_num(block.expected_value, nan=-np.inf)
            keys.insert(0, np.unique(worth, return_inverse=True)[1])
        order = order_by(*keys)
        higher = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
        levels = np.zeros(len(order), dtype=np.int64)
        levels[order[1:]] = np.cumsum(higher)
        return ranks(block.candidates, levels, self.offers, first=block.needed, per_item=per_item)

    def _block(self, rows: np.ndarray, best: int) -> Block:
        of_rows = self.features.of_rows(rows)
        candidates = self._candidates(rows, of_rows, best)
        matches = self.reasons.of(candidates)
        n, cells = len(candidates.row), (candidates.row - rows[0], candidates.column)
        values = {name: of_rows[name].at(*cells) for name in OWN}
        values |= self.reasons.features(matches, n)
        shares = self._acceptance.logistic.contributions(values)
        ordered = self.reasons.by_share(matches, values, shares)
        leading = np.full(n, -1, dtype=np.int64)
        # The first of each candidate is written last.
        leading[ordered.candidate[::-1]] = ordered.reason[::-1]
        trigger = self.reasons.trigger_of(leading)
        raw = self._acceptance.model.predict(values)
        prediction, low, high = self._acceptance.calibrated(raw, trigger)
        needed = self.reasons.needed(matches, n)
        after = self._acceptance.after_contact(prediction.probability)
        chance = np.where(np.isnan(after), prediction.probability, after)
        value = self.offers.value_of(candidates)
        cost = chance * self.offers.cost[candidates.offer]
        return Block(
            candidates,
            values,
            shares,
            ordered,
            leading,
            trigger,
            raw,
            prediction,
            low,
            high,
            after,
            value,
            cost,
            chance * value - cost,
            needed,
        )

    def _candidates(
        self, rows: np.ndarray, features: Mapping[str, RowValues], n: int
    ) -> Candidates:
        """What reasons bring up, and each customer's n best offers by score."""
        here = self.reasons.pairs[rows].tocoo()
        named = here.row.astype(np.intp), here.col.astype(np.intp)
        # As if every offer were what its reasons need.
        if len(self._scores) < len(rows):
            self._scores = np.empty((len(rows), self._width))
        scores = self._acceptance.logistic.score_into(self._scores[: len(rows)], features)
        self._grid.exclude(scores, rows)
        scores[self._blocked[rows].nonzero()] = -np.inf
        sources = [self._best(scores, rows, n, named)]
        sources.append(self.offers.of_pairs(rows[named[0]], named[1]))
        for wanting, allowed, needs in self.reasons.wanted(rows):
            masked = np.where(allowed, scores[wanting - rows[0]], -np.inf)
            sources.append(self.offers.best(masked, wanting, n, needs))
        return joined(*sources)

    def _best(
        self, scores: np.ndarray, rows: np.ndarray, n: int, named: tuple[np.ndarray, np.ndarray]
    ) -> Candidates:
        """Each customer's n best offers by score; sets the scores of refused ones to -inf.

        An item that is a column for somebody else's reason is none for this customer.

        Args:
            scores: (rows, k) scores.
            rows: the customers' rows in the grid.
            n: maximum number of offers of a customer.
            named: row in `scores` and column of the pairs with a reason.
        """
        # Put aside, since a copy of the scores would be large.
        aside, own = scores[:, self._unpopular], scores[named]
        scores[:, self._unpopular] = -np.inf
        scores[named] = own
        best = self.offers.best(scores, rows, n)
        all_refused = []
        while self._rules and len(refused := self._refused(best)):
            cells = best.row[refused] - rows[0], best.column[refused]
            all_refused.append(cells)
            scores[cells] = -np.inf
            best = self.offers.best(scores, rows, n)
        scores[:, self._unpopular] = aside
        for cells in all_refused:
            scores[cells] = -np.inf
        return best

    def _refused(self, candidates: Candidates) -> np.ndarray:
        """Positions of the candidates that a rule blocks."""
        grid, view = self._grid, self._grid.view
        items, position = view.item_list, grid.items[candidates.column]
        pairs = pa.table(
            {
                "customer_id": pa.array(grid.customers.ids[candidates.row], g.TEXT),
                "item_kind": pa.array(items.kind[position], g.TEXT),
                "item_id": pa.array(items.id[position], g.TEXT),
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
        for name in ("row", "column", "offer")
    ]
    order = order_by(*columns)
    row, column, offer = (each[order] for each in columns)
    new = np.ones(len(row), dtype=bool)
    new[1:] = (np.diff(row) != 0) | (np.diff(column) != 0) | (np.diff(offer) != 0)
    return Candidates(row[new], column[new], offer[new])


def _whole(probability: np.ndarray) -> np.ndarray:
    """Rounded probabilities as whole numbers."""
    whole: np.ndarray = np.rint(probability * 10**DIGITS).astype(np.int64)
    return whole
