"""The training loop: seeds, early stopping, checkpoints, several processes, the learning curve."""

import json
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")

import support.trained as trained  # noqa: E402
from support.kills import Killed, Steps  # noqa: E402

from followsuit.gnn.data.dataset import hold_back  # noqa: E402
from followsuit.gnn.models.lightgcn import LightGCN  # noqa: E402
from followsuit.gnn.models.recommender import WrongModel  # noqa: E402
from followsuit.gnn.models.social import Social  # noqa: E402
from followsuit.gnn.training.learning_curve import picture  # noqa: E402
from followsuit.gnn.training.loop import (  # noqa: E402
    Curve,
    Diverged,
    Network,
    OtherCheckpoint,
    train,
    watch,
)
from followsuit.testing.tastes import planted  # noqa: E402

DATA = planted()
KNOWN, HELD = hold_back(DATA.seen, 0.25, 0)
PART = DATA.with_seen(KNOWN)


def small(**more: Any) -> Social:
    return Social(**{"width": 8, "batch": 40, "epochs": 5, "rate": 0.01, **more})


def bytes_of(model: LightGCN) -> bytes:
    vectors = model.embed()
    return vectors.users.tobytes() + vectors.items.tobytes()


@pytest.mark.parametrize(
    ("users", "whole", "steps"),
    [
        (200, True, 6),
        (2_000, True, 8),
        (20_000, True, 20),
        (500_000, True, 24),
        (500_000, False, 488),
    ],
)
def test_an_epoch_passes_over_the_whole_graph_some_times_only(
    users: int, whole: bool, steps: int
) -> None:
    class Counted(Network):
        def __init__(self) -> None:
            super().__init__()
            self.examples, self.whole = np.arange(users), whole
            self.number = torch.nn.Parameter(torch.ones(()))
            self.steps = 0

        def loss(self, examples: Any, batch: Any, random: Any) -> Any:
            self.steps += 1
            return self.number * len(examples)

        def vectors(self) -> Any:
            return self.number, self.number

    network = Counted()
    train(network, LightGCN().plan(network, 1))
    assert network.steps == steps


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = bytes_of(small().fit(DATA, seed=1))
    assert first == bytes_of(small().fit(DATA, seed=1))
    assert first != bytes_of(small().fit(DATA, seed=2))


@pytest.mark.parametrize("step", [1, 2, 4, 5, 8, 15])
def test_killed_at_any_step_it_resumes_to_the_same_bytes(step: int, tmp_path: Path) -> None:
    whole = small().train(PART, HELD, seed=1)
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(Killed):
        small().train(PART, HELD, seed=1, checkpoint=checkpoint, progress=Steps(step))
    resumed = small().train(PART, HELD, seed=1, checkpoint=checkpoint)
    assert bytes_of(resumed) == bytes_of(whole)
    assert resumed.curve == whole.curve
    assert resumed.config == whole.config


