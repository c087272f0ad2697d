"""Which messages count as sent: contacts, and the offers of earlier runs that may be on their way.

When a run is activated, its offers are noted in the state folder. They count as sent for a while,
unless a contact with the same customer about the same offer arrives: then that one counts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.files import private_folder, replacing
from followsuit.graph import schema as g
from followsuit.graph import tables as t
from followsuit.graph.items import ITEM
from followsuit.graph.state import StateFolder
from followsuit.graph.views.view import View
from followsuit.policy.declared.policy import LONGEST_ASSUMED

NOTED = pa.schema(
    [
        ("customer_id", g.TEXT),
        ("offer_id", g.TEXT),
        ("item_kind", g.TEXT),
        ("item_id", g.TEXT),
        ("channel", g.TEXT),
        ("trigger", g.TEXT),
        ("store_ids", pa.list_(g.TEXT)),
        g.amount("cost", g.NUMBER),
        ("at", g.TIME),
        ("run_id", g.TEXT),
        ("inputs", g.TEXT),
    ]
)
"""Columns of the notes: an activated run's offers.

`cost` is what the offer counts for in a budget, in minor units; `at` is the run's instant; `inputs`
is the same for runs of a day with the same data and parameters.
"""


def note_activated(
    state: StateFolder, run_id: str, inputs: str, as_of: datetime, offers: pa.Table
) -> None:
    """Note a run's offers before it is activated; delete notes that are too old to count.

    Args:
        state: the state folder.
        run_id: the run.
        inputs: see `NOTED`.
        as_of: its instant.
        offers: its offers, with the columns of `NOTED` but `at`, `run_id` and `inputs`.
    """
    folder = private_folder(state.activated)
    rows = offers.append_column("at", pa.repeat(pa.scalar(as_of, g.TIME), len(offers)))
    rows = rows.append_column("run_id", pa.repeat(run_id, len(offers)))
    rows = rows.append_column("inputs", pa.repeat(inputs, len(offers)))
    with replacing(folder / f"{run_id}.parquet") as path:
        pq.write_table(rows.select(NOTED.names).cast(NOTED), path)
    delete_notes(state, as_of - LONGEST_ASSUMED)


def delete_notes(state: StateFolder, cutoff: datetime) -> None:
    """Delete the notes of runs whose day is before the cutoff's."""
    for path in state.activated.glob("*.parquet"):
        if path.name < f"{cutoff:%Y-%m-%d}":
            path.unlink()


def noted(state: StateFolder) -> pa.Table:
    """The offers of all runs that were activated lately, see `NOTED`."""
    paths: Sequence[Path] = sorted(state.activated.glob("*.parquet"))
    return pa.concat_tables([NOTED.empty_table(), *(pq.read_table(path) for path in paths)])


def history(view: View, state: StateFolder, assume_sent: timedelta, inputs: str) -> list[str]:
    """The ids of runs whose offers may count as sent for a run, sorted.

    Runs with the same inputs aren't among them, so that repeating a run gives the same run.

    Args:
        view: the view as of the run's instant.
        state: the state folder, with the notes of activated runs.
        assume_sent: how long offers count as sent without a contact.
        inputs: see `NOTED`.
    """
    notes = ibis.memtable(noted(state))
    others = view.within(notes.filter(notes.inputs != inputs), assume_sent)
    ids: list[str] = sorted(others.run_id.to_pyarrow().unique().to_pylist())
    return ids


@dataclass(frozen=True)
class Sent:
    """The messages that count as sent.

    Attributes:
        messages: `customer_id, offer_id, channel, at` of all messages up to the instant.
        before_the_day: the same without those of other runs of the day.
        of_the_day: the offers of other runs of the instant's day, each once, with the columns of
            `NOTED` but `run_id`.
    """

    messages: ir.Table
    before_the_day: ir.Table
    of_the_day: pa.Table

    def of_offers(self, offers: Collection[str], *, today: bool) -> dict[str, int]:
        """Number of messages about each of these offers; those without any are left out.

        Args:
            offers: ids of offers.
            today: whether those of other runs of the day count.
        """
        if not offers:
            return {}
        rows = self.messages if today else self.before_the_day
        counts = rows.filter(rows.offer_id.isin(list(offers))).offer_id.value_counts(name="n")
        return dict(zip(*counts.to_pandas().to_numpy().T, strict=True))


def sent(view: View, state: StateFolder, run_id: str, assume_sent: timedelta) -> Sent:
    """The messages that count as sent as of a view's instant.

    Several runs of a day that offer the same thing count once.

    Args:
        view: the view.
        state: the state folder, with the notes of activated runs.
        run_id: the run to decide for; its own offers don't count.
        assume_sent: how long offers count as sent without a contact.
    """
    notes = ibis.memtable(noted(state))
    notes = view.within(notes.filter(notes.run_id != run_id), assume_sent)
    keys = ["customer_id", "offer_id"]
    same = [*keys, *ITEM, "channel", "day"]
    notes = notes.mutate(day=notes["at"].date())
    offers = notes.group_by(same).aggregate(
        at=notes["at"].min(),
        cost=notes.cost.max(),
        store_ids=notes.store_ids.first(order_by=notes.run_id, include_null=True),
        trigger=notes.trigger.first(order_by=notes.run_id, include_null=True),
    )
    contacts = view.table(t.CONTACTS).select("customer_id", "offer_id", "channel", "at")
    later_contacts = contacts.select("customer_id", "offer_id", contacted_at="at")
    contacted = offers.inner_join(later_contacts, keys)
    contacted = contacted.filter(contacted.contacted_at >= contacted["at"])
    contacted = contacted.select(*keys, *ITEM, "day")
    assumed = view.snapshot.keep(offers.anti_join(contacted, [*keys, *ITEM, "day"]))
    columns = [*keys, "channel", "at"]
    keep = view.snapshot.keep
    today = view.of_the_day(assumed)
    return Sent(
        messages=keep(contacts, assumed.select(columns)),
        before_the_day=keep(contacts, assumed.anti_join(today, "day").select(columns)),
        of_the_day=today.order_by(*keys, *ITEM, "channel").to_pyarrow(),
    )
