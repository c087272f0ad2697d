"""Why a customer is offered something, and why not: the run in force, looked at again.

The ranking is computed anew for the one customer, from the store as it is now, as of the run's
instant and with the run's weights.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import ibis.expr.types as ir
import numpy as np

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import read_parquet
from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph import tables as t
from followsuit.graph.facts import Facts
from followsuit.graph.models import ModelStore
from followsuit.graph.runs import TIES, Run, active_run, run_folder
from followsuit.graph.schema import Col
from followsuit.graph.snapshot import take_snapshot
from followsuit.graph.store import GraphStore, nfc
from followsuit.influence.log.action_log import read_log
from followsuit.offers.activation import part_of
from followsuit.offers.catalogue import offers_in_force
from followsuit.offers.moment import Moment, look
from followsuit.offers.placing import Places, offer_table, place
from followsuit.offers.suppressed import NO_OFFER, NOT_IN_AUDIENCE, suppressed
from followsuit.offers.taste import Recipe, Taste
from followsuit.offers.ties import learn_ties, learned_ties
from followsuit.offers.weights import Weights

NOT_SCORED = "not_scored"
OTHER_OFFER = "other_offer_for_the_item"
OTHER_ITEM = "other_item_of_the_offer"
NO_TRIGGER = "no_live_trigger"
NOT_RECENT = "not_acted_on_lately"
BELOW = "below_the_top"
CHANGED = "changed_since_the_run"
SENSITIVE = "sensitive"

_EXPLAINED = {
    "unknown_age": "the customer's age is unknown, and consent is not assumed",
    "minor": "the customer is under 18",
    "no_contact_consent": "the customer has not agreed to be contacted",
    "already_taken": "the customer has it already",
    "elsewhere": "it is a store of another city than the customer's",
    NO_OFFER: "no offer for it is in force",
    NOT_IN_AUDIENCE: "its offers are for a program or an interest that is not the customer's",
    SENSITIVE: "it is sensitive, and so is never offered",
    NO_TRIGGER: "nothing gives a reason to contact the customer now",
    NOT_RECENT: "it is not among the items that are popular now",
    NOT_SCORED: "the active run was made only for other customers",
    OTHER_ITEM: "its offers are shown with other items, which rank higher",
    OTHER_OFFER: "another offer for the same item is worth more",
    BELOW: "other offers rank higher",
    CHANGED: "the data has changed since the run was made: score again",
}
_OFFERED = (
    f"MATCH (:{g.CUSTOMER.label} {{{Col.CUSTOMER_ID}: $customer}})"
    f"-[r:{g.RECOMMENDED_PRODUCT.name}]->(i) WHERE r.{Col.RUN_ID} = $run "
    f"AND r.{Col.ITEM_KIND} = $kind AND coalesce(i.{Col.PRODUCT_ID}, i.{Col.STORE_ID}) = $item "
    "RETURN count(r) AS n"
)


class UnknownTarget(FollowsuitError):
    """There is no such customer, item or offer."""


@dataclass(frozen=True)
class Explanation:
    """Why, or why not.

    `rule` is missing where it is offered; `rank`, `score`, `trigger_share`, `reason` and `factors`
    (what each factor adds to the log-odds) where it was never ranked.
    """

    run_id: str
    as_of: datetime
    customer_id: str
    target: str
    offered: bool
    rule: str | None = None
    explanation: str | None = None
    item_kind: str | None = None
    item_id: str | None = None
    offer_id: str | None = None
    rank: int | None = None
    score: float | None = None
    trigger: str | None = None
    trigger_share: float | None = None
    reason: str | None = None
    factors: dict[str, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As `why --json` prints it."""
        return {**self.__dict__, "as_of": self.as_of.isoformat()}


