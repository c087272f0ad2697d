"""Backtests over many simulated worlds, for the size and power of the gain's test."""

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

from support.linear_taste import backtest
from support.worlds import end_of, view_of_world

from followsuit.core.bootstrap import Estimate
from followsuit.offers.backtest.strategies import WITHOUT
from followsuit.simulator import World
from followsuit.triggers.defined import FRIEND_BOUGHT, FRIEND_VISITED
from followsuit.triggers.definitions.definition_file import chosen, shipped_definitions

WEEK = timedelta(days=7)
FRIENDS = chosen(shipped_definitions(), (FRIEND_BOUGHT, FRIEND_VISITED))


@dataclass(frozen=True)
class Gain:
    """What friends add to the ranking in one world, in both views."""

    per_customer: Estimate
    per_offer: Estimate


def gains(worlds: Sequence[World]) -> list[Gain]:
    """The gain in each world, over the weeks of its second half; on all cores."""
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        return list(pool.map(gain, worlds))


def gain(world: World) -> Gain:
    """The gain in one world."""
    end = end_of(world)
    with tempfile.TemporaryDirectory() as folder:
        view = view_of_world(world, Path(folder))
        start = end - timedelta(days=world.days // 2)
        report = backtest(view, start, end, WEEK, WEEK, triggers=FRIENDS)
    return Gain(
        report.lead["per_customer"][WITHOUT]["ndcg@10"],
        report.lead["per_offer"][WITHOUT]["recall@20"],
    )
