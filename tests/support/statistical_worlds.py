"""Shops at random in which nothing, or one thing, is planted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from support.snapshots import day, write_snapshot

from followsuit.graph.tables import NODE_TABLES, TABLES
from followsuit.graph.views.view import View
from followsuit.triggers.defined import trigger_of, with_window
from followsuit.triggers.definitions.definition_file import parsed, shipped_definitions

NOW = day(1)
DAYS = 364
CATEGORIES = tuple("abcdefgh")


@dataclass
class World:
    """The purchases of a year until `NOW`, as rows of customer, product, day (at most 0) and cents.

    Each category has four products: `a0` to `a3` and so on.
    """

    seed: int = 0
    rows: list[pd.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def add(self, customer: object, product: object, days: object, cents: object = 1000) -> "World":
        columns = {"customer_id": customer, "product_id": product, "day": days, "amount": cents}
        scalar = all(np.ndim(each) == 0 for each in columns.values())
        self.rows.append(pd.DataFrame(columns, index=[0] if scalar else None))
        return self

    def background(
        self,
        customers: int,
        *,
        a_day: float = 0.1,
        prefix: str = "c",
        season: Sequence[float] = (),
        begins: int = -DAYS,
        amounts: bool = True,
    ) -> "World":
        """Customers with tastes, rates and budgets of their own, none of which changes.

        Args:
            customers: their number.
            a_day: mean number of purchases a day.
            prefix: how their ids begin.
            season: factors of the number of purchases, of the last days.
            begins: the first day.
            amounts: whether purchases have an amount.
        """
        random, k = self.random, len(CATEGORIES)
        rate = a_day * random.gamma(3.0, 1 / 3, customers)
        taste = random.dirichlet(np.full(k, 0.7), customers)
        budget = np.exp(0.5 * random.standard_normal(customers))
        factor = np.ones(-begins)
        if len(season):
            factor[-len(season) :] = season
        for number in range(customers):
            days = begins + 1 + np.repeat(np.arange(-begins), random.poisson(rate[number] * factor))
            n = len(days)
            category = random.choice(k, n, p=taste[number])
            price = 500 * 2.0 ** (category / 2) * budget[number]
            self.add(
                f"{prefix}{number:04}",
                [f"{CATEGORIES[c]}{random.integers(4)}" for c in category],
                days,
                np.round(price * np.exp(0.4 * random.standard_normal(n))) if amounts else None,
            )
        return self

    def view(self, folder: Path, as_of: datetime = NOW, **tables: Any) -> View:
        rows = pd.concat(self.rows, ignore_index=True)
        # Day 0 is the 24 hours before `NOW`.
        at = pd.Timestamp(NOW) + pd.to_timedelta(rows.day - 0.5, unit="D")
        hours = pd.to_timedelta(self.random.integers(-11, 12, len(rows)), unit="h")
        bought = pd.DataFrame(
            {
                "purchase_id": [f"p{n:07}" for n in range(len(rows))],
                "customer_id": rows.customer_id,
                "product_id": rows.product_id,
                "at": at + hours,
                "amount": rows.amount,
            }
        )
        people = sorted(set(rows.customer_id))
        products = [{"product_id": f"{c}{n}", "category": c} for c in CATEGORIES for n in range(4)]
        every = {
            "customers": [{"customer_id": c} for c in people],
            "products": products,
            "purchases": bought.to_dict("records"),
            **tables,
        }
        typed = {name: _typed(name, pd.DataFrame(each)) for name, each in every.items()}
        delivered = [name for name in NODE_TABLES if name in typed]
        assume = "consents" not in tables
        return View(write_snapshot(folder, typed, delivered, assume), as_of)


def _typed(name: str, frame: pd.DataFrame) -> pa.Table:
    schema = TABLES[name].arrow_schema()
    full = frame.reindex(columns=schema.names).astype(object)
    full = full.where(full.notna(), None)
    return pa.Table.from_pandas(full, schema=schema, preserve_index=False)


def reasons_of(
    view: View, trigger: str, text: str | None = None, window: timedelta | None = None
) -> pd.DataFrame:
    """The reasons of a shipped trigger, or of one defined by a text; the strongest first."""
    known = shipped_definitions() if text is None else parsed(text, "own.toml")
    known = known if window is None else with_window(known, window)
    rows: pd.DataFrame = trigger_of(known[trigger], None).reasons(view).to_pandas()  # type: ignore[arg-type]
    return rows.sort_values(["strength", "customer_id"], ascending=[False, True])
