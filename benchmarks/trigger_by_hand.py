"""The friend trigger as a careful user would write it by hand, in SQL for DuckDB and with Polars.

The rules are those of `followsuit.offers`. Adults with `social_use` share their activity; adults
with contact consent are eligible. The latest consent up to `as_of` counts, and a withdrawal of any
date. Returns and sensitive products are left out. A friend's last interaction with an item in the
window counts tie weight x 2^(-age / 3.5 days), if the customer has not seen the item.
"""

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

WINDOW = timedelta(days=14)
HALF_LIFE = 3.5 * 24 * 3600
CONTACT = ["contact", "push", "app", "email", "sms", "whatsapp", "web", "phone", "post"]

SQL = """
WITH said AS (
    SELECT customer_id, purpose, granted,
        "at" = max("at") OVER (PARTITION BY customer_id, purpose) AS last
    FROM '{folder}/consents.parquet' WHERE "at" <= $as_of OR NOT granted
),
words AS (
    SELECT customer_id, purpose, bool_and(granted) AS granted
    FROM said WHERE last GROUP BY customer_id, purpose
),
adults AS (
    SELECT customer_id FROM '{folder}/customers.parquet'
    WHERE birth_date <= $born AND (joined_at IS NULL OR joined_at <= $as_of)
),
lenders AS (
    SELECT customer_id FROM adults
    SEMI JOIN (FROM words WHERE purpose = 'social_use' AND granted) USING (customer_id)
),
reached AS (
    SELECT customer_id FROM adults
    SEMI JOIN (FROM words WHERE purpose IN $contact AND granted) USING (customer_id)
),
acts AS (
    SELECT customer_id, 'product' AS kind, product_id AS item_id, "at"
    FROM '{folder}/purchases.parquet'
    SEMI JOIN (FROM '{folder}/products.parquet' WHERE sensitive IS NOT TRUE) USING (product_id)
    WHERE coalesce(quantity, 0) >= 0 AND coalesce(amount, 0) >= 0 AND "at" <= $as_of
    UNION ALL
    SELECT customer_id, 'store', store_id, "at" FROM '{folder}/visits.parquet' WHERE "at" <= $as_of
),
lent AS (
    SELECT customer_id, kind, item_id, max("at") AS "at"
    FROM acts SEMI JOIN lenders USING (customer_id)
    WHERE "at" > $as_of - $length GROUP BY ALL
),
sides AS (
    SELECT customer_id, friend_id, since, interactions FROM '{folder}/friendships.parquet'
    UNION ALL
    SELECT friend_id, customer_id, since, interactions FROM '{folder}/friendships.parquet'
    WHERE directed IS NOT TRUE
),
ties AS (
    SELECT customer_id, friend_id, 1 + ln(1 + coalesce(max(interactions), 0)) AS strength
    FROM sides GROUP BY customer_id, friend_id
    HAVING count(since) < count(*) OR min(since) <= $as_of
),
seen AS (
    SELECT ties.customer_id, kind, item_id, lent."at",
        round(strength * exp(-ln(2) * (epoch($as_of) - floor(epoch(lent."at"))) / $half_life) * 1e9)
            AS weight
    FROM ties
    JOIN lent ON lent.customer_id = ties.friend_id
    SEMI JOIN reached ON reached.customer_id = ties.customer_id
    ANTI JOIN acts ON acts.customer_id = ties.customer_id
        AND acts.kind = lent.kind AND acts.item_id = lent.item_id
)
SELECT customer_id, kind, item_id, sum(weight) / 1e9 AS exposure, count(*) AS friends,
    min("at") AS oldest, max("at") AS latest
FROM seen GROUP BY customer_id, kind, item_id
"""


def find_by_sql(folder: Path, as_of: datetime) -> Any:
    """DuckDB over the snapshot's files."""
    import duckdb

    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        return db.sql(
            SQL.format(folder=folder),
            params={
                "as_of": as_of,
                "born": _born(as_of),
                "contact": CONTACT,
                "length": WINDOW,
                "half_life": HALF_LIFE,
            },
        ).to_arrow_table()


def find_by_polars(folder: Path, as_of: datetime) -> Any:
    """Polars over the snapshot's files."""
    import polars as pl

    def scan(name: str) -> pl.LazyFrame:
        return pl.scan_parquet(folder / f"{name}.parquet")

    at, granted = pl.col("at"), pl.col("granted")
    said = scan("consents").filter((at <= as_of) | ~granted)
    last = said.filter(at == at.max().over("customer_id", "purpose"))
    words = last.group_by("customer_id", "purpose").agg(granted.all()).filter(granted)
    adults = scan("customers").filter(
        pl.col("birth_date") <= _born(as_of),
        pl.col("joined_at").is_null() | (pl.col("joined_at") <= as_of),
    )
    social = words.filter(pl.col("purpose") == "social_use")
    contact = words.filter(pl.col("purpose").is_in(CONTACT))
    lenders = adults.join(social, on="customer_id", how="semi").select("customer_id")
    reached = adults.join(contact, on="customer_id", how="semi").select("customer_id")

    harmless = scan("products").filter(~pl.col("sensitive").fill_null(False))
    bought = (
        scan("purchases")
        .filter(pl.col("quantity").fill_null(0) >= 0, pl.col("amount").fill_null(0) >= 0)
        .join(harmless, on="product_id", how="semi")
        .select("customer_id", pl.lit("product").alias("kind"), item_id="product_id", at="at")
    )
    visited = scan("visits").select(
        "customer_id", pl.lit("store").alias("kind"), item_id="store_id", at="at"
    )
    acts = pl.concat([bought, visited]).filter(at <= as_of)
    lent = (
        acts.filter(at > as_of - WINDOW)
        .join(lenders, on="customer_id", how="semi")
        .group_by("customer_id", "kind", "item_id")
        .agg(at.max())
    )

    there = scan("friendships").select("customer_id", "friend_id", "since", "interactions")
    back = scan("friendships").filter(~pl.col("directed").fill_null(False))
    back = back.select(
        "since", "interactions", customer_id="friend_id", friend_id="customer_id"
    ).select(there.collect_schema().names())
    ties = (
        pl.concat([there, back])
        .group_by("customer_id", "friend_id")
        .agg(
            undated=pl.col("since").is_null().any(),
            since=pl.col("since").min(),
            strength=1 + pl.col("interactions").max().fill_null(0).log1p(),
        )
        .filter(pl.col("undated") | (pl.col("since") <= as_of))
    )
    age = pl.lit(int(as_of.timestamp())) - at.dt.epoch("s")
    weight = (pl.col("strength") * (-math.log(2) * age / HALF_LIFE).exp() * 1e9).round()
    return (
        ties.join(lent, left_on="friend_id", right_on="customer_id")
        .join(reached, on="customer_id", how="semi")
        .join(acts, on=["customer_id", "kind", "item_id"], how="anti")
        .with_columns(weight=weight)
        .group_by("customer_id", "kind", "item_id")
        .agg(
            exposure=pl.col("weight").sum() / 1e9,
            friends=pl.len(),
            oldest=at.min(),
            latest=at.max(),
        )
        .collect()
        .to_arrow()
    )


def _born(as_of: datetime) -> Any:
    """The birth date of whoever comes of age on that day."""
    return as_of.date().replace(year=as_of.year - 18)
