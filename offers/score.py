"""The main job: rank offers for every customer with a reason, and activate them as a run.

View -> reasons -> candidates -> features -> predictions -> decisions. Each long step saves its
result in the run's folder, so that an interrupted run continues from its last finished step. A
run's id is a hash of its data, instant and parameters: the same inputs give the same run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import private_folder, read_json, read_parquet, save_json
from followsuit.core.progress import Progress, silent
from followsuit.core.text import nfc
from followsuit.gnn.evaluation.ablation_result import friends_help
from followsuit.graph.results.runs import (
    CUSTOMERS,
    DECISIONS,
    FILES,
    OFFERS,
    SCORE,
    active,
    new_run_id,
    run_folder,
    runs,
)
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import View, of_customers, view_of
from followsuit.offers.decisions.allocated import Decisions
from followsuit.offers.decisions.comparison import Comparison, compare
from followsuit.offers.decisions.decisions import counts_by_rule
from followsuit.offers.learning.acceptance import Acceptance
from followsuit.offers.learning.learn import Learn
from followsuit.offers.learning.learned import (
    CHOSEN,
    LEARNED_FROM,
    learned_already,
    learned_before,
    learned_from,
)
from followsuit.offers.pipeline import STEPS, Pipeline
from followsuit.offers.run.activation import kept_parts, other_options
from followsuit.offers.run.guards import MAX_AGE, MIN_SHARE, Guards, Tell, ignore_note
from followsuit.offers.run.out import OUT
from followsuit.offers.run.write import Plan, check_forgotten, write_offers
from followsuit.offers.run_parameters import LEARNED
from followsuit.offers.selection import DEFAULT, Selection
from followsuit.offers.taste import TasteConfig
from followsuit.policy.contact.sent import history
from followsuit.policy.contact.used_up import used_up
from followsuit.policy.declared.names import check_names
from followsuit.policy.declared.policy import Policy
from followsuit.policy.declared.policy_file import NO_FILE, PolicyFile
from followsuit.policy.declared.run_parameters import HISTORY, POLICY
from followsuit.triggers.definitions.definition import Definition
from followsuit.triggers.definitions.definition_file import digest, shipped_definitions
from followsuit.triggers.definitions.unseen import unseen
from followsuit.triggers.reason_texts import ReasonTexts, reason_texts

_DONE = "done.json"


class ScoreError(FollowsuitError):
    """The customers to score can't be read, or none of them is in the store."""


@dataclass(frozen=True)
class ScoreReport:
    """The result of a run."""

    run_id: str
    as_of: datetime
    customers: int
    """Number of scored customers with offers."""
    offers: int
    """Number of their offers."""
    suppressed: dict[str, int]
    """Number of decisions that each rule blocked, by its name."""
    acceptance: Acceptance
    """The fitted models."""
    unknown: int
    """Number of customers to score that aren't in the store."""
    note: str | None
    """How the model of taste was chosen, for readers of the ranking."""
    activated: bool
    """Whether the run was activated."""
    others: int
    """Number of customers who weren't scored and keep their offers of the active run."""
    rows: Path
    """Parquet file of the offers, with `value` and `cost` after the columns of `OUT`."""
    decisions: Decisions
    """What was decided about all candidates, and what the offers are worth."""
    comparison: Comparison | None = None
    """What another policy would change; None if none is compared."""

    def as_dict(self) -> dict[str, Any]:
        """The report as `score --json` writes it."""
        return {
            "run_id": self.run_id,
            "as_of": self.as_of.isoformat(),
            "customers": self.customers,
            "offers": self.offers,
            "suppressed": self.suppressed,
            **self.decisions.as_dict(),
            **({"comparison": self.comparison.as_dict()} if self.comparison else {}),
        }

    def offers_table(self) -> pa.Table:
        """The offers, in the columns of `OUT`."""
        return pq.read_table(self.rows, columns=list(OUT))


