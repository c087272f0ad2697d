"""Train a model on a store's snapshot and keep it beside the store.

A model is chosen on what happened in the last weeks before `as_of` (or, where nothing did, on a
part of what is known), then fitted on all that was known. Both steps leave what they have reached
in a folder of their own, so that a training that was killed goes on from there to the same result;
the model that had the name before keeps it until then. Of the processes of `torchrun` the first one
alone writes.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import private_folder, save_json
from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Split
from followsuit.gnn.data.from_view import HORIZON, training_split
from followsuit.gnn.models.model_config import WrongSettings
from followsuit.gnn.models.recommender import Recommender, Trainable, fingerprint
from followsuit.gnn.models.registry import model
from followsuit.gnn.training.distributed import joined, of_first, rank
from followsuit.gnn.training.grid_search import search_grid
from followsuit.graph.models import ModelStore, model_key
from followsuit.graph.view import SharedView

if TYPE_CHECKING:
    from followsuit.gnn.training.learning_curve import Curve

SEEDS = 2**32
"""Seeds are below: more is not taken by the libraries that models are built on."""
_BEGUN, _CHOSEN = "begun.json", "chosen.json"
_CHOOSING, _FITTING = "choosing.pt", "fitting.pt"
_CURVE = "curve.png"
_GOES_ON = ""
_KEPT = "This model is there already, for the same graph, day and seed: it wasn't trained again."
_BEGINS = "No training of this model was interrupted; it was trained from the start."


class BadSeed(FollowsuitError):
    """A seed that is out of range."""


class OtherTraining(FollowsuitError):
    """The training that was interrupted is of another graph, another day or another seed."""


class DamagedTraining(FollowsuitError):
    """What an interrupted training has left can't be read."""


class TrainingUnderWay(FollowsuitError):
    """Another process is training this model on this store."""


