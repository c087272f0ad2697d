"""Learns edge probabilities: how likely a friend's action is followed within the window."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa

from followsuit.core.progress import Advance, Progress, silent
from followsuit.influence.log.arrays import Flags, Floats, Log
from followsuit.influence.log.exposures import (
    BINS,
    Links,
    Pairs,
    count_exposures,
    find_links,
    find_pairs,
)
from followsuit.influence.probabilities.background import CodedActions, background, code_actions
from followsuit.influence.probabilities.em import (
    MOST,
    Delays,
    delays,
    expect_by_category,
    expect_by_edge,
    spread_late,
)
from followsuit.influence.probabilities.posterior import (
    Evidence,
    LinkValues,
    Posterior,
    draw,
    evidence,
    link_values,
    posterior,
    posterior_means,
    prior_strength,
)

ITERATIONS = 10
ALL = "*"
"""The category of probabilities for all categories together."""
LEAST = 1.0
"""Complete exposures that an edge needs to be listed."""
LEAST_OF_CATEGORY = 5
"""Complete exposures in a category that an edge needs to be listed with it."""
OBSERVED = "observed"
"""The grade of learned probabilities: co-occurrence, without matching or an experiment."""

_ROUNDS_BY_CATEGORY = 10
_LEARN_PRIOR = 2
"""The iteration at which the edges' prior is learned; it is learned again at the end."""
_LEAST_MEAN = 1e-6
_CATEGORY_PRIOR = 50.0
"""Weight of the average of all categories, in followed exposures."""

SCHEMA = pa.schema(
    {
        "source": pa.string(),
        "target": pa.string(),
        "category": pa.string(),
        "probability": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "evidence": pa.float64(),
    }
)
"""Columns of `influence learn --out`."""


@dataclass(frozen=True)
class Influences:
    """The learned probabilities, by edge of the log's network.

    Attributes:
        log: the log that they were learned from.
        window: seconds within which a follower acts.
        exposures: (edges) number of complete exposures, the evidence.
        followed: number of complete exposures with an action within the window.
        edges: (edges) mean probability over the edge's exposures, with 90 % intervals; the prior's
            if there is no evidence.
        factor: (categories) a category's probability relative to the average.
        relative: (edges) mean factor of the edge's exposures; 1 if it has none.
        pairs: edges with enough evidence in a category.
        of_pairs: (pairs) their probabilities.
        delay: distribution of delays within the window.
        own: (actions) the part of each action that no friend explains.
    """

    log: Log
    window: int
    exposures: Floats
    followed: int
    edges: Posterior
    factor: Floats
    relative: Floats
    pairs: Pairs
    of_pairs: Posterior
    delay: Delays
    own: Floats

    @property
    def completed(self) -> int:
        """The number of complete exposures."""
        return int(self.exposures.sum())

    def in_category(self, edge: np.ndarray, category: np.ndarray) -> Floats:
        """The probabilities of edges (by number) for items of these categories (by code)."""
        p: Floats = self.edges.mean[edge] * self.factor[category] / self.relative[edge]
        return np.minimum(p, MOST)

    def table(self) -> pa.Table:
        """The rows of `SCHEMA`, sorted by source, target, category."""
        listed = np.flatnonzero(self.exposures >= LEAST)
        named = np.flatnonzero(self.log.categories[self.pairs.category] != None)  # noqa: E711
        edge = np.concatenate([listed, self.pairs.edge[named]])
        names = np.concatenate(
            [
                np.full(len(listed), ALL, dtype=object),
                self.log.categories[self.pairs.category[named]],
            ]
        )
        columns = {
            name: np.concatenate([of_edges[listed], of_pairs[named]])
            for name, of_edges, of_pairs in (
                ("probability", self.edges.mean, self.of_pairs.mean),
                ("low", self.edges.low, self.of_pairs.low),
                ("high", self.edges.high, self.of_pairs.high),
                ("evidence", self.exposures, self.pairs.exposures),
            )
        }
        customers = pa.array(self.log.customers, pa.string())
        ends = {
            "source": customers.take(pa.array(self.log.network.source[edge])),
            "target": customers.take(pa.array(self.log.network.target[edge])),
        }
        rounded = {name: pa.array(np.round(x, 9)) for name, x in columns.items()}
        table = pa.table({**ends, "category": pa.array(names, pa.string()), **rounded})
        order = [(name, "ascending") for name in ("source", "target", "category")]
        return table.select(SCHEMA.names).cast(SCHEMA).sort_by(order)


