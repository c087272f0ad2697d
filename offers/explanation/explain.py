"""Explains why a customer is offered something or not, from the decisions of the active run.

Nothing is predicted again. For something that wasn't a candidate, the rules of `policy` say why.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.progress import Progress, silent
from followsuit.core.text import nfc
from followsuit.graph import schema as g
from followsuit.graph.nodes import exists
from followsuit.graph.results.runs import DECISIONS, DamagedRun, Run, active_run, run_folder
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.offers.explanation.not_offered import (
    BELOW,
    CHANGED,
    EXPLAINED,
    NO_TRIGGER,
    NOT_RECENT,
    NOT_SCORED,
    UnknownTarget,
)
from followsuit.offers.run.activation import part_of
from followsuit.offers.run.out import OUT
from followsuit.offers.run_parameters import LEARNED
from followsuit.policy.decision import OFFERED
from followsuit.policy.declared.run_parameters import POLICY_LINES

_COLUMNS = [name for name in OUT if name not in ("customer_id", "trigger")]
"""Columns of the decisions that an explanation repeats."""
_OFFERED = (
    f"MATCH (:{g.CUSTOMER.label} {{{Col.CUSTOMER_ID}: $customer}})"
    f"-[r:{g.RECOMMENDED_PRODUCT.name}]->(i) WHERE r.{Col.RUN_ID} = $run "
    f"AND r.{Col.ITEM_KIND} = $kind AND coalesce(i.{Col.PRODUCT_ID}, i.{Col.STORE_ID}) = $item "
    "RETURN count(r) AS n"
)


@dataclass(frozen=True)
class Explanation:
    """Why a customer is offered a target, or why not.

    Fields from `item_kind` on are None if the target was never ranked for the customer. Those from
    `rank` to `reason` are the columns of `decisions.parquet`; `trigger` is the first of `triggers`.
    """

    run_id: str
    as_of: datetime
    customer_id: str
    target: str
    """The id of the product, store or offer."""
    offered: bool
    rule: str | None = None
    """Why it isn't offered, as a contract word; None if it is."""
    explanation: str | None = None
    """The rule in words, and where it stands in the policy."""
    item_kind: str | None = None
    item_id: str | None = None
    offer_id: str | None = None
    rank: int | None = None
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    acceptance: float | None = None
    own_share: float | None = None
    trigger_share: float | None = None
    trigger: str | None = None
    triggers: list[str] | None = None
    until: datetime | None = None
    channel: str | None = None
    expected_value: float | None = None
    store_ids: list[str] | None = None
    reason: str | None = None
    """The reason in words for the customer."""
    base: float | None = None
    """The log-odds that factors are added to."""
    factors: dict[str, float] | None = None
    """What each feature adds to the log-odds."""
    calibration: float | None = None
    """What calibration adds to the log-odds."""

    def as_dict(self) -> dict[str, Any]:
        """The explanation as `why --json` prints it; `score` is an older name of `probability`."""
        until = None if self.until is None else self.until.isoformat()
        times = {"as_of": self.as_of.isoformat(), "until": until}
        return {**self.__dict__, **times, "score": self.probability}


def explain(
    store: GraphStore,
    customer: str,
    target: str,
    *,
    memory: int = 2**30,
    progress: Progress = silent,
) -> Explanation:
    """Explain why the active run offers a target to a customer, or why not.

    Args:
        store: a store with an active run.
        customer: a customer id.
        target: the id of a product, a store or an offer.
        memory: memory limit of the snapshot's engine, in bytes.
        progress: progress callback.

    Raises:
        UnknownRun: there is no active run.
        UnknownTarget: there is no such customer, item or offer.
        DamagedRun: the run's decisions are missing or damaged.
    """
    with store.reading():
        return _explained(store, nfc(customer), nfc(target), memory, progress)


def _explained(
    store: GraphStore, customer: str, target: str, memory: int, progress: Progress
) -> Explanation:
    run = active_run(store)
    part = part_of(run, customer)
    if not exists(store, g.CUSTOMER, customer):
        raise UnknownTarget(f"There is no customer {customer}.")
    if part is None:
        return refused(run, customer, target, NOT_SCORED)
    shown = replace(part, run_id=run.run_id)
    mine = _decisions(store, part, customer)
    explanation = _of_decisions(shown, mine, customer, target)
    if explanation is None:
        # Slow to import, and rarely needed.
        from followsuit.graph.views.view import view_of
        from followsuit.offers.explanation.no_candidate import why_no_candidate

        view = view_of(store, part.as_of, memory=memory, progress=progress)
        rule = why_no_candidate(store, view, part, mine, customer, target)
        if rule in (BELOW, NOT_RECENT, NO_TRIGGER) and _has_gaps(mine):
            rule = CHANGED
        return refused(shown, customer, target, rule)
    if explanation.offered and not _is_in_run(store, explanation):
        return replace(explanation, offered=False, rule=CHANGED, explanation=EXPLAINED[CHANGED])
    return explanation


