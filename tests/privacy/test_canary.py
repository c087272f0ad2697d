"""Nothing of a forgotten customer is left: each of their fields held a text found nowhere else."""

import csv
from pathlib import Path
from typing import Any

import neo4j_server
import pytest
from support.canary import CUSTOMER, PART, found, rows
from support.deliveries import write_csv
from support.forgetting import others
from support.servers import require_neo4j

import followsuit
from followsuit.api import Shop
from followsuit.core.times import instant
from followsuit.doctor import examine
from followsuit.gnn.evaluation.friend_ablation import ablate_friends
from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore
from followsuit.simulator import World, simulate
from followsuit.testing.places import Place

WORLD = World(
    customers=200,
    products=40,
    stores=4,
    friendships=700,
    purchases=2_500,
    days=120,
    influence=0.6,
    seed=3,
)
BEFORE, AS_OF, LATER = "2025-03-20", "2025-04-20", "2025-04-21"


def delivered(folder: Path) -> Path:
    """A simulated shop with the customer of the canary."""
    simulate(WORLD, folder)
    shop = {path.stem: _read(path) for path in folder.glob("*.csv")}
    friend = shop["friendships"][0]["customer_id"]
    ids = (
        shop[name][0][key]
        for name, key in [
            ("products", "product_id"),
            ("stores", "store_id"),
            ("offers", "offer_id"),
        ]
    )
    for name, added in rows(friend, *ids, day="2025-04-19T10:00:00Z").items():
        names = dict.fromkeys(key for row in [*shop[name], *added] for key in row)
        write_csv(folder / f"{name}.csv", [*shop[name], *added], list(names))
    return folder


def _read(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def compute(shop: Shop) -> None:
    """Make all that is derived from the shop's data."""
    shop.score(AS_OF, AS_OF, everyone=True)
    analysis = shop.influence(AS_OF)
    analysis.write(analysis.learn(), instant(AS_OF))
    split = shop.split(BEFORE)
    shop.apply_ablation(ablate_friends(split), BEFORE, AS_OF)
    shop.train(AS_OF, model="ease")
    shop.embed(AS_OF, AS_OF, model="ials")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_is_left_in_a_servers_files_after_the_offline_step(
    tmp_path: Path, few_days: None
) -> None:
    require_neo4j()
    data, state = tmp_path / "server", tmp_path / "state"
    data.mkdir()
    with neo4j_server.running(data, brief=True) as (uri, _):
        with followsuit.open(uri, state=state) as shop:
            shop.load(delivered(tmp_path / "shop"))
            compute(shop)
            before = others(shop.store, CUSTOMER)
            receipt = shop.forget([CUSTOMER])
            assert found(shop.store, [state]) == []
            rows = content(shop.store)
        assert forgotten_check(uri, state) == ("LEFT", False)
    assert holding(data) != []
    stop, go, command, start = receipt.step
    assert (stop, start) == ("neo4j stop", "neo4j start")
    folder = Path(go.removeprefix("cd "))
    neo4j_server.admin(data, *command.split()[1:], folder=folder)
    assert holding(data) == []
    with neo4j_server.running(data, brief=True) as (uri, _):
        with followsuit.open(uri, state=state) as shop:
            assert found(shop.store, [state]) == []
            assert others(shop.store) == before
            assert content(shop.store) == rows
        assert forgotten_check(uri, state) == ("ok", True)


def forgotten_check(uri: str, state: Path) -> tuple[str, bool]:
    """What `doctor` says of the files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOLLOWSUIT_STATE", str(state))
        check = next(each for each in examine(uri) if each.name == "forgotten")
    return check.label, check.sound


def holding(folder: Path) -> list[str]:
    """The names of the files that hold a part of one of the texts."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in paths if PART in path.read_bytes()]


def content(store: GraphStore) -> dict[Any, list[str]]:
    """All rows of the graph, whatever their order."""
    elements = [element for element in g.EVERYTHING if element is not g.META]
    return {element: sorted(map(repr, store.read(element).to_pylist())) for element in elements}


def test_nothing_of_a_forgotten_customer_is_left(
    embedded: Place, tmp_path: Path, few_days: None
) -> None:
    delivery = delivered(tmp_path / "shop")
    path = Path(embedded.name)
    folders = [path, path.with_name(f"{path.name}.state")]
    with followsuit.open(embedded.name) as shop:
        shop.load(delivery)
        compute(shop)
        places = found(shop.store, folders)
        assert {"customers.parquet", "decisions.parquet", "Customer", "store.lbug"} <= set(places)
        before = others(shop.store, CUSTOMER)
        receipt = shop.forget([CUSTOMER])
        assert found(shop.store, folders) == []
        assert (receipt.hits, receipt.raw) == (0, 1)
        assert others(shop.store) == before
        report = shop.load(delivery)
        assert found(shop.store, folders) == []
        assert others(shop.store) == before
        assert report.tables["customers"].rejected == 2
        shop.score(LATER, LATER, everyone=True)
        assert found(shop.store, folders) == []
