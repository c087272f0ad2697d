"""The effects of the world's settings: shared taste, planted influence, promotions."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from followsuit.simulator import Simulated, World, tables
from followsuit.simulator.behaviour.setting import FRIEND

FORTNIGHT = pd.Timedelta(days=14)
CROWDED = World(
    customers=4_000, products=2_000, stores=24, friendships=20_000, purchases=80_000, shock=0
)


@cache
def world(homophily: float = 0.0, influence: float = 0.0) -> Simulated:
    return tables(
        World(
            customers=CROWDED.customers,
            products=CROWDED.products,
            stores=CROWDED.stores,
            friendships=CROWDED.friendships,
            purchases=CROWDED.purchases,
            shock=0,
            homophily=homophily,
            influence=influence,
        )
    )


def both_ways(simulated: Simulated) -> pd.DataFrame:
    """Ordered pairs of friends: source, target, since."""
    friends = simulated.tables["friendships"].to_pandas()
    names = {"customer_id": "source", "friend_id": "target"}
    turned = {"customer_id": "target", "friend_id": "source"}
    pairs = [friends.rename(columns=n)[["source", "target", "since"]] for n in (names, turned)]
    return pd.concat(pairs, ignore_index=True)


def first_purchases(simulated: Simulated) -> pd.DataFrame:
    """The first purchase of each product by each customer, with its category."""
    bought = simulated.tables["purchases"].to_pandas()
    first = bought.groupby(["customer_id", "product_id"], as_index=False)["at"].min()
    products = simulated.tables["products"].to_pandas().set_index("product_id")
    return first.assign(category=first.product_id.map(products.category))


def exposures(simulated: Simulated) -> pd.DataFrame:
    """First purchases of what a friend, or one who becomes a friend `since`, doesn't have.

    `probability` is the planted one of following, `followed` whether the friend did.
    """
    first = first_purchases(simulated)
    pairs = both_ways(simulated).dropna(subset="since")
    seen = first.rename(columns={"customer_id": "source"}).merge(pairs, on="source")
    seen = seen[seen["at"] < first["at"].max() - FORTNIGHT]
    own = first.rename(columns={"customer_id": "target", "at": "own"}).drop(columns="category")
    seen = seen.merge(own, on=["target", "product_id"], how="left")
    seen = seen[~(seen.own <= seen["at"])]
    planted = simulated.edges.to_pandas()
    seen = seen.merge(planted, on=["source", "target", "category"], how="left")
    return seen.assign(followed=seen.own - seen["at"] <= FORTNIGHT)


def followers(simulated: Simulated) -> float:
    """Share of first purchases within a fortnight after a friend's of the same product."""
    first = first_purchases(simulated)
    theirs = first.rename(columns={"customer_id": "source", "at": "before"})
    pairs = both_ways(simulated).rename(columns={"target": "customer_id"})
    met = first.merge(pairs, on="customer_id").merge(theirs, on=["source", "product_id"])
    lead = met["at"] - met.before
    met = met[(lead > pd.Timedelta(0)) & (lead <= FORTNIGHT)]
    return len(met.drop_duplicates(["customer_id", "product_id"])) / len(first)


def taste_likeness(simulated: Simulated, column: str) -> float:
    """Correlation between friends of what they buy beyond what everybody buys."""
    bought = simulated.tables["purchases"].to_pandas()
    products = simulated.tables["products"].to_pandas().set_index("product_id")
    shares = pd.crosstab(bought.customer_id, bought.product_id.map(products[column]))
    shares = shares.div(shares.sum(axis=1), axis=0)
    shares -= shares.mean()
    pairs = both_ways(simulated)
    pairs = pairs[pairs.source.isin(shares.index) & pairs.target.isin(shares.index)]
    one, other = shares.loc[pairs.source].to_numpy(), shares.loc[pairs.target].to_numpy()
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def city_likeness(simulated: Simulated) -> float:
    """Share of friends in one city, beyond that of strangers."""
    city = simulated.tables["customers"].to_pandas().set_index("customer_id").city
    pairs = both_ways(simulated)
    same = pairs.source.map(city) == pairs.target.map(city)
    return float(same.mean() - (city.value_counts(normalize=True) ** 2).sum())


