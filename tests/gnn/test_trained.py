"""A model trained beside a store: the same if it was interrupted, and of no other graph."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.worlds import end_of, snapshot_of

from followsuit.gnn.dataset import Dataset
from followsuit.gnn.from_snapshot import NothingToLearn, dataset, temporal_split
from followsuit.gnn.models import UnknownModel, model
from followsuit.gnn.recommender import WrongModel
from followsuit.gnn.trained import NothingToResume, OtherTraining, train_model
from followsuit.graph.facts import Facts
from followsuit.loaders.simulator import World

WORLD = World(
    customers=120, products=30, stores=3, friendships=400, purchases=1500, days=120, seed=5
)
AS_OF = end_of(WORLD) - timedelta(days=30)
FILES = {"model.json", "model.npz"}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("world")
    return Facts(snapshot_of(WORLD, folder, assume_consent=True), interactions=False)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Killed(BaseException):
    """What ends a training at a chosen moment."""


class Steps:
    """A progress that counts steps, and raises at one of them."""

    def __init__(self, last: int = -1) -> None:
        self.count, self._last = 0, last

    @contextmanager
    def __call__(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        yield self._advance

    def _advance(self, units: int) -> None:
        self.count += 1
        if self.count == self._last:
            raise Killed


def test_a_plain_model_is_chosen_fitted_on_all_that_was_known_and_saved(
    facts: Facts, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "ease"
    fitted = train_model("ease", facts, AS_OF, folder)
    assert names(folder) == FILES
    known = dataset(facts, AS_OF)
    users = np.arange(len(known.users))
    loaded = type(model("ease")).load(folder, known)
    assert (loaded.score(users) == fitted.score(users)).all()
    assert fitted.data.taken.nnz == known.taken.nnz
    assert names(folder.parent) == {"ease"}


def test_the_same_seed_gives_the_same_bytes(facts: Facts, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for place in ("a", "b"):
        train_model("lightgcn", facts, AS_OF, tmp_path / place, seed=2)
    assert names(tmp_path / "a") == {*FILES, "curve.png"}
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    train_model("lightgcn", facts, AS_OF, tmp_path / "b", seed=3)
    assert contents(tmp_path / "a")["model.npz"] != contents(tmp_path / "b")["model.npz"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_interrupted_it_goes_on_to_the_same_bytes(
    share: float, facts: Facts, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    steps = Steps()
    train_model("lightgcn", facts, AS_OF, tmp_path / "whole", progress=steps)
    moment = max(1, round(steps.count * share))
    with pytest.raises(Killed):
        train_model("lightgcn", facts, AS_OF, tmp_path / "m", progress=Steps(moment))
    assert not (tmp_path / "m").exists()
    train_model("lightgcn", facts, AS_OF, tmp_path / "m", resume=True)
    assert contents(tmp_path / "m") == contents(tmp_path / "whole")
    assert names(tmp_path) == {"m", "whole"}


def test_one_without_checkpoints_goes_on_from_its_settings(facts: Facts, tmp_path: Path) -> None:
    steps, rest = Steps(), Steps()
    train_model("ease", facts, AS_OF, tmp_path / "whole", progress=steps)
    with pytest.raises(Killed):
        train_model("ease", facts, AS_OF, tmp_path / "m", progress=Steps(steps.count - 1))
    train_model("ease", facts, AS_OF, tmp_path / "m", resume=True, progress=rest)
    # A fit has three steps.
    assert rest.count == 3 < steps.count
    assert contents(tmp_path / "m") == contents(tmp_path / "whole")


def test_the_model_before_stays_until_the_new_one_is_there(facts: Facts, tmp_path: Path) -> None:
    folder = tmp_path / "ease"
    train_model("ease", facts, AS_OF, folder)
    before = contents(folder)
    later = AS_OF + timedelta(days=20)
    with pytest.raises(Killed):
        train_model("ease", facts, later, folder, progress=Steps(2))
    assert contents(folder) == before
    train_model("ease", facts, later, folder)
    assert contents(folder) != before
    with pytest.raises(WrongModel, match="another graph"):
        type(model("ease")).load(folder, dataset(facts, AS_OF))


def test_nothing_interrupted_is_nothing_to_resume(facts: Facts, tmp_path: Path) -> None:
    with pytest.raises(NothingToResume, match=r"Run this without --resume"):
        train_model("ease", facts, AS_OF, tmp_path / "ease", resume=True)
    train_model("ease", facts, AS_OF, tmp_path / "ease")
    with pytest.raises(NothingToResume):
        train_model("ease", facts, AS_OF, tmp_path / "ease", resume=True)


def test_a_training_of_another_day_or_seed_is_not_gone_on_with(
    facts: Facts, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        train_model("ease", facts, AS_OF, tmp_path / "m", progress=Steps(2))
    for as_of, seed in ((AS_OF, 1), (AS_OF + timedelta(days=3), 0)):
        with pytest.raises(OtherTraining, match="another graph, another day or another seed"):
            train_model("ease", facts, as_of, tmp_path / "m", resume=True, seed=seed)
    train_model("ease", facts, AS_OF, tmp_path / "m", resume=True)


def test_nothing_known_and_unknown_models_leave_no_folder(facts: Facts, tmp_path: Path) -> None:
    with pytest.raises(NothingToLearn, match="No act is known up to 2001-01-01"):
        train_model("ease", facts, datetime(2001, 1, 1, tzinfo=UTC), tmp_path / "m")
    with pytest.raises(UnknownModel):
        train_model("../ease", facts, AS_OF, tmp_path / "m")
    assert names(tmp_path) == set()


def without_what_came(facts: Facts, after: datetime, folder: Path) -> Facts:
    """The same snapshot in which nothing came after an instant."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    source = facts.snapshot.folder
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
    return Facts(replace_folder(facts, folder), interactions=False)


