"""What a run's offers rest on, and how customers took earlier ones of the same kind."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.graph import schema as g
from followsuit.graph import tables as t
from followsuit.graph.consent import ALL, CHANNELS, CONTACT
from followsuit.graph.results.runs import DRIVERS
from followsuit.graph.state import StateFolder
from followsuit.graph.views.view import View
from followsuit.policy.contact.complaints import COMPLAINT
from followsuit.policy.contact.sent import noted
from followsuit.triggers.definitions.definition import Definition

FEW = 3
"""Fewer friends than this are few people."""
SMALLEST_GROUP = 10
"""Nothing is said about how fewer customers than this took earlier offers."""
AFTER = timedelta(days=14)
"""Complaints and opt-outs count within this time after an offer."""
OPT_OUTS = ("opt_out", "unsubscribed")
"""Outcomes of contacts that are an opt-out, as a refusal of contact or a channel is."""


@dataclass(frozen=True)
class Risk:
    """What some offers rest on. Shares are from 0 to 1, and 0 without offers.

    Attributes:
        offers: number of offers.
        on_friends: the share with a reason that comes from friends' interactions.
        on_few_people: the share with such a reason from fewer than three friends.
        on_inferred: the share with a reason that is inferred: a habit that breaks, a refill due.
        to_minors: number of offers to minors.
        earlier_offers: number of earlier offers with the same first trigger, of activated runs of
            the last 30 days.
        complaints: the share of these after which the customer complained within two weeks; None
            for fewer than ten customers.
        opt_outs: the same for those who opted out.
    """

    offers: int
    on_friends: float
    on_few_people: float
    on_inferred: float
    to_minors: int
    earlier_offers: int
    complaints: float | None
    opt_outs: float | None

    def in_words(self, name: str) -> str:
        """The risk as a sentence or two.

        Args:
            name: what the offers are: "Of all offers".
        """
        said = (
            f"{name}, {self.on_friends:.0%} rest on friends' interactions, "
            f"{self.on_few_people:.0%} on fewer than {FEW} friends, {self.on_inferred:.0%} on "
            f"something inferred; {self.to_minors} are for minors."
        )
        if self.complaints is None or self.opt_outs is None:
            return said
        return (
            f"{said} Of {self.earlier_offers:,} earlier ones, {self.complaints:.1%} were followed "
            f"by a complaint and {self.opt_outs:.1%} by an opt-out."
        )


@dataclass(frozen=True)
class Risks:
    """The risks of a run.

    Attributes:
        every: those of all offers.
        triggers: those of the offers with each first trigger, by its name; "" without one.
    """

    every: Risk
    triggers: Mapping[str, Risk]

    def as_dict(self) -> dict[str, Any]:
        """What `score --json` says."""
        return {
            "all": asdict(self.every),
            "triggers": {name: asdict(each) for name, each in self.triggers.items()},
        }


def risks(
    offered: pa.Table,
    folder: Path,
    view: View,
    state: StateFolder,
    run_id: str,
    definitions: Mapping[str, Definition],
) -> Risks:
    """What the offers of a run rest on.

    Args:
        offered: the offers, with `customer_id, item_kind, item_id, trigger, triggers`.
        folder: the run's folder, with `DRIVERS`.
        view: the view as of the run's instant.
        state: the state folder, with the notes of activated runs.
        run_id: the run; its own notes don't count.
        definitions: the triggers.
    """
    columns = ["customer_id", "item_kind", "item_id", "trigger"]
    rows = offered.select(columns).to_pandas()
    rows["trigger"] = rows.trigger.fillna("")
    inferred = [name for name, each in definitions.items() if each.statistic is not None]
    rows["inferred"] = _has_any(offered["triggers"].combine_chunks(), inferred)
    rows["friends"] = _friends(rows, folder)
    people = view.people
    minors = people.filter(~people.adult).customer_id.to_pandas()
    rows["minor"] = rows.customer_id.isin(minors)
    earlier = _earlier(view, state, run_id)
    triggers = {
        str(name): _risk(mine, earlier[earlier.trigger == name])
        for name, mine in rows.groupby("trigger")
    }
    return Risks(_risk(rows, earlier), triggers)


def _has_any(lists: pa.ListArray, names: list[str]) -> np.ndarray:
    """(rows,) bool: whether a row's list has any of these names."""
    row = pc.list_parent_indices(lists).to_numpy()
    listed = pc.is_in(pc.list_flatten(lists), pa.array(names, g.TEXT))
    return np.bincount(row[listed.to_numpy(zero_copy_only=False)], minlength=len(lists)) > 0