@pytest.mark.long
def test_a_killed_process_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "support.trained", str(tmp_path), "30", str(tmp_path / "c")]
    environment = {**os.environ, "PYTHONPATH": str(Path(trained.__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 7"):
                process.kill()
    assert process.returncode < 0
    assert not (tmp_path / "model.npz").exists()
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "epoch 1," not in again.stdout
    whole = Social(width=8, batch=40, epochs=30, rate=0.01).fit(DATA, seed=3)
    assert bytes_of(Social.load(tmp_path, DATA)) == bytes_of(whole)
    assert json.loads((tmp_path / "curve.json").read_text())["best"] == 30


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    first = small().train(DATA, checkpoint=tmp_path / "c")
    second = small().train(DATA, checkpoint=tmp_path / "c", progress=Steps(2))
    assert bytes_of(first) == bytes_of(second)


@pytest.mark.parametrize(
    ("data", "model", "seed"),
    [
        (DATA.with_friends(planted(seed=5).friends), small(), 0),
        (DATA.with_seen(planted(seed=5).seen), small(), 0),
        (DATA, small(rate=0.02), 0),
        (DATA, small(), 1),
    ],
)
def test_a_checkpoint_of_another_graph_settings_or_seed_is_refused(
    data: Any, model: Social, seed: int, tmp_path: Path
) -> None:
    small().train(DATA, seed=0, checkpoint=tmp_path / "c")
    with pytest.raises(OtherCheckpoint, match="another graph, other settings or another seed"):
        model.train(data, seed=seed, checkpoint=tmp_path / "c")


@pytest.mark.parametrize("content", [b"not a checkpoint", pickle.dumps({"key": "a"}), b""])
def test_a_file_that_is_no_checkpoint_is_named_and_torch_says_nothing_of_it(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "c").write_bytes(content)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(OtherCheckpoint, match=r"c isn't a checkpoint of followsuit\."):
            small().train(DATA, checkpoint=tmp_path / "c")
    assert [str(one.message) for one in warned if "checkpoint" in str(one.message)] == []


def test_it_stops_when_the_ranking_gets_no_better_and_keeps_the_best_epoch() -> None:
    model = small(rate=0.1, patience=3, longest=40)
    curve = model.fit(PART, HELD, seed=2).curve
    assert curve.ndcg[curve.best - 1] == max(curve.ndcg)
    assert len(curve.loss) == len(curve.ndcg) == curve.best + 3 < 40
    judge = watch(KNOWN, HELD)
    assert judge is not None
    assert judge(Restored(model)) == pytest.approx(max(curve.ndcg), abs=1e-9)


class Restored(torch.nn.Module):
    """A network with the vectors of a fitted model."""

    def __init__(self, model: LightGCN) -> None:
        super().__init__()
        self.model = model

    def vectors(self) -> Any:
        vectors = self.model.embed()
        return torch.from_numpy(vectors.users), torch.from_numpy(vectors.items)


def test_a_refit_trains_as_long_as_the_watched_run_was_best() -> None:
    watched = small(rate=0.1, patience=3, longest=40).fit(PART, HELD, seed=2)
    again = watched.unfitted().fit(PART, seed=2)
    assert len(again.curve.loss) == watched.curve.best == watched.config.epochs
    assert bytes_of(again) == bytes_of(watched)


def test_without_validation_items_there_is_no_early_stopping() -> None:
    empty = sparse.csr_matrix(DATA.seen.shape, dtype=np.float32)
    model = small().fit(DATA, empty)
    assert model.curve.ndcg == []
    assert len(model.curve.loss) == model.config.epochs == 5


def test_a_loss_that_is_not_finite_says_what_to_do() -> None:
    with pytest.raises(Diverged, match=r"Choose a smaller rate than 1e\+38"):
        small(rate=1e38).fit(DATA)


def test_progress_shows_loss_and_ndcg() -> None:
    names = []

    @contextmanager
    def progress(name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        names.append(name)
        yield lambda _units: None

    curve = small(longest=3).fit(PART, HELD, progress=progress).curve
    assert names[-1] == f"epoch 3, loss {curve.loss[1]:.4f}, NDCG@20 {curve.ndcg[1]:.4f}"


def test_a_kept_network_without_its_curve_is_damaged(tmp_path: Path) -> None:
    fitted = small().fit(DATA)
    fitted.save(tmp_path)
    state = fitted.state()
    del state["curve_loss"]
    np.savez(tmp_path / "model.npz", **state)  # type: ignore[arg-type]
    with pytest.raises(WrongModel, match=r"is damaged\. Train it again"):
        Social.load(tmp_path, DATA)
    assert Social.kept(tmp_path, DATA) is None


@pytest.mark.long
def test_two_processes_lose_what_one_does(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(trained.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*run, "-m", "support.trained", str(tmp_path), "6"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    both = json.loads((tmp_path / "curve.json").read_text())["loss"]
    one = Social(width=8, batch=40, epochs=6, rate=0.01).fit(DATA, seed=3).curve.loss
    np.testing.assert_allclose(both, one, rtol=1e-4)


def test_the_picture_is_the_same_for_the_same_curve(tmp_path: Path) -> None:
    curve = Curve(loss=[3, 2, 1.5], ndcg=[0.1, 0.2, 0.15], best=2)
    for name in ("a.png", "b.png"):
        picture(curve, tmp_path / "new" / name, "social")
    first = (tmp_path / "new" / "a.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == (tmp_path / "new" / "b.png").read_bytes()
    picture(replace(curve, ndcg=[]), tmp_path / "c.png", "social")
    assert (tmp_path / "c.png").read_bytes() != first
