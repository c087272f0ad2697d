"""Every model by its name, imported where it is asked for: some need torch, some `implicit`."""

from importlib import import_module
from typing import Any

from followsuit.core.errors import FollowsuitError
from followsuit.gnn.models.recommender import Recommender

MODELS = {
    "popularity": ("followsuit.gnn.models.popularity", "Popularity"),
    "friends": ("followsuit.gnn.models.popularity", "FriendsItems"),
    "ease": ("followsuit.gnn.models.ease", "Ease"),
    "ease_damped": ("followsuit.gnn.models.ease", "DampedEase"),
    "ials": ("followsuit.gnn.models.ials", "Ials"),
    "gfcf": ("followsuit.gnn.models.graph_filter", "GraphFilter"),
    "lightgcn": ("followsuit.gnn.models.lightgcn", "LightGCN"),
    "social": ("followsuit.gnn.models.social", "Social"),
    "hetero": ("followsuit.gnn.models.hetero", "Hetero"),
    "blend": ("followsuit.gnn.models.blend", "Blend"),
}
"""Name -> (module, class)."""

_LATE = {"ials": "implicit.cpu.als"}
"""What a model imports only once it is fitted: missed here, before the work."""
_EXTRA = ("torch", "torch_geometric", "implicit")


class UnknownModel(FollowsuitError):
    """There is no model of that name."""


class MissingExtra(FollowsuitError):
    """What a model is built on is not installed."""


def model(name: str, **settings: Any) -> Recommender:
    """The model of that name, with these settings and defaults for the rest.

    Raises:
        UnknownModel: there is none; the message lists those that there are.
        MissingExtra: it needs the extra `gnn`.
    """
    if name not in MODELS:
        raise UnknownModel(f"There is no model {name}; there are {', '.join(MODELS)}.")
    module, kind = MODELS[name]
    try:
        found: type[Recommender] = getattr(import_module(module), kind)
        import_module(_LATE.get(name, module))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise MissingExtra(
            f"The model {name} needs {error.name}: pip install 'followsuit[gnn]'."
        ) from error
    return found(**settings)
