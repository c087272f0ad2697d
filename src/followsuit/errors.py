"""All errors of followsuit, to catch in one place.

Every error is a subclass of `FollowsuitError`, defined in the module that raises it. Some of these
modules need an extra or are slow to import, so an error is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from followsuit.cli.app import OutputError
    from followsuit.config import ConfigurationError
    from followsuit.core.errors import FollowsuitError
    from followsuit.core.times import TimeError
    from followsuit.customers.lifetime import BadHistory, TooFewRepeats
    from followsuit.customers.refills import TooFewRefills
    from followsuit.gnn.data.dataset import BadDataset
    from followsuit.gnn.data.from_view import NothingToJudge, NothingToLearn
    from followsuit.gnn.data.interaction_folder import BadFolder
    from followsuit.gnn.data.sampler import BadSample
    from followsuit.gnn.embeddings import NoEmbeddings
    from followsuit.gnn.models.blend import NoWeights
    from followsuit.gnn.models.model_config import WrongSettings
    from followsuit.gnn.models.recommender import WrongModel
    from followsuit.gnn.models.registry import MissingExtra, NotAModel, UnknownModel
    from followsuit.gnn.training.distributed import FirstFailed
    from followsuit.gnn.training.loop import Diverged, OtherCheckpoint
    from followsuit.gnn.training.trained import (
        BadSeed,
        DamagedTraining,
        OtherTraining,
        TrainingUnderWay,
    )
    from followsuit.graph.erasure.forgotten import ForgottenKeyMissing, ForgottenMissing
    from followsuit.graph.query import QueryCrashed, QueryError, QueryTimeout, QueryTooLarge
    from followsuit.graph.results.runs import DamagedRun, UnknownRun
    from followsuit.graph.store import (
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
    from followsuit.graph.views.contract_view import UnknownTable
    from followsuit.graph.views.view import NobodyShares
    from followsuit.influence.effects.taste_profile import WrongTaste
    from followsuit.influence.probabilities.holdout import HoldoutError
    from followsuit.influence.spread.costs import CostsError
    from followsuit.influence.spread.inputs import BadInput, NotEnoughEvidence
    from followsuit.loaders.mapping import MappingError
    from followsuit.loaders.sources import DeliveryError
    from followsuit.offers.backtest.ablation import UnknownAblation
    from followsuit.offers.backtest.backtest import BacktestError
    from followsuit.offers.explanation.not_offered import UnknownTarget
    from followsuit.offers.handoff.hand_off import HandOffError
    from followsuit.offers.learning.learned import NothingLearned
    from followsuit.offers.run.guards import Refused
    from followsuit.offers.run.use import OutdatedRun
    from followsuit.offers.score import ScoreError
    from followsuit.policy.allocation.problem import BadProblem
    from followsuit.policy.declared.policy_file import PolicyError
    from followsuit.privacy.access import FolderTaken
    from followsuit.privacy.change import WrongColumn, WrongPurpose
    from followsuit.privacy.forget import NotForgotten
    from followsuit.privacy.held import UnknownCustomer
    from followsuit.privacy.parsed import WrongValue
    from followsuit.queries.library import UnknownQuery
    from followsuit.simulator.world import WorldError
    from followsuit.triggers.definitions.definition_file import TriggerError
    from followsuit.triggers.reason_texts import ReasonTextError
    from followsuit.triggers.report.outcomes import UnknownOutcome
    from followsuit.triggers.report.report import ReportError
    from followsuit.triggers.statistical.found import TooLittleToLearn

_MODULES = {
    "BacktestError": "followsuit.offers.backtest.backtest",
    "BadDataset": "followsuit.gnn.data.dataset",
    "BadFolder": "followsuit.gnn.data.interaction_folder",
    "BadHistory": "followsuit.customers.lifetime",
    "BadInput": "followsuit.influence.spread.inputs",
    "BadProblem": "followsuit.policy.allocation.problem",
    "BadSample": "followsuit.gnn.data.sampler",
    "BadSeed": "followsuit.gnn.training.trained",
    "ConfigurationError": "followsuit.config",
    "CostsError": "followsuit.influence.spread.costs",
    "DamagedRun": "followsuit.graph.results.runs",
    "DamagedTraining": "followsuit.gnn.training.trained",
    "DeliveryError": "followsuit.loaders.sources",
    "Diverged": "followsuit.gnn.training.loop",
    "FirstFailed": "followsuit.gnn.training.distributed",
    "FolderTaken": "followsuit.privacy.access",
    "FollowsuitError": "followsuit.core.errors",
    "HandOffError": "followsuit.offers.handoff.hand_off",
    "ForgottenKeyMissing": "followsuit.graph.erasure.forgotten",
    "ForgottenMissing": "followsuit.graph.erasure.forgotten",
    "HoldoutError": "followsuit.influence.probabilities.holdout",
    "MappingError": "followsuit.loaders.mapping",
    "MissingExtra": "followsuit.gnn.models.registry",
    "NoEmbeddings": "followsuit.gnn.embeddings",
    "NoWeights": "followsuit.gnn.models.blend",
    "NobodyShares": "followsuit.graph.views.view",
    "NotAModel": "followsuit.gnn.models.registry",
    "NotEnoughEvidence": "followsuit.influence.spread.inputs",
    "NotForgotten": "followsuit.privacy.forget",
    "NothingLearned": "followsuit.offers.learning.learned",
    "NothingToJudge": "followsuit.gnn.data.from_view",
    "NothingToLearn": "followsuit.gnn.data.from_view",
    "OtherCheckpoint": "followsuit.gnn.training.loop",
    "OtherTraining": "followsuit.gnn.training.trained",
    "OutdatedRun": "followsuit.offers.run.use",
    "OutputError": "followsuit.cli.app",
    "PolicyError": "followsuit.policy.declared.policy_file",
    "QueryCrashed": "followsuit.graph.query",
    "QueryError": "followsuit.graph.query",
    "QueryTimeout": "followsuit.graph.query",
    "QueryTooLarge": "followsuit.graph.query",
    "ReasonTextError": "followsuit.triggers.reason_texts",
    "Refused": "followsuit.offers.run.guards",
    "ReportError": "followsuit.triggers.report.report",
    "ScoreError": "followsuit.offers.score",
    "StoreBusy": "followsuit.graph.store",
    "StoreDamaged": "followsuit.graph.store",
    "StoreError": "followsuit.graph.store",
    "StoreIncomplete": "followsuit.graph.store",
    "StoreLogin": "followsuit.graph.store",
    "StoreMissing": "followsuit.graph.store",
    "StoreNotOurs": "followsuit.graph.store",
    "StoreTooNew": "followsuit.graph.store",
    "StoreUnreachable": "followsuit.graph.store",
    "TimeError": "followsuit.core.times",
    "TooFewRefills": "followsuit.customers.refills",
    "TooFewRepeats": "followsuit.customers.lifetime",
    "TooLittleToLearn": "followsuit.triggers.statistical.found",
    "TrainingUnderWay": "followsuit.gnn.training.trained",
    "TriggerError": "followsuit.triggers.definitions.definition_file",
    "UnknownAblation": "followsuit.offers.backtest.ablation",
    "UnknownCustomer": "followsuit.privacy.held",
    "UnknownModel": "followsuit.gnn.models.registry",
    "UnknownOutcome": "followsuit.triggers.report.outcomes",
    "UnknownQuery": "followsuit.queries.library",
    "UnknownRun": "followsuit.graph.results.runs",
    "UnknownTable": "followsuit.graph.views.contract_view",
    "UnknownTarget": "followsuit.offers.explanation.not_offered",
    "WorldError": "followsuit.simulator.world",
    "WrongColumn": "followsuit.privacy.change",
    "WrongModel": "followsuit.gnn.models.recommender",
    "WrongPurpose": "followsuit.privacy.change",
    "WrongSettings": "followsuit.gnn.models.model_config",
    "WrongTaste": "followsuit.influence.effects.taste_profile",
    "WrongValue": "followsuit.privacy.parsed",
}
__all__ = [
    "BacktestError",
    "BadDataset",
    "BadFolder",
    "BadHistory",
    "BadInput",
    "BadProblem",
    "BadSample",
    "BadSeed",
    "ConfigurationError",
    "CostsError",
    "DamagedRun",
    "DamagedTraining",
    "DeliveryError",
    "Diverged",
    "FirstFailed",
    "FolderTaken",
    "FollowsuitError",
    "ForgottenKeyMissing",
    "ForgottenMissing",
    "HandOffError",
    "HoldoutError",
    "MappingError",
    "MissingExtra",
    "NoEmbeddings",
    "NoWeights",
    "NobodyShares",
    "NotAModel",
    "NotEnoughEvidence",
    "NotForgotten",
    "NothingLearned",
    "NothingToJudge",
    "NothingToLearn",
    "OtherCheckpoint",
    "OtherTraining",
    "OutdatedRun",
    "OutputError",
    "PolicyError",
    "QueryCrashed",
    "QueryError",
    "QueryTimeout",
    "QueryTooLarge",
    "ReasonTextError",
    "Refused",
    "ReportError",
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
    "TimeError",
    "TooFewRefills",
    "TooFewRepeats",
    "TooLittleToLearn",
    "TrainingUnderWay",
    "TriggerError",
    "UnknownAblation",
    "UnknownCustomer",
    "UnknownModel",
    "UnknownOutcome",
    "UnknownQuery",
    "UnknownRun",
    "UnknownTable",
    "UnknownTarget",
    "WorldError",
    "WrongColumn",
    "WrongModel",
    "WrongPurpose",
    "WrongSettings",
    "WrongTaste",
    "WrongValue",
]


def __getattr__(name: str) -> Any:
    """Import an error on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module 'followsuit.errors' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
