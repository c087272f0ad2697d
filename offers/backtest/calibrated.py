"""Calibrated probabilities of the ranking's top items at each cutoff, and how well they hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from followsuit.core.bootstrap import Estimate
from followsuit.offers.backtest.metrics import ITEMS
from followsuit.offers.candidates.grid import Grid, Outcomes
from followsuit.offers.features.declared import Features, leading_trigger
from followsuit.offers.learning.acceptance import observed_over_expected
from followsuit.offers.learning.calibration import Calibration, Shown, fit_calibration
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.learning.model import log_loss

DAYS = 3
"""Number of earlier cutoffs to calibrate on."""
BINS = 10
"""Number of bins with about as many rows each."""


@dataclass(frozen=True)
class Bin:
    """Shown rows with similar probabilities.

    Attributes:
        low: their smallest probability.
        high: their largest.
        n: the number of rows.
        expected: the sum of their probabilities.
        observed: how many of them were adopted.
    """

    low: float
    high: float
    n: int
    expected: float
    observed: int

    def as_dict(self) -> dict[str, Any]:
        """The bin as `backtest --json` writes it."""
        return {
            "from": self.low,
            "to": self.high,
            "n": self.n,
            "expected": self.expected,
            "observed": self.observed,
        }


@dataclass(frozen=True)
class Reliability:
    """How well the probabilities of the shown rows held.

    Attributes:
        observed_over_expected: adoptions over the sum of probabilities; customers resampled.
        log_loss: of the probabilities, in nats per row.
        base_rate_loss: log-loss of the rows' overall share of adoptions, which nobody knew before.
        bins: tenths of the rows by probability.
    """

    observed_over_expected: Estimate
    log_loss: float
    base_rate_loss: float
    bins: list[Bin]

    def as_dict(self) -> dict[str, Any]:
        """The figures as `backtest --json` writes them."""
        return {
            "observed_over_expected": self.observed_over_expected.as_dict(),
            "log_loss": {"ranking": self.log_loss, "base_rate": self.base_rate_loss},
            "bins": [each.as_dict() for each in self.bins],
        }


class CalibratedRanking:
    """Calibrates the ranking of each cutoff on earlier ones whose horizon has passed.

    Args:
        horizon: the horizon.
        triggers: the names of the triggers.
    """

    def __init__(self, horizon: timedelta, triggers: list[str]) -> None:
        self._horizon, self._triggers = horizon, triggers
        self._shown: list[tuple[datetime, Shown]] = []
        self._rows: list[tuple[Shown, np.ndarray]] = []

    def rank(
        self,
        grid: Grid,
        features: Features,
        model: LogisticModel,
        ranked: np.ndarray,
        labels: Outcomes,
        codes: np.ndarray,
        evaluated: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Calibrate the best items of a cutoff, and order them by their probability.

        Args:
            grid: the customers and items as of the cutoff.
            features: the features of the grid.
            model: the model, fitted to earlier cutoffs.
            ranked: (n, 20) columns of each customer's best items by the model, -1 if there are
                fewer.
            labels: the labels of the grid, which later cutoffs are calibrated on.
            codes: (n,) codes of the customers.
            evaluated: whether the cutoff counts for `reliability`.

        Returns:
            (n, 10) columns of the shown items, -1 if there are fewer; (n, 10) their probabilities,
            NaN if there are fewer.
        """
        row, index = np.nonzero(ranked >= 0)
        column, width = ranked[row, index], max(len(grid.items), 1)
        values = features.pairs(row, column)
        adopted = labels.pairs[:, 0] * width + labels.pairs[:, 1]
        rows = Shown(
            customer=codes[row],
            day=np.full(len(row), int(grid.view.as_of.timestamp())),
            trigger=leading_trigger(self._triggers, values, model.contributions(values), len(row)),
            probability=model.predict(values).probability,
            accepted=np.isin(row * width + column, adopted),
        )
        calibration = self._calibration(grid.view.as_of)
        probability = rows.probability if calibration is None else calibration.probability(rows)
        if model.moments:
            self._shown.append((grid.view.as_of, rows))
        order = np.lexsort((-rows.probability, -probability, row))
        starts = np.searchsorted(row[order], np.arange(len(ranked)))
        rank = np.arange(len(order)) - starts[row[order]]
        kept, rank = order[rank < ITEMS], rank[rank < ITEMS]
        columns = np.full((len(ranked), ITEMS), -1, dtype=np.int64)
        columns[row[kept], rank] = column[kept]
        chances = np.full(columns.shape, np.nan)
        chances[row[kept], rank] = probability[kept]
        if evaluated:
            self._rows.append((rows.only(kept), probability[kept]))
        return columns, chances

    def reliability(self, seed: int) -> Reliability:
        """How well the probabilities of all evaluated cutoffs held.

        Args:
            seed: random seed of the bootstrap.
        """
        shown = Shown.joined(*(rows for rows, _ in self._rows))
        probability = np.concatenate([chance for _, chance in self._rows])
        accepted = shown.accepted.astype(float)
        share = np.full(len(accepted), accepted.mean() if len(accepted) else 0.0)
        order = np.argsort(probability, kind="stable")
        return Reliability(
            observed_over_expected(shown.customer, accepted, probability, seed),
            log_loss(probability, accepted),
            log_loss(share, accepted),
            [
                Bin(
                    float(probability[part[0]]),
                    float(probability[part[-1]]),
                    len(part),
                    float(probability[part].sum()),
                    int(accepted[part].sum()),
                )
                for part in np.array_split(order, BINS)
                if len(part)
            ],
        )

    def shown(self) -> pd.DataFrame:
        """The shown rows of all evaluated cutoffs.

        Returns:
            `as_of`, `customer` (a code), `trigger`, `raw` (what the model predicted),
            `probability` and `accepted`.
        """
        parts = [
            pd.DataFrame(
                {
                    "as_of": pd.to_datetime(rows.day, unit="s", utc=True),
                    "customer": rows.customer,
                    "trigger": rows.trigger,
                    "raw": rows.probability,
                    "probability": probability,
                    "accepted": rows.accepted,
                }
            )
            for rows, probability in self._rows
        ]
        return pd.concat(parts, ignore_index=True)

    def _calibration(self, as_of: datetime) -> Calibration | None:
        passed = [rows for day, rows in self._shown if day + self._horizon <= as_of]
        del self._shown[: max(0, len(passed) - DAYS)]
        return fit_calibration(Shown.joined(*passed[-DAYS:]), ITEMS) if passed else None
