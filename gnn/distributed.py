"""Training by several processes: `torchrun --nproc-per-node N …`.

Every process goes through the same steps with its share of each batch; gradients are added up, so
that all hold the same network after each. Nothing here does anything in a single process.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed
from torch.nn import Parameter


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the processes that `torchrun` has started (gloo; NCCL where there are GPUs)."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
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


def add_up_gradients(parameters: Iterable[Parameter]) -> None:
    """Make each gradient the sum of those of all processes, in one message."""
    if world() == 1:
        return
    parameters = list(parameters)
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    distributed.all_reduce(flat)
    at = 0
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = flat[at : at + gradient.numel()].view_as(gradient)
        at += gradient.numel()


def added_up(value: Tensor) -> Tensor:
    """The sum of a number over all processes."""
    if world() > 1:
        distributed.all_reduce(value)
    return value
