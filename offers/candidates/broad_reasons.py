"""Reasons that name no item: which items each of them allows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from followsuit.core.codes import Codes
from followsuit.graph.items import item_key
from followsuit.graph.views.view import View
from followsuit.offers.candidates.store_sets import StoreSets
from followsuit.triggers.trigger import Trigger

_KEY = ["trigger", "category", "brand"]


class BroadReasons:
    """The reasons without an item, and the sets of items that they allow.

    A set is that of a trigger, category and brand.

    Args:
        view: the view as of the cutoff.
        triggers: the triggers of the reasons.
        rows: the reasons, in the columns of `REASONS` and `EVIDENCE`.

    Attributes:
        masks: (sets, all items) bool: whether a set has each item of `view.item_list`.
        members: positions of the items in any set that hasn't all of them.
    """

    def __init__(self, view: View, triggers: Sequence[Trigger], rows: pa.Table) -> None:
        self._rows = rows
        frame = rows.select(_KEY).to_pandas()
        self._sets = frame.drop_duplicates().sort_values(_KEY, ignore_index=True)
        items = view.item_list
        by_trigger = {trigger.name: trigger.items(view) for trigger in triggers}
        masks = np.ones((len(self._sets), len(items)), dtype=bool)
        for number, (name, category, brand) in enumerate(self._sets.itertuples(index=False)):
            allowed = by_trigger.get(name)
            if allowed is not None:
                keys = allowed.select(item=item_key(allowed)).to_pyarrow()["item"]
                masks[number] = False
                masks[number, items.codes.of(keys)] = True
            for column, value in ((items.category, category), (items.brand, brand)):
                if isinstance(value, str):
                    masks[number] &= column == value
        self.masks = masks
        self.members = np.flatnonzero(masks[~masks.all(axis=1)].any(axis=0))

    def of(self, customers: Codes, stores: StoreSets) -> pd.DataFrame:
        """The reasons, see `Grid.broad`. Equal ones become one: the latest, at the stores of all.

        Args:
            customers: the customers of the rows.
            stores: the sets of stores that the reasons name.
        """
        frame = self._rows.drop_columns(["customer_id", "item"]).to_pandas()
        frame["row"] = customers.of(self._rows["customer_id"])
        sets = self._sets.assign(allowed=np.arange(len(self._sets)))
        frame = frame.merge(sets, on=_KEY, how="left")
        frame = frame.sort_values(["row", "allowed", "fired_at"], kind="stable")
        key = ["row", "allowed"]
        latest: pd.DataFrame = frame.drop_duplicates(key, keep="last").reset_index(drop=True)
        equal = frame[frame.duplicated(key, keep=False)]
        if len(equal):
            of_all = equal.groupby(key, sort=True).stores.agg(list).map(stores.any_of)
            places = pd.MultiIndex.from_frame(latest[key])
            here = places.isin(of_all.index)
            latest.loc[here, "stores"] = of_all.loc[places[here]].to_numpy()
        return latest
