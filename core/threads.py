"""Linear algebra on one thread: what is computed does not depend on how many there are.

A sum of rounded numbers depends on how it is split, and BLAS splits one for each of its threads.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS and torch run on one thread, and afterwards on as many as before.

    Around a block, or as a decorator of a function. It can't limit what is imported inside.
    """
    with threadpool_limits(1, "blas"), _torch_on_one():
        yield


@contextmanager
def _torch_on_one() -> Iterator[None]:
    """Torch has its own thread pool, which `threadpoolctl` does not control."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    import numba  # slow to import; installed wherever torch is

    numba.get_num_threads()  # starts them; done later, that would set the number of torch's again
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