def triggered(simulated: Simulated) -> "pd.Series[str]":
    """Contacts before which a friend had just bought one of the offer's items."""
    frames = {name: rows.to_pandas() for name, rows in simulated.tables.items()}
    offers = frames["offers"].assign(
        category=frames["offers"].category.fillna(frames["offers"].interest)
    )
    contacts = frames["contacts"].merge(offers, on="offer_id")
    bought = frames["purchases"].merge(frames["products"], on="product_id")
    bought = bought.rename(columns={"customer_id": "source"})
    what = ["product_id", "category", "brand", "store_id"]
    pairs = both_ways(simulated).rename(columns={"target": "customer_id"})
    met = contacts[["contact_id", "customer_id", "at", *what]].merge(pairs, on="customer_id")
    met = met.merge(bought[["source", "at", *what]], on="source", suffixes=("", "_bought"))
    lead = met["at"] - met.at_bought
    met = met[(lead > pd.Timedelta(0)) & (lead < FORTNIGHT) & ~(met.since >= met.at_bought)]
    alike = [met[name].notna() & (met[name] == met[f"{name}_bought"]) for name in what]
    return met.contact_id[np.logical_or.reduce(alike)]


def weekly_bursts(simulated: Simulated) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """(products, weeks) deviations from what a product's category lets expect."""
    bought = simulated.tables["purchases"].to_pandas()
    week = (bought["at"] - pd.Timestamp("2025-01-01", tz="UTC")).dt.days // 7
    sold = pd.crosstab(bought.product_id, week)
    sold = sold[(sold.sum(axis=1) >= 150) & (sold.iloc[:, :4].sum(axis=1) > 0)]
    category = simulated.tables["products"].to_pandas().set_index("product_id").category
    weeks = sold.groupby(category[sold.index]).transform("sum")
    expected = weeks.mul(sold.sum(axis=1) / weeks.sum(axis=1), axis=0)
    return ((sold - expected) / np.sqrt(expected)).fillna(0).to_numpy()


class TestHomophily:
    @pytest.mark.parametrize("column", ["category", "brand"])
    def test_friends_share_taste_only_where_asked(self, column: str) -> None:
        none, some, strong = (taste_likeness(world(homophily=h), column) for h in (0, 0.5, 1))
        assert abs(none) < 0.01
        assert none + 0.03 < some < strong - 0.03

    def test_friends_share_a_city_only_where_asked(self) -> None:
        none, some, strong = (city_likeness(world(homophily=h)) for h in (0, 0.5, 1))
        assert abs(none) < 0.015
        assert some == pytest.approx(0.14, abs=0.06)
        assert strong > 0.45

    def test_the_shape_of_the_graph_does_not_depend_on_it(self) -> None:
        one, other = (world(homophily=h).tables["friendships"] for h in (0, 1))
        assert one.select(["customer_id", "friend_id"]).equals(
            other.select(["customer_id", "friend_id"])
        )

    def test_degrees_have_a_heavy_tail(self) -> None:
        degree = both_ways(world()).source.value_counts()
        assert degree.mean() == pytest.approx(10, rel=0.05)
        assert degree.max() > 8 * degree.mean()

    def test_stronger_ties_interact_more(self) -> None:
        simulated = world(influence=1)
        strength = simulated.edges.to_pandas().groupby(["source", "target"]).probability.mean()
        friends = simulated.tables["friendships"].to_pandas()
        ends = pd.MultiIndex.from_frame(friends[["customer_id", "friend_id"]])
        assert np.corrcoef(strength[ends], friends.interactions)[0, 1] > 0.2


