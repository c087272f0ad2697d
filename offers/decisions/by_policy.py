"""Decides by a shop's policy: makes `decisions.parquet` from the predictions of all candidates."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.codes import Codes
from followsuit.core.progress import Progress
from followsuit.graph import schema as g
from followsuit.graph.consent import CHANNELS
from followsuit.graph.items import ITEM, STORE, item_keys
from followsuit.graph.results.runs import DRIVERS
from followsuit.graph.views.view import View
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.decisions.allocated import Allocated, allocated
from followsuit.offers.decisions.decisions import GROUP
from followsuit.policy.contact.customers import Customers, customers_of
from followsuit.policy.contact.sent import Sent
from followsuit.policy.decide import Decided, count_up_to, decide
from followsuit.policy.decision import OFFERED
from followsuit.policy.declared.policy import Policy
from followsuit.policy.limits.friends import FriendLimits, limits_of_friends
from followsuit.policy.messages import Ranked
from followsuit.policy.rules import HOLDOUT
from followsuit.policy.sensitive.revealing import revealing
from followsuit.policy.sensitive.sensitive_purchases import sensitive_purchases
from followsuit.policy.violations import OfferedRows, count_violations

_READ = (
    "customer_id",
    "offer_id",
    "item_kind",
    "item_id",
    "triggers",
    "probability",
    "acceptance",
    "value",
    "store_ids",
    "rank",
)
_OFFERED = [
    "customer_id",
    "offer_id",
    "item_kind",
    "item_id",
    "channel",
    "store_ids",
    "cost",
    "expected_value",
]
_CHANNEL_NAMES = pa.array([*CHANNELS, None], g.TEXT)


@dataclass(frozen=True)
class RunContext:
    """What a policy is applied to.

    Attributes:
        view: the view as of the run's instant.
        messages: the messages that count as sent.
        catalogue: the active offers; None if each item is its own offer.
    """

    view: View
    messages: Sent
    catalogue: Catalogue | None


def decide_by_policy(
    predicted: Path,
    decisions: Path,
    context: RunContext,
    policy: Policy,
    top: int,
    seed: int,
    progress: Progress,
) -> Allocated:
    """Decide about the ranked candidates of a run.

    Args:
        predicted: the file of `write_decisions`, ranked by expected value.
        decisions: the file to write, in the same columns.
        context: what the policy is applied to.
        policy: the policy.
        top: maximum number of offers per customer.
        seed: random seed.
        progress: progress callback.
    """
    with progress("applying the policy"):
        table = pq.read_table(predicted, columns=list(_READ), memory_map=False)
        table = table.filter(pc.is_valid(table["rank"]))
        codes = Codes.of_distinct(table["customer_id"])
        customers = customers_of(context.view, context.messages, policy, codes)
        ranked = _ranked(table, codes, context.catalogue)
        ranked = replace(ranked, reveals=_reveals(context.view, table, ranked, policy, top))
        friend_limits = _friend_limits(customers, ranked, decisions.parent, policy)
        stores = _stores(table, policy)
        decided = decide(ranked, customers, stores, friend_limits, policy, top, seed)
        del table
        _write(predicted, decisions, decided, customers, ranked, policy)
        offered = pq.read_table(decisions, columns=_OFFERED, filters=[("decision", "=", OFFERED)])
        friends = _friends(friend_limits, decided.offered)
        rows = OfferedRows(offered.to_pandas(), friends)
        violations = count_violations(rows, customers, policy)
    return allocated(offered, decided, violations)


def _friends(friend_limits: FriendLimits | None, offered: np.ndarray) -> pd.Series:
    """The friends whose purchases drive offers, once for each offer."""
    if friend_limits is None:
        return pd.Series([], dtype=object)
    return pd.Series(friend_limits.names[friend_limits.friend[offered[friend_limits.row]]])


def _ranked(table: pa.Table, codes: Codes, catalogue: Catalogue | None) -> Ranked:
    offer_id = table["offer_id"].to_pandas()
    item = item_keys(table.select(ITEM).to_pandas())
    customer = codes.of(table["customer_id"]).astype(np.int64)
    customer_id = table["customer_id"].to_pandas()
    keys = pd.DataFrame({"customer": customer_id, "offer": offer_id, "item": item})
    tie = pd.util.hash_pandas_object(keys, index=False).to_numpy()
    return Ranked(
        customer=customer,
        offer_id=offer_id.to_numpy(dtype=object),
        item=item.to_numpy(dtype=object),
        probability=table["probability"].to_numpy().astype(np.float64),
        acceptance=_numbers(table["acceptance"]),
        value=_numbers(table["value"]),
        cost=_costs(offer_id, catalogue),
        rank=table["rank"].to_numpy().astype(np.int64),
        tie=(tie >> np.uint64(1)).astype(np.int64),
        with_trigger=(pc.list_value_length(table["triggers"]).to_numpy() > 0),
        reveals=np.zeros(len(table), dtype=bool),
    )


def _reveals(view: View, table: pa.Table, ranked: Ranked, policy: Policy, top: int) -> np.ndarray:
    """(rows,) bool: whether offers of each row's item would reveal a sensitive purchase.

    Without these items others move up, which may reveal something too. Repeat until nothing does.
    """
    reveals = np.zeros(len(ranked), dtype=bool)
    threshold = policy.limits.reveals_sensitive
    if threshold is None:
        return reveals
    bought = sensitive_purchases(view)
    rows = table.select(["customer_id", "item_kind", "item_id"]).to_pandas()
    while True:
        shown = ~reveals & (count_up_to(ranked, ~reveals) <= top)
        items = revealing(rows[shown], bought, threshold)
        if not len(items):
            return reveals
        reveals |= np.isin(ranked.item, item_keys(items))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """The values of a column; NaN where null."""
    values: np.ndarray = column.cast(pa.float64()).to_pandas().to_numpy(dtype=np.float64)
    return values


def _costs(offer_id: pd.Series, catalogue: Catalogue | None) -> np.ndarray:
    """(rows,) what an acceptance of each offer costs, in minor units."""
    if catalogue is None:
        return np.zeros(len(offer_id))
    offers = catalogue.offers.select("offer_id", "cost").to_pandas().set_index("offer_id").cost
    costs: np.ndarray = offer_id.map(offers).fillna(0).to_numpy(dtype=np.float64)
    return costs


def _friend_limits(
    customers: Customers, ranked: Ranked, folder: Path, policy: Policy
) -> FriendLimits | None:
    """How many offers each friend may still drive; None without a limit on them."""
    limit = policy.contact.per_friend
    if limit is None:
        return None
    drivers = pq.read_table(folder / DRIVERS).to_pandas()
    drivers = drivers[drivers.friend_id.notna()]
    drivers["customer"] = customers.codes.of(drivers.customer_id.to_numpy(dtype=object))
    rows = pd.DataFrame({"customer": ranked.customer, "item": ranked.item})
    rows["row"] = np.arange(len(rows))
    rows = rows[ranked.with_trigger]
    broad = drivers[drivers.item_id.isna()]
    named = drivers[drivers.item_id.notna()]
    named = named.assign(item=item_keys(named))
    of_items = named[["customer", "item", "friend_id"]].merge(rows, on=["customer", "item"])
    of_all = broad[["customer", "friend_id"]].merge(rows, on="customer")
    pairs = pd.concat([of_items, of_all])[["row", "friend_id"]].drop_duplicates()
    pairs = pairs.sort_values(["row", "friend_id"], ignore_index=True)
    return limits_of_friends(customers, pairs, limit.at_most, ranked.customer)


def _stores(table: pa.Table, policy: Policy) -> pd.DataFrame:
    """`row, name`: the limited stores that each row points to."""
    limited = policy.limits.stores
    if not limited:
        return pd.DataFrame({"row": np.empty(0, dtype=np.int64), "name": np.empty(0, object)})
    row = np.arange(len(table))
    listed = pd.DataFrame({"row": row, "name": table["store_ids"].to_pandas()}).explode("name")
    visited = pc.equal(table["item_kind"], STORE).to_numpy()
    visits = pd.DataFrame({"row": row, "name": table["item_id"].to_pandas()})[visited]
    pairs = pd.concat([listed, visits])
    pairs = pairs[pairs.name.isin(list(limited))].drop_duplicates()
    limited_pairs: pd.DataFrame = pairs.sort_values(["row", "name"], ignore_index=True)
    return limited_pairs


def _write(
    predicted: Path,
    decisions: Path,
    decided: Decided,
    customers: Customers,
    ranked: Ranked,
    policy: Policy,
) -> None:
    """Write the decisions: the predictions with the columns that the policy decides."""
    begin = 0
    with (
        pq.ParquetFile(predicted, memory_map=False) as file,
        pq.ParquetWriter(decisions, file.schema_arrow) as writer,
    ):
        writer.add_key_value_metadata(file.metadata.metadata)
        rest = file.schema_arrow.empty_table()
        for number in range(file.num_row_groups):
            group = file.read_row_group(number)
            rows = np.flatnonzero(pc.is_valid(group["rank"]).to_numpy())
            if len(rows):
                part = slice(begin, begin + len(rows))
                begin += len(rows)
                columns = _columns(decided, customers, ranked, policy, part)
                group = _replaced(group, rows, columns)
            # The next group may have more rows of the last customer.
            group = pa.concat_tables([rest, group])
            ids = group["customer_id"]
            whole = pc.sum(pc.not_equal(ids, ids[-1])).as_py() if len(rows) else len(group)
            rest = group.slice(whole)
            writer.write_table(_in_order(group.slice(0, whole)), row_group_size=GROUP)
        writer.write_table(_in_order(rest), row_group_size=GROUP)


def _in_order(group: pa.Table) -> pa.Table:
    """Rows by customer, then by rank; those that have no prediction stay in their order."""
    if group["probability"].null_count == len(group):
        return group
    keys = [("customer_id", "ascending"), ("rank", "ascending")]
    return group.take(pc.sort_indices(group, keys))


def _columns(
    decided: Decided, customers: Customers, ranked: Ranked, policy: Policy, part: slice
) -> dict[str, Any]:
    """The decided columns of some ranked rows."""
    decision, rank = decided.decision[part], decided.rank[part]
    offered, held = decision == OFFERED, decision == HOLDOUT
    share = policy.holdout.share if policy.holdout else 0.0
    send_after = customers.send_after[ranked.customer[part]]
    return {
        "decision": pa.array(decision, g.TEXT),
        "blocked_by": pa.array(decision, g.TEXT, mask=(rank > 0)),
        "rank": pa.array(rank, g.WHOLE, mask=rank == 0),
        "channel": _CHANNEL_NAMES.take(pa.array(decided.channel[part])),
        "acceptance": pa.array(decided.acceptance[part], from_pandas=True),
        "cost": pa.array(decided.cost[part]),
        "expected_value": pa.array(decided.expected_value[part], from_pandas=True),
        "send_after": pa.array(send_after, g.TIME, mask=~offered),
        "propensity": pa.array(np.where(offered | held, 1.0 - share, 0.0)),
    }


def _replaced(group: pa.Table, rows: np.ndarray, columns: dict[str, Any]) -> pa.Table:
    """A table with other values in some rows of some columns."""
    mask = np.zeros(len(group), dtype=bool)
    mask[rows] = True
    for name, values in columns.items():
        index = group.column_names.index(name)
        kind = group.schema.field(name)
        column = group[name].combine_chunks()
        replaced = pc.replace_with_mask(column, pa.array(mask), values.cast(kind.type))
        group = group.set_column(index, kind, replaced)
    return group
