"""`doctor` warns about a calibration that is old, or that didn't hold lately."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from followsuit.doctor import Check, Figures
from followsuit.graph.results.runs import SCORE, Run
from followsuit.offers.run_parameters import LEARNED

NOW = datetime(2025, 6, 1, tzinfo=UTC)


def calibration(age: int = 1, **learned: Any) -> Check:
    """The check of a run whose models were fitted some days ago."""
    then = NOW - timedelta(days=age)
    kept = {"as_of": then.isoformat(), "calibration": {"rows": 900}, "check": None, **learned}
    run = Run("r", SCORE, NOW, NOW, True, 1, 1, {LEARNED: kept})
    checks = {check.name: check for check in Figures(NOW, NOW, run, {}, 0, 0).checks(None)}
    return checks["calibration"]


def checked(value: float, low: float, high: float) -> dict[str, Any]:
    ratio = {"value": value, "low": low, "high": high}
    return {"check": {"as_of": "2025-05-18T00:00:00+00:00", "observed_over_expected": ratio}}


def test_a_young_calibration_that_held_is_sound() -> None:
    check = calibration(**checked(1.1, 0.7, 1.5))
    assert (check.sound, check.label) == (True, "ok")
    assert check.detail == (
        "1.0 days old; on 2025-05-18, observed over expected was 1.10 (0.70 to 1.50)"
    )


@pytest.mark.parametrize("drifted", [checked(0.6, 0.5, 0.79), checked(1.6, 1.26, 2.0), {"age": 31}])
def test_one_that_has_drifted_or_is_old_is_a_warning_that_says_what_to_do(
    drifted: dict[str, Any],
) -> None:
    check = calibration(**drifted)
    assert (check.sound, check.needed, check.label) == (False, False, "DRIFTED")
    assert "run `followsuit score --learn always`" in check.detail


def test_a_run_without_a_calibration_says_so() -> None:
    check = calibration(calibration=None)
    assert (check.sound, check.label) == (False, "absent")
    assert "aren't calibrated" in check.detail


def test_without_a_run_there_is_no_check_of_its_calibration() -> None:
    names = {check.name for check in Figures(NOW, NOW, None, {}, 0, 0).checks(None)}
    assert "calibration" not in names
