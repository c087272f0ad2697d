"""Linear algebra runs on one thread; afterwards the number of threads is restored."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg  # noqa: F401  (brings a BLAS of its own)
from threadpoolctl import threadpool_info, threadpool_limits

from followsuit.core.threads import one_thread


def of_blas() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_every_blas_runs_on_one_thread_only_within_the_block() -> None:
    with threadpool_limits(3, "blas"):
        before = of_blas()
        with one_thread():
            assert set(of_blas()) == {1}
        assert of_blas() == before
        assert set(before) == {3}


def test_a_failure_within_restores_the_number_of_threads() -> None:
    @one_thread()
    def fail() -> None:
        raise ValueError(of_blas())

    with threadpool_limits(2, "blas"):
        before = of_blas()
        with pytest.raises(ValueError, match=r"\[1"):
            fail()
        assert of_blas() == before


def test_torch_runs_on_one_thread_even_if_numba_starts_its_own() -> None:
    # In a process of its own, for numba starts its threads once, and sets those of torch by it.
    pytest.importorskip("torch")
    program = """
import numba, torch
from numba import njit, prange
from followsuit.core.threads import one_thread

@njit(parallel=True)
def doubled(x):
    for i in prange(len(x)):
        x[i] *= 2
    return x

torch.set_num_threads(2)
with one_thread():
    import numpy
    doubled(numpy.ones(8))
    print(torch.get_num_threads())
print(torch.get_num_threads())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "2"]


def test_a_product_has_the_same_bytes_whatever_the_number_of_threads() -> None:
    random = np.random.default_rng(0)
    left = random.standard_normal((300, 4_000)).astype(np.float32)
    right = random.standard_normal((4_000, 301)).astype(np.float32)
    products = set()
    for threads in (1, 2, 3):
        with threadpool_limits(threads, "blas"), one_thread():
            products.add((left @ right).tobytes())
    assert len(products) == 1
