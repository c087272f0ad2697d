"""A shop whose features can be computed by hand, and grids of views."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
from support.snapshots import day, view_from

from followsuit.graph.views.view import View
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.grid import Grid, grid
from followsuit.offers.taste import Taste
from followsuit.policy.rules import ALREADY_TAKEN
from followsuit.triggers.defined import FRIEND_BOUGHT, FRIEND_VISITED, triggers_of, with_window
from followsuit.triggers.definitions.definition_file import chosen, shipped_definitions
from followsuit.triggers.tie_weights import tie_weights
from followsuit.triggers.trigger import EVIDENCE, Trigger
from followsuit.triggers.trigger import reasons_of as reasons_by

NOW = day(20)
FORTNIGHT = timedelta(days=14)
FOLLOWS = {"customer_id": "ann", "friend_id": "bob", "directed": True}


def tea_shop(folder: Path, *purchases: dict[str, Any], as_of: Any = NOW, **tables: Any) -> View:
    """Ann follows Bob, who has just bought tea; Cas has bought tea and soap.

    `purchases` come beside those of the shop, `tables` in the place of its own.
    """
    bought = [
        ("ann", "soap", day(2)),
        ("ann", "cup", day(3)),
        ("ann", "pan", day(8)),
        ("bob", "tea", day(19)),
        ("cas", "tea", day(18)),
        ("cas", "soap", day(18)),
    ]
    category = {"soap": "bath", "cup": "kitchen", "pan": "kitchen", "tea": "kitchen", "hat": None}
    rows: dict[str, Any] = {
        "customers": [{"customer_id": c} for c in ("ann", "bob", "cas")],
        "products": [{"product_id": p, "category": c} for p, c in category.items()],
        "friendships": [FOLLOWS],
        "purchases": [{"customer_id": c, "product_id": p, "at": at} for c, p, at in bought]
        + list(purchases),
    }
    return view_from(folder, as_of, assume_consent=True, **{**rows, **tables})


def grid_of(
    view: View,
    window: timedelta = FORTNIGHT,
    *,
    counts: bool = True,
    triggers: Sequence[Trigger] | None = None,
    taste: Taste | None = None,
    catalogue: Catalogue | None = None,
    least: int = 0,
) -> Grid:
    """The grid of triggers, by default of friends' recent interactions.

    See `grid` and `tie_weights` for the arguments.
    """
    finders = friends_did(view, window, counts=counts) if triggers is None else triggers
    rows = brought_up(view, reasons_by(finders, view), catalogue)
    live = rows.filter(rows.blocked_by.isnull())
    return grid(view, live, window, triggers=finders, taste=taste, catalogue=catalogue, least=least)


def friends_did(
    view: View, window: timedelta = FORTNIGHT, *, counts: bool = True
) -> tuple[Trigger, ...]:
    """The shipped triggers about friends; see `tie_weights` for `counts`."""
    about_friends = chosen(shipped_definitions(), (FRIEND_BOUGHT, FRIEND_VISITED))
    return triggers_of(with_window(about_friends, window), tie_weights(view, counts=counts))


def items_of(grid: Grid) -> list[str]:
    """The ids of a grid's items, by column."""
    return list(grid.view.item_list.id[grid.items])


def reasons_of(view: View, customer: str, items: Sequence[str], trigger: str) -> Any:
    """Reasons of one customer for products, in the columns of every trigger."""
    rows = pd.DataFrame(
        {
            "customer_id": customer,
            "trigger": trigger,
            "item_id": items,
            "fired_at": view.as_of - timedelta(days=1),
            "until": view.as_of + timedelta(days=1),
            "item_kind": "product",
            "strength": np.arange(1.0, len(items) + 1),
        }
    )
    table = ibis.memtable(rows)
    return table.mutate(
        category=ibis.null(str),
        brand=ibis.null(str),
        store_ids=ibis.null("array<string>"),
        **{name: ibis.null(kind) for name, kind in EVIDENCE.items()},
    )


def with_repeats(view: View, again: tuple[str, ...], others: tuple[str, ...] = ()) -> Grid:
    """The grid of reasons of Ann to buy products again, and of others for products."""
    reasons = reasons_of(view, "ann", [*again, *others], "again")
    reasons = reasons.mutate(repeat=reasons.item_id.isin(again))
    rows = brought_up(view, reasons)
    assert set(rows.blocked_by.to_pyarrow().to_pylist()) <= {None, ALREADY_TAKEN}
    return grid(view, rows.filter(rows.blocked_by.isnull()), FORTNIGHT)
