"""The contract of a model of taste: inherit it to test your own model.

    from followsuit.testing.model_contract import ModelContract

    class TestMine(ModelContract):
        def make(self) -> Mine:
            return Mine()

`pytest` then runs every test below on the model. The data is planted (see
`followsuit.testing.tastes`): 120 customers, five without interactions, and 80 items, three without
interactions.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numba
import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from followsuit.gnn.data.dataset import Dataset, hold_back, pairs
from followsuit.gnn.models.model_config import WrongSettings
from followsuit.gnn.models.recommender import Recommender, WrongModel
from followsuit.testing.tastes import planted, without

USERS = np.arange(120)
NEWCOMERS, NEW_ITEMS = np.arange(5), np.arange(3)


def _sample() -> Dataset:
    data = planted(users=len(USERS), items=80)
    by_item = sparse.csr_matrix(without(data.seen, NEWCOMERS).T)
    return data.with_seen(sparse.csr_matrix(without(by_item, NEW_ITEMS).T))


DATA = _sample()


def _empty(users: int, items: int) -> Dataset:
    nothing = np.zeros(0, dtype=np.int64)
    return Dataset(
        np.arange(users),
        np.arange(items),
        pairs(nothing, nothing, (users, items)),
        pairs(nothing, nothing, (users, users)),
    )


class ModelContract(ABC):
    """The contract of every model of taste."""

    @abstractmethod
    def make(self) -> Recommender:
        """A new unfitted model, the same each time."""

    @pytest.fixture
    def fitted(self) -> Recommender:
        """The model, fitted on `DATA` with the random seed 3."""
        return self.make().fit(DATA, seed=3)

    def test_fit_returns_the_model_itself_with_its_data(self) -> None:
        made = self.make()
        assert made.fit(DATA) is made
        assert made.data is DATA

    def test_fit_and_score_change_nothing_in_the_data(self) -> None:
        data = _sample()
        fitted = self.make().fit(data)
        fitted.score(USERS)
        fitted.score_new(data.seen[:9])
        for matrix, untouched in ((data.seen, DATA.seen), (data.friends, DATA.friends)):
            assert matrix.data.tobytes() == untouched.data.tobytes()
            assert matrix.indices.tobytes() == untouched.indices.tobytes()

    def test_friends_and_attributes_change_nothing_where_the_model_says_so(
        self, fitted: Recommender
    ) -> None:
        nobody = np.zeros(0, dtype=np.int64)
        friends = pairs(nobody, nobody, DATA.friends.shape)
        alone = self.make().fit(Dataset(DATA.users, DATA.items, DATA.seen, friends), seed=3)
        same = alone.score(USERS).tobytes() == fitted.score(USERS).tobytes()
        assert same or not fitted.interactions_only

    def test_scores_are_a_new_finite_array_of_every_item(self, fitted: Recommender) -> None:
        scores = fitted.score(USERS)
        assert scores.shape == DATA.seen.shape
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
        untouched = scores.tobytes()
        scores[:] = 7
        assert fitted.score(USERS).tobytes() == untouched

    def test_some_users_are_scored_as_among_all(self, fitted: Recommender) -> None:
        some = np.array([70, 0, 70, 31])
        expected = fitted.score(USERS)[some]
        np.testing.assert_allclose(fitted.score(some), expected, rtol=1e-4, atol=1e-5)
        assert fitted.score(some[:0]).shape == (0, DATA.seen.shape[1])

    def test_pairs_are_scored_as_among_all(self, fitted: Recommender) -> None:
        users = np.array([3, 0, 3, 7, 0])
        items = np.array([1, 0, 4, 2, 5])
        scores, every = fitted.score_pairs(users, items), fitted.score(np.arange(8))
        assert scores.shape == (5,)
        np.testing.assert_allclose(scores, every[users, items], rtol=1e-4, atol=1e-5)

    def test_a_list_names_the_best_unseen_items_each_once(self, fitted: Recommender) -> None:
        lists = fitted.recommend(USERS, 10)
        assert lists.shape == (len(USERS), 10)
        for user, items in zip(USERS, lists, strict=True):
            assert len(set(items)) == 10
            assert not set(items) & set(DATA.seen[[user]].indices)
        scores = np.take_along_axis(fitted.score(USERS), lists, axis=1)[len(NEWCOMERS) :]
        known = scores.any(axis=1)
        assert (np.diff(scores[known], axis=1) <= 0).all()

    def test_people_who_are_new_to_the_model_get_finite_scores(self, fitted: Recommender) -> None:
        newcomers = sparse.vstack([DATA.seen[40:50], DATA.seen[NEWCOMERS[:1]]], format="csr")
        scores = fitted.score_new(newcomers)
        assert scores.shape == newcomers.shape
        assert np.isfinite(scores).all()
        alone = fitted.score_new(newcomers[3:4])
        np.testing.assert_allclose(alone[0], scores[3], rtol=1e-4, atol=1e-5)
        assert fitted.score_new(newcomers[:0]).shape == (0, newcomers.shape[1])

    @pytest.mark.parametrize(("users", "items"), [(6, 4), (6, 0), (0, 4), (0, 0), (1, 1)])
    def test_data_without_interactions_gives_finite_scores(self, users: int, items: int) -> None:
        fitted = self.make().fit(_empty(users, items))
        scores = fitted.score(np.arange(users))
        assert scores.shape == (users, items)
        assert np.isfinite(scores).all()
        assert np.isfinite(fitted.score_new(_empty(2, items).seen)).all()
        lists = fitted.recommend(np.arange(users), 3)
        assert lists.shape == (users, 3)
        assert ((lists >= 0).sum(axis=1) == min(items, 3)).all()

    def test_a_single_interaction_is_enough(self) -> None:
        data = _empty(3, 4)
        fitted = self.make().fit(data.with_seen(pairs(np.array([1]), np.array([2]), (3, 4))))
        assert np.isfinite(fitted.score(np.arange(3))).all()

    def test_the_same_random_seed_gives_the_same_bytes(self, fitted: Recommender) -> None:
        assert _bytes(self.make().fit(DATA, seed=3)) == _bytes(fitted)

    def test_another_random_seed_matters_where_the_model_says_so(self, fitted: Recommender) -> None:
        same = _bytes(self.make().fit(DATA, seed=4)) == _bytes(fitted)
        assert same != fitted.random

    def test_the_number_of_threads_changes_no_byte(self, fitted: Recommender) -> None:
        for threads in (1, 3):
            with _threads(threads):
                again = self.make().fit(DATA, seed=3)
                assert _bytes(again) == _bytes(fitted)
                assert again.score(USERS).tobytes() == fitted.score(USERS).tobytes()

    def test_a_saved_model_is_loaded_as_it_was(self, fitted: Recommender, tmp_path: Path) -> None:
        fitted.save(tmp_path / "a")
        fitted.save(tmp_path / "b")
        for file in ("model.json", "model.npz"):
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        loaded = type(fitted).load(tmp_path / "a", DATA)
        assert loaded.config == fitted.config
        assert loaded.data is DATA
        assert _bytes(loaded) == _bytes(fitted)
        assert loaded.score(USERS).tobytes() == fitted.score(USERS).tobytes()
        rows = DATA.seen[40:50]
        assert loaded.score_new(rows).tobytes() == fitted.score_new(rows).tobytes()

    def test_a_saved_model_of_other_data_is_refused(
        self, fitted: Recommender, tmp_path: Path
    ) -> None:
        fitted.save(tmp_path)
        with pytest.raises(WrongModel, match="another graph"):
            type(fitted).load(tmp_path, planted(users=len(USERS), items=80, seed=9))

    def test_a_damaged_or_missing_model_is_refused(
        self, fitted: Recommender, tmp_path: Path
    ) -> None:
        with pytest.raises(WrongModel, match="There is no model"):
            type(fitted).load(tmp_path / "nowhere", DATA)
        fitted.save(tmp_path)
        note = json.loads((tmp_path / "model.json").read_text())
        note["settings"]["no such setting"] = 1
        (tmp_path / "model.json").write_text(json.dumps(note))
        with pytest.raises(WrongModel, match="is damaged"):
            type(fitted).load(tmp_path, DATA)

    def test_an_unknown_setting_is_refused(self) -> None:
        with pytest.raises(WrongSettings, match="it has no setting `no_such_setting`"):
            self.make().unfitted(no_such_setting=1)

    def test_settings_survive_json_and_grid_search(self) -> None:
        made = self.make()
        assert type(made)(**json.loads(json.dumps(made.settings()))).config == made.config
        for setting, values in made.grid.items():
            for value in values:
                assert made.unfitted(**{setting: value}).settings()[setting] == value

    def test_settings_found_on_validation_are_kept_for_the_next_fit(self) -> None:
        known, held = hold_back(DATA.seen, 0.2, 0)
        fitted = self.make().fit(DATA.with_seen(known), held, seed=3)
        again = fitted.unfitted().fit(DATA, seed=3)
        assert again.config == fitted.config
        assert np.isfinite(again.score(USERS)).all()

    def test_embeddings_have_a_finite_vector_for_every_user_and_item(
        self, fitted: Recommender
    ) -> None:
        embeddings = fitted.embed()
        if embeddings is None:
            pytest.skip("the model has no embeddings")
        users, items = embeddings.users, embeddings.items
        assert (len(users), len(items)) == DATA.seen.shape
        assert users.shape[1] == items.shape[1]
        assert users.dtype == items.dtype == np.float32
        assert np.isfinite(users).all()
        assert np.isfinite(items).all()


def _bytes(fitted: Recommender) -> dict[str, bytes]:
    return {name: np.asarray(array).tobytes() for name, array in fitted.state().items()}


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Set the number of threads of BLAS, OpenMP, torch and, up to its maximum, numba."""
    torch = sys.modules.get("torch")
    of_numba, of_torch = numba.get_num_threads(), torch.get_num_threads() if torch else 0
    numba.set_num_threads(min(number, of_numba))
    if torch:
        torch.set_num_threads(number)
    try:
        with threadpool_limits(number):
            yield
    finally:
        numba.set_num_threads(of_numba)
        if torch:
            torch.set_num_threads(of_torch)
