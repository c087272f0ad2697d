"""The part of a definition that names a statistic: a reason that a model or a test finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from followsuit.triggers.definitions.values import Length, Number, Strict

StatisticName = Literal["refill_due", "churn_risk", "unplanned_purchase", "preference_shift"]
STATISTICS: tuple[StatisticName, ...] = get_args(StatisticName)


@dataclass(frozen=True)
class StatisticDefaults:
    """What a statistic looks for, and its settings unless a definition has others.

    Attributes:
        sentence: what it looks for.
        most: see `Statistic.most`.
        ahead: see `Statistic.ahead`; None if it doesn't look ahead.
        within: see `Statistic.within`; None if it doesn't look at recent purchases.
    """

    sentence: str
    most: float
    ahead: timedelta | None = None
    within: timedelta | None = None


_DAY = timedelta(days=1)
LONGEST_AHEAD, LONGEST_WITHIN = 365 * _DAY, 180 * _DAY
"""A year has to hold what is recent, and what it is compared with."""
DEFAULTS: Mapping[StatisticName, StatisticDefaults] = {
    "refill_due": StatisticDefaults(
        "a product is due to be bought again", most=0.05, ahead=14 * _DAY
    ),
    "churn_risk": StatisticDefaults("the customer has probably left", most=0.02, ahead=14 * _DAY),
    "unplanned_purchase": StatisticDefaults(
        "a purchase was unusually large", most=0.02, within=7 * _DAY
    ),
    "preference_shift": StatisticDefaults(
        "purchases have moved to another category", most=0.02, within=56 * _DAY
    ),
}


class Statistic(Strict):
    """Which statistic finds a trigger's reasons, and its settings.

    Attributes:
        name: the statistic.
        most: the largest share of the customers who have a reason on a day; None for the default.
        ahead: the next purchase is expected within so long after the day; None for the run's
            window. Only for a statistic that looks ahead.
        within: purchases are recent within so long before the day; None for the default. Only for
            a statistic of recent purchases.
    """

    name: StatisticName
    most: Annotated[Number, Field(gt=0, le=1)] | None = None
    ahead: Length | None = None
    within: Length | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key, other in (("ahead", "within"), ("within", "ahead")):
            if getattr(self, key) is not None and getattr(self.defaults, key) is None:
                raise ValueError(f"{self.name} has no `{key}`; it has `{other}`")
        for key, longest in (("ahead", LONGEST_AHEAD), ("within", LONGEST_WITHIN)):
            length = getattr(self, key)
            if length is not None and not _DAY <= length <= longest:
                raise ValueError(f"`{key}` is from 1d to {longest.days}d")
        return self

    @property
    def defaults(self) -> StatisticDefaults:
        """What the statistic looks for, and its default settings."""
        return DEFAULTS[self.name]

    @property
    def share(self) -> float:
        """The largest share of the customers who have a reason on a day."""
        return self.defaults.most if self.most is None else float(self.most)

    @property
    def length(self) -> timedelta:
        """How far it looks ahead, or back."""
        length = self.ahead or self.within or self.defaults.ahead or self.defaults.within
        assert length is not None
        return length

    @property
    def looks_ahead(self) -> bool:
        """Whether it looks ahead."""
        return self.defaults.ahead is not None
