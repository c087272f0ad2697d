"""How likely customers accept: the models that a run uses, and how they are calibrated."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

import numpy as np
from scipy.special import expit, logit

from followsuit.core.bootstrap import Estimate, Resamples
from followsuit.core.threads import one_thread
from followsuit.offers.features.of_reasons import PREFIX
from followsuit.offers.learning.boosted import BoostedModel
from followsuit.offers.learning.calibration import (
    ACCEPTED,
    ROWS,
    Calibration,
    Shown,
    fit_calibration,
)
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.learning.model import (
    DIGITS,
    Examples,
    Model,
    Prediction,
    log_loss,
    log_odds,
)

_TINY = 1e-12


@dataclass(frozen=True)
class Check:
    """How well a calibration held on the latest day whose horizon has passed.

    The calibration is one that was fitted to the days before: the rows that a calibration was
    fitted to can't check it.

    Attributes:
        as_of: the day.
        rows: the number of rows that would have been shown.
        observed_over_expected: acceptances over the sum of probabilities; customers resampled.
    """

    as_of: datetime
    rows: int
    observed_over_expected: Estimate

    def as_dict(self) -> dict[str, Any]:
        """The check, as stored with a run."""
        ratio = self.observed_over_expected.as_dict()
        return {
            "as_of": self.as_of.isoformat(),
            "rows": self.rows,
            "observed_over_expected": ratio,
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        ratio = Estimate(**kept["observed_over_expected"])
        return cls(datetime.fromisoformat(kept["as_of"]), kept["rows"], ratio)


@dataclass(frozen=True)
class Acceptance:
    """The models of a run.

    Attributes:
        as_of: the instant that they were fitted as of.
        logistic: the logistic model, which also finds candidates.
        boosted: the boosted model; None if it isn't used.
        losses: log-loss of each model by name, on a later day; empty if only one was fitted.
        calibration: calibrates the predictions; None if too little is known.
        check: how well the calibration held last; None if that isn't known.
        contacts: intercept and slope of the log-odds after a contact; None if too few contacts have
            outcomes.
    """

    as_of: datetime
    logistic: LogisticModel = field(default_factory=LogisticModel)
    boosted: BoostedModel | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    calibration: Calibration | None = None
    check: Check | None = None
    contacts: tuple[float, float] | None = None

    @property
    def model(self) -> Model:
        """The model that predicts."""
        return self.boosted or self.logistic

    @property
    def base(self) -> float:
        """The log-odds that contributions are added to."""
        return self.boosted.base if self.boosted else self.logistic.intercept

    def calibrated(
        self, raw: Prediction, trigger: np.ndarray
    ) -> tuple[Prediction, np.ndarray, np.ndarray]:
        """Calibrate what the model predicts; see `Calibration.predict`.

        Without a calibration, the prediction stays as it is, and has no interval (NaN).
        """
        if self.calibration is None:
            unknown = np.full(len(trigger), np.nan)
            return raw, unknown, unknown
        return self.calibration.predict(raw, trigger)

    def after_contact(self, probability: np.ndarray) -> np.ndarray:
        """(rows,) the probability of acceptance after a contact; NaN while that isn't known."""
        if self.contacts is None:
            return np.full(len(probability), np.nan)
        intercept, slope = self.contacts
        odds = log_odds(probability)
        chance: np.ndarray = expit(intercept + slope * odds).round(DIGITS)
        return chance

    def as_dict(self) -> dict[str, Any]:
        """The models, as stored with a run."""
        return {
            "as_of": self.as_of.isoformat(),
            "base": self.base,
            "logistic": self.logistic.as_dict(),
            "boosted": None if self.boosted is None else self.boosted.as_dict(),
            "losses": dict(self.losses),
            "calibration": None if self.calibration is None else self.calibration.as_dict(),
            "check": None if self.check is None else self.check.as_dict(),
            "contacts": None if self.contacts is None else list(self.contacts),
        }

    def in_words(self, as_of: datetime) -> list[str]:
        """What probabilities rest on, in lines for people.

        Args:
            as_of: the instant of the run that uses the models.
        """
        model = self.logistic
        source = f"fitted to {model.moments} earlier days" if model.moments else "defaults"
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in model.weights.items())
        lines = [f"Weights ({source}): {weights}"]
        if model.unseen:
            names = ", ".join(name.removeprefix(PREFIX) for name in model.unseen)
            lines.append(f"Default weights for what never fired on the earlier days: {names}")
        if self.losses:
            losses = ", ".join(f"{name} {loss:.5f}" for name, loss in self.losses.items())
            lines.append(f"Probabilities are those of {self.model.name}. Log-loss: {losses}")
        if self.calibration is None:
            return [
                *lines,
                "Probabilities aren't calibrated, and have no intervals: that takes "
                f"at least {ROWS} rows shown on earlier days, {ACCEPTED} of them accepted.",
            ]
        age = (as_of - self.as_of).days
        when = f" {age} day{'s' * (age != 1)} ago" if age else ""
        known = f"Probabilities were calibrated{when} on {self.calibration.rows:,} earlier rows"
        if self.check is None:
            return [*lines, f"{known}."]
        ratio = self.check.observed_over_expected
        held = (
            f"As of {self.check.as_of:%Y-%m-%d}, observed over expected was {ratio.value:.2f} "
            f"({ratio.low:.2f} to {ratio.high:.2f})"
        )
        return [*lines, f"{known}. {held}."]

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        boosted, calibration, check = kept["boosted"], kept["calibration"], kept["check"]
        return cls(
            datetime.fromisoformat(kept["as_of"]),
            LogisticModel(**kept["logistic"]),
            None if boosted is None else BoostedModel.from_dict(boosted),
            kept["losses"],
            None if calibration is None else Calibration.from_dict(calibration),
            None if check is None else Check.from_dict(check),
            None if kept["contacts"] is None else tuple(kept["contacts"]),
        )


