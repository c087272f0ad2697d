"""Calibrates probabilities after selection: on rows that would have been shown, on later days.

A model that ranks many items shows those that it overestimates most, and a level learned in the
past may not hold today. So predictions are compared with what came of the rows that the ranking
would have shown on days that the model wasn't fitted to. A *curve* turns predictions into
probabilities, one for each trigger that has enough rows and one for all rows. It is the better, by
log-loss on held-out customers, of

- isotonic regression (Zadrozny and Elkan 2002), in blocks of at least 200 rows and 20 acceptances,
  interpolated between the blocks on the scale of log-odds;
- beta calibration (Kull, Silva Filho and Flach 2017, equation 7).

The interval of a row is that of its block, the customers scored alike: Jeffreys' 90 % interval of
the block's share (Brown, Cai and DasGupta 2001), with the number of rows divided by how much the
variance grows because a customer has several rows (Kish 1965).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import beta

from followsuit.core.threads import one_thread
from followsuit.offers.learning.model import DIGITS, Prediction, log_loss, log_odds

ROWS, ACCEPTED = 200, 20
"""A block, and so a curve, has at least this many rows and this many that were accepted."""
OF_TRIGGER = 100
"""A trigger has a curve of its own if so many of its rows were accepted.

With fewer, the curves of triggers differ by chance, and to rank by them makes the ranking worse: in
four simulated shops, curves from 20 acceptances cost up to half of what friends add to NDCG@10.
"""
LEVEL = 0.9
"""Level of the intervals."""
_FOLDS = 5
_TINY = 1e-9
_FARTHEST = 30.0
"""The largest shift of log-odds."""
_PRECISION = 1e-12


@dataclass(frozen=True)
class Shown:
    """Rows that a ranking might have shown, and what came of them; all of one length.

    Attributes:
        customer: (rows,) code of the customer; the same customer on two days has one code.
        day: (rows,) a number for the day; rows of one day have the same one.
        trigger: (rows,) name of the first trigger, "" without one.
        probability: (rows,) the model's prediction.
        accepted: (rows,) whether the customer bought or visited the item within the horizon.
    """

    customer: np.ndarray
    day: np.ndarray
    trigger: np.ndarray
    probability: np.ndarray
    accepted: np.ndarray

    def __len__(self) -> int:
        return len(self.customer)

    def only(self, rows: np.ndarray) -> Self:
        """Some of the rows."""
        return type(self)(**{name: column[rows] for name, column in vars(self).items()})

    @classmethod
    def joined(cls, *parts: Self) -> Self:
        """The rows of all parts."""
        names = ("customer", "day", "trigger", "probability", "accepted")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def top(self, probability: np.ndarray, n: int) -> Self:
        """The rows that are shown if each customer gets the n best of a day.

        Args:
            probability: (rows,) what to rank by; equal ones by the model's prediction.
            n: maximum number of rows for a customer and day.
        """
        order = np.lexsort((-self.probability, -probability, self.day, self.customer))
        customer, day = self.customer[order], self.day[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (np.diff(customer) != 0) | (np.diff(day) != 0)
        starts = np.flatnonzero(first)
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        return self.only(np.sort(order[rank < n]))


Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Blocks:
    """Rows with similar predictions.

    Attributes:
        edges: (blocks - 1,) predictions that separate the blocks.
        centres: (blocks,) mean log-odds of the predictions of each block.
        rates: (blocks,) share of the rows of each block that were accepted.
        low: (blocks,) lower bound of the share; empty while only probabilities are wanted.
        high: (blocks,) upper bound of the share; the same.
    """

    edges: Numbers
    centres: Numbers
    rates: Numbers
    low: Numbers
    high: Numbers


@dataclass(frozen=True)
class Curve:
    """From a prediction to a calibrated probability.

    Attributes:
        method: `isotonic` or `beta`.
        parameters: a and b of beta calibration; empty for isotonic regression.
        blocks: rows with similar predictions.
        ends: log-odds of the predictions between which the curve holds.
        shift: log-odds added so that the rows' probabilities add up to those accepted.
    """

    method: str
    parameters: Numbers
    blocks: Blocks
    ends: tuple[float, float]
    shift: float = 0.0

    def probability(self, predicted: np.ndarray) -> np.ndarray:
        """(rows,) calibrated probabilities, which never fall where predictions rise."""
        odds = log_odds(predicted)
        low, high = self.ends
        inside = np.clip(odds, low, high)
        if self.method == "beta":
            a, b = self.parameters
            made = a * inside + (a - b) * np.log1p(-expit(inside))
        else:
            made = np.interp(inside, self.blocks.centres, logit(np.array(self.blocks.rates)))
        # Beyond the ends, predictions keep their ratio of odds.
        chance: np.ndarray = expit(made + (odds - inside) + self.shift)
        return chance

    def interval(self, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(rows,) lower and upper bounds of the share of customers scored alike who accept."""
        block = np.searchsorted(self.blocks.edges, predicted, side="right")
        return np.array(self.blocks.low)[block], np.array(self.blocks.high)[block]


