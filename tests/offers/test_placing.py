"""Placing: a customer has no item twice and no offer twice; what is worth more chooses first."""

from types import SimpleNamespace
from typing import cast

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from followsuit.core.ranking_metrics import top_n
from followsuit.offers.catalogue import Catalogue, Offer
from followsuit.offers.moment import Moment
from followsuit.offers.placing import _best_items

Numbers = st.sampled_from([-np.inf, -1.5, 0.0, 0.25, 2.0])


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, Catalogue, int]:
    customers, items = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    rows = st.lists(Numbers, min_size=items, max_size=items)
    values = np.array(draw(st.lists(rows, min_size=customers, max_size=customers)))
    offers = [
        Offer(
            f"o{number}",
            np.array(sorted(draw(st.sets(st.integers(0, items - 1), min_size=1)))),
            np.array(draw(st.lists(st.booleans(), min_size=customers, max_size=customers)))
            if draw(st.booleans())
            else None,
            draw(st.sampled_from([np.nan, 100.0, 250.0])),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    return values, Catalogue(tuple(offers)), draw(st.integers(1, 8))


def expected(
    values: np.ndarray, catalogue: Catalogue, customer: int, top: int
) -> list[tuple[int, int]]:
    """(offer, item) by rank, as one would do it by hand."""
    left = {i: v for i, v in enumerate(values[customer]) if v > -np.inf}
    found = []
    worth = {n: -1.0 if np.isnan(o.value) else o.value for n, o in enumerate(catalogue.offers)}
    for number in sorted(worth, key=lambda n: (-worth[n], n)):
        offer = catalogue.offers[number]
        free = [int(i) for i in offer.items if i in left]
        if free and (offer.audience is None or offer.audience[customer]):
            item = min(free, key=lambda i: (-left[i], i))
            found.append((-left.pop(item), item, number))
    return [(number, item) for _, item, number in sorted(found)][:top]


@settings(deadline=None)  # the first call compiles
@given(cases())
def test_each_item_and_each_offer_once_and_as_many_as_can_be(
    case: tuple[np.ndarray, Catalogue, int],
) -> None:
    values, catalogue, top = case
    customers, items = values.shape
    moment = cast("Moment", SimpleNamespace(items=np.arange(items), customers=np.arange(customers)))
    best, item = _best_items(values, moment, catalogue, slice(0, customers))
    places = top_n(best, top, tie=item)
    for customer in range(customers):
        offers = [int(offer) for offer in places[customer] if offer >= 0]
        pairs = [(offer, int(item[customer, offer])) for offer in offers]
        assert pairs == expected(values, catalogue, customer, top)
        given_items = [each for _, each in pairs]
        assert len(set(given_items)) == len(given_items)
        for number, offer in enumerate(catalogue.offers):
            mine = offer.audience is None or offer.audience[customer]
            if mine and number not in offers and len(pairs) < top:
                free = [i for i in offer.items if values[customer, i] > -np.inf]
                assert set(free) <= set(given_items), "an offer is left out, and could be shown"


def test_with_an_offer_for_each_item_and_one_more_the_places_stay_full() -> None:
    values = np.array([[3.0, 2.0, 1.0, 0.5]])
    twice = [Offer(f"{i}{n}", np.array([i]), None, float(n)) for i in range(4) for n in (1, 2)]
    moment = cast("Moment", SimpleNamespace(items=np.arange(4), customers=np.arange(1)))
    catalogue = Catalogue(tuple(twice))
    best, item = _best_items(values, moment, catalogue, slice(0, 1))
    places = top_n(best, 3, tie=item)[0]
    assert [twice[p].offer_id for p in places] == ["02", "12", "22"]
