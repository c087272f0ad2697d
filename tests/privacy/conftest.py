"""A small shop that is loaded and scored once, and a copy of it for each test."""

import shutil
from pathlib import Path

import pytest
from support.deliveries import deliver
from support.forgetting import open_store
from support.shops import NOW, deliver_shop, offers
from support.snapshots import day

from followsuit.loaders.load import load
from followsuit.offers.replay import replay
from followsuit.offers.score import score


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the shop: `shop` is its delivery, `store.lbug` its store."""
    folder = tmp_path_factory.mktemp("scored")
    deliver_shop(folder / "shop", offers=offers())
    wrong = {"customer_id": "bob", "product_id": "tea", "at": "yesterday"}
    deliver(folder / "faulty", purchases=[wrong | {"at": day(18).isoformat()}, wrong])
    with pytest.MonkeyPatch.context() as patch, open_store(folder) as store:
        patch.setattr(replay, "TRAINING_DAYS", 1)
        patch.setattr(replay, "CALIBRATION_DAYS", 1)
        load(store, str(folder / "shop"))
        load(store, str(folder / "faulty"))
        score(store, NOW, NOW, affinity="linear")
    return folder


@pytest.fixture
def desk(scored: Path, tmp_path: Path) -> Path:
    """A copy of the folder."""
    shutil.copytree(scored, tmp_path / "desk", symlinks=True)
    return tmp_path / "desk"