@dataclass(frozen=True)
class Calibration:
    """Curves for all rows, and for the triggers that have enough.

    Attributes:
        pooled: the curve of all rows.
        by_trigger: curves by the name of the first trigger; "" for rows without one.
        rows: number of rows that the curves were fitted to.
    """

    pooled: Curve
    by_trigger: Mapping[str, Curve]
    rows: int

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        curves = {name: _curve_of(curve) for name, curve in kept["by_trigger"].items()}
        return cls(_curve_of(kept["pooled"]), curves, kept["rows"])

    def as_dict(self) -> dict[str, Any]:
        """The curves, as stored with a run."""
        return asdict(self)

    def predict(
        self, raw: Prediction, trigger: np.ndarray
    ) -> tuple[Prediction, np.ndarray, np.ndarray]:
        """Calibrate a model's prediction; both shares go through the same curve.

        Args:
            raw: the model's prediction for n rows.
            trigger: (n,) name of each row's first trigger, "" without one.

        Returns:
            The calibrated prediction, and the lower and upper bounds of its intervals.
        """
        probability, own, low, high = (np.empty(len(trigger)) for _ in range(4))
        for curve, rows in self._groups(trigger):
            probability[rows] = curve.probability(raw.probability[rows])
            own[rows] = np.minimum(curve.probability(raw.own_share[rows]), probability[rows])
            low[rows], high[rows] = curve.interval(raw.probability[rows])
        probability, own = probability.round(DIGITS), own.round(DIGITS)
        # A row can differ from its group.
        low, high = np.minimum(low, probability), np.maximum(high, probability)
        return Prediction(probability, own), low.round(DIGITS), high.round(DIGITS)

    def probability(self, rows: Shown) -> np.ndarray:
        """(rows,) calibrated probabilities of rows that might be shown."""
        raw = Prediction(rows.probability, rows.probability)
        return self.predict(raw, rows.trigger)[0].probability

    def _groups(self, trigger: np.ndarray) -> Iterator[tuple[Curve, np.ndarray]]:
        codes, names = pd.factorize(trigger)
        for code, name in enumerate(names):
            yield self.by_trigger.get(name, self.pooled), np.flatnonzero(codes == code)


def fit_calibration(rows: Shown, top: int) -> Calibration | None:
    """Fit the curves to the rows that would be shown.

    The curves of triggers differ, so that calibration may change what is shown. Therefore they are
    fitted twice: to what the model's own order shows, then to what the first curves show.

    Args:
        rows: the best rows of each customer and day, more than would be shown.
        top: maximum number of rows to show to a customer on a day.

    Returns:
        None if fewer than 200 rows would be shown, or fewer than 20 of them were accepted.
    """
    first = _fitted(rows.top(rows.probability, top))
    if first is None:
        return None
    return _fitted(rows.top(first.probability(rows), top)) or first


def _fitted(shown: Shown) -> Calibration | None:
    if not _enough(shown):
        return None
    by_trigger = {}
    for name in np.unique(shown.trigger.astype(str)):
        own = shown.only(np.flatnonzero(shown.trigger == name))
        if _enough(own) and own.accepted.sum() >= OF_TRIGGER:
            by_trigger[str(name)] = fit_curve(own)
    return Calibration(fit_curve(shown), by_trigger, len(shown))


@one_thread()
def fit_curve(shown: Shown) -> Curve:
    """Fit the curve with the lower log-loss on held-out customers."""
    fold = shown.customer % _FOLDS
    held_out = {method: np.empty(len(shown)) for method in _METHODS}
    for number in range(_FOLDS):
        others = shown.only(np.flatnonzero(fold != number))
        rows = np.flatnonzero(fold == number)
        blocks = _blocks(others) if _enough(others) else None
        for method, fit in _METHODS.items():
            if blocks is None:
                held_out[method][rows] = shown.accepted.mean()
            else:
                curve = fit(others, blocks)
                held_out[method][rows] = curve.probability(shown.probability[rows])
    losses = {method: log_loss(held_out[method], shown.accepted) for method in _METHODS}
    chosen = _METHODS[min(losses, key=lambda method: losses[method])]
    return chosen(shown, _blocks(shown, bounded=True))


def _enough(shown: Shown) -> bool:
    accepted = shown.accepted.sum()
    return len(shown) >= ROWS and ACCEPTED <= accepted < len(shown)


