"""What networks are trained to do: tell a user's seen items from all others."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import softplus

ALL = 50_000
"""Items up to which the softmax goes over all of them."""
CELLS = 2**23
"""Scores that are held at a time."""
DRAWN = 2_048
"""Items that are drawn where there are more."""


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
        users: (batch, width).
        items: (m, width).
        temperature: by which scores are divided.
        rows: (targets) row of `users`.
        columns: (targets) the seen item.
        random: of the draw.
    """
    if len(items) <= ALL:
        return full_softmax(users, items, temperature, rows, columns)
    drawn = torch.randint(len(items), (DRAWN,), generator=random).to(items.device)
    return sampled_softmax(users, items, temperature, rows, columns, drawn)


def full_softmax(
    users: Tensor, items: Tensor, temperature: float, rows: Tensor, columns: Tensor
) -> Tensor:
    """Sum over targets of -log softmax over all items (Liang et al. 2018, Mult-VAE, eq. 2).

    Each score is made once and turned into its own gradient in place, a few rows at a time that
    stay in the cache: three dense products and one exponential.
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
    """The same with the sum over items estimated from uniform draws (Jean et al. 2015).

    Each of `drawn` stands for m / len(drawn) items; a uniform draw needs no correction by
    popularity, which negatives from the batch would.
    """
    others = (users @ items[drawn].T).div(temperature).logsumexp(dim=1)
    others = others + math.log(len(items) / len(drawn))
    own = (users[rows] * items[columns]).sum(dim=1) / temperature
    return softplus(others[rows] - own).sum()
