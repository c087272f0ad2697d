"""Trains a model on a store's snapshot and stores it beside the store.

The model's settings are tuned on the last weeks before `as_of` (or on a random part of the data, if
these have no interactions). Then the model is fitted on all data. Both steps save their state in a
work folder, so a training that was killed continues to the same result. Until it is done, the
previous model keeps its name. Under `torchrun`, only the first process writes.
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
from followsuit.graph.results.models import ModelStore, model_key
from followsuit.graph.views.view import SharedView

if TYPE_CHECKING:
    from followsuit.gnn.training.learning_curve import Curve

SEEDS = 2**32
"""Random seeds must be below this, the limit of the libraries that models use."""
_BEGUN, _CHOSEN = "begun.json", "chosen.json"
_CHOOSING, _FITTING = "choosing.pt", "fitting.pt"
_CURVE = "curve.png"
_GOES_ON = ""
_KEPT = "This model is there already, for the same graph, day and seed: it wasn't trained again."
_BEGINS = "No training of this model was interrupted; it was trained from the start."


class BadSeed(FollowsuitError):
    """The random seed is out of range."""


class OtherTraining(FollowsuitError):
    """The interrupted training was of another graph, another day or another seed."""


class DamagedTraining(FollowsuitError):
    """The files of an interrupted training can't be read."""


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
    """Tune and fit a model, and store it by name (`model.json`, `model.npz`, `curve.png`).

    If the store already has this model for the same graph, day and seed, it isn't trained again.

    Args:
        name: name of the model.
        view: the view to learn from.
        models: the store's models; the new model replaces one with the same name in the last step.
        resume: whether to continue an interrupted training. If there is none, the `note` says so.
        seed: random seed, below 2**32.
        progress: progress callback.

    Raises:
        BadSeed: `seed` is out of range.
        OtherTraining: the training to resume was of another graph, another day or another seed.
        DamagedTraining: the files of the training to resume can't be read.
        TrainingUnderWay: another process is training this model on this store.
        NothingToLearn: no interaction is known.
        UnknownModel: there is no such model.
        NotAModel: a class of your own can't be used as a model.
        MissingExtra: the model needs the extra `gnn`.
    """
    if not 0 <= seed < SEEDS:
        raise BadSeed(f"The seed {seed} is out of range. Choose one from 0 to {SEEDS - 1}.")
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
    """Lock the model against other trainings; the lock ends with the process."""
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
    """The inputs of a training, as digests."""
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
    """Remove the folder. If this is killed halfway, the folder can't be resumed from."""
    (work / _BEGUN).unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _settings(
    started: Recommender, split: Split, work: Path, seed: int, progress: Progress
) -> dict[str, Any]:
    """The best settings on validation, saved in the work folder."""
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
    """Save the model under its name, in place of the previous one."""

    def write(folder: Path) -> None:
        fitted.save(folder)
        if (work / _CURVE).exists():
            # Copy it: after a kill before the folder is cleared, the curve isn't drawn again.
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
