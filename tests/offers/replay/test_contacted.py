"""Earlier contacts: accepted if something that the offer covers is bought within the horizon."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.grids import FORTNIGHT, friends_did, grid_of, tea_shop
from support.snapshots import day

from followsuit.graph.views.view import View
from followsuit.offers.candidates.catalogue import catalogue
from followsuit.offers.features.declared import Features
from followsuit.offers.learning.acceptance import Acceptance, with_contacts
from followsuit.offers.learning.calibration import Shown
from followsuit.offers.replay.contacted import contacted

THEN = day(20)


def shop(folder: Path) -> View:
    """Ann is contacted about tea by an offer, and buys some; the view is weeks later."""
    bought: Any = {"customer_id": "ann", "product_id": "tea", "at": day(23)}
    contacts = [
        {"contact_id": name, "customer_id": "ann", "offer_id": "tea-time", "channel": "email"}
        | {"at": at, "outcome": outcome}
        for name, at, outcome in (
            ("before", day(19), "accepted"),
            ("early", day(21), "accepted"),
            ("late", day(24), "ignored"),
            ("unknown", day(22), None),
            ("young", day(39), "accepted"),
        )
    ]
    return tea_shop(
        folder,
        bought,
        as_of=day(40),
        offers=[{"offer_id": "tea-time", "product_id": "tea"}],
        contacts=contacts,
    )


@pytest.mark.parametrize("horizon", [timedelta(hours=60), timedelta(days=1)])
def test_contacts_with_an_outcome_count_from_the_day_on(tmp_path: Path, horizon: timedelta) -> None:
    view = shop(tmp_path)
    then = view.shared.at(THEN)
    offers = catalogue(then)
    laid = grid_of(then, triggers=friends_did(then), catalogue=offers)
    names = [trigger.name for trigger in friends_did(then)]
    features = Features(laid, names)
    rows = contacted(view.shared, laid, features, offers, Acceptance(THEN), names, horizon)
    assert rows.trigger.tolist() == ["friend_bought"] * 2
    assert sorted(rows.accepted.tolist()) == [False, horizon > timedelta(days=2)]
    assert len(set(rows.probability.tolist())) == 1
    assert horizon < FORTNIGHT


def test_acceptance_after_a_contact_is_learned_from_its_outcomes() -> None:
    random, n = np.random.default_rng(0), 5_000
    predicted = random.uniform(0.01, 0.2, n)
    accepted = random.random(n) < np.minimum(2 * predicted, 1)
    nothing = np.full(n, "", dtype=object)
    contacts = Shown(np.arange(n), np.zeros(n, int), nothing, predicted, accepted)
    plain = Acceptance(THEN)
    learned = with_contacts(plain, contacts)
    assert learned.after_contact(np.array([0.1]))[0] == pytest.approx(0.2, abs=0.03)
    again = Acceptance.from_dict(learned.as_dict())
    assert again.after_contact(predicted).tolist() == learned.after_contact(predicted).tolist()
    few = contacts.only(np.arange(100))
    assert with_contacts(plain, few) == plain
    assert np.isnan(plain.after_contact(predicted)).all()
