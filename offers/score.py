"""The main job: rank offers for every customer with a reason, and activate them as a run.

Each step leaves its result in the run's folder, so that a run that was interrupted goes on from the
last finished one. The id of a run says what it was made from: the same data, as of the same
instant, with the same parameters, is the same run.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import private_folder, read_json, read_parquet, save_json
from followsuit.core.progress import Progress, silent
from followsuit.gnn.evaluation.ablation_result import friends_help
from followsuit.graph import schema as g
from followsuit.graph.facts import PRODUCT, STORE, Facts, SharedFacts
from followsuit.graph.models import ModelStore
from followsuit.graph.run_writer import write_run
from followsuit.graph.runs import (
    FILES,
    OFFERS,
    SCORE,
    SUPPRESSED,
    TIES,
    Run,
    active,
    new_run_id,
    run_folder,
    runs,
)
from followsuit.graph.schema import Col
from followsuit.graph.snapshot import take_snapshot
from followsuit.graph.store import GraphStore, StoreBusy, nfc
from followsuit.influence.log.action_log import read_log
from followsuit.influence.log.arrays import Log
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
from followsuit.offers.catalogue import offers_in_force
from followsuit.offers.evidence import write_evidence
from followsuit.offers.guards import MAX_AGE, MIN_SHARE, Guards, Tell, ignore_note
from followsuit.offers.moment import look
from followsuit.offers.outcomes import outcomes
from followsuit.offers.placing import offer_table, place
from followsuit.offers.suppressed import suppressed
from followsuit.offers.taste import LINEAR, Recipe, Taste, choose_recipe
from followsuit.offers.ties import learn_ties, learned_ties
from followsuit.offers.weights import Weights, learn, sample

EARLIER = 6
"""Earlier moments, a week apart, that the weights are learned from."""
_WEEK = timedelta(days=7)
_TIES = pa.schema({"customer_id": g.TEXT, "friend_id": g.TEXT, "relative": g.NUMBER})
_BLOCKED = pa.schema(dict.fromkeys(("customer_id", "item_kind", "item_id", "rule"), g.TEXT))
_WEIGHTS, _RECIPE, _DONE = "weights.json", "recipe.json", "done.json"

OUT = ("customer_id", "rank", "item_kind", "item_id", "offer_id", "trigger", "score",
       "trigger_share", "reason")  # fmt: skip
"""Columns of `score --out`."""


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
    weights: Weights
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
    affinity: str = LINEAR,
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
        seed: of all that is random.
        memory: bytes that the engine of the snapshot may use.
        max_age: how much older than `as_of` the newest purchase or visit may be.
        min_share: of the customers with offers in the active run, how many must get one, 0 to 1.
        activate: None to activate unless a guard refuses; True to activate a run that is older than
            the active one, or empty, too; False to keep the run without activating it.
        tell: called with each note on the data as soon as it is known.
        progress: told of each step.

    Raises:
        StoreIncomplete, ScoreError.
        Refused: a guard refuses; the active run stays as it is.
    """
    if customers is not None:
        customers = sorted({nfc(customer) for customer in customers})
    guards = Guards(max_age, min_share, activate, tell)
    base = active(runs(store, SCORE))
    guards.check_order(base, as_of)
    snapshot = take_snapshot(store, as_of, refresh=refresh, memory=memory, progress=progress)
    guards.check_data(snapshot)
    parameters = {
        "as_of": as_of.isoformat(),
        "window_days": window / timedelta(days=1),
        "top": top,
        "seed": seed,
        "affinity": affinity,
        "friends_help": friends_help(store, as_of),
        "assume_consent": snapshot.meta.assume_consent,
        CUSTOMERS: customers,
        **kept_parts(base, customers),
    }
    if base is not None and customers is not None:
        guards.note_options(other_options(base, parameters))
    run_id = new_run_id(SCORE, as_of, parameters, snapshot.content, snapshot.meta.delivered)
    folder = run_folder(store, run_id)
    private_folder(folder)
    if not _is_done(folder):
        facts = Facts(snapshot)
        chosen, unknown = _codes(facts, customers)
        log = read_log(facts.shared, as_of)
        recipe = _recipe(facts.shared, as_of, window, parameters, folder, progress)
        weights = _weights(facts.shared, log, window, recipe, seed, folder, progress)
        learned = learn_ties(log, window, progress)
        pq.write_table(pa.Table.from_pandas(learned, _TIES, preserve_index=False), folder / TIES)
        taste = recipe.fit_once(
            facts.shared, as_of, ModelStore(store.state), run_id, seed=seed, progress=progress
        )
        _rank(facts, as_of, window, top, chosen, unknown, weights, taste, recipe, folder,
              progress)  # fmt: skip
    return _write(
        store, run_id, as_of, created_at, parameters, folder, guards, base, snapshot.meta.revision
    )


def _codes(facts: Facts, customers: Sequence[str] | None) -> tuple[np.ndarray | None, int]:
    """Codes of the customers to score, None for all, and how many of them nobody knows."""
    if customers is None:
        return None, 0
    codes = np.flatnonzero(np.isin(facts.customers, list(customers)))
    if not len(codes):
        raise ScoreError(
            f"None of the {len(customers)} customers to score is known to the store. The file must "
            "hold their ids, in a column customer_id."
        )
    return codes, len(set(customers)) - len(codes)


