"""Train a model on a store's snapshot and keep it beside the store.

A model is chosen on what happened in the last weeks before `as_of` (or, where nothing did, on a
part of what is known), then fitted on all that was known. Both steps leave what they have reached
in the model's folder, so that a training that was killed goes on from there to the same result.
"""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from followsuit.gnn.choosing import choose
from followsuit.gnn.dataset import Dataset, Split
from followsuit.gnn.from_snapshot import training_split
from followsuit.gnn.models import model
from followsuit.gnn.recommender import Recommender, WrongModel
from followsuit.graph.errors import FollowsuitError
from followsuit.graph.facts import Facts
from followsuit.graph.progress import Progress, silent

if TYPE_CHECKING:
    from followsuit.gnn.training import Curve

HORIZON = timedelta(days=28)
_CHOSEN, _CHOOSING, _FITTING = "chosen.json", "choosing.pt", "fitting.pt"


class NothingToResume(FollowsuitError):
    """No training was interrupted."""


def train_model(
    name: str, facts: Facts, as_of: datetime, folder: Path, *, resume: bool = False,
    seed: int = 0, progress: Progress = silent,
) -> Recommender:  # fmt: skip
    """Choose and fit a model, and save it in `folder` (`model.json`, `model.npz`, `curve.png`).

    Args:
        name: of the model.
        facts: of a snapshot.
        as_of: nothing later is seen.
        folder: of this model; what was in it is replaced.
        resume: go on with a training that was interrupted.
        seed: of all that is random.
        progress: told of each step.

    Raises:
        NothingToResume: `resume`, and there is no interrupted training in the folder.
        OtherCheckpoint: `resume`, and it is of another graph, of other settings or another seed.
        NothingToLearn, UnknownModel, MissingExtra.
    """
    started = model(name)
    split = training_split(facts, as_of, HORIZON, seed)
    if resume and not (folder.is_dir() and any(folder.glob("*.pt"))):
        raise NothingToResume(
            f"There is no interrupted training in {folder}. Run this without --resume."
        )
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    settings = _settings(started, split, folder, seed, progress)
    fitted = _fit(type(started)(**settings), split.known, folder, seed, progress)
    fitted.save(folder)
    for left in (_CHOSEN, _CHOOSING, _FITTING):
        (folder / left).unlink(missing_ok=True)
    return fitted


def trained(name: str, data: Dataset, folder: Path) -> Recommender | None:
    """The model that `train_model` has left in `folder`, if it is of this very graph."""
    try:
        return type(model(name)).load(folder, data)
    except (FileNotFoundError, WrongModel):
        return None


def _settings(
    started: Recommender, split: Split, folder: Path, seed: int, progress: Progress
) -> dict[str, Any]:
    """What does best on the validation part, noted in the folder."""
    note = folder / _CHOSEN
    if note.exists():
        found: dict[str, Any] = json.loads(note.read_text())
        return found
    if hasattr(started, "train"):
        chosen = started.train(
            split.train, split.validation, seed=seed, progress=progress,
            checkpoint=folder / _CHOOSING,
        )  # fmt: skip
        _draw(chosen.curve, started.name, folder)
    else:
        chosen = choose(started, split.train, split.validation, seed=seed, progress=progress).model
    note.write_text(json.dumps(chosen.settings()))
    return dict(chosen.settings())


def _fit(
    chosen: Recommender, known: Dataset, folder: Path, seed: int, progress: Progress
) -> Recommender:
    if hasattr(chosen, "train"):
        fitted: Recommender = chosen.train(
            known, seed=seed, progress=progress, checkpoint=folder / _FITTING
        )
        return fitted
    return chosen.fit(known, seed=seed, progress=progress)


def _draw(curve: "Curve", name: str, folder: Path) -> None:
    from followsuit.gnn.learning_curve import picture  # needs torch

    picture(curve, folder / "curve.png", name)
