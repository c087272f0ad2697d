"""Training a model of a store: resuming gives the same model, and never one of another graph."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.kills import Acts, Killed, Steps
from support.worlds import end_of, view_of_world

from followsuit.gnn.data.dataset import Dataset
from followsuit.gnn.data.from_view import NothingToLearn, dataset, temporal_split
from followsuit.gnn.models.recommender import WrongModel
from followsuit.gnn.models.registry import UnknownModel, model
from followsuit.gnn.training.trained import (
    BadSeed,
    DamagedTraining,
    OtherTraining,
    TrainingUnderWay,
    train_model,
)
from followsuit.graph.results.models import ModelStore
from followsuit.graph.state import StateFolder
from followsuit.graph.views.snapshot import Snapshot
from followsuit.graph.views.view import SharedView, View
from followsuit.simulator import World

WORLD = World(
    customers=120, products=30, stores=3, friendships=400, purchases=1500, days=120, seed=5
)
AS_OF = end_of(WORLD) - timedelta(days=30)
FILES = {"model.json", "model.npz"}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SharedView:
    """A view as of `AS_OF`, of a world with later data."""
    folder = tmp_path_factory.mktemp("world")
    return view_of_world(WORLD, folder, assume_consent=True).shared.at(AS_OF)


def train(name: str, view: SharedView, state: Path, **options: Any) -> Any:
    return train_model(name, view, ModelStore(StateFolder(state)), **options)


def kept(state: Path) -> Path:
    """The folder of the only named model."""
    links = (path for path in (state / "models").iterdir() if path.is_symlink())
    (link,) = (link for link in links if link.suffix != ".new")
    return link


def contents(state: Path) -> dict[str, bytes]:
    """The files of the only named model."""
    return {path.name: path.read_bytes() for path in kept(state).iterdir()}


def others(state: Path) -> set[str]:
    """Files other than the named model and its lock."""
    names = {path.name for path in (state / "models").iterdir()}
    return names - {kept(state).name, kept(state).resolve().name, f"{kept(state).name}.lock"}


def test_a_plain_model_is_chosen_fitted_on_all_that_was_known_and_saved(
    view: SharedView, tmp_path: Path
) -> None:
    fitted = train("ease", view, tmp_path)
    assert set(contents(tmp_path)) == FILES
    known = dataset(view)
    users = np.arange(len(known.users))
    loaded = type(model("ease")).load(tmp_path / "models" / "ease", known)
    assert (loaded.score(users) == fitted.score(users)).all()
    assert fitted.data.seen.nnz == known.seen.nnz
    assert others(tmp_path) == set()


def test_the_same_seed_gives_the_same_bytes(view: SharedView, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for place in ("a", "b"):
        train("lightgcn", view, tmp_path / place, seed=2)
    assert set(contents(tmp_path / "a")) == {*FILES, "curve.png"}
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    train("lightgcn", view, tmp_path / "b", seed=3)
    assert contents(tmp_path / "a")["model.npz"] != contents(tmp_path / "b")["model.npz"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_interrupted_it_goes_on_to_the_same_bytes(
    share: float, view: SharedView, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    steps = Steps()
    train("lightgcn", view, tmp_path / "whole", progress=steps)
    moment = max(1, round(steps.count * share))
    with pytest.raises(Killed):
        train("lightgcn", view, tmp_path / "m", progress=Steps(moment))
    assert not (tmp_path / "m" / "models" / "lightgcn").exists()
    train("lightgcn", view, tmp_path / "m", resume=True)
    assert contents(tmp_path / "m") == contents(tmp_path / "whole")
    assert others(tmp_path / "m") == others(tmp_path / "whole") == set()


def test_one_without_checkpoints_goes_on_from_its_settings(
    view: SharedView, tmp_path: Path
) -> None:
    steps, rest = Steps(), Steps()
    train("ease", view, tmp_path / "whole", progress=steps)
    with pytest.raises(Killed):
        train("ease", view, tmp_path / "m", progress=Steps(steps.count - 1))
    train("ease", view, tmp_path / "m", resume=True, progress=rest)
    # A fit has three steps.
    assert rest.count == 3 < steps.count
    assert contents(tmp_path / "m") == contents(tmp_path / "whole")


def test_the_model_before_stays_until_the_new_one_is_there(
    view: SharedView, tmp_path: Path
) -> None:
    folder = tmp_path / "ease"
    train("ease", view, folder)
    before = contents(folder)
    later = AS_OF + timedelta(days=20)
    with pytest.raises(Killed):
        train("ease", view.at(later), folder, progress=Steps(2))
    assert contents(folder) == before
    train("ease", view.at(later), folder)
    assert contents(folder) != before
    with pytest.raises(WrongModel, match="another graph"):
        type(model("ease")).load(kept(folder), dataset(view))
    assert others(folder) == set(), "nobody uses the model before any more"


def test_without_an_interrupted_training_resume_trains_from_the_start(
    view: SharedView, tmp_path: Path
) -> None:
    train("ease", view, tmp_path / "whole")
    # Killed before it saved its inputs, and never started.
    (tmp_path / "a" / "models" / "ease.unfinished" / "model").mkdir(parents=True)
    for place in ("a", "b"):
        trained = train("ease", view, tmp_path / place, resume=True)
        assert trained.note == (
            "No training of this model was interrupted; it was trained from the start."
        )
        assert contents(tmp_path / place) == contents(tmp_path / "whole")
    assert train("ease", view, tmp_path / "a").note is None


def test_if_the_last_weeks_are_empty_a_note_says_so(view: SharedView, tmp_path: Path) -> None:
    long_after = AS_OF + timedelta(days=2_000)
    note = train("ease", view.at(long_after), tmp_path / "ease").note
    assert note is not None
    assert "a random tenth of the data is used for validation" in note


def test_a_model_that_is_there_already_is_not_trained_again(
    view: SharedView, tmp_path: Path
) -> None:
    steps = Steps()
    fitted = train("ease", view, tmp_path)
    before = contents(tmp_path)
    again = train("ease", view, tmp_path, progress=steps)
    resumed = train("ease", view, tmp_path, resume=True, progress=steps)
    assert (again.note, resumed.note) == (
        None,
        "This model is there already, for the same graph, day and seed: it wasn't trained again.",
    )
    assert (steps.count, contents(tmp_path)) == (0, before)
    users = np.arange(len(fitted.data.users))
    for model_there in (again, resumed):
        assert (model_there.score(users) == fitted.score(users)).all()


@pytest.mark.parametrize("other", ["day", "seed", "damaged"])
def test_with_another_saved_model_resume_trains_from_the_start(
    other: str, view: SharedView, tmp_path: Path
) -> None:
    folder, day = tmp_path / "ease", AS_OF + timedelta(days=3) * (other == "day")
    train("ease", view.at(day), folder, seed=int(other == "seed"))
    if other == "damaged":
        (kept(folder) / "model.npz").write_bytes(b"PK")
    train("ease", view, folder, resume=True)
    train("ease", view, tmp_path / "whole")
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_training_of_another_day_or_seed_is_not_gone_on_with(
    view: SharedView, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        train("ease", view, tmp_path / "m", progress=Steps(2))
    for as_of, seed in ((AS_OF, 1), (AS_OF + timedelta(days=3), 0)):
        with pytest.raises(OtherTraining, match="another graph, another day or another seed"):
            train("ease", view.at(as_of), tmp_path / "m", resume=True, seed=seed)
    train("ease", view, tmp_path / "m", resume=True)


@pytest.mark.parametrize("file", ["begun.json", "chosen.json"])
@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1]", b""])
def test_damaged_notes_of_an_interrupted_training_are_named(
    file: str, content: bytes, view: SharedView, tmp_path: Path
) -> None:
    interrupt(view, tmp_path / "m")
    (unfinished(tmp_path / "m") / file).write_bytes(content)
    with pytest.raises(DamagedTraining, match=rf"{file} is damaged\. Run this without --resume"):
        train("ease", view, tmp_path / "m", resume=True)
    train("ease", view, tmp_path / "m")


def test_settings_that_this_version_lacks_are_damaged(view: SharedView, tmp_path: Path) -> None:
    interrupt(view, tmp_path / "m")
    (unfinished(tmp_path / "m") / "chosen.json").write_text('{"depth": 3}')
    with pytest.raises(DamagedTraining, match=r"chosen\.json is damaged"):
        train("ease", view, tmp_path / "m", resume=True)


def unfinished(state: Path) -> Path:
    return state / "models" / "ease.unfinished"


def interrupt(view: SharedView, folder: Path) -> None:
    """Interrupt a training of `ease` in the fit on all data."""
    steps = Steps()
    train("ease", view, folder.with_name("counted"), progress=steps)
    with pytest.raises(Killed):
        train("ease", view, folder, progress=Steps(steps.count - 1))


def test_while_a_model_is_trained_another_training_of_it_is_refused(
    view: SharedView, tmp_path: Path
) -> None:
    refused = 0

    @contextmanager
    def meanwhile(name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        nonlocal refused
        if not refused:
            with pytest.raises(TrainingUnderWay, match="Another training of the model ease"):
                train("ease", view, tmp_path, resume=True)
            train("popularity", view, tmp_path)
            refused += 1
        yield lambda _units: None

    train("ease", view, tmp_path, progress=meanwhile)
    assert refused
    for name in ("ease", "popularity"):
        assert {path.name for path in (tmp_path / "models" / name).iterdir()} == FILES


def test_killed_at_any_change_the_old_or_the_new_model_is_there(
    view: SharedView, tmp_path: Path
) -> None:
    acts, later = Acts(), AS_OF + timedelta(days=20)
    train("popularity", view, tmp_path / "old")
    train("popularity", view.at(later), tmp_path / "new")
    old, new = contents(tmp_path / "old"), contents(tmp_path / "new")
    moment, ended = 0, False
    while not ended:
        moment += 1
        folder = tmp_path / str(moment)
        shutil.copytree(tmp_path / "old", folder, symlinks=True)
        try:
            with acts.until(folder, moment):
                train("popularity", view.at(later), folder)
            ended = True
        except Killed:
            ended = False
        assert contents(folder) == (new if ended else contents(folder)) in (old, new)
        train("popularity", view.at(later), folder)
        assert contents(folder) == new
    train("popularity", view, folder)
    assert contents(folder) == old
    assert others(folder) == set()
    assert moment > 8


def test_a_model_that_an_earlier_version_has_kept_gives_way(
    view: SharedView, tmp_path: Path
) -> None:
    before = tmp_path / "models" / "popularity"
    before.mkdir(parents=True)
    (before / "model.json").touch()
    train("popularity", view, tmp_path)
    assert set(contents(tmp_path)) == FILES


def test_killed_at_any_change_a_resumed_network_has_all_its_files(
    view: SharedView, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    acts, moment, ended = Acts(), 0, False
    while not ended:
        moment += 1
        folder = tmp_path / str(moment)
        try:
            with acts.until(folder, moment):
                train("lightgcn", view, folder)
            ended = True
        except Killed:
            train("lightgcn", view, folder, resume=True)
        assert set(contents(folder)) == FILES | {"curve.png"}
    assert moment > 5


@pytest.mark.parametrize("seed", [-1, 2**32, 2**70])
def test_a_seed_that_is_out_of_range_is_named(seed: int, view: SharedView, tmp_path: Path) -> None:
    with pytest.raises(BadSeed, match=f"The seed {seed} is out of range. Choose one from 0 to 42"):
        train("gfcf", view, tmp_path / "m", seed=seed)
    train("gfcf", view, tmp_path / "m", seed=2**32 - 1)


def test_nothing_known_and_unknown_models_leave_no_folder(view: SharedView, tmp_path: Path) -> None:
    with pytest.raises(NothingToLearn, match="No interaction is known up to 2001-01-01"):
        train("ease", view.at(datetime(2001, 1, 1, tzinfo=UTC)), tmp_path / "m")
    with pytest.raises(UnknownModel):
        train("../ease", view, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def without_what_came(view: SharedView, after: datetime, folder: Path) -> SharedView:
    """The same view, of a snapshot without data after an instant."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    source = view.snapshot.folder
    folder.mkdir()
    for path in source.iterdir():
        if path.suffix != ".parquet":
            (folder / path.name).write_bytes(path.read_bytes())
            continue
        rows = pq.read_table(path)
        if path.stem in ("purchases", "visits", "events", "contacts"):
            rows = rows.filter(pc.less_equal(rows["at"], after))
        if path.stem == "friendships":
            since = pc.fill_null(rows["since"], datetime(1970, 1, 1, tzinfo=UTC))
            rows = rows.filter(pc.less_equal(since, after))
        pq.write_table(rows, folder / path.name)
    return View(Snapshot(folder, memory=2**30), end_of(WORLD)).shared.at(view.as_of)


