"""Models of taste on real data: how well they rank, whether friends help, and newcomers.

    .venv/bin/python benchmarks/taste.py --data FOLDER [--only PART] [--of NAME] [--seeds 3]

`--data` names the folder of the splits `lastfm`, `douban_book` and `yelp`, and of `ciao` and
`foursquare_*`, which are loaded into a store and split in time. Parts:

- told: every model on every data set, beside published results; recall@20 / ndcg@20
- audit: the friend ablation on every data set
- cold: all interactions of a tenth of the customers are hidden; friends and attributes against
  popularity
- new: all interactions with a tenth of the products are hidden (Ciao and simulated shops);
  attributes against popularity
- worlds: the friend ablation on simulated shops with neither homophily nor influence, and with both

`--json FOLDER` saves the figures of each part and data set, and reuses those saved before.
`--plot FILE` draws the results of `told`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from measure import alone, say, table, verdict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

PARTS = ("told", "audit", "cold", "new", "worlds")
SPLITS = ("lastfm", "douban_book", "yelp")
IN_TIME = {
    "foursquare_sao_paulo": ("foursquare", "2013-08-01", "56d"),
    "foursquare_jakarta": ("foursquare", "2013-08-01", "56d"),
    "ciao": ("ciao", "2008-01-01", "90d"),
}
"""Mapping, --as-of and --horizon."""
PUBLISHED = {
    "lastfm": {"EASE": (0.273, 0.274), "GF-CF, untuned": (0.2446, 0.2461)},
    "douban_book": {
        "EASE": (0.2111, 0.2007),
        "GF-CF, untuned": (0.1622, 0.1391),
        "SEPT": (0.1592, 0.1382),
        "GBSR": (0.1694, 0.1523),
    },
    "yelp": {"EASE": (0.1201, 0.0743), "SEPT": (0.1176, 0.0682), "GBSR": (0.1243, 0.0724)},
}
AIM = {"lastfm": (0.285, 0.285), "douban_book": (0.230, 0.214), "yelp": (0.150, 0.095)}
SOCIAL = "GBSR"
"""The best published social network."""
OFF = 0.004
"""How far our EASE may be from the published one."""
SHOWN = ("recall@20", "ndcg@20")
SHOPS = {f"shop {seed}": seed for seed in range(3)}
"""Simulated, by their seeds."""
COLD, SEED = 0.1, 0
WORLDS = 20
DIALS = {"neither": 0.0, "both": 1.0}


def split_of(data: Path, name: str) -> Any:
    """A folder's split, or a data set with times as a store, split in time."""
    import followsuit
    from followsuit.gnn.data.interaction_folder import read_split

    if name in SPLITS:
        return read_split(data / name)
    if name in SHOPS:
        return simulated(SHOPS[name])
    mapping, as_of, horizon = IN_TIME[name]
    with (
        tempfile.TemporaryDirectory() as folder,
        followsuit.open(str(Path(folder) / "s.lbug")) as shop,
    ):
        shop.load(data / name, mapping, assume_consent=True)
        return shop.split(as_of, horizon)


def told(data: Path, name: str, seeds: int) -> dict[str, Any]:
    """`gnn evaluate`, all models."""
    from followsuit.cli.progress import show
    from followsuit.gnn.evaluation.evaluate import evaluate_models

    return evaluate_models(split_of(data, name), seeds=seeds, progress=show).as_dict()


def audited(data: Path, name: str, seeds: int) -> dict[str, Any]:
    """`gnn audit`."""
    from followsuit.cli.progress import show
    from followsuit.gnn.evaluation.friend_ablation import ablate_friends

    return ablate_friends(split_of(data, name), seeds=seeds, progress=show).as_dict()


def cold(data: Path, name: str, seeds: int) -> dict[str, Any]:  # noqa: ARG001
    """Predict the items of a tenth of the users, whose interactions are hidden."""
    import numpy as np
    from scipy import sparse

    from followsuit.cli.progress import show
    from followsuit.gnn.data.dataset import binary
    from followsuit.gnn.models.hetero import Hetero
    from followsuit.gnn.models.popularity import FriendsItems, Popularity

    split = split_of(data, name)
    taken = binary(split.masked + split.test)
    active = np.flatnonzero(np.diff(taken.indptr))
    random = np.random.default_rng(SEED)
    users = np.sort(random.choice(active, int(len(active) * COLD), replace=False))
    kept = np.ones(taken.shape[0])
    kept[users] = 0
    known = split.known.with_seen(binary(sparse.diags_array(kept) @ taken))
    models = {
        m.name: m.fit(known, progress=show)
        for m in (Popularity(), FriendsItems(prior=10), Hetero())
    }
    return _compared(
        {n: m.recommend(users, 20) for n, m in models.items()}, taken, users, "popularity"
    )


