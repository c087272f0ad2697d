"""The main job: rank offers for every customer with a reason, and activate them as a run.

View -> reasons -> candidates -> features -> predictions -> decisions. Each step that takes long
leaves its result in the run's folder, so that a run that was interrupted goes on from the last
finished one. The id of a run says what it was made from: the same data, as of the same instant,
with the same parameters, is the same run.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import private_folder, read_json, read_parquet, save_json
from followsuit.core.progress import Progress, silent
from followsuit.gnn.evaluation.ablation_result import friends_help
from followsuit.graph import schema as g
from followsuit.graph.items import PRODUCT, STORE
from followsuit.graph.run_writer import write_run
from followsuit.graph.runs import (
    DECISIONS,
    FILES,
    OFFERS,
    SCORE,
    Run,
    active,
    new_run_id,
    run_folder,
    runs,
)
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore, StoreBusy, nfc
from followsuit.graph.view import View, of_customers, view_of
from followsuit.offers.activation import (
    CUSTOMERS,
    OFFERED_TO,
    comparable,
    customers_of,
    joined,
    kept_parts,
    offers_of,
    other_options,
    without,
)
from followsuit.offers.decisions import counts_by_rule
from followsuit.offers.guards import MAX_AGE, MIN_SHARE, Guards, Tell, ignore_note
from followsuit.offers.learning.learn import Learn
from followsuit.offers.learning.learned import (
    CHOSEN,
    WEIGHTS,
    learned_before,
)
from followsuit.offers.learning.model import LogisticModel
from followsuit.offers.learning.taste import TasteConfig
from followsuit.offers.pipeline import OUT, STEPS, Pipeline

_DONE = "done.json"


class ScoreError(FollowsuitError):
    """The customers to score can't be found."""


@dataclass(frozen=True)
class ScoreReport:
    """What a run came to."""

    run_id: str
    as_of: datetime
    customers: int
    offers: int
    suppressed: dict[str, int]
    model: LogisticModel
    unknown: int
    """Customers to score that the store does not know."""
    note: str | None
    """What whoever reads the ranking should know of it."""
    activated: bool
    """Whether the run is the active one now."""
    others: int
    """Customers whose offers of the active run stay, where only some were to be scored."""
    rows: Path
    """Parquet file of the offers, with `value` and `channel` beside the columns of `OUT`."""

    def as_dict(self) -> dict[str, Any]:
        """As `score --json` prints it."""
        return {
            "run_id": self.run_id,
            "as_of": self.as_of.isoformat(),
            "customers": self.customers,
            "offers": self.offers,
            "suppressed": self.suppressed,
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
    top: int = 10,
    customers: Sequence[str] | None = None,
    refresh: bool = False,
    affinity: str,
    learn: str = Learn.AUTO,
    seed: int = 0,
    memory: int = 2**30,
    max_age: timedelta = MAX_AGE,
    min_share: float = MIN_SHARE,
    activate: bool | None = None,
    tell: Tell = ignore_note,
    progress: Progress = silent,
) -> ScoreReport:
    """Rank offers as of an instant and activate them, unless a guard refuses; see `guards`.

    Args:
        store: whose last load must have ended.
        as_of: nothing later is seen.
        created_at: the time that the run is noted with.
        window: how long back friends' acts count as just done, and for how long ahead the score
            is the probability of an act.
        top: offers a customer at the most.
        customers: ids of those to score; None for all. The others keep the offers that they have
            in the active run.
        refresh: read the store anew, though its revision is known.
        affinity: `blend`, or `linear` for own taste by the linear model alone, which is quicker.
        learn: what is learned anew, see `Learn`.
        seed: random seed.
        memory: bytes that the engine of the snapshot may use.
        max_age: how much older than `as_of` the newest purchase or visit may be.
        min_share: of the customers with offers in the active run, how many must get one, 0 to 1.
        activate: None to activate unless a guard refuses; True to activate a run that is older than
            the active one, or empty, too; False to keep the run without activating it.
        tell: called with each note on the data as soon as it is known.
        progress: told of each step.

    Raises:
        StoreIncomplete, ScoreError.
        NothingLearned: `learn` is `never`, and there is nothing to use again.
        Refused: a guard refuses; the active run stays as it is.
    """
    if customers is not None:
        customers = sorted({nfc(customer) for customer in customers})
    guards = Guards(max_age, min_share, activate, tell)
    base = active(runs(store, SCORE))
    guards.check_order(base, as_of)
    view = view_of(store, as_of, refresh=refresh, memory=memory, progress=progress)
    guards.check_data(view)
    parameters = {
        "as_of": as_of.isoformat(),
        "window_days": window / timedelta(days=1),
        "top": top,
        "seed": seed,
        "affinity": affinity,
        "friends_help": friends_help(store, as_of),
        "assume_consent": view.assume_consent,
        CUSTOMERS: customers,
        **kept_parts(base, customers),
    }
    if base is not None and customers is not None:
        guards.note_options(other_options(base, parameters))
    content, delivered = view.snapshot.content, view.snapshot.meta.delivered
    before = learned_before(store, parameters, as_of, Learn(learn))
    run_id = new_run_id(SCORE, as_of, {**parameters, **before}, content, delivered)
    folder = run_folder(store, run_id)
    private_folder(folder)
    if not _is_done(folder):
        job = Pipeline(store, view, run_id, window, seed, progress)
        chosen, unknown = _known(view, customers)
        config = TasteConfig(**before["taste"]) if before else job.config(parameters)
        model = LogisticModel(**before[WEIGHTS]) if WEIGHTS in before else job.model(config)
        job.rank(model, config, chosen, top)
        offers = pq.read_table(folder / OFFERS, columns=["customer_id"])
        done = {
            "customers": len(pc.unique(offers["customer_id"])),
            "offers": offers.num_rows,
            "suppressed": counts_by_rule(folder / DECISIONS),
            "unknown": unknown,
            "weights": model.as_dict(),
            "taste": asdict(config),
            "taste_as_of": before.get("taste_as_of", as_of.isoformat()),
        }
        save_json(folder / _DONE, done)
    return _write(
        store,
        run_id,
        as_of,
        created_at,
        parameters,
        folder,
        guards,
        base,
        view.snapshot.meta.revision,
    )


