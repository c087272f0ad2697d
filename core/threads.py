"""Linear algebra on one thread, so that results don't depend on the number of threads.

The result of a floating-point sum depends on how the sum is split, and BLAS splits it by thread.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Run BLAS and torch on one thread within a block or a decorated function.

    It doesn't limit libraries that are first imported inside the block.
    """
    with threadpool_limits(1, "blas"), _torch_on_one():
        yield


@contextmanager
def _torch_on_one() -> Iterator[None]:
    """Limit torch's own thread pool, which `threadpoolctl` doesn't control."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    import numba  # slow to import; installed wherever torch is

    numba.get_num_threads()  # starts numba's threads, which resets the number of torch's threads
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
