"""Own taste as a factor: chosen on the past, fitted on what was known, friends where they help."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from support.cli_shop import AS_OF as SCORED
from support.commands import run_each
from support.worlds import end_of, snapshot_of

import followsuit.offers.taste as taste_module
from followsuit.gnn.dataset import Dataset
from followsuit.gnn.ease import DampedEase
from followsuit.gnn.from_snapshot import dataset
from followsuit.gnn.popularity import FriendsItems
from followsuit.graph.facts import Facts
from followsuit.loaders.simulator import World
from followsuit.offers.backtest import BacktestReport, backtest
from followsuit.offers.taste import BLEND, LINEAR, Recipe, Taste, choose_recipe

WORLD = World(
    customers=150, products=40, stores=4, friendships=700, purchases=2500, days=120,
    influence=1.0, homophily=1.0, seed=4,
)  # fmt: skip
AS_OF = end_of(WORLD) - timedelta(days=20)
WEEK = timedelta(days=7)
ALL = slice(None)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("world")
    return Facts(snapshot_of(WORLD, folder, assume_consent=True), interactions=False)


@pytest.fixture(scope="module")
def known(facts: Facts) -> Dataset:
    return dataset(facts, AS_OF)


def everything(taste: Taste, data: Dataset) -> np.ndarray:
    return taste.affinity(np.arange(len(data.users)), np.arange(len(data.items)), ALL, ALL)


def test_affinity_is_the_score_over_the_typical_customers_best(known: Dataset) -> None:
    model = DampedEase(l2=20).fit(known)
    active = np.flatnonzero(np.diff(known.taken.indptr))
    typical = model.score(active).max(axis=1).mean()
    scores = model.score(np.arange(len(known.users)))
    wanted = np.log1p(10 * np.maximum(scores, 0) / typical)
    np.testing.assert_allclose(everything(Taste(model), known), wanted, rtol=1e-4, atol=1e-6)


def test_some_customers_and_items_are_as_among_all_kept_or_not(
    known: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = DampedEase(l2=20).fit(known)
    whole = everything(Taste(model), known)
    customers, items = np.array([3, 90, 7, 15]), np.array([1, 8, 30])
    rows, columns = np.array([2, 0]), np.array([1, 2])
    for kept in (taste_module._KEPT, 0):
        monkeypatch.setattr(taste_module, "_KEPT", kept)
        taste = Taste(model)
        for _ in range(2):
            found = taste.affinity(customers, items, rows, columns)
            np.testing.assert_allclose(found, whole[[7, 3]][:, [8, 30]], atol=1e-6)
        others = taste.affinity(customers + 1, items, rows, columns)
        np.testing.assert_allclose(others, whole[[8, 4]][:, [8, 30]], atol=1e-6)


def test_where_nothing_is_known_affinity_is_zero(facts: Facts) -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    recipe = choose_recipe(facts, long_ago, affinity=BLEND)
    assert recipe == Recipe("ease_damped", DampedEase().settings())
    taste = recipe.fit(facts, long_ago)
    assert taste.model is None
    assert not everything(taste, dataset(facts, long_ago)).any()
    taste.save(facts.snapshot.folder / "nothing")
    assert not (facts.snapshot.folder / "nothing").exists()


def test_the_linear_recipe_is_chosen_and_fitted_on_what_was_known(
    facts: Facts, known: Dataset
) -> None:
    recipe = choose_recipe(facts, AS_OF, affinity=LINEAR)
    assert (recipe.name, recipe.note) == ("ease_damped", None)
    assert recipe.settings["l2"] in DampedEase.grid["l2"]
    model = DampedEase(**recipe.settings).fit(known)
    assert (everything(recipe.fit(facts, AS_OF), known) == everything(Taste(model), known)).all()
    assert recipe == Recipe(**json.loads(json.dumps(vars(recipe))))


def test_friends_take_part_only_where_they_were_found_to_help(facts: Facts) -> None:
    pytest.importorskip("torch")
    without = choose_recipe(facts, AS_OF, affinity=BLEND)
    assert without.name == "blend"
    assert set(without.settings["weights"]) <= {"ease_damped", "lightgcn"}
    with_them = choose_recipe(facts, AS_OF, affinity=BLEND, friends=True)
    assert set(with_them.settings["weights"]) & {"social", "friends"}


def test_a_kept_model_says_the_same_and_is_learned_again_where_it_is_elsewhere(
    facts: Facts, known: Dataset, tmp_path: Path
) -> None:
    recipe = Recipe("friends", FriendsItems(damp=0.25).settings())
    fitted = recipe.fit(facts, AS_OF)
    fitted.save(tmp_path / "taste")
    wanted = everything(fitted, known)
    for folder in (tmp_path / "taste", tmp_path / "elsewhere"):
        assert (everything(recipe.kept(facts, AS_OF, folder), known) == wanted).all()
    later = AS_OF + timedelta(days=15)
    found = recipe.kept(facts, later, tmp_path / "taste")
    assert found.model is not None
    assert found.model.data.taken.nnz == dataset(facts, later).taken.nnz > known.taken.nnz


class Fits:
    """A progress that counts how often EASE is fitted."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def __call__(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        self.count += name == "EASE"
        yield lambda units: None


