"""The heterogeneous network: vectors for users and items without interactions."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from support.worlds import end_of, view_of_world

from followsuit.core.ranking_metrics import hits_of, ndcg, recall, top_n
from followsuit.gnn.data.dataset import Attributes, BadDataset, Dataset, Ints, pairs
from followsuit.gnn.data.from_view import dataset
from followsuit.gnn.models.hetero import Hetero
from followsuit.gnn.models.hetero_network import (
    ITEM,
    USER,
    HeteroNetwork,
    graph_of,
    unit,
    weights_of,
)
from followsuit.gnn.models.recommender import Recommender, WrongModel
from followsuit.simulator import World
from followsuit.testing.tastes import GROUPS, planted, without

USERS = 200


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread, since small products on two threads are slow on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def model(**changed: object) -> Hetero:
    return Hetero(**{"width": 16, "batch": 64, "epochs": 15, **changed})


def labels(rows: int, kind: str) -> Attributes:
    """Row r is of group r % 4."""
    names = tuple(f"{kind}={g}" for g in range(GROUPS))
    return Attributes(names, pairs(np.arange(rows), np.arange(rows) % GROUPS, (rows, GROUPS)))


def tastes(**known: Attributes | None) -> Dataset:
    return replace(planted(users=USERS), **known)  # type: ignore[arg-type]


def no_friends(data: Dataset) -> Dataset:
    return data.with_friends(pairs(np.empty(0, int), np.empty(0, int), data.friends.shape))


def cold(data: Dataset, share: float = 0.1, seed: int = 0) -> tuple[Dataset, Ints]:
    """The data set without the interactions of a tenth of the users, and these users."""
    active = np.flatnonzero(np.diff(data.seen.indptr))
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(active, int(len(active) * share), replace=False))
    return data.with_seen(without(data.seen, chosen)), chosen


def gain(fitted: Recommender, wanted: sparse.csr_matrix, users: Ints) -> tuple[float, float]:
    """95 % bootstrap interval of NDCG@20 above popularity's, over users."""
    number = np.diff(wanted.indptr)[users]
    quality = []
    for scores in (fitted.score(users), np.tile(fitted.data.popularity, (len(users), 1))):
        hits = hits_of(top_n(scores, 20), wanted, users)
        quality.append(ndcg(hits, number, 20))
    more = quality[0] - quality[1]
    draws = np.random.default_rng(0).integers(0, len(more), (1000, len(more)))
    low, high = np.quantile(more[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def in_group(fitted: Hetero, users: Ints) -> float:
    """Share of the first 10 items that are of the user's own planted group."""
    lists = fitted.recommend(users, 10)
    return float((lists % GROUPS == users[:, None] % GROUPS).mean())


def test_cold_customers_are_known_by_their_friends() -> None:
    data, users = cold(tastes())
    fitted = model().fit(data)
    assert in_group(fitted, users) > 0.9


def test_cold_customers_are_known_by_their_attributes() -> None:
    data, users = cold(no_friends(tastes(user_attributes=labels(USERS, "city"))))
    fitted = model().fit(data)
    assert in_group(fitted, users) > 0.9


def test_products_never_bought_are_known_by_their_category() -> None:
    whole = tastes(item_attributes=labels(80, "category"))
    fresh = np.arange(60, 80)
    data = whole.with_seen(without(whole.seen.T.tocsr(), fresh).T.tocsr())
    fitted = model(cold_items=0.3).fit(data)
    users = np.arange(USERS)
    scores = fitted.score(users)[:, fresh]
    own = fresh[None, :] % GROUPS == users[:, None] % GROUPS
    assert scores[own].mean() > scores[~own].mean() + 0.5
    best = fresh[scores.argmax(axis=1)]
    assert (best % GROUPS == users % GROUPS).mean() > 0.9


def test_warm_customers_get_what_their_group_takes() -> None:
    data = tastes()
    assert in_group(model().fit(data), np.arange(USERS)) > 0.9


def test_in_a_shop_with_homophily_cold_customers_are_served_better_than_by_popularity(
    tmp_path: Path,
) -> None:
    world = World(
        customers=1_200,
        products=200,
        stores=10,
        friendships=7_000,
        purchases=20_000,
        days=120,
        homophily=1,
        influence=0.5,
    )
    view = view_of_world(world, tmp_path, assume_consent=True).shared
    whole = dataset(view.at(end_of(world) - timedelta(days=1)))
    data, users = cold(whole)
    fitted = Hetero(width=32, epochs=6).fit(data)
    low, _ = gain(fitted, whole.seen, users)
    assert low > 0


def test_new_customers_and_products_find_their_place_without_training() -> None:
    known = {"user_attributes": labels(USERS, "city"), "item_attributes": labels(80, "category")}
    whole = tastes(**known)
    some, kinds = np.arange(160), np.arange(70)
    part = Dataset(
        whole.users[some],
        whole.items[kinds],
        whole.seen[some][:, kinds].tocsr(),
        whole.friends[some][:, some].tocsr(),
        user_attributes=Attributes(
            known["user_attributes"].names, known["user_attributes"].matrix[some]
        ),
        item_attributes=Attributes(
            known["item_attributes"].names, known["item_attributes"].matrix[kinds]
        ),
    )
    fitted = model(cold_items=0.3).fit(part)
    new = np.arange(160, USERS)
    places = fitted.place(whole.with_seen(without(whole.seen, new)))
    scores = places.users[new] @ places.items.T
    top = top_n(scores, 10)
    assert (top % GROUPS == new[:, None] % GROUPS).mean() > 0.9
    fresh = places.items[70:] @ places.users.T
    assert (fresh.argmax(axis=1) % GROUPS == np.arange(70, 80) % GROUPS).all()


def test_place_on_the_data_it_was_fitted_on_gives_its_own_vectors(tmp_path: Path) -> None:
    data, _ = cold(tastes(user_attributes=labels(USERS, "city")))
    fitted = model(epochs=2).fit(data)
    fitted.save(tmp_path)
    for one in (fitted, Hetero.load(tmp_path, data)):
        placed = one.place(data)
        np.testing.assert_allclose(placed.users, fitted.embed().users, atol=1e-6)
        np.testing.assert_allclose(placed.items, fitted.embed().items, atol=1e-6)


def test_attributes_of_a_kind_that_training_did_not_know_are_no_error() -> None:
    fitted = model(epochs=2).fit(tastes())
    city, category = labels(USERS, "city"), labels(80, "category")
    placed = fitted.place(tastes(user_attributes=city, item_attributes=category))
    assert np.isfinite(placed.users).all()


def test_a_saved_model_scores_alike_and_belongs_to_its_graph(tmp_path: Path) -> None:
    data = tastes()
    fitted = model(epochs=1).fit(data)
    fitted.save(tmp_path)
    users = np.arange(9)
    np.testing.assert_array_equal(Hetero.load(tmp_path, data).score(users), fitted.score(users))
    with pytest.raises(WrongModel, match="another graph"):
        Hetero.load(tmp_path, no_friends(data))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    data = tastes(user_attributes=labels(USERS, "city"))
    one, two, other = (model(epochs=2).fit(data, seed=s).embed().users for s in (1, 1, 2))
    assert one.tobytes() == two.tobytes()
    assert one.tobytes() != other.tobytes()


def dense(data: Dataset, network: HeteroNetwork) -> tuple[np.ndarray, np.ndarray]:
    """The vectors by dense products of float64 numbers, term by term."""
    weights = {k[1] + k[2]: w.toarray().astype(np.float64) for k, w in weights_of(data).items()}
    p = {n: v.detach().numpy().astype(np.float64) for n, v in network.named_parameters()}
    shown = (np.diff(data.seen.indptr) > 0)[:, None]
    users = p["users"] * shown + weights["ofuser"] @ p["user_values"]
    items = p["items"] * (data.popularity > 0)[:, None] + weights["ofitem"] @ p["item_values"]
    of_users, of_items = users + p["usual"], items
    for layer in range(2):
        seen, friends, by = p["gates"][:, layer]
        users, items = (
            shown * (weights["seenuser"] @ items) * seen + weights["frienduser"] @ users * friends,
            weights["byitem"] @ (shown * users) * by,
        )
        of_users, of_items = of_users + users, of_items + items
    return of_users, of_items


def both_known() -> Dataset:
    return tastes(user_attributes=labels(USERS, "city"), item_attributes=labels(80, "category"))


def test_the_vectors_are_the_gated_sums_of_messages() -> None:
    data, _ = cold(both_known())
    network = model().network(data, 0)
    with torch.no_grad():
        network.gates.uniform_(generator=torch.Generator().manual_seed(1))
        network.usual.uniform_(generator=torch.Generator().manual_seed(2))
        users, items = network.vectors()
    for vectors, wanted in zip((users, items), dense(data, network), strict=True):
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        np.testing.assert_allclose(vectors.numpy(), wanted, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100), layers=st.integers(1, 3))
def test_a_sample_of_all_neighbours_gives_the_vectors_of_the_whole_graph(
    seed: int, layers: int
) -> None:
    data, _ = cold(both_known(), seed=seed)
    seeds = torch.from_numpy(np.random.default_rng(seed).integers(0, 80, 20))
    network = model(memory=0, fanout=-1, layers=layers).network(data, seed)
    with torch.no_grad():
        whole = network.vectors()
        for node, wanted in zip((USER, ITEM), whole, strict=True):
            vectors = network._around(node, seeds, 0, network.active, network.bought)
            np.testing.assert_allclose(vectors.numpy(), wanted[seeds].numpy(), atol=1e-5)


def test_above_the_memory_bound_samples_are_trained_on_as_well() -> None:
    data, users = cold(tastes())
    fitted = model(memory=0, fanout=5, epochs=8).fit(data)
    assert in_group(fitted, users) > 0.9


def test_training_on_samples_is_the_same_for_the_same_seed() -> None:
    one, two = (model(memory=0, fanout=3, epochs=1).fit(tastes(), seed=4) for _ in range(2))
    assert one.embed().users.tobytes() == two.embed().users.tobytes()


def test_a_graph_is_sampled_when_a_step_over_all_of_it_would_not_fit() -> None:
    data = tastes()
    needed = model().needed(data)
    assert model(memory=needed).network(data, 0).sampler is None
    assert model(memory=needed - 1).network(data, 0).sampler is not None


def test_the_graph_in_pygs_form_has_every_relation_and_its_weights() -> None:
    data = both_known()
    graph = graph_of(weights_of(data))
    graph.validate()
    assert graph["item", "seen", "user"].edge_index.shape[1] == data.seen.nnz
    assert graph["user", "friend", "user"].edge_index.shape[1] == data.friends.nnz
    assert graph["user_value", "of", "user"].weight.tolist() == [1.0] * USERS


def test_a_customer_and_a_product_of_which_nothing_is_known_score_zero() -> None:
    data = tastes()
    data = data.with_friends(without(without(data.friends, np.array([7])).T.tocsr(), np.array([7])))
    taken = without(without(data.seen, np.array([7])).T.tocsr(), np.array([5])).T.tocsr()
    fitted = model(epochs=2).fit(data.with_seen(taken))
    scores = fitted.score(np.arange(USERS))
    assert (scores[7] == 0).all()
    assert (scores[:, 5] == 0).all()
    assert np.isfinite(scores).all()
    assert np.abs(scores).max() <= 1 + 1e-6


def test_a_cold_customer_without_friends_in_a_city_of_their_own_gets_what_is_usual() -> None:
    names = ("city=a", "city=b")
    city = Attributes(names, pairs(np.arange(USERS), np.arange(USERS) == 7, (USERS, 2)))
    data = no_friends(tastes(user_attributes=city))
    popular = pairs(np.arange(USERS), np.zeros(USERS, dtype=int), data.seen.shape)
    taken = without(data.seen + popular, np.array([7]))
    fitted = model().fit(data.with_seen(pairs(*taken.nonzero(), taken.shape)))
    assert fitted.recommend(np.array([7]), 1).tolist() == [[0]]


def test_without_friends_attributes_or_one_class_of_node_it_is_a_plain_network() -> None:
    data = no_friends(tastes())
    fitted = model(epochs=5).fit(data)
    assert in_group(fitted, np.arange(USERS)) > 0.7
    nothing = pairs(np.empty(0, int), np.empty(0, int), (USERS, 0))
    bare = replace(data, items=data.items[:0], seen=nothing)
    assert model(epochs=1).fit(bare).score(np.arange(3)).shape == (3, 0)


def test_without_any_interaction_nothing_is_learned_and_scores_are_finite() -> None:
    data = tastes(user_attributes=labels(USERS, "city"))
    empty = data.with_seen(pairs(np.empty(0, int), np.empty(0, int), data.seen.shape))
    assert (model(epochs=1).fit(empty).score(np.arange(5)) == 0).all()


def test_features_that_are_not_numbers_are_refused() -> None:
    known = labels(USERS, "city")
    known.matrix.data[3] = np.nan
    with pytest.raises(BadDataset, match="`user_attributes` has a number that isn't finite"):
        tastes(user_attributes=known)


def test_a_vector_of_zeros_stays_one_and_has_a_finite_gradient() -> None:
    vectors = torch.zeros(2, 3, requires_grad=True)
    unit(vectors).sum().backward()
    assert (unit(vectors) == 0).all()
    assert torch.isfinite(vectors.grad).all()


def test_recall_of_cold_customers_rises_with_what_is_known_of_them() -> None:
    data, users = cold(planted(users=USERS, noise=0.5))
    wanted = planted(users=USERS, noise=0.5).seen
    number = np.diff(wanted.indptr)[users]
    recalls = []
    for known in (None, labels(USERS, "city")):
        fitted = model().fit(replace(no_friends(data), user_attributes=known))
        hits = hits_of(top_n(fitted.score(users), 10), wanted, users)
        recalls.append(recall(hits, number, 10).mean())
    assert recalls[1] > recalls[0] + 0.05


def test_with_more_items_than_the_softmax_takes_popular_ones_are_not_ranked_lower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("followsuit.gnn.models.hetero_network.EVERY", 10)
    monkeypatch.setattr("followsuit.gnn.models.hetero_network.DRAWN", 8)
    data, users = cold(tastes())
    fitted = model().fit(data)
    assert in_group(fitted, users) > 0.9


def test_the_estimated_softmax_is_right_on_average() -> None:
    data = planted(users=40, items=60, per_user=3)
    network = model().network(data, 0)
    random = torch.Generator().manual_seed(0)
    users, items = (unit(torch.randn(n, 4, generator=random)) for n in (40, 60))
    rivals = network.rivals.tolist()
    user, wanted = 3, int(data.seen[3].indices[0])
    estimates = []
    for seed in range(3_000):
        batch = torch.from_numpy(np.random.default_rng(seed).permutation(40)[:10])
        there = network._drawn(batch, torch.Generator().manual_seed(seed))
        chance = network._chance(there, 10)
        weight = torch.exp((users[user] @ items[there].T) / 0.1 - chance)
        estimates.append(float(weight[there != wanted].sum()))
    exact = sum(float(torch.exp(users[user] @ items[i] / 0.1)) for i in rivals if i != wanted)
    assert np.mean(estimates) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("memory", [2**32, 0])
@pytest.mark.parametrize("every", [10, 1_000])
def test_a_batch_costs_what_its_parts_do_in_several_processes(
    memory: int, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("followsuit.gnn.models.hetero_network.EVERY", every)
    monkeypatch.setattr("followsuit.gnn.models.hetero_network.DRAWN", 20)
    network = model(memory=memory, fanout=3).network(both_known(), 0)
    batch = torch.from_numpy(np.random.default_rng(0).permutation(network.examples)[:40])

    def loss(examples: torch.Tensor) -> float:
        with torch.no_grad():
            return float(network.loss(examples, batch, torch.Generator().manual_seed(7)))

    parts = loss(batch[0::2]) + loss(batch[1::2])
    assert parts == pytest.approx(loss(batch), rel=1e-5)
