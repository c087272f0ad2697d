"""Training by several processes: `torchrun --nproc-per-node N …`.

Every process does the same steps with its share of each batch. Gradients are summed, so all have
the same network after each step. Only the first process writes files. In a single process these
functions do nothing and don't need torch.
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
    """The first of several processes failed while the others waited for it."""


@contextmanager
def joined() -> Iterator[None]:
    """Join the process group that `torchrun` started (gloo, or NCCL with GPUs)."""
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
    """The number of this process, from 0."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """The number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def of_first(compute: Callable[[], Result]) -> Result:
    """Compute in the first process, and return the result in all. Use it within `joined()`.

    Raises:
        FirstFailed: in the other processes, if `compute` raised in the first.
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
        except Exception as error:  # The others must not wait forever.
            failed, sent[1] = error, str(error) or type(error).__name__
    distributed.broadcast_object_list(sent, src=0, device=device())
    if failed is not None:
        raise failed
    if sent[1] is not None:
        raise FirstFailed(f"The first of {world()} processes failed: {sent[1]}")
    result: Result = sent[0]
    return result


def wait_for_all() -> None:
    """Wait until all processes have called this. Use it within `joined()`."""
    if world() == 1:
        return
    import torch

    from followsuit.gnn.training.device import device

    float(added_up(torch.zeros((), device=device())))  # NCCL waits when a number is read.


def add_up_gradients(parameters: Iterable["Parameter"]) -> None:
    """Sum each gradient over all processes, in one message."""
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
