"""Top items and figures against plain loops and scikit-learn."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.spectral import Popular, Spectral

import followsuit.gnn.models.recommender as recommender
from followsuit.gnn.data.dataset import Attributes, Floats, Ints, binary
from followsuit.gnn.models.blend import Blend
from followsuit.gnn.models.ease import DampedEase, Ease
from followsuit.gnn.models.popularity import Popularity
from followsuit.gnn.models.recommender import WrongModel, fingerprint
from followsuit.testing.tastes import planted, without

DATA = planted()
SCORES = arrays.arrays(
    np.float32, (5, 9), elements=st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
)
BARRED = arrays.arrays(np.bool_, (5, 9))


def test_unseen_items_are_recommended_best_first_in_blocks_or_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Spectral().fit(DATA)
    users = np.array([5, 3, 40, 77, 0])
    whole = model.recommend(users, 10)
    for row, user in enumerate(users):
        left = np.setdiff1d(np.arange(80), DATA.seen[user].indices)
        order = np.lexsort((left, -model.score(np.array([user]))[0][left]))
        assert whole[row].tolist() == left[order][:10].tolist()
    monkeypatch.setattr(recommender, "CELLS", 100)
    assert model.recommend(users, 10).tolist() == whole.tolist()


def test_a_given_mask_replaces_the_seen_items() -> None:
    model = Spectral().fit(DATA)
    only = np.ones((120, 80), dtype=np.float32)
    only[:, :3] = 0
    lists = model.recommend(np.arange(120), 5, binary(only))
    assert (np.sort(lists[:, :3], axis=1) == [0, 1, 2]).all()
    assert (lists[:, 3:] == -1).all()


class Told(Spectral):
    """A model with given scores."""

    scores: Floats

    def score(self, users: Ints) -> Floats:
        return self.scores[users].copy()


def told(scores: np.ndarray, new: list[int]) -> Told:
    model = Told().fit(DATA.with_seen(without(DATA.seen, np.array(new, int))))
    model.scores = scores.astype(np.float32)
    return model


def popular(model: Spectral) -> list[int]:
    return np.lexsort((np.arange(80), -model.data.popularity)).tolist()


def test_users_without_items_get_popular_items() -> None:
    model = told(np.zeros((120, 80)), [7])
    assert model.recommend(np.array([7]), 80)[0].tolist() == popular(model)


def test_users_without_items_get_known_scores_first_and_then_popular_items() -> None:
    scores = np.zeros((120, 80))
    scores[7, [50, 60]] = 0.2, 0.4
    model = told(scores, [7])
    rest = [item for item in popular(model) if item not in (50, 60)]
    assert model.recommend(np.array([7]), 80)[0].tolist() == [60, 50, *rest]


def test_scores_that_tell_nothing_of_a_known_user_leave_what_is_popular() -> None:
    model = told(np.zeros((120, 80)), [])
    taken = set(DATA.seen[4].indices)
    wanted = [item for item in popular(model) if item not in taken]
    assert model.recommend(np.array([4]), len(wanted))[0].tolist() == wanted


def test_a_saved_model_says_the_same_and_the_same_seed_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        Spectral(width=4).fit(DATA, seed=5).save(tmp_path / name)
    for file in ("model.json", "model.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    loaded = Spectral.load(tmp_path / "a", DATA)
    users = np.arange(120)
    assert loaded.config.width == 4
    assert (loaded.score(users) == Spectral(width=4).fit(DATA, seed=5).score(users)).all()


def changed(**parts: object) -> object:
    return replace(DATA, **parts)  # type: ignore[arg-type]


OTHERS = {
    "interactions": changed(seen=planted(seed=9).seen),
    "ties": changed(friends=planted(seed=9).friends),
    "users": changed(users=np.arange(120) + 1),
    "items": changed(items=np.array([f"i{i}" for i in range(80)])),
    "attributes": changed(item_attributes=Attributes(("a",), binary(np.ones((80, 1))))),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_model_of_another_graph_is_refused(other: object, tmp_path: Path) -> None:
    Spectral().fit(DATA).save(tmp_path)
    with pytest.raises(WrongModel, match=r"was fitted on another graph. Train it on this one"):
        Spectral.load(tmp_path, other)  # type: ignore[arg-type]


def test_ids_that_run_together_alike_are_other_ids() -> None:
    one, two = (
        changed(users=np.array(ids + ["x"] * 118)) for ids in (["a\0b", "c"], ["a", "b\0c"])
    )
    assert fingerprint(one) != fingerprint(two)  # type: ignore[arg-type]


def test_a_missing_damaged_or_other_kind_of_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongModel, match=r"There is no model in .*\. Train one first"):
        Spectral.load(tmp_path, DATA)
    Spectral().fit(DATA).save(tmp_path)
    with pytest.raises(WrongModel, match="has a model `spectral`, not `popular`"):
        Popular.load(tmp_path, DATA)
    (tmp_path / "model.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(WrongModel, match=r"is damaged. Train it again"):
        Spectral.load(tmp_path, DATA)
    Spectral().fit(DATA).save(tmp_path)
    for note in ("{", json.dumps({"name": "spectral"}), json.dumps([1])):
        (tmp_path / "model.json").write_text(note)
        with pytest.raises(WrongModel, match="is damaged"):
            Spectral.load(tmp_path, DATA)


SIZES = [(119, 80, 8), (121, 80, 8), (0, 80, 8), (120, 79, 8), (120, 81, 8)]


@pytest.mark.parametrize(("users", "items", "width"), SIZES)
def test_vectors_of_another_size_are_damaged(
    users: int, items: int, width: int, tmp_path: Path
) -> None:
    Spectral().fit(DATA).save(tmp_path)
    vectors = {"users": np.ones((users, width)), "items": np.ones((items, width))}
    np.savez(tmp_path / "model.npz", allow_pickle=False, **vectors)
    with pytest.raises(WrongModel, match=r"is damaged\. Train it again"):
        Spectral.load(tmp_path, DATA)
    assert Spectral.kept(tmp_path, DATA) is None


def test_inverses_of_another_size_are_damaged(tmp_path: Path) -> None:
    fitted = Ease().fit(DATA)
    fitted.save(tmp_path)
    state = fitted.state()
    np.savez(tmp_path / "model.npz", allow_pickle=False, **state | {"inverse": np.eye(7)})
    assert Ease.kept(tmp_path, DATA) is None


def test_a_setting_that_this_version_lacks_is_damaged(tmp_path: Path) -> None:
    Spectral().fit(DATA).save(tmp_path)
    note = json.loads((tmp_path / "model.json").read_text())
    for settings in ({"depth": 3}, [8], None):
        (tmp_path / "model.json").write_text(json.dumps(note | {"settings": settings}))
        with pytest.raises(WrongModel, match=r"is damaged\. Train it again"):
            Spectral.load(tmp_path, DATA)


def test_a_blend_that_lacks_a_part_is_damaged(tmp_path: Path) -> None:
    parts = {kind.name: kind().fit(DATA) for kind in (DampedEase, Popularity)}
    blend = Blend(weights=dict.fromkeys(parts, 1.0)).of(parts)
    blend.save(tmp_path)
    assert Blend.kept(tmp_path, DATA) is not None
    note = json.loads((tmp_path / "model.json").read_text())
    for change in ({"weights": {}}, {"parts": {}}, {"parts": {"ease_damped": {"depth": 1}}}):
        other = note | {"settings": note["settings"] | change}
        (tmp_path / "model.json").write_text(json.dumps(other))
        assert Blend.kept(tmp_path, DATA) is None
