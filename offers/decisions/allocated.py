"""What a run's offers are worth and cost, and what its limits cost it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from followsuit.offers.decisions.risk import Risk, Risks
from followsuit.policy.decide import Decided
from followsuit.policy.limits.limit_kinds import BUDGET, CHANNELS, OFFERS, PER_FRIEND
from followsuit.policy.messages import MINOR_UNITS

_MOST_PRICES = 5
"""At most so many prices are printed; all are kept."""


@dataclass(frozen=True)
class Price:
    """What one more unit of a limit is worth.

    Attributes:
        kind: the kind of the limit, by its key in the policy.
        name: the channel, offer or store; None for the budget.
        price: in major units.
    """

    kind: str
    name: str | None
    price: float

    @property
    def key(self) -> str:
        """The limit's key in the policy: `budget`, `channels.email`."""
        return self.kind if self.name is None else f"{self.kind}.{self.name}"

    @property
    def unit_in_words(self) -> str:
        """A unit of the limit in words."""
        if self.kind == BUDGET:
            return "unit of budget"
        what = {CHANNELS: f"message by {self.name}", OFFERS: f"message about {self.name}"}
        return what.get(self.kind, f"offer that points to {self.name}")

    def in_words(self) -> str:
        """The price as a sentence."""
        return f"One more {self.unit_in_words} is worth {self.price:,.2f}."


@dataclass(frozen=True)
class Allocated:
    """What a run's offers are worth and cost, in major units.

    Attributes:
        value: the sum of their expected values.
        bound: no choice under the limits is worth more.
        cost: what they cost: messages when sent, offers when accepted.
        violations: how often they break the policy.
        prices: of the limits that are used up, the most valuable first.
        by_policy: whether a policy decided.
    """

    value: float
    bound: float
    cost: float
    violations: int = 0
    prices: Sequence[Price] = ()
    by_policy: bool = False

    @property
    def gap(self) -> float:
        """How far the value may be from the best one, as a share of the bound."""
        return max(self.bound - self.value, 0.0) / self.bound if self.bound > 0 else 0.0

    def in_words(self) -> Iterator[str]:
        """What the offers are worth and what limits cost, as sentences."""
        # Rounded down, so that it is true.
        share = math.floor(1e4 * (1 - self.gap)) / 1e4
        of_best = f", at least {share:.2%} of what the limits allow" if self.gap else ""
        yield f"Expected value {self.value:,.2f} after costs of {self.cost:,.2f}{of_best}."
        yield from (price.in_words() for price in self.prices[:_MOST_PRICES])

    def as_dict(self) -> dict[str, Any]:
        """What `score --json` says."""
        return {
            "value": self.value,
            "bound": self.bound,
            "gap": self.gap,
            "cost": self.cost,
            "violations": self.violations,
        }


@dataclass(frozen=True)
class Decisions:
    """What was decided in a run.

    Attributes:
        allocated: what its offers are worth and cost.
        counts: number of candidates by decision: `offered`, `outranked`, then each rule.
        risks: what the offers rest on.
    """

    allocated: Allocated
    counts: dict[str, int]
    risks: Risks

    def as_dict(self) -> dict[str, Any]:
        """What `score --json` says."""
        return {
            "allocation": self.allocated.as_dict(),
            "decisions": self.counts,
            "risk": self.risks.as_dict(),
        }

    def in_words(self) -> Iterator[str]:
        """What a policy makes of the offers and what they rest on; nothing without a policy."""
        if self.allocated.by_policy:
            yield from self.allocated.in_words()
            yield self.risks.every.in_words("Of all offers")
            for name, risk in self.risks.triggers.items():
                if risk.complaints or risk.opt_outs:
                    offers = f"offers with trigger {name}" if name else "offers without a trigger"
                    yield risk.in_words(f"Of {offers}")

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        """What `dataclasses.asdict` made of it."""
        worth, risks = kept["allocated"], kept["risks"]
        prices = [Price(**price) for price in worth["prices"]]
        triggers = {name: Risk(**each) for name, each in risks["triggers"].items()}
        return cls(
            Allocated(**{**worth, "prices": prices}),
            kept["counts"],
            Risks(Risk(**risks["every"]), triggers),
        )


def allocated(offered: pa.Table, decided: Decided | None = None, violations: int = 0) -> Allocated:
    """What a run's offers are worth and cost.

    Args:
        offered: the offers, with `expected_value` and `cost` in minor units.
        decided: what the policy decided; None without a policy.
        violations: how often the offers break the policy.
    """
    value = (pc.sum(offered["expected_value"]).as_py() or 0.0) / MINOR_UNITS
    cost = (pc.sum(offered["cost"]).as_py() or 0.0) / MINOR_UNITS
    if decided is None:
        return Allocated(value, value, cost)
    prices = [
        # A unit of the budget is money itself.
        Price(limit.kind, limit.name, float(price) / (1 if limit.kind == BUDGET else MINOR_UNITS))
        for limit, price in zip(decided.limits, decided.prices, strict=True)
        if price > 0 and limit.kind != PER_FRIEND
    ]
    prices.sort(key=lambda each: -each.price)
    return Allocated(value, value + decided.slack / MINOR_UNITS, cost, violations, prices, True)
