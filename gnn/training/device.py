"""Where networks are trained: on the GPU that torch sees, otherwise on the processor."""

import os

import torch


def device() -> torch.device:
    """The one device of this process; of several GPUs that of its rank here (`torchrun`)."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
