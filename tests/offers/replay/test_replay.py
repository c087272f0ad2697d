"""The days that a run learns from."""

from datetime import timedelta
from itertools import pairwise

import pytest
from support.statistical_worlds import World

from followsuit.core.progress import silent
from followsuit.graph.views.view import View
from followsuit.offers.replay.replay import CALIBRATION_DAYS, TRAINING_DAYS, Replay
from followsuit.triggers.definitions.definition_file import shipped_definitions

FORTNIGHT, WEEK = timedelta(days=14), timedelta(days=7)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return World(1).background(50).view(tmp_path_factory.mktemp("shop"))


def test_days_are_weeks_apart_and_their_horizons_have_passed(view: View) -> None:
    replay = Replay(view, shipped_definitions(), FORTNIGHT, 0, silent)
    for days, count in ((replay.training, TRAINING_DAYS), (replay.calibration, CALIBRATION_DAYS)):
        assert len(days) == count
        assert all(later.as_of - day.as_of == WEEK for day, later in pairwise(days))
    assert replay.training[-1].as_of + FORTNIGHT <= replay.calibration[0].as_of
    assert replay.calibration[-1].as_of + FORTNIGHT == view.as_of
