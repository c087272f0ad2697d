"""Says why a target wasn't a candidate for a customer, by the rules that candidates must pass."""

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from followsuit.core.files import read_parquet
from followsuit.graph import schema as g
from followsuit.graph.items import ITEM
from followsuit.graph.nodes import exists
from followsuit.graph.results.runs import ACTORS, DamagedRun, Run, run_folder
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import View
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.catalogue import Catalogue, catalogue
from followsuit.offers.explanation.not_offered import (
    BELOW,
    NO_TRIGGER,
    NOT_JOINED,
    NOT_RECENT,
    OTHER_ITEM,
    OTHER_OFFER,
    SENSITIVE,
    UnknownTarget,
)
from followsuit.policy.contact.sent import sent
from followsuit.policy.decision import NEXT
from followsuit.policy.declared.policy import Policy
from followsuit.policy.declared.run_parameters import POLICY
from followsuit.policy.restrictions import NO_RESTRICTIONS, restrictions
from followsuit.policy.rules import NO_OFFER


def why_no_candidate(
    store: GraphStore, view: View, run: Run, mine: pa.Table, customer: str, target: str
) -> str:
    """The rule that kept a target from being a candidate.

    Args:
        store: the store with the run.
        view: the view as of the run's instant.
        run: the run, or part of a run, that the customer's offers come from.
        mine: the decisions about the customer's candidates.
        customer: a customer id.
        target: the id of a product, a store or an offer.

    Returns:
        A key of `EXPLAINED`.

    Raises:
        UnknownTarget: there is no such product, store or offer.
        DamagedRun: a file of the run is missing or damaged.
    """
    policy = Policy.model_validate(run.parameters.get(POLICY) or {})
    view = view.keeping(policy.retention.events, policy.retention.contacts)
    kept_back = NO_RESTRICTIONS
    if policy.says_anything:
        messages = sent(view, store.state, run.run_id, policy.contact.assume_sent)
        kept_back = restrictions(view, messages, policy)
    own = view.of(customer)
    offers = catalogue(own)
    items = view.items.filter(view.items.item_id == target).select(*ITEM)
    if exists(store, g.OFFER, target):
        offers = None if offers is None else offers.only(target)
        items = items if offers is None else items.union(offers.covered)
    pairs = items.to_pandas().assign(customer_id=customer)
    if not len(pairs):
        if exists(store, g.OFFER, target):
            return NO_OFFER
        if exists(store, g.PRODUCT, target) or exists(store, g.STORE, target):
            return SENSITIVE
        raise UnknownTarget(f"There is no product, store or offer {target}.")
    rows = brought_up(own, ibis.memtable(pairs), offers, restrictions=kept_back)
    blocked = rows.blocked_by.to_pyarrow()
    if not len(blocked):
        return NOT_JOINED
    if not blocked.null_count:
        return str(blocked[0].as_py())
    if mine["probability"].null_count == len(mine):
        return NO_TRIGGER
    ranked = mine.filter(pc.is_valid(mine["rank"]))
    if (other := _shown_otherwise(ranked, pairs.item_id, offers, target)) is not None:
        return other
    if pc.max(ranked["rank"]).as_py() == run.parameters["top"] + NEXT:
        return BELOW  # Only so many are kept.
    actors = read_parquet(run_folder(store, run.run_id) / ACTORS)
    if actors is None:
        raise DamagedRun(run.run_id)
    recent = pc.any(pc.is_in(actors["item_id"], value_set=pa.array(pairs.item_id, g.TEXT)))
    return BELOW if recent.as_py() else NOT_RECENT


def _shown_otherwise(
    ranked: pa.Table, items: pd.Series, offers: Catalogue | None, target: str
) -> str | None:
    """Whether the customer's candidates have the target's item with another offer, or vice versa.

    Args:
        ranked: the customer's ranked candidates.
        items: ids of the items that the target is, or covers.
        offers: the active offers, only the target if it is one; None without a catalogue.
        target: the id of a product, a store or an offer.

    Returns:
        A key of `EXPLAINED`; None if they have neither.
    """
    if offers is None:
        return None
    covering = offers.coverage.filter(offers.coverage.item_id.isin(list(items)))
    ids = covering.offer_id.to_pyarrow().combine_chunks()
    if target in ids.to_pylist():
        shown = pc.is_in(ranked["item_id"], value_set=pa.array(items, g.TEXT))
        return OTHER_OFFER if pc.any(shown).as_py() else None
    shown = pc.is_in(ranked["offer_id"], value_set=ids)
    return OTHER_ITEM if pc.any(shown).as_py() else None
