"""What another policy would change: two sets of offers side by side."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from followsuit.offers.decisions.allocated import Allocated

_KEY = ("customer_id", "item_kind", "item_id", "offer_id")


@dataclass(frozen=True)
class Side:
    """The offers by one policy.

    Attributes:
        offers: number of offers.
        customers: number of customers who get some.
        value: the sum of their expected values, in major units.
        cost: what they cost, in major units.
        limits: what one more unit of each limit is worth, in major units, by its key in the policy;
            only those above 0.
        triggers: number of offers by first trigger; "" without one.
        channels: number of offers by channel; "" for contact in general.
    """

    offers: int
    customers: int
    value: float
    cost: float
    limits: Mapping[str, float]
    triggers: Mapping[str, int]
    channels: Mapping[str, int]


@dataclass(frozen=True)
class Comparison:
    """What another policy would change.

    Attributes:
        policy: the offers by the policy of the run.
        compared: the offers by the other one.
        only_policy: number of offers that only the policy of the run makes.
        only_compared: number of offers that only the other one makes.
    """

    policy: Side
    compared: Side
    only_policy: int
    only_compared: int

    def as_dict(self) -> dict[str, Any]:
        """What `score --json` says."""
        return asdict(self)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Lines of a table: what, by the policy of the run, and by the other one."""
        one, other = self.policy, self.compared
        yield "offers", f"{one.offers:,}", f"{other.offers:,}"
        yield "offers only here", f"{self.only_policy:,}", f"{self.only_compared:,}"
        yield "customers", f"{one.customers:,}", f"{other.customers:,}"
        yield "expected value", f"{one.value:,.2f}", f"{other.value:,.2f}"
        yield "cost", f"{one.cost:,.2f}", f"{other.cost:,.2f}"
        for what, mine, others in (
            ("channel", one.channels, other.channels),
            ("trigger", one.triggers, other.triggers),
        ):
            for name in sorted({*mine, *others}):
                label = f"{what} {name}" if name else f"no {what}"
                yield label, f"{mine.get(name, 0):,}", f"{others.get(name, 0):,}"
        for name in sorted({*one.limits, *other.limits}):
            yield f"one more of {name}", _price(one.limits, name), _price(other.limits, name)


def compare(
    offers: pa.Table, worth: Allocated, other_offers: pa.Table, other_worth: Allocated
) -> Comparison:
    """Compare the offers by two policies.

    Args:
        offers: the offers by the policy of the run, in the columns of `OUT`.
        worth: what they are worth.
        other_offers: the offers by the other policy.
        other_worth: what they are worth.
    """
    mine, others = _keys(offers), _keys(other_offers)
    return Comparison(
        _side(offers, worth),
        _side(other_offers, other_worth),
        len(mine - others),
        len(others - mine),
    )


def _side(offers: pa.Table, worth: Allocated) -> Side:
    return Side(
        offers=len(offers),
        customers=len(offers["customer_id"].unique()),
        value=worth.value,
        cost=worth.cost,
        limits={price.key: price.price for price in worth.prices},
        triggers=_counts(offers, "trigger"),
        channels=_counts(offers, "channel"),
    )


def _counts(offers: pa.Table, column: str) -> dict[str, int]:
    counts = Counter(value or "" for value in offers[column].to_pylist())
    return dict(sorted(counts.items()))


def _keys(offers: pa.Table) -> set[tuple[str, ...]]:
    return set(zip(*(offers[name].to_pylist() for name in _KEY), strict=True))


def _price(limits: Mapping[str, float], name: str) -> str:
    return f"{limits[name]:,.2f}" if name in limits else "0.00"