def _decisions(store: GraphStore, run: Run, customer: str) -> pa.Table:
    """The decisions about a customer's candidates, in the columns of `decisions.SCHEMA`.

    Raises:
        DamagedRun: the run's file is missing or damaged.
    """
    path = run_folder(store, run.run_id) / DECISIONS
    try:
        with pq.ParquetFile(path) as file:
            rows = file.read_row_groups(_groups_of(file.metadata, customer))
    except (OSError, pa.ArrowInvalid) as error:
        raise DamagedRun(run.run_id) from error
    return rows.filter(pc.equal(rows["customer_id"], customer))


def _groups_of(file: pq.FileMetaData, customer: str) -> list[int]:
    """The row groups that may have rows of a customer: they are in order of customers."""
    place = file.schema.names.index("customer_id")
    groups = []
    for number in range(file.num_row_groups):
        known = file.row_group(number).column(place).statistics
        if known is None or not known.has_min_max or known.min <= customer <= known.max:
            groups.append(number)
    return groups


def _of_decisions(run: Run, mine: pa.Table, customer: str, target: str) -> Explanation | None:
    """What was decided about a target; None if it wasn't a candidate."""
    of_offer = mine.filter(pc.equal(mine["offer_id"], target))
    of_item = mine.filter(pc.equal(mine["item_id"], target))
    rows = of_offer if of_offer.num_rows else of_item
    if not rows.num_rows:
        return None
    best = rows.sort_by([("rank", "ascending")]).slice(0, 1).to_pylist()[0]
    if best["decision"] == OFFERED:
        said = Explanation(run.run_id, run.as_of, customer, target, offered=True)
    else:
        said = refused(run, customer, target, best["blocked_by"] or BELOW)
    if best["probability"] is None:  # A rule blocks it before anything is predicted.
        return said
    return replace(
        said,
        trigger=best["triggers"][0] if best["triggers"] else None,
        base=_base(run),
        factors=best["contributions"],
        calibration=_calibration(run, best),
        **{
            # Runs of earlier versions have fewer columns.
            name: best.get(name)
            for name in _COLUMNS
        },
    )


def _base(run: Run) -> float | None:
    """The log-odds that factors are added to; None for a run of an earlier version."""
    kept = run.parameters.get(LEARNED)
    # The class of the models would take a second to import.
    return None if kept is None else float(kept["base"])


def _calibration(run: Run, row: dict[str, Any]) -> float | None:
    """What calibration adds to the log-odds; None for a run of an earlier version."""
    base = _base(run)
    if base is None or row["contributions"] is None or not 0 < row["probability"] < 1:
        return None
    before = base + sum(row["contributions"].values())
    odds: float = row["probability"] / (1 - row["probability"])
    return float(round(math.log(odds) - before, 6))


def _has_gaps(mine: pa.Table) -> bool:
    """Whether ranks are missing among a customer's decisions, because a load withdrew them."""
    ranked = mine["rank"].drop_null()
    return len(ranked) != (pc.max(ranked).as_py() or 0)


def _is_in_run(store: GraphStore, said: Explanation) -> bool:
    """Whether the offer is still in the graph; a load may have withdrawn it."""
    rows = store.query(
        _OFFERED,
        {
            "customer": said.customer_id,
            "run": said.run_id,
            "kind": said.item_kind,
            "item": said.item_id,
        },
    )
    return bool(rows["n"][0].as_py())


def refused(run: Run, customer: str, target: str, rule: str) -> Explanation:
    """The explanation of a target that a rule keeps from a customer.

    Args:
        run: the active run.
        customer: a customer id.
        target: the id of a product, a store or an offer.
        rule: a key of `EXPLAINED`.
    """
    line = run.parameters.get(POLICY_LINES, {}).get(rule)
    return Explanation(
        run.run_id,
        run.as_of,
        customer,
        target,
        offered=False,
        rule=rule,
        explanation=f"{EXPLAINED[rule]} ({line})" if line else EXPLAINED[rule],
    )