def learn(log: Log, window: timedelta, *, seed: int = 0, progress: Progress = silent) -> Influences:
    """Learn the probabilities of a log's edges.

    Args:
        log: actions and network as of an instant.
        window: time within which a follower acts.
        seed: random seed of the sample of edges that the prior is learned from.
        progress: progress callback.
    """
    seconds = int(window.total_seconds())
    fit = _fitted(log, seconds, seed, progress)
    pairs = find_pairs(log, seconds, LEAST_OF_CATEGORY)
    edges, of_pairs = fit.posteriors(pairs, progress)
    return Influences(
        log,
        seconds,
        fit.exposures,
        int((fit.links.edge >= 0).sum()),
        edges,
        fit.factor,
        fit.relative,
        pairs,
        of_pairs,
        fit.delay,
        fit.own,
    )


def learn_means(
    log: Log, window: timedelta, *, seed: int = 0, progress: Progress = silent
) -> tuple[Floats, Floats]:
    """Learn only the means of the probabilities, which is faster than `learn`.

    Args:
        log: actions and network as of an instant.
        window: time within which a follower acts.
        seed: random seed of the sample of edges that the prior is learned from.
        progress: progress callback.

    Returns:
        (edges) number of complete exposures, and mean probability.
    """
    fit = _fitted(log, int(window.total_seconds()), seed, progress)
    return fit.exposures, fit.means()


def _fitted(log: Log, seconds: int, seed: int, progress: Progress) -> "_Fit":
    with progress("counting exposures", 2) as advance:
        exposures, of_category = count_exposures(log, seconds, np.ones(len(log.categories)))
        advance(1)
        links = find_links(log, seconds)
        advance(1)
    fit = _Fit(log, seconds, links, exposures, seed)
    with progress(
        "fitting probabilities of influence", _ROUNDS_BY_CATEGORY + ITERATIONS
    ) as advance:
        if len(links.edge) and exposures.any():
            fit.by_category(of_category, advance)
            fit.by_edge(advance)
    return fit