def new(data: Path, name: str, seeds: int) -> dict[str, Any]:  # noqa: ARG001
    """Predict interactions with a tenth of the items, whose interactions are hidden."""
    import numpy as np
    from scipy import sparse

    from followsuit.cli.progress import show
    from followsuit.core.ranking_metrics import top_n
    from followsuit.gnn.data.dataset import binary
    from followsuit.gnn.models.hetero import Hetero

    split = split_of(data, name)
    taken, matrix = binary(split.masked + split.test), split.known.item_attributes.matrix
    random = np.random.default_rng(SEED)
    m = taken.shape[1]
    items = np.sort(random.choice(m, int(m * COLD), replace=False))
    kept = np.ones(m)
    kept[items] = 0
    known = split.known.with_seen(binary(taken @ sparse.diags_array(kept)))
    wanted = binary(taken[:, items])
    both = (np.diff(wanted.indptr) > 0) & (np.diff(known.seen.indptr) > 0)
    users = np.flatnonzero(both)[:4_000]
    # The order of equal scores has no meaning.
    tie = random.random(len(items)).astype(np.float32) * 1e-6
    size = np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1)
    popular = matrix[items] @ ((matrix.T @ known.popularity) / size)
    own = (known.seen[users] @ matrix) @ matrix[items].T
    network = Hetero().fit(known, progress=show)
    scores = {
        "popularity of the category": np.tile(popular + tie, (len(users), 1)),
        "own share of the category": own.toarray() + tie,
        "hetero": network.score(users)[:, items] + tie,
    }
    lists = {n: top_n(np.ascontiguousarray(s, dtype=np.float32), 20) for n, s in scores.items()}
    return _compared(lists, wanted, users, "popularity of the category")


def _compared(lists: dict[str, Any], wanted: Any, users: Any, base: str) -> dict[str, Any]:
    """Figures with intervals, and by how much each leads the base, paired."""
    import numpy as np

    from followsuit.core.bootstrap import Resamples
    from followsuit.gnn.evaluation.evaluate import FIGURES, list_metrics

    at = [list(FIGURES).index(key) for key in SHOWN]
    values = {name: list_metrics(one, wanted, users)[:, at] for name, one in lists.items()}
    every = np.column_stack([*values.values(), *(v - values[base] for v in values.values())])
    found = iter(Resamples(len(users)).estimates(every))
    figures = {name: {key: next(found).as_dict() for key in SHOWN} for name in values}
    lead = {name: {key: next(found).as_dict() for key in SHOWN} for name in values}
    return {"users": len(users), "figures": figures, "lead": lead, "base": base}