def explain(
    store: GraphStore,
    customer: str,
    target: str,
    *,
    memory: int = 2**30,
    progress: Progress = silent,
) -> Explanation:
    """Explain what the run in force offers, or does not offer, to a customer.

    Args:
        store: with a run in force.
        customer: an id.
        target: the id of a product, a store or an offer.
        memory: bytes that the engine of the snapshot may use.
        progress: told of the snapshot.

    Raises:
        UnknownRun: nothing has been scored.
        UnknownTarget: there is no such customer, item or offer.
    """
    customer, target = nfc(customer), nfc(target)
    run = active_run(store)
    part = part_of(run, customer)
    as_of = run.as_of if part is None else part.as_of
    facts = Facts(take_snapshot(store, as_of, memory=memory, progress=progress))
    found = np.flatnonzero(facts.customers == customer)
    if not len(found):
        raise UnknownTarget(f"There is no customer {customer}.")
    if part is None:
        return refused(run, customer, target, NOT_SCORED)
    ties, taste = _ties(store, facts, part), _taste(store, facts, part)
    shown = replace(part, run_id=run.run_id)
    said = _Case(facts, shown, ties, taste, customer, found, target).explain()
    if said.offered and not _is_in_run(store, said):
        return replace(said, offered=False, rule=CHANGED, explanation=_EXPLAINED[CHANGED])
    return said


def _is_in_run(store: GraphStore, said: Explanation) -> bool:
    """Whether the graph holds the offer: a load may have withdrawn it."""
    rows = store.query(_OFFERED, {"customer": said.customer_id, "run": said.run_id,
                                  "kind": said.item_kind, "item": said.item_id})  # fmt: skip
    return bool(rows["n"][0].as_py())


def refused(run: Run, customer: str, target: str, rule: str) -> Explanation:
    """What is said of a target that a rule keeps from a customer."""
    return Explanation(
        run.run_id, run.as_of, customer, target, offered=False, rule=rule,
        explanation=_EXPLAINED[rule],
    )  # fmt: skip


def _ties(store: GraphStore, facts: Facts, run: Run) -> ir.Table:
    """The ties that the run was made with; learned again where its file is missing or damaged."""
    kept = read_parquet(run_folder(store, run.run_id) / TIES)
    if kept is not None:
        return learned_ties(facts, run.as_of, kept.to_pandas())
    window = timedelta(days=run.parameters["window_days"])
    learned = learn_ties(read_log(facts.shared, run.as_of), window)
    return learned_ties(facts, run.as_of, learned)


def _taste(store: GraphStore, facts: Facts, run: Run) -> Taste:
    """The model of taste that the run was made with."""
    recipe, models = Recipe(**run.parameters["recipe"]), ModelStore(store.state)
    return recipe.fit_once(facts.shared, run.as_of, models, seed=run.parameters["seed"])