def replace_folder(facts: Facts, folder: Path) -> Any:
    from followsuit.graph.snapshot import Snapshot

    return Snapshot(folder, facts.snapshot.as_of, memory=2**30)


def same(one: Dataset, two: Dataset) -> bool:
    apart = [(one.taken != two.taken).nnz, (one.friends != two.friends).nnz]
    return not any(apart) and one.users.tolist() == two.users.tolist()


def test_what_comes_later_changes_neither_a_split_nor_a_model(facts: Facts, tmp_path: Path) -> None:
    month = timedelta(days=28)
    past = without_what_came(facts, AS_OF + month, tmp_path / "past")
    one, two = (temporal_split(f, AS_OF, month) for f in (facts, past))
    assert same(one.train, two.train)
    assert same(one.known, two.known)
    assert (one.validation != two.validation).nnz == (one.test != two.test).nnz == 0
    assert past.acts.count().execute() < facts.acts.count().execute()
    before = without_what_came(facts, AS_OF, tmp_path / "before")
    for place, known in (("a", facts), ("b", before)):
        train_model("ease", known, AS_OF, tmp_path / "models" / place)
    assert contents(tmp_path / "models" / "a") == contents(tmp_path / "models" / "b")


QUIET = """
import sys
sys.path[:0] = {paths!r}
from support.tastes import planted
from followsuit.gnn.models import model
for name in ("lightgcn", "hetero"):
    started = model(name)
    started.epochs = 1
    started.fit(planted())
"""


def test_networks_train_without_a_word_from_torch() -> None:
    pytest.importorskip("torch")
    code = QUIET.format(paths=[path for path in sys.path if path.endswith("tests")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_model_keeps_the_settings_that_it_was_chosen_with(facts: Facts, tmp_path: Path) -> None:
    fitted = train_model("ease_damped", facts, AS_OF, tmp_path / "m")
    again = type(fitted)(**fitted.settings()).fit(dataset(facts, AS_OF))
    users = np.arange(len(again.data.users))
    assert (again.score(users) == fitted.score(users)).all()
    assert replace(fitted) == again
