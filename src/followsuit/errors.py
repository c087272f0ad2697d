"""All errors of followsuit, to catch in one place.

Each lives beside what raises it; every one is a `FollowsuitError`.
"""

from followsuit.config import ConfigurationError
from followsuit.core.errors import FollowsuitError
from followsuit.graph.runs import UnknownRun
from followsuit.graph.store import (
    QueryCrashed,
    QueryError,
    QueryTimeout,
    QueryTooLarge,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreIncomplete,
    StoreLogin,
    StoreMissing,
    StoreNotOurs,
    StoreTooNew,
    StoreUnreachable,
)
from followsuit.loaders.mapping import MappingError
from followsuit.loaders.sources import DeliveryError
from followsuit.offers.backtest.backtest import BacktestError
from followsuit.offers.explanation.not_offered import UnknownTarget
from followsuit.offers.score import ScoreError
from followsuit.queries.library import UnknownQuery

__all__ = [
    "BacktestError",
    "ConfigurationError",
    "DeliveryError",
    "FollowsuitError",
    "MappingError",
    "QueryCrashed",
    "QueryError",
    "QueryTimeout",
    "QueryTooLarge",
    "ScoreError",
    "StoreBusy",
    "StoreDamaged",
    "StoreError",
    "StoreIncomplete",
    "StoreLogin",
    "StoreMissing",
    "StoreNotOurs",
    "StoreTooNew",
    "StoreUnreachable",
    "UnknownQuery",
    "UnknownRun",
    "UnknownTarget",
]
