"""Training by several processes: `torchrun --nproc-per-node N …`.

Every process goes through the same steps with its share of each batch; gradients are added up, so
that all hold the same network after each. The first one alone writes files. Nothing here does
anything in a single process, nor needs torch there.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from followsuit.core.errors import FollowsuitError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

Result = TypeVar("Result")


class FirstFailed(FollowsuitError):
    """The first process has failed in what the others wait for."""


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the processes that `torchrun` has started (gloo; NCCL where there are GPUs)."""
    if world() == 1:
        yield
        return
    import torch
    from torch import distributed

    if distributed.is_initialized():
        yield
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Which process this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def of_first(compute: Callable[[], Result]) -> Result:
    """The result of the first process, for all; the others wait for it. Within `joined()`.

    Raises:
        FirstFailed: in the others, where `compute` has raised in the first.
    """
    if world() == 1:
        return compute()
    from torch import distributed

    from followsuit.gnn.training.device import device

    sent: list[Any] = [None, None]
    failed = None
    if rank() == 0:
        try:
            sent[0] = compute()
        except Exception as error:  # the others must not wait forever
            failed, sent[1] = error, str(error) or type(error).__name__
    distributed.broadcast_object_list(sent, src=0, device=device())
    if failed is not None:
        raise failed
    if sent[1] is not None:
        raise FirstFailed(f"The first of {world()} processes has failed: {sent[1]}")
    result: Result = sent[0]
    return result


def wait_for_all() -> None:
    """Go on when all processes have come here. Within `joined()`."""
    if world() == 1:
        return
    import torch

    from followsuit.gnn.training.device import device

    float(added_up(torch.zeros((), device=device())))  # NCCL waits where a number is read


def add_up_gradients(parameters: Iterable["Parameter"]) -> None:
    """Make each gradient the sum of those of all processes, in one message."""
    if world() == 1:
        return
    import torch
    from torch import distributed

    parameters = list(parameters)
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    distributed.all_reduce(flat)
    at = 0
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = flat[at : at + gradient.numel()].view_as(gradient)
        at += gradient.numel()


def added_up(value: "Tensor") -> "Tensor":
    """The sum of a number over all processes."""
    if world() > 1:
        from torch import distributed

        distributed.all_reduce(value)
    return value
