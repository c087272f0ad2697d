"""Where networks are trained: on the GPU that torch sees, otherwise on the processor."""

import torch


def device() -> torch.device:
    """The one device of this process; of several GPUs that of its rank (`torchrun`)."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    from followsuit.gnn.distributed import rank

    return torch.device("cuda", rank() % torch.cuda.device_count())
