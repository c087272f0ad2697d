"""Planted worlds for the report on triggers: visits to a web site, and what comes of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from support.snapshots import write_snapshot

from followsuit.graph.tables import TABLES
from followsuit.graph.views.view import View
from followsuit.triggers.definitions.definition import Definition
from followsuit.triggers.definitions.definition_file import parsed

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 211
DAY = timedelta(days=1)
CUTOFF = START + 150 * DAY
END = START + DAYS * DAY

LOAN = """
[loan_enquiry]
when = [
  { did = "site_visit", at_least = 4, within = "30d" },
  { did = "payment_click", at_least = 10, since = { nth_last = 2, of = "site_visit" } },
  { did = "loan_enquiry", within = "30d" },
]
offer = { category = "cars" }
lasts = "30d"
"""


def definitions(text: str = LOAN) -> dict[str, Definition]:
    return parsed(text, "world.toml")


def loan_world(
    folder: Path,
    *,
    contact: float = 1.45,
    bought: float = 1.6,
    homophily: bool = False,
    customers: int = 4000,
    seed: int = 0,
) -> View:
    """Some customers compare payments, which multiplies what they do in the 60 days after CUTOFF.

    Args:
        folder: the folder of the snapshot.
        contact: factor of the probability of a contact request.
        bought: factor of the probability of a purchase.
        homophily: whether active customers compare payments, ask for contact and buy more often.
        customers: number of customers.
        seed: random seed.
    """
    random = np.random.default_rng(seed)
    level = random.gamma(2.0, 0.5, customers) if homophily else np.ones(customers)
    enquires = random.random(customers) < np.minimum(0.12 * level, 0.9)
    events = _visits(random, level, enquires)
    purchases = _at_random(random, 0.012 * level, 150).assign(product_id="tea")
    outcomes = []
    for kind, base, factor in (("contact_request", 0.10, contact), ("purchase", 0.14, bought)):
        chance = np.minimum(base * level, 0.55) * np.where(enquires, factor, 1.0)
        acts = np.flatnonzero(random.random(customers) < chance)
        days = 150 + random.uniform(0.1, 59.9, len(acts))
        outcomes.append(pd.DataFrame({"customer": acts, "day": days, "kind": kind}))
    asked, later = outcomes
    later = later.drop(columns="kind").assign(product_id="car")
    products = [
        {"product_id": "tea", "category": "food"},
        {"product_id": "car", "category": "cars"},
    ]
    frames = {
        "customers": pd.DataFrame(
            {
                "customer_id": _ids(np.arange(customers)),
                "city": np.array(["Ulm", "Bonn"])[random.integers(0, 2, customers)],
                "joined_at": pd.Timestamp(START),
            }
        ),
        "products": pd.DataFrame(products),
        "events": _dated(pd.concat([events, asked, _last()]), "event_id"),
        "purchases": _dated(pd.concat([purchases, later]), "purchase_id"),
    }
    return View(write_snapshot(folder, _typed(frames), ["customers", "products"], True), END)


def _visits(random: np.random.Generator, level: np.ndarray, enquires: np.ndarray) -> pd.DataFrame:
    """Site visits of all, and the visits, clicks and enquiries of those who compare payments.

    Comparing takes the place of usual visits: it happens on as many days as others visit.
    """
    usual = _at_random(random, 0.10 * level, 150).assign(kind="site_visit")
    rows = [usual]
    for customer in np.flatnonzero(enquires):
        mine = usual.day[(usual.customer == customer) & (usual.day > 120)].to_numpy()
        days = np.sort(np.concatenate([mine, random.uniform(121, 149.5, max(0, 4 - len(mine)))]))
        more = days[~np.isin(days, mine)]
        second = days[-2]
        clicks = second + (150 - second) * random.uniform(0.01, 0.02, 10)
        rows += [
            pd.DataFrame({"customer": customer, "day": part, "kind": kind})
            for part, kind in (
                (more, "site_visit"),
                (clicks, "payment_click"),
                (clicks[:1], "loan_enquiry"),
            )
        ]
    return pd.concat(rows)


def _at_random(random: np.random.Generator, rate: np.ndarray, until: float) -> pd.DataFrame:
    """Interactions of a Poisson process, at a rate per day, from the first day."""
    counts = random.poisson(rate * until)
    customer = np.repeat(np.arange(len(rate)), counts)
    return pd.DataFrame({"customer": customer, "day": random.uniform(0.1, until, len(customer))})


def _last() -> pd.DataFrame:
    """An event at the end of the data."""
    return pd.DataFrame({"customer": [0], "day": [float(DAYS)], "kind": "end"})


def _dated(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    frame = frame.reset_index(drop=True)
    at = pd.Timestamp(START) + pd.to_timedelta((frame.day * 86_400).astype("int64"), unit="s")
    frame = frame.assign(customer_id=_ids(frame.customer.to_numpy()), at=at)
    return frame.assign(**{key: frame.index.astype(str)}).drop(columns=["customer", "day"])


def _ids(codes: np.ndarray) -> np.ndarray:
    return np.array([f"c{code:06}" for code in codes], dtype=object)


def _typed(frames: dict[str, pd.DataFrame]) -> dict[str, pa.Table]:
    tables = {}
    for name, frame in frames.items():
        schema = TABLES[name].arrow_schema()
        full = frame.reindex(columns=schema.names).astype(object)
        tables[name] = pa.Table.from_pandas(full, schema=schema, preserve_index=False)
    return tables