def judged(facts: Facts, refit: int, fits: Fits) -> BacktestReport:
    start, end = end_of(WORLD) - 6 * WEEK, end_of(WORLD)
    return backtest(facts.snapshot, start, end, WEEK, WEEK, refit=refit, progress=fits)


def test_a_backtest_fits_taste_once_or_anew_after_every_so_many_moments(facts: Facts) -> None:
    reports, counts = [], []
    for refit in (0, 1, 2):
        fits = Fits()
        reports.append(judged(facts, refit, fits))
        counts.append(fits.count)
    moments = len(reports[0].moments)
    assert moments >= 4
    assert counts[1] - counts[0] == moments - 1
    assert counts[2] - counts[0] == -(-moments // 2) - 1
    figures = [report.figures["per_customer"]["ranking"] for report in reports]
    assert figures[0] != figures[1] != figures[2]
    assert reports[0].recipe == reports[1].recipe


WITHOUT_THE_EXTRA = """
import sys


class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "torch_geometric", "implicit"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NotInstalled())
from followsuit.cli import main
main()
"""
SIZES = "--customers 120 --products 30 --stores 3 --friendships 500 --purchases 1500 --days 150"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    done = run_each(
        [["simulate", "delivery", *SIZES.split(), "--influence", "0.9"], ["load", "delivery"]],
        folder,
    )
    assert [one.code for one in done] == [0, 0]
    return folder


def test_without_the_extra_score_uses_the_linear_model_and_says_so_in_one_line(
    shop: Path,
) -> None:
    score = ["score", "--as-of", SCORED, "--affinity", "blend", "--out", "plain.parquet"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA, *score],
        cwd=shop, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "gnn" in line]
    assert line.startswith("Own taste is by the linear model alone. The blend goes without its ")
    assert line.endswith("needs torch: pip install 'followsuit[gnn]'.")


@pytest.mark.long
def test_score_and_backtest_use_the_blend_and_explain_it(shop: Path) -> None:
    pytest.importorskip("torch")
    score = ["score", "--as-of", SCORED, "--affinity", "blend", "--out"]
    test = ["backtest", "--from", "2025-04-20", "--to", "2025-05-25", "--refit", "2"]
    first, again, judged = run_each(
        [[*score, "a.parquet"], [*score, "b.parquet"], [*test, "--affinity", "blend"]], shop
    )
    assert (first.code, again.code, judged.code) == (0, 0, 0), first.said + judged.said
    assert (shop / "a.parquet").read_bytes() == (shop / "b.parquet").read_bytes()
    run = next((shop / "followsuit.lbug.state" / "runs").glob("*/taste/model.json"))
    assert json.loads(run.read_text())["name"] == "blend"
    row = (
        "MATCH (c:Customer)-[r:RECOMMENDED]->(p:Product) RETURN c.customer_id AS customer, "
        "p.product_id AS item ORDER BY r.rank, customer LIMIT 1"
    )
    (found,) = run_each([["cypher", row, "--format", "json"]], shop)
    (offer,) = json.loads(found.out)
    (why,) = run_each([["why", offer["customer"], offer["item"], "--json"]], shop)
    assert "affinity" in json.loads(why.out)["factors"]
