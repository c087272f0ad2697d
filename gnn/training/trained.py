"""Train a model on a store's snapshot and keep it beside the store.

A model is chosen on what happened in the last weeks before `as_of` (or, where nothing did, on a
part of what is known), then fitted on all that was known. Both steps leave what they have reached
beside the model's folder, so that a training that was killed goes on from there to the same result;
the model that was there before stays in its place until then. Of the processes of `torchrun` the
first one alone writes.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import make_private, save_json
from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Split
from followsuit.gnn.data.from_snapshot import HORIZON, training_split
from followsuit.gnn.models.model_config import WrongSettings
from followsuit.gnn.models.recommender import Recommender, Trainable, fingerprint
from followsuit.gnn.models.registry import model
from followsuit.gnn.training.distributed import joined, of_first, rank
from followsuit.gnn.training.grid_search import search_grid
from followsuit.graph.facts import SharedFacts

if TYPE_CHECKING:
    from followsuit.gnn.training.loop import Curve

SEEDS = 2**32
"""Seeds are below: more is not taken by the libraries that models are built on."""
_BEGUN, _CHOSEN = "begun.json", "chosen.json"
_CHOOSING, _FITTING = "choosing.pt", "fitting.pt"
_CURVE = "curve.png"
_DONE = "model"
"""Where the finished model lies until it takes its place."""
_MODEL, _MADE_OF = "model.json", "made_of"
_GOES_ON = ""
_KEPT = "No training of this model was interrupted; it is there, of the same graph, day and seed."
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
    name: str, facts: SharedFacts, as_of: datetime, folder: Path, *, resume: bool = False,
    seed: int = 0, progress: Progress = silent,
) -> Recommender:  # fmt: skip
    """Choose and fit a model, and save it in `folder` (`model.json`, `model.npz`, `curve.png`).

    Args:
        name: of the model.
        facts: of a snapshot.
        as_of: nothing later is seen.
        folder: of this model; what was in it is replaced as the last act.
        resume: go on with a training that was interrupted. Where none was, the model is the one in
            `folder` if that is of this graph, day and seed, and otherwise trained from the start;
            its `note` says so.
        seed: of all that is random, below 2**32.
        progress: told of each step.

    Raises:
        BadSeed: `seed` is out of range.
        OtherTraining: `resume`, and it is of another graph, another day or another seed.
        DamagedTraining: `resume`, and what it has left can't be read.
        TrainingUnderWay: another process trains this model for this folder.
        NothingToLearn, UnknownModel, MissingExtra.
    """
    if not 0 <= seed < SEEDS:
        raise BadSeed(f"The seed {seed} is out of range: choose one from 0 to {SEEDS - 1}.")
    started = model(name)
    progress = progress if rank() == 0 else silent
    work = folder.with_name(f"{folder.name}.unfinished")
    with joined(), ExitStack() as held:
        split = training_split(facts, as_of, HORIZON, seed)
        made_of = _made_of(split, seed)

        def begin() -> str:
            held.enter_context(_alone(folder))
            _put_back(folder)
            if resume and _interrupted(work, made_of):
                return _GOES_ON
            if resume and _is_kept(started, folder, split, made_of):
                return _KEPT
            _start(work, made_of)
            return _BEGINS

        begun = of_first(begin)
        if begun == _KEPT:
            found = type(started).load(folder, split.known)
        else:
            settings = _settings(started, split, work, seed, progress)
            found = _fit(_made(name, settings, work), split, work, seed, progress)
            of_first(lambda: _keep(found, made_of, work, folder))
    resumed = begun if resume and begun != _GOES_ON else None
    found.note = " ".join(filter(None, [resumed, *split.notes, found.note])) or None
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other trainings of this model out; the system lets go of it when the process dies."""
    try:
        with filelock.FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0):
            yield
    except filelock.Timeout as error:
        raise TrainingUnderWay(
            f"Another training of the model {folder.name} is running in {folder.parent}. Wait for "
            "it to end, or end it."
        ) from error


def _made_of(split: Split, seed: int) -> dict[str, Any]:
    """What a training depends on."""
    validation = split.train.with_seen(split.validation)
    return {
        "train": fingerprint(split.train), "validation": fingerprint(validation),
        "known": fingerprint(split.known), "seed": seed,
    }  # fmt: skip


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


def _is_kept(started: Recommender, folder: Path, split: Split, made_of: dict[str, Any]) -> bool:
    """Whether the model in the folder is whole and came of the same training."""
    found = type(started).kept(folder, split.known)
    return found is not None and _read(folder / _MODEL).get(_MADE_OF) == made_of


def _start(work: Path, made_of: dict[str, Any]) -> None:
    _clear(work)
    work.mkdir(parents=True)
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
    found: dict[str, Any] | None = of_first(lambda: _read(note) if note.exists() else None)
    if found is not None:
        return found
    chosen: Recommender
    if isinstance(started, Trainable):
        chosen = trained = started.train(
            split.train, split.validation, seed=seed, progress=progress,
            checkpoint=work / _CHOOSING,
        )  # fmt: skip
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


def _keep(fitted: Recommender, made_of: dict[str, Any], work: Path, folder: Path) -> None:
    """Save the model, and let it take the place of the one before."""
    done = work / _DONE
    fitted.save(done)
    note = _read(done / _MODEL) | {_MADE_OF: made_of}
    (done / _MODEL).write_text(json.dumps(note, indent=1))
    if (work / _CURVE).exists():
        # A kill before the work is cleared has it drawn no more, only kept again.
        shutil.copy(work / _CURVE, done / _CURVE)
    make_private(done)
    if folder.exists():
        folder.rename(_before(folder))
    done.rename(folder)
    shutil.rmtree(_before(folder), ignore_errors=True)
    _clear(work)


def _put_back(folder: Path) -> None:
    """Mend what a kill in `_keep` has left: the model before is aside."""
    before = _before(folder)
    if before.exists() and not folder.exists():
        before.rename(folder)
    shutil.rmtree(before, ignore_errors=True)


def _before(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.before")


def _read(note: Path) -> dict[str, Any]:
    try:
        found = json.loads(note.read_text())
    except ValueError as error:
        raise _damaged(note) from error
    if not isinstance(found, dict):
        raise _damaged(note)
    return found


def _damaged(note: Path) -> DamagedTraining:
    return DamagedTraining(f"{note} is damaged. Run this without --resume.")
