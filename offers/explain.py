"""Why a customer is offered something, and why not: read from the decisions of the active run.

Nothing is predicted again. Of what was no candidate, the rules of `policy` say whether it might
have been one.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.runs import ACTORS, DECISIONS, Run, active_run, run_folder
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore, nfc
from followsuit.graph.view import ITEM, View, view_of
from followsuit.offers.activation import part_of
from followsuit.offers.candidates import brought_up
from followsuit.offers.catalogue import catalogue
from followsuit.offers.decisions import OFFERED
from followsuit.policy.rules import NO_OFFER, SENTENCES

NOT_SCORED = "not_scored"
OTHER_OFFER = "other_offer_for_the_item"
OTHER_ITEM = "other_item_of_the_offer"
NO_TRIGGER = "no_live_trigger"
NOT_RECENT = "not_acted_on_lately"
BELOW = "below_the_top"
CHANGED = "changed_since_the_run"
SENSITIVE = "sensitive"

_EXPLAINED = {
    **SENTENCES,
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


class NoDecisions(FollowsuitError):
    """The file that says what a run decided is missing or damaged."""


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
    if not _exists(store, g.CUSTOMER, customer):
        raise UnknownTarget(f"There is no customer {customer}.")
    if part is None:
        return refused(run, customer, target, NOT_SCORED)
    shown = replace(part, run_id=run.run_id)
    mine = _decisions(store, part, customer)
    explanation = _of_decisions(shown, mine, customer, target)
    if explanation is None:
        view = view_of(store, part.as_of, memory=memory, progress=progress)
        rule = _why_no_candidate(store, view, part, mine, customer, target)
        return refused(shown, customer, target, rule)
    if explanation.offered and not _is_in_run(store, explanation):
        return replace(explanation, offered=False, rule=CHANGED, explanation=_EXPLAINED[CHANGED])
    return explanation


def _exists(store: GraphStore, node: g.NodeType, value: str) -> bool:
    rows = store.query(f"MATCH (n:{node.label} {{{node.key}: $id}}) RETURN count(n) AS n",
                       {"id": value})  # fmt: skip
    return bool(rows["n"][0].as_py())


def _decisions(store: GraphStore, run: Run, customer: str) -> pa.Table:
    """The decisions on a customer's candidates, in the columns of `decisions.SCHEMA`.

    Raises:
        NoDecisions: the run's file is missing or damaged.
    """
    path = run_folder(store, run.run_id) / DECISIONS
    try:
        return pq.read_table(path, filters=[("customer_id", "=", customer)])
    except (OSError, pa.ArrowInvalid) as error:
        raise NoDecisions(
            f"The decisions of the run {run.run_id} are missing or damaged. Score again."
        ) from error


def _of_decisions(run: Run, mine: pa.Table, customer: str, target: str) -> Explanation | None:
    """What was decided on a target; None where it was no candidate."""
    of_offer = mine.filter(pc.equal(mine["offer_id"], target))
    of_item = mine.filter(pc.equal(mine["item_id"], target))
    rows = of_offer if of_offer.num_rows else of_item
    if not rows.num_rows:
        return None
    best = rows.sort_by([("rank", "ascending")]).slice(0, 1).to_pylist()[0]
    if best["rank"] is None:
        blocked = rows["blocked_by"].drop_null()
        by_item = OTHER_ITEM if of_item.num_rows else OTHER_OFFER
        return refused(run, customer, target, blocked[0].as_py() if len(blocked) else by_item)
    offered = best["decision"] == OFFERED
    return Explanation(
        run.run_id, run.as_of, customer, target, offered,
        rule=None if offered else BELOW,
        explanation=None if offered else _EXPLAINED[BELOW],
        score=best["probability"],
        trigger=best["triggers"][0] if best["triggers"] else None,
        factors=best["contributions"],
        **{name: best[name] for name in ("item_kind", "item_id", "offer_id", "rank",
                                         "trigger_share", "reason")},
    )  # fmt: skip


def _why_no_candidate(
    store: GraphStore, view: View, run: Run, mine: pa.Table, customer: str, target: str
) -> str:
    """The rule that kept a target from being a candidate."""
    offers = catalogue(view)
    items = view.items.filter(view.items.item_id == target).select(*ITEM)
    if _exists(store, g.OFFER, target):
        offers = None if offers is None else offers.only(target)
        items = items if offers is None else items.union(offers.covered)
    pairs = items.to_pandas().assign(customer_id=customer)
    if not len(pairs):
        if _exists(store, g.OFFER, target):
            return NO_OFFER
        if _exists(store, g.PRODUCT, target) or _exists(store, g.STORE, target):
            return SENSITIVE
        raise UnknownTarget(f"There is no product, store or offer {target}.")
    blocked = brought_up(view.of(customer), ibis.memtable(pairs), offers).blocked_by.to_pyarrow()
    if not blocked.null_count:
        return str(blocked[0].as_py())
    if not pc.sum(pc.is_null(mine["blocked_by"])).as_py():
        return NO_TRIGGER
    actors = pq.read_table(run_folder(store, run.run_id) / ACTORS, columns=["item_id"])
    recent = pc.any(pc.is_in(actors["item_id"], value_set=pa.array(pairs.item_id, g.TEXT)))
    return BELOW if recent.as_py() else NOT_RECENT


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
