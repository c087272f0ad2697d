"""Evaluation by full ranking: figures that can be recomputed, and the best model by validation."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from support.folders import planted_split

from followsuit.core.bootstrap import Estimate, Resamples
from followsuit.gnn.data.dataset import Split, binary
from followsuit.gnn.evaluation.evaluate import SCHEMA, Evaluation, evaluate_models
from followsuit.gnn.evaluation.list_quality import coverage, diversity, novelty
from followsuit.gnn.models.ease import Ease
from followsuit.gnn.models.registry import UnknownModel
from followsuit.gnn.training.grid_search import search_grid
from followsuit.testing.tastes import planted

SPLIT = planted_split()
NAMES = ["popularity", "ease", "friends"]
FIGURES = ("recall@10", "ndcg@10", "recall@20", "ndcg@20")


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate_models(SPLIT, NAMES)


def recomputed(lists: list[dict[str, object]], split: Split, k: int) -> tuple[float, float]:
    """Recall@k and NDCG@k from rows of `--out` and the test part, by plain loops."""
    wanted: dict[str, set[str]] = {}
    for u, i in zip(*split.test.nonzero(), strict=True):
        wanted.setdefault(split.train.users[u], set()).add(split.train.items[i])
    hits = dict.fromkeys(wanted, 0.0)
    gains = dict.fromkeys(wanted, 0.0)
    for row in lists:
        user, rank = str(row["user"]), int(str(row["rank"]))
        if rank <= k and row["item"] in wanted[user]:
            hits[user] += 1
            gains[user] += 1 / np.log2(rank + 1)
    recall = [hits[user] / len(items) for user, items in wanted.items()]
    ideal = [sum(1 / np.log2(r + 2) for r in range(min(k, len(w)))) for w in wanted.values()]
    ndcg = [gain / best for gain, best in zip(gains.values(), ideal, strict=True)]
    return float(np.mean(recall)), float(np.mean(ndcg))


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_those_of_the_lists(name: str, evaluation: Evaluation) -> None:
    rows = [row for row in evaluation.lists.to_pylist() if row["model"] == name]
    for k in (10, 20):
        recall, ndcg = recomputed(rows, SPLIT, k)
        assert evaluation.figures[name][f"recall@{k}"].value == pytest.approx(recall, abs=1e-8)
        assert evaluation.figures[name][f"ndcg@{k}"].value == pytest.approx(ndcg, abs=1e-8)


def test_lists_have_the_first_twenty_of_each_user_with_something_to_tell(
    evaluation: Evaluation,
) -> None:
    assert evaluation.lists.schema == SCHEMA
    assert SCHEMA.names == ["model", "seed", "user", "item", "rank"]
    rows = evaluation.lists.to_pandas()
    users = SPLIT.train.users[np.diff(SPLIT.test.indptr) > 0]
    for _, of_model in rows.groupby("model"):
        assert set(of_model.user) == set(users)
        assert (of_model["rank"].to_numpy().reshape(-1, 20) == np.arange(1, 21)).all()
        assert not of_model.duplicated(["user", "item"]).any()
    known = {
        (SPLIT.train.users[u], SPLIT.train.items[i])
        for u, i in zip(*SPLIT.masked.nonzero(), strict=True)
    }
    assert not known & set(zip(rows.user, rows.item, strict=True))


def test_json_has_what_scripts_rely_on(evaluation: Evaluation) -> None:
    as_json = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert list(as_json["models"]) == NAMES
    for model in as_json["models"].values():
        assert set(FIGURES) <= set(model)
        for figure in (*FIGURES, "coverage@20"):
            assert set(model[figure]) == {"value", "low", "high"}
            assert model[figure]["low"] <= model[figure]["value"] <= model[figure]["high"]
        assert model["seconds"] > 0
    assert as_json["best"] in NAMES
    assert as_json["models"]["ease"]["settings"]["l2"] in Ease.grid["l2"]


def test_each_model_has_the_settings_of_validation_and_is_fitted_on_all_that_is_known(
    evaluation: Evaluation,
) -> None:
    chosen = search_grid(Ease(), SPLIT.train, SPLIT.validation).model
    assert evaluation.settings["ease"] == chosen.settings()
    users = np.flatnonzero(np.diff(SPLIT.test.indptr))
    wanted = chosen.unfitted().fit(SPLIT.known).recommend(users, 20, SPLIT.masked)
    rows = evaluation.lists.to_pandas()
    items = rows[rows.model == "ease"].item.to_numpy().reshape(-1, 20)
    assert (items == SPLIT.train.items[wanted]).all()


def test_a_delivered_validation_part_is_masked_and_not_learned_from() -> None:
    split = replace(SPLIT, refit_on_validation=False)
    chosen = search_grid(Ease(), split.train, split.validation).model
    users = np.flatnonzero(np.diff(split.test.indptr))
    wanted = chosen.recommend(users, 20, split.masked)
    items = evaluate_models(split, ["ease"]).lists["item"].to_numpy().reshape(-1, 20)
    assert (items == split.train.items[wanted]).all()


def test_best_is_best_on_validation_whatever_the_test_says() -> None:
    # The test part is popular items, though validation favours groups.
    popular = np.zeros((120, 80))
    top = np.argsort(-SPLIT.train.popularity)[:20]
    popular[:, top] = 1
    test = binary(np.where(SPLIT.masked.toarray() > 0, 0, popular))
    evaluation = evaluate_models(replace(SPLIT, test=test), ["popularity", "ease"])
    figures = {name: evaluation.figures[name]["ndcg@20"].value for name in ("popularity", "ease")}
    assert figures["popularity"] > figures["ease"]
    assert evaluation.best == "ease"
    assert evaluation.lead["popularity"].value == pytest.approx(
        figures["ease"] - figures["popularity"], abs=1e-8
    )
    assert list(evaluation.lead) == ["popularity"]


def test_the_same_again_is_the_same_to_the_last_digit() -> None:
    first, second = evaluate_models(SPLIT, NAMES).as_dict(), evaluate_models(SPLIT, NAMES).as_dict()
    for one in (first, second):
        for model in one["models"].values():
            model.pop("seconds")
    assert first == second


def test_what_is_random_is_the_mean_over_seeds() -> None:
    pytest.importorskip("implicit")
    evaluation = evaluate_models(SPLIT, ["ials", "ease"], seeds=3)
    rows = evaluation.lists.to_pandas()
    assert set(rows[rows.model == "ials"].seed) == {0, 1, 2}
    assert set(rows[rows.model == "ease"].seed) == {0}
    parts = [
        recomputed(rows[(rows.model == "ials") & (rows.seed == s)].to_dict("records"), SPLIT, 20)
        for s in range(3)
    ]
    assert len(set(parts)) > 1
    recall, ndcg = np.mean(parts, 0)
    assert evaluation.figures["ials"]["recall@20"].value == pytest.approx(recall, abs=1e-8)
    assert evaluation.figures["ials"]["ndcg@20"].value == pytest.approx(ndcg, abs=1e-8)


def test_groups_split_the_users_and_their_figures_add_up(evaluation: Evaluation) -> None:
    judged = int((np.diff(SPLIT.test.indptr) > 0).sum())
    for groups in evaluation.groups.values():
        assert sum(group["users"] for group in groups.values()) == judged
        mean = sum(g["users"] * g["ease"]["ndcg@20"]["value"] for g in groups.values()) / judged
        assert mean == pytest.approx(evaluation.figures["ease"]["ndcg@20"].value, abs=1e-7)
    active = np.diff(SPLIT.masked.indptr)[np.diff(SPLIT.test.indptr) > 0]
    assert evaluation.groups["activity"]["1-5"]["users"] == ((active >= 1) & (active <= 5)).sum()


def test_groups_by_friends_count_the_friends_known_to_the_tested_model() -> None:
    nobody = sparse.csr_matrix(SPLIT.train.friends.shape, dtype=np.float32)
    later = replace(SPLIT, train=SPLIT.train.with_friends(nobody), at_test=SPLIT.known)
    groups = evaluate_models(later, ["popularity"]).groups["friends"]
    friends = np.diff(SPLIT.known.friends.indptr)[np.diff(SPLIT.test.indptr) > 0]
    assert groups["6-20"]["users"] == ((friends >= 6) & (friends <= 20)).sum() > 0


def test_the_blend_learns_from_its_parts_and_comes_out_ahead() -> None:
    pytest.importorskip("torch")
    evaluation = evaluate_models(SPLIT, ["popularity", "blend"])
    assert evaluation.best == "blend"
    assert evaluation.lead["popularity"].low > 0
    assert set(evaluation.lists["model"].to_pylist()) == {"popularity", "blend"}
    assert evaluation.seconds["blend"] > evaluation.seconds["popularity"]


def test_an_unknown_name_is_answered_before_anything_is_fitted() -> None:
    with pytest.raises(UnknownModel, match="There is no model lightgnc; there are "):
        evaluate_models(SPLIT, ["popularity", "lightgnc"])


def test_users_without_a_training_row_get_popular_items_or_friends_items() -> None:
    taken = SPLIT.known.seen.toarray()
    cold = np.arange(0, 120, 5)
    taken[cold] = 0
    train = SPLIT.train.with_seen(binary(taken))
    nothing = sparse.csr_matrix(taken.shape, dtype=np.float32)
    split = Split(train, nothing, SPLIT.test, refit_on_validation=False)
    rows = evaluate_models(split, ["popularity", "ease", "friends"]).lists.to_pandas()
    new = rows[rows.user.isin(SPLIT.train.users[cold])]
    lists = {name: of.item.tolist() for name, of in new.groupby("model")}
    assert lists["ease"] == lists["popularity"]
    group = new.item.astype(int) % 4 == new.user.astype(int) % 4
    own = group.groupby(new.model).mean()
    assert own["friends"] > 0.5 > own["popularity"]


# Bootstrap.


def test_intervals_cover_the_mean_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        (one,) = Resamples(100).estimates(random.normal(size=(100, 1)))
        covered += one.low <= 0 <= one.high
    assert 180 <= covered <= 198


def test_resamples_are_the_same_for_all_figures_so_that_differences_are_paired() -> None:
    values = np.random.default_rng(0).random((50, 1))
    both = np.column_stack([values, values + 0.25])
    apart = Resamples(50).means(both)
    np.testing.assert_allclose(apart[:, 1] - apart[:, 0], 0.25, atol=1e-12)
    (one,) = Resamples(50).estimates(both[:, 1:] - both[:, :1])
    assert one == Estimate(0.25, 0.25, 0.25)
    assert one.as_dict() == {"value": 0.25, "low": 0.25, "high": 0.25}


# Lists.


def test_coverage_novelty_and_diversity_are_as_defined() -> None:
    data = planted()
    lists = np.array([[0, 1, 4], [4, -1, -1], [-1, -1, -1]])
    assert coverage(lists, 80) == 3 / 80
    bits = -np.log2(data.popularity[[0, 1, 4]] / 120)
    assert novelty(lists, data).tolist() == pytest.approx([bits.mean(), bits[2], 0], rel=1e-5)
    x = data.seen.toarray()
    x = x / np.linalg.norm(x, axis=0)
    likeness = [x[:, a] @ x[:, b] for a, b in ((0, 1), (0, 4), (1, 4))]
    assert diversity(lists, data) == pytest.approx([1 - np.mean(likeness), 0, 0], rel=1e-5)
