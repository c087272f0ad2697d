"""Households in campaigns of The Complete Journey, described as of each campaign's first day.

Contacts and offers come from followsuit's view, recency, orders and spend from
`customers.features`. Coupon discounts, reductions, manufacturers and which products each coupon
covers aren't in the contract of the tables: they are read from the files of the package.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from followsuit.customers.features import spending
from followsuit.graph import tables as t
from followsuit.graph.views.view import SharedView

TYPES = ("Type A", "Type B", "Type C")
HISTORY = timedelta(days=28)
"""A campaign needs so many days of purchases before it."""
RECENT = 56
"""Days."""
BASELINE = ("recency", "orders", "spend", "redemption_rate", *TYPES)
"""Recency, frequency, spend, past redemption rate and campaign type."""
DISCOUNT = ("coupon_discount", *TYPES)
"""Past coupon discount and campaign type."""
KEYS = ("campaign", "starts", "ends", "household", "redeemed")


class Campaigns:
    """A row for each household and campaign.

    Args:
        every: the view as of the end; each campaign is seen as of its first day.
        data: the folder with the files of the package.
    """

    def __init__(self, every: SharedView, data: Path) -> None:
        self._every = every
        self.offers = _offers(every)
        self._contacts = _contacts(every, self.offers)
        self._coupons = pd.read_parquet(data / "coupons.parquet").astype(str)
        self._lines = _lines(data)
        self._first = self._lines["at"].min()

    def rows(self) -> pd.DataFrame:
        """`KEYS` and the features, of the campaigns that begin late enough."""
        begun = self.offers[self.offers.starts >= self._first + HISTORY]
        campaigns = begun.sort_values(["starts", "campaign"]).campaign
        return pd.concat([self._rows(campaign) for campaign in campaigns], ignore_index=True)

    def _rows(self, campaign: str) -> pd.DataFrame:
        offer = self.offers.set_index("campaign").loc[campaign]
        contacts = self._contacts[self._contacts.campaign == campaign].set_index("household")
        households, start = contacts.index, offer.starts
        columns = {name: float(offer.type == name) for name in TYPES}
        columns |= {"length": np.log((offer.ends - start).days)}
        columns |= dict(self._spending(households, start.to_pydatetime()))
        columns |= dict(self._redemptions(households, start, offer.type))
        lines = self._lines[self._lines["at"] < start]
        columns |= dict(_habits(households, lines, start))
        coupons = self._coupons[self._coupons.campaign_id == campaign]
        columns |= dict(_covered(households, lines, coupons, start))
        keys = {"campaign": campaign, "starts": start, "ends": offer.ends}
        rows = pd.DataFrame({**keys, "redeemed": contacts.outcome_at.notna(), **columns})
        return rows.rename_axis("household").reset_index()

    def _spending(self, households: pd.Index, start: datetime) -> Iterator[tuple[str, pd.Series]]:
        spent = spending(self._every.at(start)).to_pandas().set_index("customer_id")
        spent = spent.reindex(households)
        yield "recency", np.log1p(spent.days.fillna(365))
        yield "orders", np.log1p(spent.orders.fillna(0))
        yield "spend", np.log1p(spent.spend.fillna(0) / 100)

    def _redemptions(
        self, households: pd.Index, start: pd.Timestamp, kind: str
    ) -> Iterator[tuple[str, pd.Series]]:
        """Of campaigns that began before; what was redeemed later isn't known yet."""
        past = self._contacts[self._contacts.starts < start]
        past = past.assign(done=past.outcome_at < start)
        for name, some in (("", past), ("_of_type", past[past.type == kind])):
            by_household = some.groupby("household").done.agg(["sum", "count"])
            counts = by_household.reindex(households).fillna(0)
            yield f"redemption_rate{name}", (counts["sum"] + 0.1) / (counts["count"] + 1)
            yield f"redemptions{name}", np.log1p(counts["sum"])
        yield "received", np.log1p(past.groupby("household").size().reindex(households).fillna(0))