class _Fit:
    """The state of EM, in its two stages: by category, then by edge.

    Attributes:
        level: mean probability of an exposure.
        factor: (categories) probability relative to `level`.
        relative: (edges) mean factor of the edge's exposures.
        p: (edges) probabilities if the factor is 1.
        strength: strength of the prior of `p`.
    """

    def __init__(self, log: Log, window: int, links: Links, exposures: Floats, seed: int) -> None:
        self.log, self.window, self.links, self.seed = log, window, links, seed
        self.exposures = exposures
        self.own = np.ones(len(log.actions.customer))
        self.delay = delays(np.zeros(BINS))
        self.level, self.factor = 0.0, np.ones(len(log.categories))
        self.relative, self.p = np.ones(len(exposures)), np.zeros(len(exposures))
        self.strength = 1.0
        if len(self.own):
            self.acts: CodedActions = code_actions(log, window)
            self.background = self._background()

    def _background(self) -> Floats:
        return np.maximum(background(self.acts, self.own, self.links.action), 1e-9)

    def _settle(self, own: Floats, followed: Floats, late: Floats) -> None:
        self.own[self.links.action] = own
        self.delay = spread_late(self.delay, followed, late)
        self.background = self._background()

    def by_category(self, exposures: Floats, advance: Advance) -> None:
        """Learn the mean probability and each category's factor."""
        level = min(0.5, len(self.links.edge) / exposures.sum() / 2)
        p = np.full(len(exposures), level)
        for _ in range(_ROUNDS_BY_CATEGORY):
            own, followed, late = np.empty(len(self.links.action)), np.zeros(BINS), np.zeros(BINS)
            expected = expect_by_category(
                self.links, self.log.category, self.background, p, self.delay, own, followed, late
            )
            level = expected.sum() / exposures.sum()
            prior = _CATEGORY_PRIOR / max(level, 1e-9)
            p = np.minimum((expected + prior * level) / (exposures + prior), MOST)
            self._settle(own, followed, late)
            advance(1)
        self.level = level
        if level > 0 and np.count_nonzero(exposures) > 1:
            self.factor = p / level
            weight, _ = count_exposures(self.log, self.window, self.factor)
            self.relative[:] = np.where(
                self.exposures > 0, weight / np.maximum(self.exposures, 1), 1.0
            )

    def by_edge(self, advance: Advance) -> None:
        """Learn each edge's probability."""
        weight = self.exposures * self.relative
        own = np.empty(len(self.links.action))
        self.p[:] = self.level
        for iteration in range(ITERATIONS):
            if iteration == _LEARN_PRIOR:
                self.strength = self._strength()
            expected = expect_by_edge(
                self.links, self.log.category, self.background, self.factor, self.p, self.delay, own
            )
            self.level = expected.sum() / weight.sum()
            expected += self.strength * self.level
            np.minimum(expected / (weight + self.strength), MOST, out=self.p)
            advance(1)
        self.own[self.links.action] = own

    def _values(self, wanted: Flags) -> LinkValues:
        return link_values(
            self.links,
            self.log.category,
            self.background,
            self.factor,
            self.p,
            self.relative,
            self.delay,
            wanted,
        )

    def _strength(self) -> float:
        """The strength of the prior, learned from a sample of the edges with evidence."""
        linked = np.bincount(self.links.edge[self.links.edge >= 0], minlength=len(self.p)) > 0
        acted = np.flatnonzero(linked)
        silent = np.flatnonzero(~linked & (self.exposures > 0))
        rng = np.random.default_rng([self.seed, len(acted)])
        drawn, quiet = draw(rng, acted), draw(rng, silent)
        rows = np.concatenate([drawn, quiet])
        wanted, place = np.zeros(len(self.p), dtype=np.bool_), np.zeros(len(self.p), dtype=np.int64)
        wanted[drawn], place[rows] = True, np.arange(len(rows))
        values = self._values(wanted)
        known = evidence(self._mean()[rows], self.exposures[rows], place[values.edge], values.slope)
        strength = prior_strength(
            known,
            self.seed,
            acted_for=len(acted) / max(len(drawn), 1),
            silent_for=len(silent) / max(len(quiet), 1),
        )
        return float(strength[0])

    def _mean(self) -> Floats:
        """(edges) means of the prior."""
        mean: Floats = np.clip(self.level * self.relative, _LEAST_MEAN, MOST)
        return mean

    def posteriors(self, pairs: Pairs, progress: Progress) -> tuple[Posterior, Posterior]:
        """The posteriors of edges, and of edges within a category."""
        if not len(self.own):
            nothing = Posterior(np.zeros(len(self.p)), np.zeros(len(self.p)), np.ones(len(self.p)))
            return nothing, Posterior(*(np.zeros(0) for _ in range(3)))
        values, known, strength = self._evidence()
        edges = posterior(known, strength, progress)
        return edges, self._of_pairs(pairs, values, strength, progress)

    def means(self) -> Floats:
        """(edges) the posterior means."""
        if not len(self.own):
            return np.zeros(len(self.p))
        _, known, strength = self._evidence()
        return posterior_means(known, strength)

    def _evidence(self) -> tuple[LinkValues, Evidence, Floats]:
        """The values of all links, the evidence for each edge, and the prior's strength for it."""
        self.background = self._background()
        values = self._values(np.ones(len(self.p), dtype=np.bool_))
        expected = np.bincount(values.edge, values.expected, len(self.p)).astype(np.float64)
        mean, sure = self._by_others(expected)
        known = evidence(mean, self.exposures, values.edge, values.slope)
        return values, known, prior_strength(known, self.seed, cap=sure)

    def _by_others(self, expected: Floats) -> tuple[Floats, Floats]:
        """(edges) mean of each edge's prior, from all other edges, and its strength.

        Half a followed and half an unfollowed exposure are added (Jeffreys), so that a network of
        one edge has a prior too.
        """
        weight = self.exposures * self.relative
        sure = np.maximum(weight.sum() - weight, 0) + 1
        level = (np.maximum(expected.sum() - expected, 0) + 0.5) / sure
        return np.clip(level * self.relative, _LEAST_MEAN, MOST), sure

    def _of_pairs(
        self, pairs: Pairs, values: LinkValues, strength: Floats, progress: Progress
    ) -> Posterior:
        """Posteriors by category, shrunk towards the edge's probability in other categories."""
        if not len(pairs.edge):
            return Posterior(*(np.zeros(0) for _ in range(3)))
        edges = len(self.p)
        keys = pairs.category.astype(np.int64) * edges + pairs.edge
        key = values.category.astype(np.int64) * edges + values.edge
        place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        known = keys[place] == key
        place, slope = place[known], values.slope[known]
        factor, e = self.factor[pairs.category], pairs.edge
        expected = np.bincount(place, values.expected[known], len(keys))
        of_edge = np.bincount(values.edge, values.expected, edges)[e]
        weight = np.maximum((self.exposures * self.relative)[e] - pairs.exposures * factor, 0)
        sure = weight + strength[e]
        elsewhere = (np.maximum(of_edge - expected, 0) + strength[e] * self.level) / sure
        mean = np.clip(elsewhere * factor, _LEAST_MEAN, MOST)
        # Slopes are relative to the edge's mean factor. Make them relative to the category's.
        rows = evidence(mean, pairs.exposures, place, slope * (self.relative[e] / factor)[place])
        return posterior(rows, prior_strength(rows, self.seed, cap=sure), progress)