def train_model(
    name: str,
    view: SharedView,
    models: ModelStore,
    *,
    resume: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> Recommender:
    """Choose and fit a model, and keep it under its name (`model.json`, `model.npz`, `curve.png`).

    One of the same graph, day and seed that is there already isn't trained again.

    Args:
        name: of the model.
        view: what is known.
        models: where it is kept; another model of that name goes as the last act.
        resume: go on with a training that was interrupted. Where none was, the `note` says so.
        seed: the random seed, below 2**32.
        progress: callback of each step.

    Raises:
        BadSeed: `seed` is out of range.
        OtherTraining: `resume`, and it is of another graph, another day or another seed.
        DamagedTraining: `resume`, and what it has left can't be read.
        TrainingUnderWay: another process trains this model for this store.
        NothingToLearn, UnknownModel, MissingExtra.
    """
    if not 0 <= seed < SEEDS:
        raise BadSeed(f"The seed {seed} is out of range: choose one from 0 to {SEEDS - 1}.")
    started = model(name)
    progress = progress if rank() == 0 else silent
    work = models.named(f"{name}.unfinished")
    with joined(), ExitStack() as held:
        split = training_split(view, HORIZON, seed)
        made_of = _made_of(split, seed)
        key = model_key(name, made_of)

        def begin() -> str:
            held.enter_context(_alone(models, name))
            if resume and _interrupted(work, made_of):
                return _GOES_ON
            if type(started).kept(models.path(key), split.known) is not None:
                with models.naming(name, key):
                    _clear(work)
                return _KEPT
            _start(work, made_of)
            return _BEGINS

        begun = of_first(begin)
        if begun == _KEPT:
            fitted = type(started).load(models.path(key), split.known)
        else:
            settings = _settings(started, split, work, seed, progress)
            fitted = _fit(_made(name, settings, work), split, work, seed, progress)
            of_first(lambda: _keep(fitted, models, key, work))
    resumed = begun if resume and begun != _GOES_ON else None
    fitted.note = " ".join(filter(None, [resumed, *split.notes, fitted.note])) or None
    return fitted


@contextmanager
def _alone(models: ModelStore, name: str) -> Iterator[None]:
    """Keep other trainings of this model out; the system lets go of it when the process dies."""
    lock = models.named(f"{name}.lock")
    private_folder(lock.parent)
    try:
        with filelock.FileLock(lock, timeout=0):
            yield
    except filelock.Timeout as error:
        raise TrainingUnderWay(
            f"Another training of the model {name} is running in {lock.parent}. Wait for it to "
            "end, or end it."
        ) from error


def _made_of(split: Split, seed: int) -> dict[str, Any]:
    """What a training depends on."""
    validation = split.train.with_seen(split.validation)
    return {
        "train": fingerprint(split.train),
        "validation": fingerprint(validation),
        "known": fingerprint(split.known),
        "seed": seed,
    }


def _interrupted(work: Path, made_of: dict[str, Any]) -> bool:
    """Whether the same training was interrupted."""
    note = work / _BEGUN
    if not note.exists():
        return False
    if _read(note) != made_of:
        raise OtherTraining(
            f"The training in {work} was of another graph, another day or another seed. Run this "
            "without --resume."
        )
    return True


def _start(work: Path, made_of: dict[str, Any]) -> None:
    _clear(work)
    private_folder(work)
    save_json(work / _BEGUN, made_of)


def _clear(work: Path) -> None:
    """Remove the folder; killed meanwhile, nothing in it is gone on with."""
    (work / _BEGUN).unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _settings(
    started: Recommender, split: Split, work: Path, seed: int, progress: Progress
) -> dict[str, Any]:
    """What does best on the validation part, noted in the folder."""
    note = work / _CHOSEN
    settings: dict[str, Any] | None = of_first(lambda: _read(note) if note.exists() else None)
    if settings is not None:
        return settings
    chosen: Recommender
    if isinstance(started, Trainable):
        chosen = trained = started.train(
            split.train,
            split.validation,
            seed=seed,
            progress=progress,
            checkpoint=work / _CHOOSING,
        )
        of_first(lambda: _draw(trained.curve, started.name, work))
    else:
        chosen = search_grid(
            started, split.train, split.validation, seed=seed, progress=progress
        ).model

    def noted() -> dict[str, Any]:
        save_json(note, chosen.settings())
        return _read(note)

    return of_first(noted)


def _made(name: str, settings: dict[str, Any], work: Path) -> Recommender:
    try:
        return model(name, **settings)
    except WrongSettings as error:
        raise _damaged(work / _CHOSEN) from error


def _fit(
    chosen: Recommender, split: Split, work: Path, seed: int, progress: Progress
) -> Recommender:
    if isinstance(chosen, Trainable):
        checkpoint = work / _FITTING
        return chosen.train(split.known, seed=seed, progress=progress, checkpoint=checkpoint)
    return chosen.fit(split.known, seed=seed, progress=progress)


def _draw(curve: "Curve", name: str, folder: Path) -> None:
    from followsuit.gnn.training.learning_curve import picture  # needs torch

    picture(curve, folder / _CURVE, name)


def _keep(fitted: Recommender, models: ModelStore, key: str, work: Path) -> None:
    """Save the model, and let it take the name of the one before."""

    def write(folder: Path) -> None:
        fitted.save(folder)
        if (work / _CURVE).exists():
            # A kill before the work is cleared has it drawn no more, only saved again.
            shutil.copy(work / _CURVE, folder / _CURVE)

    with models.naming(fitted.name, key):
        models.save(key, write)
    models.prune()
    _clear(work)


def _read(note: Path) -> dict[str, Any]:
    try:
        content = json.loads(note.read_text())
    except ValueError as error:
        raise _damaged(note) from error
    if not isinstance(content, dict):
        raise _damaged(note)
    return content


def _damaged(note: Path) -> DamagedTraining:
    return DamagedTraining(f"{note} is damaged. Run this without --resume.")
