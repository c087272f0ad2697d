"""Losses against their definitions, by torch's own differentiation."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import cross_entropy, normalize  # noqa: E402

from followsuit.gnn.training import losses  # noqa: E402
from followsuit.gnn.training.losses import full_softmax, sampled_softmax  # noqa: E402

USERS, ITEMS, WIDTH, TEMPERATURE = 6, 11, 4, 0.2
ROWS = torch.tensor([0, 0, 1, 3, 5, 5, 5])
COLUMNS = torch.tensor([2, 7, 7, 0, 1, 4, 10])


def vectors(rows: int, seed: int) -> torch.Tensor:
    drawn = torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed))
    return normalize(drawn, dim=1).requires_grad_()


@pytest.mark.parametrize("held", [1, ITEMS * 2, 2**20])
def test_the_full_softmax_is_cross_entropy_and_so_is_its_gradient(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "CELLS", held)
    users, items = vectors(USERS, 0), vectors(ITEMS, 1)
    loss = full_softmax(users, items, TEMPERATURE, ROWS, COLUMNS)
    (3 * loss).backward()
    other_users, other_items = vectors(USERS, 0), vectors(ITEMS, 1)
    scores = other_users @ other_items.T / TEMPERATURE
    wanted = cross_entropy(scores[ROWS], COLUMNS, reduction="sum")
    (3 * wanted).backward()
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(users.grad, other_users.grad)
    torch.testing.assert_close(items.grad, other_items.grad)


def test_a_batch_without_targets_costs_nothing() -> None:
    users, items = vectors(USERS, 0), vectors(ITEMS, 1)
    nothing = torch.zeros(0, dtype=torch.int64)
    loss = full_softmax(users, items, TEMPERATURE, nothing, nothing)
    loss.backward()
    assert loss.item() == 0
    assert not users.grad.any()


def test_sampled_from_every_item_once_it_counts_the_target_beside_all_items() -> None:
    users, items = vectors(USERS, 0), vectors(ITEMS, 1)
    loss = sampled_softmax(users, items, TEMPERATURE, ROWS, COLUMNS, torch.arange(ITEMS))
    scores = users @ items.T / TEMPERATURE
    taken = scores[ROWS, COLUMNS]
    wanted = (torch.log(taken.exp() + scores.exp().sum(dim=1)[ROWS]) - taken).sum()
    torch.testing.assert_close(loss, wanted)


def test_drawn_items_stand_for_all() -> None:
    """The estimate of the sum over items is unbiased."""
    users, items = vectors(USERS, 0), vectors(ITEMS, 1)
    row, column = torch.tensor([2]), torch.tensor([3])
    total = (users @ items.T / TEMPERATURE).exp().sum(dim=1)[2].item()
    taken = (users[2] @ items[3] / TEMPERATURE).item()
    estimates = []
    for seed in range(2_000):
        drawn = torch.randint(ITEMS, (4,), generator=torch.Generator().manual_seed(seed))
        loss = sampled_softmax(users, items, TEMPERATURE, row, column, drawn).item()
        estimates.append(math.exp(loss + taken) - math.exp(taken))
    estimate = torch.tensor(estimates)
    error = (estimate.std() / len(estimates) ** 0.5).item()
    assert abs(estimate.mean().item() - total) < 4 * error


def test_many_items_are_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "ALL", ITEMS - 1)
    users, items = vectors(USERS, 0), vectors(ITEMS, 1)

    def loss(seed: int) -> torch.Tensor:
        random = torch.Generator().manual_seed(seed)
        return losses.softmax_loss(users, items, TEMPERATURE, ROWS, COLUMNS, random)

    assert loss(0).item() == loss(0).item() != loss(1).item()
