"""The ranking and the strategies that a backtest compares it with.

A strategy gives each pair of customer and item a value; pairs with -inf are never shown. Equal
values are ordered by item, or by customer if customers are ranked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from followsuit.core.codes import Codes
from followsuit.graph.items import item_key
from followsuit.graph.views.view import SharedView
from followsuit.influence.spread.leiden import friend_communities
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.declared import Features, start_of
from followsuit.offers.features.of_reasons import Strength, feature_of
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.taste import Taste
from followsuit.triggers.recent import recent_shared


@dataclass(frozen=True)
class Learned:
    """Acceptance models fitted to earlier cutoffs."""

    ranking: LogisticModel
    """The model of the ranking."""
    without: LogisticModel
    """The model without the triggers' features."""
    plain: LogisticModel
    """The model with recorded instead of learned tie weights."""
    ablated: Mapping[str, LogisticModel]
    """Models without some features, by what is left out."""


Values = Callable[[slice, slice], np.ndarray]
"""A strategy: takes rows and columns of a grid, and returns the values (rows, columns)."""

RANKING = "ranking"
WITHOUT = "ranking_without_trigger"
PLAIN = "ranking_plain_ties"
TRIGGER_ONLY = "trigger_only"
POPULARITY = "popularity"
COMMUNITY = "community_popularity"
EASE = "ease"
RANDOM = "random_friend_item"
ACTIVITY = "activity"


def per_customer(
    grid: Grid,
    features: Features,
    learned: Learned,
    ease: Taste,
    community: sparse.csr_matrix,
    seed: int,
) -> dict[str, Values]:
    """The strategies that rank items for each customer, by name.

    Args:
        grid: the customers and items.
        features: the features of the grid.
        learned: the models, fitted to earlier cutoffs.
        ease: EASE, fitted to data before the cutoff.
        community: (n, k), see `Communities.popularity`.
        seed: random seed of the random strategy.
    """
    popularity, triggers = features["popularity"], _triggers_alone(features)
    live = grid.live[grid.live.friends.notna()].drop_duplicates(["row", "column"])
    shape = (len(grid.customers), len(grid.items))
    random = np.random.default_rng([seed, int(grid.view.as_of.timestamp())]).random(len(live))
    drawn = sparse.csr_matrix((random, (live.row, live.column)), shape)
    return {
        **_rankings(grid, features, learned),
        EASE: lambda rows, columns: ease.affinity(
            grid.customers.ids, grid.seen, grid.items, rows, columns
        ),
        TRIGGER_ONLY: lambda rows, columns: _shown(triggers(rows, columns)),
        POPULARITY: lambda rows, columns: _spread(
            popularity.block(rows, columns), _shape(grid, rows, columns)
        ),
        COMMUNITY: lambda rows, columns: community[rows][:, columns].toarray(),
        RANDOM: lambda rows, columns: _shown(drawn[rows][:, columns].toarray()),
    }


def per_offer(grid: Grid, features: Features, learned: Learned) -> dict[str, Values]:
    """The strategies that rank customers for each item, by name.

    Args:
        grid: the customers and items.
        features: the features of the grid.
        learned: the models, fitted to earlier cutoffs.
    """
    activity = features["activity"]
    return {
        **_rankings(grid, features, learned),
        TRIGGER_ONLY: _triggers_alone(features),
        ACTIVITY: lambda rows, columns: _spread(
            activity.block(rows, columns), _shape(grid, rows, columns)
        ),
    }


def _rankings(grid: Grid, features: Features, learned: Learned) -> dict[str, Values]:
    recorded = by_recorded_ties(grid, features)
    return {
        RANKING: _by(learned.ranking, features),
        WITHOUT: _by(learned.without, features),
        PLAIN: _by(learned.plain, recorded),
        **{f"without_{name}": _by(model, features) for name, model in learned.ablated.items()},
    }


def _by(model: LogisticModel, features: Features) -> Values:
    return lambda rows, columns: model.score(features.block(rows, columns))


def _triggers_alone(features: Features) -> Values:
    """What triggers add to the score, by the default weights."""

    def values(rows: slice, columns: slice) -> np.ndarray:
        parts = features.block(rows, columns, features.of_triggers)
        total: np.ndarray = np.sum([start_of(n) * part for n, part in parts.items()], axis=0)
        return total

    return values


def by_recorded_ties(grid: Grid, features: Features) -> Features:
    """The features with recorded instead of learned tie weights."""
    plain, triggers = grid.with_recorded_ties(), grid.live.trigger[grid.live.friends.notna()]
    return features.replaced(
        {feature_of(name): Strength(plain, name) for name in sorted(triggers.unique())}
    )


def _shown(values: np.ndarray) -> np.ndarray:
    """The values, with -inf for those that aren't above 0."""
    return np.where(values > 0, values, -np.inf)


def _shape(grid: Grid, rows: slice, columns: slice) -> tuple[int, int]:
    n, k = len(grid.customers), len(grid.items)
    return len(range(*rows.indices(n))), len(range(*columns.indices(k)))


def _spread(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(values, shape)


class Communities:
    """Leiden communities of the friend graph (Traag et al. 2019), updated as the graph grows."""

    def __init__(self, view: SharedView, seed: int) -> None:
        self._codes: Codes = view.customer_codes
        self._seed = seed
        self._last: tuple[int, np.ndarray] | None = None

    def popularity(self, grid: Grid) -> sparse.csr_matrix:
        """(n, k) number of customers in each customer's community with a recent interaction."""
        community = self._at(grid.view.shared)
        recent = recent_shared(grid.view, grid.window)
        table = recent.select("customer_id", item=item_key(recent)).to_pyarrow()
        column = grid.columns(grid.view.item_list.codes.of(table["item"]))
        row = community[self._codes.of(table["customer_id"])]
        known = column >= 0
        shape = (int(community.max(initial=-1)) + 1, len(grid.items))
        ones = np.ones(known.sum())
        counts = sparse.csr_matrix((ones, (row[known], column[known])), shape)
        popularity: sparse.csr_matrix = counts[community[self._codes.of(grid.customers.ids)]]
        return popularity

    def _at(self, view: SharedView) -> np.ndarray:
        """(customers,) the community of each customer in the friend graph of a view."""
        rows = view.friendships.select("customer_id", "friend_id").to_pyarrow()
        if self._last is None or self._last[0] != len(rows):
            ends = [self._codes.of(rows[name]) for name in ("customer_id", "friend_id")]
            pairs = np.column_stack(ends)[np.lexsort(ends[::-1])]
            community = friend_communities(len(self._codes), pairs, self._seed)
            self._last = (len(rows), community)
        return self._last[1]
