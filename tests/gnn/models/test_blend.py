"""The blend: weights learned on validation, and 0 for parts that don't help."""

import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest
from scipy import sparse
from support.folders import planted_split
from support.spectral import Spectral

from followsuit.gnn.data.dataset import Floats, Ints, Split
from followsuit.gnn.evaluation.validation import validation_ndcg, validation_users
from followsuit.gnn.models.blend import Blend, NoWeights, learn_weights
from followsuit.gnn.models.ease import DampedEase
from followsuit.gnn.models.popularity import FriendsItems, Popularity
from followsuit.gnn.models.recommender import Recommender
from followsuit.testing.tastes import planted, without

SPLIT = planted_split()
USERS = np.arange(120)
PLAIN: dict[str, dict[str, float]] = {"ease_damped": {}, "friends": {}, "popularity": {}}


class Told(Spectral):
    """A model with given scores."""

    name: ClassVar[str] = "told"
    scores: Floats

    def score(self, users: Ints) -> Floats:
        return self.scores[users].copy()


def told(scores: np.ndarray) -> Told:
    model = Told().fit(SPLIT.train)
    model.scores = scores.astype(np.float32)
    return model


def ndcg(model: Recommender) -> float:
    return validation_ndcg(model, SPLIT.validation, validation_users(SPLIT.validation))


def test_a_good_part_gets_weight_and_a_bad_one_gets_none() -> None:
    random = np.random.default_rng(0)
    knows = SPLIT.validation.toarray() * 40 + random.random((120, 80)) * 60
    parts = {
        "linear": DampedEase(l2=20).fit(SPLIT.train),
        "knows": told(knows),
        "errs": told(1 - SPLIT.validation.toarray()),
    }
    weights = learn_weights(parts, "linear", SPLIT.validation)
    assert weights["errs"] == 0
    assert weights["knows"] > 0
    total = sum(weight * parts[name].score(USERS) for name, weight in weights.items())
    assert ndcg(told(np.asarray(total))) > ndcg(parts["knows"]) > ndcg(parts["linear"])


def test_noise_seldom_gets_a_weight() -> None:
    # The best of twelve weights for noise is a standard error above 0 in one of six cases.
    weights = []
    for seed in range(30):
        split = planted_split(planted(seed=seed))
        noise = told(np.random.default_rng(seed).random((120, 80)))
        parts = {"linear": DampedEase(l2=20).fit(split.train), "noise": noise}
        weights.append(learn_weights(parts, "linear", split.validation)["noise"])
    assert np.count_nonzero(weights) <= 10


def test_weights_do_not_hang_on_the_scale_of_a_parts_scores() -> None:
    random = np.random.default_rng(1)
    knows = SPLIT.validation.toarray() + random.random((120, 80))
    linear = DampedEase(l2=20).fit(SPLIT.train)
    small, large = (
        learn_weights({"linear": linear, "knows": told(knows * by)}, "linear", SPLIT.validation)
        for by in (1, 1000)
    )
    assert small["knows"] == pytest.approx(1000 * large["knows"], rel=1e-4)
    assert small["linear"] == large["linear"]


def test_without_validation_items_only_the_linear_part_is_left() -> None:
    parts = {"a": DampedEase().fit(SPLIT.train), "b": Popularity().fit(SPLIT.train)}
    nothing = sparse.csr_matrix((120, 80), dtype=np.float32)
    assert learn_weights(parts, "a", nothing) == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize("size", [0, 1e-20, -1.0])
def test_a_part_that_has_collapsed_has_no_weight_and_no_nan(size: float) -> None:
    collapsed = told(SPLIT.validation.toarray() * size)
    parts = {"a": DampedEase().fit(SPLIT.train), "b": collapsed}
    weights = learn_weights(parts, "a", SPLIT.validation)
    assert weights["b"] == 0
    assert np.isfinite(weights["a"])


