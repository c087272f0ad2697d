"""Memory stays bounded, whatever the size of the file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import alone, measured
from support.loading import rows

from followsuit.testing.places import Place

MB = 2**20
UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that `ru_maxrss` counts in."""
LIMIT = 100 * MB
"""What a load is told to keep to for what has to see all rows at once."""
STORE = 512 * MB
"""What the store is told to keep to."""


def growth(place: Place, folder: Path) -> tuple[int, list[int]]:
    """Bytes that a process takes for a load, and what the load has read and loaded."""
    done = subprocess.run(
        [
            sys.executable,
            alone.__file__,
            sys.executable,
            measured.__file__,
            place.name,
            folder,
            str(LIMIT),
            str(STORE),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    before, *counted, peak = map(int, done.stdout.split())
    return (peak - before) * UNIT, counted


def deliver_customers(folder: Path, number: int, distinct: int) -> int:
    """Rows of some 500 bytes, the same customers coming again and again; the file's size."""
    folder.mkdir()
    about = [f"{i:06}" * 80 for i in range(97)]
    with (folder / "customers.csv").open("w") as file:
        file.write("customer_id,name\n")
        for start in range(0, number, 10_000):
            numbers = range(start, min(number, start + 10_000))
            file.writelines(f"c{i % distinct},{i} {about[i % 97]}\n" for i in numbers)
    return (folder / "customers.csv").stat().st_size


def test_a_file_larger_than_the_memory_limit_loads_within_it(tmp_path: Path) -> None:
    small, large = (Place(str(tmp_path / f"{name}.lbug")) for name in ("small", "large"))
    size = deliver_customers(tmp_path / "1", 200_000, 50_000)
    grown, counted = growth(small, tmp_path / "1")
    assert counted == [200_000, 50_000]
    assert size < LIMIT

    four_times = deliver_customers(tmp_path / "2", 800_000, 50_000)
    grown_for_large, counted = growth(large, tmp_path / "2")
    assert four_times > 3.5 * LIMIT
    assert counted == [800_000, 50_000]
    last = rows(large, "customers")[-1]
    assert (last["customer_id"], last["name"][:7]) == ("c9999", "759999 ")
    # The file has 300 MB more: memory does not follow it.
    assert grown_for_large - grown < 60 * MB
    # Besides the limit and the store's share: what is read ahead, and the batches on their way.
    assert grown_for_large < LIMIT + 0.6 * STORE + 150 * MB


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_a_file_larger_than_all_the_memory_that_followsuit_may_take_loads(
    embedded: Place, tmp_path: Path
) -> None:
    folder = tmp_path / "delivery"
    folder.mkdir()
    n, distinct = 15_000_000, 1_500_000
    with (folder / "purchases.csv").open("w") as file:
        file.write("purchase_id,customer_id,product_id,at,amount,channel\n")
        for start in range(0, n, 60_000):
            file.writelines(
                f"bill-number-{i % distinct:010},customer-{i * 7919 % 199_999:06},"
                f"product-{i % 9_973:05},2025-01-{i % 28 + 1:02}T10:{i % 60:02}:00Z,"
                f"{i % 977}.{i % 100:02},store\n"
                for i in range(start, start + 60_000)
            )
    assert (folder / "purchases.csv").stat().st_size > 2**30
    done = subprocess.run(
        [
            sys.executable,
            alone.__file__,
            sys.executable,
            "-m",
            "followsuit",
            "load",
            folder,
            "--store",
            embedded.name,
        ],
        cwd=tmp_path,
        env={**os.environ, "FOLLOWSUIT_MEMORY": "1GiB"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) * UNIT < 1.5 * 2**30
    with embedded.open() as store:
        totals = store.query(
            "MATCH ()-[r:PURCHASED]->() RETURN count(*) AS n, sum(r.amount) AS sum"
        )
    amounts = sum(i % 977 * 100 + i % 100 for i in range(n - distinct, n))
    assert totals.to_pylist() == [{"n": distinct, "sum": amounts}]