def choose_model(
    as_of: datetime, logistic: LogisticModel, boosted: BoostedModel, later: Examples
) -> Acceptance:
    """Use the model with the lower log-loss on a later day, the logistic one if both are equal.

    Args:
        as_of: the instant of the run.
        logistic: the fitted logistic model.
        boosted: the fitted boosted model.
        later: a sample of the later day's pairs.
    """
    if not boosted.fitted or not later.y.sum():
        return Acceptance(as_of, logistic)
    values = {name: later.x[:, i] for i, name in enumerate(later.names)}
    models: dict[str, Model] = {model.name: model for model in (logistic, boosted)}
    losses = {
        name: round(log_loss(model.predict(values).probability, later.y, later.weight), 6)
        for name, model in models.items()
    }
    better = losses[boosted.name] < losses[logistic.name]
    return Acceptance(as_of, logistic, boosted if better else None, losses)


def with_calibration(
    acceptance: Acceptance, shown: list[tuple[datetime, Shown]], top: int, seed: int
) -> Acceptance:
    """Calibrate fitted models.

    Args:
        acceptance: the fitted models.
        shown: days that they weren't fitted to, the oldest first, and the rows that might have been
            shown on each.
        top: maximum number of rows to show to a customer.
        seed: random seed of the check's interval.

    Returns:
        The models, without a calibration if too little is known, see `fit_calibration`.
    """
    if not shown:
        return acceptance
    calibration = fit_calibration(Shown.joined(*(rows for _, rows in shown)), top)
    earlier = [rows for _, rows in shown[:-1]]
    before = fit_calibration(Shown.joined(*earlier), top) if earlier else None
    day, rows = shown[-1]
    if calibration is None or before is None or not len(rows):
        return replace(acceptance, calibration=calibration)
    latest = rows.top(before.probability(rows), top)
    expected = before.probability(latest)
    ratio = observed_over_expected(latest.customer, latest.accepted, expected, seed)
    check = Check(day, len(latest), ratio)
    return replace(acceptance, calibration=calibration, check=check)


@one_thread()
def with_contacts(acceptance: Acceptance, contacts: Shown) -> Acceptance:
    """Learn how likely acceptance is after a contact.

    The log-odds after a contact are a line of those of the calibrated probability (Platt 1999).

    Args:
        acceptance: the fitted and calibrated models.
        contacts: earlier contacts, what the model predicted, and whether they were accepted.

    Returns:
        The models; `contacts` stays None with fewer than 200 contacts or 20 accepted ones.
    """
    accepted = contacts.accepted.sum()
    if len(contacts) < ROWS or not ACCEPTED <= accepted < len(contacts):
        return acceptance
    from sklearn.linear_model import LogisticRegression  # slow to import

    raw = Prediction(contacts.probability, contacts.probability)
    probability = acceptance.calibrated(raw, contacts.trigger)[0].probability
    odds = log_odds(probability)
    regression = LogisticRegression(C=1e4, solver="newton-cholesky", max_iter=200)
    regression.fit(odds[:, None], contacts.accepted)
    intercept, slope = float(regression.intercept_[0]), float(regression.coef_[0, 0])
    if slope < 0:  # Then what the model predicts says nothing about contacts.
        intercept, slope = float(logit(accepted / len(contacts))), 0.0
    return replace(acceptance, contacts=(intercept, slope))


def observed_over_expected(
    customer: np.ndarray, accepted: np.ndarray, expected: np.ndarray, seed: int
) -> Estimate:
    """The number of acceptances over the sum of the probabilities, with a 95 % interval.

    Args:
        customer: (rows,) code of the customer; customers are resampled. Without rows, it is 0.
        accepted: (rows,) whether each row was accepted.
        expected: (rows,) probabilities.
        seed: random seed of the bootstrap.
    """
    if not len(customer):
        return Estimate(0.0, 0.0, 0.0)
    codes = np.unique(customer, return_inverse=True)[1]
    sums = np.column_stack([np.bincount(codes, accepted), np.bincount(codes, expected)])
    drawn = Resamples(len(sums), seed).means(sums.astype(np.float64))
    low, high = np.percentile(drawn[:, 0] / np.maximum(drawn[:, 1], _TINY), [2.5, 97.5])
    observed, predicted = sums.sum(axis=0)
    return Estimate(float(observed / max(predicted, _TINY)), float(low), float(high))