def _risk(rows: pd.DataFrame, earlier: pd.DataFrame) -> Risk:
    n = max(len(rows), 1)
    known = earlier.customer_id.nunique() >= SMALLEST_GROUP
    return Risk(
        offers=len(rows),
        on_friends=float((rows.friends > 0).sum() / n),
        on_few_people=float(((rows.friends > 0) & (rows.friends < FEW)).sum() / n),
        on_inferred=float(rows.inferred.sum() / n),
        to_minors=int(rows.minor.sum()),
        earlier_offers=len(earlier) if known else 0,
        complaints=float(earlier.complained.mean()) if known else None,
        opt_outs=float(earlier.opted_out.mean()) if known else None,
    )


def _friends(rows: pd.DataFrame, folder: Path) -> pd.Series:
    """(rows,) how many friends' interactions drive each offer."""
    drivers = pq.read_table(folder / DRIVERS).to_pandas()
    drivers = drivers[drivers.friend_id.notna()]
    keys = ["customer_id", "item_kind", "item_id"]
    offers = rows.reset_index(names="offer")
    named = offers.merge(drivers[drivers.item_id.notna()], on=keys)
    # A reason for any item drives the offers that have a trigger.
    with_trigger = offers[offers.trigger != ""].drop(columns=keys[1:])
    broad = with_trigger.merge(drivers[drivers.item_id.isna()], on="customer_id")
    pairs = pd.concat([named[["offer", "friend_id"]], broad[["offer", "friend_id"]]])
    counts = pairs.drop_duplicates().groupby("offer").size()
    friends: pd.Series = counts.reindex(rows.index, fill_value=0)
    return friends


def _earlier(view: View, state: StateFolder, run_id: str) -> pd.DataFrame:
    """`customer_id, trigger, complained, opted_out` of earlier offers, by run."""
    notes = ibis.memtable(noted(state))
    notes = notes.filter(notes.run_id != run_id)
    notes = view.until(notes).select(
        "customer_id", "offer_id", "item_kind", "item_id", "run_id", "trigger", "at"
    )
    notes = notes.mutate(trigger=notes.trigger.fill_null(""))
    events = view.event_rows
    complaints = events.filter(events.kind == COMPLAINT).select("customer_id", said_at="at")
    contacts = view.table(t.CONTACTS)
    complained = contacts.filter(contacts.outcome == COMPLAINT)
    left = contacts.filter(contacts.outcome.isin(OPT_OUTS))
    refusals = view.until(view.table(t.CONSENTS))
    refusals = refusals.filter(~refusals.granted, refusals.purpose.isin([ALL, CONTACT, *CHANNELS]))
    rows = _flagged(notes, complaints.union(_said(complained)), "complained")
    rows = _flagged(
        rows, refusals.select("customer_id", said_at="at").union(_said(left)), "opted_out"
    )
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def _said(contacts: ir.Table) -> ir.Table:
    known = contacts.filter(contacts.outcome_at.notnull())
    return known.select("customer_id", said_at="outcome_at")


def _flagged(offers: ir.Table, said: ir.Table, name: str) -> ir.Table:
    """Add whether the customer said something within two weeks after each offer."""
    key = [column for column in offers.columns if column not in ("complained", "opted_out")]
    after = offers.inner_join(said, "customer_id")
    length = ibis.interval(days=AFTER.days)
    within = (after.said_at >= after["at"]) & (after.said_at <= after["at"] + length)
    hits = after.filter(within).select(key).distinct().mutate(**{name: ibis.literal(True)})
    keys = ["customer_id", "offer_id", "item_kind", "item_id", "run_id"]
    joined = offers.left_join(hits.select(*keys, name), keys)
    joined = joined.drop(*(f"{column}_right" for column in keys))
    return joined.mutate(**{name: joined[name].fill_null(False)})
