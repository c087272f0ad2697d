"""Measures on a shop's own data what an outsider could learn from the offers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from followsuit.core.progress import Progress, silent
from followsuit.graph.items import ITEM
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import View, view_of
from followsuit.offers.learning.learn import Learn
from followsuit.offers.score import score
from followsuit.policy.sensitive.revealing import THRESHOLD, revealing
from followsuit.policy.sensitive.sensitive_purchases import sensitive_purchases
from followsuit.privacy.audit.inference import Inference, inference
from followsuit.privacy.audit.membership import Membership, Outputs, membership
from followsuit.privacy.audit.scratch import copied, without


@dataclass(frozen=True)
class AuditReport:
    """What an outsider could learn.

    Attributes:
        as_of: the instant of the audit.
        membership: what leaving people out changes for everybody else, by group.
        inference: how well offers predict sensitive purchases, by kind.
        revealing: the items whose offers reveal such purchases, see `revealing`.
    """

    as_of: datetime
    membership: list[Membership]
    inference: list[Inference]
    revealing: pd.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """The report as `privacy audit --json` writes it."""
        return {
            "as_of": self.as_of.isoformat(),
            "membership": [each.as_dict() for each in self.membership],
            "inference": [each.as_dict() for each in self.inference],
            "reveals_sensitive": self.revealing.to_dict("records"),
        }


def audit(
    store: GraphStore,
    as_of: datetime,
    affinity: str,
    *,
    threshold: float = THRESHOLD,
    outputs: Outputs | None = None,
    seed: int = 0,
    memory: int = 2**30,
    progress: Progress = silent,
) -> AuditReport:
    """Compute offers on copies of the data, with and without some people; the store stays as it is.

    Args:
        store: a store whose loads are finished.
        as_of: the cutoff.
        affinity: the model of own taste, see `score`.
        threshold: see `revealing`.
        outputs: computes everybody's offers; by default `score` for all customers.
        seed: random seed.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback.

    Raises:
        StoreIncomplete: a load is under way or was interrupted.
        Refused: no customer is eligible.
    """
    view = view_of(store, as_of, memory=memory, progress=progress)
    compute = outputs or (lambda copy: offers_of(copy, as_of, affinity, memory))
    with copied(store, memory) as folder, progress("leaving people out"):
        with without(folder, [], memory) as copy:
            offers = compute(copy)
        left_out = membership(folder, view, compute, offers, seed, memory)
    return AuditReport(as_of, left_out, *_inferred(view, offers, threshold, seed))


def offers_of(store: GraphStore, as_of: datetime, affinity: str, memory: int) -> pd.DataFrame:
    """Everybody's offers by `score`: `customer_id, item_kind, item_id, trigger`."""
    report = score(
        store, as_of, as_of, affinity=affinity, learn=Learn.ALWAYS, activate=True, memory=memory
    )
    rows = report.offers_table().select(["customer_id", *ITEM, "trigger"])
    offers: pd.DataFrame = rows.to_pandas()
    return offers


def _inferred(
    view: View, offers: pd.DataFrame, threshold: float, seed: int
) -> tuple[list[Inference], pd.DataFrame]:
    bought = sensitive_purchases(view)
    return inference(offers, bought, seed), revealing(offers, bought, threshold)
