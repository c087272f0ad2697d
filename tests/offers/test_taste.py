"""Own taste: its config is searched before the cutoff; friends take part only if they help."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from scipy import sparse
from support.linear_taste import backtest
from support.worlds import end_of, view_of_world

import followsuit.offers.taste as taste_module
from followsuit.gnn.data.dataset import Dataset
from followsuit.gnn.data.from_view import dataset
from followsuit.gnn.models.blend import SOCIAL, Blend
from followsuit.gnn.models.ease import DampedEase
from followsuit.gnn.models.popularity import FriendsItems
from followsuit.gnn.models.recommender import Recommender
from followsuit.gnn.models.registry import MissingExtra, model
from followsuit.graph.results.models import ModelStore
from followsuit.graph.state import StateFolder
from followsuit.graph.views.view import SharedView, View
from followsuit.offers.backtest.backtest import BacktestReport
from followsuit.offers.taste import BLEND, LINEAR, Taste, TasteConfig, search_taste
from followsuit.simulator import World

WORLD = World(
    customers=150,
    products=40,
    stores=4,
    friendships=700,
    purchases=2500,
    days=120,
    influence=1.0,
    homophily=1.0,
    seed=4,
)
AS_OF = end_of(WORLD) - timedelta(days=20)
WEEK = timedelta(days=7)
ALL = slice(None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> View:
    return view_of_world(WORLD, tmp_path_factory.mktemp("world"), assume_consent=True)


@pytest.fixture(scope="module")
def view(world: View) -> SharedView:
    """As of `AS_OF`, of a world that goes on after it."""
    return world.shared.at(AS_OF)


@pytest.fixture(scope="module")
def known(view: SharedView) -> Dataset:
    return dataset(view)


def everything(taste: Taste, data: Dataset) -> np.ndarray:
    return taste.affinity(data.users, data.seen, np.arange(len(data.items)), ALL, ALL)


def test_affinity_is_the_score_over_the_typical_customers_best(known: Dataset) -> None:
    model = DampedEase(l2=20).fit(known)
    active = np.flatnonzero(np.diff(known.seen.indptr))
    typical = model.score(active).max(axis=1).mean()
    scores = model.score(np.arange(len(known.users)))
    wanted = np.log1p(10 * np.maximum(scores, 0) / typical)
    np.testing.assert_allclose(everything(Taste(model), known), wanted, rtol=1e-4, atol=1e-6)


def test_some_customers_and_items_are_as_among_all_kept_or_not(
    known: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = DampedEase(l2=20).fit(known)
    whole = everything(Taste(model), known)
    customers, items = np.array([3, 90, 7, 15]), np.array([1, 8, 30])
    rows, columns = np.array([2, 0]), np.array([1, 2])
    for kept in (taste_module._KEPT, 0):
        monkeypatch.setattr(taste_module, "_KEPT", kept)
        taste = Taste(model)
        for _ in range(2):
            ids, history = known.users[customers], known.seen[customers]
            some = taste.affinity(ids, history, items, rows, columns)
            np.testing.assert_allclose(some, whole[[7, 3]][:, [8, 30]], atol=1e-6)
        ids, history = known.users[customers + 1], known.seen[customers + 1]
        others = taste.affinity(ids, history, items, rows, columns)
        np.testing.assert_allclose(others, whole[[8, 4]][:, [8, 30]], atol=1e-6)


@pytest.mark.parametrize("l2", [20.0, 200.0])
def test_customers_without_a_fit_are_scored_by_their_seen_items(known: Dataset, l2: float) -> None:
    model = DampedEase(l2=l2).fit(known)
    for fitted in (model, DampedEase(l2=l2).fit(_with_more_users(known))):
        taste = Taste(fitted)
        items = np.arange(len(known.items))
        strangers = np.array([f"new {user}" for user in known.users], dtype=object)
        by_history = taste.affinity(strangers, known.seen, items, ALL, ALL)
        by_code = taste.affinity(known.users, known.seen, items, ALL, ALL)
        np.testing.assert_allclose(by_history, by_code, atol=1e-3)


def _with_more_users(data: Dataset) -> Dataset:
    """The same interactions with enough users that EASE solves from the side of the items."""
    more = len(data.items)
    return Dataset(
        np.concatenate([data.users, [f"more {n}" for n in range(more)]]),
        data.items,
        sparse.csr_matrix(sparse.vstack([data.seen, sparse.csr_matrix((more, more))])),
        sparse.csr_matrix((len(data.users) + more,) * 2),
    )


def test_where_nothing_is_known_affinity_is_zero(view: SharedView, tmp_path: Path) -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    config = search_taste(view.at(long_ago), affinity=BLEND)
    assert (config.name, config.settings) == ("ease_damped", DampedEase().settings())
    assert "no interactions up to 2001-01-01" in str(config.note)
    taste = config.fit(view.at(long_ago))
    assert taste.model is None
    assert not everything(taste, dataset(view.at(long_ago))).any()
    models = ModelStore(StateFolder(tmp_path))
    assert config.fit_once(view.at(long_ago), models, "run").model is None
    assert not (tmp_path / "models").exists()


def test_the_linear_config_is_chosen_and_fitted_as_of_the_cutoff(
    view: SharedView, known: Dataset
) -> None:
    config = search_taste(view, affinity=LINEAR)
    assert (config.name, config.note) == ("ease_damped", None)
    assert config.settings["l2"] in DampedEase.grid["l2"]
    model = DampedEase(**config.settings).fit(known)
    assert (everything(config.fit(view), known) == everything(Taste(model), known)).all()
    assert config == TasteConfig(**json.loads(json.dumps(vars(config))))


@pytest.mark.parametrize("audited", [None, False, True])
def test_friends_take_part_only_where_they_were_found_to_help(
    view: SharedView, audited: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    asked: list[set[str]] = []

    class Asked(Blend):
        name = Blend.name

        def learn(self, chosen: Mapping[str, Recommender], *rest: Any) -> Self:
            asked.append(set(chosen))
            return super().learn(chosen, *rest)

    monkeypatch.setattr(taste_module, "Blend", Asked)
    config = search_taste(view, affinity=BLEND, friends=audited)
    assert asked == [{"ease_damped", "lightgcn"} | ({"social", "friends"} if audited else set())]
    assert config.name == "blend"
    assert set(config.settings["weights"]) <= asked[0]
    parts = config.settings["weights"]
    social = set(parts) & set(SOCIAL)
    helped = "friends are used: `gnn audit`" if social else "but not on the last weeks."
    said = {None: "nobody has tested yet", False: "they don't help", True: helped}
    assert str(config.note).startswith(f"Own taste comes from {' and '.join(parts)}. ")
    assert said[audited] in str(config.note)


@pytest.mark.parametrize("audited", [None, False, True])
def test_without_the_extra_a_note_says_so_whatever_the_audit_said(
    view: SharedView, audited: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain(name: str, **settings: Any) -> Recommender:
        if name in ("lightgcn", "social"):
            raise MissingExtra(f"The model {name} needs torch.")
        return model(name, **settings)

    monkeypatch.setattr("followsuit.gnn.models.blend.model", plain)
    config = search_taste(view, affinity=BLEND, friends=audited)
    assert "leaves out its networks. The model" in str(config.note)


def test_a_model_is_learned_once_and_says_the_same_for_every_run(
    view: SharedView, known: Dataset, tmp_path: Path
) -> None:
    config = TasteConfig("friends", FriendsItems(damp=0.25).settings())
    wanted = everything(config.fit(view), known)
    state = StateFolder(tmp_path)
    models = ModelStore(state)

    def of_run(run_id: str, as_of: datetime = AS_OF) -> Taste:
        return config.fit_once(view.at(as_of), models, run_id)

    for run_id in ("one", "other"):
        assert (everything(of_run(run_id), known) == wanted).all()
        assert len(list(state.models.iterdir())) == 1
    later = AS_OF + timedelta(days=15)
    model = of_run("later", later).model
    assert model is not None
    assert model.data.seen.nnz == dataset(view.at(later)).seen.nnz > known.seen.nnz
    assert len(list(state.models.iterdir())) == 2
    (damaged,) = (path for path in state.models.iterdir() if path.name == used(state, "one"))
    (damaged / "model.npz").write_bytes(b"PK")
    for run_id in ("one", "other"):
        assert (everything(of_run(run_id), known) == wanted).all()
    assert (damaged / "model.npz").read_bytes() != b"PK"


def used(state: StateFolder, run_id: str) -> str:
    """The key of the model that a run uses."""
    return str(json.loads((state.runs / run_id / "uses.json").read_text())["key"])


class Fits:
    """A progress callback that counts how often EASE is fitted."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def __call__(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        self.count += name == "fitting EASE"
        yield lambda units: None


def judged(world: View, refit: int, fits: Fits) -> BacktestReport:
    start, end = end_of(WORLD) - 6 * WEEK, end_of(WORLD)
    return backtest(world, start, end, WEEK, WEEK, refit=refit, progress=fits)


def test_a_backtest_fits_taste_once_or_again_after_a_number_of_cutoffs(world: View) -> None:
    reports, counts = [], []
    for refit in (0, 2):
        fits = Fits()
        reports.append(judged(world, refit, fits))
        counts.append(fits.count)
    cutoffs = len(reports[0].cutoffs)
    assert cutoffs >= 4
    # Taste and, to compare it with, EASE.
    assert counts[1] - counts[0] == 2 * (-(-cutoffs // 2) - 1)
    figures = [report.figures["per_customer"]["ranking"] for report in reports]
    assert figures[0] != figures[1]
    assert reports[0].config == reports[1].config
