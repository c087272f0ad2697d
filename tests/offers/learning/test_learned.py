"""Which settings and weights a night takes from an earlier one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver
from support.scored_runs import write_offers_file
from support.snapshots import day

from followsuit.graph.connect import connect
from followsuit.graph.results.run_writer import write_run
from followsuit.graph.results.runs import SCORE, Run
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import view_of
from followsuit.loaders.load import load
from followsuit.offers.features.declared import OWN
from followsuit.offers.learning.learn import Learn
from followsuit.offers.learning.learned import (
    KEEP,
    LEARNED_FROM,
    NothingLearned,
    learned_already,
    learned_before,
    learned_from,
)
from followsuit.offers.run_parameters import LEARNED
from followsuit.offers.selection import Selection

OPTIONS: dict[str, Any] = {
    "affinity": "linear",
    "friends_help": False,
    "seed": 0,
    "assume_consent": True,
    "window_days": 14.0,
    "definitions": "4f2a",
    **Selection().as_dict(),
}
FIRST = day(1)


@pytest.fixture
def store(tmp_path: Path) -> GraphStore:
    """A store without runs."""
    store = connect(tmp_path / "shop.lbug")
    with store.writing():
        store.changed()
    return store


def learned(damping: float, weights: Any = OWN) -> dict[str, Any]:
    """What a run keeps of what it learned."""
    return {
        "taste": {"damping": damping},
        LEARNED: {"logistic": {"weights": dict.fromkeys(weights, damping)}},
    }


def scored(store: GraphStore, as_of: Any, *, learned_at: Any = None, **parameters: Any) -> None:
    """Write a run of `score`."""
    at = {"taste_as_of": (learned_at or as_of).isoformat()}
    run = Run(f"{as_of:%m-%d}", SCORE, as_of, as_of, False, 1, 1, {**OPTIONS, **at, **parameters})
    write_offers_file(store, run.run_id)
    write_run(store, run, {})


def test_the_first_night_learns_everything(store: GraphStore) -> None:
    assert learned_before(store, OPTIONS, FIRST, Learn.AUTO) == {}
    with pytest.raises(NothingLearned, match="No run before 2025-01-01 with these options"):
        learned_before(store, OPTIONS, FIRST, Learn.NEVER)


def test_settings_and_weights_serve_for_a_week(store: GraphStore) -> None:
    scored(store, FIRST, **learned(1.0))
    kept = {**learned(1.0), "taste_as_of": FIRST.isoformat()}
    last = FIRST + KEEP - timedelta(microseconds=1)
    for as_of in (FIRST + timedelta(days=1), last):
        assert learned_before(store, OPTIONS, as_of, Learn.AUTO) == kept
    assert learned_before(store, OPTIONS, FIRST + KEEP, Learn.AUTO) == {}
    assert learned_before(store, OPTIONS, FIRST + 9 * KEEP, Learn.NEVER) == kept
    assert learned_before(store, OPTIONS, last, Learn.ALWAYS) == {}


def test_the_week_begins_when_they_were_learned(store: GraphStore) -> None:
    scored(store, FIRST, **learned(1.0))
    scored(store, day(5), learned_at=FIRST, **learned(1.0))
    assert learned_before(store, OPTIONS, day(7), Learn.AUTO)
    assert learned_before(store, OPTIONS, FIRST + KEEP, Learn.AUTO) == {}


def test_a_night_that_is_repeated_takes_no_earlier_settings(store: GraphStore) -> None:
    scored(store, FIRST, **learned(1.0))
    for learn in (Learn.AUTO, Learn.ALWAYS):
        assert learned_before(store, OPTIONS, FIRST, learn) == {}


def test_what_was_learned_from_the_same_data_is_not_learned_again(store: GraphStore) -> None:
    view = view_of(store, FIRST)
    same = learned_from(view, {**OPTIONS, "customers": ["ann"], "policy": {"limits": []}})
    assert same == learned_from(view, OPTIONS)
    assert learned_already(store, same, Learn.AUTO) == {}
    scored(store, FIRST, **learned(1.0), **{LEARNED_FROM: same})
    kept = {**learned(1.0), "taste_as_of": FIRST.isoformat()}
    assert learned_already(store, same, Learn.AUTO) == kept
    assert learned_already(store, same, Learn.ALWAYS) == {}


def test_other_data_or_options_are_learned_from_anew(store: GraphStore, tmp_path: Path) -> None:
    view = view_of(store, FIRST)
    same = learned_from(view, OPTIONS)
    assert learned_from(view.at(day(2)), OPTIONS) != same
    assert learned_from(view, {**OPTIONS, "seed": 1}) != same
    shorter = view_of(store, FIRST).keeping(events=timedelta(days=90), contacts=None)
    assert learned_from(shorter, OPTIONS) != same
    load(store, str(deliver(tmp_path / "d", customers=[{"customer_id": "ann"}])))
    assert learned_from(view_of(store, FIRST), OPTIONS) != same


@pytest.mark.parametrize(
    "change",
    [
        {"affinity": "blend"},
        {"friends_help": True},
        {"seed": 1},
        {"assume_consent": False},
        {"window_days": 7.0},
        {"definitions": "9c1e"},
        {"top": 5},
        {"per_item": 2},
        {"candidates": 20},
        {"everyone": True},
    ],
)
def test_other_options_learn_for_themselves(store: GraphStore, change: dict[str, Any]) -> None:
    scored(store, FIRST, **learned(1.0), **change)
    assert learned_before(store, OPTIONS, day(2), Learn.AUTO) == {}
    assert learned_before(store, {**OPTIONS, **change}, day(2), Learn.AUTO)


def test_a_run_of_an_older_version_that_named_no_definitions_does_not_serve(
    store: GraphStore,
) -> None:
    older = {name: value for name, value in OPTIONS.items() if name != "definitions"}
    at = {"taste_as_of": FIRST.isoformat()}
    run = Run("older", SCORE, FIRST, FIRST, False, 1, 1, {**older, **at, **learned(1.0)})
    write_offers_file(store, run.run_id)
    write_run(store, run, {})
    assert learned_before(store, OPTIONS, day(2), Learn.AUTO) == {}


def test_weights_of_other_features_do_not_serve(store: GraphStore) -> None:
    scored(store, FIRST, **learned(1.0, weights=OWN[1:]))
    assert learned_before(store, OPTIONS, day(2), Learn.AUTO) == {}