def same(one: Dataset, two: Dataset) -> bool:
    apart = [(one.seen != two.seen).nnz, (one.friends != two.friends).nnz]
    return not any(apart) and one.users.tolist() == two.users.tolist()


def test_what_comes_later_changes_neither_a_split_nor_a_model(
    view: SharedView, tmp_path: Path
) -> None:
    month = timedelta(days=28)
    past = without_what_came(view, AS_OF + month, tmp_path / "past")
    one, two = (temporal_split(each.at(AS_OF + month), AS_OF) for each in (view, past))
    assert same(one.train, two.train)
    assert same(one.known, two.known)
    assert (one.validation != two.validation).nnz == (one.test != two.test).nnz == 0
    counts = [each.at(end_of(WORLD)).interactions.count().execute() for each in (past, view)]
    assert counts[0] < counts[1]
    before = without_what_came(view, AS_OF, tmp_path / "before")
    for place, known in (("a", view), ("b", before)):
        train("ease", known, tmp_path / place)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


QUIET = """
import sys
sys.path[:0] = {paths!r}
from followsuit.testing.tastes import planted
from followsuit.gnn.models.registry import model
for name in ("lightgcn", "hetero"):
    model(name, epochs=1).fit(planted())
"""


def test_networks_train_without_a_word_from_torch() -> None:
    pytest.importorskip("torch")
    code = QUIET.format(paths=[path for path in sys.path if path.endswith("tests")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_model_keeps_the_settings_that_it_was_chosen_with(
    view: SharedView, tmp_path: Path
) -> None:
    fitted = train("ease_damped", view, tmp_path / "m")
    again = type(fitted)(**fitted.settings()).fit(dataset(view))
    users = np.arange(len(again.data.users))
    assert (again.score(users) == fitted.score(users)).all()
    assert fitted.config == again.config
