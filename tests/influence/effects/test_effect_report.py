import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from support.influence_worlds import WINDOW, Planted, Planting, log_of, plant

from followsuit.influence.effects.effect_plot import figure_of, plot_report
from followsuit.influence.effects.effect_report import (
    ADJUSTED,
    OBSERVED,
    PLACEBO_REWIRED,
    PLACEBO_TIME,
    EffectReport,
    Grades,
    report,
    sensitivity_of,
    verdict_on,
)
from followsuit.influence.effects.lift import Lift
from followsuit.influence.log.arrays import DAY, LONG_AGO, Log, Network, network

GRADES = [OBSERVED, ADJUSTED, PLACEBO_TIME, PLACEBO_REWIRED]


@pytest.fixture(scope="module")
def influenced() -> Planting:
    return plant(Planted(seed=5, influence=2.5, items=120))


@pytest.fixture(scope="module")
def effects(influenced: Planting) -> EffectReport:
    return report(influenced.log, WINDOW)


def lift(value: float, low: float, high: float) -> Lift:
    return Lift(value, low, high, 1_000)


def grades(adjusted: Lift, placebo: Lift) -> Grades:
    return {
        OBSERVED: lift(3, 2, 4),
        ADJUSTED: adjusted,
        PLACEBO_TIME: placebo,
        PLACEBO_REWIRED: lift(1, 0.9, 1.1),
    }


def edges(pairs: list[tuple[int, int]], customers: int) -> Network:
    source, target = np.array(pairs, dtype=int).reshape(-1, 2).T
    return network(customers, source, target, np.full(len(source), LONG_AGO))


def no_number_is_missing(value: object) -> bool:
    """Strict JSON has no NaN and no infinity."""
    json.dumps(value, allow_nan=False)
    return True


def test_a_planted_effect_is_seen_in_the_lifts_and_not_in_the_placebos(
    effects: EffectReport,
) -> None:
    assert effects.grades[ADJUSTED].low > 1.7
    assert effects.grades[ADJUSTED].high < 3.5
    assert not effects.grades[PLACEBO_TIME].off
    assert not effects.grades[PLACEBO_REWIRED].off
    assert effects.verdict.startswith("adjusted lift 2.")
    assert "influence" not in effects.verdict


def test_a_report_has_the_keys_that_scripts_rely_on(effects: EffectReport) -> None:
    as_json = effects.as_dict()
    assert list(as_json) == ["grades", "categories", "sensitivity", "verdict", "diagnostics"]
    assert list(as_json["grades"]) == GRADES
    assert list(as_json["categories"]) == ["kind 0", "kind 1", "kind 2", "kind 3"]
    for graded in [as_json["grades"], *as_json["categories"].values()]:
        assert all(list(graded[grade]) == ["lift", "low", "high", "n"] for grade in GRADES)
    assert list(as_json["sensitivity"]) == ["value", "bound"]
    assert no_number_is_missing(as_json)


def test_exposures_of_the_categories_add_up_to_all(effects: EffectReport) -> None:
    of_categories = [graded[OBSERVED].n for graded in effects.categories.values()]
    assert sum(of_categories) == effects.grades[OBSERVED].n


def test_the_same_seed_gives_the_same_report(influenced: Planting, effects: EffectReport) -> None:
    again = report(influenced.log, WINDOW)
    assert json.dumps(again.as_dict()) == json.dumps(effects.as_dict())


def test_shuffled_times_have_fewer_followings_under_influence(effects: EffectReport) -> None:
    shuffle = effects.diagnostics.shuffle
    assert shuffle.valid
    assert shuffle.followings > 1.2 * shuffle.shuffled
    assert shuffle.p < 0.05


def test_edge_reversal_is_invalid_where_all_friendships_go_both_ways(effects: EffectReport) -> None:
    reversal = effects.diagnostics.edge_reversal
    assert not reversal.valid
    assert reversal.why == "invalid: every friendship goes both ways"


def test_influence_is_stronger_along_one_way_edges_than_against_them() -> None:
    planting = plant(Planted(seed=2, influence=3, directed=True, items=120))
    reversal = report(planting.log, WINDOW).diagnostics.edge_reversal
    assert reversal.forward.low > reversal.backward.high


def test_permuted_times_destroy_the_effect(influenced: Planting) -> None:
    log = influenced.log
    time = np.random.default_rng(0).permutation(log.actions.time)
    item = log.actions.item
    permuted = log_of(log.actions.customer, item, time, log.category, log.network)
    graded = report(permuted, WINDOW).grades
    assert not graded[ADJUSTED].off
    assert graded[ADJUSTED].lift == pytest.approx(1, abs=0.25)


def test_a_promotion_is_matched_by_time() -> None:
    planting = plant(Planted(seed=3, shock=6, items=120))
    assert not report(planting.log, WINDOW).grades[ADJUSTED].off