class _Case:
    """One customer and one target."""

    def __init__(
        self, facts: Facts, run: Run, ties: ir.Table, taste: Taste, customer: str, code: np.ndarray,
        target: str,
    ) -> None:  # fmt: skip
        self.facts = facts
        self.run = run
        self.ties = ties
        self.taste = taste
        self.customer = customer
        self.code = code
        self.target = target
        self.window = timedelta(days=run.parameters["window_days"])
        self.weights = Weights(**run.parameters["weights"])
        self.catalogue = offers_in_force(facts, run.as_of)

    def explain(self) -> Explanation:
        items = self._items()
        if items is None:
            return self._refused(NO_OFFER)
        if not len(items):
            return self._refused(SENSITIVE)
        kept_back = self._kept_back(items)
        moment = look(
            self.facts,
            self.run.as_of,
            self.window,
            customers=self.code,
            catalogue=self.catalogue,
            ties=self.ties,
            taste=self.taste,
        )
        if not len(moment.customers):
            return self._refused(kept_back or self._barrier() or NO_TRIGGER)
        places = place(moment, self.weights, self.catalogue, top=len(self.facts.items.id))
        position = self._position(moment, places, items)
        if position is None:
            return self._refused(kept_back or self._why_unranked(moment, items))
        return self._ranked(moment, places, position)

    def _items(self) -> np.ndarray | None:
        """Codes of the items that the target means; None for an offer that is not in force."""
        own = np.flatnonzero(self.facts.items.id == self.target)
        for offer in self.catalogue.offers if self.catalogue else ():
            if offer.offer_id == self.target:
                return np.union1d(own, offer.items)
        if len(own):
            return own
        for table, column in ((t.PRODUCTS, "product_id"), (t.STORES, "store_id")):
            rows = self.facts.snapshot.table(table)
            if rows.filter(rows[column] == self.target).count().execute():
                return own
        offers = self.facts.snapshot.table(t.OFFERS)
        if offers.filter(offers.offer_id == self.target).count().execute():
            return None
        raise UnknownTarget(f"There is no product, store or offer {self.target}.")

    def _kept_back(self, items: np.ndarray) -> str | None:
        """The rule that kept back what friends did to one of these items."""
        log = suppressed(self.facts, self.run.as_of, self.window, self.catalogue, self.code).log
        mine = log[log.item_id.isin(self.facts.items.id[items])]
        return None if mine.empty else str(mine.rule.iloc[0])

    def _barrier(self) -> str | None:
        people = self.facts.people(self.run.as_of)
        barrier = people.filter(people.customer == int(self.code[0])).barrier.execute().iloc[0]
        return barrier if isinstance(barrier, str) else None

    def _position(self, moment: Moment, places: Places, items: np.ndarray) -> int | None:
        """The first place that offers the target."""
        mine = np.isin(moment.items[places.column], items)
        if self.catalogue is not None:
            names = np.array([o.offer_id for o in self.catalogue.offers], dtype=object)
            named = names[places.offer] == self.target
            mine = named if named.any() or not self._is_item() else mine
        found = np.flatnonzero(mine)
        return int(found[0]) if len(found) else None

    def _is_item(self) -> bool:
        return bool((self.facts.items.id == self.target).any())

    def _why_unranked(self, moment: Moment, items: np.ndarray) -> str:
        column = np.flatnonzero(np.isin(moment.items, items))
        if not len(column):
            covered = self.catalogue is None or np.isin(items, self.catalogue.items()).any()
            return NOT_RECENT if covered else NO_OFFER
        free = column[~moment.barred(slice(None))[0, column]]
        if not len(free):
            return "already_taken" if moment.taken[:, column].nnz else "elsewhere"
        if not self._has_offer(moment.items[free]):
            return NOT_IN_AUDIENCE
        return OTHER_ITEM if self._is_item() else OTHER_OFFER

    def _has_offer(self, items: np.ndarray) -> bool:
        """Whether an offer for the customer (the target, where it is one) covers such an item."""
        return any(
            np.isin(items, offer.items).any()
            and (offer.audience is None or offer.audience[self.code[0]])
            and (self._is_item() or offer.offer_id == self.target)
            for offer in (self.catalogue.offers if self.catalogue else ())
        )

    def _refused(self, rule: str) -> Explanation:
        return refused(self.run, self.customer, self.target, rule)

    def _ranked(self, moment: Moment, places: Places, position: int) -> Explanation:
        row = offer_table(self.facts, moment, self.weights, places, self.catalogue)
        said = row.slice(position, 1).to_pylist()[0]
        offered = said["rank"] <= self.run.parameters["top"]
        column = int(places.column[position])
        liking, affinity = moment.own_of(np.zeros(1, dtype=int), np.array([column]))
        factors = {
            "popularity": self.weights.popularity * moment.popularity[column],
            "category": self.weights.category * liking[0],
            "affinity": self.weights.affinity * affinity[0],
            "activity": self.weights.activity * moment.activity[0],
            "friends": self.weights.friends * moment.friends[0, column],
        }
        return Explanation(
            self.run.run_id, self.run.as_of, self.customer, self.target, offered,
            rule=None if offered else BELOW,
            explanation=None if offered else _EXPLAINED[BELOW],
            factors={name: round(float(value), 9) for name, value in factors.items()},
            **{name: said[name] for name in ("item_kind", "item_id", "offer_id", "rank", "score",
                                             "trigger", "trigger_share", "reason")},
        )  # fmt: skip