def score(
    store: GraphStore,
    as_of: datetime,
    created_at: datetime,
    *,
    window: timedelta = timedelta(days=14),
    selection: Selection = DEFAULT,
    customers: Sequence[str] | None = None,
    refresh: bool = False,
    affinity: str,
    learn: str = Learn.AUTO,
    seed: int = 0,
    memory: int = 2**30,
    max_age: timedelta = MAX_AGE,
    min_share: float = MIN_SHARE,
    activate: bool | None = None,
    triggers: Mapping[str, Definition] | None = None,
    texts: ReasonTexts | None = None,
    policy: PolicyFile = NO_FILE,
    compared: PolicyFile | None = None,
    tell: Tell = ignore_note,
    progress: Progress = silent,
) -> ScoreReport:
    """Rank offers as of an instant and activate them, unless a check refuses; see `guards`.

    Args:
        store: a store whose last load is complete.
        as_of: the cutoff: later data isn't used.
        created_at: the time to record with the run.
        window: interactions within this time before `as_of` count as recent; probabilities are
            those of an acceptance within this time after it.
        selection: which customers get offers, and how many.
        customers: ids of the customers to score; None for all. The others keep their offers of the
            active run.
        refresh: read the server again, after other programs wrote to it.
        affinity: the model of own taste: `blend`, the faster `linear`, or `module:Class`.
        learn: what to fit again, see `Learn`.
        seed: random seed.
        memory: memory limit of the snapshot's engine, in bytes.
        max_age: maximum age of the newest purchase or visit, before `as_of`.
        min_share: share of the customers with offers in the active run, from 0 to 1, who must get
            an offer again.
        activate: None to activate unless a check refuses; True to also activate an older or an
            empty run; False to keep the run without activating it.
        triggers: the definitions of the triggers, by name; None for the shipped ones.
        texts: what customers may be told; None for English.
        policy: the shop's policy.
        compared: another policy, whose offers are only compared.
        tell: called with each note about the data.
        progress: progress callback.

    Raises:
        StoreIncomplete: the last load was interrupted.
        StoreBusy: another process writes to the store, or has activated another run or forgotten
            customers meanwhile.
        ScoreError: none of the `customers` is in the store.
        PolicyError: the store has nothing of a name in the policy.
        NothingLearned: `learn` is `never`, and no earlier run can be used.
        Refused: a check refuses; the active run stays.
    """
    triggers = shipped_definitions() if triggers is None else triggers
    texts = reason_texts() if texts is None else texts
    if customers is not None:
        customers = sorted({nfc(customer) for customer in customers})
    guards = Guards(max_age, min_share, activate, tell)
    base = active(runs(store, SCORE))
    forgotten = store.meta.forgotten
    guards.check_order(base, as_of)
    retention = policy.policy.retention
    view = view_of(store, as_of, refresh=refresh, memory=memory, progress=progress)
    view = view.keeping(retention.events, retention.contacts)
    for file in (policy, *((compared,) if compared else ())):
        check_names(file, view)
    guards.check_data(view)
    for note in unseen(view, triggers):
        tell(note)
    parameters = {
        "as_of": as_of.isoformat(),
        "window_days": window / timedelta(days=1),
        "seed": seed,
        "affinity": affinity,
        "friends_help": friends_help(store, as_of),
        "assume_consent": view.assume_consent,
        "triggers": list(triggers),
        "definitions": digest(triggers),
        "texts": texts.digest,
        POLICY: policy.policy.as_dict() or None,
        **selection.as_dict(),
        CUSTOMERS: customers,
        **kept_parts(base, customers),
    }
    if base is not None and customers is not None:
        guards.note_options(other_options(base, parameters))
    before = learned_before(store, parameters, as_of, Learn(learn))
    inputs, run_id = _ids(store, view, policy.policy, parameters, before)
    revision = view.snapshot.meta.revision
    plan = Plan(run_id, inputs, as_of, created_at, parameters, base, revision, forgotten)
    for note in used_up(policy, view, store.state, run_id):
        tell(note)
    folder = run_folder(store, run_id)
    private_folder(folder)

    def pipeline(view: View, policy: Policy, folder: Path) -> Pipeline:
        return Pipeline(
            store, view, run_id, window, seed, triggers, texts, policy, folder, progress
        )

    depends_on = {} if before else {LEARNED_FROM: learned_from(view, parameters)}
    if not _is_done(folder):
        job = pipeline(view, policy.policy, folder)
        learned = before or learned_already(store, depends_on[LEARNED_FROM], Learn(learn))
        try:
            _make(job, view, plan, learned, selection, folder)
        except (FileNotFoundError, duckdb.IOException):
            check_forgotten(store, plan, folder)
            raise
    comparison = None
    if compared is not None:
        other = view_of(store, as_of, memory=memory)
        chosen, _ = _known(view, customers)
        comparison = _compare(store, folder, pipeline, other, compared.policy, chosen, selection)
    done = read_json(folder / _DONE)
    learned_now = {name: done[name] for name in (*CHOSEN, LEARNED)}
    noted = learned_now | depends_on | policy.as_parameters()
    written = write_offers(store, plan, folder, guards, noted)
    # The results of the steps only serve to continue an interrupted run.
    for step in (*STEPS, _DONE):
        (folder / step).unlink(missing_ok=True)
    return ScoreReport(
        run_id,
        as_of,
        done["customers"],
        done["offers"],
        done["suppressed"],
        Acceptance.from_dict(done[LEARNED]),
        done["unknown"],
        done["taste"]["note"],
        written.activated,
        written.others,
        folder / OFFERS,
        Decisions.from_dict(done["decisions"]),
        comparison,
    )


