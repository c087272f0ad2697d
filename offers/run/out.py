"""The columns of what `score` gives out, apart from what makes them: `why` reads only these."""

OUT = (
    "customer_id",
    "rank",
    "item_kind",
    "item_id",
    "offer_id",
    "probability",
    "low",
    "high",
    "acceptance",
    "own_share",
    "trigger_share",
    "trigger",
    "triggers",
    "until",
    "channel",
    "expected_value",
    "store_ids",
    "reason",
)
"""Columns of `score --out`."""
