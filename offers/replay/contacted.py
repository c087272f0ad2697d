"""What customers did after earlier contacts, beside what the model predicted for them."""

from collections.abc import Sequence
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph import tables as t
from followsuit.graph.items import ITEM, item_key
from followsuit.graph.views.view import SharedView
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.declared import Features, leading_trigger
from followsuit.offers.learning.acceptance import Acceptance
from followsuit.offers.learning.calibration import Shown
from followsuit.triggers.compiler.conditions import interval

_WEEK = timedelta(days=7)


def contacted(
    now: SharedView,
    grid: Grid,
    features: Features,
    catalogue: Catalogue | None,
    acceptance: Acceptance,
    triggers: Sequence[str],
    horizon: timedelta,
) -> Shown:
    """The contacts in the week after a grid's instant whose horizon has passed.

    Args:
        now: the view of today.
        grid: the customers and items as of an earlier day.
        features: the features of the grid.
        catalogue: the offers of that day; None if each item is its own offer.
        acceptance: the fitted models.
        triggers: the names of the triggers.
        horizon: a contact is accepted if the customer buys or visits something that its offer
            covers within this time after it.

    Returns:
        A row for each contact whose offer covers an item of the grid, with the prediction of the
        best such item.
    """
    pairs = _pairs(now, grid, catalogue, horizon).to_pandas()
    accepted = pairs.groupby("contact").accepted.any()
    items = grid.view.item_list.codes
    row = grid.customers.of(pairs.customer_id.to_numpy(dtype=object))
    column = grid.columns(items.of(pairs["item"].to_numpy(dtype=object)))
    known = np.flatnonzero((row >= 0) & (column >= 0))
    pairs, row, column = pairs.iloc[known], row[known], column[known]
    values = features.pairs(row, column)
    parts = acceptance.logistic.contributions(values)
    predicted = acceptance.model.predict(values).probability if len(row) else np.empty(0)
    rows = pd.DataFrame(
        {
            "contact": pairs.contact.to_numpy(),
            "customer": now.customer_codes.of(pairs.customer_id.to_numpy(dtype=object)),
            "trigger": leading_trigger(triggers, values, parts, len(row)),
            "probability": predicted,
        }
    )
    best = rows.sort_values(["contact", "probability"]).drop_duplicates("contact", keep="last")
    return Shown(
        customer=best.customer.to_numpy(),
        day=np.full(len(best), int(grid.view.as_of.timestamp())),
        trigger=best.trigger.to_numpy(dtype=object),
        probability=best.probability.to_numpy(float),
        accepted=accepted.loc[best.contact].to_numpy(dtype=bool),
    )


def _pairs(
    now: SharedView, grid: Grid, catalogue: Catalogue | None, horizon: timedelta
) -> ir.Table:
    """`contact, customer_id, item, accepted`: the items of the offers of the week's contacts."""
    rows = grid.view.after(now.interactions_in(t.CONTACTS), _WEEK)
    rows = rows.filter(rows.outcome.notnull(), rows["at"] <= now.as_of - horizon)
    rows = rows.select("customer_id", "offer_id", contact="contact_id", contacted_at="at")
    if catalogue is None:
        items = grid.view.items.select(*ITEM, offer_id="item_id")
    else:
        items = catalogue.coverage
    rows = rows.inner_join(items, "offer_id").select(
        "contact", "customer_id", "contacted_at", *ITEM
    )
    later = now.interactions.rename(done_at="at")
    done = rows.inner_join(later, ["customer_id", *ITEM])
    last = done.contacted_at + interval(horizon)
    within = (done.done_at > done.contacted_at) & (done.done_at <= last)
    hits = done.filter(within).select("contact", *ITEM).distinct()
    rows = rows.left_join(hits.mutate(hit=ibis.literal(True)), ["contact", *ITEM])
    return rows.select(
        "contact", "customer_id", item=item_key(rows), accepted=rows.hit.fill_null(False)
    ).order_by("contact", "item")