def _ids(
    store: GraphStore,
    view: View,
    policy: Policy,
    parameters: dict[str, Any],
    before: dict[str, Any],
) -> tuple[str, str]:
    """A run's id if nothing has been sent, and its id; `parameters` gain what counts as sent."""
    content, delivered = view.snapshot.content, view.snapshot.meta.delivered
    inputs = new_run_id(SCORE, view.as_of, {**parameters, **before}, content, delivered)
    if not policy.says_anything:
        return inputs, inputs
    parameters[HISTORY] = history(view, store.state, policy.contact.assume_sent, inputs)
    if not parameters[HISTORY]:
        return inputs, inputs
    return inputs, new_run_id(SCORE, view.as_of, {**parameters, **before}, content, delivered)


def _make(
    job: Pipeline,
    view: View,
    plan: Plan,
    learned: dict[str, Any],
    selection: Selection,
    folder: Path,
) -> None:
    """Learn what isn't in `learned`, decide, and note that the run's files are whole."""
    chosen, unknown = _known(view, plan.parameters[CUSTOMERS])
    config = TasteConfig(**learned["taste"]) if learned else job.config(plan.parameters)
    if LEARNED in learned:
        acceptance = Acceptance.from_dict(learned[LEARNED])
    else:
        acceptance = job.acceptance(config, selection)
    decisions = job.rank(acceptance, config, chosen, selection)
    offers = pq.read_table(folder / OFFERS, columns=["customer_id"])
    done = {
        "customers": len(pc.unique(offers["customer_id"])),
        "offers": offers.num_rows,
        "suppressed": counts_by_rule(folder / DECISIONS),
        "decisions": asdict(decisions),
        "unknown": unknown,
        LEARNED: acceptance.as_dict(),
        "taste": asdict(config),
        "taste_as_of": learned.get("taste_as_of", plan.as_of.isoformat()),
    }
    save_json(folder / _DONE, done)


def _compare(
    store: GraphStore,
    folder: Path,
    pipeline: Callable[[View, Policy, Path], Pipeline],
    view: View,
    policy: Policy,
    customers: list[str] | None,
    selection: Selection,
) -> Comparison:
    """Compare the offers of a run with those by another policy, from the same models."""
    done, kept = read_json(folder / _DONE), policy.retention
    view = view.keeping(kept.events, kept.contacts)
    acceptance, config = Acceptance.from_dict(done[LEARNED]), TasteConfig(**done["taste"])
    with store.state.work_folder() as other:
        job = pipeline(view, policy, other)
        decided = job.rank(acceptance, config, customers, selection)
        return compare(
            pq.read_table(folder / OFFERS),
            Decisions.from_dict(done["decisions"]).allocated,
            pq.read_table(other / OFFERS, memory_map=False),
            decided.allocated,
        )


def _known(view: View, customers: Sequence[str] | None) -> tuple[list[str] | None, int]:
    """The customers to score, None for all, and how many of them aren't in the store."""
    if customers is None:
        return None, 0
    rows = of_customers(view.customers, customers)
    known = rows.customer_id.to_pyarrow().to_pylist()
    if not known:
        raise ScoreError(
            f"None of the {len(customers)} customers to score is in the store. The file must "
            "hold their ids, in a column customer_id."
        )
    return known, len(set(customers)) - len(known)


def _is_done(folder: Path) -> bool:
    """Whether all files of a run exist and can be read."""
    if read_json(folder / _DONE) is None:
        return False
    return all(read_parquet(folder / name) is not None for name in FILES)
