"""What was decided about each candidate, and why: the last table of a run, which `why` reads."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.progress import Progress, silent
from followsuit.core.sorting import order_by
from followsuit.graph.items import PAIR
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.decisions.decision_rows import REASON, Describe
from followsuit.offers.features.declared import Features
from followsuit.offers.learning.acceptance import Acceptance
from followsuit.offers.retrieval import Retrieval
from followsuit.offers.selection import Selection
from followsuit.policy.decision import NEXT, OFFERED, OUTRANKED
from followsuit.policy.declared.policy import NO_POLICY, Policy
from followsuit.policy.rules import BEFORE_PREDICTION, Rule
from followsuit.triggers.reason_texts import ReasonTexts
from followsuit.triggers.trigger import Trigger

BEYOND = "beyond"
"""In the metadata of `decisions.parquet`: how many outranked candidates have no row."""
GROUP = 20_000
"""Rows of a group in the file: `why` reads those of one customer only."""


def write_decisions(
    path: Path,
    pairs: ir.Table,
    grid: Grid,
    catalogue: Catalogue | None,
    acceptance: Acceptance,
    triggers: Sequence[Trigger],
    texts: ReasonTexts,
    selection: Selection,
    rules: Sequence[Rule] = BEFORE_PREDICTION,
    policy: Policy = NO_POLICY,
    data: str = "",
    progress: Progress = silent,
) -> None:
    """Predict, rank and decide for all candidates, and write the decisions.

    With a policy, candidates are ranked by expected value, and `decide_by_policy` decides again.

    Args:
        path: the Parquet file to write.
        pairs: the reasons that name an item, with `blocked_by`, see `brought_up`.
        grid: the grid of the reasons that no rule blocks.
        catalogue: the active offers; None if each item is its own offer.
        acceptance: the fitted models.
        triggers: the triggers of the reasons, in order of precedence.
        texts: what customers may be told.
        selection: how many offers a customer gets.
        rules: the rules, in the order in which they apply.
        policy: the shop's policy.
        data: digest of the data, see `digests`.
        progress: progress callback; counts customers.
    """
    features = Features(grid, [trigger.name for trigger in triggers])
    retrieval = Retrieval(grid, features, pairs, catalogue, acceptance, triggers, rules)
    noted = digests(data, acceptance, selection, rules, policy)
    describe = Describe(grid, retrieval, acceptance, triggers, texts, noted)
    with (
        pq.ParquetWriter(path, describe.schema) as writer,
        progress("ranking offers", len(grid.customers)) as advance,
    ):
        beyond = 0
        blocked = _blocked(pairs, describe.schema, catalogue is not None)
        writer.write_table(blocked, row_group_size=GROUP)
        for rows, block in retrieval.blocks(selection.ranked):
            rank = retrieval.ranks(block, selection.per_item, by_value=policy.says_anything)
            kept = np.flatnonzero((rank > 0) & (rank <= selection.top + NEXT))
            kept = kept[order_by(block.candidates.row[kept] - rows[0], rank[kept])]
            beyond += int(np.count_nonzero(rank <= selection.ranked)) - len(kept)
            table = describe.table(block.only(kept), rank[kept], selection.top)
            writer.write_table(table, row_group_size=GROUP)
            advance(len(rows))
        writer.add_key_value_metadata({BEYOND: str(beyond)})


def digests(
    data: str,
    acceptance: Acceptance,
    selection: Selection,
    rules: Sequence[Rule],
    policy: Policy = NO_POLICY,
) -> dict[str, str]:
    """Digests of what decisions rest on, in the metadata of `decisions.parquet`.

    Args:
        data: digest of the data.
        acceptance: the fitted models.
        selection: which customers get offers, and how many.
        rules: the rules, in the order in which they apply.
        policy: the shop's policy.

    Returns:
        `data`, `model` and `policy`: runs with the same ones decide alike.
    """
    decided = [selection.as_dict(), [rule.name for rule in rules], policy.as_dict()]
    return {"data": data, "model": _digest(acceptance.as_dict()), "policy": _digest(decided)}


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _blocked(pairs: ir.Table, schema: pa.Schema, with_catalogue: bool) -> pa.Table:
    """The decisions about pairs that a rule blocks."""
    rows = pairs.filter(pairs.blocked_by.notnull())
    named = rows.group_by(*PAIR, "blocked_by").aggregate(
        triggers=rows.trigger.collect(order_by=rows.trigger, distinct=True)
    )
    rows = named.order_by(*PAIR).to_pyarrow()
    columns = {name: rows[name] for name in (*PAIR, "blocked_by", "triggers")}
    columns["decision"] = rows["blocked_by"]
    columns["source"] = pa.repeat(REASON, len(rows))
    columns["propensity"] = pa.repeat(0.0, len(rows))
    if not with_catalogue:
        columns["offer_id"] = rows["item_id"]
    empty = {f.name: pa.nulls(len(rows), f.type) for f in schema if f.name not in columns}
    return pa.table({**columns, **empty}).select(schema.names).cast(schema)


def counts_of_decisions(path: Path) -> dict[str, int]:
    """Number of candidates by decision: `offered`, `outranked`, then each rule that blocks some."""
    decisions = pq.read_table(path, columns=["decision"])["decision"]
    counts = {row["values"]: row["counts"] for row in pc.value_counts(decisions).to_pylist()}
    beyond = int((pq.read_metadata(path).metadata or {}).get(BEYOND.encode(), b"0"))
    outranked = counts.pop(OUTRANKED, 0) + beyond
    return {OFFERED: counts.pop(OFFERED, 0), OUTRANKED: outranked, **dict(sorted(counts.items()))}


def customers_blocked_by(rules: Sequence[str], path: Path) -> set[str]:
    """The ids of the customers of whose candidates one of these rules blocks some."""
    rows = pq.read_table(path, columns=["customer_id"], filters=[("blocked_by", "in", rules)])
    return set(pc.unique(rows["customer_id"]).to_pylist())


def counts_by_rule(path: Path) -> dict[str, int]:
    """Number of rows that each rule blocks, by its name; rules that block none are left out."""
    blocked = pq.read_table(path, columns=["blocked_by"])["blocked_by"].drop_null()
    counted = pc.value_counts(blocked).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(counted, key=lambda r: r["values"])}