def _isotonic(shown: Shown, blocks: Blocks) -> Curve:
    ends = blocks.centres[0], blocks.centres[-1]
    return _levelled(Curve("isotonic", (), blocks, ends), shown)


def _beta(shown: Shown, blocks: Blocks) -> Curve:
    from sklearn.linear_model import LogisticRegression  # slow to import

    p = np.clip(shown.probability, _TINY, 1 - _TINY)
    parts = np.column_stack([np.log(p), -np.log1p(-p)])
    used = [0, 1] if np.ptp(p) > _TINY else []
    weights = np.zeros(2)
    while used:
        # C is large: the curve has three parameters and at least 20 acceptances.
        regression = LogisticRegression(C=1e4, solver="newton-cholesky", max_iter=200)
        regression.fit(parts[:, used], shown.accepted)
        weights = np.zeros(2)
        weights[used] = regression.coef_[0]
        falling = [i for i in used if weights[i] < 0]
        if not falling:
            break
        used.remove(min(falling, key=lambda i: weights[i]))
        weights = np.zeros(2)
    ends = float(logit(p.min())), float(logit(p.max()))
    curve = Curve("beta", (float(weights[0]), float(weights[1])), blocks, ends)
    return _levelled(curve, shown)


_METHODS = {"isotonic": _isotonic, "beta": _beta}


def _levelled(curve: Curve, shown: Shown) -> Curve:
    """Shift a curve so that the probabilities of its rows add up to those accepted."""
    odds, wanted = log_odds(curve.probability(shown.probability)), shown.accepted.sum()

    def excess(shift: float) -> float:
        return float(expit(odds + shift).sum() - wanted)

    shift = brentq(excess, -_FARTHEST, _FARTHEST, xtol=_PRECISION)
    return replace(curve, shift=round(shift, DIGITS))


def _blocks(shown: Shown, bounded: bool = False) -> Blocks:
    """The blocks of isotonic regression, merged until each has enough rows.

    Args:
        shown: the rows.
        bounded: whether the blocks need the bounds of their shares, which take a while.
    """
    from sklearn.isotonic import IsotonicRegression  # slow to import

    order = np.argsort(shown.probability, kind="stable")
    p, y = shown.probability[order], shown.accepted[order].astype(float)
    fitted = IsotonicRegression().fit_transform(p, y)
    # Rows of one prediction stay together.
    starts = np.flatnonzero(np.diff(fitted, prepend=-1) > _TINY)
    starts = np.unique(np.searchsorted(p, p[starts], side="left"))
    starts = _merged(starts, np.append(0, np.cumsum(y)))
    ends = np.append(starts[1:], len(p))
    odds = log_odds(p)
    customer = shown.customer[order]
    parts = [slice(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    bounds = [_jeffreys(y[part], customer[part]) for part in parts] if bounded else []
    return Blocks(
        edges=tuple(p[starts[1:]].tolist()),
        centres=tuple(float(odds[part].mean()) for part in parts),
        rates=tuple(float(np.clip(y[part].mean(), _TINY, 1 - _TINY)) for part in parts),
        low=tuple(low for low, _ in bounds),
        high=tuple(high for _, high in bounds),
    )


def _merged(starts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """The starts of blocks that each have enough rows and acceptances.

    Args:
        starts: (blocks,) first row of each block.
        sums: (rows + 1,) number of acceptances before each row.
    """
    kept = [0]
    for start in starts[1:].tolist():
        if start - kept[-1] >= ROWS and sums[start] - sums[kept[-1]] >= ACCEPTED:
            kept.append(start)
    rows = len(sums) - 1
    if len(kept) > 1 and (rows - kept[-1] < ROWS or sums[-1] - sums[kept[-1]] < ACCEPTED):
        kept.pop()
    return np.array(kept)


def _jeffreys(y: np.ndarray, customer: np.ndarray) -> tuple[float, float]:
    """The interval of a block's share, widened for customers with several rows."""
    n, k = len(y), float(y.sum())
    rate = k / n
    codes = pd.factorize(customer)[0]
    clustered = (np.bincount(codes, y - rate) ** 2).sum()
    growth = max(1.0, clustered / max(n * rate * (1 - rate), _TINY))
    tail, accepted, others = (1 - LEVEL) / 2, k / growth + 0.5, (n - k) / growth + 0.5
    low, high = (float(beta.ppf(q, accepted, others)) for q in (tail, 1 - tail))
    return round(low, DIGITS), round(high, DIGITS)


def _curve_of(kept: Mapping[str, Any]) -> Curve:
    blocks = Blocks(**{name: tuple(values) for name, values in kept["blocks"].items()})
    ends = (float(kept["ends"][0]), float(kept["ends"][1]))
    return Curve(kept["method"], tuple(kept["parameters"]), blocks, ends, kept["shift"])