def _known(view: View, customers: Sequence[str] | None) -> tuple[list[str] | None, int]:
    """The customers to score, None for all, and how many of them the store doesn't know."""
    if customers is None:
        return None, 0
    rows = of_customers(view.customers, customers)
    known = rows.customer_id.to_pyarrow().to_pylist()
    if not known:
        raise ScoreError(
            f"None of the {len(customers)} customers to score is known to the store. The file must "
            "hold their ids, in a column customer_id."
        )
    return known, len(set(customers)) - len(known)


def _is_done(folder: Path) -> bool:
    """Whether a run's files are all there and can be read; a damaged one is made again."""
    rows = [read_parquet(folder / name) for name in FILES]
    return read_json(folder / _DONE) is not None and all(table is not None for table in rows)


def _write(
    store: GraphStore,
    run_id: str,
    as_of: datetime,
    created_at: datetime,
    parameters: dict[str, Any],
    folder: Path,
    guards: Guards,
    base: Run | None,
    revision: int,
) -> ScoreReport:
    """Write the run to the graph and activate it, unless a guard refuses."""
    done = read_json(folder / _DONE)
    rows = folder / OFFERS
    offers = _recommended(pq.read_table(rows), run_id)
    others: set[str] = set()
    with store.writing():
        base = _still_active(store, base, as_of, parameters, guards)
        if base is not None and parameters[CUSTOMERS] is not None:
            kept = without(offers_of(store, base.run_id), parameters[CUSTOMERS])
            offers, others = joined(run_id, offers, kept), customers_of(kept)
        reached = customers_of(offers)
        if base is not None and comparable(base, parameters):
            guards.check_share(base, customers_of(offers_of(store, base.run_id)), reached)
        guards.check_offers(reached)
        run = Run(
            run_id,
            SCORE,
            as_of,
            created_at,
            False,
            len(reached),
            sum(table.num_rows for table in offers.values()),
            {
                **parameters,
                **{name: done[name] for name in (*CHOSEN, WEIGHTS)},
                OFFERED_TO: len(reached),
            },
        )
        write_run(store, run, offers, revision=revision, activate=guards.activate is not False)
    # Steps are kept for a run that is interrupted; scored again, it is made anew.
    for step in (*STEPS, _DONE):
        (folder / step).unlink(missing_ok=True)
    return ScoreReport(
        run_id,
        as_of,
        done["customers"],
        done["offers"],
        done["suppressed"],
        LogisticModel(**done["weights"]),
        done["unknown"],
        done["taste"]["note"],
        guards.activate is not False,
        len(others),
        rows,
    )


def _still_active(
    store: GraphStore,
    base: Run | None,
    as_of: datetime,
    parameters: dict[str, Any],
    guards: Guards,
) -> Run | None:
    """The active run: another one may have become it while this one was made."""
    now = active(runs(store, SCORE))
    same = (now and now.run_id) == (base and base.run_id)
    if not same and parameters[CUSTOMERS] is not None:
        raise StoreBusy(
            f"Another run of {store.name} became active while this one was made. Run this again."
        )
    if not same:
        guards.check_order(now, as_of)
    return now


def _recommended(offers: pa.Table, run_id: str) -> dict[g.RelationshipType, pa.Table]:
    """The offers as relationships of the graph."""
    names = {
        "score": Col.PROBABILITY,
        "trigger_share": Col.UPLIFT,
        "customer_id": Col.SOURCE,
        "item_id": Col.TARGET,
    }
    renamed = offers.rename_columns([names.get(n, n) for n in offers.column_names])
    renamed = renamed.append_column(Col.RUN_ID, pa.repeat(run_id, offers.num_rows))
    ends = {PRODUCT: g.RECOMMENDED_PRODUCT, STORE: g.RECOMMENDED_STORE}
    return {
        element: renamed.filter(pc.equal(renamed[Col.ITEM_KIND], kind))
        .select(element.arrow_schema().names)
        .cast(element.arrow_schema())
        for kind, element in ends.items()
    }
