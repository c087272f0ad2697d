"""What `followsuit demo` shows of a scored shop: offers, one customer's story, friends' worth."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.api import Shop
from followsuit.core.bootstrap import Estimate
from followsuit.graph import tables as t
from followsuit.graph.consent import ALL, CHANNELS, CONTACT, NAMED_USE
from followsuit.graph.items import ITEM, PAIR, PRODUCT, STORE
from followsuit.graph.results.runs import DECISIONS, DRIVERS, active_run, run_folder
from followsuit.graph.views.people import answers
from followsuit.graph.views.view import View, of_customers
from followsuit.offers.backtest.metrics import ITEMS, PER_CUSTOMER
from followsuit.offers.backtest.strategies import RANKING, WITHOUT
from followsuit.offers.features.of_reasons import feature_of
from followsuit.offers.taste import LINEAR
from followsuit.policy.decision import OFFERED
from followsuit.policy.rules import SENTENCES
from followsuit.triggers.defined import FRIEND_BOUGHT, FRIEND_VISITED
from followsuit.triggers.recent import recent_shared

SHOWN = 12
"""Offers in the table."""
AFFINITY = LINEAR
"""The model of own taste: the same with and without the extra `gnn`, and fast."""
ABOUT_FRIENDS = (FRIEND_BOUGHT, FRIEND_VISITED)
"""The triggers whose worth the backtest shows."""
EVERY = "14d"
"""Time between the backtest's cutoffs, and their horizon."""
BACK = timedelta(weeks=8)
"""How long before the end of the data the backtest starts."""

_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}
_COLUMNS = [
    *PAIR,
    "blocked_by",
    "probability",
    "channel",
    "decision",
    "rank",
    "reason",
    "contributions",
]


@dataclass(frozen=True)
class ShownOffer:
    """An offer in words and figures."""

    customer_id: str
    customer: str
    item_kind: str
    item_id: str
    item: str
    price: str
    """With its currency; empty for stores."""
    rank: int
    probability: float
    by_friends: float
    """The friends' part of the probability."""
    reason: str


@dataclass(frozen=True)
class Driver:
    """A friend behind an offer."""

    name: str | None
    """None without consent to `named_use`."""
    on: date
    """When they last bought or visited the item."""


@dataclass(frozen=True)
class Blocked:
    """What a rule blocked for a customer."""

    rule: str
    sentence: str
    items: int
    item_id: str
    """One of them, as an example."""
    item: str


@dataclass(frozen=True)
class Story:
    """One customer: the friends, what consent allows, what is offered and what is blocked."""

    customer_id: str
    customer: str
    friends: int
    sharing: int
    """How many of the friends share their activity."""
    channels: list[str]
    channel: str | None
    """The channel to use."""
    drivers: list[Driver]
    """The friends behind the first offer, the latest first."""
    offers: list[ShownOffer]
    driven: int
    """How many of the offers friends brought up and moved."""
    blocked: list[Blocked]


@dataclass(frozen=True)
class Worth:
    """What friends add to the ranking, by a backtest: NDCG@10 with and without them."""

    start: datetime
    end: datetime
    cutoffs: int
    ranking: Estimate
    without: Estimate
    gain: Estimate


