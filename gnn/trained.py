"""Train a model on a store's snapshot and keep it beside the store.

A model is chosen on what happened in the last weeks before `as_of` (or, where nothing did, on a
part of what is known), then fitted on all that was known. Both steps leave what they have reached
beside the model's folder, so that a training that was killed goes on from there to the same result;
the model that was there before stays in its place until then.
"""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from followsuit.gnn.choosing import choose
from followsuit.gnn.dataset import Split
from followsuit.gnn.from_snapshot import HORIZON, training_split
from followsuit.gnn.models import model
from followsuit.gnn.recommender import Recommender, fingerprint
from followsuit.graph.errors import FollowsuitError
from followsuit.graph.facts import Facts
from followsuit.graph.files import save_json
from followsuit.graph.progress import Progress, silent

if TYPE_CHECKING:
    from followsuit.gnn.training import Curve

_BEGUN, _CHOSEN = "begun.json", "chosen.json"
_CHOOSING, _FITTING = "choosing.pt", "fitting.pt"


class NothingToResume(FollowsuitError):
    """No training was interrupted."""


class OtherTraining(FollowsuitError):
    """The training that was interrupted is of another graph, another day or another seed."""


def train_model(
    name: str, facts: Facts, as_of: datetime, folder: Path, *, resume: bool = False,
    seed: int = 0, progress: Progress = silent,
) -> Recommender:  # fmt: skip
    """Choose and fit a model, and save it in `folder` (`model.json`, `model.npz`, `curve.png`).

    Args:
        name: of the model.
        facts: of a snapshot.
        as_of: nothing later is seen.
        folder: of this model; what was in it is replaced as the last act.
        resume: go on with a training that was interrupted.
        seed: of all that is random.
        progress: told of each step.

    Raises:
        NothingToResume: `resume`, and no training for this folder was interrupted.
        OtherTraining: `resume`, and it is of another graph, another day or another seed.
        NothingToLearn, UnknownModel, MissingExtra.
    """
    started = model(name)
    split = training_split(facts, as_of, HORIZON, seed)
    work = folder.with_name(f"{folder.name}.unfinished")
    _begin(work, split, seed, resume=resume)
    settings = _settings(started, split, work, seed, progress)
    fitted = _fit(model(name, **settings), split, work, seed, progress)
    fitted.save(work)
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)
    for left in (_BEGUN, _CHOSEN, _CHOOSING, _FITTING):
        (folder / left).unlink(missing_ok=True)
    return fitted


def _begin(work: Path, split: Split, seed: int, *, resume: bool) -> None:
    """Make the folder to work in, or see whether it is that of the same training."""
    validation = split.train.with_taken(split.validation)
    made_of = {
        "train": fingerprint(split.train), "validation": fingerprint(validation),
        "known": fingerprint(split.known), "seed": seed,
    }  # fmt: skip
    note = work / _BEGUN
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        save_json(note, made_of)
    elif not note.exists():
        raise NothingToResume(
            f"No training of this model was interrupted ({work} is not there). Run this without "
            "--resume."
        )
    elif json.loads(note.read_text()) != made_of:
        raise OtherTraining(
            f"The training in {work} was of another graph, another day or another seed. Run this "
            "without --resume."
        )


def _settings(
    started: Recommender, split: Split, work: Path, seed: int, progress: Progress
) -> dict[str, Any]:
    """What does best on the validation part, noted in the folder."""
    note = work / _CHOSEN
    if not note.exists():
        if hasattr(started, "train"):
            chosen = started.train(
                split.train, split.validation, seed=seed, progress=progress,
                checkpoint=work / _CHOOSING,
            )  # fmt: skip
            _draw(chosen.curve, started.name, work)
        else:
            chosen = choose(
                started, split.train, split.validation, seed=seed, progress=progress
            ).model
        save_json(note, chosen.settings())
    found: dict[str, Any] = json.loads(note.read_text())
    return found


def _fit(
    chosen: Recommender, split: Split, work: Path, seed: int, progress: Progress
) -> Recommender:
    if hasattr(chosen, "train"):
        fitted: Recommender = chosen.train(
            split.known, seed=seed, progress=progress, checkpoint=work / _FITTING
        )
        return fitted
    return chosen.fit(split.known, seed=seed, progress=progress)


def _draw(curve: "Curve", name: str, folder: Path) -> None:
    from followsuit.gnn.learning_curve import picture  # needs torch

    picture(curve, folder / "curve.png", name)
