"""Finds models by name. Modules are imported on demand, since some need torch or `implicit`."""

import sys
from importlib import import_module
from pathlib import Path
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
"""Modules that a model imports only in `fit`; they are checked before."""
_EXTRA = ("torch", "torch_geometric", "implicit")


class UnknownModel(FollowsuitError):
    """There is no model with this name."""


class NotAModel(FollowsuitError):
    """The class that `module:Class` names can't be used as a model."""


class MissingExtra(FollowsuitError):
    """A library that a model needs isn't installed (the extra `gnn`)."""


def model(name: str, **settings: Any) -> Recommender:
    """Make a model by name.

    Args:
        name: one of `MODELS`, or `module:Class` for your own `Recommender`. As with `python -m`,
            the module is also searched in the current directory.
        settings: settings of the model's config; others have their defaults.

    Raises:
        UnknownModel: there is no such model, or no such module.
        NotAModel: the class can't be used as a model.
        MissingExtra: the model needs the extra `gnn`.
        WrongSettings: the settings don't fit the model.
    """
    return model_class(name)(**settings)


def model_class(name: str) -> type[Recommender]:
    """The class of a model; arguments and errors as in `model`."""
    module, _, kind = name.partition(":")
    if name in MODELS:
        module, kind = MODELS[name]
    elif not kind or not all(part.isidentifier() for part in module.split(".")):
        raise UnknownModel(
            f"There is no model {name}; there are {', '.join(MODELS)}. Name your own module:Class."
        )
    elif str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        classes = vars(import_module(module))
        import_module(_LATE.get(name, module))
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] in _EXTRA:
            raise _missing(f"The model {name}", missing) from error
        if f"{module}.".startswith(f"{missing}."):
            raise UnknownModel(
                f"There is no module {missing} for the model {name}. Run this in the folder that "
                "holds the module, or install it."
            ) from error
        if name in MODELS:
            raise
        raise _broken(name, error) from error
    except Exception as error:
        if name in MODELS:
            raise
        raise _broken(name, error) from error
    return _checked(name, classes.get(kind))


def require_extra(module: str, user: str) -> None:
    """Import a module of the extra `gnn`.

    Args:
        module: name of the module.
        user: the feature that needs it, for the message.

    Raises:
        MissingExtra: the module isn't installed.
    """
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        raise _missing(user, error.name or module) from error


def _broken(name: str, error: Exception) -> NotAModel:
    return NotAModel(
        f"{name} can't be used as a model: its module can't be imported, {type(error).__name__}: "
        f"{error}."
    )


def _missing(user: str, module: str) -> MissingExtra:
    return MissingExtra(f"{user} needs {module}: pip install 'followsuit[gnn]'.")


def _checked(name: str, kind: Any) -> type[Recommender]:
    """The class, if it is a complete model that can be found again by its own name."""
    reason = None
    if kind is None:
        reason = "its module has no such class"
    elif not isinstance(kind, type) or not issubclass(kind, Recommender):
        reason = "it isn't a subclass of followsuit.gnn.models.recommender.Recommender"
    elif missing := sorted(kind.__abstractmethods__):
        reason = f"it doesn't define {', '.join(missing)}"
    elif name not in MODELS and ":" not in kind.name and kind.name not in MODELS:
        reason = f"it sets the name `{kind.name}`, which leads to no module: leave the name out"
    if reason is None:
        checked: type[Recommender] = kind
        return checked
    raise NotAModel(f"{name} can't be used as a model: {reason}.")