class ScoredShop:
    """The active run of a shop, read for people.

    Args:
        shop: with an active run.

    Raises:
        UnknownRun: nothing has been scored.
    """

    def __init__(self, shop: Shop) -> None:
        run = active_run(shop.store)
        folder = run_folder(shop.store, run.run_id)
        self._view = shop.snapshot(run.as_of)
        self._window = timedelta(days=run.parameters["window_days"])
        drivers: pd.DataFrame = pq.read_table(folder / DRIVERS).to_pandas()
        self._drivers = drivers.dropna()  # Without a friend or an item, it isn't about friends.
        table = pq.read_table(folder / DECISIONS, columns=_COLUMNS)
        parts = (pc.struct_field(table["contributions"], feature_of(n)) for n in ABOUT_FRIENDS)
        friends = sum(part.fill_null(0.0).to_numpy() for part in parts)
        rows: pd.DataFrame = table.drop_columns("contributions").to_pandas()
        chance = rows.probability
        rows["by_friends"] = chance - chance / (chance + (1 - chance) * np.exp(friends))
        driven = rows.merge(self._drivers[list(PAIR)].drop_duplicates(), "left", indicator=True)
        rows["driven"] = ((driven["_merge"] == "both") & (driven.by_friends > 0)).to_numpy()
        self._blocked = rows[rows.blocked_by.notna()]
        self._offered = rows[rows.decision == OFFERED]

    def varied_offers(self, n: int = SHOWN) -> list[ShownOffer]:
        """Up to n offers that differ in customer, item and reason, the best of them first."""
        return self._shown(most_varied(self._offered, n))

    def story(self) -> Story | None:
        """The story of the customer with the most to tell; None without offers."""
        customer = self._telling()
        if customer is None:
            return None
        offered = self._offered[self._offered.customer_id == customer].sort_values("rank")
        offers = self._shown(offered)
        friends = self._friends(customer)
        channel = offered.channel.iloc[0]
        return Story(
            customer,
            offers[0].customer,
            len(friends),
            int(friends.sum()),
            self._channels(customer),
            None if pd.isna(channel) else channel,
            self._behind(offers[0]),
            offers,
            int(offered.driven.sum()),
            self._blocked_for(customer),
        )

    def _telling(self) -> str | None:
        """The customer whose story shows the most.

        Several offers by friends come first, then named and unnamed friends behind the first
        offer, then many rules, offers and friends; then the best first offer.
        """
        if not len(self._offered):
            return None
        first = self._offered[self._offered["rank"] == 1].set_index("customer_id")
        behind = first[first.driven].reset_index()[list(PAIR)].merge(self._drivers)
        named = behind.friend_id.isin(may_be_named(self._view, behind.friend_id.unique()))
        counts = pd.DataFrame(index=first.index.sort_values())
        counts["offers"] = self._offered[self._offered.driven].groupby("customer_id").size()
        counts["named"] = behind[named].groupby("customer_id").size()
        counts["friends"] = behind.groupby("customer_id").size()
        counts["rules"] = self._blocked.groupby("customer_id").blocked_by.nunique()
        counts = counts.fillna(0)
        key = pd.DataFrame(
            {
                "several": counts.offers >= 2,
                "named": counts.named > 0,
                "unnamed": (counts.named > 0) & (counts.named < counts.friends),
                "rules": counts.rules,
                "offers": counts.offers,
                "friends": counts.friends,
                "probability": first.probability,
            }
        )
        best = key.sort_values([*key.columns], ascending=False, kind="stable")
        return str(best.index[0])

    def _friends(self, customer: str) -> pd.Series:
        """Whether each friend of a customer shares their activity, by the friend's id."""
        rows = self._view.friendships
        mine = rows.filter(rows.customer_id == customer).select("friend_id").distinct()
        people = self._view.people.select("shares", friend_id="customer_id")
        frame: pd.DataFrame = mine.inner_join(people, "friend_id").to_pandas()
        return frame.set_index("friend_id").shares

    def _channels(self, customer: str) -> list[str]:
        """The channels that a customer has opted in to, and `contact` for contact in general."""
        consents = of_customers(self._view.table(t.CONSENTS), [customer])
        answered = answers(consents, self._view.snapshot.meta.blocked_customers)
        (given,) = answered.filter(answered.customer_id == customer).to_pyarrow().to_pylist()
        return [channel for channel in (CONTACT, *CHANNELS) if given[f"{channel}_from"] is not None]

    def _behind(self, offer: ShownOffer) -> list[Driver]:
        """The friends behind an offer, the latest first."""
        pair = {"customer_id": offer.customer_id, **_item(offer)}
        of_pair = (self._drivers[list(pair)] == pd.Series(pair)).all(axis=1)
        friends = sorted(self._drivers.friend_id[of_pair])
        recent = recent_shared(self._view, self._window)
        recent = recent.filter(*(recent[name] == value for name, value in _item(offer).items()))
        rows = of_customers(recent, friends).to_pandas()
        rows = rows.sort_values(["at", "customer_id"], ascending=[False, True])
        named = sorted(may_be_named(self._view, friends))
        names = _names(self._view.table(t.CUSTOMERS), "customer_id", named)
        return [
            Driver(names.get(friend) if friend in named else None, at.date())
            for friend, at in zip(rows.customer_id, rows["at"], strict=True)
        ]

    def _blocked_for(self, customer: str) -> list[Blocked]:
        """What was blocked for a customer, the rule that blocks most first."""
        rows = self._blocked[self._blocked.customer_id == customer]
        names = self._item_names(rows)
        blocked_items = []
        for rule, of_rule in rows.groupby("blocked_by"):
            example = of_rule.sort_values(list(ITEM)).iloc[0]
            item = names[example.item_kind, example.item_id]
            sentence = SENTENCES[str(rule)]
            blocked_items.append(Blocked(str(rule), sentence, len(of_rule), example.item_id, item))
        return sorted(blocked_items, key=lambda blocked: (-blocked.items, blocked.rule))

    def _shown(self, offers: pd.DataFrame) -> list[ShownOffer]:
        """Offers in words, in the same order."""
        customers = offers.customer_id.unique()
        people = _names(self._view.table(t.CUSTOMERS), "customer_id", customers)
        names, prices = self._item_names(offers), self._prices(offers)
        return [
            ShownOffer(
                row["customer_id"],
                people.get(row["customer_id"], row["customer_id"]),
                row["item_kind"],
                row["item_id"],
                names[row["item_kind"], row["item_id"]],
                prices.get(row["item_id"], "") if row["item_kind"] == PRODUCT else "",
                int(row["rank"]),
                row["probability"],
                row["by_friends"],
                row["reason"],
            )
            for row in offers.to_dict("records")
        ]

    def _item_names(self, rows: pd.DataFrame) -> dict[tuple[str, str], str]:
        """The names of the items of some rows, by kind and id; the id where there is no name."""
        named = {
            (kind, item): item for kind, item in zip(rows.item_kind, rows.item_id, strict=True)
        }
        for kind, table, key in (
            (PRODUCT, t.PRODUCTS, "product_id"),
            (STORE, t.STORES, "store_id"),
        ):
            ids = rows.item_id[rows.item_kind == kind].unique()
            names = _names(self._view.table(table), key, ids)
            named |= {(kind, item): name for item, name in names.items()}
        return named

    def _prices(self, rows: pd.DataFrame) -> dict[str, str]:
        """The prices of some products, in the currency of most purchases."""
        currencies = self._view.table(t.PURCHASES).currency.topk(1).to_pyarrow().to_pylist()
        code = next((row["currency"] for row in currencies if row["currency"]), "")
        products = self._view.table(t.PRODUCTS)
        ids = _ids("product_id", rows.item_id[rows.item_kind == PRODUCT].unique())
        priced = products.semi_join(ids, "product_id").filter(products.price.notnull())
        table = priced.select("product_id", "price").to_pyarrow().to_pylist()
        return {row["product_id"]: money(row["price"], code) for row in table}


