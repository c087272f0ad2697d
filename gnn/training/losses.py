"""Losses of the networks: softmax over a user's seen items against all others."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import softplus

ALL = 50_000
"""Up to this number of items, the softmax is over all of them."""
CELLS = 2**23
"""Largest number of scores in memory at a time."""
DRAWN = 2_048
"""Number of items drawn if there are more than `ALL`."""


def softmax_loss(
    users: Tensor,
    items: Tensor,
    temperature: float,
    rows: Tensor,
    columns: Tensor,
    random: torch.Generator,
) -> Tensor:
    """Sum over targets of -log softmax of the score, over all items or `DRAWN` uniform ones.

    Args:
        users: (batch, width) vectors of users.
        items: (m, width) vectors of items.
        temperature: divisor of the scores.
        rows: (targets) row of `users` of each target.
        columns: (targets) row of `items` of each target, the seen item.
        random: random generator of the draw.
    """
    if len(items) <= ALL:
        return full_softmax(users, items, temperature, rows, columns)
    drawn = torch.randint(len(items), (DRAWN,), generator=random).to(items.device)
    return sampled_softmax(users, items, temperature, rows, columns, drawn)


def full_softmax(
    users: Tensor, items: Tensor, temperature: float, rows: Tensor, columns: Tensor
) -> Tensor:
    """Sum over targets of -log softmax over all items (Liang et al. 2018, Mult-VAE, eq. 2).

    Scores are computed once and turned into their gradients in place, a few rows at a time to stay
    in the cache. This takes three dense products and one exponential. Arguments as in
    `softmax_loss`.
    """
    loss: Tensor = _FullSoftmax.apply(users, items, temperature, rows, columns)
    return loss


class _FullSoftmax(Function):
    @staticmethod
    def forward(
        ctx: Any, users: Tensor, items: Tensor, temperature: float, rows: Tensor, columns: Tensor
    ) -> Tensor:
        count = torch.bincount(rows, minlength=len(users)).to(users.dtype)[:, None]
        highest, of_users = users.new_empty(len(users), 1), torch.zeros_like(users)
        of_items = torch.zeros_like(items)
        total = users.new_empty(len(users), 1)
        step = max(1, CELLS // max(len(items), 1))
        for first in range(0, len(users), step):
            part = slice(first, first + step)
            scores = (users[part] @ items.T).div_(temperature)
            highest[part] = scores.amax(dim=1, keepdim=True)
            scores.sub_(highest[part]).exp_()
            total[part] = scores.sum(dim=1, keepdim=True)
            weight = count[part] / total[part]
            of_users[part] = (scores @ items) * weight
            of_items.addmm_(scores.T, users[part] * weight)
        own = (users[rows] * items[columns]).sum() / temperature
        of_users.index_add_(0, rows, items[columns], alpha=-1)
        of_items.index_add_(0, columns, users[rows], alpha=-1)
        ctx.save_for_backward(of_users.div_(temperature), of_items.div_(temperature))
        return (count * (total.log() + highest)).sum() - own

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        of_users, of_items = ctx.saved_tensors
        return of_users * gradient, of_items * gradient, None, None, None


def sampled_softmax(
    users: Tensor, items: Tensor, temperature: float, rows: Tensor, columns: Tensor, drawn: Tensor
) -> Tensor:
    """The softmax with the sum over items estimated from uniform draws (Jean et al. 2015).

    Each item in `drawn` represents m / len(drawn) items. Uniform draws need no correction by
    popularity, as negatives from the batch would. Other arguments as in `softmax_loss`.
    """
    others = (users @ items[drawn].T).div(temperature).logsumexp(dim=1)
    others = others + math.log(len(items) / len(drawn))
    own = (users[rows] * items[columns]).sum(dim=1) / temperature
    return softplus(others[rows] - own).sum()
