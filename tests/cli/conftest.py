"""A small shop, simulated, loaded and scored once, by commands."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli_shop import AS_OF, Shop
from support.commands import FEW_DAYS, run


@pytest.fixture(scope="module", autouse=True)
def _few_days() -> Iterator[None]:
    """Commands that are forked learn from few days: none of these tests depends on them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FEW_DAYS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop, for tests that only read it: at the end its store must be what it was."""
    folder = tmp_path_factory.mktemp("shop")
    sizes = "--customers 200 --products 40 --stores 6 --friendships 900 --purchases 3000 --days 150"
    dials = "--homophily 0.6 --influence 0.9 --shock 0.2 --dirt 0.4 --seed 3 --truth truth"
    made = Shop(
        folder,
        run("simulate", "delivery", *sizes.split(), *dials.split(), folder=folder),
        run("load", "delivery", "--json", "load.json", folder=folder),
        run(
            "score",
            "--as-of",
            AS_OF,
            "--out",
            "offers.parquet",
            "--json",
            "score.json",
            folder=folder,
            environment=FEW_DAYS,
        ),
    )
    before = _digest(made)
    yield made
    assert _digest(made) == before, "a test wrote to the shop that all share: it needs `own_shop`"


def _digest(shop: Shop) -> str:
    """The digest of the store's file."""
    with (shop.folder / "followsuit.lbug").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture
def own_shop(shop: Shop, tmp_path: Path) -> Shop:
    """A copy of the shop, for tests that change it."""
    shutil.copytree(shop.folder, tmp_path / "own")
    return Shop(tmp_path / "own", shop.simulated, shop.loaded, shop.scored)
