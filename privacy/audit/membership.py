"""Membership: whether others' offers tell that somebody is among the customers.

A sample of people is left out, and everybody else's offers are computed with and without them. An
attacker who knows what a person bought and sees one of the two worlds guesses which one it is by
how many offers are of those items. Their *advantage* is the share of right guesses less that of
wrong ones (Yeom et al. 2018, Privacy risk in machine learning), less the same for people who stay
in both worlds: what is 0 for them isn't learned from the person's own data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from followsuit.core.bootstrap import Estimate, Resamples
from followsuit.graph import tables as t
from followsuit.graph.items import ITEM
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import View
from followsuit.privacy.audit.scratch import without

Outputs = Callable[[GraphStore], pd.DataFrame]
"""Computes everybody's offers: `customer_id, item_kind, item_id, trigger`."""
SAMPLE = 50
"""How many people to leave out, at most a tenth of their group."""
FEWEST = 20
"""Smaller groups aren't sampled."""
GROUPS = {"share activity": True, "don't share": False}
ATTACKERS = ("friends", "anyone")


@dataclass(frozen=True)
class Membership:
    """What leaving people of one group out changes for everybody else.

    Attributes:
        group: whether these people share their activity.
        left_out: how many people were left out.
        changed: the share of the others whose offers change.
        advantage: by attacker, from -1 to 1: `friends` see the offers of the person's friends,
            `anyone` all offers.
        sources: by trigger, how many offers of others come or go.
    """

    group: str
    left_out: int
    changed: float
    advantage: dict[str, Estimate]
    sources: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The figures as `privacy audit --json` writes them."""
        advantage = {name: estimate.as_dict() for name, estimate in self.advantage.items()}
        return vars(self) | {"advantage": advantage}


def membership(
    folder: Path,
    view: View,
    outputs: Outputs,
    whole: pd.DataFrame,
    seed: int = 0,
    memory: int = 2**30,
) -> list[Membership]:
    """Leave out a sample of those who share activity, then of those who don't.

    Args:
        folder: the folder of `scratch.copied`.
        view: the view as of the audit's instant.
        outputs: computes everybody's offers.
        whole: the offers with everybody.
        seed: random seed of the samples.
        memory: limit of a copy's engine, in bytes.

    Returns:
        One entry for each group of at least `FEWEST` people.
    """
    people = view.people.select("customer_id", "shares").order_by("customer_id").to_pandas()
    chance = np.random.default_rng(seed)
    measured = []
    for group, shares in GROUPS.items():
        members = people.customer_id[people.shares == shares].to_numpy()
        if len(members) < FEWEST:
            continue
        n = max(1, min(SAMPLE, len(members) // 10))
        drawn = chance.permutation(members)
        left_out, stay = drawn[:n].tolist(), drawn[n : 2 * n].tolist()
        with without(folder, left_out, memory) as store:
            fewer = outputs(store)
        others = whole[~whole.customer_id.isin(left_out)]
        measured.append(_compared(group, view, others, fewer, left_out, stay, seed))
    return measured


def _compared(
    group: str,
    view: View,
    whole: pd.DataFrame,
    fewer: pd.DataFrame,
    left_out: Sequence[str],
    stay: Sequence[str],
    seed: int,
) -> Membership:
    columns = ["customer_id", *ITEM, "trigger"]
    both = whole[columns].merge(fewer[columns], how="outer", indicator=True)
    changed = both[both._merge != "both"]
    n_others = max(1, len(set(whole.customer_id) | set(fewer.customer_id)))
    counted = changed.trigger.fillna("own taste").value_counts().sort_index()
    known = _known(view)
    signs = {
        attacker: _signs(known, whole, fewer, left_out, attacker)
        - _signs(known, whole, fewer, stay, attacker)
        for attacker in ATTACKERS
    }
    estimates = Resamples(len(left_out), seed).estimates(np.column_stack([*signs.values()]))
    return Membership(
        group,
        len(left_out),
        changed.customer_id.nunique() / n_others,
        dict(zip(ATTACKERS, estimates, strict=True)),
        {str(name): int(count) for name, count in counted.items()},
    )


@dataclass(frozen=True)
class _Known:
    """What attackers know: each customer's items, and their friends."""

    items: pd.DataFrame
    friends: pd.DataFrame


def _known(view: View) -> _Known:
    """All that people did, also of those who don't share: attackers know it from elsewhere."""
    rows = view.snapshot.rows
    bought = rows(t.PURCHASES).select(
        "customer_id", item_id="product_id", item_kind=_kind("product")
    )
    visited = rows(t.VISITS).select("customer_id", item_id="store_id", item_kind=_kind("store"))
    items = bought.union(visited.select(bought.columns)).distinct().to_pandas()
    pairs = rows(t.FRIENDSHIPS).select("customer_id", "friend_id").to_pandas()
    reverse = pairs.rename(columns={"customer_id": "friend_id", "friend_id": "customer_id"})
    return _Known(items, pd.concat([pairs, reverse[pairs.columns]]).drop_duplicates())


def _kind(name: str) -> Any:
    import ibis

    return ibis.literal(name)


def _signs(
    known: _Known,
    whole: pd.DataFrame,
    fewer: pd.DataFrame,
    people: Sequence[str],
    attacker: str,
) -> np.ndarray:
    """For each person 1 if the attacker guesses right, -1 if wrong, 0 if both worlds look alike."""
    scores = [_scores(known, offers, people, attacker) for offers in (whole, fewer)]
    signs: np.ndarray = np.sign(scores[0] - scores[1])
    return signs


def _scores(
    known: _Known, offers: pd.DataFrame, people: Sequence[str], attacker: str
) -> np.ndarray:
    """How many offers that the attacker sees are of a person's items."""
    theirs = known.items[known.items.customer_id.isin(people)]
    seen = theirs.merge(offers[["customer_id", *ITEM]], on=[*ITEM], suffixes=("", "_of"))
    seen = seen[seen.customer_id != seen.customer_id_of]
    if attacker == "friends":
        ends = known.friends.rename(columns={"friend_id": "customer_id_of"})
        seen = seen.merge(ends, on=["customer_id", "customer_id_of"])
    counts = seen.groupby("customer_id").size()
    return counts.reindex(list(people), fill_value=0).to_numpy(dtype=float)