def friendly() -> Split:
    """A world in which a third of the users' items come from their friends alone."""
    data = planted(users=160, noise=0.5, friends=8)
    known = planted_split(data)
    cold = np.arange(0, 160, 3)
    return Split(
        data.with_seen(without(known.train.seen, cold)),
        known.validation,
        known.test,
        refit_on_validation=True,
    )


def test_its_score_is_the_weighted_sum_of_its_parts_and_it_ranks_no_worse_than_the_first() -> None:
    split = friendly()
    blend = Blend(parts=PLAIN).fit(split.train, split.validation)
    assert set(blend.config.weights) >= {"ease_damped", "friends"}
    models: dict[str, Recommender] = {
        "ease_damped": DampedEase(**blend.config.parts["ease_damped"]),
        "friends": FriendsItems(**blend.config.parts["friends"]),
        "popularity": Popularity(),
    }
    users = np.arange(160)
    total = sum(
        weight * models[name].fit(split.train).score(users)
        for name, weight in blend.config.weights.items()
    )
    np.testing.assert_allclose(blend.score(users), total, rtol=1e-5, atol=1e-6)
    first = DampedEase(**blend.config.parts["ease_damped"]).fit(split.train)
    some = validation_users(split.validation)
    assert (
        validation_ndcg(blend, split.validation, some)
        > validation_ndcg(first, split.validation, some) + 0.01
    )


def test_a_refit_takes_settings_and_weights_as_they_were_learned() -> None:
    split = friendly()
    blend = Blend(parts=PLAIN).fit(split.train, split.validation)
    again = blend.unfitted().fit(split.known)
    assert again.config.weights == blend.config.weights
    assert again.data is not blend.data
    users = np.arange(160)
    part = FriendsItems(**blend.config.parts["friends"]).fit(split.known).score(users)
    alone = blend.unfitted(weights={"friends": 2.0}).fit(split.known).score(users)
    np.testing.assert_allclose(alone, 2 * part, rtol=1e-6)


def test_what_was_learned_is_restored() -> None:
    blend = Blend(parts=PLAIN).fit(SPLIT.train, SPLIT.validation)
    again = blend.unfitted().restore(blend.state(), SPLIT.train)
    assert again.score(USERS).tobytes() == blend.score(USERS).tobytes()


def test_what_is_to_be_said_of_its_parts_is_said_once_and_not_after_a_better_fit() -> None:
    little = {"ease_damped": {"memory": 4 * 30**2}, "ease": {"memory": 4 * 30**2}}
    blend = Blend(parts=little).fit(SPLIT.train, SPLIT.validation)
    wanted = "EASE is approximated: each of 80 items is predicted from its 128 nearest items."
    assert blend.note == wanted
    assert blend.unfitted().fit(SPLIT.known).note == wanted
    default = blend.unfitted(parts={name: {} for name in little}, weights={})
    assert default.fit(SPLIT.train, SPLIT.validation).note is None


def test_without_validation_and_weights_it_says_what_to_do() -> None:
    with pytest.raises(NoWeights, match="fit it with a validation part first"):
        Blend().fit(SPLIT.train)


WITHOUT_THE_EXTRA = """
import sys
sys.path[:0] = {paths!r}


class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "torch_geometric", "implicit"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, NotInstalled())
from support.folders import planted_split
from followsuit.gnn.models.blend import Blend
split = planted_split()
blend = Blend().fit(split.train, split.validation)
print(sorted(blend.config.weights), blend.note)
"""


def test_without_the_extra_it_goes_without_its_networks_and_says_so() -> None:
    code = WITHOUT_THE_EXTRA.format(paths=[path for path in sys.path if path.endswith("tests")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    weights, _, note = done.stdout.partition("] ")
    assert "ease_damped" in weights
    assert "ials" not in weights
    assert note.startswith("The blend leaves out its networks. The model ")
    assert note.endswith("pip install 'followsuit[gnn]'.\n")