def simulated(seed: int, dials: float = 0.5) -> Any:
    """A simulated shop's split; its last four weeks are the test part."""
    from support.worlds import view_of_world

    from followsuit.gnn.data.from_view import temporal_split
    from followsuit.simulator import World

    sizes = World(
        customers=2500,
        products=300,
        stores=8,
        friendships=10_000,
        purchases=15_000,
        days=90,
        homophily=dials,
        influence=dials,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        view = view_of_world(sizes, Path(folder), assume_consent=True).shared
        return temporal_split(view, view.as_of - timedelta(days=28))


def world(dials: float, seed: int) -> dict[str, Any]:
    """`gnn audit` of a simulated shop."""
    from followsuit.gnn.evaluation.friend_ablation import ablate_friends

    return ablate_friends(simulated(seed, dials)).as_dict()


def _cell(figure: dict[str, float]) -> str:
    return f"{figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


def show_told(found: dict[str, dict[str, Any]]) -> None:
    """The table of all data sets: means over seeds, then those of warm and cold users."""
    rows: list[list[str]] = []
    for name, report in found.items():
        for model, figures in report["models"].items():
            best = " *" if model == report["best"] else ""
            rows.append(
                [
                    name,
                    model + best,
                    *(_cell(figures[key]) for key in SHOWN),
                    f"{figures['coverage@20']['value']:.3f}",
                    f"{figures['seconds']:.0f}",
                ]
            )
        for model, (recall, ndcg) in PUBLISHED.get(name, {}).items():
            rows.append([name, f"published: {model}", f"{recall:.4f}", f"{ndcg:.4f}", "", ""])
    table(["data", "model (* best)", *SHOWN, "coverage", "seconds"], rows)
    for name, report in found.items():
        say(f"\n{name}: ndcg@20 of the best model ({report['best']}) less that of")
        for model, lead in report["lead"].items():
            say(f"  {model}: {_cell(lead)}")
        for group, models in report["groups"]["activity"].items():
            ndcg = [f"{m} {v['ndcg@20']['value']:.4f}" for m, v in models.items() if m != "users"]
            say(f"  {models['users']:,} users with {group} acts, ndcg@20: {', '.join(ndcg)}")
        _against_published(name, report)


def _against_published(name: str, report: dict[str, Any]) -> None:
    models = {n: [f[key]["value"] for key in SHOWN] for n, f in report["models"].items()}
    if name in AIM:
        met = all(ours >= aim for ours, aim in zip(models["blend"], AIM[name], strict=True))
        say(f"  blend at least {AIM[name]}: {verdict(met)}")
    rows = PUBLISHED.get(name, {})
    if "EASE" in rows:
        off = max(abs(a - b) for a, b in zip(models["ease"], rows["EASE"], strict=True))
        say(f"  EASE off the published by {off:.4f}, at most {OFF}: {verdict(off <= OFF)}")
    if SOCIAL in rows:
        networks = [models[n] for n in ("lightgcn", "social")]
        met = any(all(a > b for a, b in zip(n, rows[SOCIAL], strict=True)) for n in networks)
        say(f"  a network above {SOCIAL}: {verdict(met)}")


def draw_told(found: dict[str, dict[str, Any]], path: Path) -> None:
    """NDCG@20 of each model with its interval, a panel for each data set; published results too."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(found), 3.6), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for panel, (name, report) in zip(panels, found.items(), strict=True):
        models = list(report["models"])
        figures = [report["models"][model][SHOWN[1]] for model in models]
        values = [f["value"] for f in figures]
        apart = [
            [f["value"] - f["low"] for f in figures],
            [f["high"] - f["value"] for f in figures],
        ]
        colours = ["#d1781c" if model == "blend" else "#1f5fa8" for model in models]
        places = range(len(models))
        panel.errorbar(values, places, xerr=apart, fmt="none", ecolor=colours, elinewidth=2)
        panel.scatter(values, places, c=colours, zorder=3)
        panel.set_yticks(places, models)
        panel.invert_yaxis()
        for model, style in (("EASE", "--"), (SOCIAL, ":")):
            if model in PUBLISHED.get(name, {}):
                at = PUBLISHED[name][model][1]
                label = f"{model}, published"
                panel.axvline(at, color="#606060", linestyle=style, linewidth=1.2, label=label)
        panel.set_title(name.replace("_", " "), loc="left", fontsize=10)
        panel.set_xlabel("NDCG@20")
        panel.spines[["top", "right"]].set_visible(False)
    found_lines = (zip(*p.get_legend_handles_labels(), strict=True) for p in panels)
    lines = {label: line for panel in found_lines for line, label in panel}
    figure.legend(lines.values(), lines.keys(), loc="outside lower right", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)


def show_audits(found: dict[str, dict[str, Any]]) -> None:
    """A sentence each."""
    for name, report in found.items():
        say(f"{name}: {report['sentence']}")


def show_compared(found: dict[str, dict[str, Any]]) -> None:
    """Figures, and what they lead the base by."""
    rows = [
        [name, model, *(_cell(figures[k]) for k in SHOWN), _cell(report["lead"][model][SHOWN[1]])]
        for name, report in found.items()
        for model, figures in report["figures"].items()
    ]
    table(["data", "", *SHOWN, "ndcg@20 less the first"], rows)


def show_worlds(found: dict[str, dict[str, Any]]) -> None:
    """How often the gate opened."""
    for kind in DIALS:
        said = [r["friends_help"] for name, r in found.items() if name.startswith(kind)]
        share = 0.9 if kind == "both" else 0.1
        met = sum(said) >= share * len(said) if kind == "both" else sum(said) <= share * len(said)
        say(f"{kind}: friends help in {sum(said)} of {len(said)} worlds: {verdict(met)}")


WORK: dict[str, tuple[Callable[..., dict[str, Any]], Callable[..., None]]] = {
    "told": (told, show_told),
    "audit": (audited, show_audits),
    "cold": (cold, show_compared),
    "new": (new, show_compared),
}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (all by default)")
    parser.add_argument("--of", choices=(*SPLITS, *IN_TIME), action="append", help="this data set")
    parser.add_argument("--seeds", type=int, default=3, help="of what is random (default 3)")
    parser.add_argument("--worlds", type=int, default=WORLDS, help="simulated, of each kind")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the results of told here")
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="keep the figures here")
    options = parser.parse_args()
    for part in options.only or PARTS:
        say(f"\n{part}")
        if part == "worlds":
            jobs = {
                f"{kind} {seed}": partial(world, dials, seed)
                for kind, dials in DIALS.items()
                for seed in range(options.worlds)
            }
            show = show_worlds
        elif options.data is None:
            say("left out: it needs --data")
            continue
        else:
            names = ("ciao", *SHOPS) if part == "new" else options.of or (*SPLITS, *IN_TIME)
            work, show = WORK[part]
            jobs = {name: partial(work, options.data, name, options.seeds) for name in names}
        found = {name: _kept(options.json, f"{part} {name}", job) for name, job in jobs.items()}
        show(found)
        if part == "told" and options.plot:
            draw_told(found, options.plot)


def _kept(folder: Path | None, name: str, job: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A job's figures, of its own process; those that are there already are taken."""
    path = folder / f"{name.replace(' ', '-')}.json" if folder else None
    if path and path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    found = alone(job)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found))
    return found


if __name__ == "__main__":
    main()
