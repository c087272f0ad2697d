"""Whose interactions a run rests on: its offers go when one of them no longer shares."""

from datetime import datetime, timedelta
from pathlib import Path

import ibis.expr.types as ir

from followsuit.graph.facts import Facts
from followsuit.graph.runs import ACTORS, DRIVERS, SHARING
from followsuit.offers.triggers import Window, recent_acts, ties_at


def write_evidence(facts: Facts, as_of: datetime, window: timedelta, folder: Path) -> None:
    """Write `SHARING`, `ACTORS` and `DRIVERS` of a run (columns in `graph.runs`), sorted.

    Args:
        facts: that the run is made from.
        as_of: its instant.
        window: how long back friends' interactions count.
        folder: the run's.
    """
    people = facts.people(as_of)
    recent = recent_acts(facts, Window(as_of, window), people).select("item", friend="customer")
    recent = recent.cache()
    seen = ties_at(facts, as_of).inner_join(recent, "friend")
    shared = facts.codes.semi_join(people.filter(people.shares), "customer")
    _write(shared.select(customer_id="id"), folder / SHARING)
    _write(facts.named(recent.rename(customer="friend")), folder / ACTORS)
    drivers = facts.named(seen.select("customer", "item", "friend").distinct())
    _write(drivers, folder / DRIVERS)


def _write(rows: ir.Table, path: Path) -> None:
    rows.order_by(rows.columns).to_parquet(path)
