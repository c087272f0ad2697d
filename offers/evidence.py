"""Whose interactions a run rests on: its offers go when one of them no longer shares."""

from datetime import datetime
from pathlib import Path

import ibis.expr.types as ir

from followsuit.graph.facts import Facts
from followsuit.graph.runs import ACTORS, DRIVERS, SHARING
from followsuit.offers.triggers import ties_at


def write_evidence(facts: Facts, as_of: datetime, recent: ir.Table, folder: Path) -> None:
    """Write `SHARING`, `ACTORS` and `DRIVERS` of a run (columns in `graph.runs`), sorted.

    Args:
        facts: that the run is made from.
        as_of: its instant.
        recent: `customer, item`, the interactions that count, see `triggers.recent_acts`.
        folder: the run's.
    """
    people = facts.people(as_of)
    acts = recent.select("item", friend="customer")
    seen = ties_at(facts, as_of).inner_join(acts, "friend")
    shared = facts.codes.semi_join(people.filter(people.shares), "customer")
    _write(shared.select(customer_id="id"), folder / SHARING)
    _write(facts.named(recent.select("customer", "item")), folder / ACTORS)
    drivers = facts.named(seen.select("customer", "item", "friend").distinct())
    _write(drivers, folder / DRIVERS)


def _write(rows: ir.Table, path: Path) -> None:
    rows.order_by(rows.columns).to_parquet(path)