class TestInfluence:
    def test_the_more_influence_the_more_purchases_follow_a_friend(self) -> None:
        none, some, strong = (followers(world(influence=i)) for i in (0, 0.5, 1))
        assert none < 0.03
        assert none + 0.1 < some < strong - 0.1

    def test_homophily_alone_makes_few_follow(self) -> None:
        assert followers(world(homophily=1)) < 0.05

    def test_friends_follow_as_often_as_planted(self) -> None:
        seen = exposures(world(influence=1)).query("since <= at")
        chance = seen.followed[seen.probability.isna()].mean()  # Nothing is contagious there.
        assert chance < 0.002
        planted = seen.dropna(subset="probability")
        groups = planted.groupby(pd.qcut(planted.probability, 6, labels=False))
        expected, observed = groups.probability.mean(), groups.followed.mean()
        # Beyond what is planted for the pair some follow another friend, or nobody.
        assert (observed - expected).between(-0.003, 0.010).all()
        slope = np.polyfit(expected, observed, 1)[0]
        assert slope == pytest.approx(1, abs=0.05)

    def test_nobody_follows_before_they_are_friends(self) -> None:
        seen = exposures(world(influence=1)).query("since - at > @FORTNIGHT")
        assert len(seen) > 10_000
        assert seen.followed.mean() < 0.006

    def test_the_truth_holds_in_every_category(self) -> None:
        seen = exposures(world(influence=1)).query("since <= at and probability > 0")
        by_category = seen.groupby("category")[["probability", "followed"]].mean()
        beyond = by_category.followed - by_category.probability
        assert beyond.between(-0.005, 0.015).all()

    def test_followers_follow_soon(self) -> None:
        seen = exposures(world(influence=1)).query("since <= at and probability > 0.1")
        wait = (seen.own - seen["at"]).dropna()
        assert wait[wait <= FORTNIGHT].mean() / pd.Timedelta(days=1) == pytest.approx(3.5, abs=0.4)
        assert (wait > FORTNIGHT).sum() < 2 * (wait > 2 * FORTNIGHT).sum()

    def test_followers_buy_for_the_first_time_and_after_a_friend(self) -> None:
        simulated = world(influence=1)
        bought = simulated.tables["purchases"].to_pandas()
        first = ~bought.duplicated(["customer_id", "product_id"])
        followers = bought[simulated.sales.cause == FRIEND]
        assert first[followers.index].all()
        theirs = bought[first].rename(columns={"customer_id": "source", "at": "before"})
        pairs = both_ways(simulated).rename(columns={"target": "customer_id"})
        met = followers.merge(pairs, on="customer_id")
        met = met.merge(theirs[["source", "product_id", "before"]], on=["source", "product_id"])
        lead = met["at"] - met.before
        met = met[(lead > pd.Timedelta(0)) & (lead <= FORTNIGHT)]
        assert set(met.purchase_id) == set(followers.purchase_id)

    def test_no_purchase_causes_more_than_one(self) -> None:
        edges = world(influence=1).edges.to_pandas()
        caused = edges.groupby(["source", "category"]).probability.sum()
        assert caused.max() < 1
        assert 0.35 < caused.mean() < 0.75
        assert edges.probability.gt(0).all()

    def test_every_contagious_category_of_every_pair_is_in_the_truth(self) -> None:
        simulated = world(influence=1)
        edges = simulated.edges.to_pandas()
        assert edges.category.nunique() == 13
        assert len(edges) == 2 * CROWDED.friendships * 13
        assert not edges.duplicated(["source", "target", "category"]).any()

    def test_without_influence_nobody_follows(self) -> None:
        simulated = world()
        assert simulated.edges.num_rows == 0
        truth = simulated.acceptance.to_pandas()
        assert (truth.with_trigger == truth.without_trigger).all()