def _habits(
    households: pd.Index, lines: pd.DataFrame, start: pd.Timestamp
) -> Iterator[tuple[str, pd.Series]]:
    """How households shop: lately, with coupons, private labels, and at weekends."""
    by_household = lines.groupby("household")
    spend, orders = by_household.amount.sum(), by_household.basket.nunique()
    recent = lines[lines["at"] >= start - timedelta(days=RECENT)]
    coupons = lines[lines.coupon > 0]
    with_coupons = coupons.groupby("household").basket.nunique()
    weekend = lines[lines["at"].dt.day_of_week >= 5].groupby("household").basket.nunique()
    private = lines[lines.private].groupby("household").amount.sum()
    reduced = by_household.reduction.sum()

    def of(values: pd.Series) -> pd.Series:
        return values.reindex(households).fillna(0)

    yield "recent_orders", np.log1p(of(recent.groupby("household").basket.nunique()))
    yield "recent_spend", np.log1p(of(recent.groupby("household").amount.sum()))
    yield "coupon_discount", np.log1p(of(by_household.coupon.sum()))
    yield "coupon_orders", np.log1p(of(with_coupons))
    yield "coupon_share", of(with_coupons / orders)
    yield "private_share", of(private / spend)
    yield "reduced_share", of(reduced / (spend + reduced))
    yield "weekend_share", of(weekend / orders)
    yield "products", np.log1p(of(by_household.product_id.nunique()))


def _covered(
    households: pd.Index, lines: pd.DataFrame, coupons: pd.DataFrame, start: pd.Timestamp
) -> Iterator[tuple[str, pd.Series | float]]:
    """How much households bought of what the campaign covers, or of what is like it."""
    spend = lines.groupby("household").amount.sum()
    products = lines.product_id.isin(set(coupons.product_id))
    bought = lines[products]
    alike = {"product": products}
    for name in ("category", "manufacturer"):
        alike[name] = lines[name].isin(set(bought[name].dropna()))

    def of(values: pd.Series) -> pd.Series:
        return values.reindex(households).fillna(0)

    for name, rows in alike.items():
        amount = lines[rows].groupby("household").amount.sum()
        yield f"{name}_spend", np.log1p(of(amount))
        yield f"{name}_share", of(amount / spend)
    recent = bought[bought["at"] >= start - timedelta(days=RECENT)]
    yield "covered_products", np.log1p(of(bought.groupby("household").product_id.nunique()))
    yield "covered_lately", np.log1p(of(recent.groupby("household").size()))
    pairs = bought[["household", "product_id"]].drop_duplicates()
    pairs = pairs.merge(coupons[["coupon_upc", "product_id"]].drop_duplicates(), on="product_id")
    useful = of(pairs.groupby("household").coupon_upc.nunique())
    count = coupons.coupon_upc.nunique()
    yield "useful_coupons", np.log1p(useful)
    yield "useful_share", useful / count
    yield "coupons", float(np.log(count))
    yield "campaign_products", float(np.log(coupons.product_id.nunique()))


def _offers(every: SharedView) -> pd.DataFrame:
    """`campaign, type, starts, ends` of all campaigns."""
    table = (
        every.table(t.OFFERS).select("offer_id", "name", "valid_from", "valid_until").to_pandas()
    )
    return pd.DataFrame(
        {
            "campaign": table.offer_id,
            "type": table.name.str.split(",").str[0],
            "starts": table.valid_from,
            "ends": table.valid_until,
        }
    )


def _contacts(every: SharedView, offers: pd.DataFrame) -> pd.DataFrame:
    """`campaign, household, outcome_at, type, starts`, by household."""
    rows = every.interactions_in(t.CONTACTS)
    table = rows.select(campaign="offer_id", household="customer_id", outcome_at="outcome_at")
    contacts = table.to_pandas().merge(offers[["campaign", "type", "starts"]], on="campaign")
    return contacts.sort_values(["campaign", "household"], ignore_index=True)


def _lines(data: Path) -> pd.DataFrame:
    """The lines of all baskets, with what the contract of the tables lacks."""
    lines = pd.read_parquet(data / "transactions.parquet")
    products = pd.read_parquet(data / "products.parquet").set_index("product_id")
    at = pd.to_datetime(lines.transaction_timestamp)
    at = at.dt.tz_localize("UTC") if at.dt.tz is None else at.dt.tz_convert("UTC")
    known = products.reindex(lines.product_id)
    return pd.DataFrame(
        {
            "household": lines.household_id.astype(str),
            "product_id": lines.product_id.astype(str),
            "basket": lines.basket_id,
            "at": at,
            "amount": lines.sales_value,
            "coupon": lines.coupon_disc.abs() + lines.coupon_match_disc.abs(),
            "reduction": lines.retail_disc.abs(),
            "private": (known.brand == "Private").to_numpy(),
            "category": known.product_category.to_numpy(),
            "manufacturer": known.manufacturer_id.to_numpy(),
        }
    )