def _is_done(folder: Path) -> bool:
    """Whether a run's files are all there and can be read; a damaged one is made again."""
    rows = [read_parquet(folder / name) for name in FILES]
    return read_json(folder / _DONE) is not None and all(table is not None for table in rows)


def _days(as_of: datetime, window: timedelta) -> list[datetime]:
    """The earlier days that the weights are learned from, the latest first."""
    return [as_of - window - weeks * _WEEK for weeks in range(EARLIER)]


def _recipe(
    facts: SharedFacts, as_of: datetime, window: timedelta, parameters: dict[str, Any],
    folder: Path, progress: Progress,
) -> Recipe:  # fmt: skip
    """Choose how taste is learned, or take what this run has chosen before."""
    path = folder / _RECIPE
    kept = read_json(path)
    if kept is None:
        chosen = choose_recipe(
            facts, _days(as_of, window)[-1], affinity=parameters["affinity"],
            friends=parameters["friends_help"], seed=parameters["seed"], progress=progress,
        )  # fmt: skip
        kept = asdict(chosen)
        save_json(path, kept)
    return Recipe(**kept)


def _weights(
    facts: SharedFacts, log: Log, window: timedelta, recipe: Recipe, seed: int, folder: Path,
    progress: Progress,
) -> Weights:  # fmt: skip
    """Learn the weights on earlier days, or take those that this run has learned before.

    Ties and taste are learned on what lay before all of these days, or they would know what came.
    """
    path = folder / _WEIGHTS
    kept = read_json(path)
    if kept is None:
        samples = []
        days = _days(log.as_of, window)
        before = log.until(int((log.as_of - days[-1]).total_seconds()))
        learned = learn_ties(before, window, progress)
        taste = recipe.fit(facts, days[-1], seed=seed, progress=progress)
        with progress("weights", EARLIER) as advance:
            for day in days:
                ties = learned_ties(facts, day, learned)
                moment = look(facts, day, window, ties=ties, taste=taste)
                samples.append(sample(moment, outcomes(facts, moment, window).pairs, seed))
                advance(1)
        kept = learn(samples[::-1]).as_dict()
        save_json(path, kept)
    return Weights(**kept)


def _rank(
    facts: Facts, as_of: datetime, window: timedelta, top: int, customers: np.ndarray | None,
    unknown: int, weights: Weights, taste: Taste, recipe: Recipe, folder: Path,
    progress: Progress,
) -> None:  # fmt: skip
    """Write the offers and what was suppressed; `_DONE` is the last of the files."""
    with progress("ranking", 3) as advance:
        catalogue = offers_in_force(facts, as_of)
        ties = learned_ties(facts, as_of, pd.read_parquet(folder / TIES))
        moment = look(
            facts, as_of, window, customers=customers, catalogue=catalogue, ties=ties, taste=taste
        )
        advance(1)
        places = place(moment, weights, catalogue, top)
        table = offer_table(facts, moment, weights, places, catalogue)
        pq.write_table(table, folder / OFFERS)
        advance(1)
        kept_back = suppressed(facts, as_of, window, catalogue, customers)
        log = pa.Table.from_pandas(kept_back.log, _BLOCKED, preserve_index=False)
        pq.write_table(log, folder / SUPPRESSED)
        write_evidence(facts, as_of, moment.recent, folder)
        advance(1)
    done = {
        "customers": len(pc.unique(table[Col.CUSTOMER_ID])),
        "offers": table.num_rows,
        "suppressed": kept_back.counts,
        "unknown": unknown,
        "weights": weights.as_dict(),
        "recipe": asdict(recipe),
    }
    save_json(folder / _DONE, done)


def _write(
    store: GraphStore, run_id: str, as_of: datetime, created_at: datetime,
    parameters: dict[str, Any], folder: Path, guards: Guards, base: Run | None, revision: int,
) -> ScoreReport:  # fmt: skip
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
            run_id, SCORE, as_of, created_at, False, len(reached),
            sum(table.num_rows for table in offers.values()),
            {**parameters, "weights": done["weights"], "recipe": done["recipe"],
             OFFERED_TO: len(reached)},
        )  # fmt: skip
        write_run(store, run, offers, revision=revision, activate=guards.activate is not False)
    # Steps are kept for a run that is interrupted; scored again, it is made anew.
    for step in (_WEIGHTS, _RECIPE, _DONE):
        (folder / step).unlink(missing_ok=True)
    return ScoreReport(
        run_id, as_of, done["customers"], done["offers"], done["suppressed"],
        Weights(**done["weights"]), done["unknown"], done["recipe"]["note"],
        guards.activate is not False, len(others), rows,
    )  # fmt: skip


def _still_active(
    store: GraphStore, base: Run | None, as_of: datetime, parameters: dict[str, Any],
    guards: Guards,
) -> Run | None:  # fmt: skip
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
    names = {"score": Col.PROBABILITY, "trigger_share": Col.UPLIFT, "customer_id": Col.SOURCE,
             "item_id": Col.TARGET}  # fmt: skip
    renamed = offers.rename_columns([names.get(n, n) for n in offers.column_names])
    renamed = renamed.append_column(Col.RUN_ID, pa.repeat(run_id, offers.num_rows))
    ends = {PRODUCT: g.RECOMMENDED_PRODUCT, STORE: g.RECOMMENDED_STORE}
    return {
        element: renamed.filter(pc.equal(renamed[Col.ITEM_KIND], kind))
        .select(element.arrow_schema().names)
        .cast(element.arrow_schema())
        for kind, element in ends.items()
    }
