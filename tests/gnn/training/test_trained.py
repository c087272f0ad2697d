"""A model trained beside a store: the same if it was interrupted, and of no other graph."""

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
from support.worlds import end_of, snapshot_of

from followsuit.gnn.data.dataset import Dataset
from followsuit.gnn.data.from_snapshot import NothingToLearn, dataset, temporal_split
from followsuit.gnn.models.recommender import WrongModel
from followsuit.gnn.models.registry import UnknownModel, model
from followsuit.gnn.training.trained import (
    BadSeed,
    DamagedTraining,
    OtherTraining,
    TrainingUnderWay,
    train_model,
)
from followsuit.graph.facts import Facts, SharedFacts
from followsuit.simulator import World

WORLD = World(
    customers=120, products=30, stores=3, friendships=400, purchases=1500, days=120, seed=5
)
AS_OF = end_of(WORLD) - timedelta(days=30)
FILES = {"model.json", "model.npz"}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> SharedFacts:
    folder = tmp_path_factory.mktemp("world")
    return Facts(snapshot_of(WORLD, folder, assume_consent=True), interactions=False).shared


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_plain_model_is_chosen_fitted_on_all_that_was_known_and_saved(
    facts: SharedFacts, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "ease"
    fitted = train_model("ease", facts, AS_OF, folder)
    assert names(folder) == FILES
    known = dataset(facts, AS_OF)
    users = np.arange(len(known.users))
    loaded = type(model("ease")).load(folder, known)
    assert (loaded.score(users) == fitted.score(users)).all()
    assert fitted.data.seen.nnz == known.seen.nnz
    assert names(folder.parent) == {"ease", "ease.lock"}


def test_the_same_seed_gives_the_same_bytes(facts: SharedFacts, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for place in ("a", "b"):
        train_model("lightgcn", facts, AS_OF, tmp_path / place, seed=2)
    assert names(tmp_path / "a") == {*FILES, "curve.png"}
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    train_model("lightgcn", facts, AS_OF, tmp_path / "b", seed=3)
    assert contents(tmp_path / "a")["model.npz"] != contents(tmp_path / "b")["model.npz"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_interrupted_it_goes_on_to_the_same_bytes(
    share: float, facts: SharedFacts, tmp_path: Path
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
    assert names(tmp_path) == {"m", "whole", "m.lock", "whole.lock"}


def test_one_without_checkpoints_goes_on_from_its_settings(
    facts: SharedFacts, tmp_path: Path
) -> None:
    steps, rest = Steps(), Steps()
    train_model("ease", facts, AS_OF, tmp_path / "whole", progress=steps)
    with pytest.raises(Killed):
        train_model("ease", facts, AS_OF, tmp_path / "m", progress=Steps(steps.count - 1))
    train_model("ease", facts, AS_OF, tmp_path / "m", resume=True, progress=rest)
    # A fit has three steps.
    assert rest.count == 3 < steps.count
    assert contents(tmp_path / "m") == contents(tmp_path / "whole")


def test_the_model_before_stays_until_the_new_one_is_there(
    facts: SharedFacts, tmp_path: Path
) -> None:
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


def test_where_nothing_was_begun_resuming_trains_from_the_start(
    facts: SharedFacts, tmp_path: Path
) -> None:
    train_model("ease", facts, AS_OF, tmp_path / "whole")
    # Killed before it had noted what it is of; and never begun at all.
    (tmp_path / "a.unfinished" / "model").mkdir(parents=True)
    for place in ("a", "b"):
        found = train_model("ease", facts, AS_OF, tmp_path / place, resume=True)
        assert found.note == (
            "No training of this model was interrupted; it was trained from the start."
        )
        assert contents(tmp_path / place) == contents(tmp_path / "whole")
    assert train_model("ease", facts, AS_OF, tmp_path / "a").note is None


def test_where_the_last_weeks_are_empty_it_says_what_it_was_chosen_on(
    facts: SharedFacts, tmp_path: Path
) -> None:
    long_after = AS_OF + timedelta(days=2_000)
    note = train_model("ease", facts, long_after, tmp_path / "ease").note
    assert note is not None
    assert "chosen on a random tenth of what is known" in note


def test_where_the_model_is_there_already_resuming_leaves_it(
    facts: SharedFacts, tmp_path: Path
) -> None:
    folder, steps = tmp_path / "ease", Steps()
    fitted = train_model("ease", facts, AS_OF, folder)
    before = contents(folder)
    found = train_model("ease", facts, AS_OF, folder, resume=True, progress=steps)
    assert found.note == (
        "No training of this model was interrupted; it is there, of the same graph, day and seed."
    )
    assert (steps.count, contents(folder)) == (0, before)
    users = np.arange(len(fitted.data.users))
    assert (found.score(users) == fitted.score(users)).all()


@pytest.mark.parametrize("other", ["day", "seed", "damaged"])
def test_where_another_model_is_there_resuming_trains_from_the_start(
    other: str, facts: SharedFacts, tmp_path: Path
) -> None:
    folder, day = tmp_path / "ease", AS_OF + timedelta(days=3) * (other == "day")
    train_model("ease", facts, day, folder, seed=int(other == "seed"))
    if other == "damaged":
        (folder / "model.npz").write_bytes(b"PK")
    train_model("ease", facts, AS_OF, folder, resume=True)
    train_model("ease", facts, AS_OF, tmp_path / "whole")
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_training_of_another_day_or_seed_is_not_gone_on_with(
    facts: SharedFacts, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        train_model("ease", facts, AS_OF, tmp_path / "m", progress=Steps(2))
    for as_of, seed in ((AS_OF, 1), (AS_OF + timedelta(days=3), 0)):
        with pytest.raises(OtherTraining, match="another graph, another day or another seed"):
            train_model("ease", facts, as_of, tmp_path / "m", resume=True, seed=seed)
    train_model("ease", facts, AS_OF, tmp_path / "m", resume=True)


@pytest.mark.parametrize("file", ["begun.json", "chosen.json"])
@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1]", b""])
def test_damaged_notes_of_an_interrupted_training_are_named(
    file: str, content: bytes, facts: SharedFacts, tmp_path: Path
) -> None:
    interrupt(facts, tmp_path / "m")
    (tmp_path / "m.unfinished" / file).write_bytes(content)
    with pytest.raises(DamagedTraining, match=rf"{file} is damaged\. Run this without --resume"):
        train_model("ease", facts, AS_OF, tmp_path / "m", resume=True)
    train_model("ease", facts, AS_OF, tmp_path / "m")


def test_settings_that_this_version_lacks_are_damaged(facts: SharedFacts, tmp_path: Path) -> None:
    interrupt(facts, tmp_path / "m")
    (tmp_path / "m.unfinished" / "chosen.json").write_text('{"depth": 3}')
    with pytest.raises(DamagedTraining, match=r"chosen\.json is damaged"):
        train_model("ease", facts, AS_OF, tmp_path / "m", resume=True)


def interrupt(facts: SharedFacts, folder: Path) -> None:
    """End a training of `ease` in the fit on all that is known."""
    steps = Steps()
    train_model("ease", facts, AS_OF, folder.with_name("counted"), progress=steps)
    with pytest.raises(Killed):
        train_model("ease", facts, AS_OF, folder, progress=Steps(steps.count - 1))


def test_while_a_model_is_trained_another_training_of_it_is_refused(
    facts: SharedFacts, tmp_path: Path
) -> None:
    refused = 0

    @contextmanager
    def meanwhile(name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        nonlocal refused
        if not refused:
            with pytest.raises(TrainingUnderWay, match="Another training of the model popularity"):
                train_model("popularity", facts, AS_OF, tmp_path / "popularity", resume=True)
            train_model("popularity", facts, AS_OF, tmp_path / "other")
            refused += 1
        yield lambda _units: None

    train_model("ease", facts, AS_OF, tmp_path / "popularity", progress=meanwhile)
    assert refused
    assert names(tmp_path / "popularity") == FILES


def test_killed_at_any_change_the_old_or_the_new_model_is_there(
    facts: SharedFacts, tmp_path: Path
) -> None:
    acts, later = Acts(), AS_OF + timedelta(days=20)
    train_model("popularity", facts, AS_OF, tmp_path / "old")
    train_model("popularity", facts, later, tmp_path / "new")
    old, new = contents(tmp_path / "old"), contents(tmp_path / "new")
    moment, ended, aside = 0, False, 0
    while not ended:
        moment += 1
        folder = tmp_path / str(moment) / "m"
        shutil.copytree(tmp_path / "old", folder)
        try:
            with acts.until(folder.parent, moment):
                train_model("popularity", facts, later, folder)
            ended = True
        except Killed:
            ended = False
        if not folder.exists():
            aside += 1
            # The next start puts it back, before it does anything else.
            with pytest.raises(Killed), acts.until(folder.parent, 3):
                train_model("popularity", facts, AS_OF, folder)
        assert contents(folder) == (new if ended else contents(folder)) in (old, new)
    train_model("popularity", facts, AS_OF, folder)
    assert contents(folder) == old
    assert names(folder.parent) == {"m", "m.lock"}
    assert aside == 1
    assert moment > 8


def test_killed_at_any_change_a_resumed_network_has_all_its_files(
    facts: SharedFacts, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    acts, moment, ended = Acts(), 0, False
    while not ended:
        moment += 1
        folder = tmp_path / str(moment) / "lightgcn"
        try:
            with acts.until(folder.parent, moment):
                train_model("lightgcn", facts, AS_OF, folder)
            ended = True
        except Killed:
            train_model("lightgcn", facts, AS_OF, folder, resume=True)
        assert names(folder) == FILES | {"curve.png"}
    assert moment > 5


@pytest.mark.parametrize("seed", [-1, 2**32, 2**70])
def test_a_seed_that_is_out_of_range_is_named(
    seed: int, facts: SharedFacts, tmp_path: Path
) -> None:
    with pytest.raises(BadSeed, match=f"The seed {seed} is out of range: choose one from 0 to 42"):
        train_model("gfcf", facts, AS_OF, tmp_path / "m", seed=seed)
    train_model("gfcf", facts, AS_OF, tmp_path / "m", seed=2**32 - 1)


def test_nothing_known_and_unknown_models_leave_no_folder(
    facts: SharedFacts, tmp_path: Path
) -> None:
    with pytest.raises(NothingToLearn, match="No act is known up to 2001-01-01"):
        train_model("ease", facts, datetime(2001, 1, 1, tzinfo=UTC), tmp_path / "m")
    with pytest.raises(UnknownModel):
        train_model("../ease", facts, AS_OF, tmp_path / "m")
    assert names(tmp_path) == set()


def without_what_came(facts: SharedFacts, after: datetime, folder: Path) -> SharedFacts:
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
    return Facts(replace_folder(facts, folder), interactions=False).shared


def replace_folder(facts: SharedFacts, folder: Path) -> Any:
    from followsuit.graph.snapshot import Snapshot

    return Snapshot(folder, facts.snapshot.as_of, memory=2**30)


def same(one: Dataset, two: Dataset) -> bool:
    apart = [(one.seen != two.seen).nnz, (one.friends != two.friends).nnz]
    return not any(apart) and one.users.tolist() == two.users.tolist()


def test_what_comes_later_changes_neither_a_split_nor_a_model(
    facts: SharedFacts, tmp_path: Path
) -> None:
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
    facts: SharedFacts, tmp_path: Path
) -> None:
    fitted = train_model("ease_damped", facts, AS_OF, tmp_path / "m")
    again = type(fitted)(**fitted.settings()).fit(dataset(facts, AS_OF))
    users = np.arange(len(again.data.users))
    assert (again.score(users) == fitted.score(users)).all()
    assert fitted.config == again.config