def most_varied(offers: pd.DataFrame, n: int = SHOWN) -> pd.DataFrame:
    """Choose up to n offers that differ in customer, item and reason, the best of them first.

    Each step avoids the customers and items chosen before, then takes one of the reasons chosen
    least, the rarest of them, and of that the offer with the highest probability.

    Args:
        offers: `customer_id`, `item_kind`, `item_id`, `reason`, `probability` and more.
        n: the number of offers to choose.
    """
    order = ["common", "probability", *PAIR]
    rows = offers.assign(common=offers.groupby("reason").reason.transform("size"))
    rows = rows.sort_values(order, ascending=[True, False, True, True, True])
    used, cost = [], np.zeros(len(rows))
    customers, reasons = rows.customer_id.to_numpy(), rows.reason.to_numpy()
    kinds, items = (rows[name].to_numpy() for name in ITEM)
    for _ in range(min(n, len(rows))):
        best = int(cost.argmin())
        used.append(best)
        same_item = (kinds == kinds[best]) & (items == items[best])
        cost += (reasons == reasons[best]) + float(n) * (
            same_item.astype(int) + (customers == customers[best])
        )
        cost[best] = np.inf
    chosen = rows.iloc[used].drop(columns="common")
    return chosen.sort_values(["probability", *PAIR], ascending=[False, True, True, True])


def friends_worth(shop: Shop, end: datetime) -> Worth:
    """Backtest the ranking with and without friends on the last weeks of a shop.

    Args:
        shop: the shop.
        end: the end of its data.

    Raises:
        BacktestError: there is nothing to evaluate.
    """
    start = end - BACK
    report = shop.backtest(
        start, end, every=EVERY, horizon=EVERY, only=ABOUT_FRIENDS, affinity=AFFINITY
    )
    metric = f"ndcg@{ITEMS}"
    figures = report.figures[PER_CUSTOMER]
    return Worth(
        start,
        end,
        len(report.cutoffs),
        figures[RANKING][metric],
        figures[WITHOUT][metric],
        report.lead[PER_CUSTOMER][WITHOUT][metric],
    )


def money(minor: int, currency: str) -> str:
    """An amount of minor units as people write it: `€1,299.00`, `12.50 CHF`."""
    amount = f"{minor / 100:,.2f}"
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{amount}" if symbol else f"{amount} {currency}".strip()


def _item(offer: ShownOffer) -> dict[str, str]:
    return {"item_kind": offer.item_kind, "item_id": offer.item_id}


def may_be_named(view: View, customers: Any) -> set[str]:
    """Those of some customers who agree that their name is used."""
    rows = of_customers(view.table(t.CONSENTS), list(customers))
    rows = rows.filter(rows.purpose.isin([NAMED_USE, ALL]))
    # All purposes follow the same rules, but `answers` has only those that decide on offers.
    rows = rows.mutate(purpose=(rows.purpose == NAMED_USE).ifelse(CONTACT, rows.purpose))
    answered = answers(rows, view.snapshot.meta.blocked_customers)
    return set(
        answered.filter(answered.contact_from.notnull()).customer_id.to_pyarrow().to_pylist()
    )


def _names(rows: ir.Table, key: str, ids: Any) -> dict[str, str]:
    """The names of some rows, by their key; rows without a name are left out."""
    named = rows.semi_join(_ids(key, ids), key).select(key, "name")
    return {
        row[key]: row["name"] for row in named.to_pyarrow().to_pylist() if row["name"] is not None
    }


def _ids(key: str, ids: Any) -> ir.Table:
    return ibis.memtable({key: list(ids)}, schema={key: "string"})