class TestAcceptance:
    def test_a_friends_example_helps_and_never_harms(self) -> None:
        truth = world(influence=1).acceptance.to_pandas()
        uplift = truth.with_trigger - truth.without_trigger
        assert (uplift >= 0).all()
        assert uplift.mean() > 0.05
        assert truth.with_trigger.max() < 1

    def test_outcomes_are_drawn_from_the_truth(self) -> None:
        big = tables(
            World(customers=100_000, products=100, friendships=0, purchases=100, influence=0)
        )
        contacts, truth = big.tables["contacts"].to_pandas(), big.acceptance.to_pandas()
        known = contacts["at"] < contacts["at"].max() - FORTNIGHT
        accepted = contacts.outcome == "accepted"
        for arm, factor in (("treatment", 1.0), ("control", 0.4)):
            rows = known & (contacts.arm == arm)
            expected = factor * truth.without_trigger[rows]
            error = np.sqrt((expected * (1 - expected)).sum()) / rows.sum()
            assert accepted[rows].mean() == pytest.approx(expected.mean(), abs=4 * error)

    def test_customers_with_a_trigger_accept_more(self) -> None:
        sizes = {"customers": 30_000, "products": 60, "friendships": 150_000}
        strong = tables(World(**sizes, purchases=300_000, influence=1))
        contacts, truth = strong.tables["contacts"].to_pandas(), strong.acceptance.to_pandas()
        acted = contacts.contact_id.isin(triggered(strong))
        known = contacts["at"] < contacts["at"].max() - FORTNIGHT
        shown = known & (contacts.arm == "treatment")
        accepted = contacts.outcome == "accepted"
        for rows, column in ((shown & acted, "with_trigger"), (shown & ~acted, "without_trigger")):
            expected = truth[column][rows]
            error = np.sqrt((expected * (1 - expected)).sum()) / rows.sum()
            assert rows.sum() > 500
            assert accepted[rows].mean() == pytest.approx(expected.mean(), abs=4 * error)


class TestSeasonsAndPromotions:
    @staticmethod
    def sold(shock: float) -> Simulated:
        return tables(
            World(
                customers=5_000,
                products=400,
                friendships=0,
                purchases=120_000,
                influence=0,
                shock=shock,
            )
        )

    def test_without_shocks_nothing_bursts(self) -> None:
        deviations = weekly_bursts(self.sold(0))
        assert 0.85 < (deviations**2).mean() < 1.15
        assert deviations.max() < 6

    def test_the_stronger_the_shock_the_more_bursts(self) -> None:
        some, strong = weekly_bursts(self.sold(0.3)), weekly_bursts(self.sold(1))
        assert (some**2).mean() > 1.3
        assert (strong**2).mean() > (some**2).mean() + 0.5

    def test_categories_have_their_seasons(self) -> None:
        first = first_purchases(world())
        month = pd.crosstab(first.category, first["at"].dt.month)
        assert month.loc["toys", 12] > 2 * month.loc["toys", 6]
        assert month.loc["garden", 5] > 2 * month.loc["garden", 12]

    def test_saturdays_are_busier_than_sundays(self) -> None:
        day = world().tables["purchases"].to_pandas()["at"].dt.day_of_week.value_counts()
        assert day[5] > 1.5 * day[6]

    def test_some_buy_far_more_than_others(self) -> None:
        bought = world().tables["purchases"].to_pandas()
        of_customers = bought.customer_id.value_counts()
        assert of_customers.max() > 5 * of_customers.mean()
        of_products = bought.product_id.value_counts()
        assert of_products.head(20).sum() > 0.1 * len(bought)

    def test_used_up_products_are_bought_again(self) -> None:
        bought = world().tables["purchases"].to_pandas().sort_values("at")
        gap = bought.groupby(["customer_id", "product_id"])["at"].diff().dt.days
        category = world().tables["products"].to_pandas().set_index("product_id").category
        pets = gap[bought.product_id.map(category) == "pet care"].dropna()
        assert pets.median() == pytest.approx(28, abs=3)

    def test_life_changes_what_is_bought(self) -> None:
        simulated = world()
        births = simulated.tables["events"].to_pandas().query("kind == 'birth'")
        bought = simulated.tables["purchases"].to_pandas()
        category = simulated.tables["products"].to_pandas().set_index("product_id").category
        for_babies = bought.product_id.map(category) == "baby"
        since = bought.customer_id.map(births.set_index("customer_id")["at"])
        assert for_babies[bought["at"] > since].mean() > 2 * for_babies[since.isna()].mean()
