"""The device that networks are trained on: a GPU if torch finds one, otherwise the CPU."""

import os

import torch


def device() -> torch.device:
    """The device of this process; with several GPUs, the one of its local rank (`torchrun`)."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
