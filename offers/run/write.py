"""Writes a run's offers to the graph and activates it, unless a check refuses."""

import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.graph.results.run_offers import rows_of_parts
from followsuit.graph.results.run_writer import write_run
from followsuit.graph.results.runs import CUSTOMERS, DECISIONS, OFFERS, SCORE, Run, active, runs
from followsuit.graph.store import GraphStore, StoreBusy
from followsuit.offers.decisions.decisions import customers_blocked_by
from followsuit.offers.run.activation import comparable, customers_with_offers
from followsuit.offers.run.guards import Guards
from followsuit.offers.run_parameters import OFFERED_TO
from followsuit.policy.contact.sent import note_activated
from followsuit.policy.declared.run_parameters import INPUTS
from followsuit.policy.rules import CONTACT_LIMITS

_CUSTOMER = ["customer_id"]


@dataclass(frozen=True)
class Plan:
    """What a run is of, and the state of the store in which it began.

    Attributes:
        run_id: the run's id.
        inputs: the id that it would have if nothing had been sent.
        as_of: the cutoff.
        created_at: the time to record with the run.
        parameters: the run's parameters.
        base: the active run.
        revision: the store's revision.
        forgotten: how many times customers have been forgotten.
    """

    run_id: str
    inputs: str
    as_of: datetime
    created_at: datetime
    parameters: dict[str, Any]
    base: Run | None
    revision: int
    forgotten: int


@dataclass(frozen=True)
class Written:
    """How a run's offers were written.

    Attributes:
        activated: whether the run is active.
        others: number of customers who weren't scored and keep their offers of the active run.
    """

    activated: bool
    others: int


def write_offers(
    store: GraphStore, plan: Plan, folder: Path, guards: Guards, learned: dict[str, Any]
) -> Written:
    """Write a run's offers to the graph and activate it, unless a guard refuses.

    Args:
        store: the store.
        plan: the run.
        folder: the run's folder.
        guards: the checks.
        learned: parameters to add to the run's.

    Raises:
        StoreBusy: another run was activated or customers were forgotten meanwhile.
        DamagedRun: the offers that the other customers keep are missing or damaged.
        Refused: a check refuses; the active run stays.
    """
    activate = guards.activate is not False
    with store.writing():
        check_forgotten(store, plan, folder)
        base = _still_active(store, plan, guards)
        parameters = {**plan.parameters, **learned, INPUTS: plan.inputs}
        run = Run(plan.run_id, SCORE, plan.as_of, plan.created_at, False, 0, 0, parameters)
        own, *kept = (rows["customer_id"] for rows in rows_of_parts(store, run, OFFERS, _CUSTOMER))
        others = {customer for ids in kept for customer in pc.unique(ids).to_pylist()}
        offered_to = others.union(pc.unique(own).to_pylist())
        contacted = customers_blocked_by(CONTACT_LIMITS, folder / DECISIONS)
        if base is not None and comparable(base, plan.parameters):
            before = customers_with_offers(store)
            guards.check_share(base, before, offered_to, contacted)
        guards.check_offers(offered_to, contacted)
        run = replace(
            run,
            customers=len(offered_to),
            offers=sum(map(len, (own, *kept))),
            parameters=parameters | {OFFERED_TO: len(offered_to)},
        )
        if activate:
            rows = pq.read_table(folder / OFFERS)
            note_activated(store.state, plan.run_id, plan.inputs, plan.as_of, rows)
        write_run(store, run, {}, revision=plan.revision, activate=activate)
    was_active = base is not None and base.run_id == plan.run_id
    return Written(activate or was_active, len(others))


def check_forgotten(store: GraphStore, plan: Plan, folder: Path) -> None:
    """Raise StoreBusy, and delete the run's files, if customers were forgotten meanwhile."""
    if store.meta.forgotten > plan.forgotten:
        shutil.rmtree(folder, ignore_errors=True)
        raise StoreBusy("Customers were forgotten while this run was made. Run this again.")


def _still_active(store: GraphStore, plan: Plan, guards: Guards) -> Run | None:
    """The active run; another one may have become active while this one was made."""
    now = active(runs(store, SCORE))
    same = (now and now.run_id) == (plan.base and plan.base.run_id)
    if not same and plan.parameters[CUSTOMERS] is not None:
        raise StoreBusy(
            f"Another run of {store.name} became active while this one was made. Run this again."
        )
    if not same:
        guards.check_order(now, plan.as_of)
    return now
