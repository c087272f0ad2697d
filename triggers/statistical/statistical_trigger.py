"""Triggers that a model or a test finds, not conditions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from followsuit.customers import lifetime, refills
from followsuit.customers.lifetime import TooFewRepeats
from followsuit.customers.refills import TooFewRefills
from followsuit.graph.items import PAIR, PRODUCT
from followsuit.graph.views.view import View
from followsuit.triggers.compiler.conditions import interval
from followsuit.triggers.compiler.offered import as_reasons
from followsuit.triggers.definitions.statistic import Statistic, StatisticName
from followsuit.triggers.of_definition import OfDefinition
from followsuit.triggers.statistical.churn_risk import churn_risk
from followsuit.triggers.statistical.found import (
    TooLittleToLearn,
    nothing_found,
    sharing,
    within_share,
)
from followsuit.triggers.statistical.preference_shift import FEWEST as _MIXES
from followsuit.triggers.statistical.preference_shift import FEWEST_EARLIER as _EARLIER
from followsuit.triggers.statistical.preference_shift import FEWEST_RECENT as _RECENT
from followsuit.triggers.statistical.preference_shift import preference_shift
from followsuit.triggers.statistical.refill_due import refill_due
from followsuit.triggers.statistical.unplanned_purchase import FEWEST as _PURCHASES
from followsuit.triggers.statistical.unplanned_purchase import unplanned_purchase
from followsuit.triggers.trigger import EVIDENCE, REASONS


@dataclass(frozen=True)
class _Finder:
    """How a statistic finds its rows.

    Attributes:
        find: gives rows in the columns of `FOUND`; it takes the view and `Statistic.length`.
        fewest: with fewer purchases in the store, there is too little to learn from. It saves time.
        repeat: whether its reasons are to buy the product again.
        each: the number of reasons that a customer may have.
    """

    find: Callable[[View, timedelta], pa.Table]
    fewest: int
    repeat: bool = False
    each: int = 1


_FINDERS: Mapping[StatisticName, _Finder] = {
    "refill_due": _Finder(refill_due, fewest=2 * refills.FEWEST, repeat=True, each=3),
    "churn_risk": _Finder(churn_risk, fewest=2 * lifetime.FEWEST),
    "unplanned_purchase": _Finder(unplanned_purchase, fewest=_PURCHASES),
    "preference_shift": _Finder(preference_shift, fewest=_MIXES * (_RECENT + _EARLIER)),
}


@dataclass(frozen=True)
class StatisticalTrigger(OfDefinition):
    """A trigger whose definition names a statistic.

    At most a share of the customers has its reasons on a day: those who share activity are ranked
    by strength, and all others are compared with the last of them. So `most` is kept to the
    customer among those who share, and about kept among the others.

    Attributes:
        definition: the definition.
        only: ids of customers among whom reasons are looked for, see `View.among`; None for all.
    """

    only: tuple[str, ...] | None = None

    def can_fire(self, view: View) -> bool:
        """See `Trigger.can_fire`; whether enough are shared is seen when they are read."""
        return view.purchases_ever >= _FINDERS[self._statistic.name].fewest

    def reasons(self, view: View) -> ir.Table:
        """See `Trigger.reasons`; none where too little is known to learn from."""
        finder = _FINDERS[self._statistic.name]
        view = view if self.only is None else view.among(self.only)
        table = self._live(view).order_by("customer_id", "item_id", "category").to_pyarrow()
        members = sharing(view)
        frame = table.select(["customer_id", "strength"]).to_pandas()
        shares = members.of(table["customer_id"]) >= 0
        most = max(1, int(self._statistic.share * len(members)))
        rows = ibis.memtable(table.filter(within_share(frame, shares, most, finder.each)))
        kinds = REASONS | EVIDENCE
        rows = rows.mutate(
            trigger=ibis.literal(self.name),
            item_kind=rows.item_id.notnull().ifelse(PRODUCT, None),
            recorded_strength=rows.strength,
            repeat=ibis.literal(finder.repeat),
        )
        empty = {name: ibis.null(kind) for name, kind in kinds.items() if name not in rows.columns}
        return as_reasons(rows.mutate(**empty))

    def drivers(self, view: View, reasons: ir.Table) -> ir.Table:  # noqa: ARG002
        """See `Trigger.drivers`: a reason rests on the customer's own rows."""
        return reasons.select(*PAIR).distinct().mutate(friend_id=ibis.null(str))

    def shortage(self, view: View) -> str | None:
        """Why nothing can be found in a view; None if something could."""
        try:
            self._find(view)
        except (TooFewRefills, TooFewRepeats, TooLittleToLearn) as error:
            return str(error)
        return None

    @property
    def _statistic(self) -> Statistic:
        assert self.definition.statistic is not None
        return self.definition.statistic

    def _live(self, view: View) -> ir.Table:
        """What the statistic finds, with `until`: of items that may be offered, and not over."""
        key = f"{self._statistic.name} {self._statistic.length}"
        rows = view.remember(key, lambda: ibis.memtable(self._find_or_none(view)))
        allowed = self.items(view)
        if allowed is not None:
            known = view.items.semi_join(allowed, ["item_kind", "item_id"])
            products = known.filter(known.item_kind == PRODUCT)
            rows = rows.filter(
                rows.item_id.isnull() | rows.item_id.isin(products.item_id),
                rows.category.isnull() | rows.category.isin(known.category),
            )
        lasts = self.definition.lasts
        if lasts is None and not self._statistic.looks_ahead:
            lasts = self._statistic.length
        never = ibis.null(REASONS["until"])
        return view.live(
            rows.mutate(until=never if lasts is None else rows.fired_at + interval(lasts))
        )

    def _find(self, view: View) -> pa.Table:
        return _FINDERS[self._statistic.name].find(view, self._statistic.length)

    def _find_or_none(self, view: View) -> pa.Table:
        try:
            return self._find(view)
        except (TooFewRefills, TooFewRepeats, TooLittleToLearn):
            return nothing_found()