def test_the_verdict_says_not_identified_where_a_placebo_is_off() -> None:
    said = verdict_on(grades(lift(2, 1.5, 2.5), lift(1.5, 1.2, 1.9)))
    assert said == (
        "not identified: adjusted lift 2.00 (1.50 to 2.50), but placebo_time is 1.50 "
        "(1.20 to 1.90), which should be 1"
    )


def test_the_verdict_says_not_enough_evidence_where_the_interval_holds_1() -> None:
    said = verdict_on(grades(lift(1.2, 0.8, 1.8), lift(1, 0.8, 1.2)))
    assert said.startswith("not enough evidence of an effect: adjusted lift 1.20 (0.80 to 1.80)")


def test_the_verdict_says_not_enough_evidence_where_a_placebo_is_unknown() -> None:
    said = verdict_on(grades(lift(2, 1.5, 2.5), Lift(None, None, None, 2)))
    assert said.startswith("not enough evidence: adjusted lift 2.00")


@pytest.mark.parametrize(
    ("of", "value", "bound"),
    [
        # VanderWeele and Ding (2017), the example of breastfeeding: 3.9 (1.8 to 8.7).
        (lift(3.9, 1.8, 8.7), 7.26, 3.0),
        (lift(1 / 3.9, 1 / 8.7, 1 / 1.8), 7.26, 3.0),
        (lift(1.5, 0.9, 2.5), 2.37, 1.0),
    ],
)
def test_e_values_are_those_of_the_paper(of: Lift, value: float, bound: float) -> None:
    assert sensitivity_of(of).value == pytest.approx(value, abs=0.005)
    assert sensitivity_of(of).bound == pytest.approx(bound, abs=0.005)


def many(customers: int = 60, items: int = 5) -> tuple[np.ndarray, np.ndarray]:
    customer, item = np.divmod(np.arange(customers * items), items)
    return customer, item


def bad_logs() -> dict[str, Log]:
    customer, item = many()
    time = -np.random.default_rng(0).integers(20, 200, len(customer)) * DAY
    kind = np.zeros(5, dtype=int)
    ring = edges([(c, (c + 1) % 60) for c in range(60)], 60)
    nobody = np.empty(0, dtype=int)
    return {
        "no edges": log_of(customer, item, time, kind, edges([], 60)),
        "one customer": log_of(nobody, nobody, nobody, nobody, edges([], 1)),
        "one customer who acts": log_of(item[:5] * 0, item[:5], time[:5], kind, edges([], 1)),
        "no acts": log_of(nobody, nobody, nobody, nobody, ring),
        "no acts in the window": log_of(customer[:60], item[:60], time[:60] * 10, kind, ring),
        "all times equal": log_of(customer, item, time * 0 - 50 * DAY, kind, ring),
        "all acts now": log_of(customer, item, time * 0, kind, ring),
        "categories of one act": log_of(np.arange(5), np.arange(5), time[:5], np.arange(5), ring),
    }


@pytest.mark.parametrize("name", list(bad_logs()))
def test_bad_input_gets_a_clear_answer(name: str, tmp_path: Path) -> None:
    result = report(bad_logs()[name], WINDOW)
    assert result.verdict.startswith("not enough evidence: ")
    assert result.grades[ADJUSTED].lift is None
    assert no_number_is_missing(result.as_dict())
    plot_report(result, tmp_path / "effects.png")


def test_three_exposures_are_too_few() -> None:
    pairs = edges([(0, 1), (0, 2), (0, 3)], 60)
    log = log_of(
        np.array([4, 0]), np.array([0, 0]), np.array([-90, -50]) * DAY, np.array([0]), pairs
    )
    assert report(log, WINDOW).verdict == "not enough evidence: 3 exposures"


@pytest.mark.nightly
def test_a_million_acts_on_one_item_are_judged() -> None:
    size = 1_000_000
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, size, (size, 2))
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    crowd = network(size, pairs[:, 0], pairs[:, 1], np.full(len(pairs), LONG_AGO))
    time = -rng.integers(0, 300 * DAY, size)
    log = log_of(np.arange(size), np.zeros(size, dtype=int), time, np.array([0]), crowd)
    result = report(log, timedelta(days=14))
    assert result.grades[OBSERVED].n == pytest.approx(100_000, rel=0.02)
    assert result.grades[ADJUSTED].lift == pytest.approx(1, abs=0.1)


def test_the_picture_is_drawn(effects: EffectReport, tmp_path: Path) -> None:
    plot_report(effects, tmp_path / "effects.png")
    assert (tmp_path / "effects.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_names_categories_without_a_figure_as_such(effects: EffectReport) -> None:
    nothing = dict.fromkeys(effects.grades, Lift(None, None, None, 3))
    categories = {"Tea": effects.grades, "Rare": nothing}
    (axes,) = figure_of(replace(effects, categories=categories)).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["overall", "Tea", "Rare"]
    said = [text for text in axes.texts if text.get_text() == "not enough evidence"]
    assert [text.xy[1] for text in said] == [2]  # type: ignore[attr-defined]
